# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of calendar reports as values (RFC 4791 §9.6 to §9.11, RFC 6578 §6).

Everything is checked here, before any data is touched: what can't be meant raises InvalidRequest, what this
server doesn't do UnsupportedValue, each with the precondition that RFC 4791 §7.8 and §7.10 name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.core import stream
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.query import (
    CalendarQuery,
    Collation,
    CompFilter,
    MatchType,
    ParamFilter,
    PropFilter,
    TextMatch,
)
from calcore_caldav.core.render import CalendarData, CompSelection, PropSelection
from calcore_caldav.core.times import TimeRange, TimezoneResolver
from calcore_caldav.dav.xml import CALDAV, C, D, text_of
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest, UnsupportedValue

_UTC: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_MAIN: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL", "VTIMEZONE"})
_INSIDE: Final = {
    "VCALENDAR": _MAIN,
    "VTIMEZONE": frozenset({"STANDARD", "DAYLIGHT"}),
    "VAVAILABILITY": frozenset({"AVAILABLE"}),
}
"""Which components can be inside which; elsewhere anything but the main ones."""
_TIMED: Final = frozenset(
    {"VCALENDAR", "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VALARM", "AVAILABLE"}
)
_TIMED_PROPS: Final = frozenset(
    {"COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED"}
)
"""Components and properties for which a time range has a meaning (RFC 4791 §9.9).

Of VCALENDAR the RFC doesn't say: python-caldav asks so for whatever happens then, and other servers answer that.
"""


@dataclass(frozen=True, slots=True)
class SyncQuery:
    """A sync-collection report (RFC 6578 §6.1)."""

    token: str
    """"" asks for everything."""
    infinite: bool
    limit: int | None
    """At most so many changes in the answer."""


def decode_query(root: Element, limits: Limits) -> CalendarQuery:
    """The filter of a calendar-query."""
    filters = root.findall(C("filter"))
    if len(filters) != 1:
        raise _invalid("exactly one filter is needed")
    comps = list(_known(filters[0], {C("comp-filter")}))
    if len(comps) != 1 or _name(comps[0]) != "VCALENDAR":
        raise _invalid("a filter holds one comp-filter, of VCALENDAR")
    return CalendarQuery(_comp_filter(comps[0], limits))


def _comp_filter(element: Element, limits: Limits) -> CompFilter:
    name = _name(element)
    children = list(
        _known(element, {C("is-not-defined"), C("time-range"), C("prop-filter"), C("comp-filter")})
    )
    if _is_not_defined(children):
        return CompFilter(name, is_not_defined=True)
    made = CompFilter(
        name,
        time_range=_only_time_range(children, limits),
        props=tuple(_prop_filter(c, limits) for c in children if c.tag == C("prop-filter")),
        comps=tuple(_comp_filter(c, limits) for c in children if c.tag == C("comp-filter")),
        anyof=_anyof(element),
    )
    if made.time_range is not None and name not in _TIMED:
        raise _invalid(f"a time-range has no meaning for {name}")
    for inner in made.comps:
        allowed = _INSIDE.get(name)
        if not inner.name.startswith("X-") and (
            inner.name not in allowed if allowed is not None else inner.name in {*_MAIN, "VCALENDAR"}
        ):
            raise _invalid(f"there is no {inner.name} in {name}")
    return made


def _prop_filter(element: Element, limits: Limits) -> PropFilter:
    name = _name(element)
    children = list(
        _known(element, {C("is-not-defined"), C("time-range"), C("text-match"), C("param-filter")})
    )
    if _is_not_defined(children):
        return PropFilter(name, is_not_defined=True)
    made = PropFilter(
        name,
        time_range=_only_time_range(children, limits),
        text_match=_only_text_match(children),
        params=tuple(_param_filter(c) for c in children if c.tag == C("param-filter")),
        anyof=_anyof(element),
    )
    if made.time_range is not None and name not in _TIMED_PROPS:
        raise _invalid(f"a time-range has no meaning for {name}")
    if made.time_range is not None and made.text_match is not None:
        raise _invalid("either a time-range or a text-match")
    return made


def _param_filter(element: Element) -> ParamFilter:
    children = list(_known(element, {C("is-not-defined"), C("text-match")}))
    if _is_not_defined(children):
        return ParamFilter(_name(element), is_not_defined=True)
    return ParamFilter(_name(element), text_match=_only_text_match(children))


def _only_text_match(children: Iterable[Element]) -> TextMatch | None:
    found = [c for c in children if c.tag == C("text-match")]
    if len(found) > 1:
        raise _invalid("one text-match at most")
    return _text_match(found[0]) if found else None


def _text_match(element: Element) -> TextMatch:
    collation = element.get("collation", "default")
    if collation == "default":
        collation = Collation.ASCII_CASEMAP
    if collation not in frozenset(Collation):
        raise UnsupportedValue(f"the collation {collation[:40]!r} is not supported", "supported-collation")
    negate = element.get("negate-condition", "no")
    if negate not in {"yes", "no"}:
        raise _invalid('negate-condition is "yes" or "no"')
    match_type = element.get("match-type", MatchType.CONTAINS)
    if match_type not in frozenset(MatchType):
        raise UnsupportedValue(f"the match type {match_type[:40]!r} is not supported", "supported-filter")
    return TextMatch(element.text or "", Collation(collation), negate == "yes", MatchType(match_type))


def _only_time_range(children: Iterable[Element], limits: Limits) -> TimeRange | None:
    found = [c for c in children if c.tag == C("time-range")]
    if len(found) > 1:
        raise _invalid("one time-range at most")
    return decode_time_range(found[0], limits) if found else None


def decode_time_range(element: Element, limits: Limits, *, closed: bool = False) -> TimeRange:
    """A range of time (RFC 4791 §9.9); with `closed` both sides are needed."""
    start, end = _side(element, "start", limits), _side(element, "end", limits)
    if start is None and end is None:
        # Not a filter that makes no sense, but an element against the grammar: a plain 400.
        raise InvalidRequest("a time range needs a start or an end")
    if closed and (start is None or end is None):
        raise InvalidRequest("a start and an end are needed")
    if start is not None and end is not None and end <= start:
        raise _invalid("the end is not after the start")
    return TimeRange(start, end)


def _side(element: Element, name: str, limits: Limits) -> datetime | None:
    text = element.get(name)
    if text is None:
        return None
    if _UTC.fullmatch(text.strip()) is None:
        raise _invalid(f"{name}={text[:40]!r} is not a UTC date-time")
    try:
        value = datetime.strptime(text.strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(f"{name}={text[:40]!r} does not exist") from None
    if value < limits.min_date_time:
        raise InvalidRequest(f"{text} is before {limits.min_date_time:%Y%m%dT%H%M%SZ}", "min-date-time")
    if value > limits.max_date_time:
        raise InvalidRequest(f"{text} is after {limits.max_date_time:%Y%m%dT%H%M%SZ}", "max-date-time")
    return value


def decode_calendar_data(root: Element, limits: Limits) -> CalendarData | None:
    """What DAV:prop asks of CALDAV:calendar-data (RFC 4791 §9.6); None where it doesn't ask for it."""
    prop = root.find(D("prop"))
    element = prop.find(C("calendar-data")) if prop is not None else None
    if element is None:
        return None
    kind, version = element.get("content-type", "text/calendar"), element.get("version", "2.0")
    if kind.strip().lower() != "text/calendar" or version.strip() != "2.0":
        raise UnsupportedValue(f"{kind[:40]!r} {version[:10]!r} is not served", "supported-calendar-data")
    comps = element.findall(C("comp"))
    if len(comps) > 1 or (comps and _name(comps[0]) != "VCALENDAR"):
        raise InvalidRequest("calendar-data holds one comp, of VCALENDAR")
    ranges = {
        name: decode_time_range(found, limits, closed=True)
        for name in ("expand", "limit-recurrence-set", "limit-freebusy-set")
        if (found := element.find(C(name))) is not None
    }
    if "expand" in ranges and "limit-recurrence-set" in ranges:
        raise InvalidRequest("either expand or limit-recurrence-set")
    return CalendarData(
        selection=_comp_selection(comps[0]) if comps else None,
        expand=ranges.get("expand"),
        limit_recurrence=ranges.get("limit-recurrence-set"),
        limit_freebusy=ranges.get("limit-freebusy-set"),
    )


def _comp_selection(element: Element) -> CompSelection:
    """An empty comp is all of it, as Apple's server reads it and clients mean it."""
    props, comps = element.findall(C("prop")), element.findall(C("comp"))
    if not len(element):
        return CompSelection(_name(element))
    all_props = element.find(C("allprop")) is not None
    all_comps = element.find(C("allcomp")) is not None
    return CompSelection(
        _name(element),
        None if all_props else tuple(PropSelection(_name(p), p.get("novalue") == "yes") for p in props),
        None if all_comps else tuple(_comp_selection(c) for c in comps),
    )


def decode_timezone(root: Element) -> tzinfo | None:
    """The zone that a request brings for floating and all-day times (RFC 4791 §9.8, RFC 7809 §4.3)."""
    if (named := root.find(C("timezone-id"))) is not None:
        try:
            return ZoneInfo(text_of(named))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UnsupportedValue(
                f"there is no time zone {text_of(named)[:80]!r}", "valid-timezone"
            ) from None
    if (brought := root.find(C("timezone"))) is None:
        return None
    try:
        return read_timezone((brought.text or "").encode())
    except InvalidCalendarData as error:
        raise InvalidRequest(error.detail, "valid-calendar-data") from None


def read_timezone(body: bytes) -> tzinfo:
    """The zone of an iCalendar object with exactly one VTIMEZONE (RFC 4791 §5.2.2). Raises InvalidCalendarData."""
    calendar = stream.parse(body.lstrip())
    zones = calendar.named("VTIMEZONE")
    if calendar.name != "VCALENDAR" or len(zones) != 1 or len(calendar.children) != 1:
        raise InvalidCalendarData("an iCalendar object with one VTIMEZONE is needed")
    tzid = zones[0].text("TZID")
    if not tzid or calendar.get("VERSION") is None or calendar.get("PRODID") is None:
        raise InvalidCalendarData("VERSION, PRODID and TZID are needed")
    return TimezoneResolver(calendar, UTC).zone(tzid)


def decode_sync(root: Element) -> SyncQuery:
    """A sync-collection report; a level that is not given is 1, as older clients mean it."""
    token, level = root.find(D("sync-token")), text_of(root.find(D("sync-level"))).lower() or "1"
    if token is None:
        raise InvalidRequest("a sync-token is needed, empty for the first time")
    if level not in {"1", "infinite", "infinity"}:
        raise InvalidRequest('sync-level is "1" or "infinite"')
    limit = root.find(D("limit"))
    number = None
    if limit is not None:
        text = text_of(limit.find(D("nresults")))
        if not text.isascii() or not text.isdigit() or not int(text[:9]) > 0:
            raise InvalidRequest("nresults is a positive number")
        number = int(text[:9])
    return SyncQuery(text_of(token), level != "1", number)


def _name(element: Element) -> str:
    name = (element.get("name") or "").strip().upper()
    if not name:
        raise _invalid("a name is needed")
    return name


def _anyof(element: Element) -> bool:
    test = element.get("test", "allof")
    if test not in {"anyof", "allof"}:
        raise _invalid('test is "anyof" or "allof"')
    return test == "anyof"


def _is_not_defined(children: list[Element]) -> bool:
    if not any(c.tag == C("is-not-defined") for c in children):
        return False
    if len(children) > 1:
        raise _invalid("is-not-defined stands alone")
    return True


def _known(element: Element, names: set[str]) -> Iterable[Element]:
    """The children, all of which must be criteria that are known: an ignored one would widen the answer."""
    for child in element:
        if child.tag in names:
            yield child
        elif str(child.tag).startswith(f"{{{CALDAV}}}"):
            raise _invalid(f"{child.tag} has no place in {element.tag}")
        else:
            raise UnsupportedValue(f"{child.tag} is not a filter that is supported", "supported-filter")


def _invalid(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, "valid-filter")
