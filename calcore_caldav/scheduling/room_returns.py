# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of a room that its organizer gives back: his own meetings that were refused for it get another chance.

Clients that make a series two ("this and following") store the second half first, as Evolution does: the room refuses
it, since the first half still has it. What somebody else was refused stays so: it would come as a surprise.
"""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling.answering import refused_for_others
from calcore_caldav.scheduling.room_agenda import RETURN_JOB, enqueue
from calcore_caldav.scheduling.rooms import stored_copy
from calcore_caldav.scheduling.slots import union
from calcore_caldav.store.protocol import CollectionKind, StoredObject, Transaction


def held(txn: Transaction, room: Principal, stored: StoredObject | None) -> frozenset[Period]:
    """The times that a room holds for its copy of a meeting."""
    return frozenset(txn.bookings.held(room, stored) if stored is not None else ())


def offer(
    txn: Transaction, room: Principal, uid: str, organizer: Principal, before: frozenset[Period]
) -> None:
    """Have the worker decide anew on the organizer's other meetings, where this one held the room before."""
    if not before:
        return
    windows = union(p for p in before - held(txn, room, stored_copy(txn, room, uid)) if p.end > txn.now)
    if not windows:
        return
    rows = txn.instances.rows(txn.collections.of(room, CollectionKind.CALENDAR), *windows)
    for object_id in sorted({row.object_id for row in rows if row.fbtype is FreeBusyType.FREE}):
        stored = txn.objects.by_id(object_id)
        if stored is not None and stored.uid != uid and _waits(txn.objects.parsed(stored), room, organizer):
            enqueue(txn, RETURN_JOB, room, stored.uid, txn.now)


def _waits(copy: CalendarObject, room: Principal, organizer: Principal) -> bool:
    return copy.organizer in organizer.own_addresses and any(
        refused_for_others(c, room.own_addresses) for c in copy.components
    )
