# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules as values (RFC 5545 §3.3.10, RFC 7529 §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Final

from calcore_caldav.core.moments import format_date_time, parse_date_time
from calcore_caldav.errors import InvalidCalendarData

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SUPPORTED_RSCALES: Final = ("GREGORIAN",)
"""Calendar scales that rules may name (CALDAV:supported-rscale-set, RFC 7529 §5)."""
_MAX_LENGTH: Final = 20_000


class Frequency(IntEnum):
    """FREQ, from the shortest period to the longest."""

    SECONDLY = 0
    MINUTELY = 1
    HOURLY = 2
    DAILY = 3
    WEEKLY = 4
    MONTHLY = 5
    YEARLY = 6


class Skip(StrEnum):
    """What becomes of dates that a month doesn't have (RFC 7529 §4.1)."""

    OMIT = "OMIT"
    BACKWARD = "BACKWARD"
    FORWARD = "FORWARD"


@dataclass(frozen=True, slots=True)
class Rule:
    """A RECUR value. Empty tuples are parts that it doesn't have."""

    freq: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | date | None = None
    by_second: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_hour: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    """(ordinal, weekday): 0 is every one, 1 the first, -1 the last; Monday is 0."""
    by_month_day: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_week_no: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: int = 0
    skip: Skip = Skip.OMIT

    @property
    def endless(self) -> bool:
        """Neither COUNT nor UNTIL."""
        return self.count is None and self.until is None


@lru_cache(maxsize=1024)
def parse_rule(text: str) -> Rule:
    """The rule that a RECUR value describes; raises InvalidCalendarData naming the part that is wrong.

    Read as real clients write: any case, blanks, a trailing or doubled semicolon, empty BY lists, parts in
    any order, X- parts (ignored), COUNT and INTERVAL below one (they are one), COUNT beside UNTIL (whichever
    ends first).
    """
    fields: dict[str, object] = {}
    seen: dict[str, str] = {}
    if len(text) > _MAX_LENGTH:
        raise InvalidCalendarData("a rule that long is not supported")
    for part in text.strip().upper().split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if (not name and not equals) or name.startswith("X-"):
            continue
        if name not in _PARTS:
            raise InvalidCalendarData(f"{text!r}: there is no rule part {name[:20]!r}")
        if seen.setdefault(name, value) != value:
            raise InvalidCalendarData(f"{text!r}: {name} is there twice")
        field, read = _PARTS[name]
        try:
            fields[field] = read(value)
        except (ValueError, InvalidCalendarData):
            raise InvalidCalendarData(f"{text!r}: {name} can't be {value[:40]!r}") from None
        except _UnknownScale:
            raise InvalidCalendarData(
                f"{text!r}: the calendar scale {value[:40]!r} is not supported", "supported-rscale"
            ) from None
    if "freq" not in fields:
        raise InvalidCalendarData(f"{text!r}: FREQ is missing")
    if fields.pop("rscale", None) is None:
        fields.pop("skip", None)
    rule = Rule(**fields)  # type: ignore[arg-type]
    if rule.by_week_no and rule.freq is not Frequency.YEARLY:
        raise InvalidCalendarData(f"{text!r}: BYWEEKNO needs FREQ=YEARLY")
    return rule


class _UnknownScale(Exception):
    """A RSCALE that is none of SUPPORTED_RSCALES."""


def _freq(value: str) -> Frequency:
    try:
        return Frequency[value]
    except KeyError:
        raise ValueError(value) from None


def _at_least_one(value: str) -> int:
    # Anything longer than the calendar is as good as 10^9.
    return min(max(1, int(value)), 10**9)


def _numbers(low: int, high: int, *, signed: bool = False) -> Callable[[str], tuple[int, ...]]:
    def read(value: str) -> tuple[int, ...]:
        found = {int(number) for number in value.split(",") if number.strip()}
        for number in found:
            if not low <= (abs(number) if signed else number) <= high:
                raise ValueError(value)
        return tuple(sorted(found))

    return read


def _seconds(value: str) -> tuple[int, ...]:
    # A leap second is the 59th (RFC 5545 §3.3.12).
    return tuple(sorted({min(second, 59) for second in _numbers(0, 60)(value)}))


def _weekday(value: str) -> int:
    return WEEKDAYS.index(value)


def _by_day(value: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for written in value.split(","):
        day = written.replace(" ", "")
        if not day:
            continue
        ordinal = int(day[:-2]) if day[:-2] not in {"", "+", "-"} else 0
        if day[:-2] in {"+", "-"} or (day[:-2] and ordinal == 0) or abs(ordinal) > 53:
            raise ValueError(value)
        found.add((ordinal, _weekday(day[-2:])))
    return tuple(sorted(found))


def _rscale(value: str) -> str:
    if value not in SUPPORTED_RSCALES:
        raise _UnknownScale(value)
    return value


def _months(value: str) -> tuple[int, ...]:
    if any(month.strip().endswith("L") for month in value.split(",")):
        raise ValueError(value)
    return _numbers(1, 12)(value)


_PARTS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "FREQ": ("freq", _freq),
    "INTERVAL": ("interval", _at_least_one),
    "COUNT": ("count", _at_least_one),
    "UNTIL": ("until", parse_date_time),
    "BYSECOND": ("by_second", _seconds),
    "BYMINUTE": ("by_minute", _numbers(0, 59)),
    "BYHOUR": ("by_hour", _numbers(0, 23)),
    "BYDAY": ("by_day", _by_day),
    "BYMONTHDAY": ("by_month_day", _numbers(1, 31, signed=True)),
    "BYYEARDAY": ("by_year_day", _numbers(1, 366, signed=True)),
    "BYWEEKNO": ("by_week_no", _numbers(1, 53, signed=True)),
    "BYMONTH": ("by_month", _months),
    "BYSETPOS": ("by_set_pos", _numbers(1, 366, signed=True)),
    "WKST": ("week_start", _weekday),
    "RSCALE": ("rscale", _rscale),
    "SKIP": ("skip", Skip),
}


def with_part(text: str, name: str, value: str) -> str:
    """A RECUR value with one more part."""
    return ";".join([*(part for part in text.strip().split(";") if part.strip()), f"{name}={value}"])


def with_end(text: str, *, until: datetime | date | None = None, count: int | None = None) -> str:
    """A RECUR value with another end: UNTIL or COUNT instead of the ones it has, the other parts as written."""
    parts = [
        part
        for part in text.strip().split(";")
        if part.strip() and part.partition("=")[0].strip().upper() not in {"UNTIL", "COUNT"}
    ]
    if until is not None:
        parts.append(f"UNTIL={format_date_time(until)}")
    if count is not None:
        parts.append(f"COUNT={count}")
    return ";".join(parts)
