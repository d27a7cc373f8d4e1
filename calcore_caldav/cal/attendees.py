# SPDX-License-Identifier: GPL-3.0-or-later
"""Attendees (people, groups, resources, rooms) and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from calcore_caldav.cal.criteria import EVERYTHING, SearchCriteria
from calcore_caldav.cal.problems import InvalidAttendee, UnknownAttendee
from calcore_caldav.cal.times import is_zone
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling.policy import BookingPolicy

if TYPE_CHECKING:
    from calcore_caldav.cal.events import Event, Occurrence
    from calcore_caldav.cal.manager import StorageManager
    from calcore_caldav.cal.times import Period

acceptIfPossible: Final[Mapping[str, object]] = {
    "mode": "automatic",
    "horizon_action": "unlimited",
    "past_grace": "36500d",
}
"""The policy of a room that accepts where it is free and declines where it is taken."""

_DOMAIN: Final = "localhost"


class Attendee:
    """Somebody or something that events can be made for."""

    __slots__ = ("definition", "manager", "members")

    def __init__(
        self, manager: StorageManager, definition: Principal, members: tuple[Attendee, ...] = ()
    ) -> None:
        self.manager = manager
        self.definition = definition
        self.members = members

    def getAttendeeId(self) -> str:
        """Its unique id: the name of its principal."""
        return self.definition.name

    def getAttendeeType(self) -> str:
        """INDIVIDUAL, GROUP, RESOURCE, ROOM or UNKNOWN."""
        return self.definition.kind.value

    def getName(self) -> str:
        """Its name for people."""
        return self.definition.display_name

    def createEvent(self, *args: Any, **attributes: Any) -> Event:
        """Create an event that it organizes and has accepted; see `StorageManager.createEvent`."""
        names = ("dtstart", "duration")
        return self.manager.createEvent(organizer=self, **dict(zip(names, args, strict=False)), **attributes)

    def getEvents(self, period: Period, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """The events in a period that it takes part in."""
        return self.manager.getEvents(period, (search_criteria or EVERYTHING).clone(attendees=[self]))

    def getOccurrences(
        self, period: Period, search_criteria: SearchCriteria | None = None
    ) -> list[Occurrence]:
        """The occurrences, in a bounded period, of the events that it takes part in."""
        return self.manager.getOccurrences(period, (search_criteria or EVERYTHING).clone(attendees=[self]))

    def getOrganizedEvents(self, search_criteria: SearchCriteria | None = None) -> list[Event]:
        """All events that it organizes."""
        return self.manager.getEvents((None, None), (search_criteria or EVERYTHING).clone(organizer=self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Attendee) and self.definition.name == other.definition.name

    def __hash__(self) -> int:
        return hash(self.definition.name)

    def __repr__(self) -> str:
        return f"<Attendee {self.definition.name!r}>"


class _Source(Protocol):
    """What both sources share: everything but where the attendees are."""

    current_user: str | None

    def _attendees(self) -> Iterable[Attendee]: ...

    def getAttendee(self, attendee_id: str) -> Attendee: ...

    def getCurrentUserAttendee(self) -> Attendee | None:
        """The attendee of `current_user`, or None."""
        return None if self.current_user is None else self.getAttendee(self.current_user)

    def getCurrentUserAttendeeId(self) -> str | None:
        """`current_user`."""
        return self.current_user

    def findByName(self, query_str: str | None, attendee_type: str | None = None) -> list[Attendee]:
        """Attendees whose name contains the text, case ignored; None finds all, "" finds nobody."""
        if query_str == "":
            return []
        wanted = (query_str or "").casefold()
        return [
            a
            for a in self._attendees()
            if wanted in a.getName().casefold() and attendee_type in {None, a.getAttendeeType()}
        ]

    def getAttendeesOfType(self, attendee_type: str) -> list[Attendee]:
        """All attendees of a type."""
        return self.findByName(None, attendee_type)

    def getAttendeeTypes(self) -> list[str]:
        """The types that attendees can have."""
        return [kind.value for kind in CalendarUserType]

    def getAttendeeFromSpec(self, vcaladdress: str) -> Attendee | None:
        """The attendee of an iCalendar address ("mailto:…", a path, a bare e-mail address, or an id)."""
        address = CalendarUserAddress.parse(str(vcaladdress))
        for attendee in self._attendees():
            known = {*attendee.definition.addresses, CalendarUserAddress(attendee.definition.path)}
            if address in known or str(vcaladdress) == attendee.getAttendeeId():
                return attendee
        return None


class SimpleAttendeeSource(_Source):
    """Attendees that Python code creates; each storage comes to know those that use it."""

    def __init__(self, storage_manager: StorageManager) -> None:
        self.manager = storage_manager
        self.current_user: str | None = None
        """Id of the attendee that `getCurrentUserAttendee` answers with."""
        self._by_id: dict[str, Attendee] = {}

    def createIndividual(
        self, attendee_id: str, name: str, email: str | None = None, timezone: str | None = None
    ) -> Attendee:
        """A person. Without an address it gets one of this machine; without a zone the storage's."""
        return self._create(attendee_id, name, CalendarUserType.INDIVIDUAL, email, timezone)

    def createGroup(
        self, attendee_id: str, name: str, members: Iterable[Attendee] = (), email: str | None = None
    ) -> Attendee:
        """A group; inviting it invites its members."""
        return self._create(attendee_id, name, CalendarUserType.GROUP, email, members=tuple(members))

    def createResource(
        self,
        attendee_id: str,
        name: str,
        on_invite: Mapping[str, object] | None = None,
        email: str | None = None,
        timezone: str | None = None,
    ) -> Attendee:
        """A thing that can be booked, with the booking policy `on_invite` (docs/rooms.md); None: no answer."""
        return self._create(
            attendee_id, name, CalendarUserType.RESOURCE, email, timezone, on_invite or {"mode": "none"}
        )

    def createRoom(
        self,
        attendee_id: str,
        name: str,
        on_invite: Mapping[str, object] | None = None,
        email: str | None = None,
        timezone: str | None = None,
    ) -> Attendee:
        """A room, with the booking policy `on_invite`: `acceptIfPossible` or any of docs/rooms.md."""
        return self._create(
            attendee_id, name, CalendarUserType.ROOM, email, timezone, on_invite or {"mode": "none"}
        )

    def getAttendee(self, attendee_id: str) -> Attendee:
        """Raises UnknownAttendee."""
        try:
            return self._by_id[attendee_id]
        except KeyError:
            raise UnknownAttendee(f"no attendee {attendee_id!r}") from None

    def _attendees(self) -> Iterable[Attendee]:
        return self._by_id.values()

    def _create(
        self,
        attendee_id: str,
        name: str,
        kind: CalendarUserType,
        email: str | None,
        timezone: str | None = None,
        booking: Mapping[str, object] | None = None,
        members: tuple[Attendee, ...] = (),
    ) -> Attendee:
        if attendee_id in self._by_id:
            raise InvalidAttendee(f"there is an attendee {attendee_id!r} already")
        if timezone and not is_zone(timezone):
            raise InvalidAttendee(f"{timezone!r} is not the name of a time zone")
        principal = Principal(
            id=0,
            name=attendee_id,
            kind=kind,
            display_name=name,
            addresses=(CalendarUserAddress.parse(email or f"{attendee_id}@{_DOMAIN}"),),
            timezone=timezone or "",
            booking=dict(booking or {}),
        )
        attendee = Attendee(self.manager, principal, members)
        try:
            BookingPolicy.from_mapping(booking or {})
            for storage in self.manager.storages:
                storage.know(attendee)
        except DirectoryError as error:
            raise InvalidAttendee(f"the attendee {attendee_id!r} cannot be: {error}") from None
        self._by_id[attendee_id] = attendee
        return attendee


class DirectoryAttendeeSource(_Source):
    """The people, groups, resources and rooms of the directory of an SQLStorage."""

    def __init__(self, storage_manager: StorageManager, current_user: str | None = None) -> None:
        self.manager = storage_manager
        self.current_user = current_user

    def getAttendee(self, attendee_id: str) -> Attendee:
        """Raises UnknownAttendee."""
        for attendee in self._attendees():
            if attendee.getAttendeeId() == attendee_id:
                return attendee
        raise UnknownAttendee(f"no attendee {attendee_id!r} in the directory")

    def _attendees(self) -> Iterable[Attendee]:
        seen: set[str] = set()
        for storage in self.manager.storages:
            for principal in storage.principals():
                if principal.name not in seen:
                    seen.add(principal.name)
                    yield Attendee(self.manager, principal)
