# SPDX-License-Identifier: GPL-3.0-or-later
"""Instants, ranges and time zones (RFC 5545 §3.3.4 to §3.3.9, §3.6.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from typing import NamedTuple

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.moments import (
    EPOCH,
    Duration,
    format_date_time,
    format_duration,
    from_epoch,
    parse_date_time,
    parse_duration,
    split_duration,
    to_epoch,
)
from calcore_caldav.core.zones import find_zone

__all__ = [
    "EPOCH",
    "Duration",
    "Period",
    "TimeRange",
    "TimezoneResolver",
    "format_date_time",
    "format_duration",
    "from_epoch",
    "parse_date_time",
    "parse_duration",
    "split_duration",
    "to_epoch",
]


class TimeRange(NamedTuple):
    """Half-open [start, end) of aware instants; None is unbounded on that side (RFC 4791 §9.9)."""

    start: datetime | None
    end: datetime | None

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether [start, end) lies partly inside; an instance of length zero counts as its instant."""
        if self.end is not None and start >= self.end:
            return False
        if self.start is None:
            return True
        return end > self.start or (start == end and start >= self.start)


class Period(NamedTuple):
    """Half-open [start, end) of aware UTC instants."""

    start: datetime
    end: datetime


class TimezoneResolver:
    """TZIDs of one calendar object as time zones; never raises (RFC 5545 §3.2.19, §3.6.5).

    A TZID that names an IANA zone, directly or by a well-known alias, is that zone: VTIMEZONEs are often
    outdated. Only an unknown name is read from the object's own VTIMEZONE, and without one it means
    `default`, which is also the zone of floating and all-day values.
    """

    __slots__ = ("_calendar", "_default", "_zones", "default_used")

    def __init__(self, calendar: Component, default: tzinfo) -> None:
        self._calendar = calendar
        self._zones: dict[str, tzinfo] = {}
        self._default = default
        self.default_used = False
        """Whether anything that was read depends on the default zone."""

    @property
    def default(self) -> tzinfo:
        """The zone of what names none, or an unknown one."""
        self.default_used = True
        return self._default

    def zone(self, tzid: str | None) -> tzinfo:
        """The zone of a TZID; None is the default."""
        if tzid is None:
            return self.default
        if tzid not in self._zones:
            found = find_zone(tzid, self._calendar)
            self._zones[tzid] = self.default if found is None else found
        return self._zones[tzid]

    def knows(self, tzid: str) -> bool:
        """Whether a TZID means a zone of its own, not just the default one."""
        return find_zone(tzid, self._calendar) is not None

    def value(self, prop: Property) -> datetime | date:
        """The value of a date or date-time property: a date, a naive (floating) or an aware date-time.

        An aware one carries its zone, so that wall-clock arithmetic is right.
        """
        parsed = parse_date_time(prop.value)
        tzid = prop.param("TZID")
        if tzid is None or not isinstance(parsed, datetime) or parsed.tzinfo is not None:
            return parsed
        return parsed.replace(tzinfo=self.zone(tzid))

    def instant(self, value: datetime | date) -> datetime:
        """The UTC instant of a value; dates are their midnight, floating ones in the default zone."""
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if value.tzinfo is None:
            value = value.replace(tzinfo=self.default)
        return value.astimezone(UTC)
