# SPDX-License-Identifier: GPL-3.0-or-later
"""Content lines and components as immutable values (RFC 5545 §3.1, §3.6).

A `Property` that was read keeps the text it was read from, so that an edited object differs from the
original in the edited lines only. A `Component` shares all it did not change with the one it came from:
there is nothing to copy, and parsed objects can be cached and shared between threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from calcore_caldav.errors import InvalidCalendarData

Params = tuple[tuple[str, tuple[str, ...]], ...]
"""Parameters in order: (NAME, values), values without their quotes (RFC 5545 §3.2)."""

_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_PARAM: Final = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)')
_PARAM_VALUE: Final = re.compile(r'(?:^|,)(?:"([^"]*)"|([^,"]*))')
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_UNESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEEDS_QUOTES: Final = re.compile(r"[:;,]")
_MAX_DEPTH: Final = 10


class Property:
    """One content line: name, parameters, value as written (RFC 5545 §3.1)."""

    __slots__ = ("_params", "_raw", "name", "value")

    name: str
    """Upper case."""
    value: str
    """As on the wire: TEXT is still escaped; see `text`."""

    def __init__(self, name: str, value: str, params: Params = (), *, raw: str | None = None) -> None:
        self.name = name
        self.value = value
        self._params: Params | str = params
        self._raw = raw

    @classmethod
    def parse(cls, line: str, raw: str | None = None) -> Property:
        """The property of one unfolded line; `raw` is the folded text that it was read from."""
        match = _NAME.match(line)
        if match is None:
            raise InvalidCalendarData(f"not a content line: {line[:80]!r}")
        name, rest = match.group().upper(), line[match.end() :]
        if rest.startswith(":"):
            return cls(name, rest[1:], raw=raw if raw is not None else line)
        position = 0
        while param := _PARAM.match(rest, position):
            position = param.end()
        if position == len(rest) or rest[position] != ":":
            raise InvalidCalendarData(f"not a content line: {line[:80]!r}")
        made = cls(name, rest[position + 1 :], raw=raw if raw is not None else line)
        made._params = rest[:position]
        return made

    @property
    def params(self) -> Params:
        """All parameters in the order they were written."""
        if isinstance(self._params, str):
            self._params = tuple(
                (
                    m.group(1).upper(),
                    tuple(v.group(1) or v.group(2) or "" for v in _PARAM_VALUE.finditer(m.group(2)))
                    if '"' in m.group(2)
                    else tuple(m.group(2).split(",")),
                )
                for m in _PARAM.finditer(self._params)
            )
        return self._params

    def param(self, name: str) -> str | None:
        """The first value of a parameter (`name` in upper case), or None."""
        if not self._params:
            return None
        for key, values in self.params:
            if key == name:
                return decode_caret(values[0]) if values else ""
        return None

    def with_param(self, name: str, *values: str) -> Property:
        """This property with a parameter set (in its old place, or last); without values: removed."""
        new = (name, tuple(encode_caret(v) for v in values))
        kept: list[tuple[str, tuple[str, ...]]] = []
        for param in self.params:
            if param[0] != name:
                kept.append(param)
            elif values and new not in kept:
                kept.append(new)
        if values and new not in kept:
            kept.append(new)
        return Property(self.name, self.value, tuple(kept))

    def without_params(self, *names: str) -> Property:
        """This property without some parameters; itself where it has none of them."""
        if not any(key in names for key, _ in self.params):
            return self
        return Property(self.name, self.value, tuple(p for p in self.params if p[0] not in names))

    def with_value(self, value: str) -> Property:
        """This property with another (escaped) value."""
        return Property(self.name, value, self.params)

    @property
    def text(self) -> str:
        """The value as TEXT, unescaped (RFC 5545 §3.3.11)."""
        return unescape_text(self.value)

    def __str__(self) -> str:
        """The unfolded content line."""
        if self._raw is not None:
            return _FOLD.sub("", self._raw)
        params = "".join(
            f";{name}=" + ",".join(f'"{v}"' if _NEEDS_QUOTES.search(v) else v for v in values)
            for name, values in self.params
        )
        return f"{self.name}{params}:{self.value}"

    def folded(self) -> str:
        """The line as it goes on the wire, without its line end: as read, or folded at 75 octets."""
        return self._raw if self._raw is not None else fold(str(self))

    def __eq__(self, other: object) -> bool:
        """Equal name, parameters (in order) and value; folding does not count."""
        if not isinstance(other, Property):
            return NotImplemented
        return self.name == other.name and self.value == other.value and self.params == other.params

    def __hash__(self) -> int:
        return hash((self.name, self.value))

    def __repr__(self) -> str:
        return f"Property({str(self)!r})"


class Component:
    """A component: name, properties and sub-components in order (RFC 5545 §3.6). Never mutated."""

    __slots__ = ("children", "name", "properties")

    def __init__(
        self, name: str, properties: Iterable[Property] = (), children: Iterable[Component] = ()
    ) -> None:
        self.name: str = name
        self.properties: tuple[Property, ...] = tuple(properties)
        self.children: tuple[Component, ...] = tuple(children)

    def get(self, name: str) -> Property | None:
        """The first property of that name (upper case), or None."""
        for prop in self.properties:
            if prop.name == name:
                return prop
        return None

    def all(self, name: str) -> tuple[Property, ...]:
        """Every property of that name, in order."""
        return tuple(p for p in self.properties if p.name == name)

    def value(self, name: str) -> str | None:
        """The wire value of the first property of that name, or None."""
        prop = self.get(name)
        return None if prop is None else prop.value

    def text(self, name: str) -> str | None:
        """The unescaped TEXT of the first property of that name, or None."""
        prop = self.get(name)
        return None if prop is None else prop.text

    def named(self, *names: str) -> tuple[Component, ...]:
        """The direct sub-components of those names."""
        return tuple(c for c in self.children if c.name in names)

    def with_property(self, prop: Property) -> Component:
        """With `prop` instead of all properties of its name (in the first one's place, or last)."""
        return self.with_all(prop.name, (prop,))

    def with_all(self, name: str, props: Iterable[Property]) -> Component:
        """With `props` instead of all properties called `name`, in the first one's place, or last."""
        new = tuple(props)
        kept: list[Property] = []
        placed = False
        for prop in self.properties:
            if prop.name != name:
                kept.append(prop)
            elif not placed:
                placed = True
                kept.extend(new)
        if not placed:
            kept.extend(new)
        return Component(self.name, kept, self.children)

    def set(self, name: str, value: str, *params: tuple[str, str]) -> Component:
        """With one property `name` of that wire value and those parameters."""
        return self.with_property(Property(name, value, tuple((k, (v,)) for k, v in params)))

    def adding(self, *props: Property) -> Component:
        """With further properties at the end."""
        return Component(self.name, (*self.properties, *props), self.children)

    def without(self, *names: str) -> Component:
        """Without the properties of those names."""
        return Component(self.name, (p for p in self.properties if p.name not in names), self.children)

    def map(self, change: Callable[[Property], Property | None]) -> Component:
        """With each property replaced by `change(property)`; None drops it."""
        return Component(
            self.name, (new for p in self.properties if (new := change(p)) is not None), self.children
        )

    def with_children(self, children: Iterable[Component]) -> Component:
        """With other sub-components."""
        return Component(self.name, self.properties, children)

    def walk(self) -> Iterator[Component]:
        """This component and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_bytes(self) -> bytes:
        """The component as iCalendar text: CRLF, lines that were read as they were read."""
        lines: list[str] = []
        _write(self, lines)
        return "\r\n".join([*lines, ""]).encode()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Component):
            return NotImplemented
        return (
            self.name == other.name
            and self.properties == other.properties
            and self.children == other.children
        )

    def __hash__(self) -> int:
        return hash((self.name, self.properties, self.children))

    def __repr__(self) -> str:
        return f"<{self.name} {len(self.properties)} properties, {len(self.children)} children>"


def parse(body: bytes) -> Component:
    """The one component that `body` holds.

    Tolerates a byte order mark, bare LF line ends and blank lines. Raises InvalidCalendarData, naming the
    line, for anything else that RFC 5545 §3.1, §3.6 do not allow.
    """
    try:
        source = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidCalendarData(f"line {line}: not UTF-8") from None
    root: Component | None = None
    stack: list[tuple[str, list[Property], list[Component]]] = []
    for number, raw in _logical_lines(source):
        line = _FOLD.sub("", raw) if "\n" in raw else raw
        if _CONTROL.search(line):
            raise InvalidCalendarData(f"line {number}: a control character")
        if root is not None:
            raise InvalidCalendarData(f"line {number}: text after the end of the calendar")
        head = line[:6].upper()
        if head == "BEGIN:":
            if len(stack) == _MAX_DEPTH:
                raise InvalidCalendarData(f"line {number}: components nested more than {_MAX_DEPTH} deep")
            stack.append((line[6:].strip().upper(), [], []))
        elif head[:4] == "END:":
            name = line[4:].strip().upper()
            if not stack or stack[-1][0] != name:
                raise InvalidCalendarData(f"line {number}: END:{name} without its BEGIN")
            _, properties, children = stack.pop()
            component = Component(name, properties, children)
            if stack:
                stack[-1][2].append(component)
            else:
                root = component
        elif not stack:
            raise InvalidCalendarData(f"line {number}: text before BEGIN")
        else:
            try:
                stack[-1][1].append(Property.parse(line, raw))
            except InvalidCalendarData as error:
                raise InvalidCalendarData(f"line {number}: {error.detail}") from None
    if stack:
        raise InvalidCalendarData(f"{stack[-1][0]} has no END")
    if root is None:
        raise InvalidCalendarData("the data is empty")
    return root


def _logical_lines(source: str) -> Iterator[tuple[int, str]]:
    """(number of the first physical line, folded text without line end) for every non-blank line."""
    pending, start = "", 0
    for number, physical in enumerate(source.split("\n"), 1):
        line = physical.removesuffix("\r")
        if line[:1] in {" ", "\t"} and pending:
            pending += "\r\n" + line
            continue
        if pending:
            yield start, pending
        pending, start = (line, number) if line.strip() else ("", number)
    if pending:
        yield start, pending


def _write(component: Component, lines: list[str]) -> None:
    lines.append("BEGIN:" + component.name)
    lines.extend(p.folded() for p in component.properties)
    for child in component.children:
        _write(child, lines)
    lines.append("END:" + component.name)


def fold(line: str) -> str:
    """Folded so that no physical line is longer than 75 octets, never inside a character (RFC 5545 §3.1)."""
    if len(line) <= 75 and (line.isascii() or len(line.encode()) <= 75):
        return line
    pieces: list[str] = []
    piece, size, limit = "", 0, 75
    for char in line:
        width = len(char.encode())
        if size + width > limit:
            pieces.append(piece)
            piece, size, limit = "", 0, 74
        piece += char
        size += width
    return "\r\n ".join([*pieces, piece])


def escape_text(text: str) -> str:
    """`text` as a TEXT value (RFC 5545 §3.3.11)."""
    return (
        text.replace("\\", "\\\\")
        .replace(";", "\\;")
        .replace(",", "\\,")
        .replace("\r\n", "\\n")
        .replace("\n", "\\n")
    )


def unescape_text(value: str) -> str:
    """The text of a TEXT value (RFC 5545 §3.3.11)."""
    if "\\" not in value:
        return value
    return _UNESCAPE.sub(lambda m: "\n" if m.group(1) in "nN" else m.group(1), value)


def split_values(value: str) -> list[str]:
    """The comma-separated values of a multi-valued property, each still escaped (RFC 5545 §3.1.1)."""
    if "\\" not in value:
        return value.split(",")
    return re.split(r"(?<!\\),", value)


def encode_caret(value: str) -> str:
    """`value` made fit for a parameter (RFC 6868)."""
    if not ("^" in value or '"' in value or "\n" in value):
        return value
    return value.replace("^", "^^").replace('"', "^'").replace("\r\n", "^n").replace("\n", "^n")


def decode_caret(value: str) -> str:
    """A parameter value without its RFC 6868 escapes."""
    if "^" not in value:
        return value
    return re.sub(r"\^([n'^])", lambda m: {"n": "\n", "'": '"', "^": "^"}[m.group(1)], value)
