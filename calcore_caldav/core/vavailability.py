# SPDX-License-Identifier: GPL-3.0-or-later
"""Published availability as busy time (RFC 7953)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from itertools import groupby
from typing import Final

from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType, clip_periods, merge_periods
from calcore_caldav.core.recurrence import RecurrenceSet
from calcore_caldav.core.timerange import BEGINNING, END, effective_times
from calcore_caldav.core.times import Period, TimeRange, TimezoneResolver
from calcore_caldav.errors import InvalidCalendarData

_MAX_INSTANCES: Final = 10_000


def unavailable_periods(
    calendars: Iterable[Component], window: Period, zone: tzinfo = UTC
) -> list[BusyPeriod]:
    """Time inside `window` that the VAVAILABILITYs of some VCALENDARs leave unavailable (RFC 7953 §5).

    Sorted and disjoint. Each VAVAILABILITY makes its time busy by its BUSYTYPE, save where an AVAILABLE of
    it is; one of higher PRIORITY decides alone wherever it reaches, those of equal PRIORITY are one. Floating
    times are of `zone`. Raises InvalidCalendarData and TooManyInstances.
    """
    found = [(priority(c), calendar, c) for calendar in calendars for c in calendar.named("VAVAILABILITY")]
    found.sort(key=lambda item: item[0])
    timeline: list[BusyPeriod] = []
    for _, group in groupby(found, key=lambda item: item[0]):
        covered: list[BusyPeriod] = []
        free: list[BusyPeriod] = []
        for _, calendar, availability in group:
            start, end = effective_times(availability, TimezoneResolver(calendar, zone))
            fbtype = FreeBusyType.of(availability.value("BUSYTYPE") or FreeBusyType.BUSY_UNAVAILABLE.param)
            span = BusyPeriod(start or BEGINNING, end or END, fbtype)
            covered += clip_periods([span], window)
            free += clip_periods(_available(calendar, availability, window, zone), Period(*span[:2]))
        timeline = merge_periods(_without(timeline, covered) + _without(merge_periods(covered), free))
    return timeline


def overlaid(unavailable: Sequence[BusyPeriod], busy: Sequence[BusyPeriod]) -> list[BusyPeriod]:
    """Busy time of events laid over unavailable time: where there is an event, its type counts."""
    return sorted(_without(merge_periods(unavailable), busy) + list(busy))


def priority(availability: Component) -> int:
    """Rank of a VAVAILABILITY, the greater decides: PRIORITY 1 is the highest, 9 low, 0 (or none) lowest."""
    try:
        value = int(availability.value("PRIORITY") or 0)
    except ValueError:
        return 0
    return 10 - value if 0 < value < 10 else 0


def check_availability(calendar: Component) -> None:
    """Raise InvalidCalendarData unless `calendar` is a VCALENDAR with VAVAILABILITYs that can be read."""
    if calendar.name != "VCALENDAR" or not calendar.named("VAVAILABILITY"):
        raise InvalidCalendarData("a VCALENDAR with a VAVAILABILITY is needed")
    day = Period(BEGINNING.replace(year=2020), BEGINNING.replace(year=2021))
    unavailable_periods([calendar], day)


def _available(
    calendar: Component, availability: Component, window: Period, zone: tzinfo
) -> list[BusyPeriod]:
    """The instances of all AVAILABLEs, which recur as events do."""
    zones = calendar.named("VTIMEZONE")
    by_uid: dict[str, list[Component]] = {}
    for number, available in enumerate(availability.named("AVAILABLE")):
        event = Component("VEVENT", available.properties)
        by_uid.setdefault(available.value("UID") or str(number), []).append(event)
    return [
        BusyPeriod(instance.start, instance.end, FreeBusyType.BUSY)
        for events in by_uid.values()
        for instance in RecurrenceSet(Component("VCALENDAR", (), (*zones, *events)), zone).between(
            TimeRange(*window), limit=_MAX_INSTANCES
        )
    ]


def _without(periods: Iterable[BusyPeriod], holes: Iterable[BusyPeriod]) -> list[BusyPeriod]:
    """Disjoint sorted `periods` less the time of `holes`, whatever their types."""
    cuts = merge_periods(hole._replace(fbtype=FreeBusyType.BUSY) for hole in holes)
    left: list[BusyPeriod] = []
    number = 0
    for start, end, fbtype in periods:
        position = start
        while number < len(cuts) and cuts[number].end <= position:
            number += 1
        at = number
        while at < len(cuts) and cuts[at].start < end:
            if cuts[at].start > position:
                left.append(BusyPeriod(position, cuts[at].start, fbtype))
            position = max(position, cuts[at].end)
            at += 1
        if position < end:
            left.append(BusyPeriod(position, end, fbtype))
    return left
