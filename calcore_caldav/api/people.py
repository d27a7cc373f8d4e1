# SPDX-License-Identifier: GPL-3.0-or-later
"""Organizer and attendees: ORGANIZER and ATTENDEE as JSON, and back (RFC 5545 §3.8.4.1, §3.8.4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from calcore_caldav.api.problems import invalid, required
from calcore_caldav.api.types import Json
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal

Finder = Callable[[CalendarUserAddress], Principal | None]

_EMAIL: Final = re.compile(r"[^\s@<>\x00-\x1f\x7f]+@[^\s@<>\x00-\x1f\x7f]+")
_ANSWERS: Final = {
    "NEEDS-ACTION": "needsAction",
    "ACCEPTED": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentative",
    "DELEGATED": "declined",
}
_PARTSTATS: Final = {
    "needsAction": "NEEDS-ACTION",
    "accepted": "ACCEPTED",
    "declined": "DECLINED",
    "tentative": "TENTATIVE",
}
_BOOKABLE: Final = frozenset({"ROOM", "RESOURCE"})
COMMENT: Final = "X-RESPONSE-COMMENT"
GUESTS: Final = "X-NUM-GUESTS"


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose calendar an event is seen in, and how its times are shown."""

    owner: Principal
    zone: tzinfo
    """The calendar's: of floating times, and of what comes without a zone."""
    find: Finder
    shown_in: tzinfo | None = None
    """The zone that was asked for; None: each time in its own."""
    max_attendees: int | None = None


def email_of(address: CalendarUserAddress, find: Finder) -> str:
    """The e-mail address of a calendar user; the address itself where there is none."""
    if address.email is not None:
        return address.email
    principal = find(address)
    known = principal.address.email if principal is not None else None
    return known or str(address)


def person_json(prop: Property | None, frame: Frame) -> Json:
    """`organizer` of an ORGANIZER; without one the calendar's owner is it."""
    if prop is None:
        owner = frame.owner
        return {
            "email": owner.address.email or owner.name,
            "displayName": owner.display_name or owner.name,
            "self": True,
        }
    address = CalendarUserAddress.parse(prop.value)
    made: Json = {"email": email_of(address, frame.find)}
    if name := prop.param("CN"):
        made["displayName"] = name
    if address in frame.owner.own_addresses:
        made["self"] = True
    return made


def attendee_json(prop: Property, organizer: CalendarUserAddress | None, frame: Frame) -> Json:
    """One of `attendees`."""
    address = CalendarUserAddress.parse(prop.value)
    made: Json = {"email": email_of(address, frame.find)}
    if name := prop.param("CN"):
        made["displayName"] = name
    if address == organizer:
        made["organizer"] = True
    if address in frame.owner.own_addresses:
        made["self"] = True
    if (prop.param("CUTYPE") or "").upper() in _BOOKABLE:
        made["resource"] = True
    if (prop.param("ROLE") or "").upper() in {"OPT-PARTICIPANT", "NON-PARTICIPANT"}:
        made["optional"] = True
    made["responseStatus"] = _ANSWERS.get((prop.param("PARTSTAT") or "").upper(), "needsAction")
    if comment := prop.param(COMMENT):
        made["comment"] = comment
    if (guests := prop.param(GUESTS)) and guests.isdecimal() and len(guests) < 6:
        made["additionalGuests"] = int(guests)
    return made


def attendees_json(component: Component, frame: Frame) -> list[Json]:
    """All of `attendees`."""
    organizer = component.value("ORGANIZER")
    by = None if organizer is None else CalendarUserAddress.parse(organizer)
    return [attendee_json(prop, by, frame) for prop in component.all("ATTENDEE")]


def attendee_properties(component: Component, attendees: Sequence[Json], frame: Frame) -> list[Property]:
    """The ATTENDEEs that JSON asks for: known ones keep what JSON does not know. Raises ApiProblem."""
    organizer = component.value("ORGANIZER")
    by = None if organizer is None else CalendarUserAddress.parse(organizer)
    known: dict[str, Property] = {}
    for prop in component.all("ATTENDEE"):
        known.setdefault(email_of(CalendarUserAddress.parse(prop.value), frame.find), prop)
    made: dict[str, Property] = {}
    for number, wanted in enumerate(attendees):
        where = f"attendees[{number}]"
        email = (wanted.get("email") or "").strip().removeprefix("mailto:")
        if not email:
            raise required(f"{where}.email", "Missing attendee email.", kind="field")
        old = known.get(email) or known.get(email.lower())
        if old is None:
            _check_email(email, where)
        made[email.lower()] = (
            _new_attendee(email, wanted, by, frame)
            if old is None
            else _changed_attendee(old, attendee_json(old, by, frame), wanted)
        )
    return [*made.values()]


def _new_attendee(email: str, wanted: Json, organizer: CalendarUserAddress | None, frame: Frame) -> Property:
    prop = Property("ATTENDEE", f"mailto:{email}")
    address = CalendarUserAddress.parse(prop.value)
    principal = frame.find(address)
    name = wanted.get("displayName") or (principal.display_name if principal is not None else "")
    kind = principal.kind if principal is not None else CalendarUserType.INDIVIDUAL
    if wanted.get("resource") and not kind.bookable:
        kind = CalendarUserType.RESOURCE
    answer = _PARTSTATS[wanted.get("responseStatus") or "needsAction"]
    if kind.bookable:
        # A room answers for itself.
        answer = "NEEDS-ACTION"
    elif address == organizer and not wanted.get("responseStatus"):
        answer = "ACCEPTED"
    params = {
        "CN": name,
        "CUTYPE": kind.value if kind is not CalendarUserType.INDIVIDUAL else "",
        "ROLE": "OPT-PARTICIPANT" if wanted.get("optional") else "REQ-PARTICIPANT",
        "PARTSTAT": answer,
        "RSVP": "TRUE" if answer == "NEEDS-ACTION" else "",
        COMMENT: wanted.get("comment") or "",
        GUESTS: str(wanted.get("additionalGuests") or ""),
    }
    for key, value in params.items():
        if value:
            prop = prop.with_param(key, value)
    return prop


def _changed_attendee(old: Property, shown: Json, wanted: Json) -> Property:
    """`old` with what differs from how it was shown; bookable ones keep their answer, but in their own calendar."""
    made = old
    if (name := wanted.get("displayName") or "") and name != shown.get("displayName"):
        made = made.with_param("CN", name)
    if bool(wanted.get("optional")) is not shown.get("optional", False):
        made = made.with_param("ROLE", "OPT-PARTICIPANT" if wanted.get("optional") else "REQ-PARTICIPANT")
    answer = wanted.get("responseStatus")
    if (
        answer is not None
        and answer != shown["responseStatus"]
        and (shown.get("self") or not shown.get("resource"))
    ):
        made = made.with_param("PARTSTAT", _PARTSTATS[answer])
        if answer != "needsAction":
            made = made.without_params("RSVP")
    for key, field in ((COMMENT, "comment"), (GUESTS, "additionalGuests")):
        if field in wanted and (wanted[field] or None) != shown.get(field):
            value = str(wanted[field] or "")
            made = made.with_param(key, value) if value else made.without_params(key)
    return made


def organizer_property(owner: Principal) -> Property:
    """The ORGANIZER of a meeting in the owner's calendar."""
    return _organizer(owner.address, owner.display_name)


def imported_organizer(wanted: Json) -> Property | None:
    """The ORGANIZER that an import names, whoever that is. Raises ApiProblem."""
    email = (wanted.get("email") or "").strip().removeprefix("mailto:")
    if not email:
        return None
    _check_email(email, "organizer")
    return _organizer(CalendarUserAddress.parse(f"mailto:{email}"), wanted.get("displayName") or "")


def _organizer(address: CalendarUserAddress, name: str) -> Property:
    prop = Property("ORGANIZER", str(address))
    return prop.with_param("CN", name) if name else prop


def _check_email(email: str, where: str) -> None:
    if _EMAIL.fullmatch(email) is None:
        raise invalid(
            f"{where}.email", f"Invalid {where.partition('[')[0].removesuffix('s')} email.", kind="field"
        )


def same_attendees(shown: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Whether two lists ask for the same people with the same answers."""
    keys = ("displayName", "optional", "responseStatus", "comment", "additionalGuests")

    def comparable(people: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
        return sorted(
            (str(p.get("email", "")).lower(), *(repr(p.get(k) or None) for k in keys)) for p in people
        )

    return comparable(shown) == comparable(wanted)
