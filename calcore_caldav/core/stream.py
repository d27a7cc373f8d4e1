# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading iCalendar streams (RFC 5545 §3.1, §3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from calcore_caldav.core.content import Component, Property, fold, unfold
from calcore_caldav.errors import InvalidCalendarData

_FOLD_BYTES: Final = re.compile(rb"\r?\n[ \t]")
_LINE_END: Final = re.compile(r"\n(?![ \t])")
_MAX_DEPTH: Final = 10


def parse(body: bytes) -> Component:
    """The one component that `body` holds.

    Tolerates a byte order mark, bare LF line ends, blank lines, lines folded inside a character, control
    characters but NUL, and parameters against the grammar (the text stays as it is). Raises
    InvalidCalendarData, naming the line, for anything else that RFC 5545 §3.1, §3.6 do not allow.
    """
    source, unfolded = decode(body)
    if (nul := source.find("\0")) >= 0:
        raise InvalidCalendarData(f"line {source.count(chr(10), 0, nul) + 1}: a NUL character")
    root: Component | None = None
    stack: list[tuple[str, list[Property], list[Component]]] = []
    properties: list[Property] = []
    for number, line, raw in _logical_lines(source, unfolded=unfolded):
        if root is not None or (not stack and line[:6].upper() != "BEGIN:"):
            where = "before BEGIN" if root is None else "after the end of the calendar"
            raise InvalidCalendarData(f"line {number}: text {where}")
        if line[:6].upper() == "BEGIN:":
            if len(stack) == _MAX_DEPTH:
                raise InvalidCalendarData(f"line {number}: components nested more than {_MAX_DEPTH} deep")
            properties = []
            stack.append((line[6:].strip().upper(), properties, []))
        elif line[:4].upper() == "END:":
            name, properties, children = stack.pop()
            if line[4:].strip().upper() != name:
                raise InvalidCalendarData(f"line {number}: {line[:40]!r} where END:{name[:40]} is due")
            component = Component(name, properties, children)
            if stack:
                properties = stack[-1][1]
                stack[-1][2].append(component)
            else:
                root = component
        else:
            try:
                properties.append(Property.parse(line, raw))
            except InvalidCalendarData as error:
                raise InvalidCalendarData(f"line {number}: {error.detail}") from None
    if stack:
        raise InvalidCalendarData(f"{stack[-1][0]} has no END")
    if root is None:
        raise InvalidCalendarData("the data is empty")
    return root


def _logical_lines(source: str, *, unfolded: bool) -> Iterator[tuple[int, str, str]]:
    """(number of the first physical line, unfolded line, folded text) of every line that is not blank."""
    number = 1
    for physical in _LINE_END.split(source.replace("\r\n", "\n").rstrip()):
        if "\n" in physical:
            raw = physical.replace("\n", "\r\n")
            line = unfold(raw)
            if line and not line.isspace():
                yield number, line, raw
            number += physical.count("\n")
        elif physical and not physical.isspace():
            yield number, physical, fold(physical) if unfolded else physical
        number += 1


def decode(body: bytes) -> tuple[str, bool]:
    """The text without a byte order mark, and whether lines had to be unfolded: some fold inside a character.

    Raises InvalidCalendarData where it isn't UTF-8 even so.
    """
    try:
        return body.decode("utf-8-sig"), False
    except UnicodeDecodeError as error:
        try:
            return _FOLD_BYTES.sub(b"", body).decode("utf-8-sig"), True
        except UnicodeDecodeError:
            line = body.count(b"\n", 0, error.start) + 1
            raise InvalidCalendarData(f"line {line}: not UTF-8") from None
