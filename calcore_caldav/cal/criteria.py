# SPDX-License-Identifier: GPL-3.0-or-later
"""What to search events by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calcore_caldav.cal.attendees import Attendee
    from calcore_caldav.cal.events import Event


@dataclass(frozen=True, init=False)
class SearchCriteria:
    """Events that match all that is given; what is None matches everything.

    `attendees` (one or several) match where one of them takes part, with the given status and role;
    `categories` where the event is in one of them.
    """

    attendees: tuple[Attendee, ...] | None
    participation_status: str | None
    participation_role: str | None
    categories: tuple[str, ...] | None
    organizer: Attendee | None

    def __init__(
        self,
        attendees: Attendee | Iterable[Attendee] | None = None,
        participation_status: str | None = None,
        participation_role: str | None = None,
        categories: Iterable[str] | None = None,
        organizer: Attendee | None = None,
    ) -> None:
        some = (
            None
            if attendees is None
            else tuple(attendees)
            if isinstance(attendees, Iterable)
            else (attendees,)
        )
        values = {
            "attendees": some,
            "participation_status": participation_status,
            "participation_role": participation_role,
            "categories": None if categories is None else tuple(categories),
            "organizer": organizer,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def clone(self, **changes: Any) -> SearchCriteria:
        """The same criteria, but for those given."""
        return SearchCriteria(**{**self.__dict__, **changes})

    def matches(self, event: Event) -> bool:
        """Whether an event fits."""
        if self.categories is not None and not any(event.inCategory(c) for c in self.categories):
            return False
        if self.organizer is not None and event.getOrganizerId() != self.organizer.getAttendeeId():
            return False
        if self.attendees is None:
            return True
        return any(self._takes_part(event, attendee) for attendee in self.attendees)

    def _takes_part(self, event: Event, attendee: Attendee) -> bool:
        status = event.getParticipationStatus(attendee)
        if status is None:
            return False
        if self.participation_status not in {None, status}:
            return False
        return self.participation_role in {None, event.getParticipationRole(attendee)}


EVERYTHING = SearchCriteria()
