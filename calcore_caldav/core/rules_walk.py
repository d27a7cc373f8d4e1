# SPDX-License-Identifier: GPL-3.0-or-later
"""The starts that a rule yields, from any point on (RFC 5545 §3.3.10).

All in whole seconds on the wall clock (see `moments.to_local`). A rule whose periods are all alike is plain
arithmetic; others are worked out period by period, from the one asked for: what lies between DTSTART and
there costs nothing, only COUNT has to be counted once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, dropwhile
from math import gcd
from typing import Final

from calcore_caldav.core.moments import DAY, LATEST, from_day
from calcore_caldav.core.rules import Frequency, Rule
from calcore_caldav.core.rules_days import DaySelection, YearShape, first_day, shape_of, week_one

_UNITS: Final = {Frequency.HOURLY: 3600, Frequency.MINUTELY: 60, Frequency.SECONDLY: 1}
_LAST_YEAR: Final = 9999
# The calendar repeats after 400 years, which are whole weeks: what was empty so long stays empty.
_EMPTY_YEARS: Final = 400
_EMPTY_MONTHS: Final = 4800
_EMPTY_WEEKS: Final = 20_871
_EMPTY_DAYS: Final = 146_097
_CACHED_DAYS: Final = 64


class RuleWalk:
    """A rule that starts at `start` (seconds on the wall clock); UNTIL and COUNT don't bound it.

    `dates`: DTSTART is a date; times of day in the rule are ignored then.
    """

    def __init__(self, rule: Rule, start: int, *, dates: bool = False) -> None:
        if dates:
            rule = _date_rule(rule)
        self.rule = rule
        self.start = start
        self._dates = dates
        day, second = divmod(start, DAY)
        date = from_day(day)
        self._days = DaySelection(rule, date.month, date.day, date.weekday())
        self._hour, self._minute, self._second = second // 3600, second // 60 % 60, second % 60
        self._times = self._times_of_day() if rule.freq >= Frequency.DAILY else ()
        self._cached_days: dict[int, Sequence[int]] = {}
        self._even = self._find_even()

    def walk(self, since: int) -> Iterator[int]:
        """Every start not before `since` and DTSTART, in order, each once, up to the year 9999."""
        since = max(since, self.start)
        if self._even is None:
            return self._periods(since)
        base, step, offsets = self._even
        if len(offsets) == 1:
            base += offsets[0]
            return iter(range(base - (base - since) // step * step, LATEST + 1, step))
        periods = range(base + (since - base) // step * step, LATEST + 1, step)
        return dropwhile(since.__gt__, (at + offset for at in periods for offset in offsets))

    def _periods(self, since: int) -> Iterator[int]:
        last = since - 1
        for chunk in self._chunks(since):
            for at in chunk:
                if at > last:
                    last = at
                    if at > LATEST:
                        return
                    yield at

    def nth(self, number: int) -> int | None:
        """The start of that number, from 1; None where there are fewer up to the year 9999."""
        if self._even is not None:
            base, step, offsets = self._even
            skipped = bisect_left(offsets, self.start - base)
            periods, index = divmod(skipped + number - 1, len(offsets))
            found = base + periods * step + offsets[index]
            return found if found <= LATEST else None
        passed, last = 0, self.start - 1
        for chunk in self._chunks(self.start):
            fresh = bisect_left(chunk, last + 1)
            size = len(chunk) - fresh
            if passed + size >= number:
                found = chunk[fresh + number - passed - 1]
                return found if found <= LATEST else None
            if size:
                passed += size
                last = chunk[-1]
        return None

    def count_before(self, local: int) -> int:
        """How many starts are before a wall clock time."""
        if self._even is not None:
            base, step, offsets = self._even
            periods, rest = divmod(local - base, step)
            passed = periods * len(offsets) + bisect_left(offsets, rest)
            return max(0, passed - bisect_left(offsets, self.start - base))
        passed, last = 0, self.start - 1
        for chunk in self._chunks(self.start):
            if chunk and chunk[0] >= local:
                break
            fresh = bisect_left(chunk, last + 1)
            passed += max(0, bisect_left(chunk, local) - fresh)
            last = max(last, chunk[-1] if chunk else last)
        return passed

    def first(self, since: int) -> int | None:
        """The first start not before `since`."""
        return next(self.walk(since), None)

    def _times_of_day(self) -> Sequence[int]:
        rule = self.rule
        return [
            hour * 3600 + minute * 60 + second
            for hour in rule.by_hour or (self._hour,)
            for minute in rule.by_minute or (self._minute,)
            for second in rule.by_second or (self._second,)
        ]

    def _chosen(self, candidates: Sequence[int]) -> Sequence[int]:
        """BYSETPOS."""
        positions = self.rule.by_set_pos
        if not positions:
            return candidates
        size = len(candidates)
        found = {candidates[p - 1 if p > 0 else p] for p in positions if -size <= p <= size}
        return sorted(found)

    def _find_even(self) -> tuple[int, int, Sequence[int]] | None:
        """(base, step, offsets) where the starts are base + n * step + offset; None where periods differ."""
        rule, days = self.rule, self._days
        if rule.freq > Frequency.WEEKLY or days.limited:
            return None
        if rule.freq == Frequency.WEEKLY:
            offsets = self._chosen(self._week_offsets())
            base, length = self._week_of(self.start // DAY) * DAY, 7 * DAY
        elif rule.freq == Frequency.DAILY:
            offsets = self._chosen(self._times)
            base, length = self.start // DAY * DAY, DAY
        else:
            if self._limits_times:
                return None
            length = _UNITS[rule.freq]
            base = self.start // length * length
            offsets = self._chosen(self._unit_times(0))
        return (base, length * rule.interval, offsets) if offsets else None

    @property
    def _limits_times(self) -> bool:
        """Whether a rule below DAILY leaves hours, minutes or seconds out."""
        rule = self.rule
        return bool(
            rule.by_hour
            or (rule.by_minute and rule.freq < Frequency.HOURLY)
            or (rule.by_second and rule.freq < Frequency.MINUTELY)
        )

    def _week_of(self, day: int) -> int:
        """The first day of the week that `day` is in."""
        return day - (day + 3 - self.rule.week_start) % 7

    def _week_days(self) -> Sequence[int]:
        """Days of the week that the rule selects, from 0 for WKST."""
        rule = self.rule
        weekdays = {weekday for _, weekday in rule.by_day} or {self._days.weekday}
        return sorted((weekday - rule.week_start) % 7 for weekday in weekdays)

    def _week_offsets(self) -> Sequence[int]:
        return [day * DAY + time for day in self._week_days() for time in self._times]

    def _unit_times(self, unit: int) -> Sequence[int]:
        """Below DAILY: the seconds within hour, minute or second number `unit` of a day; () if it's left out."""
        rule = self.rule
        if rule.freq == Frequency.HOURLY:
            if rule.by_hour and unit not in rule.by_hour:
                return ()
            return [
                minute * 60 + second
                for minute in rule.by_minute or (self._minute,)
                for second in rule.by_second or (self._second,)
            ]
        if rule.freq == Frequency.MINUTELY:
            hour, minute = divmod(unit, 60)
            if (rule.by_hour and hour not in rule.by_hour) or (
                rule.by_minute and minute not in rule.by_minute
            ):
                return ()
            return rule.by_second or (self._second,)
        minutes, second = divmod(unit, 60)
        hour, minute = divmod(minutes, 60)
        if (
            (rule.by_hour and hour not in rule.by_hour)
            or (rule.by_minute and minute not in rule.by_minute)
            or (rule.by_second and second not in rule.by_second)
        ):
            return ()
        return (0,)

    def _chunks(self, since: int) -> Iterator[Sequence[int]]:
        """The starts of each period from the one before `since` on; some may be before `since` or DTSTART."""
        if self.rule.freq == Frequency.YEARLY:
            return self._years(since)
        if self.rule.freq == Frequency.MONTHLY:
            return self._months(since)
        if self.rule.freq == Frequency.WEEKLY:
            return self._weeks(since)
        return self._days_and_shorter(since)

    def _placed(self, first: int, days: Sequence[int]) -> Sequence[int]:
        times = self._times
        if len(times) == 1:
            time = times[0] + first * DAY
            return self._chosen([time + day * DAY for day in days])
        return self._chosen([(first + day) * DAY + time for day in days for time in times])

    def _years(self, since: int) -> Iterator[Sequence[int]]:
        interval = self.rule.interval
        start = self._first_year()
        # One period earlier: SKIP=FORWARD reaches into the next.
        periods = max(0, (from_day(since // DAY).year - start) // interval - 1)
        empty = 0
        for year in range(start + periods * interval, _LAST_YEAR + 1, interval):
            days = self._days.year_days(shape_of(year))
            empty = 0 if days else empty + 1
            if empty > _EMPTY_YEARS:
                return
            if days:
                yield self._placed(first_day(year), days)

    def _first_year(self) -> int:
        """The year that INTERVAL counts from: DTSTART's, with BYWEEKNO the one that its week belongs to.

        Where the rule doesn't yield DTSTART itself, the RFC leaves it open; then it is the calendar's year.
        """
        day = self.start // DAY
        year = from_day(day).year
        if not self.rule.by_week_no:
            return year
        into, shape = day - first_day(year), shape_of(year)
        of_week = year
        if into < week_one(shape.weekday, self.rule.week_start):
            of_week = year - 1
        elif into >= shape.length + week_one((shape.weekday + shape.length) % 7, self.rule.week_start):
            of_week = year + 1
        if self.rule.interval == 1:
            return min(year, of_week)
        yielded = day - first_day(of_week) in self._days.year_days(shape_of(of_week))
        return of_week if yielded else year

    def _months(self, since: int) -> Iterator[Sequence[int]]:
        interval = self.rule.interval
        begin, now = from_day(self.start // DAY), from_day(since // DAY)
        start = begin.year * 12 + begin.month - 1
        periods = max(0, (now.year * 12 + now.month - 1 - start) // interval - 1)
        empty, year, first = 0, 0, 0
        shape: YearShape | None = None
        for number in range(start + periods * interval, _LAST_YEAR * 12 + 12, interval):
            if shape is None or number // 12 != year:
                year = number // 12
                shape, first = shape_of(year), first_day(year)
            days = self._days.month_days(shape, number % 12 + 1)
            empty = 0 if days else empty + 1
            if empty > _EMPTY_MONTHS:
                return
            if days:
                yield self._placed(first, days)

    def _weeks(self, since: int) -> Iterator[Sequence[int]]:
        step = 7 * self.rule.interval
        base = self._week_of(self.start // DAY)
        periods = max(0, (since // DAY - base) // step)
        wanted = self._week_days()
        empty = 0
        selected = _Selected(self._days)
        for week in range(base + periods * step, LATEST // DAY - 6, step):
            days = [day for day in wanted if selected.has(week + day)]
            empty = 0 if days else empty + 1
            if empty > _EMPTY_WEEKS:
                return
            if days:
                yield self._placed(week, days)

    def _days_and_shorter(self, since: int) -> Iterator[Sequence[int]]:
        rule = self.rule
        unit = _UNITS.get(rule.freq, DAY)
        per_day = DAY // unit
        start = self.start // unit
        # The rule's hours, minutes or seconds of a day are, over all days, those congruent to DTSTART's.
        apart = gcd(rule.interval, per_day)
        if unit != DAY and not any(map(self._unit_times, range(start % apart, per_day, apart))):
            return
        selected = _Selected(self._days)
        day, last, empty = since // DAY, LATEST // DAY, 0
        while empty <= _EMPTY_DAYS:
            day = selected.next(day)
            if day > last:
                return
            # The first of the rule's hours, minutes or seconds that isn't before the day.
            offset = (start - day * per_day) % rule.interval
            if offset >= per_day:
                day += offset // per_day
                empty += 1
                continue
            times = self._of_day(offset, per_day, unit)
            empty = 0 if times else empty + 1
            if times:
                base = day * DAY
                yield [base + time for time in times]
            day += 1

    def _of_day(self, offset: int, per_day: int, unit: int) -> Sequence[int]:
        found = self._cached_days.get(offset)
        if found is None:
            if unit == DAY:
                found = self._chosen(self._times)
            else:
                found = [
                    number * unit + time
                    for number in range(offset, per_day, self.rule.interval)
                    for time in self._chosen(self._unit_times(number))
                ]
            if len(self._cached_days) < _CACHED_DAYS:
                self._cached_days[offset] = found
        return found


class _Selected:
    """The days that a selection's masks leave, looked up by day since 1970."""

    __slots__ = ("_days", "_first", "_limited", "_mask")

    def __init__(self, days: DaySelection) -> None:
        self._days = days
        self._limited = days.limited
        self._first = 0
        self._mask = b""

    def has(self, day: int) -> bool:
        """Whether the rule leaves this day."""
        if not self._limited:
            return True
        if not 0 <= day - self._first < len(self._mask):
            self._load(from_day(day).year)
        return bool(self._mask[day - self._first])

    def next(self, day: int) -> int:
        """The first day left, this one or later; a day after the year 9999 where there is none."""
        if not self._limited:
            return day
        if day > LATEST // DAY:
            return day
        if not 0 <= day - self._first < len(self._mask):
            self._load(from_day(day).year)
        found = self._mask.find(1, day - self._first)
        if found >= 0:
            return self._first + found
        year = from_day(self._first).year
        for later in chain(range(year + 1, min(year + 1 + _EMPTY_YEARS, _LAST_YEAR + 1))):
            self._load(later)
            found = self._mask.find(1)
            if found >= 0:
                return self._first + found
        return LATEST // DAY + 1

    def _load(self, year: int) -> None:
        self._first = first_day(year)
        self._mask = self._days.mask(shape_of(year))


def _date_rule(rule: Rule) -> Rule:
    """The rule for a DTSTART that is a date: no times of day; shorter periods become the days they fall on."""
    freq, interval = rule.freq, rule.interval
    if freq < Frequency.DAILY:
        interval = max(1, interval * _UNITS[freq] // DAY)
        freq = Frequency.DAILY
    return Rule(
        freq=freq,
        interval=interval,
        count=rule.count,
        until=rule.until,
        by_day=rule.by_day,
        by_month_day=rule.by_month_day,
        by_year_day=rule.by_year_day,
        by_week_no=rule.by_week_no,
        by_month=rule.by_month,
        by_set_pos=rule.by_set_pos,
        week_start=rule.week_start,
        skip=rule.skip,
    )
