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

    @property
    def recurring(self) -> bool:
        """Whether instances have a RecurrenceId (the object has rules, dates or overrides)."""
        return bool(self._overrides) or (self.series is not None and self.series.recurring)

    @property
    def endless(self) -> bool:
        """Whether a rule has neither COUNT nor UNTIL."""
        return self.series is not None and self.series.endless

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """(first start, last end) in UTC; the end is None for endless ones; (None, None) for no instance.

        Never narrower than the truth; may be wider where finding the last instance would be long.
        """
        first = next(self.between(TimeRange(None, None)), None)
        if first is None:
            return None, None
        if self.endless:
            return first.start, None
        last = max((o.times.end for o in self._by_start), default=EARLIEST)
        if self.series is not None:
            last = max(last, self.series.last_end(self._ranges))
        return first.start, from_epoch(min(last, LATEST))

    def between(self, window: TimeRange, *, limit: int | None = None) -> Iterator[Instance]:
        """Instances that overlap `window` by TimeRange.overlaps, ordered by start, cancelled ones included.

        A window open at the end ends at year 9999 or with the limit. Raises TooManyInstances beyond `limit`.
        """
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
            found = (one for one in found if window.overlaps(one.start, one.end))
        if limit is None:
            yield from found
            return
        for number, instance in enumerate(found):
            if number >= limit:
                raise TooManyInstances(limit)
            yield instance

    def instance(self, rid: RecurrenceId) -> Instance | None:
        """The instance of that identity, wherever it was moved to; None where the set has none."""
        series = self.series
        if series is None:
            override = self._overrides.get(rid)
            return None if override is None else self._overridden(override)
        if not self.recurring:
            return None
        key = series.key(rid.value)
        override = self._overrides.get(key)
        if override is not None:
            return self._overridden(override)
        if not series.has(key):
            return None
        future = self._future(key)
        return self._build(key, series.times_of(key, future), future)

    def times(self, key: int) -> Times:
        """Start and end of the instance with an original start of `series`, by master and RANGE overrides."""
        assert self.series is not None
        return self.series.times_of(key, self._future(key))

    def _future(self, key: int) -> Override | None:
        """The RANGE=THISANDFUTURE override that an original start is under."""
        at = bisect_right(self._ranges, key, key=_key_of)
        return self._ranges[at - 1] if at else None

    def _series_parts(self, since: int, until: int) -> Iterator[Iterator[Instance]]:
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
    ) -> Iterator[Instance]:
        series = self.series
        assert series is not None
        taken = self._overrides
        shift = 0 if future is None or future.shift is None else future.shift.longest
        for key in series.keys(since - series.reach(future) - shift, first):
            if last is not None and key >= last:
                return
            if key in taken:
                continue
            times = series.times_of(key, future)
            if times.start >= until:
                return
            if times.end > since or times.start >= since:
                yield self._build(key, times, future)

    def _build(self, key: int, times: Times, future: Override | None) -> Instance:
        series = self.series
        assert series is not None
        start = from_epoch(times.start)
        if not series.recurring and not self._overrides:
            rid = None
        elif times.start == key and not series.floating:
            rid = RecurrenceId(start)
        else:
            rid = series.rid(key)
        return Instance(
            self._uid,
            rid,
            start,
            from_epoch(times.end),
            series.all_day if future is None else future.moment.all_day,
            series.floating if future is None else future.moment.floating,
            future is not None,
            series.component if future is None else future.component,
        )

    def _overrides_between(self, since: int, until: int) -> Iterator[Instance]:
        for override in self._by_start[bisect_left(self._starts, since - self._longest) :]:
            start, end = override.times
            if start >= until:
                return
            if end > since or start >= since:
                yield self._overridden(override)

    def _overridden(self, override: Override) -> Instance:
        series = self.series
        return Instance(
            self._uid,
            RecurrenceId.of(override.original)
            if override.key is None or series is None
            else series.rid(override.key),
            from_epoch(override.times.start),
            from_epoch(override.times.end),
            override.moment.all_day,
            override.moment.floating,
            True,
            override.component,
        )


def _start_of(instance: Instance) -> datetime:
    return instance.start


def _key_of(override: Override) -> int:
    assert override.key is not None
    return override.key
