# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding rooms that are free, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import availability, slots
from calcore_caldav.scheduling.bookers import holdings, managers, role_of
from calcore_caldav.scheduling.booking import decide, padded_period
from calcore_caldav.scheduling.inquiry import Kinds, clusters, held
from calcore_caldav.scheduling.policy import Mode, Recurring, policy_of
from calcore_caldav.scheduling.request import Booker, BookingRequest, Role, Taken, TakenBy, Wanted
from calcore_caldav.scheduling.syntax import ZERO
from calcore_caldav.store.protocol import InstanceRow, Transaction

_KINDS: Final = (CalendarUserType.ROOM, CalendarUserType.RESOURCE)
_GRANTED: Final = frozenset({PartStat.ACCEPTED, PartStat.TENTATIVE})
_AT_A_TIME: Final = 8
"""Rooms that are looked at together where the first few that are free will do."""


def free_rooms(
    txn: Transaction,
    periods: Sequence[Period],
    *,
    capacity: int = 0,
    features: Collection[str] = (),
    building: str = "",
    names: frozenset[str] | None = None,
) -> list[Principal]:
    """Rooms and resources that are free in all of the periods, the smallest that suffices first.

    With `names` (see `bookers.role_names`) only those that would accept, or hold, a booking of that booker;
    without, those that nothing but their mode and their lists of bookers keeps from it.
    """
    wanted = _wanted(periods, capacity)
    rooms = _rooms(txn, _KINDS, capacity=capacity, features=features, building=building)
    rows = _rows(txn, rooms, wanted)
    return [r for r in rooms if len(_free(txn, r, wanted, rows.get(r.id, ()), names)) == len(wanted)]


def other_rooms(
    txn: Transaction,
    room: Principal,
    wishes: Sequence[Sequence[Period]],
    *,
    capacity: int,
    names: frozenset[str],
    booker: Principal | None,
    recurring: bool,
    most: int,
) -> list[list[Principal]]:
    """For each wish up to `most` rooms of the same kind and building that a booker may have in all its periods.

    Those that have all that `room` has come first, then those that lack least; of these the smallest.
    """
    features = {f.casefold() for f in room.location.features}
    likely = [
        r
        for r in _rooms(txn, (room.kind,), capacity=capacity, building=room.location.building)
        if r.id != room.id and not (recurring and policy_of(r.booking).recurring is Recurring.NO)
    ]
    likely.sort(key=lambda r: len(features - {f.casefold() for f in r.location.features}))
    found: list[list[Principal]] = [[] for _ in wishes]
    others = iter(likely)
    while some := list(islice(others, _AT_A_TIME)):
        open_wishes = [(rooms, wish) for rooms, wish in zip(found, wishes, strict=True) if len(rooms) < most]
        wanted = _wanted((period for _, wish in open_wishes for period in wish), capacity)
        rows = _rows(txn, some, wanted) if wanted else {}
        for other in some if wanted else ():
            granted = set(_free(txn, other, wanted, rows.get(other.id, ()), names, booker))
            for rooms, wish in open_wishes:
                if granted.issuperset(wish):
                    rooms.append(other)
    return [rooms[:most] for rooms in found]


def _rooms(
    txn: Transaction,
    kinds: Sequence[CalendarUserType],
    *,
    capacity: int,
    features: Collection[str] = (),
    building: str,
) -> list[Principal]:
    """Those that would do if they are free, the smallest first."""
    needed = {f.casefold() for f in features}
    rooms = [
        room
        for room in txn.directory.all(*kinds)
        if not room.hidden
        and (not building or room.location.building.casefold() == building.casefold())
        and needed <= {f.casefold() for f in room.location.features}
        and policy_of(room.booking).capacity >= capacity
    ]
    return sorted(rooms, key=lambda r: (policy_of(r.booking).capacity, r.display_name, r.name))


def _wanted(periods: Iterable[Period], people: int) -> list[Wanted]:
    return [Wanted(RecurrenceId(p.start), p.start, p.end, people=people) for p in sorted(set(periods))]


def _rows(
    txn: Transaction, rooms: Sequence[Principal], wanted: Sequence[Wanted]
) -> dict[int, list[InstanceRow]]:
    places = {c.id: c for room in rooms for c in availability.calendars(txn, room)}
    policies = [policy_of(room.booking) for room in rooms]
    # Buffers differ by room: the widest decide what is read.
    widest = max((p.buffer_before + p.buffer_after for p in policies), default=ZERO)
    windows = slots.union(Period(w.start - widest, w.end + widest) for w in wanted)
    found: dict[int, dict[tuple[int, RecurrenceId | None], InstanceRow]] = {}
    for row in txn.instances.rows(list(places.values()), *windows):
        found.setdefault(places[row.collection_id].principal_id, {})[row.object_id, row.rid] = row
    return {owner: list(rows.values()) for owner, rows in found.items()}


def _free(
    txn: Transaction,
    room: Principal,
    wanted: Sequence[Wanted],
    rows: Sequence[InstanceRow],
    names: frozenset[str] | None,
    booker: Principal | None = None,
) -> list[Period]:
    """The wanted times that a room grants."""
    policy = policy_of(room.booking)
    if names is None or policy.mode is Mode.ACCEPT_ALWAYS:
        # What accepts always need not be free.
        policy = replace(policy, mode=Mode.AUTOMATIC)
    role = Role.BOOK if names is None else role_of(policy, names, managers(txn, room))
    # Which kind of event it is must be looked up only where the policy treats kinds differently.
    plain = policy.tentative_blocks and policy.pending_blocks and policy.unscheduled_blocks
    kinds = Kinds(txn, room)
    taken: list[Taken] = []
    for row in rows:
        if plain and row.fbtype is not FreeBusyType.FREE:
            taken.append(Taken(row.start, row.end, uid=str(row.object_id)))
        elif not plain or policy.transparent_blocks:
            use = kinds.taken(row)
            taken.extend([use] if use is not None else [])
    published = availability.published(txn, room)
    windows = slots.union(padded_period(policy, w) for w in wanted)
    taken.extend(held(policy, rows, txn.bookings.of(room, *windows)))
    for window in clusters(windows):
        closed = availability.unavailable_in(published, room, window)
        taken.extend(Taken(start, end, TakenBy.CLOSED) for start, end, _ in closed)
    zone = availability.zone_of(txn, room)
    automatic = names is not None and policy.auto_accept_group in names
    who = Booker(role, automatic)
    if booker is not None and (policy.quota or policy.same_organizer_limit):
        bookings, used = holdings(txn, room, booker.address, wanted, frozenset(), zone)
        who = Booker(role, automatic, bookings, used)
    request = BookingRequest(wanted=wanted, taken=taken, booker=who, now=txn.now, zone=zone)
    verdicts = decide(policy, request).verdicts
    return [Period(w.start, w.end) for w in wanted if verdicts[w.rid].partstat in _GRANTED]
