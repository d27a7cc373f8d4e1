# SPDX-License-Identifier: GPL-3.0-or-later
"""An event as JSON: the whole series, one instance, one that was cancelled, or nothing but its time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from calcore_caldav.api.alarms import reminders_json
from calcore_caldav.api.fields import FIELDS, OWN, flag
from calcore_caldav.api.identifiers import event_id, instance_id
from calcore_caldav.api.moments import format_instant, span, to_json
from calcore_caldav.api.people import Frame, attendees_json, person_json
from calcore_caldav.api.types import Json
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, unescape_text
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import exdates_of
from calcore_caldav.core.times import parse_date_time
from calcore_caldav.core.timing import recurs
from calcore_caldav.errors import InvalidCalendarData
from calcore_caldav.store.protocol import StoredObject

KIND: Final = "calendar#event"
CANCELLED: Final = OWN + "CANCELLED-INSTANCES"
"""The instances that were cancelled one by one: their EXDATEs are no part of `recurrence`, and stay when the
rule is written anew."""
CREATOR: Final = OWN + "CREATOR"
RULES: Final = ("RRULE", "EXRULE", "RDATE", "EXDATE")
_DEFAULTS: Final[Json] = {"eventType": "default"}
_FIELD_OF: Final = {name: field for field in FIELDS for name in field.properties}


@dataclass(frozen=True, slots=True)
class When:
    """Start and end of one instance, in UTC."""

    rid: RecurrenceId
    start: datetime
    end: datetime


def series_json(stored: StoredObject, obj: CalendarObject, frame: Frame) -> Json:
    """A single event, or a recurring one with its rules; one of which only instances are here: the first."""
    master = obj.master
    if master is None:
        return exception_json(stored, obj, min(obj.overrides), frame)
    made = _common(stored, master, frame)
    made["id"] = event_id(stored.name)
    times = span(master, obj.zones, frame.zone)
    if times is not None:
        made["start"], made["end"] = (to_json(t, frame.zone, frame.shown_in) for t in times)
    if lines := recurrence_lines(obj):
        made["recurrence"] = lines
    return made


def instance_json(stored: StoredObject, obj: CalendarObject, when: When, frame: Frame) -> Json:
    """One instance, changed or not."""
    if when.rid in obj.overrides:
        return exception_json(stored, obj, when.rid, frame)
    component = component_of(obj, when.rid)
    assert component is not None
    made = _common(stored, component, frame)
    _identify(made, stored, obj, when.rid, frame)
    times = span(component, obj.zones, frame.zone)
    if times is None:
        return made
    start, end = times
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        day = when.start.astimezone(frame.zone).date()
        days = max((when.end - when.start + timedelta(hours=12)).days, 1)
        made["start"], made["end"] = {"date": day.isoformat()}, {"date": (day + timedelta(days)).isoformat()}
        return made
    for key, like, instant in (("start", start, when.start), ("end", end, when.end)):
        made[key] = to_json(instant.astimezone(like.tzinfo or frame.zone), frame.zone, frame.shown_in)
    return made


def exception_json(stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, frame: Frame) -> Json:
    """An instance that has a component of its own."""
    component = obj.overrides[rid]
    made = _common(stored, component, frame)
    _identify(made, stored, obj, rid, frame)
    times = span(component, obj.zones, frame.zone)
    if times is not None:
        made["start"], made["end"] = (to_json(t, frame.zone, frame.shown_in) for t in times)
    return made


def component_of(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """What describes an instance: its override, an override of it and all following, or the master."""
    if rid in obj.overrides:
        return obj.overrides[rid]
    ranged = [
        (key, component) for key, component in obj.overrides.items() if key <= rid and is_ranged(component)
    ]
    return max(ranged, key=lambda pair: pair[0])[1] if ranged else obj.master


def cancelled_json(stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, frame: Frame) -> Json:
    """An instance that was cancelled: its identity only."""
    made = {
        "kind": KIND,
        "etag": stored.etag,
        "status": "cancelled",
        "updated": format_instant(stored.modified),
    }
    _identify(made, stored, obj, rid, frame)
    return made


def deleted_json(id_: str) -> Json:
    """An event that is gone, or an instance of one."""
    return {"kind": KIND, "id": id_, "status": "cancelled"}


def busy_json(secret: str, stored: StoredObject, start: Json, end: Json, rid: RecurrenceId | None) -> Json:
    """What readers of free/busy time see: that something is, and when; the id tells nothing."""
    identity = f"{secret}/{stored.id}/{rid.to_basic() if rid else ''}"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return {
        "kind": KIND,
        "etag": f'"{hashlib.sha256(f"{digest}{start}{end}".encode()).hexdigest()[:32]}"',
        "id": digest[:26],
        "status": "confirmed",
        "visibility": "private",
        "start": start,
        "end": end,
    }


def without_guests(event: Json) -> Json:
    """An event whose guests may not see each other: for a guest, himself alone."""
    made = dict(event)
    made["attendees"] = [a for a in event.get("attendees", ()) if a.get("self") or a.get("organizer")]
    made["attendeesOmitted"] = True
    return made


def recurrence_lines(obj: CalendarObject) -> list[str]:
    """`recurrence`: the master's rules and dates, without the EXDATEs of cancelled instances."""
    master = obj.master
    if master is None:
        return []
    hidden = cancelled_one_by_one(master)
    made = []
    for prop in master.properties:
        if prop.name not in RULES:
            continue
        if prop.name == "EXDATE" and hidden and exdates_of(Component("X", (prop,)), obj.zones) <= hidden:
            continue
        made.append(str(prop))
    return made


def cancelled_one_by_one(master: Component) -> frozenset[RecurrenceId]:
    """What CANCELLED says."""
    found = set()
    for value in (master.value(CANCELLED) or "").split(","):
        if value:
            try:
                found.add(RecurrenceId.of(parse_date_time(value)))
            except InvalidCalendarData:
                continue
    return frozenset(found)


def cancelled_instances(obj: CalendarObject) -> list[RecurrenceId]:
    """Every instance that an EXDATE or an override's STATUS cancelled, in order.

    Where there are both an EXDATE and an override, the override is there.
    """
    gone = {rid for rid, c in obj.overrides.items() if is_cancelled(c)}
    if obj.master is not None and recurs(obj.master):
        gone |= exdates_of(obj.master, obj.zones) - obj.overrides.keys()
    return sorted(gone)


def is_cancelled(component: Component) -> bool:
    """Whether STATUS says so."""
    return (component.value("STATUS") or "").strip().upper() == "CANCELLED"


def _identify(made: Json, stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, frame: Frame) -> None:
    parent = event_id(stored.name)
    made["id"] = instance_id(parent, rid)
    made["recurringEventId"] = parent
    value = rid.value
    if isinstance(value, datetime) and value.tzinfo is not None:
        prop = None
        if obj.master is not None:
            prop = obj.master.get("DTSTART")
        elif rid in obj.overrides:
            prop = obj.overrides[rid].get("RECURRENCE-ID")
        like = obj.zones.value(prop) if prop is not None else None
        value = value.astimezone(like.tzinfo if isinstance(like, datetime) and like.tzinfo else UTC)
    made["originalStartTime"] = to_json(value, frame.zone, frame.shown_in)


def _common(stored: StoredObject, component: Component, frame: Frame) -> Json:
    """Everything but identity and time."""
    created = component.value("CREATED")
    made: Json = {
        "kind": KIND,
        "etag": stored.etag,
        "created": format_instant(_instant(created) or stored.created),
        "updated": format_instant(stored.modified),
        "iCalUID": unescape_text(stored.uid),
        "sequence": _number(component.value("SEQUENCE")),
        **_DEFAULTS,
    }
    there = {prop.name for prop in component.properties}
    made["status"] = "confirmed"
    for field in {_FIELD_OF[name]: None for name in there if name in _FIELD_OF}:
        if (value := field.read(component)) is not None:
            made[field.name] = value
    organizer = component.get("ORGANIZER")
    made["organizer"] = person_json(organizer, frame)
    creator = component.text(CREATOR)
    made["creator"] = {"email": creator} if creator else dict(made["organizer"])
    if "ATTENDEE" in there:
        attendees = attendees_json(component, frame)
        if not flag(component, "guestsCanSeeOtherGuests") and not made["organizer"].get("self"):
            made["attendees"] = attendees
            made = without_guests(made)
        elif frame.max_attendees is not None and len(attendees) > frame.max_attendees:
            made["attendees"] = [a for a in attendees if a.get("self")]
            made["attendeesOmitted"] = True
        else:
            made["attendees"] = attendees
    made["reminders"] = reminders_json(component)
    return made


def _instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = parse_date_time(value)
    except InvalidCalendarData:
        return None
    return parsed if isinstance(parsed, datetime) and parsed.tzinfo is not None else None


def _number(value: str | None) -> int:
    text = (value or "").strip()
    return int(text) if text.isdecimal() and len(text) < 10 else 0
