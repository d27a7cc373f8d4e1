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

from calcore_caldav.core.parameters import (
    CONTROL,
    Params,
    decode_caret,
    encode_caret,
    end_of_params,
    read_params,
    write_params,
)
from calcore_caldav.errors import InvalidCalendarData

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_UNESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_VALUES: Final = re.compile(r"(?:[^,\\]|\\.)*(?:\\$)?", re.DOTALL)
_NAMES: Final[dict[str, str]] = {
    name: name
    for name in [
        "ACTION",
        "ATTACH",
        "ATTENDEE",
        "CALSCALE",
        "CATEGORIES",
        "CLASS",
        "COMMENT",
        "COMPLETED",
        "CONTACT",
        "CREATED",
        "DESCRIPTION",
        "DTEND",
        "DTSTAMP",
        "DTSTART",
        "DUE",
        "DURATION",
        "EXDATE",
        "FREEBUSY",
        "GEO",
        "LAST-MODIFIED",
        "LOCATION",
        "METHOD",
        "ORGANIZER",
        "PERCENT-COMPLETE",
        "PRIORITY",
        "PRODID",
        "RDATE",
        "RECURRENCE-ID",
        "RELATED-TO",
        "REPEAT",
        "REQUEST-STATUS",
        "RESOURCES",
        "RRULE",
        "SEQUENCE",
        "STATUS",
        "SUMMARY",
        "TRANSP",
        "TRIGGER",
        "TZID",
        "TZNAME",
        "TZOFFSETFROM",
        "TZOFFSETTO",
        "TZURL",
        "UID",
        "URL",
        "VERSION",
    ]
}
"""Property names as written and in upper case: those of RFC 5545, and further ones as they are met (bounded)."""


class Property:
    """One content line: name, parameters, value as written (RFC 5545 §3.1)."""

    __slots__ = ("_params", "_raw", "name", "value")

    name: str
    """Upper case."""
    value: str
    """As on the wire: TEXT is still escaped; see `text`."""

    def __init__(self, name: str, value: str, params: Params | str = (), *, raw: str | None = None) -> None:
        self.name = name
        self.value = value
        self._params = params
        self._raw = raw

    @classmethod
    def parse(cls, line: str, raw: str | None = None) -> Property:
        """The property of one unfolded line; `raw` is the folded text that it was read from."""
        colon = line.find(":")
        name = _NAMES.get(line[:colon]) or _NAMES.get(line[: line.find(";")])
        size = 0 if name is None else len(name)
        if name is None or line[size : size + 1] not in {":", ";"}:
            match = _NAME.match(line)
            if match is None:
                raise InvalidCalendarData(f"not a content line: {line[:80]!r}")
            size, name = match.end(), match.group().upper()
            if len(_NAMES) < 1000:
                _NAMES[match.group()] = name
        if raw is None:
            raw = line
        if colon == size:
            return cls(name, line[size + 1 :], raw=raw)
        if line[size : size + 1] != ";":
            raise InvalidCalendarData(f"not a content line: {line[:80]!r}")
        end = end_of_params(line, size)
        if end == 0:
            raise InvalidCalendarData(f"not a content line: {line[:80]!r}")
        return cls(name, line[end:], line[size : end - 1], raw=raw)

    @property
    def params(self) -> Params:
        """All parameters in the order they were written; RFC 6868 escapes are still in the values."""
        if isinstance(self._params, str):
            self._params = read_params(self._params)
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
        kept = [param for param in self.params if param[0] not in names]
        return self if len(kept) == len(self.params) else Property(self.name, self.value, tuple(kept))

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
            return unfold(self._raw)
        return f"{self.name}{write_params(self.params)}:{self.value}"

    def folded(self) -> str:
        """The line as it goes on the wire, without its line end: as read, or folded."""
        if self._raw is None:
            # Kept: most properties go into several objects.
            self._raw = fold(str(self))
        return self._raw

    def __eq__(self, other: object) -> bool:
        """Equal name, parameters (in order) and value; folding does not count."""
        if not isinstance(other, Property):
            return NotImplemented
        return (
            self.name == other.name
            and self.value == other.value
            and (self._params == other._params or self.params == other.params)
        )

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
            self.name, [new for p in self.properties if (new := change(p)) is not None], self.children
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


def _write(component: Component, lines: list[str]) -> None:
    lines.append("BEGIN:" + component.name)
    lines.extend([p.folded() for p in component.properties])
    for child in component.children:
        _write(child, lines)
    lines.append("END:" + component.name)


def once(change: Callable[[Property], Property | None]) -> Callable[[Property], Property | None]:
    """`change`, which makes the same of a property wherever it stands: done once for all components it is in."""
    known: dict[int, tuple[Property, Property | None]] = {}

    def changed(prop: Property) -> Property | None:
        # By identity, since equal properties may be folded differently; the key stays alive in the value.
        found = known.get(id(prop))
        if found is None:
            found = known[id(prop)] = prop, change(prop)
        return found[1]

    return changed


def fold(line: str) -> str:
    """Folded after 74 octets as Apple does, never inside a character (RFC 5545 §3.1 allows 75)."""
    if len(line) <= 74 and (line.isascii() or len(line.encode()) <= 74):
        return line
    octets = line.encode()
    pieces: list[str] = []
    position, limit = 0, 74
    while position < len(octets):
        end = min(position + limit, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[position:end].decode())
        position, limit = end, 73
    return "\r\n ".join(pieces)


def unfold(text: str) -> str:
    """The lines of `text`, each as one (RFC 5545 §3.1)."""
    return _FOLD.sub("", text)


def escape_text(text: str) -> str:
    """`text` as a TEXT value (RFC 5545 §3.3.11); control characters, which it can't hold, are left out."""
    return CONTROL.sub(
        "",
        text.replace("\\", "\\\\")
        .replace(";", "\\;")
        .replace(",", "\\,")
        .replace("\r\n", "\\n")
        .replace("\n", "\\n")
        .replace("\r", "\\n"),
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
    values, position = [], 0
    while (match := _VALUES.match(value, position)) is not None:
        values.append(match.group())
        position = match.end() + 1
        if position > len(value):
            break
    return values
