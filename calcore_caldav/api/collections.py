# SPDX-License-Identifier: GPL-3.0-or-later
"""calendars: the collections themselves, with what CalDAV clients see of them too."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Final
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from calcore_caldav.api.call import Call
from calcore_caldav.api.identifiers import PRIMARY, new_id
from calcore_caldav.api.moments import parse_zone, zone_name
from calcore_caldav.api.places import Place, find_place, require, seen, zone_of
from calcore_caldav.api.problems import ApiProblem, not_found, required
from calcore_caldav.api.types import Json
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import PRODID
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.vtimezone_text import vtimezone
from calcore_caldav.scheduling.conditions import NORMAL
from calcore_caldav.store.protocol import Collection, CollectionKind, CollectionProps, Transaction

DESCRIPTION: Final = "{urn:ietf:params:xml:ns:caldav}calendar-description"
COLOR: Final = "{http://apple.com/ns/ical/}calendar-color"
LOCATION: Final = "{urn:x-calcore:json}location"


def get_calendar(call: Call) -> Json:
    """The calendar's name, description, place and zone."""
    place = find_place(call, call.path["calendarId"])
    return calendar_json(call, place)


def calendar_json(call: Call, place: Place) -> Json:
    """A calendars resource."""
    made: Json = {
        "kind": "calendar#calendar",
        "id": place.id,
        "summary": summary_of(place),
        "timeZone": zone_of(call, place)[0],
        "conferenceProperties": {"allowedConferenceSolutionTypes": []},
        "dataOwner": place.owner.address.email or place.owner.name,
    }
    if place.details:
        made |= described(call.txn, place.collection)
    return made | {"etag": tag_of(made)}


def summary_of(place: Place) -> str:
    """The display name; the owner's where the default calendar has none, or none that the caller may read."""
    name, default = place.collection.display_name, place.collection.name == place.owner.default_calendar
    if name and (place.details or not default):
        return name
    if default:
        return place.owner.display_name or place.owner.name
    return place.collection.name


def described(txn: Transaction, collection: Collection) -> Json:
    """Description and place, where the calendar has them."""
    dead = txn.collections.dead_properties(collection.path)
    found = {"description": xml_text(dead.get(DESCRIPTION)), "location": xml_text(dead.get(LOCATION))}
    return {name: text for name, text in found.items() if text}


def insert_calendar(call: Call) -> Json:
    """A further calendar of the caller's."""
    owner = call.actor.principal
    if owner is None:
        raise not_found()
    if not call.body.get("summary"):
        raise required("summary", kind="field")
    zone = call.body.get("timeZone")
    props = CollectionProps(
        display_name=_clean(call.body["summary"]),
        components=("VEVENT",),
        timezone=None if zone is None else _timezone(zone),
    )
    collection = call.services.calendar.create_collection(
        call.txn, owner, new_id(), CollectionKind.CALENDAR, props
    )
    place = seen(call, owner, collection)
    assert place is not None
    _describe(call, place, call.body)
    return calendar_json(call, place)


def update_calendar(call: Call) -> Json:
    """PUT: name, description, place, zone."""
    return _update(
        call, {"summary": None, "description": None, "location": None, "timeZone": None} | call.body
    )


def patch_calendar(call: Call) -> Json:
    """PATCH: those that the body names."""
    return _update(call, call.body)


def _update(call: Call, body: Json) -> Json:
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.WRITE_PROPERTIES)
    check_tag(call, calendar_json(call, place))
    collection = place.collection
    if "summary" in body:
        if not body["summary"]:
            raise required("summary", kind="field")
        collection = replace(collection, display_name=_clean(body["summary"]))
    if body.get("timeZone") is not None and body["timeZone"] != zone_of(call, place)[0]:
        collection = replace(collection, timezone=_timezone(body["timeZone"]))
    if collection != place.collection:
        call.services.calendar.update_collection(call.txn, collection)
    changed = replace(place, collection=collection)
    _describe(call, changed, body)
    return calendar_json(call, changed)


def delete_calendar(call: Call) -> None:
    """With its events; not the one that invitations go to."""
    place = find_place(call, call.path["calendarId"])
    if place.collection.name == place.owner.default_calendar:
        raise ApiProblem(403, "forbidden", "The primary calendar cannot be deleted: clear it.")
    require(place, Privilege.WRITE_ACL)
    check_tag(call, calendar_json(call, place))
    call.services.calendar.delete_collection(call.txn, place.collection)


def clear_calendar(call: Call) -> None:
    """Every event of a primary calendar goes; meetings are cancelled."""
    place = find_place(call, call.path["calendarId"])
    if call.path["calendarId"] != PRIMARY and place.collection.name != place.owner.default_calendar:
        raise ApiProblem(400, "badRequest", "Only a primary calendar can be cleared.", location="calendarId")
    require(place, Privilege.UNBIND)
    for stored in list(call.txn.objects.all(place.collection)):
        call.services.calendar.delete(call.txn, stored, options=NORMAL)


def transfer_ownership(_: Call) -> None:
    """Calendars stay in their home."""
    raise ApiProblem(501, "notImplemented", "A calendar cannot be given to another owner.")


def _describe(call: Call, place: Place, body: Json) -> None:
    path = place.collection.path
    for field, name in (("description", DESCRIPTION), ("location", LOCATION)):
        if field in body:
            set_text(call.txn, path, name, body[field])


def set_text(txn: Transaction, path: str, name: str, text: str | None) -> None:
    """A property that holds text; None or "" removes it."""
    namespace, _, local = name[1:].partition("}")
    xml = f'<{local} xmlns="{namespace}">{escape(_clean(text))}</{local}>' if text else None
    txn.collections.set_dead_property(path, name, xml)


def xml_text(xml: str | None) -> str:
    """The text in a property's element."""
    if xml is None:
        return ""
    try:
        return "".join(fromstring(xml).itertext())
    except (ParseError, DefusedXmlException, ValueError):
        return ""


def json_of(txn: Transaction, path: str, name: str) -> Json:
    """The JSON object that a property holds as its text; {} where it holds none."""
    text = xml_text(txn.collections.dead_properties(path).get(name))
    try:
        made = json.loads(text) if text else {}
    except ValueError:
        return {}
    return made if isinstance(made, dict) else {}


def _clean(text: str) -> str:
    return "".join(c for c in text if c in "\n\t" or (c >= " " and c != "\x7f" and c not in "\ufffe\uffff"))


def _timezone(name: str) -> str:
    """The CALDAV:calendar-timezone of a zone."""
    zone = parse_zone(name, "timeZone")
    key = zone_name(zone) or "UTC"
    head = [Property("VERSION", "2.0"), Property("PRODID", PRODID)]
    return Component("VCALENDAR", head, (vtimezone(key),)).to_bytes().decode()


def tag_of(made: Json) -> str:
    """An entity tag of what is shown."""
    return f'"{hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:32]}"'


def check_tag(call: Call, shown: Json) -> None:
    """If-Match for what is no stored object. Raises ApiProblem (412)."""
    wanted = call.conditions.if_match
    if wanted is not None and wanted != ("*",) and shown["etag"] not in wanted:
        raise ApiProblem(412, "conditionNotMet", "Precondition Failed", location="If-Match", kind="header")
