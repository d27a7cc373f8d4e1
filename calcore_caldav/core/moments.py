# SPDX-License-Identifier: GPL-3.0-or-later
"""DATE, DATE-TIME and DURATION values, and whole seconds since 1970 (RFC 5545 §3.3.4 to §3.3.6)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from calcore_caldav.errors import InvalidCalendarData

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = 86400
"""Seconds."""
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_NAIVE: Final = datetime(1970, 1, 1)
EARLIEST: Final = (date(1, 1, 2).toordinal() - _EPOCH_ORDINAL) * DAY
LATEST: Final = (date(9999, 12, 30).toordinal() - _EPOCH_ORDINAL) * DAY + DAY - 1
"""Epoch seconds: what `datetime` can hold in every time zone."""
_DATE_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?(Z?)")
_DURATION: Final = re.compile(
    r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE
)


class Duration(NamedTuple):
    """A DURATION: days are nominal (the same wall clock), seconds are exact (RFC 5545 §3.3.6)."""

    days: int
    seconds: int


def to_epoch(instant: datetime) -> int:
    """Whole seconds since 1970 UTC, rounded down."""
    delta = instant - EPOCH
    return delta.days * 86400 + delta.seconds


def from_epoch(seconds: int) -> datetime:
    """The UTC instant of epoch seconds (any year that `datetime` knows)."""
    return EPOCH + timedelta(0, seconds)


def to_local(value: datetime | date) -> int:
    """The wall clock of a date or date-time, its zone left out, as seconds since 1970 on that clock."""
    if isinstance(value, datetime):
        delta = value.replace(tzinfo=None) - _EPOCH_NAIVE
        return delta.days * DAY + delta.seconds
    return (value.toordinal() - _EPOCH_ORDINAL) * DAY


def from_local(seconds: int) -> datetime:
    """The naive date-time of seconds since 1970 on a wall clock."""
    return _EPOCH_NAIVE + timedelta(0, seconds)


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return value.toordinal() - _EPOCH_ORDINAL


def from_day(day: int) -> date:
    """The date that many days after 1970-01-01."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


@lru_cache(8192)
def parse_date_time(value: str) -> datetime | date:
    """A DATE or DATE-TIME value: aware where it ends in Z, else naive (RFC 5545 §3.3.4, §3.3.5).

    A DATE with a trailing Z, as Google wrote in birthdays, is the date.
    """
    match = _DATE_TIME.fullmatch(value.strip())
    if match is None:
        raise InvalidCalendarData(f"not a date or date-time: {value[:40]!r}")
    year, month, day, hour, minute, second, zulu = match.groups()
    try:
        if hour is None:
            return date(int(year), int(month), int(day))
        # A leap second is the last second that datetime knows.
        whole = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            59 if second == "60" else int(second),
            tzinfo=UTC if zulu else None,
        )
    except ValueError as error:
        raise InvalidCalendarData(f"no such date or time: {value[:40]!r} ({error})") from None
    return whole


def format_date_time(value: datetime | date) -> str:
    """Basic format; aware values in UTC with Z, naive ones as local time, dates as dates."""
    if not isinstance(value, datetime):
        return value.isoformat().replace("-", "")
    suffix = ""
    if value.tzinfo is not None:
        value, suffix = value.astimezone(UTC), "Z"
    return value.isoformat()[:19].replace("-", "").replace(":", "") + suffix


@lru_cache(1024)
def split_duration(value: str) -> Duration:
    """A DURATION value with its nominal and its exact part apart (RFC 5545 §3.3.6)."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise InvalidCalendarData(f"not a duration: {value[:40]!r}")
    sign = -1 if match[1] == "-" else 1
    weeks, days, hours, minutes, seconds = (int(n or 0) for n in match.groups()[1:])
    made = Duration(sign * (weeks * 7 + days), sign * (hours * 3600 + minutes * 60 + seconds))
    if abs(made.days) > 999_999_999 or abs(made.seconds) > 999_999_999 * DAY:
        raise InvalidCalendarData(f"a duration too long: {value[:40]!r}")
    return made


def parse_duration(value: str) -> timedelta:
    """A DURATION value (RFC 5545 §3.3.6)."""
    days, seconds = split_duration(value)
    try:
        return timedelta(days, seconds)
    except OverflowError:
        raise InvalidCalendarData(f"a duration too long: {value[:40]!r}") from None


def format_duration(delta: timedelta, *, exact: bool = False) -> str:
    """A DURATION value; `exact`: in hours, since a day of a zone may have more or less than 24 (RFC 5545 §3.3.6)."""
    sign, seconds = ("-", -delta) if delta < timedelta(0) else ("", delta)
    days, rest = (0, int(seconds.total_seconds())) if exact else divmod(int(seconds.total_seconds()), DAY)
    hours, rest = divmod(rest, 3600)
    minutes, second = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (second, "S")) if n)
    body = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return f"{sign}P{body or 'T0S'}"
