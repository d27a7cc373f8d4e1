# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms leave to the worker: which event is to be looked at again, and when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.itip import server_group
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.times import TimeRange
from calcore_caldav.scheduling.answering import OCCUPYING, is_pending, reason_of
from calcore_caldav.scheduling.availability import zone_of
from calcore_caldav.scheduling.inquiry import Inquiry
from calcore_caldav.scheduling.policy import BookingPolicy, HorizonAction, policy_of
from calcore_caldav.scheduling.request import BookingDecision, Reason
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Transaction

HORIZON_JOB: Final = "room-horizon"
APPROVAL_JOB: Final = "room-approval"
RELEASE_JOB: Final = "room-release"
CHECK_IN_JOB: Final = "room-checkin"
ASKED_JOB: Final = "room-asked"
RETURN_JOB: Final = "room-return"


def leave_jobs(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    inquiry: Inquiry,
    decision: BookingDecision,
) -> None:
    """Leave to the worker what is to be decided later."""
    enters = _next_to_enter(txn, room, policy, copy, inquiry)
    if enters is not None:
        when = max(enters - policy.reach, txn.now)
        enqueue(txn, HORIZON_JOB, room, copy.uid, _next_night(when, inquiry.request.zone))
    pending = {rid for rid, verdict in decision.verdicts.items() if verdict.reason is Reason.PENDING}
    if policy.approval_timeout and pending:
        over = (w.end for w in inquiry.request.wanted if w.rid in pending)
        enqueue(txn, APPROVAL_JOB, room, copy.uid, min(txn.now + policy.approval_timeout, *over))
    # What has begun may be checked in to still.
    due = [at for w in inquiry.request.wanted if (at := w.start + policy.checkin) > txn.now]
    if policy.checkin and due:
        enqueue(txn, CHECK_IN_JOB, room, copy.uid, min(due))


def look_again(txn: Transaction, room: Principal, copy: CalendarObject, *, coming: bool) -> None:
    """Leave to the worker what an event that was written into the room's calendar, or is booked anew, gives it to do.

    `coming`: whether it takes time that is still to come.
    """
    policy, own = policy_of(room.booking), room.own_addresses
    waits = is_pending(copy, own)
    agenda = {
        HORIZON_JOB: any(reason_of(c, own) is Reason.HORIZON for c in copy.components),
        ASKED_JOB: waits,
        APPROVAL_JOB: waits and policy.approval_timeout,
        CHECK_IN_JOB: coming and policy.checkin,
        RELEASE_JOB: coming and policy.release,
    }
    for kind, due in agenda.items():
        if due:
            enqueue(txn, kind, room, copy.uid, txn.now)
    if copy.recurrence().endless:
        # Its dates are booked as they come within reach.
        enqueue(txn, HORIZON_JOB, room, copy.uid, _next_night(txn.now, zone_of(txn, room)))


def _next_to_enter(
    txn: Transaction, room: Principal, policy: BookingPolicy, copy: CalendarObject, inquiry: Inquiry
) -> datetime | None:
    """The start of the first instance that is to be decided once it comes within the horizon."""
    own, master = room.own_addresses, copy.master
    refused = policy.horizon_action is HorizonAction.DECLINE

    def waits(component: Component | None) -> bool:
        return component is not None and not refused and reason_of(component, own) is Reason.HORIZON

    others = waits(master)
    for wanted in inquiry.request.wanted:
        override = copy.overrides.get(wanted.rid) if wanted.rid is not None else None
        if others if override is None else waits(override):
            return wanted.start
    if inquiry.request.endless and master is not None:
        attendee = find_attendee(master, own)
        if attendee is not None and (others or partstat(attendee) in OCCUPYING):
            known = {w.rid for w in inquiry.request.wanted}
            far = TimeRange(txn.now + policy.reach, None)
            following = copy.recurrence(inquiry.request.zone).between(far)
            return next((i.start for i in following if i.rid not in known), None)
    return None


def enqueue(txn: Transaction, kind: str, room: Principal, uid: str, when: datetime) -> None:
    """A job of a room for one event; an earlier one that waits already stays."""
    payload = {"room": room.name, "uid": uid}
    txn.jobs.add(kind, payload, dedupe=f"{kind}:{room.name}:{uid}", not_before=when)


def before_change(txn: Transaction, room: Principal, copy: CalendarObject | None) -> None:
    """Where the room's copy of a meeting waits for approval and changes, or goes: have its approvers see that."""
    if copy is not None and is_pending(copy, room.own_addresses):
        enqueue(txn, ASKED_JOB, room, copy.uid, txn.now)


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
        # Of a group its members are asked.
        and not server_group(p)
        and CalendarUserAddress.parse(p.value) not in organizer
    ]
    return bool(others) and all(answer is PartStat.DECLINED for answer in others)
