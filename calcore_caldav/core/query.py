# SPDX-License-Identifier: GPL-3.0-or-later
"""Search criteria of calendar-query as values, and what can be told of them without the data (RFC 4791 §9.7).

The `anyof` flags and the match types are the extension that Apple's server has (test="anyof",
match-type="starts-with"); their defaults are the RFC's meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from calcore_caldav.core.times import TimeRange


class Collation(StrEnum):
    """How text is compared (RFC 4791 §7.5, RFC 4790, RFC 5051)."""

    OCTET = "i;octet"
    ASCII_CASEMAP = "i;ascii-casemap"
    UNICODE_CASEMAP = "i;unicode-casemap"


class MatchType(StrEnum):
    """Where the text is to be found (RFC 6352 §10.5.4; RFC 4791 has CONTAINS alone)."""

    CONTAINS = "contains"
    EQUALS = "equals"
    STARTS_WITH = "starts-with"
    ENDS_WITH = "ends-with"


_ASCII_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_KEYS: Final[dict[Collation, Callable[[str], str]]] = {
    Collation.OCTET: str,
    Collation.ASCII_CASEMAP: lambda text: text.translate(_ASCII_UPPER),
    Collation.UNICODE_CASEMAP: lambda text: unicodedata.normalize("NFKD", text.casefold()),
}
_TESTS: Final[dict[MatchType, Callable[[str, str], bool]]] = {
    MatchType.CONTAINS: str.__contains__,
    MatchType.EQUALS: str.__eq__,
    MatchType.STARTS_WITH: str.startswith,
    MatchType.ENDS_WITH: str.endswith,
}


@dataclass(frozen=True, slots=True)
class TextMatch:
    """Substring search (RFC 4791 §9.7.5)."""

    text: str
    collation: Collation = Collation.ASCII_CASEMAP
    negate: bool = False
    match_type: MatchType = MatchType.CONTAINS

    def matches(self, value: str) -> bool:
        """Whether the unescaped value matches."""
        key = _KEYS[self.collation]
        return _TESTS[self.match_type](key(value), key(self.text)) != self.negate


@dataclass(frozen=True, slots=True)
class ParamFilter:
    """Criteria on a parameter (RFC 4791 §9.7.3)."""

    name: str
    is_not_defined: bool = False
    text_match: TextMatch | None = None


@dataclass(frozen=True, slots=True)
class PropFilter:
    """Criteria on a property (RFC 4791 §9.7.2)."""

    name: str
    is_not_defined: bool = False
    time_range: TimeRange | None = None
    text_match: TextMatch | None = None
    params: tuple[ParamFilter, ...] = ()
    anyof: bool = False


@dataclass(frozen=True, slots=True)
class CompFilter:
    """Criteria on a component (RFC 4791 §9.7.1)."""

    name: str
    is_not_defined: bool = False
    time_range: TimeRange | None = None
    props: tuple[PropFilter, ...] = ()
    comps: tuple[CompFilter, ...] = ()
    anyof: bool = False


@dataclass(frozen=True, slots=True)
class CalendarQuery:
    """The filter of a calendar-query; its outermost CompFilter is VCALENDAR's (RFC 4791 §9.7)."""

    filter: CompFilter


@dataclass(frozen=True, slots=True)
class IndexHint:
    """What of a query the stored columns and the instance index decide."""

    kind: str | None
    """Only objects of this component type can match; None: any."""
    window: TimeRange | None
    """Only objects with an instance overlapping it can match; None: any."""
    uid: TextMatch | None
    """Only objects whose UID matches can match; None: any."""
    exact: bool
    """Whether every object that meets these criteria matches."""


def index_hint(query: CalendarQuery) -> IndexHint:
    """What can be decided without the data."""
    nothing = IndexHint(None, None, None, exact=False)
    outer = query.filter
    if outer.name != "VCALENDAR" or outer.is_not_defined:
        return nothing
    if outer.time_range is not None:
        return IndexHint(None, outer.time_range, None, exact=False)
    if outer.props:
        return nothing
    if not outer.comps:
        return IndexHint(None, None, None, exact=True)
    if len(outer.comps) > 1:
        return nothing
    inner = outer.comps[0]
    if inner.is_not_defined or inner.name not in MAIN:
        return nothing
    # Only of events does the index know all that RFC 4791 §9.9 looks at.
    decided = 1 if inner.time_range is not None and inner.name == "VEVENT" else 0
    uid = None
    if len(inner.props) == 1 or not inner.anyof:
        uid = next((p.text_match for p in inner.props if p.name == "UID" and _only_text(p)), None)
    decided += 1 if uid is not None else 0
    criteria = len(inner.props) + len(inner.comps) + (1 if inner.time_range is not None else 0)
    return IndexHint(inner.name, inner.time_range, uid, exact=decided == criteria)


def _only_text(prop: PropFilter) -> bool:
    return prop.text_match is not None and not prop.params and not prop.is_not_defined


class Needles:
    """Octets that the data of every match contains: most of what can't match is never parsed."""

    def __init__(self, query: CalendarQuery) -> None:
        self._all = tuple(sorted(set(_needles(query.filter)), key=len, reverse=True))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._all)

    def found_in(self, body: bytes) -> bool:
        """Whether `body` contains them all, folding, case and escapes aside."""
        text = _FOLDED.sub(b"", body.replace(b"\\", b"")).lower()
        return all(needle in text for needle in self._all)


MAIN: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"})
"""Components whose time ranges have a meaning of their own."""
_FOLDED: Final = re.compile(rb"\r?\n[ \t]")
_UNCERTAIN: Final = re.compile(r'[,;\\"^\r\n]')
"""Characters that stand in the data in more than one way."""


def _needles(wanted: CompFilter) -> Iterator[bytes]:
    if wanted.is_not_defined:
        return
    yield b"begin:" + wanted.name.lower().encode()
    if wanted.anyof and len(wanted.props) + len(wanted.comps) > 1:
        return
    for inner in wanted.comps:
        yield from _needles(inner)
    for prop in wanted.props:
        # DTEND and DUE may be given by a DURATION.
        if prop.is_not_defined or prop.time_range is not None:
            continue
        yield prop.name.lower().encode()
        matches = [prop.text_match, *(p.text_match for p in prop.params if not p.is_not_defined)]
        if not (prop.anyof and len(prop.params) > 0):
            yield from (_octets(match) for match in matches if match is not None and _certain(match))


def _certain(match: TextMatch) -> bool:
    return not (match.negate or match.collation is Collation.UNICODE_CASEMAP or _UNCERTAIN.search(match.text))


def _octets(match: TextMatch) -> bytes:
    return match.text.encode(errors="replace").lower()
