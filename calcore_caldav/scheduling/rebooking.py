# SPDX-License-Identifier: GPL-3.0-or-later
"""Bookings of a room made anew from what stands in its calendars."""

from __future__ import annotations

from collections.abc import Iterable

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal
from calcore_caldav.scheduling import rooms
from calcore_caldav.scheduling.answering import is_pending
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, StoredObject, Transaction


def rebook(
    txn: Transaction,
    room: Principal,
    events: Iterable[tuple[StoredObject, CalendarObject]] | None = None,
    *,
    settings: SchedulingSettings,
) -> None:
    """Book a room's events anew: after its policy or its time zone changed, or to repair.

    What the policy leaves for later (the horizon, approval, check-in, release) is looked at again by the worker.
    """
    if events is None:
        events = [
            (stored, txn.objects.parsed(stored))
            for collection in txn.collections.of(room, CollectionKind.CALENDAR)
            for stored in txn.objects.all(collection)
        ]
    own = room.own_addresses
    ordered = sorted(events, key=lambda pair: (pair[0].created, pair[0].id))
    waiting = {stored.id for stored, copy in ordered if is_pending(copy, own)}
    for stored, _ in ordered:
        if stored.id not in waiting:
            txn.bookings.replace(room, stored, ())
    for stored, copy in ordered:
        rooms.book(txn, room, stored, copy, keep=stored.id in waiting, settings=settings)
