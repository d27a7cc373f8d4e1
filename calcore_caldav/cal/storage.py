# SPDX-License-Identifier: GPL-3.0-or-later
"""What every storage is: the calls that manager and events make of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from calcore_caldav.cal import content as wire
from calcore_caldav.cal.content import Times
from calcore_caldav.cal.criteria import SearchCriteria
from calcore_caldav.cal.events import Event, Occurrence
from calcore_caldav.cal.problems import (
    InvalidEvent,
    ReadOnlyStorage,
    UnknownEvent,
)
from calcore_caldav.cal.times import Bounded, Period, is_zone
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId

if TYPE_CHECKING:
    from calcore_caldav.cal.attendees import Attendee

Change = Callable[[Component], Component]
"""An edit of one VEVENT."""
ANSWERED: Final = frozenset({"DECLINED", "DELEGATED"})
"""Answers of those whose time an event doesn't take."""


@dataclass(frozen=True, slots=True)
class Specification:
    """A new event: checked attributes, and who takes part."""

    times: Times
    values: Mapping[str, object]
    organizer: Attendee | None = None
    attendees: tuple[tuple[Attendee, str, str], ...] = ()


class Storage(ABC):
    """What manager and events ask of a storage. Writing raises ReadOnlyStorage where that isn't possible."""

    writable = False
    """Whether it can be written at all."""

    def __init__(self, storage_id: str, timezone: str) -> None:
        self._storage_id = storage_id
        if not is_zone(timezone):
            raise InvalidEvent(f"{timezone!r} is not the name of a time zone")
        self.zone: tzinfo = ZoneInfo(timezone)

    def getStorageId(self) -> str:
        """Its id, unique in a manager."""
        return self._storage_id

    def getEvent(self, event_id: str) -> Event:
        """The event of that UID. Raises UnknownEvent."""
        if not self.hasEvent(event_id):
            raise UnknownEvent(f"no event {event_id!r}")
        return Event(self, event_id)

    def component(self, event: Event, rid: RecurrenceId | None = None) -> Component:
        """The VEVENT that an event's attributes are read from, or those of one of its dates."""
        obj = self._load(event)
        return (obj.overrides.get(rid) if rid is not None else None) or main_component(obj)

    def times(self, event: Event) -> Times:
        """When an event is."""
        obj = self._load(event)
        return Times.read(obj, main_component(obj), self.zone)

    @staticmethod
    def address(prop: Property) -> CalendarUserAddress:
        """The comparable address of an ATTENDEE."""
        return wire.address_of(prop)

    @abstractmethod
    def hasEvent(self, event_id: str) -> bool:
        """Whether there is an event of that UID."""

    @abstractmethod
    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events that happen in a period (which may be open) and match."""

    @abstractmethod
    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Occurrences in a bounded period of events that match."""

    @abstractmethod
    def busy(self, attendees: Sequence[Attendee], period: Bounded) -> list[Bounded]:
        """When events block the time of any of the attendees; unmerged."""

    @abstractmethod
    def addresses(self, attendee: Attendee) -> frozenset[CalendarUserAddress]:
        """All addresses that mean an attendee in this storage's data."""

    @abstractmethod
    def attendee_id(self, prop: Property) -> str | None:
        """The attendee id of an ATTENDEE or ORGANIZER; of outsiders the address itself; None: it is nobody."""

    @abstractmethod
    def _load(self, event: Event) -> CalendarObject:
        """The organizer's copy. Raises NotStored."""

    def owner_id(self, event: Event) -> str | None:
        """Whose event it is where it has no ORGANIZER."""
        return None

    def principals(self) -> list[Principal]:
        """Everybody this storage knows."""
        return []

    @abstractmethod
    def know(self, attendee: Attendee) -> None:
        """Remember an attendee that was just made."""

    def createEvent(self, unique_id: str | None, spec: Specification) -> Event:
        """Store a new event."""
        raise self._read_only()

    def deleteEvent(self, event: Event) -> None:
        """Delete an event."""
        raise self._read_only()

    def change(self, event: Event, change: Change) -> None:
        """Rewrite each VEVENT of an event."""
        raise self._read_only()

    def retime(self, event: Event, times: Times) -> None:
        """Give an event other times."""
        raise self._read_only()

    def invite(self, event: Event, attendees: Sequence[Attendee]) -> None:
        """Add attendees that don't take part yet."""
        raise self._read_only()

    def answer(self, event: Event, attendee: Attendee, status: str | None) -> None:
        """Write an attendee's answer; None removes it."""
        raise self._read_only()

    def split(self, event: Event, occurrence: Occurrence) -> Event:
        """Make a series two; returns the part before the occurrence."""
        raise self._read_only()

    def import_objects(
        self, objects: Sequence[CalendarObject], remove: Sequence[Event], owner: Attendee
    ) -> None:
        """Store objects (each new or replacing the one of its UID) and delete events, all or nothing."""
        raise self._read_only()

    def _read_only(self) -> ReadOnlyStorage:
        return ReadOnlyStorage(f"the storage {self._storage_id!r} can only be read")


def main_component(obj: CalendarObject) -> Component:
    """The master, or the first component of an object without one."""
    return obj.master or obj.components[0]
