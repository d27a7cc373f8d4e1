# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as an event: only what differs from how the event is shown is written, all else keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from calcore_caldav.api.alarms import write_reminders
from calcore_caldav.api.fields import FIELDS, FLAGS, write_field
from calcore_caldav.api.moments import from_json, parse_time
from calcore_caldav.api.people import (
    Frame,
    attendee_properties,
    attendees_json,
    organizer_property,
    same_attendees,
)
from calcore_caldav.api.problems import ApiProblem, invalid, required
from calcore_caldav.api.resource import CANCELLED, RULES, cancelled_one_by_one
from calcore_caldav.api.types import Json
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.freebusy import PRODID
from calcore_caldav.core.significance import with_exdates
from calcore_caldav.core.times import TimezoneResolver, format_date_time
from calcore_caldav.core.timing import recurs
from calcore_caldav.core.vtimezone_text import vtimezone
from calcore_caldav.errors import InvalidCalendarData

_IMPLIED: Final[Json] = {
    "transparency": "opaque",
    "visibility": "default",
    "eventType": "default",
    "status": "confirmed",
    **{name: default for name, (_, default) in FLAGS.items()},
}
"""What a missing field means."""
_KEPT_WHERE_ABSENT: Final = frozenset({"conferenceData", "attachments", "hangoutLink", "eventType"})
"""Clients that do not know these must not remove them."""


def merged(shown: Json, patch: Json) -> Json:
    """`shown` with a PATCH on it: objects are merged, arrays replaced, null removes (RFC 7396)."""
    made = dict(shown)
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, dict) and isinstance(made.get(name), dict):
            made[name] = merged(made[name], value)
        else:
            made[name] = value
    for name in ("start", "end"):
        change = patch.get(name) or {}
        if name in made and change.get("date"):
            made[name] = {"date": change["date"]}
        elif name in made and change.get("dateTime"):
            made[name] = {k: v for k, v in made[name].items() if k != "date"}
    if (patch.get("reminders") or {}).get("useDefault"):
        made["reminders"] = {"useDefault": True}
    return made


def write_event(
    component: Component,
    shown: Json,
    wanted: Json,
    frame: Frame,
    zones: TimezoneResolver,
    *,
    instance: bool = False,
) -> Component:
    """The component with what `wanted` says otherwise than `shown`. Raises ApiProblem naming the field."""
    for field in FIELDS:
        value = wanted.get(field.name)
        if value is None and field.name in _KEPT_WHERE_ABSENT:
            continue
        if value == _IMPLIED.get(field.name, ...):
            value = None
        old = shown.get(field.name)
        if old == _IMPLIED.get(field.name, ...):
            old = None
        if value != old:
            component = write_field(component, field, value)
    if not instance:
        component = _write_recurrence(component, shown, wanted, zones)
    component = _write_times(component, shown, wanted, frame, recurring=not instance and recurs(component))
    component = _write_attendees(component, wanted, frame)
    reminders = wanted.get("reminders")
    if reminders != shown.get("reminders"):
        component = write_reminders(component, reminders, str(frame.owner.address))
    sequence = wanted.get("sequence") or 0
    if sequence > (shown.get("sequence") or 0):
        component = component.set("SEQUENCE", str(sequence))
    return component


def _write_times(
    component: Component, shown: Json, wanted: Json, frame: Frame, *, recurring: bool
) -> Component:
    for name in ("start", "end"):
        if not wanted.get(name):
            raise required(name, f"Missing {name} time.", kind="field")
    changed = {
        name
        for name in ("start", "end")
        if not _same_time(shown.get(name), wanted[name])
        or (recurring and wanted[name].get("dateTime") and not wanted[name].get("timeZone"))
    }
    if not changed:
        return component
    made = {
        name: from_json(prop, wanted[name], frame.zone, name, recurring=recurring)
        for name, prop in (("start", "DTSTART"), ("end", "DTEND"))
    }
    start, end = made["start"], made["end"]
    if ("T" in start.value) is not ("T" in end.value):
        raise invalid(
            "end", "The start and end times must either both be date or both be dateTime.", kind="field"
        )
    _check_order(start, end)
    if "start" not in changed and (old := component.get("DTSTART")) is not None:
        start = old
    if "end" not in changed and (old := component.get("DTEND")) is not None:
        end = old
    component = component.without("DURATION").with_property(start)
    if start.param("VALUE") == "DATE" and end.value == start.value:
        return component.without("DTEND")
    return component.with_property(end)


def _check_order(start: Property, end: Property) -> None:
    resolver = TimezoneResolver(Component("VCALENDAR"), UTC)
    first, last = (resolver.instant(resolver.value(prop)) for prop in (start, end))
    if last < first:
        raise ApiProblem(
            400, "timeRangeEmpty", "The specified time range is empty.", location="end", kind="field"
        )


def _same_time(shown: Json | None, wanted: Json) -> bool:
    if not shown:
        return False
    if wanted.get("date") or shown.get("date"):
        return wanted.get("date") == shown.get("date") and not wanted.get("dateTime")
    zone = wanted.get("timeZone")
    if zone is not None and zone != shown.get("timeZone"):
        return False
    try:
        moment = parse_time(wanted.get("dateTime") or "", "dateTime").replace(microsecond=0)
    except ApiProblem:
        return False
    old = datetime.fromisoformat(shown["dateTime"])
    return moment.tzinfo is not None and moment == old


def _write_recurrence(component: Component, shown: Json, wanted: Json, zones: TimezoneResolver) -> Component:
    lines = wanted.get("recurrence") or []
    if lines == (shown.get("recurrence") or []):
        return component
    rules = []
    for number, line in enumerate(lines):
        where = f"recurrence[{number}]"
        try:
            prop = Property.parse("".join(c for c in line.strip() if c.isprintable()))
        except InvalidCalendarData as error:
            raise invalid(where, f"Invalid recurrence rule: {error.detail}", kind="field") from None
        tzid = prop.param("TZID")
        if prop.name not in RULES or not (tzid is None or zones.knows(tzid)):
            raise invalid(where, f"Invalid recurrence rule: {line[:80]}", kind="field")
        rules.append(prop)
    hidden = cancelled_one_by_one(component)
    place = next((n for n, p in enumerate(component.properties) if p.name in RULES), None)
    kept = [p for p in component.properties if p.name not in RULES]
    at = len(kept) if place is None else place
    made = Component(component.name, (*kept[:at], *rules, *kept[at:]), component.children)
    if not rules:
        return made.without(CANCELLED)
    return with_exdates(made, hidden, zones) if hidden else made


def _write_attendees(component: Component, wanted: Json, frame: Frame) -> Component:
    people = wanted.get("attendees") or []
    shown = attendees_json(component, frame)
    if wanted.get("attendeesOmitted"):
        # Those that were left out of the answer are still invited.
        listed = {str(p.get("email") or "").lower() for p in people}
        people = [*people, *(p for p in shown if p["email"].lower() not in listed)]
    if people and component.get("ORGANIZER") is None:
        component = component.adding(organizer_property(frame.owner))
    if same_attendees(shown, people):
        return component
    return component.with_all("ATTENDEE", attendee_properties(component, people, frame))


def new_component(uid: str, now: datetime) -> Component:
    """An empty VEVENT."""
    stamp = format_date_time(now)
    return Component(
        "VEVENT",
        [
            Property("UID", escape_text(uid)),
            *(Property(n, stamp) for n in ("DTSTAMP", "CREATED", "LAST-MODIFIED")),
        ],
    )


def stamped(component: Component, now: datetime) -> Component:
    """As changed now (RFC 5545 §3.8.7.2, §3.8.7.3)."""
    stamp = format_date_time(now)
    return component.set("DTSTAMP", stamp).set("LAST-MODIFIED", stamp)


def new_calendar(components: Iterable[Component]) -> Component:
    """A VCALENDAR with the time zones that its components name."""
    return with_zones(
        Component("VCALENDAR", [Property("VERSION", "2.0"), Property("PRODID", PRODID)], components)
    )


def with_zones(calendar: Component) -> Component:
    """The calendar with a VTIMEZONE for each IANA zone that it has none for (RFC 5545 §3.6.5)."""
    known = {z.value("TZID") for z in calendar.named("VTIMEZONE")}
    used = {tzid for c in calendar.children for p in c.properties if (tzid := p.param("TZID"))}
    zones = [zone for tzid in sorted(used - known) if (zone := _vtimezone(tzid)) is not None]
    return calendar.with_children((*zones, *calendar.children)) if zones else calendar


def _vtimezone(tzid: str) -> Component | None:
    """None for names that other programs gave their zones: those stay as they were written."""
    try:
        return vtimezone(tzid)
    except (KeyError, ValueError, OSError):
        return None
