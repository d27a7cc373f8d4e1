# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage manager: one view of several storages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from calcore_caldav.cal.attendees import Attendee
from calcore_caldav.cal.content import ATTRIBUTES, PARTICIPATION, ROLES, make_times
from calcore_caldav.cal.events import Event, Occurrence
from calcore_caldav.cal.notices import EventCreated, EventDeleted, notify
from calcore_caldav.cal.problems import InvalidEvent, UnknownAttendee, UnknownEvent, UnknownStorage
from calcore_caldav.cal.storage import Specification, Storage
from calcore_caldav.cal.times import (
    Bounded,
    Hours,
    Period,
    bounded,
    gaps,
    merged,
    outside_hours,
    split_by_day,
)

if TYPE_CHECKING:
    from calcore_caldav.cal.criteria import SearchCriteria
    from calcore_caldav.recurrent import RecurrenceRule

_NO_TIME: Final = timedelta(0)


class StorageManager:
    """Creates, finds and deletes events in its storages. With no storage every call raises UnknownStorage."""

    def __init__(self) -> None:
        self.storages: list[Storage] = []
        """In the order they were added."""
        self._new_events: str | None = None

    def setStorage(self, storage: Storage) -> None:
        """Use this storage, and no other."""
        self.storages = [storage]
        self._new_events = storage.getStorageId()

    def addStorage(self, storage: Storage) -> None:
        """Use this storage too; new events go to the first one, unless `setNewEventStorage` says otherwise."""
        if any(s.getStorageId() == storage.getStorageId() for s in self.storages):
            raise InvalidEvent(f"there is a storage {storage.getStorageId()!r} already")
        self.storages.append(storage)
        if self._new_events is None:
            self._new_events = storage.getStorageId()

    def setNewEventStorage(self, storage_id: str) -> None:
        """Create new events in the storage of that id. Raises UnknownStorage."""
        self._new_events = self.getStorage(storage_id).getStorageId()

    def getStorage(self, storage_id: str) -> Storage:
        """The storage of that id. Raises UnknownStorage."""
        for storage in self._all():
            if storage.getStorageId() == storage_id:
                return storage
        raise UnknownStorage(f"no storage {storage_id!r}")

    def new_event_storage(self) -> Storage:
        """The storage that new events go to. Raises UnknownStorage."""
        return self.getStorage(self._new_events or "")

    # ---- events

    def createEvent(
        self,
        unique_id: str | None = None,
        *,
        dtstart: datetime,
        duration: timedelta | None = None,
        organizer: Attendee | None = None,
        allday: bool = False,
        recurrence: RecurrenceRule | None = None,
        attendees: Iterable[tuple[Attendee, str, str]] = (),
        **attributes: Any,
    ) -> Event:
        """Create an event.

        `dtstart` naive means the storage's zone; `duration` may be left out for all-day events only.
        `attendees` are (attendee, role, status); the other attributes are those of `Event`: title,
        description, location, status (TENTATIVE), categories, transparent, access (PUBLIC), document.
        Raises InvalidEvent, UnknownStorage, ReadOnlyStorage; then nothing is stored.
        """
        unknown = sorted(attributes.keys() - ATTRIBUTES.keys())
        if unknown:
            raise InvalidEvent(f"an event has no attribute {', '.join(unknown)}")
        invited = tuple(attendees)
        for somebody in (organizer, *(who for who, _, _ in invited)):
            if somebody is not None and not isinstance(somebody, Attendee):
                raise UnknownAttendee(f"{somebody!r} is no attendee: ask an attendee source for it")
        for _, role, status in invited:
            if role not in ROLES or status not in PARTICIPATION:
                raise InvalidEvent(f"no such role or status: {role!r}, {status!r}")
        values = {name: attributes.get(name, a.default) for name, a in ATTRIBUTES.items()}
        times = make_times(dtstart, duration, allday=allday, recurrence=recurrence)
        storage = self.new_event_storage()
        event = storage.createEvent(unique_id, Specification(times, values, organizer, invited))
        notify(EventCreated(event))
        return event

    def deleteEvent(self, event: Event) -> None:
        """Delete an event: cancelled for everyone. Raises UnknownEvent, ReadOnlyStorage."""
        event.storage.deleteEvent(event)
        notify(EventDeleted(event))

    def getEvent(self, event_id: str) -> Event:
        """The event of that UID. Raises UnknownEvent (a KeyError)."""
        for storage in self._all():
            if storage.hasEvent(event_id):
                return storage.getEvent(event_id)
        raise UnknownEvent(f"no event {event_id!r}")

    def hasEvent(self, event_id: str) -> bool:
        """Whether there is an event of that UID."""
        return any(storage.hasEvent(event_id) for storage in self._all())

    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events that happen at least once in a period, which may be open; series are not expanded."""
        found = {e: None for s in self._all() for e in s.getEvents(period, search_criteria)}
        return list(found)

    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """All times that events happen in a bounded period, in order. Raises UnboundedPeriod."""
        bounded(period)
        found = [o for s in self._all() for o in s.getOccurrences(period, search_criteria)]
        return sorted(found, key=lambda o: (o.dtstart, o.original.unique_id))

    def getOccurrencesSegmented(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Like `getOccurrences`, cut at midnights and at the period's ends, so that each is in one day."""
        first, last = bounded(period)
        result = []
        for occurrence in self.getOccurrences(period, search_criteria):
            start = max(occurrence.dtstart, first)
            end = min(occurrence.dtstart + occurrence.duration, last)
            result += [
                Occurrence(begins, ends - begins, occurrence.original, occurrence.recurrence_id)
                for begins, ends in split_by_day(start, end)
            ]
        return result

    # ---- free and busy time

    def getBlockedPeriods(
        self, attendees: Iterable[Attendee], period: Period, time_period: Hours
    ) -> list[Bounded]:
        """When not all attendees have time: sorted, merged, half-open.

        Events block (but for transparent, cancelled and declined ones), and so does each day's time outside
        `time_period`, (from, to).
        """
        some, days = tuple(attendees), bounded(period)
        busy = [b for storage in self._all() for b in storage.busy(some, days)]
        inside = [(max(s, days[0]), min(e, days[1])) for s, e in (*busy, *outside_hours(days, time_period))]
        return merged(inside)

    def getFreePeriods(
        self,
        attendees: Iterable[Attendee],
        period: Period,
        time_period: Hours,
        minimum_duration: timedelta | None = None,
    ) -> list[Bounded]:
        """When all attendees have time, between the hours of `time_period`, at least `minimum_duration` long."""
        days = bounded(period)
        blocked = self.getBlockedPeriods(attendees, days, time_period)
        least = minimum_duration or _NO_TIME
        return [(s, e) for s, e in gaps(blocked, days) if e - s >= least and e > s]

    def _all(self) -> list[Storage]:
        if not self.storages:
            raise UnknownStorage("the storage manager has no storage; call setStorage first")
        return self.storages
