# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms decide later: dates that come within the horizon, requests nobody approved, rooms to release.

Each job is about one event in one room's calendar, harmless to repeat, and leaves the next one to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.itip import ITipMessage
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.significance import component_at
from calcore_caldav.errors import NotFound
from calcore_caldav.scheduling import approvals, slots
from calcore_caldav.scheduling.answering import (
    CHECKED_IN,
    KEPT,
    OCCUPYING,
    RELEASED,
    answered_at,
    note_of,
    noted,
    reason_of,
    refused_for_others,
    with_note,
)
from calcore_caldav.scheduling.availability import zone_of
from calcore_caldav.scheduling.bookers import booker_names, listed, managers
from calcore_caldav.scheduling.booking import beyond_horizon, decide
from calcore_caldav.scheduling.delivery import Delivery, room_reply
from calcore_caldav.scheduling.inquiry import Inquiry, inquire
from calcore_caldav.scheduling.policy import BookingPolicy, HorizonAction, Mode, TimeoutAction, policy_of
from calcore_caldav.scheduling.request import Booker, Reason, Role, Verdict
from calcore_caldav.scheduling.room_agenda import (
    APPROVAL_JOB,
    ASKED_JOB,
    CHECK_IN_JOB,
    HORIZON_JOB,
    RELEASE_JOB,
    RETURN_JOB,
    deserted,
    enqueue,
)
from calcore_caldav.scheduling.rooms import book, redecide, stored_copy
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.statuses import Status
from calcore_caldav.store.protocol import Job, StoredObject, Transaction

Verdicts = dict[RecurrenceId | None, Verdict]
RELEASE: Final = Verdict(PartStat.DECLINED, Reason.RELEASED)
APPROVE: Final = Verdict(PartStat.ACCEPTED, Reason.MANAGER)
REFUSE: Final = Verdict(PartStat.DECLINED, Reason.MANAGER)
"""Verdicts for `settle`."""
_APPROVALS: Final = frozenset({Reason.MANAGER, Reason.TIMEOUT})
"""With them a series was granted to its end: nobody is asked again."""
_DECISIONS: Final = {PartStat.ACCEPTED: APPROVE, PartStat.DECLINED: REFUSE}
"""By what an approver answered."""


def horizon(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Decide the dates of a series that have come within the room's horizon, and tell the organizer."""
    place = _place(txn, job)
    if place is None:
        return
    room, stored, policy = place
    copy = txn.objects.parsed(stored)
    own = room.own_addresses
    if not _organized(copy, room):
        # An endless event that a manager wrote is booked as far as the room looks.
        book(txn, room, stored, copy, settings=settings)
        return
    booked = slots.union(txn.bookings.held(room, stored))

    def entered(instance: Instance) -> bool:
        if reason_of(instance.component, own) is Reason.HORIZON:
            refused = policy.horizon_action is HorizonAction.DECLINE
            return not refused and not beyond_horizon(policy, txn.now, instance.start)
        # Accepted in advance, and not booked yet: an endless series of a room without end of its horizon. What a
        # manager accepted is not decided anew.
        occupies = _answer(instance, own) in OCCUPYING and answered_at(instance.component, own) is not None
        there = any(p.start <= instance.start and instance.end <= p.end for p in booked)
        return occupies and instance.start > txn.now and not there

    inquiry = inquire(txn, room, policy, copy, stored, again=entered, settings=settings)
    alone = replace(inquiry.request, recurring=False, endless=False)
    decided = decide(replace(policy, manual_wins=True), alone).verdicts
    approved = dict.fromkeys(
        (i.rid for i in inquiry.instances if entered(i) and reason_of(i.component, own) in _APPROVALS),
        APPROVE,
    )
    before = {i.rid: _answer(i, own) for i in inquiry.instances}
    verdicts = {
        rid: verdict
        for rid, verdict in {**decided, **_unless_taken(policy, inquiry, approved)}.items()
        if verdict.decided and (verdict.partstat is not before[rid] or verdict.partstat is PartStat.DECLINED)
    }
    _change(txn, room, stored, verdicts, settings=settings)


def returned(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Decide anew what was refused for a time that its organizer, who had it, has given back (room_returns)."""
    place = _asked_for(txn, job)
    if place is None:
        return
    room, stored, policy = place
    copy = txn.objects.parsed(stored)

    def refused(instance: Instance) -> bool:
        return instance.start > txn.now and refused_for_others(instance.component, room.own_addresses)

    inquiry = inquire(txn, room, policy, copy, stored, again=refused, settings=settings)
    decision = decide(replace(policy, manual_wins=True), inquiry.request)
    if granted := {r: v for r, v in decision.verdicts.items() if v.decided and v.partstat in OCCUPYING}:
        _change(txn, room, stored, granted, beyond=decision.beyond or KEPT, settings=settings)


def _answer(instance: Instance, own: frozenset[CalendarUserAddress]) -> PartStat:
    attendee = find_attendee(instance.component, own)
    return partstat(attendee) if attendee is not None else PartStat.NEEDS_ACTION


def approval(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Answer for the managers who did not answer in time."""
    place = _asked_for(txn, job)
    if place is None or not place[2].approval_timeout:
        return
    room, stored, policy = place
    own = room.own_addresses
    answer = (
        PartStat.ACCEPTED if policy.approval_timeout_action is TimeoutAction.ACCEPT else PartStat.DECLINED
    )
    late = Verdict(answer, Reason.TIMEOUT)
    inquiry = _waiting(txn, room, stored, settings)
    # What is over is not asked for any more, however long there was to answer.
    waiting = {
        i.rid: min((answered_at(i.component, own) or job.created) + policy.approval_timeout, i.end)
        for i in inquiry.instances
        if reason_of(i.component, own) is Reason.PENDING
    }
    overdue = {rid: late for rid, until in waiting.items() if until <= txn.now}
    if len(overdue) < len(waiting):
        enqueue(
            txn, APPROVAL_JOB, room, stored.uid, min(u for rid, u in waiting.items() if rid not in overdue)
        )
    if overdue:
        beyond = late if len(overdue) == len(waiting) else KEPT
        overdue = _unless_taken(policy, inquiry, overdue)
        _change(txn, room, stored, overdue, beyond=beyond, settings=settings)


def release(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Give back the instances to which nobody but the organizer will come (docs/rooms.md, `release`)."""
    place = _asked_for(txn, job)
    if place is None:
        return
    room, stored, policy = place
    meeting = _organizers_copy(txn, txn.objects.parsed(stored))
    copy = txn.objects.parsed(stored)
    exempt = listed(policy.release_exempt, booker_names(txn, copy), managers(txn, room))
    if not policy.release or exempt or meeting is None:
        return
    obj, organizer = meeting
    before = noted(copy, RELEASED)
    verdicts: Verdicts = {}
    for instance in inquire(txn, room, policy, copy, stored, settings=settings).instances:
        component = component_at(obj, instance.rid)
        if (
            component is not None
            and deserted(component, organizer.own_addresses)
            and _answer(instance, room.own_addresses) in OCCUPYING
            and note_of(instance.rid) not in before
            and instance.start - txn.now >= policy.release_before_start
            and instance.start - stored.created >= policy.release_min_age
            and not timedelta(0) < policy.release_max_duration < instance.end - instance.start
        ):
            verdicts[instance.rid] = RELEASE
    if verdicts:
        whole = obj.master is not None and deserted(obj.master, organizer.own_addresses)
        beyond = RELEASE if whole else KEPT
        _change(txn, room, stored, verdicts, beyond=beyond, note=RELEASED, settings=settings)


def checkin(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Give back the instances that began, and where nobody checked in."""
    place = _asked_for(txn, job)
    if place is None or not place[2].checkin:
        return
    room, stored, policy = place
    copy = txn.objects.parsed(stored)
    present = noted(copy, CHECKED_IN)
    verdicts: Verdicts = {
        i.rid: RELEASE
        for i in inquire(txn, room, policy, copy, stored, settings=settings).instances
        if i.start + policy.checkin <= txn.now < i.end
        and note_of(i.rid) not in present
        and _answer(i, room.own_addresses) is PartStat.ACCEPTED
    }
    _change(txn, room, stored, verdicts, settings=settings)


def settle(
    txn: Transaction,
    room: Principal,
    uid: str,
    rid: RecurrenceId | None = None,
    *,
    verdict: Verdict,
    settings: SchedulingSettings,
) -> int:
    """Answer for the room by hand, for a meeting or for one instance of it; the organizer is told.

    Whatever is still to come and was not answered so already. Returns how many instances that are, raises
    NotFound where there are none.
    """
    stored = stored_copy(txn, room, uid)
    if stored is None:
        raise NotFound(f"{room.name} has no event with the UID {uid!r}")
    copy = txn.objects.parsed(stored)
    if copy.organizer is None:
        raise NotFound(f"{uid!r} has no organizer who could be told: change it in the room's calendar")
    own = room.own_addresses
    inquiry = inquire(txn, room, policy_of(room.booking), copy, stored, settings=settings)
    verdicts: Verdicts = {
        i.rid: verdict
        for i in inquiry.instances
        if i.end > txn.now
        and rid in {None, i.rid}
        # What waits for the horizon is declined for the time being only.
        and (_answer(i, own) is not verdict.partstat or reason_of(i.component, own) is Reason.HORIZON)
    }
    if not verdicts:
        raise NotFound(f"{room.name} has nothing of {uid!r} to come that is not {verdict.partstat} already")
    beyond = verdict if rid is None else KEPT
    note = RELEASED if verdict == RELEASE else ""
    _change(txn, room, stored, verdicts, beyond=beyond, note=note, settings=settings)
    return len(verdicts)


def decide_as_asked(txn: Transaction, sent: ITipMessage, *, settings: SchedulingSettings) -> str | None:
    """Carry out an approver's REPLY to a room's request for approval; None: it is no such REPLY.

    Returns its SCHEDULE-STATUS. What the REPLY does not name, or neither accepts nor declines, waits on; what
    does not wait any more stays as it was decided.
    """
    room = txn.directory.by_address(sent.recipient)
    uid = approvals.meeting_uid(room, sent.body.uid) if room is not None and room.kind.bookable else None
    if room is None or uid is None:
        return None
    stored = stored_copy(txn, room, uid)
    if stored is None:
        return Status.REFUSED
    copy = txn.objects.parsed(stored)
    known = (p.own_addresses for p in approvals.approvers(txn, room, copy))
    own = next((addresses for addresses in known if sent.sender in addresses), frozenset())
    found = {rid: find_attendee(c, own) for rid, c in sent.body.by_rid().items()}
    decisions = {rid: _DECISIONS.get(partstat(p), KEPT) for rid, p in found.items() if p is not None}
    beyond = decisions.get(None, KEPT)
    inquiry = _waiting(txn, room, stored, settings)
    verdicts = {
        i.rid: decisions.get(i.rid, beyond)
        for i in inquiry.instances
        if reason_of(i.component, room.own_addresses) is Reason.PENDING
    }
    if not own or not verdicts:
        return Status.REFUSED
    if any(v.decided for v in verdicts.values()):
        verdicts = _unless_taken(policy_of(room.booking), inquiry, verdicts)
        _change(txn, room, stored, verdicts, beyond=beyond, settings=settings)
    return Status.DELIVERED


def _waiting(
    txn: Transaction, room: Principal, stored: StoredObject, settings: SchedulingSettings
) -> Inquiry:
    """The decision's input for what waits for approval."""

    def waits(instance: Instance) -> bool:
        return reason_of(instance.component, room.own_addresses) is Reason.PENDING

    copy = txn.objects.parsed(stored)
    return inquire(txn, room, policy_of(room.booking), copy, stored, again=waits, settings=settings)


def _unless_taken(policy: BookingPolicy, inquiry: Inquiry, verdicts: Verdicts) -> Verdicts:
    """The same, but what is granted and has been taken while it waited (see `pending_blocks`) is declined."""
    simply = replace(policy, mode=Mode.AUTOMATIC, manual_wins=True, priority=False)
    request = replace(inquiry.request, booker=Booker(Role.OVERRIDE), recurring=False, endless=False)
    taken = {rid: v for rid, v in decide(simply, request).verdicts.items() if v.partstat is PartStat.DECLINED}
    return {
        rid: taken.get(rid, v) if v.partstat is PartStat.ACCEPTED and v.decided else v
        for rid, v in verdicts.items()
    }


def asked(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Have the approvers of a request see what became of it."""
    name, uid = _locked(txn, job)
    room = txn.directory.by_name(name)
    if room is None:
        return
    stored = stored_copy(txn, room, uid)
    copy = txn.objects.parsed(stored) if stored is not None else None
    informed = approvals.tidy(txn, room, uid, copy)
    delivery = Delivery(txn, settings)
    for sent in approvals.invitations(txn, room, copy) if copy is not None else ():
        person = delivery.people.find(sent.recipient)
        if person is not None and person.id not in informed:
            delivery.invite(sent)


def check_in(txn: Transaction, room: Principal, uid: str, rid: RecurrenceId | None) -> None:
    """Somebody is there: the instance is not released. Raises NotFound."""
    stored = stored_copy(txn, room, uid)
    if stored is None:
        raise NotFound(f"{room.name} has no event with the UID {uid!r}")
    copy = txn.objects.parsed(stored)
    if rid is None and copy.recurrence().recurring:
        raise NotFound(f"{uid!r} is a series: say which instance")
    if rid is not None and copy.recurrence(zone_of(txn, room)).instance(rid) is None:
        raise NotFound(f"{uid!r} has no instance {rid.to_basic()}")
    collection = txn.collections.by_id(stored.collection_id)
    assert collection is not None
    noted_copy = with_note(copy, CHECKED_IN, [rid])
    txn.objects.put(collection, stored.name, noted_copy, schedule_tag=stored.schedule_tag)


def _organizers_copy(txn: Transaction, copy: CalendarObject) -> tuple[CalendarObject, Principal] | None:
    organizer = txn.directory.by_address(copy.organizer) if copy.organizer is not None else None
    stored = stored_copy(txn, organizer, copy.uid) if organizer is not None else None
    return (txn.objects.parsed(stored), organizer) if stored is not None and organizer is not None else None


def _locked(txn: Transaction, job: Job) -> tuple[str, str]:
    """Name of the room and UID of the event that a job is about, under their locks."""
    name, uid = str(job.payload["room"]), str(job.payload["uid"])
    txn.lock([f"uid:{uid}", f"room:{name}"])
    return name, uid


def _place(txn: Transaction, job: Job) -> tuple[Principal, StoredObject, BookingPolicy] | None:
    """What a job is about, under the locks; None where it is not there any more."""
    name, uid = _locked(txn, job)
    room = txn.directory.by_name(name)
    stored = stored_copy(txn, room, uid) if room is not None else None
    return (room, stored, policy_of(room.booking)) if room is not None and stored is not None else None


def _asked_for(txn: Transaction, job: Job) -> tuple[Principal, StoredObject, BookingPolicy] | None:
    """The same, of what somebody asked the room for."""
    place = _place(txn, job)
    return place if place is not None and _organized(txn.objects.parsed(place[1]), place[0]) else None


def _organized(copy: CalendarObject, room: Principal) -> bool:
    """Whether somebody asked for it, rather than that a manager wrote it into the room's calendar."""
    return copy.organizer is not None and copy.organizer not in room.own_addresses


def _change(
    txn: Transaction,
    room: Principal,
    stored: StoredObject,
    verdicts: Mapping[RecurrenceId | None, Verdict],
    *,
    beyond: Verdict = KEPT,
    note: str = "",
    settings: SchedulingSettings,
) -> None:
    answer = redecide(txn, room, stored, verdicts, beyond=beyond, settings=settings)
    if answer.answered:
        if note:
            answer = replace(answer, copy=with_note(answer.copy, note, verdicts))
        room_reply(txn, room, stored, answer, settings=settings)
    else:
        txn.bookings.replace(room, stored, answer.bookings)


HANDLERS: Final[Mapping[str, Callable[[Transaction, Job, SchedulingSettings], None]]] = MappingProxyType(
    {
        HORIZON_JOB: horizon,
        APPROVAL_JOB: approval,
        ASKED_JOB: asked,
        RELEASE_JOB: release,
        CHECK_IN_JOB: checkin,
        RETURN_JOB: returned,
    }
)
"""By kind of job."""
