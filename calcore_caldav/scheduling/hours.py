# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening hours of a room, by weekday and in its own time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Self

from calcore_caldav.core.times import Period

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE: Final = re.compile(r"([a-z]{3}(?:-[a-z]{3})?(?:\s*,\s*[a-z]{3}(?:-[a-z]{3})?)*)\s+(.+)")
_RANGE: Final = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")
_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 3653


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a room may be used: for each weekday (Monday first) the open ranges as offsets from midnight."""

    week: tuple[tuple[tuple[timedelta, timedelta], ...], ...]
    text: str = ""
    """As it was written."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "mon-fri 08:00-12:00, 13:00-18:00; sat 09:00-12:00"; days that are not named are closed.

        24:00 is the end of a day. Raises ValueError with a sentence.
        """
        week: list[list[tuple[timedelta, timedelta]]] = [[] for _ in DAYS]
        for part in filter(None, (p.strip().lower() for p in text.split(";"))):
            rule = _RULE.fullmatch(part)
            if rule is None:
                raise ValueError(f"{part!r} is not of the form 'mon-fri 08:00-18:00'")
            ranges = [_parse_range(r.strip()) for r in rule.group(2).split(",")]
            for day in _parse_days(rule.group(1)):
                week[day].extend(ranges)
        return cls(tuple(tuple(_joined(ranges)) for ranges in week), text)

    def cover(self, start: datetime, end: datetime, zone: tzinfo) -> bool:
        """Whether the room is open during all of [start, end)."""
        local_start = start.astimezone(zone).replace(tzinfo=None)
        local_end = max(end.astimezone(zone).replace(tzinfo=None), local_start)
        day = datetime.combine(local_start.date(), time())
        reached = local_start
        while True:
            for opens, closes in self.week[day.weekday()]:
                if day + opens <= reached <= day + closes:
                    reached = max(reached, day + closes)
            if reached >= local_end and (reached > local_start or local_end > local_start):
                return True
            day += _DAY
            if reached < day:
                # The day ended before its ranges did, or nothing is open here.
                return False

    def closed(self, period: Period, zone: tzinfo) -> list[Period]:
        """When it is closed within a period; of longer ones, in their first ten years."""
        day = datetime.combine(period.start.astimezone(zone).date(), time())
        shut, found = period.start, []
        for _ in range(_MOST_DAYS):
            for opens, closes in self.week[day.weekday()]:
                first = (day + opens).replace(tzinfo=zone).astimezone(UTC)
                last = (day + closes).replace(tzinfo=zone).astimezone(UTC)
                if shut < min(first, period.end):
                    found.append(Period(shut, min(first, period.end)))
                shut = max(shut, last)
            day += _DAY
            if day.replace(tzinfo=zone).astimezone(UTC) >= period.end:
                break
        return [*found, Period(shut, period.end)] if shut < period.end else found


def _parse_days(text: str) -> list[int]:
    days: list[int] = []
    for part in (p.strip() for p in text.split(",")):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"{part!r} names no days; they are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.extend(d % 7 for d in range(begin, end + 1 if end >= begin else end + 8))
    return days


def _parse_range(text: str) -> tuple[timedelta, timedelta]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not of the form '08:00-18:00'")
    begin_hour, begin_minute, end_hour, end_minute = map(int, match.groups())
    begin = timedelta(hours=begin_hour, minutes=begin_minute)
    end = timedelta(hours=end_hour, minutes=end_minute)
    if not (begin < end <= _DAY and begin_minute < 60 and end_minute < 60):
        raise ValueError(f"{text!r} does not end after it begins, on one day")
    return begin, end


def _joined(ranges: list[tuple[timedelta, timedelta]]) -> list[tuple[timedelta, timedelta]]:
    joined: list[tuple[timedelta, timedelta]] = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
