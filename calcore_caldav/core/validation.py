# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes iCalendar data a calendar object resource (RFC 4791 §4.1, §5.3.2.1; RFC 5545 §3.6).

Stored bytes are never repaired, so the line is drawn here: whatever real clients write and can be given a
meaning is accepted, what cannot be interpreted is refused with the property and its line.

Accepted against RFC 5545, with this meaning:

- no VERSION, PRODID, CALSCALE or DTSTAMP; DTSTAMP, CREATED and LAST-MODIFIED of any form (Google writes
  CREATED:00001231T000000Z): informational, unreadable ones count as absent;
- DATE or DATE-TIME told by the value's own form, whatever VALUE says; DTSTART and DTEND (DUE) of different
  types or zones: both are instants; an end before the start means the start;
- both DTEND (DUE) and DURATION: the end counts; identical repeated properties count once;
- no VTIMEZONE for a TZID (RFC 7809), unknown TZIDs, unknown components beside known ones;
- alarms whose TRIGGER is missing or can't be read: they never ring; unknown values of STATUS, TRANSP, CLASS …
- control characters in values, but NUL (Outlook leaves some in texts); XML, which can't hold them, leaves
  them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from calcore_caldav.core.content import Component, Property, split_values
from calcore_caldav.core.freebusy import parse_period
from calcore_caldav.core.times import TimeRange, TimezoneResolver, parse_date_time, parse_duration
from calcore_caldav.errors import InvalidCalendarData

if TYPE_CHECKING:
    from calcore_caldav.core.calobject import CalendarObject
    from calcore_caldav.core.limits import Limits

_RESOURCE: Final = "valid-calendar-object-resource"
_MOMENT: Final = re.compile(r"\d{8}(?:T\d{6}Z?)?")
_INTEGER: Final = re.compile(r"[+-]?\d{1,10}")
_DENSE: Final = re.compile(r"FREQ=(?:SECONDLY|MINUTELY|HOURLY)|BY(?:HOUR|MINUTE|SECOND)=", re.IGNORECASE)

# Kinds whose main components are described below; others (VPOLL, VAVAILABILITY) are checked by their readers.
_NEEDS_START: Final = frozenset({"VEVENT"})
_ONCE: Final = frozenset(
    {"UID", "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "ORGANIZER", "SEQUENCE"}
)
_RECURS: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL"})
_RECURRING: Final = frozenset({"RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})


def _check_moment(prop: Property) -> None:
    """A date or date-time that exists."""
    parse_date_time(prop.value)


def _check_form(prop: Property) -> None:
    """The form of a date or date-time; that it exists doesn't matter."""
    if _MOMENT.fullmatch(prop.value.strip()) is None:
        raise InvalidCalendarData(f"not a date-time: {prop.value[:40]!r}")


def _check_moments(prop: Property) -> None:
    for value in prop.value.split(","):
        if "/" in value:
            parse_period(value, _ZONELESS)
        elif value.strip():
            parse_date_time(value)


def _check_periods(prop: Property) -> None:
    for value in prop.value.split(","):
        if value.strip():
            parse_period(value, _ZONELESS)


def _check_duration(prop: Property) -> None:
    parse_duration(prop.value)


def _check_utc(prop: Property) -> None:
    """A UTC date-time, as RFC 9074 §6.1 wants of ACKNOWLEDGED: alarms are dismissed by it in all clients."""
    if not prop.value.strip().upper().endswith("Z") or not isinstance(parse_date_time(prop.value), datetime):
        raise InvalidCalendarData(f"not a UTC date-time: {prop.value[:40]!r}")


def _check_integer(prop: Property) -> None:
    if _INTEGER.fullmatch(prop.value.strip()) is None:
        raise InvalidCalendarData(f"not a number: {prop.value[:40]!r}")


def _check_address(prop: Property) -> None:
    if not prop.value.strip():
        raise InvalidCalendarData("an address is needed")


_ZONELESS: Final = TimezoneResolver(Component("VCALENDAR"), UTC)
_CHECKS: Final[dict[str, Callable[[Property], None]]] = {
    "DTSTART": _check_moment,
    "DTEND": _check_moment,
    "DUE": _check_moment,
    "RECURRENCE-ID": _check_moment,
    "COMPLETED": _check_form,
    "RDATE": _check_moments,
    "EXDATE": _check_moments,
    "DURATION": _check_duration,
    "FREEBUSY": _check_periods,
    "SEQUENCE": _check_integer,
    "ORGANIZER": _check_address,
    "ATTENDEE": _check_address,
}
_ALARM_CHECKS: Final[dict[str, Callable[[Property], None]]] = {"ACKNOWLEDGED": _check_utc}
_BOUNDED: Final = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID"})
"""Properties that min-date-time and max-date-time bind (RFC 4791 §5.2.6, §5.2.7)."""


def validate(obj: CalendarObject, *, limits: Limits, inbox: bool) -> None:
    """Raise InvalidCalendarData, with its precondition, unless `obj` may be stored.

    `inbox`: an iTIP message, which has a METHOD and may leave properties out.
    """
    _check_calendar(obj, inbox=inbox)
    _check_resource(obj)
    for component in obj.components:
        _check_component(obj, component, inbox=inbox)
        _check_limits(obj, component, limits)
    _check_recurrence(obj, limits)


def _check_calendar(obj: CalendarObject, *, inbox: bool) -> None:
    calendar = obj.calendar
    if calendar.name != "VCALENDAR":
        precondition = "supported-calendar-data" if calendar.name == "VCARD" else "valid-calendar-data"
        raise InvalidCalendarData(f"line 1: {calendar.name[:40]} is not VCALENDAR", precondition)
    for prop in calendar.properties:
        if prop.name == "VERSION" and prop.value.strip() == "1.0":
            raise _refused(obj, prop, "vCalendar 1.0, not iCalendar", "supported-calendar-data")
        if prop.name == "CALSCALE" and prop.value.strip().upper() != "GREGORIAN":
            raise _refused(obj, prop, f"the calendar scale {prop.value[:40]!r} is not supported")
        if prop.name == "METHOD" and not inbox:
            raise _refused(obj, prop, "not allowed in a calendar", _RESOURCE)


def _check_resource(obj: CalendarObject) -> None:
    """One UID, one type, one master, each instance once (RFC 4791 §4.1)."""
    if not obj.components:
        others = {c.name for c in obj.calendar.children} - {"VTIMEZONE"}
        if others:
            name = min(others)[:40]
            raise InvalidCalendarData(f"components of type {name} only", "supported-calendar-component")
        raise InvalidCalendarData("a calendar object is needed, a VEVENT for instance", _RESOURCE)
    first = obj.components[0]
    uid = first.get("UID")
    for component in obj.components:
        other = component.get("UID")
        if other is None or not other.value.strip():
            raise _refused_component(obj, component, "has no UID", _RESOURCE)
        if uid is not None and other.value != uid.value:
            raise _refused(obj, other, f"{other.value[:80]!r} beside {uid.value[:80]!r}", _RESOURCE)
        if component.name != first.name:
            raise _refused_component(obj, component, f"beside {first.name}", _RESOURCE)


def _check_component(obj: CalendarObject, component: Component, *, inbox: bool) -> None:
    seen: dict[str, Property] = {}
    for prop in component.properties:
        name = prop.name
        if name in _ONCE:
            if name in seen and seen[name] != prop:
                raise _refused(obj, prop, "is there twice")
            seen[name] = prop
        _check_value(obj, prop, _CHECKS)
    for child in component.children:
        for prop in child.properties if child.name == "VALARM" else ():
            _check_value(obj, prop, _ALARM_CHECKS)
    if component.name in _NEEDS_START and "DTSTART" not in seen and not inbox:
        raise _refused_component(obj, component, "has no DTSTART")


def _check_value(obj: CalendarObject, prop: Property, checks: dict[str, Callable[[Property], None]]) -> None:
    check = checks.get(prop.name)
    if check is not None:
        try:
            check(prop)
        except InvalidCalendarData as error:
            raise _refused(obj, prop, error.detail) from None


def _check_limits(obj: CalendarObject, component: Component, limits: Limits) -> None:
    attendees = 0
    first, last = str(limits.min_date_time.year + 1), str(limits.max_date_time.year - 1)
    for prop in component.properties:
        if prop.name == "ATTENDEE":
            attendees += 1
        elif prop.name in _BOUNDED and not first <= prop.value[:4] <= last:
            instant = _instant(obj, prop)
            if instant < limits.min_date_time:
                raise _refused(obj, prop, f"before {limits.min_date_time:%Y-%m-%d}", "min-date-time")
            if instant > limits.max_date_time:
                raise _refused(obj, prop, f"after {limits.max_date_time:%Y-%m-%d}", "max-date-time")
    if attendees > limits.max_attendees:
        detail = f"has {attendees} attendees, {limits.max_attendees} are allowed"
        raise _refused_component(obj, component, detail, "max-attendees-per-instance")


def _instant(obj: CalendarObject, prop: Property) -> datetime:
    try:
        return obj.zones.instant(obj.zones.value(prop))
    except OverflowError:  # the first or last day that datetime knows, in another zone
        return (
            datetime.min.replace(tzinfo=UTC) if prop.value[:4] == "0001" else datetime.max.replace(tzinfo=UTC)
        )


def _check_recurrence(obj: CalendarObject, limits: Limits) -> None:
    """Masters and instances once each, rules that can be read, and no more instances than allowed.

    A series may be endless: the limit is on its density, how many instances begin within a year of its
    first, which decides in milliseconds what no calendar could show.
    """
    if len(obj.components) == 1 and not any(p.name in _RECURRING for p in obj.components[0].properties):
        return
    seen = set()
    for component in obj.components:
        rid = obj.recurrence_id(component)
        if rid in seen:
            detail = "is a second one without RECURRENCE-ID" if rid is None else "has a RECURRENCE-ID twice"
            raise _refused_component(obj, component, detail, _RESOURCE)
        seen.add(rid)
    if component.name not in _RECURS:
        return
    try:
        recurrence = obj.recurrence()
    except InvalidCalendarData as error:
        raise _placed(obj, error) from None
    dense = sum(
        len(split_values(p.value))
        for c in obj.components
        for p in c.properties
        if p.name == "RDATE" or (p.name == "RRULE" and _DENSE.search(p.value))
    )
    if not dense:
        return
    first = recurrence.bounds[0]
    if first is None:
        return
    sooner = min(first, datetime.max.replace(tzinfo=UTC) - timedelta(days=366))
    window = TimeRange(first, sooner + timedelta(days=366))
    count = sum(1 for _ in islice(recurrence.between(window), limits.max_instances + 1))
    if count > limits.max_instances:
        rule = next((p for c in obj.components for p in c.properties if p.name in {"RRULE", "RDATE"}), None)
        detail = f"more than {limits.max_instances} instances in a year"
        raise (
            InvalidCalendarData(detail, "max-instances")
            if rule is None
            else _refused(obj, rule, detail, "max-instances")
        )


def _placed(obj: CalendarObject, error: InvalidCalendarData) -> InvalidCalendarData:
    """A recurrence error, with the place of the rule where it doesn't name it."""
    if error.detail.startswith("line "):
        return error
    for component in obj.components:
        for prop in component.properties:
            if prop.name in {"RRULE", "EXRULE"} and prop.value and prop.value in error.detail:
                return _refused(obj, prop, error.detail, error.precondition)
    rule = next((p for c in obj.components for p in c.properties if p.name in {"RRULE", "EXRULE"}), None)
    return error if rule is None else _refused(obj, rule, error.detail, error.precondition)


def _refused(
    obj: CalendarObject, prop: Property, detail: str, precondition: str = "valid-calendar-data"
) -> InvalidCalendarData:
    line = _line_number(obj, prop.folded())
    return InvalidCalendarData(f"line {line}: {prop.name}: {detail}", precondition)


def _refused_component(
    obj: CalendarObject, component: Component, detail: str, precondition: str = "valid-calendar-data"
) -> InvalidCalendarData:
    first = component.properties[0].folded() if component.properties else f"BEGIN:{component.name}"
    line = _line_number(obj, first) - (1 if component.properties else 0)
    return InvalidCalendarData(f"line {line}: {component.name} {detail}", precondition)


def _line_number(obj: CalendarObject, text: str) -> int:
    """The number of the first line of `text` in the data; counted only once something is wrong."""
    wanted = text.split("\r\n", 1)[0].encode().rstrip()
    for number, line in enumerate(obj.body.split(b"\n"), 1):
        if line.rstrip() == wanted:
            return number
    return 1
