# SPDX-License-Identifier: GPL-3.0-or-later
"""A meeting that gets another organizer by being moved into their calendar (RFC 5546 §3.2.2.4).

It is the same meeting: UID and answers stay. Everybody is sent it once more, with a higher SEQUENCE, by the one
who organizes it from now on; nobody gets a cancellation. The former organizer stays a guest, if they were one.
"""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import SERVER_PARAMS
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.significance import highest_sequence
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.scheduling.delivery import Delivery, new_tag
from calcore_caldav.scheduling.engine import ObjectChange, SchedulingEngine, lock_keys
from calcore_caldav.scheduling.people import People
from calcore_caldav.scheduling.roles import Role, role_of
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject, Transaction


def goes_to_heir(txn: Transaction, source: StoredObject, origin: Collection, target: Collection) -> bool:
    """Whether moving `source` gives a meeting of the owner of `origin` to the owner of `target`."""
    if origin.kind is not CollectionKind.CALENDAR or target.kind is not CollectionKind.CALENDAR:
        return False
    owner, heir = (txn.directory.by_id(c.principal_id) for c in (origin, target))
    if owner is None or heir is None or heir.id == owner.id or heir.kind.bookable:
        return False
    obj = txn.objects.parsed(source)
    return role_of(obj, owner) is Role.ORGANIZER and obj.kind in target.components


def hand_over(
    txn: Transaction,
    engine: SchedulingEngine,
    source: StoredObject,
    target: Collection,
    name: str,
    *,
    mail: bool,
) -> StoredObject:
    """Move the meeting `source` to `target`, whose owner organizes it from now on.

    `mail` False: nothing is sent to people of other servers. Raises SchedulingRefused where the new organizer
    has something else with its UID.
    """
    heir, was = txn.directory.by_id(target.principal_id), txn.objects.parsed(source)
    assert heir is not None
    txn.lock(lock_keys(txn, ObjectChange(heir, target, name, source, was, None)))
    people = People(txn)
    people.learn(was)
    delivery = Delivery(txn, engine.settings, people)
    txn.objects.delete(source)
    for copy in txn.objects.in_home_by_uid(heir, was.uid):
        if delivery.foreign(txn.objects.parsed(copy), was):
            raise SchedulingRefused(
                "unique-scheduling-object-resource",
                "the new organizer has another event with the UID",
                copy.path,
            )
        txn.objects.delete(copy)
    for person in {p.id: p for who in was.attendees if (p := people.find(who)) is not None}.values():
        _rename(txn, delivery, delivery.copy_of(person, was.uid), was, heir)
    before = _organized(was, heir)
    number = str(highest_sequence(before) + 1)
    after = before.with_components(tuple(_told(c, number) for c in before.components))
    outcome = engine.process(txn, ObjectChange(heir, target, name, None, before, after, mail=mail))
    assert outcome.stored is not None
    return txn.objects.put(target, name, outcome.stored, schedule_tag=outcome.schedule_tag)


def _rename(
    txn: Transaction, delivery: Delivery, copy: StoredObject | None, was: CalendarObject, heir: Principal
) -> None:
    """A guest's copy, with its new organizer."""
    mine = txn.objects.parsed(copy) if copy is not None else None
    if copy is None or mine is None or delivery.foreign(mine, was):
        return
    collection = txn.collections.by_id(copy.collection_id)
    assert collection is not None
    txn.objects.put(collection, copy.name, _organized(mine, heir), schedule_tag=new_tag())


def _organized(obj: CalendarObject, heir: Principal) -> CalendarObject:
    """The object with another organizer, who takes part in what they were invited to."""
    organizer = Property("ORGANIZER", heir.address, (("CN", (heir.display_name or heir.name,)),))

    def edited(component: Component) -> Component:
        own = find_attendee(component, heir.own_addresses)
        coming = PartStat.ACCEPTED.value
        comes = own.without_params(*SERVER_PARAMS, "RSVP").with_param("PARTSTAT", coming) if own else None
        return component.map(
            lambda p: organizer if p.name == "ORGANIZER" else comes if p is own and comes is not None else p
        )

    return obj.with_components(tuple(edited(c) for c in obj.components))


def _told(component: Component, number: str) -> Component:
    """A component that everybody is sent again."""
    made = component.map(
        lambda p: p.with_param("SCHEDULE-FORCE-SEND", "REQUEST") if p.name == "ATTENDEE" else p
    )
    return made.set("SEQUENCE", number)
