# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and repairing what a room's calendar, its bookings and the organizers' copies disagree about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.overrides import override_instance
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import component_at, has_instance
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import rooms, slots
from calcore_caldav.scheduling.answering import is_pending
from calcore_caldav.scheduling.delivery import room_reply
from calcore_caldav.scheduling.policy import policy_of
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.scheduling.room_promises import Promises, ask_again, forgotten, promises
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, StoredObject, Transaction


class Trouble(StrEnum):
    """Kinds of inconsistency."""

    ORPHAN = "orphan"
    UNBOOKED = "unbooked"
    OVERLAP = "overlap"
    """Left as it is: somebody overruled the policy."""
    DISAGREEMENT = "disagreement"
    ABANDONED = "abandoned"
    FORGOTTEN = "forgotten"


TROUBLES: Final[Mapping[Trouble, str]] = {
    Trouble.ORPHAN: "that is booked, and no event is there",
    Trouble.UNBOOKED: "an accepted event is there, and nothing is booked",
    Trouble.OVERLAP: "more at once than the policy allows, which somebody wanted",
    Trouble.DISAGREEMENT: "the organizer sees another answer than the room gave",
    Trouble.ABANDONED: "the room keeps a meeting that is none any more",
    Trouble.FORGOTTEN: "the organizer has the room, and the room knows nothing of it",
}
"""What each means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One inconsistency."""

    trouble: Trouble
    uid: str
    detail: str
    fixed: bool = False


def check(
    txn: Transaction,
    room: Principal,
    *,
    fix: bool,
    settings: SchedulingSettings,
    promised: Promises | None = None,
) -> list[Finding]:
    """Everything that is wrong with a room, repaired with `fix` (in a writing transaction, under its lock).

    `promised`: what `promises` found, for who checks many rooms.
    """
    found: list[Finding] = []
    events: dict[int, tuple[StoredObject, CalendarObject]] = {}
    for collection in txn.collections.of(room, CollectionKind.CALENDAR):
        for stored in txn.objects.all(collection):
            events[stored.id] = stored, txn.objects.parsed(stored)
    expected: dict[int, list[Period]] = {}
    exclusive: list[list[Period]] = []
    for object_id, (stored, copy) in events.items():
        trouble = _disagreement(txn, room, copy)
        if trouble is not None:
            kind, detail, rids = trouble
            found.append(Finding(kind, stored.uid, detail, fixed=fix))
            if fix:
                _settle(txn, room, stored, copy, kind, rids, settings=settings)
            if kind is Trouble.ABANDONED and fix:
                continue
        expected[object_id] = slots.union(rooms.periods_of(txn, room, copy, settings=settings))
        exclusive.append(slots.union(rooms.periods_of(txn, room, copy, exclusive=True, settings=settings)))
    wrong = [*_wrong_bookings(txn, room, events, expected)]
    found += [Finding(kind, uid, detail, fixed=fix) for kind, uid, detail in wrong]
    if fix and wrong:
        txn.bookings.discard(room, keep=expected.keys())
        rebook(txn, room, [events[i] for i in expected], settings=settings)
    found += [Finding(Trouble.OVERLAP, "", detail) for detail in _overlaps(txn, room, exclusive)]
    lost = [*forgotten(txn, room, promises(txn) if promised is None else promised)]
    found += [Finding(Trouble.FORGOTTEN, s.uid, f"{s.path} has the room", fixed=fix) for s in lost]
    if fix:
        # Last: what is booked for nobody any more is free by now.
        ask_again(txn, room, lost, settings=settings)
    return found


def _wrong_bookings(
    txn: Transaction,
    room: Principal,
    events: dict[int, tuple[StoredObject, CalendarObject]],
    expected: dict[int, list[Period]],
) -> Iterator[tuple[Trouble, str, str]]:
    # What has come within the horizon since the last night is booked in the next.
    tonight = txn.now + policy_of(room.booking).reach - timedelta(hours=25)
    booked: dict[int, list[Period]] = {}
    for booking in txn.bookings.all(room):
        booked.setdefault(booking.object_id, []).append(booking.period)
    for object_id in sorted(booked.keys() | expected.keys()):
        uid = events[object_id][0].uid if object_id in events else ""
        have = _to_come(booked.get(object_id, ()), txn.now)
        want = _to_come(expected.get(object_id, ()), txn.now)
        if object_id in events and is_pending(events[object_id][1], room.own_addresses):
            missing = [p for p in want if not any(h.start <= p.start and p.end <= h.end for h in have)]
            yield from ((Trouble.UNBOOKED, uid, shown(p)) for p in missing)
            continue
        yield from ((Trouble.ORPHAN, uid, shown(p)) for p in have if p not in want)
        yield from ((Trouble.UNBOOKED, uid, shown(p)) for p in want if p not in have and p.start < tonight)


def _to_come(periods: Iterable[Period], now: datetime) -> list[Period]:
    """What is left of some periods; what is over may be booked in pieces, or not be remembered any more."""
    return slots.union(Period(max(start, now), end) for start, end in periods)


def _overlaps(txn: Transaction, room: Principal, expected: Iterable[list[Period]]) -> Iterator[str]:
    limit = policy_of(room.booking).concurrency
    periods = [p for listed in expected for p in listed if p.end > txn.now]
    if not limit or not periods:
        return
    edges = sorted({t for p in periods for t in p})
    over: list[Period] = []
    for start, end in pairwise(edges):
        if sum(p.start <= start and end <= p.end for p in periods) > limit:
            over.append(Period(start, end))
    yield from (shown(p) for p in slots.union(over))


def _disagreement(
    txn: Transaction, room: Principal, copy: CalendarObject
) -> tuple[Trouble, str, list[RecurrenceId | None]] | None:
    """What is wrong between the room's copy and the organizer's, where the organizer is of this server.

    With the dates on which they differ (None: the whole).
    """
    if copy.organizer is None or copy.organizer in room.own_addresses:
        return None
    organizer = txn.directory.by_address(copy.organizer)
    if organizer is None:
        return None
    stored = rooms.stored_copy(txn, organizer, copy.uid)
    if stored is None:
        return Trouble.ABANDONED, f"{organizer.name} has no such meeting", []
    theirs = txn.objects.parsed(stored)
    own = room.own_addresses
    if not theirs.attendees & own:
        return Trouble.ABANDONED, f"{organizer.name} does not invite the room any more", []
    answers = {
        rid: (_answer_at(copy, rid, own), _answer_at(theirs, rid, own))
        for rid in dict.fromkeys((*copy.by_rid(), *theirs.by_rid()))
    }
    differing = [rid for rid, (here, there) in answers.items() if here and there and here is not there]
    if not differing:
        return None
    here, there = answers[differing[0]]
    dates = ", ".join(rid.to_basic() for rid in differing if rid is not None)
    where = f" on {dates}" if dates else ""
    return Trouble.DISAGREEMENT, f"{here} here, {there} at {organizer.name}{where}", differing


def _answer_at(
    obj: CalendarObject, rid: RecurrenceId | None, own: frozenset[CalendarUserAddress]
) -> PartStat | None:
    """What the room answers to one date, or to the whole; None: the copy has it not, or without the room."""
    there = rid is None or has_instance(obj, rid)
    component = component_at(obj, rid) if there else None
    attendee = find_attendee(component, own) if component is not None else None
    return partstat(attendee) if attendee is not None else None


def _settle(
    txn: Transaction,
    room: Principal,
    stored: StoredObject,
    copy: CalendarObject,
    trouble: Trouble,
    rids: Iterable[RecurrenceId | None],
    *,
    settings: SchedulingSettings,
) -> None:
    if trouble is Trouble.ABANDONED:
        txn.objects.delete(stored)
        return
    # The room's own copy is right about its answer: it is told once more, date by date.
    spoken = copy.by_rid()
    apart = [override_instance(copy, rid) for rid in rids if rid is not None and rid not in spoken]
    copy = copy.with_components((*copy.components, *apart)) if apart else copy
    answer = rooms.RoomAnswer(
        copy, rooms.slots_for(txn, room, stored, copy, settings=settings), answered=True, inbox=False
    )
    room_reply(txn, room, stored, answer, settings=settings)


def shown(period: Period) -> str:
    """A period for people."""
    start, end = period
    return f"{_clock(start)} to {_clock(end)} UTC"


def _clock(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
