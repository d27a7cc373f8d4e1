# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence sets: which instances an object has, and when (RFC 5545 §3.8.4.4, §3.8.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import total_ordering

from calcore_caldav.core.content import Component
from calcore_caldav.core.times import TimeRange, format_date_time, parse_date_time


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
        raise NotImplementedError

    @property
    def recurring(self) -> bool:
        """Whether instances have a RecurrenceId (the object has rules, dates or overrides)."""
        raise NotImplementedError

    @property
    def endless(self) -> bool:
        """Whether a rule has neither COUNT nor UNTIL."""
        raise NotImplementedError

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """(first start, last end) in UTC; the end is None for endless ones; (None, None) for no instance.

        Never narrower than the truth; may be wider where finding the last instance would be long.
        """
        raise NotImplementedError

    def between(self, window: TimeRange, *, limit: int | None = None) -> Iterator[Instance]:
        """Instances that overlap `window` by TimeRange.overlaps, ordered by start, cancelled ones included.

        A window open at the end ends at year 9999 or with the limit. Raises TooManyInstances beyond `limit`.
        """
        raise NotImplementedError

    def instance(self, rid: RecurrenceId) -> Instance | None:
        """The instance of that identity, wherever it was moved to; None where the set has none."""
        raise NotImplementedError
