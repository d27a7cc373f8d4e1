# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage that reads an iCalendar text: holidays, a published calendar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from calcore_caldav.cal import content as wire
from calcore_caldav.cal.criteria import EVERYTHING, SearchCriteria
from calcore_caldav.cal.events import Event, Occurrence
from calcore_caldav.cal.problems import (
    InvalidEvent,
)
from calcore_caldav.cal.storage import ANSWERED, Storage
from calcore_caldav.cal.times import Bounded, Period, bounded, like, window
from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.principals import CalendarUserAddress

if TYPE_CHECKING:
    from calcore_caldav.cal.attendees import Attendee


class ICalendarStorage(Storage):
    """The events of an iCalendar text, to be read only: holidays, a team's published calendar."""

    def __init__(self, storage_id: str, text: str | bytes, timezone: str = "UTC") -> None:
        super().__init__(storage_id, timezone)
        self._objects = {obj.uid: obj for obj in objects_of(text)}

    @classmethod
    def fromFile(cls, storage_id: str, path: str | Path, timezone: str = "UTC") -> Self:
        """From an .ics file."""
        return cls(storage_id, Path(path).read_bytes(), timezone)

    def hasEvent(self, event_id: str) -> bool:
        """Whether there is an event of that UID."""
        return event_id in self._objects

    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """Events that happen in a period (which may be open) and match."""
        criteria, span = search_criteria or EVERYTHING, window(period, self.zone)
        happening = [
            Event(self, uid)
            for uid, obj in self._objects.items()
            if next(iter(obj.recurrence(self.zone).between(span)), None) is not None
        ]
        return [event for event in happening if criteria.matches(event)]

    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """Occurrences in a bounded period of events that match."""
        model = bounded(period)[0]
        span = window(period, self.zone)
        result = []
        for event in self.getEvents(period, search_criteria):
            for instance in self._objects[event.unique_id].recurrence(self.zone).between(span):
                if (instance.component.value("STATUS") or "").upper() != "CANCELLED":
                    start = like(instance.start, model, self.zone)
                    result.append(Occurrence(start, instance.end - instance.start, event, instance.rid))
        return sorted(result, key=lambda o: o.dtstart)

    def busy(self, attendees: Sequence[Attendee], period: Bounded) -> list[Bounded]:
        """When opaque events block the time of any of the attendees."""
        taking = self.getOccurrences(period, SearchCriteria(attendees))
        return [
            (o.dtstart, o.dtstart + o.duration)
            for o in taking
            if not o.original.transparent
            and any(o.original.getParticipationStatus(a) not in {None, *ANSWERED} for a in attendees)
        ]

    def addresses(self, attendee: Attendee) -> frozenset[CalendarUserAddress]:
        """The attendee's own addresses."""
        return attendee.definition.own_addresses

    def attendee_id(self, prop: Property) -> str:
        """The e-mail address."""
        address = wire.address_of(prop)
        return address.email or address

    def know(self, attendee: Attendee) -> None:
        """Nothing to do: the text names its attendees by their addresses."""

    def _load(self, event: Event) -> CalendarObject:
        return self._objects[event.unique_id]


def objects_of(text: str | bytes) -> list[CalendarObject]:
    """The events of an iCalendar text, each with the time zones of all. Raises InvalidCalendarData."""
    calendar = stream.parse(text.encode() if isinstance(text, str) else text)
    zones = tuple(c for c in calendar.children if c.name == "VTIMEZONE")
    by_uid: dict[str, list[Component]] = {}
    for component in calendar.named("VEVENT"):
        uid = component.value("UID")
        if not uid:
            raise InvalidEvent("an event of the text has no UID")
        by_uid.setdefault(uid, []).append(component)
    head = calendar.without("METHOD")
    return [CalendarObject.from_component(head.with_children((*zones, *some))) for some in by_uid.values()]
