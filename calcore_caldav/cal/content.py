# SPDX-License-Identifier: GPL-3.0-or-later
"""An event's attributes as iCalendar properties, and back: one table for both ways (RFC 5545 §3.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.cal.problems import InvalidEvent
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, escape_text, split_values, unescape_text
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.times import format_date_time, parse_duration
from calcore_caldav.core.vtimezone_text import vtimezone
from calcore_caldav.recurrent import RecurrenceRule, from_ical

PRODID: Final = "-//calcore_caldav//Python API//EN"
STATUSES: Final = ("TENTATIVE", "CONFIRMED", "CANCELLED")
ACCESS: Final = ("PUBLIC", "PRIVATE", "CONFIDENTIAL")
ROLES: Final = ("CHAIR", "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT")
PARTICIPATION: Final = ("NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED")
_SPELLINGS: Final = {"CANCELED": "CANCELLED"}
"""CalCore wrote it with one L."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """How one attribute stands in a VEVENT."""

    default: object
    read: Callable[[Component], object]
    write: Callable[[Any], Iterable[Property]]
    property: str


def _text(name: str) -> Attribute:
    return Attribute(
        "", lambda c: c.text(name) or "", lambda v: [Property(name, escape_text(str(v)))] if v else [], name
    )


def _choice(name: str, values: tuple[str, ...], default: str, absent: str) -> Attribute:
    def write(value: str) -> list[Property]:
        given = _SPELLINGS.get(value, value)
        if given not in values:
            raise InvalidEvent(f"{name} is one of {', '.join(values)} (got {value!r})")
        return [Property(name, given)]

    return Attribute(default, lambda c: (c.value(name) or absent).upper(), write, name)


def _categories(component: Component) -> set[str]:
    return {
        unescape_text(value.strip())
        for prop in component.all("CATEGORIES")
        for value in split_values(prop.value)
        if value.strip()
    }


def _written_categories(value: Iterable[str]) -> list[Property]:
    if isinstance(value, str):
        raise InvalidEvent(f"categories are a set of texts (got {value!r})")
    return [Property("CATEGORIES", ",".join(escape_text(c) for c in sorted(value)))] if value else []


def _written_document(value: object) -> list[Property]:
    if value and not str(value).isprintable():
        raise InvalidEvent(f"a document is a URL (got {value!r})")
    return [Property("ATTACH", str(value))] if value else []


ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "title": _text("SUMMARY"),
    "description": _text("DESCRIPTION"),
    "location": _text("LOCATION"),
    "status": _choice("STATUS", STATUSES, "TENTATIVE", "CONFIRMED"),
    "access": _choice("CLASS", ACCESS, "PUBLIC", "PUBLIC"),
    "transparent": Attribute(
        False,
        lambda c: (c.value("TRANSP") or "").upper() == "TRANSPARENT",
        lambda v: [Property("TRANSP", "TRANSPARENT" if v else "OPAQUE")],
        "TRANSP",
    ),
    "categories": Attribute(frozenset(), _categories, _written_categories, "CATEGORIES"),
    "document": Attribute(None, lambda c: c.value("ATTACH"), _written_document, "ATTACH"),
}


def apply_attributes(component: Component, values: Mapping[str, object]) -> Component:
    """The component with those attributes (of the table) written into it."""
    for name, value in values.items():
        attribute = ATTRIBUTES[name]
        component = component.with_all(attribute.property, attribute.write(value))
    return component


@dataclass(frozen=True, slots=True)
class Times:
    """When an event is: local date-times in the storage's zone."""

    dtstart: datetime
    """Naive, in the storage's zone; midnight of an all-day event."""
    duration: timedelta
    allday: bool
    recurrence: RecurrenceRule | None

    @classmethod
    def read(cls, obj: CalendarObject, component: Component, zone: tzinfo) -> Times:
        """From a VEVENT with its own DTSTART."""
        start = obj.zones.value(_required(component, "DTSTART"))
        end, length = component.get("DTEND"), component.value("DURATION")
        allday = not isinstance(start, datetime)
        if end is not None:
            duration = _wall(obj.zones.value(end), zone) - _wall(start, zone)
            if not allday:
                duration = _utc(obj.zones.value(end), zone) - _utc(start, zone)
        elif length is not None:
            duration = parse_duration(length)
        else:
            duration = timedelta(days=1 if allday else 0)
        return cls(_wall(start, zone), duration, allday, from_ical(component, zone))

    def write(self, component: Component, zone: tzinfo) -> Component:
        """The component with DTSTART, DTEND, RRULE and EXDATE of these times."""
        start: datetime | date
        if self.allday:
            start = self.dtstart.date()
            times = [_date("DTSTART", start), _date("DTEND", start + self.duration)]
        else:
            start = self.dtstart if self.dtstart.tzinfo else self.dtstart.replace(tzinfo=zone)
            times = [_date_time("DTSTART", start), _date_time("DTEND", _later(start, self.duration))]
        component = component.without("DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE")
        for prop in times:
            component = component.with_property(prop)
        lines = self.recurrence.iCalRepresentation(start) if self.recurrence else []
        return component.adding(*map(Property.parse, lines))


def make_times(
    dtstart: datetime, duration: timedelta | None, *, allday: bool, recurrence: RecurrenceRule | None
) -> Times:
    """Checked times; an all-day event takes whole days, one where no duration is given."""
    if not isinstance(dtstart, datetime):
        raise InvalidEvent(f"dtstart is a datetime (got {dtstart!r})")
    if duration is None and not allday:
        raise InvalidEvent("an event needs a duration; only all-day events may leave it out")
    length = timedelta(days=1) if duration is None else duration
    if not isinstance(length, timedelta):
        raise InvalidEvent(f"duration is a timedelta (got {duration!r})")
    if recurrence is not None and not isinstance(recurrence, RecurrenceRule):
        raise InvalidEvent(f"recurrence is a rule of calcore_caldav.recurrent (got {recurrence!r})")
    if length < timedelta(0):
        raise InvalidEvent(f"the event ends before it starts (duration {length})")
    if allday:
        dtstart = datetime.combine(dtstart.date(), time())
        length = timedelta(days=max(1, -(-length // timedelta(days=1))))
    return Times(dtstart, length, allday, recurrence)


def new_event(
    uid: str, times: Times, values: Mapping[str, object], zone: tzinfo, now: datetime
) -> CalendarObject:
    """A calendar object with one VEVENT, without attendees."""
    if not uid.isprintable():
        raise InvalidEvent(f"an id is one line of text (got {uid!r})")
    stamp = format_date_time(now)
    component = Component(
        "VEVENT", [Property("UID", uid), Property("DTSTAMP", stamp), Property("CREATED", stamp)]
    )
    component = apply_attributes(times.write(component, zone), values)
    head = [Property("VERSION", "2.0"), Property("PRODID", PRODID)]
    return with_zones(Component("VCALENDAR", head, (component,)))


def with_zones(calendar: Component) -> CalendarObject:
    """The calendar with a VTIMEZONE for each TZID that it has none for (RFC 5545 §3.6.5)."""
    known = {z.value("TZID") for z in calendar.named("VTIMEZONE")}
    used = {tzid for c in calendar.children for p in c.properties if (tzid := p.param("TZID"))}
    zones = tuple(zone for tzid in sorted(used - known) if (zone := _zone(tzid)) is not None)
    return CalendarObject.from_component(calendar.with_children((*zones, *calendar.children)))


def _zone(tzid: str) -> Component | None:
    """The VTIMEZONE of a TZID; None for a name that nobody knows: its times are read as they were before."""
    try:
        return vtimezone(tzid)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def attendee_property(principal: Principal, role: str, status: str) -> Property:
    """The ATTENDEE line that invites a principal."""
    params = [("CN", principal.display_name), ("CUTYPE", principal.kind.value), ("ROLE", role)]
    params.append(("PARTSTAT", status))
    if status == "NEEDS-ACTION":
        params.append(("RSVP", "TRUE"))
    prop = Property("ATTENDEE", principal.address)
    for name, value in params:
        prop = prop.with_param(name, value)
    return prop


def organizer_property(principal: Principal) -> Property:
    """The ORGANIZER line of a principal."""
    return Property("ORGANIZER", principal.address).with_param("CN", principal.display_name)


def private_event(component: Component) -> Component:
    """Only the time of an event: what somebody may see who may see no more."""
    kept = {"UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
    kept |= {"TRANSP", "CLASS"}
    properties = [p for p in component.properties if p.name in kept]
    return Component(component.name, [*properties, Property("SUMMARY", "Private event")])


def address_of(prop: Property) -> CalendarUserAddress:
    """The comparable address of an ATTENDEE or ORGANIZER."""
    return CalendarUserAddress.parse(prop.value)


def _required(component: Component, name: str) -> Property:
    prop = component.get(name)
    if prop is None:
        raise InvalidEvent(f"the event has no {name}")
    return prop


def _wall(value: datetime | date, zone: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value if value.tzinfo is None else value.astimezone(zone).replace(tzinfo=None)


def _utc(value: datetime | date, zone: tzinfo) -> datetime:
    wall = value if isinstance(value, datetime) else datetime.combine(value, time())
    return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).astimezone(UTC)


def _later(start: datetime, duration: timedelta) -> datetime:
    """An exact duration later, in the same zone (wall clocks jump, durations don't)."""
    return (start.astimezone(UTC) + duration).astimezone(start.tzinfo)


def _date(name: str, value: date) -> Property:
    return Property(name, format_date_time(value), (("VALUE", ("DATE",)),))


def _date_time(name: str, value: datetime) -> Property:
    if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key != "UTC":
        local = format_date_time(value.replace(tzinfo=None))
        return Property(name, local, (("TZID", (value.tzinfo.key,)),))
    return Property(name, format_date_time(value))
