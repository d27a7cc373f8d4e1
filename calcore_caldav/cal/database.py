# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages in a database: the server's own, or one in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from calcore_caldav.cal import content as wire
from calcore_caldav.cal.content import Times
from calcore_caldav.cal.criteria import EVERYTHING, SearchCriteria
from calcore_caldav.cal.events import Event, Occurrence
from calcore_caldav.cal.lookup import Lookup, is_transparent
from calcore_caldav.cal.problems import InvalidEvent
from calcore_caldav.cal.storage import Change, Specification, Storage, main_component
from calcore_caldav.cal.times import Bounded, Period, bounded, window
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.scheduling.conditions import ScheduleOptions
from calcore_caldav.server.assembly import open_services
from calcore_caldav.store.protocol import (
    SYSTEM,
    Actor,
    CollectionKind,
    CollectionProps,
    StoredObject,
    Transaction,
)

if TYPE_CHECKING:
    from calcore_caldav.cal.attendees import Attendee

_SILENT: Final = ScheduleOptions(silent=True)


class SQLStorage(Storage):
    """A server's own database: what Python writes CalDAV clients see at once, and the other way.

    `url` is "sqlite:///path"; `timezone` is what naive date-times mean. `SQLStorage` may be used while a
    server runs on the same database.
    """

    writable = True

    def __init__(self, url: str, storage_id: str | None = None, timezone: str = "UTC") -> None:
        super().__init__(storage_id or url, timezone)
        self.services = open_services(url)
        self._nobody = f"events-of-{uuid.uuid5(uuid.NAMESPACE_URL, self._storage_id).hex[:12]}"

    def close(self) -> None:
        """Close the database."""
        self.services.store.close()

    # ---- reading

    def hasEvent(self, event_id: str) -> bool:
        """Whether there is an event of that UID."""
        with self.services.store.read(SYSTEM) as txn:
            return self._look(txn).find(event_id) is not None

    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events that happen in a period (which may be open) and match."""
        criteria = search_criteria or EVERYTHING
        span = window(period, self.zone)
        with self.services.store.read(SYSTEM) as txn:
            look = self._look(txn)
            found = {
                stored.uid: stored
                for calendar in look.calendars(criteria)
                for stored in txn.instances.objects_in_range(calendar, span, ("VEVENT",))
            }
            events = [Event(self, uid) for uid, stored in found.items() if look.alive(stored)]
        return [event for event in events if criteria.matches(event)]

    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Occurrences in a bounded period of events that match."""
        criteria = search_criteria or EVERYTHING
        model = bounded(period)[0]
        result: dict[tuple[str, object], Occurrence] = {}
        with self.services.store.read(SYSTEM) as txn:
            look = self._look(txn)
            for stored, row, calendar in look.rows(look.calendars(criteria), bounded(period)):
                key = (stored.uid, row.rid)
                if key not in result and look.happens(stored, row):
                    start = look.local(row, calendar, model)
                    result[key] = Occurrence(start, row.end - row.start, Event(self, stored.uid), row.rid)
        matching: dict[Event, bool] = {}
        for occurrence in result.values():
            event = occurrence.original
            if event not in matching:
                matching[event] = criteria.matches(event)
        return sorted((o for o in result.values() if matching[o.original]), key=lambda o: o.dtstart)

    def busy(self, attendees: Sequence[Attendee], period: Bounded) -> list[Bounded]:
        """When events block the time of any of the attendees; unmerged."""
        result = []
        with self.services.store.read(SYSTEM) as txn:
            look = self._look(txn)
            calendars = [c for c in look.calendars(SearchCriteria(attendees)) if not c.transparent]
            for stored, row, calendar in look.rows(calendars, period):
                if row.fbtype is not FreeBusyType.FREE or look.unanswered(stored, row, calendar):
                    start = look.local(row, calendar, period[0])
                    result.append((start, start + (row.end - row.start)))
        return result

    def addresses(self, attendee: Attendee) -> frozenset[CalendarUserAddress]:
        """All addresses that mean an attendee."""
        with self.services.store.read(SYSTEM) as txn:
            known = txn.directory.by_name(attendee.getAttendeeId())
        return (known or attendee.definition).own_addresses

    def attendee_id(self, prop: Property) -> str | None:
        """The name of the principal, or the outsider's address; None for the organizer of nobody's events."""
        address = wire.address_of(prop)
        with self.services.store.read(SYSTEM) as txn:
            principal = txn.directory.by_address(address)
        if principal is None:
            return address.email or address
        return None if principal.hidden else principal.name

    def owner_id(self, event: Event) -> str | None:
        """Whose calendar an event without ORGANIZER is in."""
        with self.services.store.read(SYSTEM) as txn:
            look = self._look(txn)
            found = look.find(event.unique_id)
            owner = None if found is None else look.owner(found)
        return owner.name if owner and not owner.hidden else None

    def principals(self) -> list[Principal]:
        """The directory, without hidden ones."""
        with self.services.store.read(SYSTEM) as txn:
            return [p for p in txn.directory.all() if not p.hidden]

    # ---- writing

    def know(self, attendee: Attendee) -> None:
        """Put an attendee into the directory, unless it has one of that name."""
        with self.services.store.write(SYSTEM) as txn:
            self._principal(txn, attendee)

    def createEvent(self, unique_id: str | None, spec: Specification) -> Event:
        """Store a new event in its organizer's default calendar."""
        uid = unique_id or f"{uuid.uuid4()}@{self._storage_id.rsplit('/', 1)[-1]}"
        with self.services.store.write(SYSTEM) as txn:
            if self._look(txn).find(uid) is not None:
                raise InvalidEvent(f"there is an event {uid!r} already")
            owner = self._principal(txn, spec.organizer) if spec.organizer else self._unowned(txn)
            obj = wire.new_event(uid, spec.times, spec.values, self.zone, txn.now)
            people = [(self._principal(txn, a), role, status) for a, role, status in spec.attendees]
            if spec.organizer:
                people = [(owner, "REQ-PARTICIPANT", "ACCEPTED"), *(p for p in people if p[0].id != owner.id)]
                lines = [wire.organizer_property(owner), *(wire.attendee_property(*p) for p in people)]
                obj = _edited(obj, lambda c: c.adding(*lines))
            self._put(txn, owner, obj)
            event = Event(self, uid)
            for attendee, _, status in spec.attendees:
                self._answer_in(txn, event, attendee, status)
        return event

    def deleteEvent(self, event: Event) -> None:
        """Delete an event: its organizer cancels it for everyone."""
        with self.services.store.write(SYSTEM) as txn:
            look = self._look(txn)
            stored = look.required(event)
            txn.actor = Actor(look.owner(stored))
            self.services.calendar.delete(txn, stored)

    def change(self, event: Event, change: Change) -> None:
        """Rewrite each VEVENT of an event."""
        self._rewrite(event, lambda obj: _edited(obj, change))

    def retime(self, event: Event, times: Times) -> None:
        """Give an event other times; exceptions of a series that changes go (their dates are gone)."""

        def rewrite(obj: CalendarObject) -> CalendarObject:
            main = times.write(main_component(obj), self.zone)
            return wire.with_zones(obj.with_components((main,)).calendar)

        self._rewrite(event, rewrite)

    def invite(self, event: Event, attendees: Sequence[Attendee]) -> None:
        """Add attendees that don't take part yet; the organizer too where it is not an attendee."""

        def rewrite(obj: CalendarObject) -> CalendarObject:
            lines = [wire.attendee_property(p, "REQ-PARTICIPANT", "NEEDS-ACTION") for p in people]
            if obj.organizer is None:
                head = [
                    wire.organizer_property(owner),
                    wire.attendee_property(owner, "REQ-PARTICIPANT", "ACCEPTED"),
                ]
                lines = [*head, *(line for line in lines if wire.address_of(line) not in owner.own_addresses)]
            return _edited(obj, lambda c: c.adding(*lines))

        with self.services.store.write(SYSTEM) as txn:
            look = self._look(txn)
            people = [self._principal(txn, a) for a in attendees]
            owner = look.owner(look.required(event))
            self._rewrite_in(txn, event, rewrite)

    def answer(self, event: Event, attendee: Attendee, status: str | None) -> None:
        """Write an attendee's answer into its own copy, from where it goes to the organizer's."""
        with self.services.store.write(SYSTEM) as txn:
            self._answer_in(txn, event, attendee, status)

    def _answer_in(self, txn: Transaction, event: Event, attendee: Attendee, status: str | None) -> None:
        stored = self._look(txn).required(event)
        person = self._principal(txn, attendee)
        own = person.own_addresses
        if status is None:
            self._rewrite_in(txn, event, lambda obj: _edited(obj, lambda c: _without(c, own)))
            return
        copies = txn.objects.in_home_by_uid(person, event.unique_id)
        opaque = not is_transparent(main_component(txn.objects.parsed(stored)))
        copy = next(iter(copies), stored)
        if copy.id == stored.id:
            change: Change = lambda c: _answered(c, own, status)  # noqa: E731
        else:
            change = lambda c: _shown(_answered(c, own, status), busy=opaque and status != "DECLINED")  # noqa: E731
        txn.actor = Actor(person)
        calendar = txn.collections.by_id(copy.collection_id)
        assert calendar is not None
        new = _edited(txn.objects.parsed(copy), change)
        self.services.calendar.put(txn, calendar, copy.name, new)

    def split(self, event: Event, occurrence: Occurrence) -> Event:
        """Make a series two, as its organizer; returns the part before the occurrence."""
        if occurrence.recurrence_id is None:
            raise InvalidEvent("only a recurring event can be split")
        with self.services.store.write(SYSTEM) as txn:
            look = self._look(txn)
            stored = look.required(event)
            txn.actor = Actor(look.owner(stored))
            try:
                halves = self.services.calendar.split(txn, stored, occurrence.recurrence_id)
            except InvalidRequest as error:
                raise InvalidEvent(error.detail) from None
        return Event(self, halves.past.uid)

    def import_objects(
        self, objects: Sequence[CalendarObject], remove: Sequence[Event], owner: Attendee
    ) -> None:
        """Store objects and delete events in one transaction."""
        with self.services.store.write(SYSTEM) as txn:
            look = self._look(txn)
            for event in remove:
                stored = look.required(event)
                txn.actor = Actor(look.owner(stored))
                self.services.calendar.delete(txn, stored)
            default = self._principal(txn, owner)
            for obj in objects:
                existing = look.find(obj.uid)
                organizer = obj.organizer and txn.directory.by_address(obj.organizer)
                home = look.owner(existing) if existing else organizer or default
                # An outsider's meeting is written down as it is: nobody here may speak for its organizer.
                silent = obj.organizer is not None and organizer is None
                self._put(txn, home, obj, existing, silent=silent)

    def _look(self, txn: Transaction) -> Lookup:
        return Lookup(txn, self.zone)

    def _load(self, event: Event) -> CalendarObject:
        with self.services.store.read(SYSTEM) as txn:
            return txn.objects.parsed(self._look(txn).required(event))

    # ---- writes

    def _rewrite(self, event: Event, change: Callable[[CalendarObject], CalendarObject]) -> None:
        with self.services.store.write(SYSTEM) as txn:
            self._rewrite_in(txn, event, change)

    def _rewrite_in(
        self, txn: Transaction, event: Event, change: Callable[[CalendarObject], CalendarObject]
    ) -> None:
        look = self._look(txn)
        stored = look.required(event)
        self._put(txn, look.owner(stored), change(txn.objects.parsed(stored)), stored)

    def _put(
        self,
        txn: Transaction,
        owner: Principal,
        obj: CalendarObject,
        stored: StoredObject | None = None,
        *,
        silent: bool = False,
    ) -> None:
        """Through the corridor, as the owner, checked like any client's data."""
        txn.actor = Actor(owner)
        if stored is not None:
            calendar = txn.collections.by_id(stored.collection_id)
        else:
            calendar = txn.collections.get(owner.name, owner.default_calendar)
        if calendar is None:
            raise InvalidEvent(f"{owner.name!r} organizes nothing: a {owner.kind.value} has no calendar")
        name = stored.name if stored else f"{uuid.uuid5(uuid.NAMESPACE_URL, obj.uid)}.ics"
        options = _SILENT if silent else ScheduleOptions()
        self.services.calendar.put(txn, calendar, name, obj.body, options=options)

    def _principal(self, txn: Transaction, attendee: Attendee) -> Principal:
        """The attendee's principal, made where the directory has none."""
        known = txn.directory.by_name(attendee.getAttendeeId())
        if known is not None:
            return known
        zone = attendee.definition.timezone or str(self.zone)
        made = txn.directory.save(replace(attendee.definition, timezone=zone))
        txn.directory.provision(made)
        if attendee.members:
            txn.directory.set_members(made, [self._principal(txn, m).name for m in attendee.members])
        return made

    def _unowned(self, txn: Transaction) -> Principal:
        """A hidden principal whose calendar holds the events that nobody organizes."""
        known = txn.directory.by_name(self._nobody)
        if known is not None:
            return known
        principal = Principal(
            0, self._nobody, CalendarUserType.UNKNOWN, "Nobody's events", timezone=str(self.zone), hidden=True
        )
        made = txn.directory.save(principal)
        txn.collections.create(
            made, made.default_calendar, CollectionKind.CALENDAR, CollectionProps("Calendar", ("VEVENT",))
        )
        return made


class MemoryStorage(SQLStorage):
    """A storage that lives as long as the program: the same rules, a database in memory."""

    def __init__(self, storage_id: str = "memory", timezone: str = "UTC") -> None:
        super().__init__("sqlite://", storage_id, timezone)


def _edited(obj: CalendarObject, change: Change) -> CalendarObject:
    return obj.with_components(tuple(change(c) for c in obj.components))


def _without(component: Component, own: frozenset[CalendarUserAddress]) -> Component:
    return component.map(lambda p: None if p.name == "ATTENDEE" and wire.address_of(p) in own else p)


def _answered(component: Component, own: frozenset[CalendarUserAddress], status: str) -> Component:
    return component.map(
        lambda p: (
            p.with_param("PARTSTAT", status).without_params("RSVP")
            if p.name == "ATTENDEE" and wire.address_of(p) in own
            else p
        )
    )


def _shown(component: Component, *, busy: bool) -> Component:
    return component.set("TRANSP", "OPAQUE" if busy else "TRANSPARENT")
