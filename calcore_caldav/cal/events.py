# SPDX-License-Identifier: GPL-3.0-or-later
"""Events and occurrences as Python sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import total_ordering
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import icalendar

from calcore_caldav.cal.attendees import Attendee
from calcore_caldav.cal.content import (
    ATTRIBUTES,
    PARTICIPATION,
    ROLES,
    Times,
    apply_attributes,
    make_times,
    private_event,
)
from calcore_caldav.cal.notices import EventCreated, EventModified, EventParticipationChanged, notify
from calcore_caldav.cal.problems import InvalidEvent, UnknownAttendee
from calcore_caldav.core.content import Component
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.recurrent import RecurrenceRule

if TYPE_CHECKING:
    from calcore_caldav.cal.storage import Storage

T = TypeVar("T")


class _Stored(Generic[T]):
    """An attribute of the table in `content`: read from the storage, written to it."""

    def __set_name__(self, owner: type[Event], name: str) -> None:
        self.name = name

    def __get__(self, event: Event, owner: type[Event]) -> T:
        return ATTRIBUTES[self.name].read(event._component())  # type: ignore[return-value]  # noqa: SLF001

    def __set__(self, event: Event, value: T) -> None:
        event._change(lambda c: apply_attributes(c, {self.name: value}))  # noqa: SLF001


class _Time(Generic[T]):
    """A part of `Times`: DTSTART, DTEND and RRULE are written together."""

    def __set_name__(self, owner: type[Event], name: str) -> None:
        self.name = name

    def __get__(self, event: Event, owner: type[Event]) -> T:
        value: T = getattr(event._times(), self.name)  # noqa: SLF001
        return value

    def __set__(self, event: Event, value: T) -> None:
        event._retime(self.name, value)  # noqa: SLF001


@total_ordering
class Event:
    """An event of a storage, for everyone who takes part in it.

    Attributes are read from the organizer's copy and written to it at once, with all that scheduling makes of
    it. Events are equal where their `unique_id` is, and sort by start. Setting an attribute raises
    ReadOnlyStorage, InvalidEvent, or NotStored where the event was deleted.
    """

    __slots__ = ("storage", "unique_id")

    title: _Stored[str] = _Stored()
    """SUMMARY."""
    description: _Stored[str] = _Stored()
    location: _Stored[str] = _Stored()
    status: _Stored[str] = _Stored()
    """TENTATIVE, CONFIRMED or CANCELLED."""
    access: _Stored[str] = _Stored()
    """PUBLIC, PRIVATE or CONFIDENTIAL."""
    transparent: _Stored[bool] = _Stored()
    """True: blocks nobody's time."""
    categories: _Stored[set[str]] = _Stored()
    document: _Stored[str | None] = _Stored()
    """A URL, or None."""
    dtstart: _Time[datetime] = _Time()
    """Naive, in the storage's zone."""
    duration: _Time[timedelta] = _Time()
    allday: _Time[bool] = _Time()
    recurrence: _Time[RecurrenceRule | None] = _Time()

    def __init__(self, storage: Storage, unique_id: str) -> None:
        self.storage = storage
        self.unique_id = unique_id
        """UID."""

    # ---- attendees

    def invite(self, attendees: Iterable[Attendee]) -> None:
        """Invite attendees; who is invited already keeps role and answer. Rooms have answered on return."""
        new = [a for a in dict.fromkeys(attendees) if not self.hasAttendee(a)]
        if not new:
            return
        self.storage.invite(self, new)
        notify(EventModified(self))
        for attendee in new:
            notify(EventParticipationChanged(self, attendee, None, self.getParticipationStatus(attendee)))

    def hasAttendee(self, attendee: Attendee) -> bool:
        """Whether the attendee takes part, whatever the answer."""
        return self.getParticipationStatus(attendee) is not None

    def getParticipationStatus(self, attendee: Attendee) -> str | None:
        """NEEDS-ACTION, ACCEPTED, DECLINED, TENTATIVE or DELEGATED; None: doesn't take part."""
        return participation(self.storage, self._component(), attendee)

    def getParticipationRole(self, attendee: Attendee) -> str | None:
        """CHAIR, REQ-PARTICIPANT, OPT-PARTICIPANT or NON-PARTICIPANT; None: doesn't take part."""
        return participation(self.storage, self._component(), attendee, "ROLE", "REQ-PARTICIPANT")

    def setParticipationStatus(self, attendee: Attendee, status: str | None) -> None:
        """Answer for an attendee; None removes it from the event. Invites one who was not invited."""
        if status is not None and status not in PARTICIPATION:
            raise InvalidEvent(
                f"a participation status is one of {', '.join(PARTICIPATION)} (got {status!r})"
            )
        old = self.getParticipationStatus(attendee)
        if old == status:
            return
        if old is None:
            self.storage.invite(self, [attendee])
        self.storage.answer(self, attendee, status)
        notify(EventParticipationChanged(self, attendee, old, self.getParticipationStatus(attendee)))

    def setParticipationRole(self, attendee: Attendee, role: str) -> None:
        """Give an attendee another role; invites one who was not invited."""
        if role not in ROLES:
            raise InvalidEvent(f"a participation role is one of {', '.join(ROLES)} (got {role!r})")
        self.invite([attendee])
        addresses = self.storage.addresses(attendee)
        self._change(
            lambda c: c.map(
                lambda p: (
                    p.with_param("ROLE", role)
                    if p.name == "ATTENDEE" and self.storage.address(p) in addresses
                    else p
                )
            )
        )

    def getAttendeeIds(
        self, participation_status: str | None = None, participation_role: str | None = None
    ) -> list[str]:
        """Ids of those who take part, in the order they were invited, with that status and role."""
        result = []
        for prop in self._component().all("ATTENDEE"):
            status = (prop.param("PARTSTAT") or "NEEDS-ACTION").upper()
            role = (prop.param("ROLE") or "REQ-PARTICIPANT").upper()
            name = self.storage.attendee_id(prop)
            if name and participation_status in {None, status} and participation_role in {None, role}:
                result.append(name)
        return result

    def getOrganizerId(self) -> str | None:
        """The organizer's attendee id; None: nobody's event."""
        prop = self._component().get("ORGANIZER")
        return self.storage.owner_id(self) if prop is None else self.storage.attendee_id(prop)

    # ---- this and following

    def split(self, occurrence: Occurrence) -> Event:
        """Make a series two at one of its occurrences: "this and following".

        This event keeps its id and the occurrences from that one on; the earlier ones are the returned
        event, which has a new id. Attendees, answers and rooms stay as they are on both sides. Raises
        InvalidEvent where nothing would be left on one side, ReadOnlyStorage.
        """
        past = self.storage.split(self, occurrence)
        notify(EventCreated(past))
        notify(EventModified(self))
        return past

    # ---- the rest

    def getStorageId(self) -> str:
        """The id of the storage that it is in."""
        return self.storage.getStorageId()

    def getEventId(self) -> str:
        """Its `unique_id`."""
        return self.unique_id

    def inCategory(self, category: str) -> bool:
        """Whether it is in that category."""
        return category in self.categories

    def export(self, private: bool = False) -> icalendar.Event:  # noqa: FBT001, FBT002
        """The event as an `icalendar.Event`; `private`: nothing but when it is."""
        component = self._component()
        shown = private_event(component) if private else component
        made = icalendar.Event.from_ical(shown.to_bytes().decode())
        assert isinstance(made, icalendar.Event)
        return made

    def _component(self) -> Component:
        return self.storage.component(self)

    def _times(self) -> Times:
        return self.storage.times(self)

    def _change(self, change: Callable[[Component], Component]) -> None:
        self.storage.change(self, change)
        notify(EventModified(self))

    def _retime(self, name: str, value: Any) -> None:
        new = dataclasses.replace(self._times(), **{name: value})
        checked = make_times(new.dtstart, new.duration, allday=new.allday, recurrence=new.recurrence)
        self.storage.retime(self, checked)
        notify(EventModified(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.unique_id == other.unique_id

    def __hash__(self) -> int:
        return hash(self.unique_id)

    def __lt__(self, other: object) -> bool:
        """By start, then by id."""
        if not isinstance(other, Event):
            return NotImplemented
        return (self.dtstart, self.unique_id) < (other.dtstart, other.unique_id)

    def __repr__(self) -> str:
        return f"<Event {self.unique_id!r}>"


def participation(
    storage: Storage,
    component: Component,
    attendee: Attendee,
    param: str = "PARTSTAT",
    default: str = "NEEDS-ACTION",
) -> str | None:
    """A parameter of an attendee's line of a VEVENT; None: it has no such line."""
    if not isinstance(attendee, Attendee):
        raise UnknownAttendee(f"{attendee!r} is no attendee: ask an attendee source for it")
    addresses = storage.addresses(attendee)
    for prop in component.all("ATTENDEE"):
        if storage.address(prop) in addresses:
            return (prop.param(param) or default).upper()
    return None


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One time that an event happens; sorts by start."""

    dtstart: datetime
    """Naive in the storage's zone where the period asked for was naive, else in the period's zone."""
    duration: timedelta
    original: Event
    """The event."""
    recurrence_id: RecurrenceId | None = dataclasses.field(default=None, compare=False)
    """Which of a series: its original start (RFC 5545 §3.8.4.4)."""

    def getParticipationStatus(self, attendee: Attendee) -> str | None:
        """The attendee's answer for this date; rooms answer a series date by date."""
        storage = self.original.storage
        return participation(storage, storage.component(self.original, self.recurrence_id), attendee)
