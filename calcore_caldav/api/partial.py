# SPDX-License-Identifier: GPL-3.0-or-later
"""`fields`: partial answers, "items(id,start/dateTime),nextPageToken" for instance."""

from __future__ import annotations

import re
from typing import Any, Final

from calcore_caldav.api.problems import ApiProblem, invalid

Mask = dict[str, "Mask | None"]
"""Names to what is wanted of them; None: all of it."""

_TOKEN: Final = re.compile(r"\s*([A-Za-z0-9_*:.-]+|[(),/])\s*")


def parse_mask(text: str) -> Mask:
    """Raises ApiProblem (400) for what is no field mask."""
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong(text)
        tokens.append(match.group(1))
        position = match.end()
    if len(tokens) > 500:
        raise _wrong(text)
    mask, rest = _fields(tokens, text, 0)
    if rest:
        raise _wrong(text)
    return mask


def _fields(tokens: list[str], text: str, depth: int) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        if not tokens or tokens[0] in "(),/" or depth > 20:
            raise _wrong(text)
        name, tokens = tokens[0], tokens[1:]
        below: Mask | None = None
        if tokens[:1] == ["/"]:
            if len(tokens) < 2 or tokens[1] in "(),/":
                raise _wrong(text)
            path = [tokens[1]]
            tokens = tokens[2:]
            while tokens[:1] == ["/"]:
                if len(tokens) < 2 or tokens[1] in "(),/":
                    raise _wrong(text)
                path.append(tokens[1])
                tokens = tokens[2:]
            if tokens[:1] == ["("]:
                below, tokens = _group(tokens, text, depth)
            for step in reversed(path):
                below = {step: below}
        elif tokens[:1] == ["("]:
            below, tokens = _group(tokens, text, depth)
        mask[name] = _joined(mask[name], below) if name in mask else below
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def _group(tokens: list[str], text: str, depth: int) -> tuple[Mask, list[str]]:
    mask, tokens = _fields(tokens[1:], text, depth + 1)
    if tokens[:1] != [")"]:
        raise _wrong(text)
    return mask, tokens[1:]


def _joined(first: Mask | None, second: Mask | None) -> Mask | None:
    if first is None or second is None:
        return None
    return first | {
        name: _joined(first[name], below) if name in first else below for name, below in second.items()
    }


def masked(value: Any, mask: Mask | None) -> Any:
    """What the mask wants of a JSON value."""
    if mask is None or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: masked(value[name], below) for name, below in mask.items() if name in value}
    return value


def _wrong(text: str) -> ApiProblem:
    return invalid("fields", f"Invalid field selection {text[:80]}")
