# SPDX-License-Identifier: GPL-3.0-or-later
"""iTIP messages as values, and how their bodies are made (RFC 5546)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from calcore_caldav.core.calobject import CalendarObject, PartStat, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import PRODID
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.revision import REVISION
from calcore_caldav.core.significance import well_named
from calcore_caldav.core.times import format_date_time

Aliases = Mapping[CalendarUserAddress, CalendarUserAddress]
"""Spellings of one calendar user's address, each with the one that stands for all of them."""


class Method(StrEnum):
    """METHOD (RFC 5546 §1.4)."""

    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    REPLY = "REPLY"
    CANCEL = "CANCEL"
    ADD = "ADD"
    REFRESH = "REFRESH"
    COUNTER = "COUNTER"
    DECLINECOUNTER = "DECLINECOUNTER"


class ScheduleAgent(StrEnum):
    """SCHEDULE-AGENT: who delivers (RFC 6638 §7.1)."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    NONE = "NONE"


SERVER_GROUP: Final = "X-SERVER-GROUP"


@dataclass(frozen=True, slots=True)
class ITipMessage:
    """One message from one calendar user to another."""

    method: Method
    sender: CalendarUserAddress
    recipient: CalendarUserAddress
    body: CalendarObject
    """Carries METHOD."""
    forced: bool = False
    """The sender wants it shown even where it says nothing new (SCHEDULE-FORCE-SEND, RFC 6638 §7.2)."""


@dataclass(frozen=True, slots=True)
class SchedulingPlan:
    """What a change causes, before anything is done."""

    role: Literal["organizer", "attendee", "none"]
    stored: CalendarObject | None
    """What is to be stored for who made the change; None on delete."""
    messages: tuple[ITipMessage, ...] = ()
    reanswered: frozenset[RecurrenceId | None] = frozenset()
    """The components in which answers changed, which not everybody need have been told by a message."""


# Parameters that are between a client and its server (RFC 6638 §7), or the server's own: never in a message.
SERVER_PARAMS: Final = ("SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND", REVISION)

# Vendors' properties that hold what is the user's own business.
_PRIVATE_PREFIXES: Final = (
    "X-MOZ-", "X-EVOLUTION-", "X-CALENDARSERVER-", "X-APPLE-NEEDS-REPLY", "X-APPLE-DEFAULT-ALARM",
    "X-APPLE-TRAVEL", "X-APPLE-TEMPLATE", "X-CALCORE-", "X-DAVX5-", "X-LIC-", "X-KDE-", "X-NEXTCLOUD-",
)  # fmt: skip
_PRIVATE: Final = frozenset({"TRANSP", "PERCENT-COMPLETE", "COMPLETED", "REQUEST-STATUS"})
# Of the calendar as a whole only these go into a message.
_CALENDAR_PROPERTIES: Final = frozenset({"VERSION", "CALSCALE"})


def private(name: str) -> bool:
    """Whether a property stays with the calendar user who wrote it."""
    return name in _PRIVATE or name.startswith(_PRIVATE_PREFIXES)


def agent(prop: Property | None) -> ScheduleAgent:
    """Who delivers to an ATTENDEE or ORGANIZER; unknown values mean NONE (RFC 6638 §7.1)."""
    value = (prop.param("SCHEDULE-AGENT") if prop is not None else None) or "SERVER"
    return ScheduleAgent(value.upper()) if value.upper() in frozenset(ScheduleAgent) else ScheduleAgent.NONE


def address(prop: Property) -> CalendarUserAddress:
    """The comparable address of an ATTENDEE or ORGANIZER."""
    return CalendarUserAddress.parse(prop.value)


def attendees(component: Component, aliases: Aliases) -> dict[CalendarUserAddress, Property]:
    """The ATTENDEEs of a component by their standing address; a second one of an address is ignored."""
    found: dict[CalendarUserAddress, Property] = {}
    for prop in component.properties:
        if prop.name == "ATTENDEE":
            who = address(prop)
            found.setdefault(aliases.get(who, who), prop)
    return found


def server_group(prop: Property) -> bool:
    """Whether an ATTENDEE is a group of this server, whose members stand beside it (Apple's convention)."""
    return (prop.param("CUTYPE") or "").upper() == SERVER_GROUP


def unanswered(attendee: Property) -> bool:
    """Whether PARTSTAT is NEEDS-ACTION."""
    return partstat(attendee) is PartStat.NEEDS_ACTION


def sent_by(prop: Property, actor: CalendarUserAddress | None) -> Property:
    """An ORGANIZER or ATTENDEE with the name of who acted for them; None: they did it themselves.

    RFC 5545 §3.2.18.
    """
    if actor is None:
        return prop.without_params("SENT-BY")
    return prop if prop.param("SENT-BY") == actor else prop.with_param("SENT-BY", actor)


def asked(attendee: Property) -> Property:
    """An ATTENDEE whose answer is wanted: NEEDS-ACTION, RSVP=TRUE."""
    attendee = sent_by(attendee, None)
    if attendee.param("PARTSTAT") is not None and not unanswered(attendee):
        attendee = attendee.with_param("PARTSTAT", PartStat.NEEDS_ACTION.value)
    if (attendee.param("RSVP") or "").upper() == "TRUE":
        return attendee
    return attendee.with_param("RSVP", "TRUE")


def answered(attendee: Property, answer: Property) -> Property:
    """`attendee` with what `answer` says: PARTSTAT, DELEGATED-TO, SENT-BY, and RSVP where still open."""
    made = attendee
    if partstat(attendee) is not partstat(answer) or attendee.param("PARTSTAT") is None:
        made = made.with_param("PARTSTAT", partstat(answer).value)
    made = with_values(made, "SENT-BY", values(answer, "SENT-BY"))
    # Who comes after all has no delegate.
    delegates = values(answer, "DELEGATED-TO") if partstat(answer) is PartStat.DELEGATED else ()
    made = with_values(made, "DELEGATED-TO", delegates)
    return made if unanswered(made) else made.without_params("RSVP")


def values(prop: Property | None, name: str) -> tuple[str, ...]:
    """The values of a parameter; () where it is missing."""
    return next((vs for n, vs in prop.params if n == name), ()) if prop is not None else ()


def with_values(prop: Property, name: str, given: tuple[str, ...]) -> Property:
    """The property with these values of a parameter, without it where there are none."""
    return prop if values(prop, name) == given else prop.with_param(name, *given)


def with_attendees(
    component: Component, new: Mapping[CalendarUserAddress, Property], aliases: Aliases
) -> Component:
    """The component with some of its ATTENDEEs replaced."""

    def edited(prop: Property) -> Property:
        if prop.name != "ATTENDEE":
            return prop
        who = address(prop)
        return new.get(aliases.get(who, who), prop)

    return component.map(edited)


def public(component: Component) -> Component:
    """What others may see of a component: no alarms, nothing private, no server parameters."""

    def edited(prop: Property) -> Property | None:
        if private(prop.name):
            return None
        if prop.name == "ATTENDEE" and not unanswered(prop):
            return prop.without_params(*SERVER_PARAMS, "RSVP")
        if prop.name in {"ATTENDEE", "ORGANIZER"}:
            return prop.without_params(*SERVER_PARAMS)
        return prop

    made = component.map(edited)
    return made.with_children(c for c in made.children if c.name != "VALARM") if made.children else made


def message(
    source: CalendarObject, method: Method, components: Iterable[Component], now: datetime
) -> CalendarObject:
    """A message body: `components` with the time zones of `source`, sent now (RFC 5546 §3.1)."""
    head = [
        *(p for p in source.calendar.properties if p.name in _CALENDAR_PROPERTIES),
        Property("PRODID", PRODID),
        Property("METHOD", method.value),
    ]
    stamp = Property("DTSTAMP", format_date_time(now))
    zones = (c for c in source.calendar.children if c.name == "VTIMEZONE")
    made = [well_named(c, source).with_property(stamp) for c in components]
    return CalendarObject.from_component(Component("VCALENDAR", head, (*zones, *made)))


def cancellation(component: Component, number: int) -> Component:
    """A component that says it doesn't take place (RFC 5546 §3.2.5)."""
    return public(component).set("SEQUENCE", str(number)).set("STATUS", "CANCELLED")


def refresh(component: Component, own: Property) -> Component:
    """The component of a REFRESH: who wants to see which meeting anew (RFC 5546 §3.2.6)."""
    kept = (p for p in component.properties if p.name in {"UID", "ORGANIZER"})
    return Component(component.name, (*kept, own.without_params(*SERVER_PARAMS, "RSVP", "PARTSTAT")))


_REPLY_PROPERTIES: Final = frozenset(
    {"UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DUE", "DURATION", "SUMMARY", "SEQUENCE", "ORGANIZER"}
)
_PROGRESS: Final = frozenset({"STATUS", "PERCENT-COMPLETE", "COMPLETED"})
SUCCESS: Final = Property("REQUEST-STATUS", "2.0;Success")


def success(detail: str = "") -> Property:
    """REQUEST-STATUS of a message that was understood; `detail` says more, to programs (RFC 5545 §3.8.8.3)."""
    return Property("REQUEST-STATUS", f"{SUCCESS.value};{detail}") if detail else SUCCESS


def reply(
    component: Component,
    answers: Iterable[Property],
    comments: Iterable[Property] = (),
    status: Property = SUCCESS,
) -> Component:
    """The component of a REPLY: whose answer, to what, and how far a task is (RFC 5546 §3.2.3, §3.4.3)."""
    wanted = _REPLY_PROPERTIES | _PROGRESS if component.name == "VTODO" else _REPLY_PROPERTIES
    kept = [
        p.without_params(*SERVER_PARAMS) if p.name == "ORGANIZER" else p
        for p in component.properties
        if p.name in wanted
    ]
    own = [a.without_params(*SERVER_PARAMS, "RSVP") for a in answers]
    return Component(component.name, (*kept, *own, *comments, status))
