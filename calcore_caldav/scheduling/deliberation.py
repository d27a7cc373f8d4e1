# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room decides on a meeting that it may know already: which dates are asked for anew, and which stay granted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.times import TimeRange
from calcore_caldav.core.timing import retimed
from calcore_caldav.scheduling.answering import OCCUPYING, answered_at, reason_of
from calcore_caldav.scheduling.bookers import Heads
from calcore_caldav.scheduling.booking import decide
from calcore_caldav.scheduling.inquiry import Inquiry, inquire
from calcore_caldav.scheduling.policy import BookingPolicy, CapacityRule, HorizonAction, Recurring, policy_of
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import StoredObject, Transaction


def deliberate(
    txn: Transaction,
    room: Principal,
    copy: CalendarObject,
    previous: CalendarObject | None,
    own_object: StoredObject | None,
    *,
    settings: SchedulingSettings,
) -> tuple[Inquiry, BookingDecision]:
    """The decision on what the room's copy is to be, `previous` what it is: with its input. Writes nothing."""
    policy = policy_of(room.booking)
    again = _asked_otherwise(txn, room, policy, previous)
    inquiry = inquire(txn, room, policy, copy, own_object, again=again, settings=settings)
    granted = _granted(room, policy, copy, previous, inquiry) if previous is not None else {}
    if not granted:
        return inquiry, decide(policy, inquiry.request)
    wanted = [
        w._replace(partstat=PartStat.ACCEPTED) if w.rid in granted else w for w in inquiry.request.wanted
    ]
    decision = decide(policy, replace(inquiry.request, wanted=wanted, recurring=False))
    return inquiry, replace(decision, verdicts={**decision.verdicts, **granted})


def _asked_otherwise(
    txn: Transaction, room: Principal, policy: BookingPolicy, previous: CalendarObject | None
) -> Callable[[Instance], bool]:
    """Tells the dates that are to be decided anew though their time is the same, since something else is asked.

    More people than the room holds, where it must hold them, or no more than that; and what was tentative, where
    that takes nothing. A manager's answer stands.
    """
    own, heads = room.own_addresses, Heads(txn)
    enforced = policy.enforce_capacity is CapacityRule.ENFORCE

    def otherwise(instance: Instance) -> bool:
        if previous is None:
            return False
        after = instance.component
        before = previous.overrides.get(instance.rid, previous.master) if instance.rid else previous.master
        attendee = find_attendee(after, own)
        if before is None or attendee is None or answered_at(after, own) is None:
            return False
        if partstat(attendee) not in OCCUPYING:
            crowded = reason_of(before, own) is Reason.CAPACITY
            return crowded and enforced and heads.count(after) <= policy.capacity
        confirmed = not policy.tentative_blocks and is_tentative(before) and not is_tentative(after)
        return confirmed or (enforced and heads.count(before) <= policy.capacity < heads.count(after))

    return otherwise if enforced or not policy.tentative_blocks else lambda _: False


def is_tentative(component: Component) -> bool:
    """Whether a meeting is not certain yet."""
    return (component.value("STATUS") or "").strip().upper() == "TENTATIVE"


def _granted(
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    previous: CalendarObject,
    inquiry: Inquiry,
) -> dict[RecurrenceId | None, Verdict]:
    """The dates that stay booked although the rule of their series changed: that were there, and accepted.

    A changed rule asks everybody anew (RFC 6638 §3.2.8); to the room only the dates that it adds are new. A
    policy that takes series as a whole only judges the whole anew.
    """
    before, after = previous.master, copy.master
    whole = policy.recurring is not Recurring.PARTIAL or policy.horizon_action is HorizonAction.DECLINE
    if whole or not policy.manual_wins or before is None or after is None:
        return {}
    if not retimed(before, previous.zones, after, copy.zones):
        return {}
    own = room.own_addresses
    asked: dict[RecurrenceId | None, tuple[datetime, datetime]] = {
        w.rid: (w.start, w.end)
        for w in inquiry.request.wanted
        if w.rid is not None and w.partstat is PartStat.NEEDS_ACTION
    }
    if not asked:
        return {}
    window = TimeRange(min(start for start, _ in asked.values()), max(end for _, end in asked.values()))
    return {
        i.rid: Verdict(PartStat.ACCEPTED, Reason.FREE)
        for i in previous.recurrence(inquiry.request.zone).between(window)
        if asked.get(i.rid) == (i.start, i.end)
        and (attendee := find_attendee(i.component, own)) is not None
        and partstat(attendee) is PartStat.ACCEPTED
    }
