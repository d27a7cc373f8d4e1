# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars: what one or several attendees take part in, to look at, export and import."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from calcore_caldav.cal.attendees import Attendee
from calcore_caldav.cal.content import PRODID, private_event, with_zones
from calcore_caldav.cal.criteria import EVERYTHING, SearchCriteria
from calcore_caldav.cal.events import Event
from calcore_caldav.cal.notices import EventCreated, EventDeleted, EventModified, notify
from calcore_caldav.cal.problems import UnknownAttendee, UnknownEvent
from calcore_caldav.cal.text import objects_of
from calcore_caldav.core.content import Component, Property

if TYPE_CHECKING:
    from calcore_caldav.cal.events import Occurrence
    from calcore_caldav.cal.manager import StorageManager
    from calcore_caldav.cal.storage import Storage
    from calcore_caldav.cal.times import Period
    from calcore_caldav.core.calobject import CalendarObject


class Source(Protocol):
    """An attendee source."""

    def getAttendee(self, attendee_id: str) -> Attendee: ...  # noqa: D102


class Calendar:
    """The events of all its attendees, each once; the first attendee is its main one."""

    def __init__(self, storage_manager: StorageManager, attendee_source: Source) -> None:
        self.manager = storage_manager
        self.source = attendee_source
        self._attendees: dict[str, None] = {}

    def addAttendee(self, attendee: Attendee) -> None:
        """Show the events of this attendee too."""
        self._attendees[attendee.getAttendeeId()] = None

    def removeAttendee(self, attendee: Attendee) -> None:
        """No longer show its events. Raises UnknownAttendee where it wasn't shown."""
        if attendee.getAttendeeId() not in self._attendees:
            raise UnknownAttendee(f"{attendee.getAttendeeId()!r} is not in this calendar")
        del self._attendees[attendee.getAttendeeId()]

    def getAttendees(self) -> list[Attendee]:
        """Whose events it shows, in the order they were added."""
        return [self.source.getAttendee(name) for name in self._attendees]

    def getMainAttendee(self) -> Attendee | None:
        """The one that new events are made for; None in an empty calendar."""
        return next(iter(self.getAttendees()), None)

    def getMainAttendeeId(self) -> str | None:
        """Its id."""
        return next(iter(self._attendees), None)

    # ---- looking

    def getEvent(self, event_id: str) -> Event:
        """The event of that UID, if one of its attendees takes part. Raises UnknownEvent."""
        event = self.manager.getEvent(event_id)
        if not self._criteria(None).matches(event):
            raise UnknownEvent(f"no event {event_id!r} in this calendar")
        return event

    def hasEvent(self, event_id: str) -> bool:
        """Whether `getEvent` would find it."""
        return self.manager.hasEvent(event_id) and self._criteria(None).matches(
            self.manager.getEvent(event_id)
        )

    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events in a period, which may be open."""
        return self.manager.getEvents(period, self._criteria(search_criteria))

    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Occurrences in a bounded period."""
        return self.manager.getOccurrences(period, self._criteria(search_criteria))

    def getOccurrencesSegmented(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Occurrences cut at midnights."""
        return self.manager.getOccurrencesSegmented(period, self._criteria(search_criteria))

    def getEventsInDay(self, day: date, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events that touch a day of the storage's zone."""
        return self.getEvents(_day(day), search_criteria)

    def getOccurrencesInDay(
        self, day: date, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """The parts of occurrences that are in a day."""
        return self.getOccurrencesSegmented(_day(day), search_criteria)

    # ---- iCalendar

    def export(
        self,
        period: Period = (None, None),
        search_criteria: SearchCriteria | None = None,
        *,
        private: bool = False,
    ) -> str:
        """The events as iCalendar text; `private`: their times only."""
        components: list[Component] = []
        for event in self.getEvents(period, search_criteria):
            parts = event.storage._load(event).components  # noqa: SLF001 - of the same package
            components += [private_event(c) for c in parts] if private else parts
        head = [Property("VERSION", "2.0"), Property("PRODID", PRODID)]
        if not components:
            return Component("VCALENDAR", head).to_bytes().decode()
        return with_zones(Component("VCALENDAR", head, components)).body.decode()

    def import_(
        self,
        text: str | bytes,
        period: Period = (None, None),
        search_criteria: SearchCriteria | None = None,
    ) -> None:
        """Make the events of a scope what the text says: in each storage, all or nothing.

        The scope are this calendar's events in `period` that match. Events of the text that are in scope are
        replaced, new ones created for their organizer here or else for the main attendee; those that exist
        out of scope are left alone; events in scope that the text hasn't are deleted. Raises
        InvalidCalendarData, InvalidEvent (an event without UID), UnknownAttendee (an empty calendar), and
        ReadOnlyStorage, where something in scope can't be written, before anything is changed.
        """
        owner = self.getMainAttendee()
        if owner is None:
            raise UnknownAttendee("the calendar has no attendee to import for")
        objects = objects_of(text)
        scope = self.getEvents(period, search_criteria)
        known = {event.unique_id for event in scope}
        given = {obj.uid for obj in objects}
        new = self.manager.new_event_storage()
        wanted: dict[Storage, list[CalendarObject]] = {new: []}
        gone: dict[Storage, list[Event]] = {}
        for obj in objects:
            if obj.uid in known:
                wanted.setdefault(self.manager.getEvent(obj.uid).storage, []).append(obj)
            elif not self.manager.hasEvent(obj.uid):
                wanted[new].append(obj)
        for event in scope:
            if event.unique_id not in given:
                gone.setdefault(event.storage, []).append(event)
        touched = [s for s in self.manager.storages if wanted.get(s) or gone.get(s)]
        for storage in sorted(touched, key=lambda s: s.writable):
            storage.import_objects(wanted.get(storage, ()), gone.get(storage, ()), owner)
        for storage in touched:
            for event in gone.get(storage, ()):
                notify(EventDeleted(event))
            for obj in wanted.get(storage, ()):
                made = Event(storage, obj.uid)
                notify(EventModified(made) if obj.uid in known else EventCreated(made))

    def _criteria(self, criteria: SearchCriteria | None) -> SearchCriteria:
        return (criteria or EVERYTHING).clone(attendees=self.getAttendees())


def _day(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day.date() if isinstance(day, datetime) else day, time())
    return start, start + timedelta(1)
