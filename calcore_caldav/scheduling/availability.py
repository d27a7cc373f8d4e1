# SPDX-License-Identifier: GPL-3.0-or-later
"""When somebody, or a room, is busy: from the instance index alone, with the published availability."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import ParseError
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from defusedxml.ElementTree import fromstring

from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType, clip_periods, merge_periods
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.stream import parse
from calcore_caldav.core.times import Period
from calcore_caldav.core.vavailability import overlaid, unavailable_periods
from calcore_caldav.errors import InvalidCalendarData, TooManyInstances
from calcore_caldav.scheduling.policy import policy_of
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Collection, CollectionKind, Transaction

CALENDAR_AVAILABILITY: Final = "{urn:ietf:params:xml:ns:caldav}calendar-availability"
"""Dead property of the inbox: a VCALENDAR with VAVAILABILITY (RFC 7953 §7.2.4)."""


def zone_named(name: str) -> tzinfo:
    """An IANA zone, or UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def calendars(txn: Transaction, principal: Principal) -> list[Collection]:
    """The calendars that count for somebody's free/busy time (CALDAV:schedule-calendar-transp)."""
    return [c for c in txn.collections.of(principal, CollectionKind.CALENDAR) if not c.transparent]


def free_busy(
    txn: Transaction,
    principal: Principal,
    period: Period,
    *,
    ignore_uid: str | None = None,
    settings: SchedulingSettings,
) -> list[BusyPeriod]:
    """Merged busy time of somebody in `period`, clipped to it (RFC 6638 §3.3.2, RFC 7953 §4).

    Events of `ignore_uid` do not count: whoever moves a meeting is not in its way.
    """
    del settings
    busy = txn.instances.busy(calendars(txn, principal), period, ignore_uid=ignore_uid)
    closed = unavailable(txn, principal, period)
    return merge_periods(clip_periods(overlaid(closed, busy) if closed else busy, period))


def unavailable(txn: Transaction, principal: Principal, period: Period) -> Sequence[BusyPeriod]:
    """What somebody's published availability (RFC 7953 §5), or a room's opening hours, leave unavailable."""
    said = unavailable_in(published(txn, principal), principal, period)
    hours = policy_of(principal.booking).hours if principal.kind.bookable else None
    if hours is None:
        return said
    shut = hours.closed(period, zone_of(txn, principal))
    return merge_periods([*said, *(BusyPeriod(*p, FreeBusyType.BUSY_UNAVAILABLE) for p in shut)])


def zone_of(txn: Transaction, principal: Principal) -> tzinfo:
    """The zone in which a room's floating and all-day bookings happen."""
    collection = txn.collections.get(principal.name, principal.default_calendar)
    if collection is None:
        return zone_named(principal.timezone)
    return txn.collections.zone(collection)


def published(txn: Transaction, principal: Principal) -> Component | None:
    """The VCALENDAR with somebody's published availability."""
    element = txn.collections.dead_properties(f"{principal.path}inbox/").get(CALENDAR_AVAILABILITY)
    return _calendar_in(element) if element is not None else None


def unavailable_in(calendar: Component | None, principal: Principal, period: Period) -> Sequence[BusyPeriod]:
    """What a published availability leaves unavailable in `period`."""
    if calendar is None:
        return ()
    try:
        return unavailable_periods([calendar], period, zone_named(principal.timezone))
    except (InvalidCalendarData, TooManyInstances):
        # Checked when it was stored; what an import brought in otherwise must not keep answers from coming.
        return ()


@lru_cache(maxsize=256)
def _calendar_in(element: str) -> Component | None:
    """The VCALENDAR that a property's XML element holds as text."""
    try:
        text = "".join(fromstring(element).itertext())
        return parse(text.strip().encode())
    except (InvalidCalendarData, ParseError):
        return None
