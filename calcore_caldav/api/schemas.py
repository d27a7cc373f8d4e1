# SPDX-License-Identifier: GPL-3.0-or-later
"""What request bodies may hold: one table for the checks and for the OpenAPI document.

Fields that stand in no schema are ignored, as Google does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from calcore_caldav.api.problems import invalid

Schema = Mapping[str, Any]

TEXT: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
ANYTHING: Final[Schema] = {"type": "object"}
STRINGS: Final[Schema] = {"type": "object", "additionalProperties": TEXT}


def choice(*values: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(values)}


def listing(items: Schema, most: int | None = None) -> Schema:
    """An array."""
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})


def record(**properties: Schema) -> Schema:
    """An object with known fields; others are ignored."""
    return {"type": "object", "properties": properties}


DAY: Final[Schema] = {"type": "string", "format": "date"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
MOMENT: Final = record(date=DAY, dateTime=TIME, timeZone=TEXT)
ATTENDEE: Final = record(
    email=TEXT,
    displayName=TEXT,
    optional=BOOLEAN,
    resource=BOOLEAN,
    responseStatus=choice("needsAction", "declined", "tentative", "accepted"),
    comment=TEXT,
    additionalGuests={"type": "integer", "minimum": 0, "maximum": 10_000},
)
PERSON: Final = record(email=TEXT, displayName=TEXT)
REMINDER: Final = record(
    method=choice("email", "popup"), minutes={"type": "integer", "minimum": 0, "maximum": 40_320}
)
ATTACHMENT: Final = record(fileUrl=TEXT, title=TEXT, mimeType=TEXT, iconLink=TEXT, fileId=TEXT)
EVENT: Final = record(
    id=TEXT,
    iCalUID=TEXT,
    summary=TEXT,
    description=TEXT,
    location=TEXT,
    status=choice("confirmed", "tentative", "cancelled"),
    start=MOMENT,
    end=MOMENT,
    recurrence=listing(TEXT, 1000),
    transparency=choice("opaque", "transparent"),
    visibility=choice("default", "public", "private", "confidential"),
    sequence={"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    organizer=PERSON,
    attendees=listing(ATTENDEE),
    attendeesOmitted=BOOLEAN,
    reminders=record(useDefault=BOOLEAN, overrides=listing(REMINDER, 5)),
    colorId=TEXT,
    source=record(url=TEXT, title=TEXT),
    attachments=listing(ATTACHMENT, 25),
    extendedProperties=record(private=STRINGS, shared=STRINGS),
    guestsCanInviteOthers=BOOLEAN,
    guestsCanModify=BOOLEAN,
    guestsCanSeeOtherGuests=BOOLEAN,
    anyoneCanAddSelf=BOOLEAN,
    endTimeUnspecified=BOOLEAN,
    privateCopy=BOOLEAN,
    conferenceData=ANYTHING,
    eventType=choice("default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"),
    eventLabelId=TEXT,
    gadget=ANYTHING,
    birthdayProperties=ANYTHING,
    focusTimeProperties=ANYTHING,
    outOfOfficeProperties=ANYTHING,
    workingLocationProperties=ANYTHING,
    hangoutLink=TEXT,
)
CALENDAR: Final = record(summary=TEXT, description=TEXT, location=TEXT, timeZone=TEXT)
CALENDAR_ENTRY: Final = record(
    id=TEXT,
    summaryOverride=TEXT,
    colorId=TEXT,
    backgroundColor=TEXT,
    foregroundColor=TEXT,
    hidden=BOOLEAN,
    selected=BOOLEAN,
    defaultReminders=listing(REMINDER, 5),
    notificationSettings=ANYTHING,
)
ACL_RULE: Final = record(
    role=choice("none", "freeBusyReader", "reader", "writer", "owner"),
    scope=record(type=choice("default", "user", "group", "domain"), value=TEXT),
)
FREE_BUSY: Final = record(
    timeMin=TIME,
    timeMax=TIME,
    timeZone=TEXT,
    groupExpansionMax={"type": "integer", "minimum": 0},
    calendarExpansionMax={"type": "integer", "minimum": 0},
    items=listing(record(id=TEXT), 1000),
)
CHANNEL: Final = record(
    id=TEXT,
    type=TEXT,
    address=TEXT,
    token=TEXT,
    # Numbers of 64 bits are strings in Google's JSON.
    expiration={"type": ["string", "integer"]},
    params=STRINGS,
    resourceId=TEXT,
    payload=BOOLEAN,
)
SCHEMAS: Final[Mapping[str, Schema]] = {
    "Event": EVENT,
    "Calendar": CALENDAR,
    "CalendarListEntry": CALENDAR_ENTRY,
    "AclRule": ACL_RULE,
    "FreeBusyRequest": FREE_BUSY,
    "Channel": CHANNEL,
}

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "array": (list,),
    "object": (dict,),
}


def check(value: Any, schema: Schema, where: str = "") -> None:
    """Raise ApiProblem (400, naming the field) unless `value` fits; null is the same as absent."""
    if value is None:
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    fits = any(isinstance(value, _TYPES[kind]) for kind in kinds)
    if not fits or (isinstance(value, bool) and "boolean" not in kinds):
        raise invalid(
            where or "body", f"Invalid value for: {where or 'body'} (not of type {kinds[0]})", kind="field"
        )
    if "enum" in schema and value not in schema["enum"]:
        raise invalid(where, f"Invalid value for: {where} (one of {', '.join(schema['enum'])})", kind="field")
    inside = _INSIDE.get(type(value))
    if inside is not None:
        inside(value, schema, where)


def _check_text(value: str, _schema: Schema, where: str) -> None:
    if not value.isprintable() and any("\ud800" <= c <= "\udfff" for c in value):
        raise invalid(where, f"Invalid value for: {where} (not Unicode text)", kind="field")


def _check_number(value: int, schema: Schema, where: str) -> None:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        raise invalid(where, kind="field")


def _check_items(value: list[Any], schema: Schema, where: str) -> None:
    if len(value) > schema.get("maxItems", len(value)):
        raise invalid(where, f"Invalid value for: {where} (at most {schema['maxItems']})", kind="field")
    for number, item in enumerate(value):
        if item is None:
            raise invalid(f"{where}[{number}]", kind="field")
        check(item, schema["items"], f"{where}[{number}]")


def _check_fields(value: dict[str, Any], schema: Schema, where: str) -> None:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, item in value.items():
        if name in known or others is not None:
            check(item, known.get(name, others), f"{where}.{name}" if where else name)


_INSIDE: Final[Mapping[type, Callable[[Any, Schema, str], None]]] = {
    str: _check_text,
    int: _check_number,
    list: _check_items,
    dict: _check_fields,
}
