# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar object resources: the wire bytes and what is read from them (RFC 4791 §4.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

from calcore_caldav.core import stream
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId, RecurrenceSet
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.core.validation import validate
from calcore_caldav.errors import InvalidCalendarData


class ComponentKind(StrEnum):
    """The component types a calendar may hold (RFC 4791 §5.2.3)."""

    VEVENT = "VEVENT"
    VTODO = "VTODO"
    VJOURNAL = "VJOURNAL"
    VFREEBUSY = "VFREEBUSY"
    VAVAILABILITY = "VAVAILABILITY"
    VPOLL = "VPOLL"


KINDS: Final = frozenset(ComponentKind)


class PartStat(StrEnum):
    """PARTSTAT (RFC 5545 §3.2.12)."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    DELEGATED = "DELEGATED"
    COMPLETED = "COMPLETED"
    IN_PROCESS = "IN-PROCESS"


class CalendarObject:
    """One calendar object resource: wire bytes plus what is parsed from them. Immutable; share freely."""

    def __init__(self, body: bytes | None, calendar: Component | None = None) -> None:
        # One of them is enough: the other is made of it when somebody asks.
        if body is not None:
            self.__dict__["body"] = body
        if calendar is not None:
            self.__dict__["calendar"] = calendar
        self._recurrence: dict[tzinfo, RecurrenceSet] = {}

    @classmethod
    def parse(cls, body: bytes, *, limits: Limits, inbox: bool = False) -> Self:
        """`body`, checked to be a calendar object resource (RFC 4791 §4.1, §5.3.2.1).

        Raises InvalidCalendarData with the precondition that is violated. With `inbox` a METHOD is allowed.
        """
        if len(body) > limits.max_resource_size:
            raise InvalidCalendarData(
                f"{len(body)} octets, {limits.max_resource_size} are allowed", "max-resource-size"
            )
        made = cls(body, stream.parse(body))
        validate(made, limits=limits, inbox=inbox)
        return made

    @classmethod
    def from_component(cls, calendar: Component) -> Self:
        """The resource whose bytes are those of a VCALENDAR component."""
        return cls(None, calendar)

    @cached_property
    def body(self) -> bytes:
        """Exactly what GET returns."""
        return self.calendar.to_bytes()

    @cached_property
    def calendar(self) -> Component:
        """The VCALENDAR component."""
        return stream.parse(self.body)

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """The VEVENTs, VTODOs … in order: all sub-components but VTIMEZONE and unknown ones."""
        return tuple(c for c in self.calendar.children if c.name in KINDS)

    @cached_property
    def etag(self) -> str:
        """Entity tag of the bytes, see `etag_of`."""
        return etag_of(self.body)

    @property
    def kind(self) -> ComponentKind:
        """The type of its components."""
        return ComponentKind(self.components[0].name)

    @cached_property
    def uid(self) -> str:
        """The UID that all components share, as written; "" where there is none."""
        return self.components[0].value("UID") or ""

    @cached_property
    def method(self) -> str | None:
        """METHOD of an iTIP message (RFC 5546 §1.4)."""
        value = self.calendar.value("METHOD")
        return value.strip().upper() if value is not None else None

    @cached_property
    def master(self) -> Component | None:
        """The component without RECURRENCE-ID; None where the object holds overrides only."""
        return next((c for c in self.components if c.get("RECURRENCE-ID") is None), None)

    @cached_property
    def overrides(self) -> Mapping[RecurrenceId, Component]:
        """The components with RECURRENCE-ID, by the instance that they describe."""
        return {rid: c for rid, c in self._by_rid.items() if rid is not None}

    def recurrence_id(self, component: Component) -> RecurrenceId | None:
        """The identity that a component's RECURRENCE-ID names; None for a master."""
        prop = component.get("RECURRENCE-ID")
        return None if prop is None else RecurrenceId.of(self.zones.value(prop), self._start)

    @cached_property
    def _start(self) -> datetime | date | None:
        """What the master's instances are named like."""
        master = self.master
        prop = None if master is None else master.get("DTSTART") or master.get("DUE")
        return None if prop is None else self.zones.value(prop)

    def by_rid(self) -> dict[RecurrenceId | None, Component]:
        """All components by identity; the master's key is None."""
        return self._by_rid.copy()

    @cached_property
    def _by_rid(self) -> dict[RecurrenceId | None, Component]:
        return {self.recurrence_id(c): c for c in self.components}

    @cached_property
    def zones(self) -> TimezoneResolver:
        """Time zones of the object, UTC for what has none."""
        return TimezoneResolver(self.calendar, UTC)

    @cached_property
    def organizer(self) -> CalendarUserAddress | None:
        """The ORGANIZER of the first component that names one; None: not a scheduling object."""
        for component in self.components:
            value = component.value("ORGANIZER")
            if value is not None:
                return CalendarUserAddress.parse(value)
        return None

    @cached_property
    def attendees(self) -> frozenset[CalendarUserAddress]:
        """Addresses of all ATTENDEEs of all components."""
        return frozenset(
            CalendarUserAddress.parse(p.value) for c in self.components for p in c.all("ATTENDEE")
        )

    def recurrence(self, default_zone: tzinfo = UTC) -> RecurrenceSet:
        """Its instances, floating and all-day ones in `default_zone`."""
        known = self._recurrence.get(default_zone)
        if known is None:
            # Most have a zone of their own: they are the same in every other.
            known = next((r for r in self._recurrence.values() if not r.zones.default_used), None)
            known = known or RecurrenceSet(self.calendar, default_zone)
            self._recurrence[default_zone] = known
        return known

    def with_components(self, components: tuple[Component, ...]) -> CalendarObject:
        """The same calendar (properties, VTIMEZONEs) with other components."""
        others = tuple(c for c in self.calendar.children if c.name not in KINDS)
        return CalendarObject.from_component(self.calendar.with_children((*others, *components)))

    def __eq__(self, other: object) -> bool:
        """Equal bytes."""
        return isinstance(other, CalendarObject) and self.body == other.body

    def __hash__(self) -> int:
        return hash(self.body)

    def __repr__(self) -> str:
        return f"<CalendarObject {self.uid!r} {len(self.body)} octets>"


def find_attendee(component: Component, addresses: frozenset[CalendarUserAddress]) -> Property | None:
    """The first ATTENDEE of a component whose address is one of `addresses`, or None."""
    for prop in component.all("ATTENDEE"):
        if CalendarUserAddress.parse(prop.value) in addresses:
            return prop
    return None


def partstat(attendee: Property) -> PartStat:
    """The PARTSTAT of an ATTENDEE property; NEEDS-ACTION where it has none or an unknown one."""
    return _PARTSTATS.get((attendee.param("PARTSTAT") or "").upper(), PartStat.NEEDS_ACTION)


_PARTSTATS: Final = {answer.value: answer for answer in PartStat}


def etag_of(body: bytes) -> str:
    """Strong entity tag with its quotes: a hash of the bytes (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
