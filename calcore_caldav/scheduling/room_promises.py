# SPDX-License-Identifier: GPL-3.0-or-later
"""Meetings whose organizers have a room that knows nothing of them: found, and put to the room anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from calcore_caldav.core.answers import FORCE
from calcore_caldav.core.calobject import CalendarObject, find_attendee, partstat
from calcore_caldav.core.content import Property
from calcore_caldav.core.itip import ScheduleAgent, agent
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.significance import cancelled
from calcore_caldav.scheduling.answering import OCCUPYING
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.rooms import stored_copy
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, StoredObject, Transaction

Promises = Mapping[CalendarUserAddress, list[int]]
"""Ids of the meetings to come of this server's people, by the address of each room that they invite."""


def promises(txn: Transaction) -> Promises:
    """Looks at everybody's calendars: once for all rooms."""
    kinds = (CalendarUserType.ROOM, CalendarUserType.RESOURCE)
    of_rooms = {address for room in txn.directory.all(*kinds) for address in room.own_addresses}
    found: dict[CalendarUserAddress, list[int]] = {}
    for person in txn.directory.all():
        for calendar in txn.collections.of(person, CollectionKind.CALENDAR):
            for stored in txn.objects.all(calendar):
                # What the server doesn't schedule has no tag: what a client writes there is its own affair.
                if stored.schedule_tag is None or stored.organizer not in person.own_addresses:
                    continue
                meeting = txn.objects.parsed(stored)
                invited = of_rooms.intersection(meeting.attendees)
                if invited and _is_to_come(txn, meeting):
                    for address in invited:
                        found.setdefault(address, []).append(stored.id)
    return found


def _is_to_come(txn: Transaction, meeting: CalendarObject) -> bool:
    _, end = meeting.recurrence().bounds
    return end is None or end > txn.now


def forgotten(txn: Transaction, room: Principal, known: Promises) -> Iterator[StoredObject]:
    """The meetings that have the room, as their organizers see it, and of which the room has no copy."""
    ids = {number for address in room.own_addresses for number in known.get(address, ())}
    for number in sorted(ids):
        stored = txn.objects.by_id(number)
        if stored is None or stored_copy(txn, room, stored.uid) is not None:
            continue
        held = (c for c in txn.objects.parsed(stored).components if not cancelled(c))
        asked = (find_attendee(c, room.own_addresses) for c in held)
        if any(p is not None and _grants(p) for p in asked):
            yield stored


def _grants(attendee: Property) -> bool:
    return agent(attendee) is ScheduleAgent.SERVER and partstat(attendee) in OCCUPYING


def ask_again(
    txn: Transaction, room: Principal, forgotten: Iterable[StoredObject], *, settings: SchedulingSettings
) -> None:
    """Put meetings to the room as their organizers would send them once more (RFC 6638 §7.2)."""
    service = CalendarService(SchedulingEngine(settings), settings)

    def forced(prop: Property) -> Property:
        asked = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in room.own_addresses
        return prop.with_param(FORCE, "REQUEST") if asked else prop

    for stored in forgotten:
        calendar = txn.collections.by_id(stored.collection_id)
        assert calendar is not None
        meeting = txn.objects.parsed(stored)
        again = meeting.with_components(tuple(c.map(forced) for c in meeting.components))
        service.put(txn, calendar, stored.name, again)
