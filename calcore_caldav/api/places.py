# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars as the API names them, and what the caller may do with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.identifiers import PRIMARY
from calcore_caldav.api.moments import parse_zone, zone_name
from calcore_caldav.api.people import Frame
from calcore_caldav.api.problems import forbidden, not_found
from calcore_caldav.core.principals import CalendarUserAddress, Principal, Privilege
from calcore_caldav.scheduling.access import may_know, of_calendar, privileges, veils, visible
from calcore_caldav.store.protocol import Collection, CollectionKind, Transaction

ROLES: Final[tuple[tuple[str, frozenset[Privilege]], ...]] = (
    ("owner", frozenset({Privilege.READ, Privilege.WRITE, Privilege.WRITE_ACL})),
    ("writer", frozenset({Privilege.READ, Privilege.WRITE_CONTENT, Privilege.BIND, Privilege.UNBIND})),
    ("reader", frozenset({Privilege.READ})),
    ("freeBusyReader", frozenset({Privilege.READ_FREE_BUSY})),
)
"""Google's roles, the greatest first, and the privileges that one must hold to have it."""
GRANTED: Final[dict[str, frozenset[Privilege]]] = {
    "owner": frozenset({Privilege.ALL}),
    "writer": frozenset({Privilege.READ, Privilege.WRITE}),
    "reader": frozenset({Privilege.READ}),
    "freeBusyReader": frozenset({Privilege.READ_FREE_BUSY}),
    "none": frozenset(),
}
"""What giving a role grants."""
RANKS: Final = {"none": 0, "freeBusyReader": 1, "reader": 2, "writer": 3, "owner": 4}


@dataclass(frozen=True, slots=True)
class Place:
    """One calendar, seen by the caller."""

    owner: Principal
    collection: Collection
    held: frozenset[Privilege]
    own: bool
    """Whether it is the caller's own."""

    @property
    def id(self) -> str:
        """Its calendarId: the owner's address, or `owner:name` for what is not the default calendar."""
        return calendar_id(self.owner, self.collection)

    @property
    def role(self) -> str:
        """The caller's role."""
        return role_of(self.held)

    @property
    def details(self) -> bool:
        """Whether the caller sees more than busy time."""
        return Privilege.READ in self.held

    @property
    def private(self) -> bool:
        """Whether the caller sees what is private, too."""
        return not veils(self.collection, self.held)


def role_of(held: frozenset[Privilege]) -> str:
    """The greatest role of which all privileges are held."""
    return next((role for role, needed in ROLES if needed <= held), "none")


def calendar_id(owner: Principal, collection: Collection) -> str:
    """See Place.id."""
    if collection.name == owner.default_calendar:
        return owner.address.email or owner.name
    return f"{owner.name}:{collection.name}"


def find_owner(txn: Transaction, text: str) -> Principal | None:
    """The principal of an e-mail address or name."""
    if "@" in text and (found := txn.directory.by_address(CalendarUserAddress.parse(text))) is not None:
        return found
    return txn.directory.by_name(text)


def known(call: Call, principal: Principal) -> bool:
    """Whether the caller may know that a principal exists."""
    return may_know(call.txn, call.actor, principal, settings=call.services.settings)


def find_known(call: Call, address: CalendarUserAddress) -> Principal | None:
    """The principal of an address, where the caller may know of it."""
    found = call.txn.directory.by_address(address)
    return found if found is not None and known(call, found) else None


def find_place(call: Call, text: str) -> Place:
    """The calendar with that id. Raises ApiProblem (404) where there is none that the caller may know of."""
    found = lookup(call, text)
    if found is None:
        raise not_found()
    return found


def lookup(call: Call, text: str) -> Place | None:
    """The calendar with that id, or None."""
    txn = call.txn
    if text == PRIMARY:
        owner, name = call.actor.principal, None
    else:
        owner, name = find_owner(txn, text), None
        if owner is None and ":" in text:
            first, _, name = text.partition(":")
            owner = txn.directory.by_name(first)
    if owner is None:
        return None
    collection = txn.collections.get(owner.name, name if name is not None else owner.default_calendar)
    if collection is None or collection.kind is not CollectionKind.CALENDAR:
        return None
    return seen(call, owner, collection)


def seen(call: Call, owner: Principal, collection: Collection) -> Place | None:
    """A calendar as the caller sees it; None where it may not be known."""
    settings = of_calendar(call.services.settings, owner, collection.name)
    if not known(call, owner):
        return None
    held = privileges(call.txn, call.actor, owner, collection, settings=settings)
    if not visible(held) and Privilege.READ_FREE_BUSY not in held:
        return None
    own = call.actor.principal is not None and call.actor.principal.id == owner.id
    return Place(owner, collection, held, own)


def require(place: Place, privilege: Privilege) -> None:
    """Raise ApiProblem (403) where a privilege is missing."""
    if privilege not in place.held:
        raise forbidden("You need to have more access to this calendar.")


def frame_of(call: Call, place: Place) -> Frame:
    """How the calendar's events are shown to this caller."""
    asked = call.parameters.get("timeZone")
    return Frame(
        owner=place.owner,
        zone=call.txn.collections.zone(place.collection),
        find=partial(find_known, call),
        shown_in=None if asked is None else parse_zone(asked, "timeZone"),
        max_attendees=call.parameters.get("maxAttendees"),
    )


def zone_of(call: Call, place: Place) -> tuple[str, tzinfo]:
    """The calendar's zone with its name."""
    zone = call.txn.collections.zone(place.collection)
    return zone_name(zone) or "UTC", zone
