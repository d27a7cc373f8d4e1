# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms and resources that answer: decides on a transaction, under the room's lock, and says what to write.

`answer` is called by the delivery of invitations; `book` by whoever writes a room's calendar otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from calcore_caldav.core.calobject import CalendarObject, ComponentKind, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import FreeBusyType, instance_type
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.scheduling import responses, slots
from calcore_caldav.scheduling.answering import (
    KEPT,
    OCCUPYING,
    answered,
    is_pending,
)
from calcore_caldav.scheduling.availability import zone_of
from calcore_caldav.scheduling.booking import padded_period
from calcore_caldav.scheduling.deliberation import deliberate, is_tentative
from calcore_caldav.scheduling.discretion import discreet
from calcore_caldav.scheduling.inquiry import (
    MOST_INSTANCES,
    Inquiry,
    clusters,
    grace_of,
    inquire,
)
from calcore_caldav.scheduling.policy import BookingPolicy, policy_of
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict, Wanted
from calcore_caldav.scheduling.room_agenda import leave_jobs, look_again
from calcore_caldav.scheduling.room_holds import times_given_up, times_held
from calcore_caldav.scheduling.room_remarks import comments_on, name_of
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import StoredObject, Transaction

Bookings = tuple[tuple[Period, int], ...]
"""Periods with buffers, in UTC, each with its slot: what `txn.bookings.replace` takes."""


@dataclass(frozen=True, slots=True)
class RoomAnswer:
    """What a room's decision means for the calendars."""

    copy: CalendarObject
    """The room's copy, its answers, TRANSP and privacy settings in it."""
    bookings: Bookings
    answered: bool
    """Whether a REPLY goes to the organizer."""
    inbox: bool
    """Whether somebody has to decide: the message stays in the room's inbox."""
    pending: bool = False
    """Whether somebody has to approve: the approvers are asked."""
    comments: Mapping[RecurrenceId | None, str] = field(default_factory=dict)
    """COMMENT of the reply, by component (None: the master)."""
    reasons: Mapping[RecurrenceId | None, Reason] = field(default_factory=dict)
    """Why it is not simply accepted, likewise; in the reply's REQUEST-STATUS."""
    displaced: tuple[Displaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Displaced:
    """Another booking of the room that lost its slot to one with priority."""

    stored: StoredObject
    answer: RoomAnswer


def answer(
    txn: Transaction,
    room: Principal,
    copy: CalendarObject,
    previous: CalendarObject | None,
    *,
    sender: CalendarUserAddress,
    settings: SchedulingSettings,
) -> RoomAnswer:
    """Decide on the instances of the room's copy that await an answer (docs/rooms.md).

    `copy` is what the room's calendar is to hold, `previous` what it holds now. Enqueues the jobs that the
    answer leaves to be done (horizon, approval, check-in).
    """
    del sender
    policy = policy_of(room.booking)
    if copy.kind is not ComponentKind.VEVENT:
        # Tasks take no room: whoever looks after it may answer.
        return RoomAnswer(shown(txn, room, copy), (), answered=False, inbox=True)
    own_object = stored_copy(txn, room, copy.uid) if previous is not None else None
    if copy.organizer is None or copy.organizer in room.own_addresses:
        # Its own event: nobody asks for anything.
        bookings = slots_for(txn, room, own_object, copy, settings=settings)
        return RoomAnswer(copy, bookings, answered=False, inbox=False)
    inquiry, decision = deliberate(txn, room, copy, previous, own_object, settings=settings)
    return _write(txn, room, policy, copy, own_object, inquiry, decision, previous)


def redecide(
    txn: Transaction,
    room: Principal,
    stored: StoredObject,
    verdicts: Mapping[RecurrenceId | None, Verdict],
    *,
    beyond: Verdict = KEPT,
    settings: SchedulingSettings,
) -> RoomAnswer:
    """The answer that changes some instances of an event in the room's calendar, and leaves the others.

    `beyond` is for the instances of an endless series that are too far away to be listed.
    """
    policy = policy_of(room.booking)
    copy = txn.objects.parsed(stored)
    inquiry = inquire(txn, room, policy, copy, stored, settings=settings)
    decision = BookingDecision(verdicts, beyond if inquiry.request.endless else None)
    return _write(txn, room, policy, copy, stored, inquiry, decision)


def shown(
    txn: Transaction, room: Principal, obj: CalendarObject, series: Component | None = None
) -> CalendarObject:
    """A meeting, or a message about one or some dates of a `series`, as the room's policy shows it."""
    busy = responses.text(room.language, "busy")
    return discreet(obj, policy_of(room.booking), lambda: name_of(txn, obj.organizer), busy, series)


def _write(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    own_object: StoredObject | None,
    inquiry: Inquiry,
    decision: BookingDecision,
    previous: CalendarObject | None = None,
) -> RoomAnswer:
    written = answered(copy, room.own_addresses, inquiry.instances, decision, txn.now)
    new = shown(txn, room, written.copy)
    decided = {rid: v for rid, v in decision.verdicts.items() if v.decided}
    final = {w.rid: w.partstat for w in inquiry.request.wanted} | {
        rid: v.partstat for rid, v in decided.items()
    }
    taken = [
        padded_period(policy, w)
        for w in inquiry.request.wanted
        if final[w.rid] in OCCUPYING and w.start < w.end
    ]
    pending = any(v.reason is Reason.PENDING for v in decided.values())
    if own_object is not None and is_pending(new, room.own_addresses):
        # Moved, and not granted yet: what was granted stays booked.
        given_up = [
            padded_period(policy, w)
            for w in inquiry.request.wanted
            if w.rid in decided and final[w.rid] not in OCCUPYING
        ]
        if previous is not None:
            given_up += times_given_up(room, policy, previous, copy, inquiry, final)
        taken += times_held(_booked(txn, room, own_object), given_up)
    displaced = _displace(txn, room, decided.values(), settings=inquiry.settings)
    answer = RoomAnswer(
        copy=new,
        bookings=_slots(txn, room, policy, taken, own_object, None if displaced else inquiry),
        answered=any(v.partstat is not PartStat.NEEDS_ACTION for v in written.placed.values()),
        inbox=pending or any(v.partstat is PartStat.NEEDS_ACTION for v in decided.values()),
        pending=pending,
        comments=comments_on(txn, room, policy, inquiry, written.placed),
        reasons={rid: v.reason for rid, v in written.placed.items() if v.reason is not Reason.FREE},
        displaced=displaced,
    )
    leave_jobs(txn, room, policy, new, inquiry, decision)
    return answer


def _displace(
    txn: Transaction, room: Principal, verdicts: Iterable[Verdict], *, settings: SchedulingSettings
) -> tuple[Displaced, ...]:
    lost: dict[str, dict[RecurrenceId | None, Verdict]] = {}
    for verdict in verdicts:
        for victim in verdict.displaces:
            lost.setdefault(victim.uid, {})[victim.rid] = Verdict(PartStat.DECLINED, Reason.DISPLACED)
    displaced = []
    for uid, its_verdicts in lost.items():
        stored = stored_copy(txn, room, uid)
        if stored is not None:
            its_answer = redecide(txn, room, stored, its_verdicts, settings=settings)
            # At once: its slot is given to somebody else in this same transaction.
            txn.bookings.replace(room, stored, its_answer.bookings)
            displaced.append(Displaced(stored, its_answer))
    return tuple(displaced)


def book(
    txn: Transaction,
    room: Principal,
    stored: StoredObject,
    copy: CalendarObject,
    *,
    keep: bool = False,
    settings: SchedulingSettings,
) -> None:
    """Book what stands in the room's calendar, whoever wrote it there: managers overrule the policy.

    What overlaps takes a slot of its own, so the no-overlap constraint is never hit. `keep`: what is booked
    besides, such as the old time of what waits for approval, stays so.
    """
    bookings = slots_for(txn, room, stored, copy, keep=keep, settings=settings)
    txn.bookings.replace(room, stored, bookings)
    look_again(txn, room, copy, coming=any(period.end > txn.now for period, _ in bookings))


def slots_for(
    txn: Transaction,
    room: Principal,
    stored: StoredObject | None,
    copy: CalendarObject,
    *,
    keep: bool = False,
    settings: SchedulingSettings,
) -> Bookings:
    """The bookings of an event as it stands, whatever the policy says of it; with `keep` those that it has, too."""
    taken = periods_of(txn, room, copy, settings=settings)
    if stored is not None and keep:
        taken += _booked(txn, room, stored)
    return _slots(txn, room, policy_of(room.booking), taken, stored)


def periods_of(
    txn: Transaction,
    room: Principal,
    copy: CalendarObject,
    *,
    exclusive: bool = False,
    settings: SchedulingSettings,
) -> list[Period]:
    """The time that an event takes as it stands, buffers included; `exclusive`: what it takes from others."""
    if copy.kind is not ComponentKind.VEVENT:
        return []
    policy = policy_of(room.booking)
    since = txn.now - grace_of(policy, settings)
    recurrence = copy.recurrence(zone_of(txn, room))
    until = txn.now + policy.reach if recurrence.endless else None
    return [
        padded_period(policy, Wanted(i.rid, i.start, i.end))
        for i in islice(recurrence.between(TimeRange(since, until)), MOST_INSTANCES)
        if i.start < i.end
        and _takes_time(i, room.own_addresses, policy)
        and not (exclusive and _shares(i, room.own_addresses, policy))
    ]


def _takes_time(instance: Instance, own: frozenset[CalendarUserAddress], policy: BookingPolicy) -> bool:
    if instance_type(instance.component, own) is FreeBusyType.FREE:
        return False
    attendee = find_attendee(instance.component, own)
    if attendee is not None:
        return partstat(attendee) in OCCUPYING
    return policy.unscheduled_blocks


def _shares(instance: Instance, own: frozenset[CalendarUserAddress], policy: BookingPolicy) -> bool:
    """Whether others may have the same time, by `tentative_blocks` or `pending_blocks`."""
    attendee = find_attendee(instance.component, own)
    pending = attendee is not None and partstat(attendee) is PartStat.TENTATIVE
    return (
        not policy.pending_blocks
        if pending
        else not policy.tentative_blocks and is_tentative(instance.component)
    )


def stored_copy(txn: Transaction, room: Principal, uid: str) -> StoredObject | None:
    """The event of that UID in the room's calendars."""
    found = txn.objects.in_home_by_uid(room, uid)
    return found[0] if found else None


def _booked(txn: Transaction, room: Principal, stored: StoredObject) -> list[Period]:
    window = Period(txn.now, txn.now + timedelta(days=3660))
    return [b.period for b in txn.bookings.of(room, window) if b.object_id == stored.id]


def _slots(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    periods: Sequence[Period],
    own_object: StoredObject | None,
    inquiry: Inquiry | None = None,
) -> Bookings:
    own_id = own_object.id if own_object is not None else None
    others = {(b.period, b.slot) for b in inquiry.booked} if inquiry is not None else set()
    known = inquiry.windows if inquiry is not None else ()
    starts = [window.start for window in known]
    for window in clusters(periods):
        at = bisect_right(starts, window.start) - 1
        if at >= 0 and known[at].start <= window.start and window.end <= known[at].end:
            continue
        others.update((b.period, b.slot) for b in txn.bookings.of(room, window) if b.object_id != own_id)
    return tuple(slots.assign(periods, sorted(others), policy.concurrency))
