# SPDX-License-Identifier: GPL-3.0-or-later
"""Series and their instances: exceptions, cancellations, and what becomes of them when the series is moved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from calcore_caldav.api.resource import CANCELLED, RULES, cancelled_one_by_one
from calcore_caldav.api.writing import with_zones
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.overrides import cancel_instance, override_instance, with_override
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import (
    component_at,
    exdates_of,
    recurs,
    with_exdates,
    without_exdates,
)
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.errors import NotFound


def instance_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The component that describes an instance, changed or not; None where the series has none such."""
    try:
        return override_instance(obj, rid)
    except NotFound:
        return None


def cancelled_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """What a cancelled instance would be; None where there never was one."""
    master = obj.master
    if master is None or rid not in exdates_of(master, obj.zones):
        return None
    return component_at(obj, rid)


def with_instance(obj: CalendarObject, rid: RecurrenceId, component: Component) -> Component:
    """The calendar with an exception; one that was cancelled happens again."""
    master = obj.master
    if master is not None and rid in exdates_of(master, obj.zones):
        restored = without_exdates(master, [rid], obj.zones)
        restored = mark_cancelled(restored, cancelled_one_by_one(master) - {rid})
        obj = obj.with_components(tuple(restored if c is master else c for c in obj.components))
    return with_zones(with_override(obj, component).calendar)


def without_instance(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The calendar with an instance cancelled; None where nothing would be left."""
    if obj.master is None and len(obj.overrides) < 2:
        return None
    cut = cancel_instance(obj, rid, keep=False)
    master = cut.master
    if master is None:
        return cut.calendar
    marked = mark_cancelled(master, cancelled_one_by_one(master) | {rid})
    return cut.calendar.with_children(marked if c is master else c for c in cut.calendar.children)


def with_master(obj: CalendarObject, old: Component, new: Component) -> Component:
    """The calendar with another master; exceptions follow the series' new start, or go with their instances."""
    calendar = obj.calendar
    shift = _Shift.between(old, new, obj.zones)
    new = shift.master(new, old)
    children = [new if c is old else c for c in calendar.children]
    made = with_zones(calendar.with_children(children))
    if not obj.overrides or (not shift.moved and _rules(old) == _rules(new)):
        return made
    series = CalendarObject.from_component(
        made.with_children(c for c in made.children if c.name == "VTIMEZONE" or c is new)
    )
    plain = CalendarObject.from_component(
        series.calendar.with_children(
            c.without("EXDATE") if c.get("RRULE") or c.get("RDATE") else c for c in series.calendar.children
        )
    ).recurrence()
    kept = []
    for child in made.children:
        rid = obj.recurrence_id(child) if child.get("RECURRENCE-ID") is not None else None
        if rid is None:
            kept.append(child)
            continue
        moved = shift.rid(rid)
        if recurs(new) and plain.instance(moved) is not None:
            kept.append(child if moved == rid else shift.override(child, new, moved))
    return made.with_children(kept)


def _rules(component: Component) -> list[Property]:
    return [p for p in component.properties if p.name in RULES]


class _Shift:
    """How far the first start of a series was moved, by wall clock."""

    def __init__(self, old: Property, new: Property, zones: TimezoneResolver) -> None:
        self._zones = zones
        self._old, self._new = (
            zones.value(old),
            TimezoneResolver(Component("VCALENDAR"), zones.default).value(new),
        )
        self.same_kind = isinstance(self._old, datetime) is isinstance(self._new, datetime)
        self.moved = old.value != new.value or old.params != new.params

    @classmethod
    def between(cls, old: Component, new: Component, zones: TimezoneResolver) -> _Shift:
        first, second = old.get("DTSTART"), new.get("DTSTART")
        assert first is not None and second is not None  # noqa: PT018
        return cls(first, second, zones)

    def rid(self, rid: RecurrenceId) -> RecurrenceId:
        """The identity that an instance has now."""
        if not self.moved or not self.same_kind:
            return rid
        old, new, value = self._old, self._new, rid.value
        if not isinstance(old, datetime) or not isinstance(new, datetime):
            return RecurrenceId.of(value + (new - old))
        if not isinstance(value, datetime):
            return rid
        if value.tzinfo is not None:
            value = value.astimezone(old.tzinfo or value.tzinfo)
        wall = value.replace(tzinfo=None) + (new.replace(tzinfo=None) - old.replace(tzinfo=None))
        return RecurrenceId.of(wall.replace(tzinfo=new.tzinfo))

    def master(self, new: Component, old: Component) -> Component:
        """The new master with its cancelled instances where they are now."""
        if not self.moved or not self.same_kind:
            return new
        hidden = cancelled_one_by_one(old)
        if not hidden or not recurs(new):
            return new
        made = without_exdates(new, exdates_of(old, self._zones) & hidden, self._zones)
        return mark_cancelled(with_exdates(made, map(self.rid, hidden), self._zones), map(self.rid, hidden))

    @staticmethod
    def override(child: Component, master: Component, rid: RecurrenceId) -> Component:
        """An exception under its new identity."""
        start = master.get("DTSTART")
        assert start is not None
        line = with_exdates(
            Component("VEVENT", (start,)), [rid], TimezoneResolver(Component("VCALENDAR"), UTC)
        )
        prop = line.get("EXDATE")
        assert prop is not None
        return child.with_property(Property("RECURRENCE-ID", prop.value, prop.params))


def mark_cancelled(master: Component, rids: Iterable[RecurrenceId]) -> Component:
    """The master with exactly these instances marked as cancelled one by one."""
    values = ",".join(sorted(rid.to_basic() for rid in rids))
    return master.with_all(CANCELLED, [Property(CANCELLED, values)] if values else [])
