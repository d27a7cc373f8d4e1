# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence sets: which instances an object has, and when (RFC 5545 §3.8.4.4, §3.8.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import total_ordering
from heapq import merge
from itertools import takewhile

from dateutil.rrule import rrule, rrulestr

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.times import (
    TimeRange,
    TimezoneResolver,
    format_date_time,
    parse_date_time,
    parse_duration,
)
from calcore_caldav.errors import InvalidCalendarData, TooManyInstances


@total_ordering
@dataclass(frozen=True, slots=True)
class RecurrenceId:
    """Identity of an instance: its original start (RFC 5545 §3.8.4.4).

    `value` is a UTC date-time, a naive date-time (floating series), or a date (all-day series). Used as
    index key, in iTIP, as suffix of JSON instance ids, and by the Python API.
    """

    value: datetime | date

    @classmethod
    def of(cls, value: datetime | date) -> RecurrenceId:
        """From a date, naive or aware value; aware ones are normalised to UTC."""
        if isinstance(value, datetime) and value.tzinfo is not None:
            return cls(value.astimezone(UTC))
        return cls(value)

    @classmethod
    def parse(cls, text: str) -> RecurrenceId:
        """From the basic form, "20260105T090000Z", "20260105T090000" or "20260105"."""
        return cls.of(parse_date_time(text))

    def to_basic(self) -> str:
        """ "20260105T090000Z", floating "20260105T090000", or "20260105"."""
        return format_date_time(self.value)

    def __lt__(self, other: RecurrenceId) -> bool:
        """By basic form: chronological within one series."""
        return self.to_basic() < other.to_basic()


@dataclass(frozen=True, slots=True)
class Instance:
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
    """All instances of one calendar object; see `CalendarObject.recurrence`."""

    def __init__(self, calendar: Component, default_zone: tzinfo) -> None:
        self._zones = TimezoneResolver(calendar, default_zone)
        components = [c for c in calendar.children if c.name in {"VEVENT", "VTODO", "VJOURNAL"}]
        self._master = next((c for c in components if c.get("RECURRENCE-ID") is None), None)
        self._overrides = {
            RecurrenceId.of(self._zones.value(p)): c for c in components if (p := c.get("RECURRENCE-ID"))
        }
        self._uid = next((c.value("UID") or "" for c in components), "")
        self._rules: list[rrule] = []
        self._exrules: list[rrule] = []
        self._extra: dict[datetime, timedelta | None] = {}
        self._exdates: set[RecurrenceId] = set()
        self._start: datetime | date | None = None
        self._duration = timedelta(0)
        if self._master is not None:
            self._start, self._duration = self._extent(self._master)
            if self._start is not None:
                self._read(self._master, self._start)

    def _extent(self, component: Component) -> tuple[datetime | date | None, timedelta]:
        start_prop = component.get("DTSTART") or component.get("DUE")
        if start_prop is None:
            return None, timedelta(0)
        start = self._zones.value(start_prop)
        end = component.get("DTEND") or component.get("DUE")
        length = component.value("DURATION")
        if end is not None:
            finish = self._zones.value(end)
            delta = self._zones.instant(finish) - self._zones.instant(start)
            return start, max(delta, timedelta(0))
        if length is not None:
            return start, parse_duration(length)
        return start, timedelta(0) if isinstance(start, datetime) else timedelta(days=1)

    def _read(self, master: Component, start: datetime | date) -> None:
        wall = self._wall(start)
        for name, target in (("RRULE", self._rules), ("EXRULE", self._exrules)):
            for prop in master.all(name):
                target.append(self._rule(prop, wall, start))
        for prop in master.all("RDATE"):
            for text in prop.value.split(","):
                first, _, last = text.partition("/")
                value = self._zones.value(prop.with_value(first))
                length = None
                if last:
                    length = (
                        parse_duration(last)
                        if "P" in last
                        else self._zones.instant(self._zones.value(prop.with_value(last)))
                        - self._zones.instant(value)
                    )
                self._extra[self._wall(value)] = length
        self._exdates = {
            RecurrenceId.of(self._zones.value(prop.with_value(v)))
            for prop in master.all("EXDATE")
            for v in prop.value.split(",")
        }

    def _rule(self, prop: Property, wall: datetime, start: datetime | date) -> rrule:
        parts = [p for p in prop.value.strip().rstrip(";").split(";") if p]
        until = next((p[6:] for p in parts if p.upper().startswith("UNTIL=")), None)
        text = ";".join(p for p in parts if not p.upper().startswith("UNTIL="))
        try:
            rule = rrulestr(text, dtstart=wall)
            if not isinstance(rule, rrule):
                raise InvalidCalendarData(f"not a rule: {prop.value!r}")
            if until is not None:
                value = parse_date_time(until)
                if not isinstance(value, datetime):
                    last = datetime.combine(value, time(23, 59, 59))
                else:
                    last = self._wall(value, like=start)
                rule = rule.replace(until=last)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidCalendarData(f"not a rule: {prop.value!r} ({error})") from None
        return rule

    def _wall(self, value: datetime | date, like: datetime | date | None = None) -> datetime:
        if not isinstance(value, datetime):
            return datetime.combine(value, time())
        if value.tzinfo is None:
            return value
        model = like if like is not None else self._start
        zone = model.tzinfo if isinstance(model, datetime) and model.tzinfo else self._zones.default
        return value.astimezone(zone).replace(tzinfo=None)

    @property
    def recurring(self) -> bool:
        """Whether instances have a RecurrenceId (the object has rules, dates or overrides)."""
        return bool(self._rules or self._extra or self._overrides)

    @property
    def endless(self) -> bool:
        """Whether a rule has neither COUNT nor UNTIL."""
        return any("COUNT" not in str(r) and "UNTIL" not in str(r) for r in self._rules)

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """(first start, last end) in UTC; the end is None for endless ones; (None, None) for no instance.

        Never narrower than the truth; may be wider where finding the last instance would be long.
        """
        if self.endless:
            first = next(self.between(TimeRange(None, None)), None)
            return (first.start if first else None), None
        starts, ends = [], []
        for instance in self.between(TimeRange(None, None)):
            starts.append(instance.start)
            ends.append(instance.end)
        return (min(starts), max(ends)) if starts else (None, None)

    def _walls(self, before: datetime | None) -> Iterator[datetime]:
        if self._start is None:
            return
        wall = self._wall(self._start)
        sources: list[Iterator[datetime]] = [iter(sorted({*self._extra, wall}))]
        sources += [iter(rule) for rule in self._rules]
        excluded: set[datetime] = set()
        if self._exrules:
            limit = before or datetime(2200, 1, 1)
            excluded = {w for r in self._exrules for w in takewhile(lambda w: w < limit, r)}
        last = None
        for value in merge(*sources):
            if before is not None and value >= before:
                return
            if value != last and value not in excluded:
                yield value
            last = value

    def between(self, window: TimeRange, *, limit: int | None = None) -> Iterator[Instance]:
        """Instances that overlap `window` by TimeRange.overlaps, ordered by start, cancelled ones included.

        A window open at the end ends at year 9999 or with the limit. Raises TooManyInstances beyond `limit`.
        """
        moved = sorted(
            (i for rid in self._overrides if (i := self.instance(rid)) is not None), key=lambda i: i.start
        )
        found = merge(
            self._plain(window.end),
            (i for i in moved if window.overlaps(i.start, i.end)),
            key=lambda i: i.start,
        )
        count = 0
        for instance in found:
            if window.end is not None and instance.start >= window.end:
                return
            if window.overlaps(instance.start, instance.end):
                count += 1
                if limit is not None and count > limit:
                    raise TooManyInstances(limit)
                yield instance

    def _plain(self, end: datetime | None) -> Iterator[Instance]:
        before = None if end is None else (end + timedelta(days=2)).replace(tzinfo=None)
        for wall in self._walls(before):
            instance = self._at(wall)
            if instance is not None and instance.rid not in self._overrides:
                yield instance

    def _at(self, wall: datetime) -> Instance | None:
        start: datetime | date
        all_day = not isinstance(self._start, datetime)
        start = wall.replace(tzinfo=self._start.tzinfo) if isinstance(self._start, datetime) else wall.date()
        rid = RecurrenceId.of(start)
        if rid in self._exdates or (
            isinstance(start, datetime) and RecurrenceId(start.date()) in self._exdates
        ):
            return None
        instant = self._zones.instant(start)
        duration = self._extra.get(wall) or self._duration
        floating = not isinstance(start, datetime) or start.tzinfo is None
        end = instant + duration
        if floating:
            end = self._zones.instant(wall + duration)
        assert self._master is not None
        return Instance(
            self._uid,
            rid if self.recurring else None,
            instant,
            end,
            all_day,
            floating,
            overridden=False,
            component=self._master,
        )

    def instance(self, rid: RecurrenceId) -> Instance | None:
        """The instance of that identity, wherever it was moved to; None where the set has none."""
        override = self._overrides.get(rid)
        if override is not None:
            start, duration = self._extent(override)
            start = start if start is not None else rid.value
            if (
                override.get("DTEND") is None
                and override.get("DURATION") is None
                and self._master is not None
            ):
                duration = self._duration
            instant = self._zones.instant(start)
            floating = not isinstance(start, datetime) or start.tzinfo is None
            return Instance(
                self._uid,
                rid,
                instant,
                instant + duration,
                not isinstance(start, datetime),
                floating,
                overridden=True,
                component=override,
            )
        wall = self._wall(rid.value)
        for value in self._walls(wall + timedelta(seconds=1)):
            if value == wall:
                return self._at(value)
        return None
