# SPDX-License-Identifier: GPL-3.0-or-later
"""A meeting made two, in everybody's calendar: "this and following" (the calendarserver extension).

Nobody is asked again: each attendee's own copy is split as the organizer's is, so answers, alarms and room
bookings stay as they are, and no inbox gets a message. Only attendees elsewhere are sent both halves.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import uuid4

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.organizer import requests
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.splitting import linked, relation_of, split_series
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.scheduling import rooms
from calcore_caldav.scheduling.delivery import EVERYTHING, Delivery, new_tag
from calcore_caldav.scheduling.people import People
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import StoredObject, Transaction


class Halves(NamedTuple):
    """What a split left in the calendar of the one who asked for it."""

    past: StoredObject
    """The instances before: a new resource with a new UID."""
    future: StoredObject
    """The instances from the date on: the old resource, its UID and URL."""


class _Split(NamedTuple):
    past: CalendarObject
    future: CalendarObject


def split_meeting(
    txn: Transaction,
    owner: Principal,
    stored: StoredObject,
    rid: RecurrenceId,
    uid: str | None,
    *,
    settings: SchedulingSettings,
) -> Halves:
    """Split the series of `owner` at `rid`; the past gets `uid`, or a new one.

    Raises InvalidRequest ("valid-split", in the calendarserver namespace) where the series can't be split
    there, where `uid` is in use, or where somebody else organizes it.
    """
    obj = txn.objects.parsed(stored)
    past_uid = uid or str(uuid4()).upper()
    scheduled = obj.organizer is not None and bool(obj.attendees)
    if scheduled and obj.organizer not in owner.own_addresses:
        raise _refused("only its organizer can split a meeting")
    if txn.objects.in_home_by_uid(owner, past_uid):
        raise _refused(f"the UID {past_uid!r} is in use")
    halves = _Split(*split_series(obj, rid, past_uid))
    if scheduled:
        halves = _Split(*(_counted(half) for half in halves))
        _split_copies(txn, owner, obj, halves, rid, settings=settings)
    past, future = _store(txn, stored, halves, scheduled=scheduled)
    assert past is not None
    assert future is not None
    if scheduled:
        # Answers that wait to be shown to the others wait in both halves now.
        Delivery(txn, settings).show_answers(past, halves.past, owner)
    return Halves(past, future)


def _split_copies(
    txn: Transaction,
    owner: Principal,
    obj: CalendarObject,
    halves: _Split,
    rid: RecurrenceId,
    *,
    settings: SchedulingSettings,
) -> None:
    people = People(txn)
    people.learn(obj, *halves)
    delivery = Delivery(txn, settings, people)
    others = obj.attendees - owner.own_addresses
    for person in {p.id: p for who in others if (p := people.find(who)) is not None}.values():
        copy = delivery.copy_of(person, obj.uid)
        if copy is None or person.id == owner.id:
            continue
        parts = _split_copy(txn.objects.parsed(copy), rid, halves)
        kept = _store(txn, copy, parts, scheduled=True)
        if person.kind.bookable:
            for row, part in zip(kept, parts, strict=True):
                if row is not None:
                    rooms.book(txn, person, row, part, settings=settings)
    for half in halves:
        wanted: dict[CalendarUserAddress, frozenset[RecurrenceId | None]] = dict.fromkeys(others, EVERYTHING)
        for sent in requests(half, wanted, owner.own_addresses, now=txn.now, aliases=people.aliases):
            if people.find(sent.recipient) is None:
                delivery.external(sent)


def _split_copy(copy: CalendarObject, rid: RecurrenceId, halves: _Split) -> _Split:
    """An attendee's copy, cut at the same date; of single instances each goes to its side."""
    if copy.master is not None:
        return _Split(*(_counted(half) for half in split_series(copy, rid, halves.past.uid)))
    relation = relation_of(halves.future)
    before = tuple(linked(c, halves.past.uid, relation) for key, c in copy.overrides.items() if key < rid)
    after = tuple(linked(c, copy.uid, relation) for key, c in copy.overrides.items() if key >= rid)
    return _Split(_counted(copy.with_components(before)), _counted(copy.with_components(after)))


def _counted(half: CalendarObject) -> CalendarObject:
    """SEQUENCE one higher: the half is a revision of the meeting (RFC 5546 §2.1.4)."""
    return half.with_components(
        tuple(c.set("SEQUENCE", str(int(c.value("SEQUENCE") or 0) + 1)) for c in half.components)
    )


def _store(
    txn: Transaction, stored: StoredObject, halves: _Split, *, scheduled: bool
) -> tuple[StoredObject | None, StoredObject | None]:
    """Both halves in the place of the whole; one without instances leaves nothing there."""
    collection = txn.collections.by_id(stored.collection_id)
    assert collection is not None

    def put(name: str, half: CalendarObject) -> StoredObject:
        return txn.objects.put(collection, name, half, schedule_tag=new_tag() if scheduled else None)

    future = put(stored.name, halves.future) if halves.future.components else None
    if future is None:
        txn.objects.delete(stored)
    past = put(f"{uuid4()}.ics", halves.past) if halves.past.components else None
    return past, future


def _refused(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, "valid-split", caldav=False)
