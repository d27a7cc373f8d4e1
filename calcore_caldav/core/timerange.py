# SPDX-License-Identifier: GPL-3.0-or-later
"""When a component overlaps a time range: the tables of RFC 4791 §9.9, one function per row group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import parse_period
from calcore_caldav.core.recurrence import Instance
from calcore_caldav.core.spans import read_moment
from calcore_caldav.core.times import (
    Period,
    TimeRange,
    TimezoneResolver,
    from_epoch,
    parse_date_time,
    parse_duration,
)
from calcore_caldav.errors import InvalidCalendarData

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_RECURRENCE: Final = frozenset({"RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID"})
_MAX_REPEATS: Final = 1000


class Scheduled(NamedTuple):
    """A component with the effective times of one of its instances; None where it has none."""

    component: Component
    start: datetime | None
    """Effective DTSTART, in UTC."""
    end: datetime | None
    """Effective DTEND or DUE, in UTC."""
    instance: Instance | None
    """None: the component was not expanded (it doesn't recur, and is no event)."""


def limits(window: TimeRange) -> Period:
    """The window with an open side at the beginning or the end of time."""
    return Period(window.start or BEGINNING, window.end or END)


def widened(window: TimeRange, by: timedelta) -> TimeRange:
    """The window, longer on both sides; open sides stay open."""
    start = None if window.start is None or window.start - BEGINNING <= by else window.start - by
    end = None if window.end is None or END - window.end <= by else window.end + by
    return TimeRange(start, end)


def scheduled(
    obj: CalendarObject, window: TimeRange, zone: tzinfo = UTC, *, limit: int | None = None
) -> Iterator[Scheduled]:
    """Everything of `obj` that overlaps `window`: each instance, or the component that has none.

    Floating and all-day times are of `zone`. Raises TooManyInstances beyond `limit`.
    """
    kind = obj.components[0].name
    overlaps = OVERLAPS.get(kind, _never)
    zones = resolver(obj, zone)
    if kind != "VEVENT" and (kind not in {"VTODO", "VJOURNAL"} or not recurs(obj)):
        for component in obj.components:
            item = Scheduled(component, *effective_times(component, zones), None)
            if overlaps(item, limits(window), zones):
                yield item
        return
    if kind == "VEVENT":
        for instance in obj.recurrence(zone).between(window, limit=limit):
            yield Scheduled(instance.component, instance.start, instance.end, instance)
        return
    # The rows for to-dos include both ends of the range: look one second further, then apply them.
    for instance in obj.recurrence(zone).between(widened(window, _SECOND), limit=limit):
        item = of_instance(instance)
        if overlaps(item, limits(window), zones):
            yield item


def of_instance(instance: Instance) -> Scheduled:
    """The effective times of an instance, as its component has them: a to-do may lack either."""
    component = instance.component
    if component.name != "VTODO":
        return Scheduled(component, instance.start, instance.end, instance)
    names = {p.name for p in component.properties}
    return Scheduled(
        component,
        instance.start if "DTSTART" in names else None,
        instance.end if "DUE" in names or ("DURATION" in names and "DTSTART" in names) else None,
        instance,
    )


def recurs(obj: CalendarObject) -> bool:
    """Whether the object has instances beside its components."""
    return any(p.name in _RECURRENCE for c in obj.components for p in c.properties)


def resolver(obj: CalendarObject, zone: tzinfo) -> TimezoneResolver:
    """The object's time zones, with `zone` for floating values."""
    return obj.zones if zone is UTC else TimezoneResolver(obj.calendar, zone)


def instant(prop: Property | None, zones: TimezoneResolver) -> datetime | None:
    """The UTC instant of a date or date-time property; None where there is none that can be read."""
    if prop is None:
        return None
    try:
        return zones.instant(zones.value(prop))
    except InvalidCalendarData:
        return None
    except OverflowError:
        return BEGINNING if prop.value.startswith("0") else END


def effective_times(component: Component, zones: TimezoneResolver) -> tuple[datetime | None, datetime | None]:
    """Start and end of a component by itself: DTSTART, and DTEND, DUE or DTSTART + DURATION."""
    start = instant(component.get("DTSTART"), zones)
    end = instant(component.get("DUE") or component.get("DTEND"), zones)
    if end is None and start is not None:
        if component.get("DURATION") is not None and (moment := read_moment(component, zones)) is not None:
            end = max(start, from_epoch(moment.times.end))
        elif component.name == "VJOURNAL" and "T" not in (component.value("DTSTART") or ""):
            end = _after(start, _DAY)
    return start, end


def _after(start: datetime, by: timedelta) -> datetime:
    try:
        return start + by
    except OverflowError:
        return END if by > timedelta(0) else BEGINNING


def _span_overlaps(item: Scheduled, window: Period, _zones: TimezoneResolver) -> bool:
    return item.start is not None and TimeRange(*window).overlaps(item.start, item.end or item.start)


def _todo_overlaps(item: Scheduled, window: Period, zones: TimezoneResolver) -> bool:
    begin, until = window
    start, due = item.start, item.end
    if start is not None and due is not None:
        if item.component.get("DUE") is None:
            return begin <= due and (until > start or until >= due)
        return (begin < due or begin <= start) and (until > start or until >= due)
    if start is not None:
        return begin <= start < until
    if due is not None:
        return begin < due <= until
    completed = instant(item.component.get("COMPLETED"), zones)
    created = instant(item.component.get("CREATED"), zones)
    if completed is not None and created is not None:
        return (begin <= created or begin <= completed) and (until >= created or until >= completed)
    if completed is not None:
        return begin <= completed <= until
    return created is None or until > created


def _freebusy_overlaps(item: Scheduled, window: Period, zones: TimezoneResolver) -> bool:
    start = instant(item.component.get("DTSTART"), zones)
    end = instant(item.component.get("DTEND"), zones)
    if start is not None and end is not None:
        return window.start <= end and window.end > start
    return any(
        window.start < period.end and window.end > period.start
        for prop in item.component.all("FREEBUSY")
        for period in freebusy_values(prop, zones)
    )


def _availability_overlaps(item: Scheduled, window: Period, _zones: TimezoneResolver) -> bool:
    """RFC 7953 §7.2.2: a side that is not given is open."""
    start, end = item.start or BEGINNING, item.end or END
    return window.start < end and window.end > start


def _never(_item: Scheduled, _window: Period, _zones: TimezoneResolver) -> bool:
    return False


def freebusy_values(prop: Property, zones: TimezoneResolver) -> Iterator[Period]:
    """The periods of a FREEBUSY property."""
    for value in prop.value.split(","):
        if value.strip():
            yield parse_period(value, zones)


OVERLAPS: Final[dict[str, Callable[[Scheduled, Period, TimezoneResolver], bool]]] = {
    "VEVENT": _span_overlaps,
    "VTODO": _todo_overlaps,
    "VJOURNAL": _span_overlaps,
    "VFREEBUSY": _freebusy_overlaps,
    "VAVAILABILITY": _availability_overlaps,
}


class Trigger(NamedTuple):
    """When an alarm rings: at an instant, or so long after the start or end of each instance."""

    at: datetime | None
    offset: timedelta
    from_end: bool
    repeats: int
    every: timedelta

    @property
    def reach(self) -> timedelta:
        """The farthest that it rings from its instance."""
        return abs(self.offset) + self.repeats * self.every


def trigger(alarm: Component, zones: TimezoneResolver) -> Trigger | None:
    """The trigger of a VALARM (RFC 5545 §3.8.6.3); None for one that can't be read: it never rings."""
    prop = alarm.get("TRIGGER")
    if prop is None:
        return None
    try:
        repeats = min(int(alarm.value("REPEAT") or 0), _MAX_REPEATS)
        every = parse_duration(alarm.value("DURATION") or "PT0S")
        if every <= timedelta(0):
            repeats = 0
        if prop.value[:1].isdigit():
            at = zones.instant(parse_date_time(prop.value))
            return Trigger(at, timedelta(0), from_end=False, repeats=repeats, every=every)
        from_end = (prop.param("RELATED") or "").upper() == "END"
        return Trigger(None, parse_duration(prop.value), from_end=from_end, repeats=repeats, every=every)
    except (InvalidCalendarData, OverflowError, ValueError):
        return None


def rings(alarm: Trigger, item: Scheduled, window: Period) -> bool:
    """Whether an alarm of that instance rings inside the window, by itself or by a repetition."""
    base = alarm.at
    if base is None:
        anchor = (item.end or item.start) if alarm.from_end else (item.start or item.end)
        if anchor is None:
            return False
        base = _after(anchor, alarm.offset)
    return any(
        window.start <= _after(base, number * alarm.every) < window.end for number in range(alarm.repeats + 1)
    )
