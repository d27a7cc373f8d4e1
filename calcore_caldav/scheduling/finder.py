# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding rooms that are free, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import availability
from calcore_caldav.scheduling.bookers import managers, role_of
from calcore_caldav.scheduling.booking import decide, padded_period
from calcore_caldav.scheduling.inquiry import Kinds, clusters, held, zone_of
from calcore_caldav.scheduling.policy import Mode, policy_of
from calcore_caldav.scheduling.request import Booker, BookingRequest, Role, Taken, TakenBy, Wanted
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import InstanceRow, Transaction

_ROOMS = (CalendarUserType.ROOM, CalendarUserType.RESOURCE)
_GRANTED = frozenset({PartStat.ACCEPTED, PartStat.TENTATIVE})


def free_rooms(
    txn: Transaction,
    periods: Sequence[Period],
    *,
    capacity: int = 0,
    features: Collection[str] = (),
    building: str = "",
    kinds: Sequence[CalendarUserType] = _ROOMS,
    names: frozenset[str] | None = None,
    settings: SchedulingSettings,
) -> list[Principal]:
    """Rooms that are free in all of the periods, the smallest that suffices first.

    With `names` (see `bookers.role_names`) only those that would accept, or hold, a booking of that booker;
    without, those that nothing but their mode and their lists of bookers keeps from it.
    """
    wanted_features = {f.casefold() for f in features}
    rooms = [
        room
        for room in txn.directory.all(*kinds)
        if not room.hidden
        and (not building or room.location.building.casefold() == building.casefold())
        and wanted_features <= {f.casefold() for f in room.location.features}
        and policy_of(room.booking).capacity >= capacity
    ]
    rows = _rows(txn, rooms, periods)
    wanted = [Wanted(RecurrenceId(p.start), p.start, p.end, people=capacity) for p in sorted(set(periods))]
    free = [
        room for room in rooms if _is_free(txn, room, wanted, rows.get(room.id, []), names, settings=settings)
    ]
    return sorted(free, key=lambda r: (policy_of(r.booking).capacity, r.display_name, r.name))


def _rows(
    txn: Transaction, rooms: Sequence[Principal], periods: Sequence[Period]
) -> dict[int, list[InstanceRow]]:
    places = {c.id: c for room in rooms for c in availability.calendars(txn, room)}
    found: dict[int, dict[tuple[int, RecurrenceId | None], InstanceRow]] = {}
    # Buffers differ by room: the widest decide what is read.
    before = max((policy_of(r.booking).buffer_before for r in rooms), default=None)
    after = max((policy_of(r.booking).buffer_after for r in rooms), default=None)
    if before is None or after is None:
        return {}
    for window in clusters(periods):
        wide = Period(window.start - before - after, window.end + before + after)
        for row in txn.instances.rows(list(places.values()), wide):
            owner = places[row.collection_id].principal_id
            found.setdefault(owner, {})[row.object_id, row.rid] = row
    return {owner: list(rows.values()) for owner, rows in found.items()}


def _is_free(
    txn: Transaction,
    room: Principal,
    wanted: Sequence[Wanted],
    rows: Sequence[InstanceRow],
    names: frozenset[str] | None,
    *,
    settings: SchedulingSettings,
) -> bool:
    policy = policy_of(room.booking)
    if names is None:
        role = Role.BOOK
        policy = replace(policy, mode=Mode.AUTOMATIC)
    else:
        role = role_of(policy, names, managers(txn, room))
    # Which kind of event it is must be looked up only where the policy treats kinds differently.
    plain = policy.tentative_blocks and policy.pending_blocks and policy.unscheduled_blocks
    kinds = Kinds(txn, room)
    taken: list[Taken] = []
    for row in rows:
        if plain and row.fbtype is not FreeBusyType.FREE:
            taken.append(Taken(row.start, row.end))
        elif not plain or policy.transparent_blocks:
            use = kinds.taken(row)
            taken.extend([use] if use is not None else [])
    published = availability.published(txn, room)
    for window in clusters(padded_period(policy, w) for w in wanted):
        taken.extend(held(policy, rows, txn.bookings.of(room, window)))
        closed = availability.unavailable_in(published, room, window)
        taken.extend(Taken(start, end, TakenBy.CLOSED) for start, end, _ in closed)
    request = BookingRequest(
        wanted=wanted, taken=taken, booker=Booker(role), now=txn.now, zone=zone_of(txn, room)
    )
    del settings
    return all(v.partstat in _GRANTED for v in decide(policy, request).verdicts.values())
