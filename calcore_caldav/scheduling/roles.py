# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the owner of a calendar is in a meeting, and what that role may not do to it (RFC 6638 §3.1, §3.2.4)."""

from __future__ import annotations

from enum import Enum, auto

from calcore_caldav.core.attendee import refused
from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.content import Component
from calcore_caldav.core.itip import ScheduleAgent, address, agent
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import called_off
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.scheduling.people import People


class Role(Enum):
    """What the owner of a home is in an object (RFC 6638 §3.1)."""

    NONE = auto()
    ORGANIZER = auto()
    ATTENDEE = auto()


def role_of(obj: CalendarObject | None, owner: Principal) -> Role:
    """The owner's role; NONE where the object isn't a scheduling object of theirs."""
    if obj is None or obj.organizer is None:
        return Role.NONE
    own = owner.own_addresses
    if obj.organizer in own:
        return Role.ORGANIZER if obj.attendees else Role.NONE
    if any(find_attendee(c, own) is not None for c in obj.components):
        return Role.ATTENDEE
    return Role.NONE


def check_bystander(
    owner: Principal, old: CalendarObject | None, new: CalendarObject | None, people: People
) -> None:
    """Raise SchedulingRefused for what becomes a meeting of others, to which the owner isn't invited."""
    if new is None or new.organizer is None or not new.attendees:
        return
    if new.organizer in owner.own_addresses:
        return
    people.learn(old, new)
    if old is not None and old.attendees and same_person(old.organizer, new.organizer, people):
        return
    organizer = next(c.get("ORGANIZER") for c in new.components if c.get("ORGANIZER") is not None)
    if agent(organizer) is ScheduleAgent.SERVER and people.find(new.organizer) is not None:
        raise SchedulingRefused(
            "organizer-allowed", "the organizer is neither the calendar's owner nor one who invited them"
        )


def with_organizer(new: CalendarObject) -> CalendarObject:
    """With the ORGANIZER of the others in components that invite nobody, as Apple's server repairs it.

    Clients that invite to one instance of a series leave the series itself without.
    """
    organizer = next(p for c in new.components if (p := c.get("ORGANIZER")) is not None)
    made = tuple(
        c if c.get("ORGANIZER") is not None or c.get("ATTENDEE") is not None else c.adding(organizer)
        for c in new.components
    )
    return new if made == new.components else new.with_components(made)


def check_components(new: CalendarObject) -> None:
    """Raise SchedulingRefused where the components name different organizers (RFC 6638 §3.2.4.2)."""
    named = {
        CalendarUserAddress.parse(value) if (value := c.value("ORGANIZER")) is not None else None
        for c in new.components
    }
    if len(named) > 1:
        raise SchedulingRefused(
            "same-organizer-in-all-components", "the components of a meeting name different organizers"
        )


def check_transition(
    owner: Principal, old: CalendarObject | None, new: CalendarObject | None, people: People
) -> None:
    """Raise SchedulingRefused where roles would change hands (RFC 6638 §3.2.4)."""
    if new is None:
        return
    before, after = role_of(old, owner), role_of(new, owner)
    if after is Role.ORGANIZER:
        if before is Role.ATTENDEE and not (old is not None and called_off(old)):
            raise refused("an attendee cannot become the organizer")
        if owner.kind.bookable and new.attendees - owner.own_addresses:
            raise SchedulingRefused("organizer-allowed", "rooms and resources don't invite")
        if new.master is None:
            raise SchedulingRefused("organizer-allowed", "an organizer's object needs its series")
        everybody = {people.aliases.get(who, who) for who in addresses(new.master)}
        for override in new.overrides.values():
            if is_ranged(override) and {people.aliases.get(w, w) for w in addresses(override)} != everybody:
                raise SchedulingRefused(
                    "allowed-organizer-scheduling-object-change",
                    "this and all following dates (RANGE=THISANDFUTURE) are for those who are invited to the series",
                )
        return
    if before is Role.ORGANIZER:
        if new.organizer is not None and new.organizer not in owner.own_addresses:
            raise SchedulingRefused(
                "allowed-organizer-scheduling-object-change", "a meeting cannot be given to another organizer"
            )
        if new.organizer is None and new.attendees:
            raise SchedulingRefused("organizer-allowed", "attendees need an ORGANIZER")
        return
    if before is Role.ATTENDEE:
        assert old is not None
        if after is not Role.ATTENDEE and not called_off(old):
            raise refused("the attendee's own ATTENDEE or the ORGANIZER is missing")
        if after is Role.ATTENDEE and not same_person(old.organizer, new.organizer, people):
            raise refused("ORGANIZER cannot be changed")


def check_delegates(old: CalendarObject, new: CalendarObject | None, people: People) -> None:
    """Raise SchedulingRefused where an attendee sends a room or a group instead (RFC 5546 §3.2.2.3)."""
    for who in new.attendees - old.attendees if new is not None else ():
        sent = people.find(who)
        if sent is not None and sent.kind is not CalendarUserType.INDIVIDUAL:
            raise refused("only a person can come instead of another")


def addresses(component: Component) -> set[CalendarUserAddress]:
    """The ATTENDEEs of a component."""
    return {address(p) for p in component.all("ATTENDEE")}


def same_person(one: CalendarUserAddress | None, other: CalendarUserAddress | None, people: People) -> bool:
    """Whether two addresses, looked up already, are of one calendar user."""
    if one is None or other is None:
        return one is other
    return people.aliases.get(one, one) == people.aliases.get(other, other)
