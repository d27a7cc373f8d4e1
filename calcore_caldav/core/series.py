# SPDX-License-Identifier: GPL-3.0-or-later
"""A master component as a set of original starts, and the times of each (RFC 5545 §3.8.2, §3.8.5).

An original start is an integer, its key: epoch seconds for a series with a time zone, seconds on the wall
clock for a floating one, days for an all-day one. So series compare and remember what identifies an
instance, whatever time zone is asked with.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from heapq import merge
from typing import Final

from calcore_caldav.core.content import Component, Property, split_values
from calcore_caldav.core.moments import (
    DAY,
    EARLIEST,
    LATEST,
    from_day,
    from_epoch,
    from_local,
    split_duration,
    to_day,
    to_epoch,
    to_local,
)
from calcore_caldav.core.recurrence_id import RecurrenceId
from calcore_caldav.core.rules import parse_rule
from calcore_caldav.core.rules_bounded import BoundedRule
from calcore_caldav.core.spans import Moment, Span, Times, ended, form_of, read_moment
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.core.zones import offsets_of
from calcore_caldav.errors import InvalidCalendarData

_MAX_EXCLUDED: Final = 50_000
"""So many starts in a row that EXDATE and EXRULE take away end a series: it would never yield one."""


def is_ranged(component: Component) -> bool:
    """Whether a component overrides its instance and all that follow (RFC 5545 §3.2.13)."""
    prop = component.get("RECURRENCE-ID")
    return prop is not None and (prop.param("RANGE") or "").upper() == "THISANDFUTURE"


def has_periods(master: Component) -> bool:
    """Whether dates of a series bring their own length (RFC 5545 §3.8.5.2)."""
    return any("/" in prop.value for prop in master.all("RDATE"))


@dataclass(frozen=True, slots=True)
class Override:
    """A component with a RECURRENCE-ID."""

    component: Component
    original: datetime | date
    """The value of RECURRENCE-ID."""
    key: int | None
    """The original start as the series identifies it; None without a series."""
    moment: Moment
    times: Times
    shift: Span | None
    """RANGE=THISANDFUTURE: how far it and all that follow are moved; else None."""


def read_override(component: Component, zones: TimezoneResolver, series: Series | None) -> Override:
    """The override that a component describes. Raises InvalidCalendarData."""
    rid = component.get("RECURRENCE-ID")
    assert rid is not None
    original = zones.value(rid)
    key = None if series is None else series.key(original)
    moment = read_moment(component, zones)
    if moment is None:
        all_day, floating, local, offsets = form_of(original, zones)
        moment = Moment(all_day, floating, local, offsets, Span(0, 0))
    shift = None
    if series is not None and key is not None and is_ranged(component):
        shift = series.shift(key, moment)
    return Override(component, original, key, moment, moment.times, shift)


class Series:
    """The original starts of a master: DTSTART, its rules and dates, less the excluded ones."""

    __slots__ = (
        "_begins",
        "_excluded",
        "_excluded_days",
        "_longest",
        "_spans",
        "all_day",
        "anchor",
        "component",
        "dates",
        "excluding",
        "floating",
        "moment",
        "recurring",
        "rules",
        "zones",
    )

    def __init__(self, component: Component, moment: Moment, zones: TimezoneResolver) -> None:
        self.component = component
        self.moment = moment
        self.zones = zones
        self.all_day = moment.all_day
        self.floating = moment.floating
        self.anchor = self.key_at(moment.local)
        self.rules = [BoundedRule(p.value, moment) for p in component.all("RRULE") if p.value.strip()]
        self._begins: bool | None = None
        self._spans: dict[int, Span] = {}
        dates = {self.anchor}
        for prop in component.all("RDATE"):
            dates.update(self._read_dates(prop))
        self.dates = sorted(dates)
        self.recurring = bool(self.rules) or len(dates) > 1 or component.get("RDATE") is not None
        self.excluding: list[BoundedRule] = []
        self._excluded: frozenset[int] = frozenset()
        self._excluded_days: frozenset[int] = frozenset()
        if self.recurring:
            self.excluding = [
                BoundedRule(p.value, moment) for p in component.all("EXRULE") if p.value.strip()
            ]
            self._read_excluded()
        self._longest = max((s.longest for s in (moment.span, *self._spans.values())), default=0)

    @classmethod
    def read(cls, component: Component, zones: TimezoneResolver) -> Series | None:
        """The series of a master; None where it has no time at all. Raises InvalidCalendarData."""
        moment = read_moment(component, zones)
        if moment is None:
            for name in ("RRULE", "EXRULE"):
                for prop in component.all(name):
                    parse_rule(prop.value)
            return None
        return cls(component, moment, zones)

    @property
    def endless(self) -> bool:
        """Whether a rule has neither COUNT nor UNTIL."""
        return any(bounded.rule.endless for bounded in self.rules)

    def key(self, value: datetime | date) -> int:
        """What identifies the instance that a RECURRENCE-ID, RDATE or EXDATE value means.

        Values of another form than DTSTART's are read in its form: a date in a timed series is that day at
        DTSTART's time, a time in an all-day series its day, a time without zone is in DTSTART's.
        """
        local = to_local(value)
        if self.all_day:
            return local // DAY
        if not isinstance(value, datetime):
            return self.key_at(local + self.moment.local % DAY)
        if self.floating or value.tzinfo is None:
            return self.key_at(local)
        return to_epoch(value) if value.utcoffset() == _ZERO else offsets_of(value.tzinfo).utc(local)

    def rid(self, key: int) -> RecurrenceId:
        """An original start as others know it."""
        if self.all_day:
            return RecurrenceId(from_day(key))
        return RecurrenceId(from_local(key) if self.floating else from_epoch(key))

    def keys_from(self, key: int) -> Iterator[int]:
        """Original starts in order from `key` on."""
        return self.keys(EARLIEST, key)

    def next_of(self, bounded: BoundedRule, key: int) -> int | None:
        """The first start of one rule at or after `key`, excluded ones too."""
        return next((at for at in bounded.keys(self._local_near(key), self.moment) if at >= key), None)

    def period(self, key: int) -> Span | None:
        """The length that an RDATE with a period gives its instance."""
        return self._spans.get(key)

    def keys(self, since: int, first: int | None = None) -> Iterator[int]:
        """Keys in order from the instant `since` (epoch seconds) or the key `first` on.

        May begin a little earlier than `since`, never than `first`.
        """
        local = self._local_before(since)
        least = self._key_floor(local)
        if first is not None and first >= least:
            least = first
            local = max(local, self._local_near(first))
        streams: list[Iterable[int]] = [bounded.keys(local, self.moment) for bounded in self.rules]
        dates = self.dates[bisect_left(self.dates, least) :]
        if dates and not (dates == [self.anchor] and self._begins_by_rule()):
            streams.append(dates)
        found = iter(streams[0]) if len(streams) == 1 else _distinct(merge(*streams))
        if self._excluded or self._excluded_days or self.excluding:
            found = self._included(found, local)
        if first is None:
            return found
        return (key for key in found if key >= first)

    def _begins_by_rule(self) -> bool:
        """Whether there is one rule, and it yields DTSTART, as it should."""
        if self._begins is None:
            self._begins = len(self.rules) == 1 and self.yields(self.anchor)
        return self._begins

    def has(self, key: int) -> bool:
        """Whether an original start is in the set."""
        if not EARLIEST < self.local(key) < LATEST:
            return False
        position = bisect_left(self.dates, key)
        dated = position < len(self.dates) and self.dates[position] == key
        if not dated and not self.yields(key):
            return False
        if key in self._excluded or (self._excluded_days and self.local(key) // DAY in self._excluded_days):
            return False
        return not any(self._yields(bounded, key) for bounded in self.excluding)

    def yields(self, key: int) -> bool:
        """Whether a rule has that original start, excluded or not."""
        return any(self._yields(bounded, key) for bounded in self.rules)

    def times_of(self, key: int, future: Override | None) -> Times:
        """Start and end of the instance with this original start; `future`: the THISANDFUTURE it is under."""
        moment = self.moment
        if future is not None and future.shift is not None:
            moment = future.moment
            if future.shift.wall:
                local = self.local(key) + future.shift.wall
                return ended(moment.offsets.utc(local), local, moment.span, moment.offsets)
            start = self._start_of(key) + future.shift.exact
            local = 0
            if moment.span.wall:
                # Where the day begins late, since the clock was put forward, it ends with the day all the same.
                local = self.local(key) if self._alike(moment) else moment.offsets.local(start)
            return ended(start, local, moment.span, moment.offsets)
        start = self._start_of(key) if self.floating else key
        span = self._spans.get(key, moment.span) if self._spans else moment.span
        if not span.wall:
            return Times(start, min(start + span.exact, LATEST))
        return ended(start, self.local(key), span, moment.offsets)

    def shift(self, key: int, moment: Moment) -> Span:
        """How far a THISANDFUTURE override with the original start `key` moves the series."""
        if self._alike(moment):
            return Span(moment.local - self.local(key), 0)
        return Span(0, moment.times.start - self._start_of(key))

    def _alike(self, moment: Moment) -> bool:
        """Whether a moment is of the series' clock."""
        return moment.offsets is self.moment.offsets and moment.all_day == self.all_day

    def reach(self, future: Override | None) -> int:
        """Not less than the seconds from a start to its end."""
        return self._longest if future is None else future.moment.span.longest

    def last_end(self, ranges: Iterable[Override]) -> int:
        """The end of the last instance in epoch seconds, or later."""
        last = max([self.dates[-1], *(self.key_at(bounded.last_start()) for bounded in self.rules)])
        ends = [self.times_of(last, None).end if not self._spans else self._start_of(last) + self._longest]
        ends.extend(self.times_of(last, override).end for override in ranges)
        return min(max(ends), LATEST)

    def _start_of(self, key: int) -> int:
        if self.all_day:
            return self.moment.offsets.utc(key * DAY)
        return self.moment.offsets.utc(key) if self.floating else key

    def local(self, key: int) -> int:
        """The wall clock of an original start."""
        if self.all_day:
            return key * DAY
        return key if self.floating else self.moment.offsets.local(key)

    def key_at(self, local: int) -> int:
        """The original start at a wall clock time."""
        if self.all_day:
            return local // DAY
        return local if self.floating else self.moment.offsets.utc(local)

    def _key_floor(self, local: int) -> int:
        """No key of a start at or after `local` on the wall clock is smaller."""
        if self.all_day or self.floating:
            return local // DAY if self.all_day else local
        return self.moment.offsets.utc(local) - (0 if self._even(local) else DAY)

    def _even(self, local: int) -> bool:
        """Whether the clock isn't changed about that time."""
        uniform, day = self.moment.offsets.uniform, local // DAY
        return uniform(day) is not None and uniform(day - 1) == uniform(day) == uniform(day + 1)

    def _local_before(self, utc: int) -> int:
        """A wall clock time that no start at or after the instant `utc` is before."""
        utc = min(max(utc, EARLIEST + 2 * DAY), LATEST)
        local = self.moment.offsets.local(utc)
        return local if self._even(local) else local - DAY

    def _yields(self, bounded: BoundedRule, key: int) -> bool:
        return self.next_of(bounded, key) == key

    def _local_near(self, key: int) -> int:
        """A wall clock time that the start of `key` is not before."""
        local = self.local(key)
        return local if self.floating or self._even(local) else local - DAY

    def _included(self, keys: Iterator[int], since: int) -> Iterator[int]:
        excluding = [_Ahead(bounded.keys(since, self.moment)) for bounded in self.excluding]
        excluded, days = self._excluded, self._excluded_days
        missed = 0
        for key in keys:
            if (
                key in excluded
                or (days and self.local(key) // DAY in days)
                or any(ahead.has(key) for ahead in excluding)
            ):
                missed += 1
                if missed > _MAX_EXCLUDED:
                    return
                continue
            missed = 0
            yield key

    def _read_dates(self, prop: Property) -> Iterator[int]:
        """Keys of an RDATE property; periods bring their own length."""
        for value in split_values(prop.value):
            if not value.strip():
                continue
            begin, slash, end = value.partition("/")
            start = self.zones.value(prop.with_value(begin))
            key = self.key(start)
            if slash:
                self._spans[key] = self._read_period(prop, start, end)
            yield key

    def _read_period(self, prop: Property, start: datetime | date, end: str) -> Span:
        if end.strip()[:1].upper() in {"P", "+", "-"}:
            days, seconds = split_duration(end)
            return Span(max(0, days) * DAY, max(0, seconds))
        until = self.zones.value(prop.with_value(end))
        if isinstance(start, datetime) and start.tzinfo is None and not isinstance(until, datetime):
            raise InvalidCalendarData(f"not a period: {prop.value[:60]!r}")
        _, floating, local, offsets = form_of(start, self.zones)
        _, end_floating, end_local, end_offsets = form_of(until, self.zones)
        if floating and end_floating:
            return Span(max(0, end_local - local), 0)
        return Span(0, max(0, end_offsets.utc(end_local) - offsets.utc(local)))

    def _read_excluded(self) -> None:
        keys, days = set(), set()
        for prop in self.component.all("EXDATE"):
            for text in split_values(prop.value):
                if not text.strip():
                    continue
                value = self.zones.value(prop.with_value(text.partition("/")[0]))
                if isinstance(value, datetime) or self.all_day:
                    keys.add(self.key(value))
                else:
                    days.add(to_day(value))
        self._excluded, self._excluded_days = frozenset(keys), frozenset(days)


class _Ahead:
    """A sorted stream asked for members in order."""

    __slots__ = ("_next", "_stream")

    def __init__(self, stream: Iterator[int]) -> None:
        self._stream = stream
        self._next: int | None = next(stream, None)

    def has(self, key: int) -> bool:
        while self._next is not None and self._next < key:
            self._next = next(self._stream, None)
        return self._next == key


def _distinct(keys: Iterable[int]) -> Iterator[int]:
    last: int | None = None
    for key in keys:
        if key != last:
            last = key
            yield key


_ZERO: Final = datetime.resolution * 0
