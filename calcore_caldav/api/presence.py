# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking in: somebody is there, so the rooms of a meeting are not given back (docs/rooms.md, `checkin`)."""

from __future__ import annotations

from calcore_caldav.api.call import Call
from calcore_caldav.api.events import find_event
from calcore_caldav.api.places import Place, find_place, require
from calcore_caldav.api.problems import ApiProblem, invalid
from calcore_caldav.api.types import Json
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.scheduling import room_jobs
from calcore_caldav.scheduling.rooms import stored_copy


def check_in(call: Call) -> Json:
    """Somebody is there: the event's rooms, or the one whose calendar it is, are not released for want of people.

    Who takes part may say so, from a calendar of their own, and who manages the room.
    """
    place = find_place(call, call.path["calendarId"])
    stored, rid = find_event(call, place, call.path["eventId"])
    require(place, Privilege.WRITE_CONTENT)
    obj = call.txn.objects.parsed(stored)
    if rid is None and obj.recurrence().recurring:
        raise invalid("eventId", "The id of an instance is needed: one checks in to one date.")
    rooms = [room for room in _rooms(call, place, obj) if _takes_part(call, place, room, obj)]
    if not rooms:
        raise ApiProblem(400, "noRoom", "No room of this server has booked this event.")
    call.txn.lock([f"uid:{obj.uid}", *(f"room:{room.name}" for room in rooms)])
    for room in rooms:
        room_jobs.check_in(call.txn, room, obj.uid, rid)
    return {"kind": "calendar#checkIn", "rooms": [room.address.email or str(room.address) for room in rooms]}


def _rooms(call: Call, place: Place, obj: CalendarObject) -> list[Principal]:
    if place.owner.kind.bookable:
        return [place.owner]
    found = (call.txn.directory.by_address(address) for address in sorted(obj.attendees))
    return list({p.id: p for p in found if p is not None and p.kind.bookable}.values())


def _takes_part(call: Call, place: Place, room: Principal, obj: CalendarObject) -> bool:
    """Whether the room has booked this meeting, and the calendar's owner is one of it, or the room itself."""
    stored = stored_copy(call.txn, room, obj.uid)
    if stored is None:
        return False
    copy = call.txn.objects.parsed(stored)
    people = copy.attendees | ({copy.organizer} if copy.organizer is not None else frozenset())
    return place.owner.id == room.id or bool(place.owner.own_addresses & people)
