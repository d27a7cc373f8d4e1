# SPDX-License-Identifier: GPL-3.0-or-later
"""Series and their instances: exceptions, cancellations, "this and all following"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from calcore_caldav.api.resource import CANCELLED, RULES, cancelled_one_by_one
from calcore_caldav.api.writing import with_zones
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import (
    component_at,
    exdates_of,
    has_instance,
    recurs,
    with_exdates,
    without_exdates,
)
from calcore_caldav.core.times import TimeRange, TimezoneResolver, format_date_time

_END: Final = re.compile(r";?(?:UNTIL|COUNT)=[^;]*", re.IGNORECASE)


class Halves(NamedTuple):
    """A series cut in two."""

    before: Component
    """VCALENDAR with the instances before the cut."""
    after: Component
    """VCALENDAR with the others, under another UID."""


def instance_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The component that describes an instance, changed or not; None where the series has none such."""
    return component_at(obj, rid) if has_instance(obj, rid) else None


def cancelled_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """What a cancelled instance would be; None where there never was one."""
    master = obj.master
    if master is None or rid not in exdates_of(master, obj.zones):
        return None
    return component_at(obj, rid)


def with_instance(obj: CalendarObject, rid: RecurrenceId, component: Component) -> Component:
    """The calendar with an exception; one that was cancelled happens again."""
    calendar, master = obj.calendar, obj.master
    old = obj.overrides.get(rid)
    children = [c for c in calendar.children if c is not old]
    if master is not None and rid in exdates_of(master, obj.zones):
        restored = without_exdates(master, [rid], obj.zones)
        restored = mark_cancelled(restored, cancelled_one_by_one(master) - {rid})
        children = [restored if c is master else c for c in children]
    return with_zones(calendar.with_children((*children, component)))


def without_instance(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The calendar with an instance cancelled; None where nothing would be left."""
    calendar, master = obj.calendar, obj.master
    children = [c for c in calendar.children if c is not obj.overrides.get(rid)]
    if master is None:
        return calendar.with_children(children) if len(obj.overrides) > 1 else None
    cut = with_exdates(master, [rid], obj.zones)
    cut = mark_cancelled(cut, cancelled_one_by_one(master) | {rid})
    return calendar.with_children(cut if c is master else c for c in children)


def split(obj: CalendarObject, rid: RecurrenceId, uid: str) -> Halves | None:
    """The series before an instance, and from it on; later exceptions and cancellations are kept.

    None where the instance is the first one, or is none.
    """
    master = obj.master
    if master is None or not recurs(master) or component_at(obj, rid) is None:
        return None
    start = master.get("DTSTART")
    assert start is not None
    first = RecurrenceId.of(obj.zones.value(start))
    plain = CalendarObject.from_component(obj.calendar.with_children((master.without("EXDATE"),)))
    if rid <= first or plain.recurrence().instance(rid) is None:
        return None
    target = component_at(plain, rid)
    assert target is not None
    until = _just_before(rid)
    passed = _count(plain, rid)
    before, after = [], []
    for prop in master.properties:
        if prop.name == "RRULE":
            before.append(prop.with_value(f"{_END.sub('', prop.value).strip(';')};UNTIL={until}"))
            after.append(prop.with_value(_remaining(prop.value, passed)))
        elif prop.name in {"EXDATE", "RDATE"}:
            for half, keep_later in ((before, False), (after, True)):
                half.extend(_dates(prop, rid, obj.zones, later=keep_later))
        elif prop.name == CANCELLED:
            continue
        elif prop.name in {"DTSTART", "DTEND"}:
            before.append(prop)
            moved = target.get(prop.name)
            after.extend([moved] if moved is not None else [])
        elif prop.name == "UID":
            before.append(prop)
            after.append(Property("UID", uid))
        else:
            before.append(prop)
            after.append(prop)
    hidden = cancelled_one_by_one(master)
    halves = []
    for properties, later in ((before, False), (after, True)):
        series = Component(master.name, properties, master.children)
        series = mark_cancelled(series, (h for h in hidden if (h >= rid) is later))
        overrides = [c for r, c in obj.overrides.items() if (r >= rid) is later]
        if later:
            overrides = [c.with_property(Property("UID", uid)) for c in overrides]
        others = [c for c in obj.calendar.children if c not in obj.components]
        halves.append(obj.calendar.with_children((*others, series, *overrides)))
    return Halves(*halves)


def _just_before(rid: RecurrenceId) -> str:
    """UNTIL of a series that ends before an instance, in the form that its DTSTART wants."""
    step = timedelta(seconds=1) if isinstance(rid.value, datetime) else timedelta(days=1)
    return format_date_time(rid.value - step)


def _count(series: CalendarObject, rid: RecurrenceId) -> int:
    """How many instances there are before one."""
    instance = series.recurrence().instance(rid)
    end = None if instance is None else instance.start
    return sum(
        1 for i in series.recurrence().between(TimeRange(None, end)) if i.rid is not None and i.rid < rid
    )


def _remaining(rule: str, passed: int) -> str:
    parts = []
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name.upper() == "COUNT" and value.isdecimal():
            part = f"COUNT={max(int(value) - passed, 1)}"  # noqa: PLW2901
        parts.append(part)
    return ";".join(parts)


def _dates(prop: Property, rid: RecurrenceId, zones: TimezoneResolver, *, later: bool) -> list[Property]:
    """An EXDATE or RDATE with the values of one half."""
    kept = []
    for value in prop.value.split(","):
        first = value.partition("/")[0]
        at = RecurrenceId.of(zones.value(Property("DTSTART", first, prop.params)))
        if (at >= rid) is later:
            kept.append(value)
    return (
        [prop if len(kept) == len(prop.value.split(",")) else prop.with_value(",".join(kept))] if kept else []
    )


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
