# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database storage finds: calendars, objects and instances in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from calcore_caldav.cal.problems import NotStored
from calcore_caldav.cal.storage import ANSWERED, main_component
from calcore_caldav.cal.times import Bounded, instant, like
from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import Period as Span
from calcore_caldav.store.protocol import Collection, CollectionKind, InstanceRow, StoredObject, Transaction

if TYPE_CHECKING:
    from calcore_caldav.cal.criteria import SearchCriteria
    from calcore_caldav.cal.events import Event


class Lookup:
    """Reads of one transaction; `zone` is the storage's."""

    def __init__(self, txn: Transaction, zone: tzinfo) -> None:
        self.txn = txn
        self.zone = zone

    def calendars(self, criteria: SearchCriteria) -> list[Collection]:
        """The calendars in which events of these attendees, or of this organizer, are."""
        people = (criteria.organizer,) if criteria.organizer else criteria.attendees
        if people is None:
            principals = self.txn.directory.all()
        else:
            named = (self.txn.directory.by_name(a.getAttendeeId()) for a in people)
            principals = [p for p in named if p is not None]
        return [c for p in principals for c in self.txn.collections.of(p, CollectionKind.CALENDAR)]

    def rows(
        self, calendars: Sequence[Collection], period: Bounded
    ) -> Iterable[tuple[StoredObject, InstanceRow, Collection]]:
        """What happens in a period: index rows of events, with their objects and calendars."""
        by_id = {c.id: c for c in calendars}
        start, end = (instant(value, self.zone) for value in period)
        objects: dict[int, StoredObject | None] = {}
        for row in self.txn.instances.rows(calendars, Span(start, end)):
            if row.object_id not in objects:
                objects[row.object_id] = self.txn.objects.by_id(row.object_id)
            stored = objects[row.object_id]
            if stored is not None and stored.component == "VEVENT":
                yield stored, row, by_id[row.collection_id]

    def local(self, row: InstanceRow, calendar: Collection, model: datetime) -> datetime:
        """When an instance starts, in the form of `model`; floating times are what the clock on the wall says."""
        if not row.floating:
            return like(row.start, model, self.zone)
        wall = row.start.astimezone(self.txn.collections.zone(calendar)).replace(tzinfo=None)
        return wall if model.tzinfo is None else wall.replace(tzinfo=model.tzinfo)

    def happens(self, stored: StoredObject, row: InstanceRow) -> bool:
        """Whether an instance is neither cancelled nor a remainder of a deleted meeting."""
        if row.fbtype is not FreeBusyType.FREE:
            return True
        component = _component_of(self.txn.objects.parsed(stored), row)
        return (component.value("STATUS") or "").upper() != "CANCELLED"

    def unanswered(self, stored: StoredObject, row: InstanceRow, calendar: Collection) -> bool:
        """Whether a free instance is an invitation to something that takes time, and not declined yet."""
        if stored.schedule_tag is None or not self.happens(stored, row):
            return False
        owner = self.txn.directory.by_id(calendar.principal_id)
        copy = _component_of(self.txn.objects.parsed(stored), row)
        mine = find_attendee(copy, owner.own_addresses) if owner else None
        if mine is None or (mine.param("PARTSTAT") or "").upper() in ANSWERED:
            return False
        original = self.find(stored.uid)
        return original is not None and not is_transparent(
            _component_of(self.txn.objects.parsed(original), row)
        )

    def find(self, uid: str) -> StoredObject | None:
        """The organizer's copy of an event; somebody's where the organizer has none here."""
        found = [s for s in self.txn.objects.in_all_homes_by_uid(uid) if s.component == "VEVENT"]
        for stored in found:
            if stored.organizer is None or stored.organizer in self.owner(stored).own_addresses:
                return stored
        return next((s for s in found if self.alive(s)), None)

    def alive(self, stored: StoredObject) -> bool:
        """Not the cancelled copy that a meeting leaves with its attendees."""
        if stored.organizer is None or stored.organizer in self.owner(stored).own_addresses:
            return True
        main = main_component(self.txn.objects.parsed(stored))
        return (main.value("STATUS") or "").upper() != "CANCELLED"

    def owner(self, stored: StoredObject) -> Principal:
        """Whose calendar an object is in."""
        collection = self.txn.collections.by_id(stored.collection_id)
        owner = self.txn.directory.by_id(collection.principal_id) if collection else None
        assert owner is not None
        return owner

    def required(self, event: Event) -> StoredObject:
        """The organizer's copy. Raises NotStored."""
        stored = self.find(event.unique_id)
        if stored is None:
            raise NotStored(f"the event {event.unique_id!r} was deleted")
        return stored


def _component_of(obj: CalendarObject, row: InstanceRow) -> Component:
    """What an index row's properties come from."""
    return (obj.overrides.get(row.rid) if row.rid is not None else None) or main_component(obj)


def is_transparent(component: Component) -> bool:
    """TRANSP:TRANSPARENT."""
    return (component.value("TRANSP") or "").upper() == "TRANSPARENT"
