# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters of content lines: read, written, with their escapes (RFC 5545 §3.2, RFC 6868)."""

from __future__ import annotations

import re
from typing import Final

Params = tuple[tuple[str, tuple[str, ...]], ...]
"""Parameters in order: (NAME, values), values without their quotes (RFC 5545 §3.2)."""

_PARAM_TEXT: Final = r'(?:"[^"]*+"|[^";:,]*+)'
_PARAMS: Final = re.compile(rf"(?:;[A-Za-z0-9_.-]++={_PARAM_TEXT}(?:,{_PARAM_TEXT})*+)*+:")
_PARAM: Final = re.compile(rf";([A-Za-z0-9_.-]+)=({_PARAM_TEXT}(?:,{_PARAM_TEXT})*+)")
_PARAM_VALUE: Final = re.compile(r'(?:^|,)(?:"([^"]*)"|([^,"]*))')
# What clients write against the grammar: quotes inside a value, parameters without a value.
_LOOSE_PARAMS: Final = re.compile(r'(?:"[^"]*+"|[^":])*+:')
_LOOSE_PARAM: Final = re.compile(r';((?:"[^"]*"|[^;])*+)')
_NEEDS_QUOTES: Final = re.compile(r"[:;,]")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no value may hold: CONTROL of RFC 5545 §3.1, but for line ends."""


def end_of_params(line: str, start: int) -> int:
    """Where the value of a content line begins, whose parameters begin at `start`; 0: it has no colon.

    What is against the grammar is tolerated: the text is kept as it is, so that clients see what they wrote.
    """
    found = _PARAMS.match(line, start) or _LOOSE_PARAMS.match(line, start)
    return line.find(":") + 1 if found is None else found.end()


def read_params(text: str) -> Params:
    """The parameters of `text`, which stands between the name and the colon of a content line."""
    read: list[tuple[str, tuple[str, ...]]] = []
    position = 0
    while position < len(text):
        match = _PARAM.match(text, position)
        if match is None or (match.end() < len(text) and text[match.end()] != ";"):
            match = _LOOSE_PARAM.match(text, position)
            if match is None:
                break
            name, _, value = match.group(1).partition("=")
            inner = value.strip('"') if value[:1] == '"' == value[-1:] else value
            values: tuple[str, ...] = (inner.replace('"', "^'"),)
        else:
            name, value = match.groups()
            values = (
                tuple(v.group(1) or v.group(2) or "" for v in _PARAM_VALUE.finditer(value))
                if '"' in value
                else tuple(value.split(","))
            )
        position = match.end()
        if name:
            read.append((name.upper(), values))
    return tuple(read)


def write_params(params: Params) -> str:
    """The parameters as they stand in a content line, each behind its semicolon."""
    return "".join(
        f";{name}=" + ",".join(f'"{value}"' if _NEEDS_QUOTES.search(value) else value for value in values)
        for name, values in params
    )


def encode_caret(value: str) -> str:
    """`value` made fit for a parameter (RFC 6868); control characters are left out."""
    value = value.replace("^", "^^").replace('"', "^'").replace("\r\n", "^n").replace("\n", "^n")
    return CONTROL.sub("", value.replace("\r", "^n"))


def decode_caret(value: str) -> str:
    """A parameter value without its RFC 6868 escapes."""
    if "^" not in value:
        return value
    return re.sub(r"\^([n'^])", lambda m: {"n": "\n", "'": '"', "^": "^"}[m.group(1)], value)
