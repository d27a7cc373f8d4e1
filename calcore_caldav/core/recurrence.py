# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence sets: which instances an object has, and when (RFC 5545 §3.8.4.4, §3.8.5)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime, tzinfo
from heapq import merge
from typing import Final, NamedTuple

from calcore_caldav.core.content import Component
from calcore_caldav.core.moments import EARLIEST, LATEST, from_epoch
from calcore_caldav.core.recurrence_id import RecurrenceId
from calcore_caldav.core.series import Override, Series, read_override
from calcore_caldav.core.spans import Times
from calcore_caldav.core.times import TimeRange, TimezoneResolver, to_epoch
from calcore_caldav.errors import TooManyInstances

__all__ = ["Instance", "RecurrenceId", "RecurrenceSet"]

_KINDS: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"})


class Instance(NamedTuple):
    """One instance (occurrence) of a calendar object; half-open [start, end) in UTC."""

    uid: str
    rid: RecurrenceId | None
    """None: the only instance of an object that does not recur."""
    start: datetime
    end: datetime
    all_day: bool
    floating: bool
    """Start without a zone (all-day ones too): start and end hold for the zone asked with."""
    overridden: bool
    component: Component
    """The master or the override that supplies the properties."""


class Occurrence(NamedTuple):
    """One instance in numbers, as an index keeps it."""

    start: int
    """Epoch seconds; so is `end`."""
    end: int
    key: int | None
    """The original start in the series; None without a series."""
    source: Series | Override
    """What supplies the properties: the series, or the override that it has or is under."""


class RecurrenceSet:
    """All instances of one calendar object; see `CalendarObject.recurrence`.

    Reading the rules is done at construction: raises InvalidCalendarData, naming the value that is wrong.
    """

    def __init__(self, calendar: Component, default_zone: tzinfo) -> None:
        components = [c for c in calendar.children if c.name in _KINDS]
        self.zones: Final = TimezoneResolver(calendar, default_zone)
        zones = self.zones
        master = next((c for c in components if c.get("RECURRENCE-ID") is None), None)
        others = [c for c in components if c.get("RECURRENCE-ID") is not None]
        self._uid = (components[0].value("UID") or "") if components else ""
        self.series: Final = Series.read(master, zones) if master is not None else None
        """What the master says; None without one, or where it has no time at all."""
        self._overrides: dict[int | RecurrenceId, Override] = {}
        for component in others:
            override = read_override(component, zones, self.series)
            key = RecurrenceId.of(override.original) if override.key is None else override.key
            self._overrides[key] = override
        self._by_start = sorted(self._overrides.values(), key=lambda o: o.times.start)
        self._starts = [o.times.start for o in self._by_start]
        self._longest = max((o.times.end - o.times.start for o in self._by_start), default=0)
        self._ranges = (
            sorted((o for o in self._by_start if o.shift is not None and o.key is not None), key=_key_of)
            if self.series is not None
            else []
        )
        self.absolute: Final = self.recurring and not self.floating
        """Whether the original starts are instants: the keys of its occurrences are in epoch seconds then."""

    @property
    def recurring(self) -> bool:
        """Whether instances have a RecurrenceId (the object has rules, dates or overrides)."""
        return bool(self._overrides) or (self.series is not None and self.series.recurring)

    @property
    def floating(self) -> bool:
        """Whether the original starts have no zone (all-day ones too)."""
        return self.series is not None and self.series.floating

    @property
    def endless(self) -> bool:
        """Whether a rule has neither COUNT nor UNTIL."""
        return self.series is not None and self.series.endless

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """(first start, last end) in UTC; the end is None for endless ones; (None, None) for no instance.

        Never narrower than the truth; may be wider where finding the last instance would be long.
        """
        first = next(self.occurrences(TimeRange(None, None)), None)
        if first is None:
            return None, None
        start = from_epoch(first.start)
        if self.endless:
            return start, None
        last = max((o.times.end for o in self._by_start), default=EARLIEST)
        if self.series is not None:
            last = max(last, self.series.last_end(self._ranges))
        return start, from_epoch(min(last, LATEST))

    def between(self, window: TimeRange, *, limit: int | None = None) -> Iterator[Instance]:
        """Instances that overlap `window` by TimeRange.overlaps, ordered by start, cancelled ones included.

        A window open at the end ends at year 9999 or with the limit. Raises TooManyInstances beyond `limit`.
        """
        return map(self._instance, self.occurrences(window, limit=limit))

    def occurrences(self, window: TimeRange, *, limit: int | None = None) -> Iterator[Occurrence]:
        """As `between`, for those who need less of each."""
        since = EARLIEST if window.start is None else to_epoch(window.start)
        until = LATEST + 1 if window.end is None else to_epoch(window.end)
        # Starts and ends are whole seconds; a fraction of one in the window's end is rounded up.
        if window.end is not None and window.end.microsecond:
            until += 1
        parts = [*self._series_parts(since, until)]
        if self._by_start:
            parts.append(self._overrides_between(since, until))
        found = parts[0] if len(parts) == 1 else merge(*parts, key=_start_of)
        if window.start is not None and window.start.microsecond:
            # An instant in the second in which the window begins is over.
            found = (one for one in found if one.end > since)
        return found if limit is None else _limited(found, limit)

    def rid(self, found: Occurrence) -> RecurrenceId | None:
        """The identity of an instance; None: the only one of an object that does not recur."""
        if not self.recurring:
            return None
        if self.series is None or found.key is None:
            assert isinstance(found.source, Override)
            return RecurrenceId.of(found.source.original)
        return self.series.rid(found.key)

    def instance(self, rid: RecurrenceId) -> Instance | None:
        """The instance of that identity, wherever it was moved to; None where the set has none."""
        series = self.series
        if series is None:
            override = self._overrides.get(rid)
            return None if override is None else self._instance(_overriding(override))
        if not self.recurring:
            return None
        key = series.key(rid.value)
        override = self._overrides.get(key)
        if override is not None:
            return self._instance(_overriding(override))
        if not series.has(key):
            return None
        future = self._future(key)
        return self._instance(Occurrence(*series.times_of(key, future), key, future or series))

    def has(self, rid: RecurrenceId) -> bool:
        """Whether the set has an instance of that identity, wherever it was moved to."""
        if self.series is None or not self.recurring:
            return self.series is None and rid in self._overrides
        key = self.series.key(rid.value)
        return key in self._overrides or self.series.has(key)

    def times(self, key: int) -> Times:
        """Start and end of the instance with an original start of `series`, by master and RANGE overrides."""
        assert self.series is not None
        return self.series.times_of(key, self._future(key))

    def _future(self, key: int) -> Override | None:
        """The RANGE=THISANDFUTURE override that an original start is under."""
        at = bisect_right(self._ranges, key, key=_key_of)
        return self._ranges[at - 1] if at else None

    def _series_parts(self, since: int, until: int) -> Iterator[Iterator[Occurrence]]:
        """Streams of the instances that have no override: one up to each RANGE=THISANDFUTURE, and the rest."""
        series = self.series
        if series is None:
            return
        borders = [_key_of(o) for o in self._ranges]
        for number, override in enumerate((None, *self._ranges)):
            first = borders[number - 1] if number else None
            last = borders[number] if number < len(borders) else None
            yield self._plain(since, until, first, last, override)

    def _plain(
        self, since: int, until: int, first: int | None, last: int | None, future: Override | None
    ) -> Iterator[Occurrence]:
        series = self.series
        assert series is not None
        source = future or series
        taken = self._overrides
        shift = 0 if future is None or future.shift is None else future.shift.longest
        for key in series.keys(since - series.reach(future) - shift, first):
            if last is not None and key >= last:
                return
            if key in taken:
                continue
            start, end = series.times_of(key, future)
            if start >= until:
                return
            if end > since or start >= since:
                yield Occurrence(start, end, key, source)

    def _overrides_between(self, since: int, until: int) -> Iterator[Occurrence]:
        for override in self._by_start[bisect_left(self._starts, since - self._longest) :]:
            start, end = override.times
            if start >= until:
                return
            if end > since or start >= since:
                yield _overriding(override)

    def _instance(self, found: Occurrence) -> Instance:
        source, start = found.source, from_epoch(found.start)
        # Most of them begin when they always did.
        unmoved = self.absolute and found.key == found.start
        return Instance(
            self._uid,
            RecurrenceId(start) if unmoved else self.rid(found),
            start,
            from_epoch(found.end),
            source.moment.all_day,
            source.moment.floating,
            source is not self.series,
            source.component,
        )


def _overriding(override: Override) -> Occurrence:
    return Occurrence(*override.times, override.key, override)


def _limited(found: Iterator[Occurrence], limit: int) -> Iterator[Occurrence]:
    for number, one in enumerate(found):
        if number >= limit:
            raise TooManyInstances(limit)
        yield one


def _start_of(found: Occurrence) -> int:
    return found.start


def _key_of(override: Override) -> int:
    assert override.key is not None
    return override.key
