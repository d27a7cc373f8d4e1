# SPDX-License-Identifier: GPL-3.0-or-later
"""Busy time (RFC 4791 §7.10, RFC 5545 §3.2.9, §3.6.4, RFC 5546 §3.3, RFC 7953)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final, NamedTuple

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import (
    Period,
    TimezoneResolver,
    format_date_time,
    format_duration,
    parse_date_time,
    parse_duration,
)
from calcore_caldav.errors import InvalidCalendarData

PRODID: Final = "-//calcore_caldav//NONSGML calcore_caldav//EN"


class FreeBusyType(IntEnum):
    """FBTYPE; the greater one wins where two overlap (RFC 5545 §3.2.9). Numbers are stored in the index."""

    FREE = 0
    BUSY_TENTATIVE = 1
    BUSY = 2
    BUSY_UNAVAILABLE = 3

    @classmethod
    def of(cls, text: str | None) -> FreeBusyType:
        """From the parameter; missing and unknown values are BUSY (RFC 5545 §3.2.9)."""
        return _BY_NAME.get((text or "BUSY").upper(), cls.BUSY)

    @property
    def param(self) -> str:
        """The parameter's value, "BUSY-TENTATIVE" for instance."""
        return self.name.replace("_", "-")


_BY_NAME: Final = {t.param: t for t in FreeBusyType}


class BusyPeriod(NamedTuple):
    """Half-open [start, end) in UTC with its type."""

    start: datetime
    end: datetime
    fbtype: FreeBusyType


def instance_type(component: Component, own: frozenset[CalendarUserAddress]) -> FreeBusyType:
    """How an instance counts for its owner, whose addresses are `own`.

    TRANSP, STATUS and the owner's own PARTSTAT decide: declined, delegated, cancelled and transparent
    instances are free, tentative ones BUSY-TENTATIVE. Only events take time. An invitation not answered yet
    counts by its TRANSP: the scheduler stores it as TRANSPARENT.
    """
    if component.name != "VEVENT":
        return FreeBusyType.FREE
    tentative = False
    for prop in component.properties:
        if prop.name == "TRANSP":
            if prop.value.strip().upper() == "TRANSPARENT":
                return FreeBusyType.FREE
        elif prop.name == "STATUS":
            status = prop.value.strip().upper()
            if status == "CANCELLED":
                return FreeBusyType.FREE
            tentative = tentative or status == "TENTATIVE"
        elif prop.name == "ATTENDEE" and own and CalendarUserAddress.parse(prop.value) in own:
            answer = (prop.param("PARTSTAT") or "").upper()
            if answer in {"DECLINED", "DELEGATED"}:
                return FreeBusyType.FREE
            tentative = tentative or answer == "TENTATIVE"
    return FreeBusyType.BUSY_TENTATIVE if tentative else FreeBusyType.BUSY


def stored_periods(component: Component, zones: TimezoneResolver) -> list[BusyPeriod]:
    """The busy periods that a VFREEBUSY component lists, unmerged (RFC 5545 §3.8.2.6); FREE ones left out.

    Raises InvalidCalendarData.
    """
    periods = []
    for prop in component.all("FREEBUSY"):
        fbtype = FreeBusyType.of(prop.param("FBTYPE"))
        if fbtype is FreeBusyType.FREE:
            continue
        for value in prop.value.split(","):
            if value.strip():
                start, end = parse_period(value, zones)
                periods.append(BusyPeriod(start, end, fbtype))
    return periods


def parse_period(value: str, zones: TimezoneResolver, tzid: str | None = None) -> Period:
    """A PERIOD value, start/end or start/duration, in UTC (RFC 5545 §3.3.9). Raises InvalidCalendarData."""
    first, slash, second = value.strip().partition("/")
    if not slash:
        raise InvalidCalendarData(f"not a period: {value[:60]!r}")
    begin = parse_date_time(first)
    if isinstance(begin, datetime) and begin.tzinfo is None and tzid is not None:
        begin = begin.replace(tzinfo=zones.zone(tzid))
    start = zones.instant(begin)
    if second[:1] in "Pp+-":
        try:
            return Period(start, start + parse_duration(second))
        except OverflowError:
            raise InvalidCalendarData(f"a period without end: {value[:60]!r}") from None
    until = parse_date_time(second)
    if isinstance(until, datetime) and until.tzinfo is None and tzid is not None:
        until = until.replace(tzinfo=zones.zone(tzid))
    return Period(start, zones.instant(until))


def merge_periods(periods: Iterable[BusyPeriod]) -> list[BusyPeriod]:
    """Sorted, disjoint, neighbours of one type joined; where types overlap the greater wins.

    FREE and empty periods are left out.
    """
    edges: list[tuple[datetime, int, int]] = []
    for start, end, fbtype in periods:
        if start < end and fbtype:
            edges.append((start, 1, fbtype))
            edges.append((end, -1, fbtype))
    edges.sort()
    merged: list[BusyPeriod] = []
    active = [0, 0, 0, 0]
    current = 0
    since = datetime.min.replace(tzinfo=UTC)
    for at, step, kind in edges:
        active[kind] += step
        top = 3 if active[3] else 2 if active[2] else 1 if active[1] else 0
        if top == current:
            continue
        if current and since < at:
            if merged and merged[-1].end == since and merged[-1].fbtype == current:
                merged[-1] = merged[-1]._replace(end=at)
            else:
                merged.append(BusyPeriod(since, at, FreeBusyType(current)))
        current, since = top, at
    return merged


def clip_periods(periods: Iterable[BusyPeriod], within: Period) -> list[BusyPeriod]:
    """The parts of the periods that lie inside `within`."""
    return [
        BusyPeriod(max(start, within.start), min(end, within.end), fbtype)
        for start, end, fbtype in periods
        if start < within.end and end > within.start
    ]


def free_periods(busy: Iterable[BusyPeriod], within: Period) -> list[Period]:
    """The gaps between busy periods inside `within`, sorted."""
    gaps: list[Period] = []
    position = within.start
    for start, end, _ in merge_periods(busy):
        if end <= position:
            continue
        if start >= within.end:
            break
        if start > position:
            gaps.append(Period(position, start))
        position = end
    if position < within.end:
        gaps.append(Period(position, within.end))
    return gaps


def to_vfreebusy(
    busy: Iterable[BusyPeriod],
    window: Period,
    now: datetime,
    uid: str,
    *,
    method: str | None = None,
    organizer: Property | None = None,
    attendee: Property | None = None,
) -> Component:
    """A VCALENDAR with the VFREEBUSY of `window`, in UTC (RFC 4791 §7.10).

    Periods of one type are merged and clipped, and stand in one property as start and duration; those of
    different types may overlap: RFC 4791 allows it, and Apple's server writes it so. `now` becomes DTSTAMP.
    The answer to a request to the outbox (RFC 6638 §5, RFC 5546 §3.3.2) has also `method` "REPLY", and the
    request's `uid`, ORGANIZER and this `attendee`.
    """
    periods = clip_periods(busy, window)
    made = [
        Property("UID", uid),
        Property("DTSTAMP", format_date_time(now.astimezone(UTC))),
        *(prop for prop in (organizer, attendee) if prop is not None),
        Property("DTSTART", format_date_time(window.start.astimezone(UTC))),
        Property("DTEND", format_date_time(window.end.astimezone(UTC))),
    ]
    for fbtype in (FreeBusyType.BUSY, FreeBusyType.BUSY_TENTATIVE, FreeBusyType.BUSY_UNAVAILABLE):
        merged = merge_periods(p for p in periods if p.fbtype is fbtype)
        if merged:
            values = (f"{format_date_time(p.start)}/{format_duration(p.end - p.start)}" for p in merged)
            made.append(Property("FREEBUSY", ",".join(values), (("FBTYPE", (fbtype.param,)),)))
    head = [Property("VERSION", "2.0"), Property("PRODID", PRODID)]
    if method is not None:
        head.append(Property("METHOD", method))
    return Component("VCALENDAR", head, (Component("VFREEBUSY", made),))
