# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room is asked for: the decision's input, gathered from its copy of an event and from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType, free_periods
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import Instance
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.scheduling import availability, slots
from calcore_caldav.scheduling.bookers import Heads, booker_names, holdings, managers, role_names, role_of
from calcore_caldav.scheduling.booking import padded_period
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.scheduling.request import Booker, BookingRequest, Role, Taken, TakenBy, Wanted
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Booking, InstanceRow, StoredObject, Transaction

MOST_INSTANCES: Final = 1000
"""Instances of one event that a room looks at; the rest is answered like what is beyond the horizon."""

_CLUSTER_GAP: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A decision's input, with the instances that it speaks of."""

    instances: tuple[Instance, ...]
    """Those that are not long over, in which the room takes part and which are not cancelled."""
    request: BookingRequest
    booker: Principal | None
    """The organizer; None: somebody from elsewhere."""
    names: frozenset[str]
    """The words that policies may use for the booker."""
    settings: SchedulingSettings
    windows: Sequence[Period]
    """Where the room's time was looked at."""
    booked: Sequence[Booking]
    """Others' bookings there."""


def inquire(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    copy: CalendarObject,
    own_object: StoredObject | None,
    *,
    again: Callable[[Instance], bool] = lambda _: False,
    settings: SchedulingSettings,
) -> Inquiry:
    """The decision's input for the room's copy of an event; `own_object` is the copy as it is stored.

    Instances of which `again` is true are to be decided whatever their answer is.
    """
    zone = availability.zone_of(txn, room)
    grace = grace_of(policy, settings)
    since = txn.now - grace
    recurrence = copy.recurrence(zone)
    until = txn.now + policy.reach if recurrence.endless else None
    listed = list(islice(recurrence.between(TimeRange(since, until)), MOST_INSTANCES + 1))
    beyond = recurrence.endless or len(listed) > MOST_INSTANCES
    own = room.own_addresses
    # Nearly all instances have their properties from one component.
    components = {id(i.component): i.component for i in listed}
    answers = {key: _answer(component, own) for key, component in components.items()}
    instances = tuple(i for i in listed[:MOST_INSTANCES] if answers[id(i.component)] is not None)
    heads = Heads(txn)
    wanted = [_wanted(i, answers[id(i.component)], heads, again=again(i)) for i in instances]
    if policy.lead_time and own_object is not None:
        wanted = _booked(txn, room, policy, own_object, wanted)
    organizer = copy.organizer
    principal = txn.directory.by_address(organizer) if organizer is not None else None
    own_ids = frozenset({own_object.id} if own_object is not None else ())
    asked = [w for w in wanted if w.partstat is PartStat.NEEDS_ACTION or not policy.manual_wins]
    names = booker_names(txn, copy)
    role = role_of(policy, names, managers(txn, room))
    bookings, used = 0, Booker().used
    if organizer is not None and (policy.same_organizer_limit or policy.quota):
        bookings, used = holdings(txn, room, organizer, wanted, own_ids, zone)
    booked: list[Booking] = []
    windows = slots.union(padded_period(policy, w) for w in asked)
    busy = taken(txn, room, policy, windows, booked, ignore=own_ids)
    if policy.priority and role is Role.OVERRIDE:
        busy = _displaceable(txn, room, policy, busy)
    request = BookingRequest(
        wanted=wanted,
        taken=busy,
        booker=Booker(role, policy.auto_accept_group in names, bookings, used),
        now=txn.now,
        zone=zone,
        recurring=recurrence.recurring,
        endless=beyond and copy.master is not None and _answer(copy.master, own) is not None,
        past_grace=grace,
    )
    return Inquiry(instances, request, principal, names, settings, windows, booked)


def _wanted(instance: Instance, answer: PartStat | None, heads: Heads, *, again: bool) -> Wanted:
    """An instance as it is asked for."""
    return Wanted(
        instance.rid,
        instance.start,
        instance.end,
        PartStat.NEEDS_ACTION if again or answer is None else answer,
        heads.count(instance.component),
    )


def _booked(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    stored: StoredObject,
    wanted: Sequence[Wanted],
) -> list[Wanted]:
    """The same, with a mark on what lies, with its buffers, within what is booked for it already."""
    needed = [padded_period(policy, w) for w in wanted]
    found = txn.bookings.of(room, *slots.union(needed)) if needed else ()
    has = slots.union(b.period for b in found if b.object_id == stored.id)
    return [
        w._replace(booked=any(start <= p.start and p.end <= end for start, end in has))
        for w, p in zip(wanted, needed, strict=True)
    ]


def grace_of(policy: BookingPolicy, settings: SchedulingSettings) -> timedelta:
    """How long after their end instances are still decided and booked."""
    return policy.past_grace if policy.past_grace is not None else timedelta(days=settings.past_days)


def _answer(component: Component, own: frozenset[CalendarUserAddress]) -> PartStat | None:
    """What the room answered; None: it doesn't take part."""
    cancelled = (component.value("STATUS") or "").strip().upper() == "CANCELLED"
    attendee = find_attendee(component, own)
    return None if attendee is None or cancelled else partstat(attendee)


def taken(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    windows: Sequence[Period],
    booked: list[Booking],
    *,
    ignore: frozenset[int],
) -> list[Taken]:
    """What takes the room's time in some disjoint windows; objects of `ignore` do not count.

    From the instance index of all calendars of the room that count, and from the bookings (which are added
    to `booked`): a slot that is held without an event in the calendar (an old time, kept until the new one
    is granted) counts as well.
    """
    if not windows:
        return []
    # A rival's own buffers reach out of its own time.
    reach = policy.buffer_before + policy.buffer_after
    places = availability.calendars(txn, room)
    published = availability.published(txn, room)
    rows: dict[tuple[int, str, datetime], InstanceRow] = {}
    closed: list[Taken] = []
    wider = slots.union(Period(w.start - reach, w.end + reach) for w in windows) if reach else windows
    for row in txn.instances.rows(places, *wider):
        if row.object_id not in ignore:
            rows[row.object_id, row.rid.to_basic() if row.rid else "", row.start] = row
    booked.extend(b for b in txn.bookings.of(room, *wider) if b.object_id not in ignore)
    for window in clusters(windows) if published is not None else ():
        shut = availability.unavailable_in(published, room, window)
        closed.extend(Taken(start, end, TakenBy.CLOSED) for start, end, _ in shut)
    kinds = Kinds(txn, room)
    found = [t for row in rows.values() if (t := kinds.taken(row)) is not None]
    return [*found, *held(policy, rows.values(), booked), *closed]


def held(policy: BookingPolicy, rows: Iterable[InstanceRow], bookings: Iterable[Booking]) -> Iterator[Taken]:
    """What is booked without an event that takes it."""
    used: dict[int, set[Period]] = {}
    for row in rows:
        if row.fbtype is not FreeBusyType.FREE:
            used.setdefault(row.object_id, set()).add(padded_period(policy, Taken(row.start, row.end)))
    for booking in bookings:
        times = used.get(booking.object_id, set())
        if booking.period not in times:
            busy = (BusyPeriod(start, end, FreeBusyType.BUSY) for start, end in times)
            for start, end in free_periods(busy, booking.period):
                yield Taken(start, end, TakenBy.HELD)


def clusters(periods: Iterable[Period]) -> list[Period]:
    """Windows that cover the periods: one look at what lies close together, none at long gaps."""
    windows: list[Period] = []
    for period in sorted(periods):
        if windows and period.start <= windows[-1].end + _CLUSTER_GAP:
            windows[-1] = Period(windows[-1].start, max(windows[-1].end, period.end))
        else:
            windows.append(period)
    return windows


class Kinds:
    """Tells by which kind of event a row of the index takes the room's time."""

    def __init__(self, txn: Transaction, room: Principal) -> None:
        self._txn = txn
        self._own = room.own_addresses
        self._stored: dict[int, StoredObject | None] = {}

    def taken(self, row: InstanceRow) -> Taken | None:
        """None where the row takes nothing: declined, cancelled."""
        if row.object_id not in self._stored:
            self._stored[row.object_id] = self._txn.objects.by_id(row.object_id)
        stored = self._stored[row.object_id]
        if stored is None:
            return None
        by = TakenBy.BOOKING if stored.organizer is not None else TakenBy.UNSCHEDULED
        if row.fbtype in {FreeBusyType.FREE, FreeBusyType.BUSY_TENTATIVE}:
            component = self._component(stored, row)
            attendee = find_attendee(component, self._own)
            answer = partstat(attendee) if attendee is not None else None
            if row.fbtype is FreeBusyType.BUSY_TENTATIVE:
                by = TakenBy.PENDING if answer is PartStat.TENTATIVE else TakenBy.TENTATIVE
            elif answer in {PartStat.DECLINED, PartStat.NEEDS_ACTION} or _is_cancelled(component):
                return None
            else:
                by = TakenBy.TRANSPARENT
        return Taken(row.start, row.end, by, stored.uid, row.rid, stored.organizer)

    def _component(self, stored: StoredObject, row: InstanceRow) -> Component:
        copy = self._txn.objects.parsed(stored)
        override = copy.overrides.get(row.rid) if row.rid is not None else None
        return override or copy.master or copy.components[0]


def _is_cancelled(component: Component) -> bool:
    return (component.value("STATUS") or "").strip().upper() == "CANCELLED"


def _displaceable(
    txn: Transaction, room: Principal, policy: BookingPolicy, busy: Sequence[Taken]
) -> list[Taken]:
    """The same, with a mark on what gives way to a booking with priority: what others than its like booked."""
    managed = managers(txn, room)
    marked: list[Taken] = []
    for use in busy:
        scheduled = use.organizer is not None and use.organizer not in room.own_addresses
        role = (
            role_of(policy, role_names(txn, use.organizer), managed) if use.organizer and scheduled else None
        )
        marked.append(use._replace(displaceable=role is not None and role is not Role.OVERRIDE))
    return marked
