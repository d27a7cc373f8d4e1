# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms and resources that answer: decides on a transaction, under the room's lock, and says what to write.

`answer` is called by the delivery of invitations; `book` by whoever writes a room's calendar otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, ComponentKind, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import FreeBusyType, instance_type
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.scheduling import responses, slots
from calcore_caldav.scheduling.answering import KEPT, OCCUPYING, answered, discreet, reason_of
from calcore_caldav.scheduling.booking import decide, padded_period
from calcore_caldav.scheduling.finder import free_rooms
from calcore_caldav.scheduling.inquiry import (
    MOST_INSTANCES,
    Inquiry,
    clusters,
    grace_of,
    inquire,
    managers,
    zone_of,
)
from calcore_caldav.scheduling.policy import BookingPolicy, policy_of
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict, Wanted
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import StoredObject, Transaction

Bookings = tuple[tuple[Period, int], ...]
"""Periods with buffers, in UTC, each with its slot: what `txn.bookings.replace` takes."""

HORIZON_JOB: Final = "room-horizon"
APPROVAL_JOB: Final = "room-approval"
RELEASE_JOB: Final = "room-release"
CHECK_IN_JOB: Final = "room-checkin"


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
    approvers: tuple[Principal, ...] = ()
    """Who has to approve: the message goes to their inboxes as well."""
    comments: Mapping[RecurrenceId | None, str] = field(default_factory=dict)
    """COMMENT of the reply, by component (None: the master)."""
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
        return RoomAnswer(copy, (), answered=False, inbox=True)
    own_object = stored_copy(txn, room, copy.uid) if previous is not None else None
    if copy.organizer is None or copy.organizer in room.own_addresses:
        # Its own event: nobody asks for anything.
        bookings = slots_for(txn, room, own_object, copy, settings=settings)
        return RoomAnswer(copy, bookings, answered=False, inbox=False)
    inquiry = inquire(txn, room, policy, copy, own_object, settings=settings)
    decision = decide(policy, inquiry.request)
    return _write(txn, room, policy, copy, own_object, inquiry, decision)


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


def _write(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    own_object: StoredObject | None,
    inquiry: Inquiry,
    decision: BookingDecision,
) -> RoomAnswer:
    written = answered(copy, room.own_addresses, inquiry.instances, decision, txn.now)
    new = discreet(
        written.copy, policy, lambda: _name_of(txn, copy.organizer), responses.text(room.language, "busy")
    )
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
    if own_object is not None and pending:
        # Moved, and not granted yet: what was booked stays booked.
        taken += _booked(txn, room, own_object)
    displaced = _displace(txn, room, decided.values(), settings=inquiry.settings)
    answer = RoomAnswer(
        copy=new,
        bookings=_slots(txn, room, policy, taken, own_object, None if displaced else inquiry),
        answered=any(v.partstat is not PartStat.NEEDS_ACTION for v in written.placed.values()),
        inbox=pending or any(v.partstat is PartStat.NEEDS_ACTION for v in decided.values()),
        approvers=_approvers(txn, room, policy, inquiry) if pending else (),
        comments=comments_on(txn, room, policy, inquiry, written.placed),
        displaced=displaced,
    )
    _enqueue(txn, room, policy, new, inquiry, decision)
    return answer


def _approvers(
    txn: Transaction, room: Principal, policy: BookingPolicy, inquiry: Inquiry
) -> tuple[Principal, ...]:
    """The people whom the policy's `approvers` means, but not the booker."""
    names = [
        n for entry in policy.approvers for n in (managers(txn, room) if entry == "managers" else {entry})
    ]
    found: dict[int, Principal] = {}
    for name in sorted(names):
        someone = txn.directory.by_name(name) or txn.directory.by_address(CalendarUserAddress.parse(name))
        if someone is not None:
            people = txn.directory.expand(someone) if someone.kind is CalendarUserType.GROUP else [someone]
            found.update((p.id, p) for p in people if p.kind is CalendarUserType.INDIVIDUAL)
    if inquiry.booker is not None:
        found.pop(inquiry.booker.id, None)
    return tuple(found.values())


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
    settings: SchedulingSettings,
) -> None:
    """Book what stands in the room's calendar, whoever wrote it there: managers overrule the policy.

    What overlaps takes a slot of its own, so the no-overlap constraint is never hit.
    """
    txn.bookings.replace(room, stored, slots_for(txn, room, stored, copy, settings=settings))


def slots_for(
    txn: Transaction,
    room: Principal,
    stored: StoredObject | None,
    copy: CalendarObject,
    *,
    settings: SchedulingSettings,
) -> Bookings:
    """The bookings of an event as it stands, whatever the policy says of it."""
    taken = periods_of(txn, room, copy, settings=settings)
    return _slots(txn, room, policy_of(room.booking), taken, stored)


def periods_of(
    txn: Transaction, room: Principal, copy: CalendarObject, *, settings: SchedulingSettings
) -> list[Period]:
    """The time that an event takes as it stands, buffers included."""
    if copy.kind is not ComponentKind.VEVENT:
        return []
    policy = policy_of(room.booking)
    since = txn.now - grace_of(policy, settings)
    recurrence = copy.recurrence(zone_of(txn, room))
    until = txn.now + policy.reach if recurrence.endless else None
    return [
        padded_period(policy, Wanted(i.rid, i.start, i.end))
        for i in islice(recurrence.between(TimeRange(since, until)), MOST_INSTANCES)
        if i.start < i.end and _takes_time(i, room.own_addresses, policy)
    ]


def _takes_time(instance: Instance, own: frozenset[CalendarUserAddress], policy: BookingPolicy) -> bool:
    if instance_type(instance.component, own) is FreeBusyType.FREE:
        return False
    attendee = find_attendee(instance.component, own)
    if attendee is not None:
        return partstat(attendee) in OCCUPYING
    return policy.unscheduled_blocks


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
    for window in clusters(periods):
        at = bisect_right(known, window.start, key=lambda w: w.start) - 1
        if at >= 0 and known[at].start <= window.start and window.end <= known[at].end:
            continue
        others.update((b.period, b.slot) for b in txn.bookings.of(room, window) if b.object_id != own_id)
    return tuple(slots.assign(periods, sorted(others), policy.concurrency))


def _name_of(txn: Transaction, address: CalendarUserAddress | None) -> str:
    if address is None:
        return ""
    principal = txn.directory.by_address(address)
    return principal.display_name if principal is not None else address.email or str(address)


_MOST_SUGGESTIONS: Final = 5
"""Alternatives are looked for in so many comments of one reply."""
_SUGGESTED: Final = frozenset({Reason.CONFLICT, Reason.HOURS, Reason.CAPACITY, Reason.SERIES})


def comments_on(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    inquiry: Inquiry,
    placed: Mapping[RecurrenceId | None, Verdict],
) -> dict[RecurrenceId | None, str]:
    """The COMMENT of each component of the reply, in the booker's language; none where nothing is to say."""
    language = inquiry.booker.language if inquiry.booker is not None else room.language
    wanted = {w.rid: w for w in inquiry.request.wanted}
    comments: dict[RecurrenceId | None, str] = {}
    suggestions = 0
    for rid, verdict in placed.items():
        # The master of a series speaks for its first instance.
        instance = wanted.get(rid) or next(iter(wanted.values()), None)
        if instance is None:
            continue
        rooms: list[str] = []
        refused = verdict.partstat is PartStat.DECLINED and verdict.reason in _SUGGESTED
        if refused and policy.alternatives and suggestions < _MOST_SUGGESTIONS:
            suggestions += 1
            rooms = _alternatives(txn, room, policy, instance, inquiry)
        holder = verdict.conflict.organizer if verdict.conflict is not None else None
        comments[rid] = responses.comment(
            policy,
            verdict,
            instance,
            language=language,
            zone=inquiry.request.zone,
            organizer=_name_of(txn, holder),
            alternatives=rooms,
        )
    return {rid: text for rid, text in comments.items() if text}


def _alternatives(
    txn: Transaction, room: Principal, policy: BookingPolicy, wanted: Wanted, inquiry: Inquiry
) -> list[str]:
    found = free_rooms(
        txn,
        [Period(wanted.start, max(wanted.end, wanted.start + timedelta.resolution))],
        capacity=wanted.people if policy.capacity else 0,
        building=room.location.building,
        kinds=(room.kind,),
        names=inquiry.names,
        settings=inquiry.settings,
    )
    return [r.display_name for r in found if r.id != room.id][: policy.alternatives]


def _enqueue(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    inquiry: Inquiry,
    decision: BookingDecision,
) -> None:
    """Leave to the worker what is to be decided later."""
    decided = [v for v in decision.verdicts.values() if v.decided]
    enters = _next_to_enter(txn, room, policy, copy, inquiry)
    if enters is not None:
        when = max(enters - policy.reach, txn.now)
        enqueue(txn, HORIZON_JOB, room, copy.uid, _next_night(when, inquiry.request.zone))
    if policy.approval_timeout and any(v.reason is Reason.PENDING for v in decided):
        enqueue(txn, APPROVAL_JOB, room, copy.uid, txn.now + policy.approval_timeout)
    coming = [w.start for w in inquiry.request.wanted if w.start > txn.now]
    if policy.checkin and coming:
        enqueue(txn, CHECK_IN_JOB, room, copy.uid, min(coming) + policy.checkin)


def _next_to_enter(
    txn: Transaction, room: Principal, policy: BookingPolicy, copy: CalendarObject, inquiry: Inquiry
) -> datetime | None:
    """The start of the first instance that is to be decided once it comes within the horizon."""
    own = room.own_addresses
    overrides = copy.overrides
    for wanted in inquiry.request.wanted:
        override = overrides.get(wanted.rid) if wanted.rid is not None else None
        component = override or copy.master or copy.components[0]
        if reason_of(component, own) is Reason.HORIZON:
            return wanted.start
    if inquiry.request.endless and copy.master is not None:
        attendee = find_attendee(copy.master, own)
        waits = reason_of(copy.master, own) is Reason.HORIZON
        if attendee is not None and (waits or partstat(attendee) in OCCUPYING):
            known = {w.rid for w in inquiry.request.wanted}
            later = TimeRange(txn.now + policy.reach, None)
            following = copy.recurrence(inquiry.request.zone).between(later)
            return next((i.start for i in following if i.rid not in known), None)
    return None


def enqueue(txn: Transaction, kind: str, room: Principal, uid: str, when: datetime) -> None:
    """A job of a room for one event; an earlier one that waits already stays."""
    payload = {"room": room.name, "uid": uid}
    txn.jobs.add(kind, payload, dedupe=f"{kind}:{room.name}:{uid}", not_before=when)


def _next_night(instant: datetime, zone: tzinfo) -> datetime:
    """Three o'clock of the first night after an instant, in the room's zone."""
    local = instant.astimezone(zone)
    night = datetime.combine(local.date(), time(3), zone)
    if night <= local:
        night = datetime.combine(local.date() + timedelta(days=1), time(3), zone)
    return night.astimezone(UTC)


def after_reply(
    txn: Transaction, copy: CalendarObject, organizer: Principal, *, settings: SchedulingSettings
) -> None:
    """After an attendee's answer arrived in the organizer's copy: have rooms released that nobody will use."""
    del settings
    own = organizer.own_addresses
    if not any(deserted(component, own) for component in copy.components):
        return
    for address in sorted(copy.attendees):
        room = txn.directory.by_address(address)
        if room is not None and room.kind.bookable and policy_of(room.booking).release:
            enqueue(txn, RELEASE_JOB, room, copy.uid, txn.now)


def deserted(component: Component, organizer: frozenset[CalendarUserAddress]) -> bool:
    """Whether every human but the organizer declined; False where the organizer invited nobody else."""
    others = [
        partstat(p)
        for p in component.all("ATTENDEE")
        if (p.param("CUTYPE") or "INDIVIDUAL").upper() not in {"ROOM", "RESOURCE"}
        and CalendarUserAddress.parse(p.value) not in organizer
    ]
    return bool(others) and all(answer is PartStat.DECLINED for answer in others)
