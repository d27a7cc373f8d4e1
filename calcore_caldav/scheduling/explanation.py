# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a room answered as it did, and what it would answer: decisions without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from calcore_caldav.core.answers import settle
from calcore_caldav.core.calobject import CalendarObject, ComponentKind, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.invitation import apply_request
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.errors import NotFound
from calcore_caldav.scheduling import responses
from calcore_caldav.scheduling.answering import answered_at, reasons_of
from calcore_caldav.scheduling.booking import decide
from calcore_caldav.scheduling.deliberation import deliberate
from calcore_caldav.scheduling.inquiry import Inquiry, inquire
from calcore_caldav.scheduling.people import People, signed
from calcore_caldav.scheduling.policy import policy_of
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict
from calcore_caldav.scheduling.room_copies import without_exdates
from calcore_caldav.scheduling.room_remarks import comments_on
from calcore_caldav.scheduling.rooms import stored_copy
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, Transaction


@dataclass(frozen=True, slots=True)
class Explanation:
    """One instance: what the room answered, and what it would answer if it were asked now."""

    rid: RecurrenceId | None
    start: datetime
    end: datetime
    stands: PartStat
    answered: datetime | None
    """When the server answered; None: a person did, or nobody."""
    because: frozenset[Reason]
    """What that answer rests on, as far as it is known: one of these."""
    verdict: Verdict
    """Of a new decision, on the calendar as it is now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A meeting that a room is asked for, as far as it is still to come."""

    uid: str
    organizer: CalendarUserAddress
    next: datetime
    """When its next date begins."""
    answers: Mapping[PartStat, int]
    """How many dates are answered how."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a room would answer to an invitation."""

    room: Principal
    decision: BookingDecision
    explanations: tuple[Explanation, ...]
    comments: Mapping[RecurrenceId | None, str]
    """What it would say; nothing where it would just accept."""

    @property
    def free(self) -> int:
        """Instances that it would accept or hold."""
        granted = {PartStat.ACCEPTED, PartStat.TENTATIVE}
        return sum(e.verdict.partstat in granted for e in self.explanations)


def asked(txn: Transaction, room: Principal, *, settings: SchedulingSettings) -> list[Asked]:
    """Every meeting that the room is asked for and that is still to come, the next one first."""
    found: list[Asked] = []
    policy = policy_of(room.booking)
    for calendar in txn.collections.of(room, CollectionKind.CALENDAR):
        for stored in txn.objects.all(calendar):
            if stored.organizer is None or stored.organizer in room.own_addresses:
                continue
            copy = txn.objects.parsed(stored)
            if copy.kind is not ComponentKind.VEVENT:
                continue
            dates = inquire(txn, room, policy, copy, stored, settings=settings).instances
            coming = [i for i in dates if i.end > txn.now]
            if coming:
                answers = Counter(_stands(i.component, room.own_addresses) for i in coming)
                found.append(Asked(copy.uid, stored.organizer, coming[0].start, answers))
    return sorted(found, key=lambda meeting: (meeting.next, meeting.uid))


def why(
    txn: Transaction,
    room: Principal,
    uid: str,
    rid: RecurrenceId | None = None,
    *,
    settings: SchedulingSettings,
) -> tuple[Explanation, ...]:
    """Every instance of an event in the room's calendar, or the one asked for. Raises NotFound."""
    stored = stored_copy(txn, room, uid)
    if stored is None:
        raise NotFound(f"{room.name} has no event with the UID {uid!r}")
    copy = txn.objects.parsed(stored)
    policy = policy_of(room.booking)
    inquiry = inquire(txn, room, policy, copy, stored, again=lambda _: True, settings=settings)
    found = _explained(inquiry, decide(policy, inquiry.request), room.own_addresses)
    if rid is None:
        return found
    chosen = tuple(e for e in found if e.rid == rid)
    if not chosen:
        raise NotFound(f"{uid!r} has no instance {rid.to_basic()} that is still to come")
    return chosen


def forecast(txn: Transaction, obj: CalendarObject, *, settings: SchedulingSettings) -> tuple[Forecast, ...]:
    """What each room and resource among the attendees would answer to `obj`. Writes nothing."""
    organizer = txn.directory.by_address(obj.organizer) if obj.organizer is not None else None
    theirs: CalendarObject | None = None
    if organizer is not None:
        # As it would be delivered: groups with their members, rooms that are told from people, and who acts; those
        # who answered before with their answers, unless that would ask them anew.
        people = People(txn)
        obj = signed(txn, organizer, people.completed(obj, organizer))
        stored = stored_copy(txn, organizer, obj.uid)
        theirs = txn.objects.parsed(stored) if stored is not None else None
        if theirs is not None and theirs.organizer in organizer.own_addresses:
            people.learn(theirs, obj)
            me = frozenset(people.aliases.get(a, a) for a in organizer.own_addresses)
            obj = settle(theirs, obj, me, people.aliases, merge_answers=False)
    found: list[Forecast] = []
    seen: set[int] = set()
    for address in sorted(obj.attendees):
        room = txn.directory.by_address(address)
        if room is None or not room.kind.bookable or room.id in seen:
            continue
        seen.add(room.id)
        policy, own = policy_of(room.booking), room.own_addresses
        known = stored_copy(txn, room, obj.uid)
        before = txn.objects.parsed(known) if known is not None and theirs is not None else None
        if before is None:
            copy = _asking(obj, own)
        else:
            copy = apply_request(without_exdates(before, obj), obj, own, in_order=True).stored or obj
        inquiry, decision = deliberate(txn, room, copy, before, known, settings=settings)
        said = comments_on(txn, room, policy, inquiry, dict(decision.verdicts))
        found.append(Forecast(room, decision, _explained(inquiry, decision, own), said))
    return tuple(found)


def _asking(obj: CalendarObject, own: frozenset[CalendarUserAddress]) -> CalendarObject:
    """The event as if the room were just being invited."""

    def change(prop: Property) -> Property:
        mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in own
        return prop.with_param("PARTSTAT", "NEEDS-ACTION") if mine else prop

    return obj.with_components(tuple(c.map(change) for c in obj.components))


def _explained(
    inquiry: Inquiry, decision: BookingDecision, own: frozenset[CalendarUserAddress]
) -> tuple[Explanation, ...]:
    return tuple(
        Explanation(
            instance.rid,
            instance.start,
            instance.end,
            _stands(instance.component, own),
            answered_at(instance.component, own),
            reasons_of(instance.component, own),
            decision.verdicts[instance.rid],
        )
        for instance in inquiry.instances
    )


def _stands(component: Component, own: frozenset[CalendarUserAddress]) -> PartStat:
    attendee = find_attendee(component, own)
    return partstat(attendee) if attendee is not None else PartStat.NEEDS_ACTION


_PLAIN: Final = {
    Reason.FREE: "nothing speaks against it.",
    Reason.MODE: "so answers its mode.",
    Reason.PAST: "it is over, and left alone.",
    Reason.KEPT: "it was answered before.",
}


def told(explanation: Explanation, zone: tzinfo) -> str:
    """One line for people: the rule, its values and what is in the way, in a zone's times."""
    verdict = explanation.verdict
    said = _PLAIN.get(verdict.reason) or responses.text("en", verdict.reason.value, value=verdict.value)
    parts = [f"{verdict.reason}: {said}"]
    conflict = verdict.conflict
    if conflict is not None:
        start, end = responses.clock_times(conflict.start, conflict.end, zone)
        parts.append(f"In the way: {conflict.by} {start} to {end}")
        parts.extend([f"UID {conflict.uid}"] if conflict.uid else [])
        parts.extend([f"booked by {conflict.organizer}"] if conflict.organizer else [])
        return f"{parts[0]} {', '.join(parts[1:])}"
    return parts[0]
