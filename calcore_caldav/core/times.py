# SPDX-License-Identifier: GPL-3.0-or-later
"""Instants, ranges and time zones (RFC 5545 §3.3.4 to §3.3.9, §3.6.5)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.core.content import Component, Property
from calcore_caldav.errors import InvalidCalendarData

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_DURATION: Final = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE
)


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


def to_epoch(instant: datetime) -> int:
    """Whole seconds since 1970 UTC, rounded down."""
    delta = instant - EPOCH
    return delta.days * 86400 + delta.seconds


def from_epoch(seconds: int) -> datetime:
    """The UTC instant of epoch seconds (any year that `datetime` knows)."""
    return EPOCH + timedelta(seconds=seconds)


def parse_date_time(value: str) -> datetime | date:
    """A DATE or DATE-TIME value: aware where it ends in Z, else naive (RFC 5545 §3.3.4, §3.3.5)."""
    match = _DATE_TIME.fullmatch(value.strip())
    if match is None:
        raise InvalidCalendarData(f"not a date or date-time: {value[:40]!r}")
    year, month, day, hour, minute, second, zulu = match.groups()
    try:
        if hour is None:
            return date(int(year), int(month), int(day))
        # A leap second is the last second that datetime knows.
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59))
    except ValueError as error:
        raise InvalidCalendarData(f"no such date or time: {value[:40]!r} ({error})") from None
    return whole.replace(tzinfo=UTC) if zulu else whole


def format_date_time(value: datetime | date) -> str:
    """Basic format; aware values in UTC with Z, naive ones as local time, dates as dates."""
    if not isinstance(value, datetime):
        return f"{value.year:04}{value.month:02}{value.day:02}"
    suffix = ""
    if value.tzinfo is not None:
        value, suffix = value.astimezone(UTC), "Z"
    return (
        f"{value.year:04}{value.month:02}{value.day:02}T"
        f"{value.hour:02}{value.minute:02}{value.second:02}{suffix}"
    )


def parse_duration(value: str) -> timedelta:
    """A DURATION value (RFC 5545 §3.3.6)."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise InvalidCalendarData(f"not a duration: {value[:40]!r}")
    sign, weeks, days, hours, minutes, seconds = match.groups()
    try:
        delta = timedelta(
            weeks=int(weeks or 0),
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=int(seconds or 0),
        )
    except OverflowError:
        raise InvalidCalendarData(f"a duration too long: {value[:40]!r}") from None
    return -delta if sign == "-" else delta


def format_duration(delta: timedelta) -> str:
    """A DURATION value."""
    sign, seconds = ("-", -delta) if delta < timedelta(0) else ("", delta)
    days, rest = divmod(int(seconds.total_seconds()), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, second = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (second, "S")) if n)
    body = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return f"{sign}P{body or 'T0S'}"


class TimezoneResolver:
    """TZIDs of one calendar object as time zones; never raises (RFC 5545 §3.2.19, §3.6.5).

    A TZID that names an IANA zone, directly or by a well-known alias, is that zone: VTIMEZONEs are often
    outdated. Only an unknown name is read from the object's own VTIMEZONE, and without one it means
    `default`, which is also the zone of floating and all-day values.
    """

    __slots__ = ("_calendar", "_zones", "default")

    def __init__(self, calendar: Component, default: tzinfo) -> None:
        self._calendar = calendar
        self._zones: dict[str, tzinfo] = {}
        self.default = default

    def zone(self, tzid: str | None) -> tzinfo:
        """The zone of a TZID; None is the default."""
        if tzid is None:
            return self.default
        if tzid not in self._zones:
            self._zones[tzid] = self._find(tzid)
        return self._zones[tzid]

    def _find(self, tzid: str) -> tzinfo:
        try:
            return ZoneInfo(tzid)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.default

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
