# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of a calendar object means to those invited (RFC 5546 §2.1.4, RFC 6638 §3.2.8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, split_values
from calcore_caldav.core.overrides import override_instance
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.series import has_periods, is_ranged
from calcore_caldav.core.times import TimezoneResolver, format_date_time
from calcore_caldav.core.timing import RULES, recurs, retimed
from calcore_caldav.errors import InvalidCalendarData, NotFound

SERIES: Final = RULES | {"EXDATE"}
"""Properties that only a master has."""

SHARED_PREFIX: Final = "X-JSON-"
"""Vendor properties that are the organizer's and everybody's alike."""

_TIMES: Final = frozenset({"DTSTART", "DTEND", "DUE", "DURATION"})

# Bookkeeping, and what each calendar user keeps for themselves: no reason to tell anybody.
_SILENT: Final = frozenset(
    {
        "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "TRANSP", "CATEGORIES", "REQUEST-STATUS",
        "PERCENT-COMPLETE", "COMPLETED", "ATTENDEE", "ORGANIZER", "RECURRENCE-ID", "COLOR", "ACKNOWLEDGED",
    }
)  # fmt: skip


def exdates(obj: CalendarObject) -> frozenset[RecurrenceId]:
    """The instances that the master's EXDATEs remove (RFC 5545 §3.8.5.1)."""
    return frozenset() if obj.master is None else exdates_of(obj.master, obj.zones)


def exdates_of(master: Component, zones: TimezoneResolver) -> frozenset[RecurrenceId]:
    """The instances that the EXDATEs of one component remove."""
    return frozenset(rid for prop in master.all("EXDATE") for rid, _ in _exdate_values(master, prop, zones))


def _exdate_values(
    master: Component, prop: Property, zones: TimezoneResolver
) -> list[tuple[RecurrenceId, str]]:
    found = []
    start = master.get("DTSTART") or master.get("DUE")
    like = zones.value(start) if start is not None else None
    for value in split_values(prop.value):
        try:
            read = zones.value(Property("EXDATE", value, prop.params))
        except InvalidCalendarData:
            continue
        found.append((RecurrenceId.of(read, like), value))
    return found


def without_exdates(master: Component, gone: Iterable[RecurrenceId], zones: TimezoneResolver) -> Component:
    """The master without the EXDATEs of some instances; other lines keep their bytes."""
    drop = frozenset(gone)

    def edited(prop: Property) -> Property | None:
        if prop.name != "EXDATE":
            return prop
        values = _exdate_values(master, prop, zones)
        kept = [value for rid, value in values if rid not in drop]
        if len(kept) == len(values):
            return prop
        return prop.with_value(",".join(kept)) if kept else None

    return master.map(edited) if drop else master


def with_exdates(master: Component, added: Iterable[RecurrenceId], zones: TimezoneResolver) -> Component:
    """The master with further EXDATEs, in the form of its DTSTART."""
    start = master.get("DTSTART")
    if start is None:
        return master
    there = exdates_of(master, zones)
    new = [
        Property("EXDATE", _like(start, rid, zones), start.params) for rid in sorted(frozenset(added) - there)
    ]
    return master.adding(*new) if new else master


def well_named(component: Component, obj: CalendarObject) -> Component:
    """An override with its RECURRENCE-ID in the form of the series' DTSTART, where it is in another one.

    Others match it with what they have, some of whom know no other form (RFC 5545 §3.8.4.4).
    """
    named = component.get("RECURRENCE-ID")
    start = None if obj.master is None else obj.master.get("DTSTART")
    if named is None or start is None:
        return component
    value, like = obj.zones.value(named), obj.zones.value(start)
    if _form(value) == _form(like):
        return component
    made = Property("RECURRENCE-ID", _like(start, RecurrenceId.of(value, like), obj.zones), start.params)
    return component.with_property(
        made.with_param("RANGE", "THISANDFUTURE") if is_ranged(component) else made
    )


def alike_named(obj: CalendarObject, rids: Iterable[RecurrenceId]) -> bool:
    """Whether identities are of the form that the instances of the object's series have."""
    start = None if obj.master is None else obj.master.get("DTSTART")
    return start is None or {_form(rid.value) for rid in rids} <= {_form(obj.zones.value(start))}


def _form(value: datetime | date) -> tuple[bool, bool]:
    return isinstance(value, datetime), isinstance(value, datetime) and value.tzinfo is not None


def has_instance(obj: CalendarObject, rid: RecurrenceId) -> bool:
    """Whether the object has that instance, overridden or not (EXDATEs removed)."""
    if rid in obj.overrides:
        return True
    if obj.master is None or not recurs(obj.master):
        return False
    return obj.recurrence().has(rid)


def component_at(obj: CalendarObject, rid: RecurrenceId | None) -> Component | None:
    """The component that describes an instance: the override, or one derived from the master or a RANGE override.

    Doesn't ask whether the series has that instance; see `has_instance`.
    """
    if rid is None:
        return obj.master
    if rid in obj.overrides:
        return obj.overrides[rid]
    if obj.master is None:
        return None
    try:
        return override_instance(obj, rid)
    except NotFound:
        return derived(obj.master, rid, obj.zones)


def irregular(obj: CalendarObject) -> bool:
    """Whether instances without an override may be other than the master says: longer, or moved by a RANGE."""
    periods = obj.master is not None and has_periods(obj.master)
    return periods or any(is_ranged(c) for c in obj.overrides.values())


def usual_at(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """What an instance would be without an override of its own: from the master, or the RANGE override it is under.

    None where the object has no series.
    """
    if obj.master is None:
        return None
    if not irregular(obj):
        return derived(obj.master, rid, obj.zones)
    others = tuple(c for other, c in obj.by_rid().items() if other != rid)
    return component_at(obj.with_components(others), rid)


def derived(master: Component, rid: RecurrenceId, zones: TimezoneResolver) -> Component | None:
    """An override of one instance that changes nothing (RFC 5545 §3.8.4.4); None without a DTSTART."""
    return Usual(master, zones).override(rid)


class Usual:
    """What overrides of a master's instances are that change nothing: for many of one master."""

    __slots__ = ("_master", "_properties", "_start", "_timed", "_zones")

    def __init__(self, master: Component, zones: TimezoneResolver) -> None:
        self._master = master
        self._zones = zones
        self._start = master.get("DTSTART")
        self._properties = [
            p for p in master.properties if p.name not in SERIES and p.name != "RECURRENCE-ID"
        ]
        timed = {"DTSTART", "DTEND", "DUE"}
        self._timed = [(at, p) for at, p in enumerate(self._properties, 1) if p.name in timed]

    def override(self, rid: RecurrenceId) -> Component | None:
        """The one of an instance; None without a DTSTART."""
        start, zones = self._start, self._zones
        if start is None:
            return None
        value = _like(start, rid, zones)
        moved = start.with_value(value)
        made = [Property("RECURRENCE-ID", value, start.params), *self._properties]
        for at, prop in self._timed:
            made[at] = (
                moved
                if prop.name == "DTSTART"
                else _shifted(prop, zones.value(start), zones.value(moved), zones)
            )
        return Component(self._master.name, made, self._master.children)


def _like(start: Property, rid: RecurrenceId, zones: TimezoneResolver) -> str:
    """The original start `rid` written as the DTSTART `start` is: date, floating, UTC or local."""
    like, value = zones.value(start), rid.value
    if not isinstance(like, datetime):
        return format_date_time(value.date() if isinstance(value, datetime) else value)
    if not isinstance(value, datetime):
        value = datetime.combine(value, like.timetz())
    if like.tzinfo is None:
        return format_date_time(value.replace(tzinfo=None))
    if value.tzinfo is None:
        value = value.replace(tzinfo=like.tzinfo)
    local = value.astimezone(like.tzinfo)
    return format_date_time(local if start.value.rstrip().endswith("Z") else local.replace(tzinfo=None))


def _shifted(prop: Property, old: datetime | date, new: datetime | date, zones: TimezoneResolver) -> Property:
    """An end moved with its start: as long after it as it was, on the clock where both have no zone (§3.8.5.3)."""
    end = zones.value(prop)
    if not (isinstance(end, datetime) and isinstance(old, datetime) and isinstance(new, datetime)):
        if isinstance(end, datetime) or isinstance(old, datetime) or isinstance(new, datetime):
            return prop
        return prop.with_value(format_date_time(end + (new - old)))
    if end.tzinfo is None or old.tzinfo is None or new.tzinfo is None:
        span = end.replace(tzinfo=None) - old.replace(tzinfo=None)
        return prop.with_value(format_date_time(new.replace(tzinfo=None) + span))
    moved = (zones.instant(new) + (zones.instant(end) - zones.instant(old))).astimezone(end.tzinfo)
    return prop.with_value(
        format_date_time(moved if prop.value.rstrip().endswith("Z") else moved.replace(tzinfo=None))
    )


def shared(component: Component, *, status: bool = True) -> frozenset[tuple[object, ...]]:
    """What all who are invited see alike, times, recurrence and participants aside; comparable.

    Without `status` a change to or from STATUS:CANCELLED doesn't show.
    """
    return frozenset(
        (p.name, p.text if p.name != "ATTACH" else p.value)
        for p in component.properties
        if p.name not in _SILENT
        and p.name not in _TIMES
        and p.name not in SERIES
        and (not p.name.startswith("X-") or p.name.startswith(SHARED_PREFIX))
        and (status or p.name != "STATUS" or p.value.strip().upper() != "CANCELLED")
    )


def roster(component: Component) -> frozenset[tuple[str, str]]:
    """Who is invited in which role: (address, ROLE)."""
    return frozenset(
        (CalendarUserAddress.parse(p.value), (p.param("ROLE") or "REQ-PARTICIPANT").upper())
        for p in component.all("ATTENDEE")
    )


def cancelled(component: Component) -> bool:
    """Whether STATUS is CANCELLED."""
    return (component.value("STATUS") or "").strip().upper() == "CANCELLED"


def called_off(obj: CalendarObject) -> bool:
    """Whether all of it is cancelled."""
    return all(cancelled(c) for c in obj.components)


def organizer_of(component: Component) -> CalendarUserAddress | None:
    """The comparable address of ORGANIZER."""
    value = component.value("ORGANIZER")
    return CalendarUserAddress.parse(value) if value is not None else None


def changed(old: Component, old_zones: TimezoneResolver, new: Component, new_zones: TimezoneResolver) -> bool:
    """Whether those invited must be told; becoming CANCELLED is told by a CANCEL and doesn't count."""
    status = cancelled(old) or not cancelled(new)
    return (
        retimed(old, old_zones, new, new_zones)
        or exdates_of(old, old_zones) != exdates_of(new, new_zones)
        or roster(old) != roster(new)
        or organizer_of(old) != organizer_of(new)
        or shared(old, status=status) != shared(new, status=status)
        or is_ranged(old) != is_ranged(new)
    )


def sequence(component: Component) -> int:
    """SEQUENCE, 0 where there is none or none that makes sense (RFC 5545 §3.8.7.4)."""
    try:
        return int(component.value("SEQUENCE") or 0)
    except ValueError:
        return 0


def highest_sequence(obj: CalendarObject) -> int:
    """The highest SEQUENCE of an object's components."""
    return max((sequence(c) for c in obj.components), default=0)
