# SPDX-License-Identifier: GPL-3.0-or-later
"""Which days of a year or month a rule selects (RFC 5545 §3.3.10, table of the BYxxx parts).

Years come in 14 shapes: leap or not, weekday of 1 January. A rule is worked out once per shape; days are
counted from 0 for 1 January.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from calcore_caldav.core.rules import Frequency, Rule, Skip

_FIRST_DAYS: Final = (
    (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365),
    (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366),
)
"""Day of the year on which each month starts, and the year ends; [0] common years, [1] leap years."""


class YearShape(NamedTuple):
    """All that the days of a year depend on."""

    leap: bool
    weekday: int
    """Of 1 January; Monday is 0."""

    @property
    def length(self) -> int:
        """Days."""
        return 366 if self.leap else 365


def is_leap(year: int) -> bool:
    """Whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def first_day(year: int) -> int:
    """1 January as days since 1970-01-01."""
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 - 719162


def shape_of(year: int) -> YearShape:
    """The shape of a year."""
    return YearShape(is_leap(year), (first_day(year) + 3) % 7)


class DaySelection:
    """The days that a rule selects, by shape of the year; `month_day`, `month`, `weekday` are DTSTART's."""

    __slots__ = ("_masks", "_month_lists", "_year_lists", "month", "month_day", "rule", "weekday")

    def __init__(self, rule: Rule, month: int, month_day: int, weekday: int) -> None:
        self.rule = rule
        self.month = month
        self.month_day = month_day
        self.weekday = weekday
        self._masks: dict[YearShape, bytes] = {}
        self._year_lists: dict[YearShape, tuple[int, ...]] = {}
        self._month_lists: dict[tuple[YearShape, int], tuple[int, ...]] = {}

    @property
    def limited(self) -> bool:
        """Whether a rule up to WEEKLY leaves days out."""
        rule = self.rule
        by_day = rule.by_day if rule.freq < Frequency.WEEKLY else ()
        return bool(rule.by_month or rule.by_year_day or rule.by_month_day or by_day)

    def mask(self, shape: YearShape) -> bytes:
        """For rules up to WEEKLY: 1 for each day of the year that the rule doesn't leave out."""
        found = self._masks.get(shape)
        if found is None:
            days = self._limits(shape)
            if self.rule.by_day and self.rule.freq < Frequency.WEEKLY:
                weekdays = {weekday for _, weekday in self.rule.by_day}
                days &= {d for d in range(shape.length) if (shape.weekday + d) % 7 in weekdays}
            found = self._masks[shape] = bytes(d in days for d in range(shape.length))
        return found

    def year_days(self, shape: YearShape) -> tuple[int, ...]:
        """For YEARLY rules: the days of the year; with SKIP also a day next to it."""
        found = self._year_lists.get(shape)
        if found is None:
            found = self._year_lists[shape] = tuple(sorted(self._year(shape)))
        return found

    def month_days(self, shape: YearShape, month: int) -> tuple[int, ...]:
        """For MONTHLY rules: days of the year in `month` (1 to 12), with SKIP also a day next to it."""
        found = self._month_lists.get((shape, month))
        if found is None:
            found = self._month_lists[shape, month] = tuple(sorted(self._month(shape, month)))
        return found

    def _year(self, shape: YearShape) -> set[int]:
        rule = self.rule
        # Days of the month alone are those of DTSTART's month, as in libical and the clients built on it.
        own = (self.month,) if not (rule.by_year_day or rule.by_week_no) else range(1, 13)
        months = rule.by_month or own
        days: set[int] | None = None
        if rule.by_month_day:
            days = _union(self._of_month(shape, month, rule.by_month_day) for month in months)
            if rule.by_week_no:  # December and January are the same in every year
                days |= {d + years * shape.length for d in days for years in (-1, 1)}
        elif rule.by_month:
            days = {d for month in rule.by_month for d in _month_range(shape, month)}
        if rule.by_year_day:
            days = _both(days, _year_days(shape, rule))
        if rule.by_week_no:
            days = _both(days, _week_days(shape, rule))
        if rule.by_day:
            if rule.by_week_no or not any(ordinal for ordinal, _ in rule.by_day):
                weekdays = {weekday for _, weekday in rule.by_day}
                found = {d for d in range(-7, shape.length + 7) if (shape.weekday + d) % 7 in weekdays}
                if not rule.by_week_no:
                    found &= {*range(shape.length)}
            elif rule.by_month:
                found = _union(_month_weekdays(shape, month, rule.by_day) for month in rule.by_month)
            else:
                found = _weekdays_within(shape, 0, shape.length, rule.by_day)
            days = _both(days, found)
        elif not (rule.by_month_day or rule.by_year_day):
            if rule.by_week_no:
                around = range(-7, shape.length + 7)
                days = _both(days, {d for d in around if (shape.weekday + d) % 7 == self.weekday})
            else:
                months = rule.by_month or (self.month,)
                days = _union(self._of_month(shape, month, (self.month_day,)) for month in months)
        return days or set()

    def _month(self, shape: YearShape, month: int) -> set[int]:
        rule = self.rule
        if rule.by_month and month not in rule.by_month:
            return set()
        days: set[int] | None = None
        if rule.by_month_day:
            days = self._of_month(shape, month, rule.by_month_day)
        elif not rule.by_day:
            days = self._of_month(shape, month, (self.month_day,))
        if rule.by_day:
            days = _both(days, _month_weekdays(shape, month, rule.by_day))
        if rule.by_year_day:
            days = _both(days, _year_days(shape, rule))
        return days or set()

    def _of_month(self, shape: YearShape, month: int, month_days: Iterable[int]) -> set[int]:
        """Days of a month; those that it doesn't have as SKIP says (RFC 7529 §4.1)."""
        first = _FIRST_DAYS[shape.leap][month - 1]
        length = _FIRST_DAYS[shape.leap][month] - first
        found = set()
        for number in month_days:
            day = number - 1 if number > 0 else length + number
            if 0 <= day < length:
                found.add(first + day)
            elif self.rule.skip is not Skip.OMIT:
                found.add(first + _skipped(number, length, self.rule.skip))
        return found

    def _limits(self, shape: YearShape) -> set[int]:
        rule = self.rule
        days = set(range(shape.length))
        if rule.by_month:
            days &= {d for month in rule.by_month for d in _month_range(shape, month)}
        if rule.by_month_day:
            days &= _union(self._of_month(shape, month, rule.by_month_day) for month in range(1, 13))
        if rule.by_year_day:
            days &= _year_days(shape, rule)
        return days


def _union(sets: Iterable[set[int]]) -> set[int]:
    return set().union(*sets)


def _both(days: set[int] | None, others: set[int]) -> set[int]:
    return others if days is None else days & others


def _year_days(shape: YearShape, rule: Rule) -> set[int]:
    found = set()
    for number in rule.by_year_day:
        day = number - 1 if number > 0 else shape.length + number
        if 0 <= day < shape.length:
            found.add(day)
        elif rule.skip is not Skip.OMIT:
            found.add(_skipped(number, shape.length, rule.skip))
    return found


def _skipped(number: int, length: int, skip: Skip) -> int:
    """The day next to one that a month or year of `length` days doesn't have, from its first (RFC 7529 §4.1)."""
    edge = length if number > 0 else 0
    return edge if skip is Skip.FORWARD else edge - 1


def _month_range(shape: YearShape, month: int) -> Iterator[int]:
    """The days of a month, with those next to the year that a week of the year may reach."""
    first = _FIRST_DAYS[shape.leap]
    yield from range(first[month - 1], first[month])
    if month == 12:
        yield from range(-7, 0)
    if month == 1:
        yield from range(shape.length, shape.length + 7)


def _month_weekdays(shape: YearShape, month: int, by_day: Iterable[tuple[int, int]]) -> set[int]:
    first = _FIRST_DAYS[shape.leap]
    return _weekdays_within(shape, first[month - 1], first[month], by_day)


def _weekdays_within(shape: YearShape, start: int, end: int, by_day: Iterable[tuple[int, int]]) -> set[int]:
    """Weekdays with ordinals counted in [start, end)."""
    found: set[int] = set()
    for ordinal, weekday in by_day:
        all_of_them = range(start + (weekday - shape.weekday - start) % 7, end, 7)
        if ordinal == 0:
            found.update(all_of_them)
        elif -len(all_of_them) <= ordinal <= len(all_of_them):
            found.add(all_of_them[ordinal - 1 if ordinal > 0 else ordinal])
    return found


def _week_days(shape: YearShape, rule: Rule) -> set[int]:
    """The days of a year's numbered weeks; week 1 is the first with four days in the year.

    Its first days may be in the year before (negative), the last week's last days in the one after.
    """
    first = week_one(shape.weekday, rule.week_start)
    weeks = (week_one((shape.weekday + shape.length) % 7, rule.week_start) + shape.length - first) // 7
    found: set[int] = set()
    for number in rule.by_week_no:
        week = number - 1 if number > 0 else weeks + number
        if 0 <= week < weeks:
            found.update(range(first + 7 * week, first + 7 * week + 7))
    return found


def week_one(weekday: int, week_start: int) -> int:
    """Where week 1 starts relative to 1 January, which is a `weekday`: -3 to 3 (RFC 5545 §3.3.10, BYWEEKNO)."""
    into = (weekday - week_start) % 7
    return -into if into <= 3 else 7 - into
