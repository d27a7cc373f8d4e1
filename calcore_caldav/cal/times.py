# SPDX-License-Identifier: GPL-3.0-or-later
"""Periods, days and the storage's time zone: naive date-times mean that zone, aware ones are exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.cal.problems import InvalidEvent, UnboundedPeriod
from calcore_caldav.core.times import TimeRange

Period = tuple[datetime | None, datetime | None]
"""Half-open (start, end); None: unbounded on that side."""
Bounded = tuple[datetime, datetime]
Hours = tuple[time, time]
"""From when to when of each day; to `time(0)` is to its end."""


def is_zone(name: str) -> bool:
    """Whether an IANA time zone has that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def instant(value: datetime, zone: tzinfo) -> datetime:
    """The UTC instant of a caller's date-time."""
    return (value.replace(tzinfo=zone) if value.tzinfo is None else value).astimezone(UTC)


def window(period: Period, zone: tzinfo) -> TimeRange:
    """A caller's period in UTC."""
    start, end = (None if value is None else instant(value, zone) for value in period)
    if start is not None and end is not None and end < start:
        raise InvalidEvent(f"the period ends ({period[1]}) before it starts ({period[0]})")
    return TimeRange(start, end)


def bounded(period: Period) -> Bounded:
    """The same period; UnboundedPeriod where a side is open, InvalidEvent where it is no period."""
    start, end = period
    if start is None or end is None:
        raise UnboundedPeriod(
            "occurrences need a period with a start and an end: there may be infinitely many"
        )
    if (start.tzinfo is None) is not (end.tzinfo is None):
        raise InvalidEvent(f"one end of the period has a time zone, the other has none ({start}, {end})")
    if end < start:
        raise InvalidEvent(f"the period ends ({end}) before it starts ({start})")
    return start, end


def like(value: datetime, model: datetime, zone: tzinfo) -> datetime:
    """A UTC instant as the caller asked: naive in the storage's zone, or in the zone of its own `model`."""
    if model.tzinfo is None:
        return value.astimezone(zone).replace(tzinfo=None)
    return value.astimezone(model.tzinfo)


def days_of(start: datetime, end: datetime) -> Iterator[date]:
    """The days that [start, end) touches."""
    day = start.date()
    while datetime.combine(day, time(), start.tzinfo) < end:
        yield day
        day += timedelta(1)


def split_by_day(start: datetime, end: datetime) -> Iterator[Bounded]:
    """[start, end) cut at each midnight; an empty period is itself."""
    if start == end:
        yield start, end
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(1), time(), start.tzinfo)
        yield start, min(midnight, end)
        start = midnight


def outside_hours(period: Bounded, hours: Hours) -> Iterator[Bounded]:
    """What of the period's days is not within `hours`. Raises InvalidEvent for hours that end before they begin."""
    first, last = hours
    if time() < last <= first:
        raise InvalidEvent(f"the hours end ({last}) before they begin ({first})")
    zone = period[0].tzinfo
    for day in days_of(*period):
        midnight = datetime.combine(day + timedelta(1), time(), zone)
        yield datetime.combine(day, time(), zone), datetime.combine(day, first, zone)
        yield (datetime.combine(day, last, zone) if last > time() else midnight), midnight


def merged(periods: Iterable[Bounded]) -> list[Bounded]:
    """Sorted; overlapping and touching ones joined, empty ones left out."""
    result: list[Bounded] = []
    for start, end in sorted(p for p in periods if p[0] < p[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def gaps(blocked: Iterable[Bounded], period: Bounded) -> Iterator[Bounded]:
    """What of `period` is in none of the merged periods."""
    start, last = period
    for begins, ends in blocked:
        if begins > start:
            yield start, min(begins, last)
        start = max(start, ends)
        if start >= last:
            return
    yield start, last
