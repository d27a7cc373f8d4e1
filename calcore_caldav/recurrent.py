# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules in CalCore's vocabulary: values that write themselves as iCalendar lines.

    >>> WeeklyRecurrenceRule(weekdays=(1, 3), count=6).iCalRepresentation(datetime(2005, 3, 1, 10))
    ['RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=6']

What a rule means is decided by `core.recurrence`, for every door alike.
"""

from __future__ import annotations

import calendar
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar, Final, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.recurrence import RecurrenceSet
from calcore_caldav.core.rules import parse_rule
from calcore_caldav.core.times import TimeRange, format_date_time, parse_date_time
from calcore_caldav.errors import CalcoreError, InvalidCalendarData

WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""iCalendar's names of the days 0 (Monday) to 6, as `datetime.weekday` counts them."""

Monthly = Literal["monthday", "weekday", "lastweekday"]


class InvalidRule(CalcoreError, ValueError):
    """A recurrence rule that contradicts itself; the sentence says where."""


class Timed(Protocol):
    """Anything with a start: what `apply` needs of an event."""

    @property
    def dtstart(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True)
class RecurrenceRule:
    """What all rules have in common."""

    interval: int = 1
    """Every how many days, weeks, months or years."""
    count: int | None = None
    """How many occurrences, exceptions included; not together with `until`."""
    until: date | None = None
    """The last day on which an occurrence may start."""
    exceptions: tuple[date, ...] = ()
    """Days on which it doesn't happen."""

    ical_freq: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.count is not None and self.until is not None:
            raise InvalidRule(f"count and until exclude each other (got {self.count} and {self.until})")
        if self.count is not None and self.count < 1:
            raise InvalidRule(f"count must be at least 1 (got {self.count})")
        if self.interval < 1:
            raise InvalidRule(f"interval must be at least 1 (got {self.interval})")
        object.__setattr__(self, "exceptions", tuple(self.exceptions))
        for day in self.exceptions:
            if not isinstance(day, date):
                raise InvalidRule(f"exceptions must be dates (got {day!r})")

    def replace(self, **fields: Any) -> Self:
        """A copy with other fields."""
        return dataclasses.replace(self, **fields)

    def apply(self, event: Timed, enddate: date | None = None) -> Iterator[date]:
        """The days on which `event` recurs, its own first; endless rules go on until `enddate` (inclusive)."""
        start = event.dtstart.replace(tzinfo=None)
        lines = (f"DTSTART:{format_date_time(start)}", "DURATION:PT0S", *self.iCalRepresentation(start))
        component = Component("VEVENT", [Property("UID", "rule"), *map(Property.parse, lines)])
        end = None if enddate is None else datetime.combine(enddate + timedelta(1), time(), UTC)
        for instance in RecurrenceSet(Component("VCALENDAR", (), (component,)), UTC).between(
            TimeRange(None, end)
        ):
            yield instance.start.date()

    def iCalRepresentation(self, dtstart: datetime | date) -> list[str]:  # noqa: N802
        """The RRULE line, and an EXDATE line where there are exceptions, for a series that starts then."""
        parts = [f"FREQ={self.ical_freq}", *self._parts(dtstart)]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={_until(self.until, dtstart)}")
        return ["RRULE:" + ";".join(parts), *_exdates(self.exceptions, dtstart)]

    def _parts(self, dtstart: datetime | date) -> list[str]:  # noqa: ARG002
        return []


@dataclass(frozen=True)
class DailyRecurrenceRule(RecurrenceRule):
    """Every day, or every `interval` days."""

    ical_freq: ClassVar[str] = "DAILY"


@dataclass(frozen=True)
class WeeklyRecurrenceRule(RecurrenceRule):
    """Every week, or every `interval` weeks, on `weekdays` (0 is Monday) and on the day it starts."""

    weekdays: tuple[int, ...] = ()

    ical_freq: ClassVar[str] = "WEEKLY"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weekdays", tuple(self.weekdays))
        for day in self.weekdays:
            if day not in range(7):
                raise InvalidRule(f"a weekday is a number from 0 (Monday) to 6 (got {day!r})")

    def _parts(self, dtstart: datetime | date) -> list[str]:
        if not self.weekdays:
            return []
        days = sorted({*self.weekdays, dtstart.weekday()})
        return ["BYDAY=" + ",".join(WEEKDAYS[day] for day in days)]


@dataclass(frozen=True)
class MonthlyRecurrenceRule(RecurrenceRule):
    """Every month, or every `interval` months.

    `monthly` says what stays the same: "monthday" the day of the month (the 25th), "weekday" the weekday
    counted from the month's start (the third Friday), "lastweekday" counted from its end (the last but one).
    """

    monthly: Monthly = "monthday"

    ical_freq: ClassVar[str] = "MONTHLY"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.monthly not in {"monthday", "weekday", "lastweekday"}:
            raise InvalidRule(f"monthly is 'monthday', 'weekday' or 'lastweekday' (got {self.monthly!r})")

    def _parts(self, dtstart: datetime | date) -> list[str]:
        if self.monthly == "monthday":
            return [f"BYMONTHDAY={dtstart.day}"]
        last = calendar.monthrange(dtstart.year, dtstart.month)[1]
        week = (dtstart.day - 1) // 7 + 1 if self.monthly == "weekday" else (dtstart.day - last - 1) // 7
        return [f"BYDAY={week}{WEEKDAYS[dtstart.weekday()]}"]


@dataclass(frozen=True)
class YearlyRecurrenceRule(RecurrenceRule):
    """Every year, or every `interval` years, on the same day."""

    ical_freq: ClassVar[str] = "YEARLY"


@dataclass(frozen=True)
class RRule(RecurrenceRule):
    """Any rule of RFC 5545 §3.3.10, given as its text: `RRule(text="FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1")`."""

    text: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "text", self.text.removeprefix("RRULE:").strip())
        try:
            parse_rule(self.text)
        except InvalidCalendarData as error:
            raise InvalidRule(error.detail) from None

    def iCalRepresentation(self, dtstart: datetime | date) -> list[str]:  # noqa: N802
        """The rule as it was given, and its exceptions."""
        return ["RRULE:" + self.text, *_exdates(self.exceptions, dtstart)]


def from_ical(component: Component, zone: tzinfo) -> RecurrenceRule | None:
    """The rule of a VEVENT: one of the five where it says no more than they can, else an RRule; None: none."""
    prop = component.get("RRULE")
    if prop is None:
        return None
    exceptions = tuple(
        _local_day(value, zone) for exdate in component.all("EXDATE") for value in exdate.value.split(",")
    )
    parts = dict(part.split("=", 1) for part in prop.value.upper().split(";") if "=" in part)
    simple = _simple(parts, component, zone, exceptions)
    return simple if simple is not None else RRule(text=prop.value, exceptions=exceptions)


def _simple(
    parts: dict[str, str], component: Component, zone: tzinfo, exceptions: tuple[date, ...]
) -> RecurrenceRule | None:
    start = component.get("DTSTART")
    if start is None:
        return None
    parts = dict(parts)
    freq, by_day = parts.pop("FREQ", ""), parts.pop("BYDAY", "")
    interval, count, until = parts.pop("INTERVAL", "1"), parts.pop("COUNT", None), parts.pop("UNTIL", None)
    by_month_day = parts.pop("BYMONTHDAY", None)
    parts.pop("WKST", None)
    if parts:
        return None
    common: dict[str, Any] = {
        "interval": int(interval),
        "count": None if count is None else int(count),
        "until": None if until is None else _local_day(until, zone),
        "exceptions": exceptions,
    }
    first = _local_day(start.value, zone)
    candidates: tuple[RecurrenceRule, ...] = ()
    match freq:
        case "DAILY":
            candidates = (DailyRecurrenceRule(**common),)
        case "YEARLY":
            candidates = (YearlyRecurrenceRule(**common),)
        case "WEEKLY":
            days = tuple(WEEKDAYS.index(d) for d in by_day.split(",") if d in WEEKDAYS)
            candidates = (WeeklyRecurrenceRule(**common, weekdays=days),)
        case "MONTHLY":
            candidates = tuple(
                MonthlyRecurrenceRule(**common, monthly=m) for m in ("monthday", "weekday", "lastweekday")
            )
    wanted = {f"BYDAY={by_day}" if by_day else "", f"BYMONTHDAY={by_month_day}" if by_month_day else ""} - {
        ""
    }
    for rule in candidates:
        if {*rule._parts(first)} == wanted:  # noqa: SLF001 - the rules of this module
            return rule
    return None


def _local_day(value: str, zone: tzinfo) -> date:
    parsed = parse_date_time(value)
    if not isinstance(parsed, datetime):
        return parsed
    if parsed.tzinfo is not None:
        return parsed.astimezone(zone).date()
    return parsed.date()


def _until(until: date, dtstart: datetime | date) -> str:
    """UNTIL of the kind that DTSTART is: a date, a local time, or the last second of the day in UTC."""
    if isinstance(until, datetime):
        raise InvalidCalendarData("until is a day, not a time")
    if not isinstance(dtstart, datetime):
        return format_date_time(until)
    return format_date_time(datetime.combine(until, time(23, 59, 59), dtstart.tzinfo))


def _exdates(days: tuple[date, ...], dtstart: datetime | date) -> list[str]:
    if not days:
        return []
    if not isinstance(dtstart, datetime):
        return ["EXDATE;VALUE=DATE:" + ",".join(format_date_time(day) for day in days)]
    times = [datetime.combine(day, dtstart.time(), dtstart.tzinfo) for day in days]
    if isinstance(dtstart.tzinfo, ZoneInfo) and dtstart.tzinfo.key != "UTC":
        local = ",".join(format_date_time(t.replace(tzinfo=None)) for t in times)
        return [f"EXDATE;TZID={dtstart.tzinfo.key}:{local}"]
    return ["EXDATE:" + ",".join(format_date_time(t) for t in times)]
