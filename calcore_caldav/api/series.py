# SPDX-License-Identifier: GPL-3.0-or-later
"""Series and their instances: exceptions, cancellations, and what becomes of them when the series is moved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from calcore_caldav.api.moments import from_json
from calcore_caldav.api.people import Frame
from calcore_caldav.api.resource import CANCELLED, RULES, cancelled_one_by_one
from calcore_caldav.api.types import Json
from calcore_caldav.api.writing import with_zones
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import address
from calcore_caldav.core.overrides import cancel_instance, override_instance, with_override
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import component_at, derived, exdates_of, with_exdates, without_exdates
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.core.timing import recurs
from calcore_caldav.errors import NotFound


def instance_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The component that describes an instance, changed or not; None where the series has none such."""
    try:
        # What was cancelled of the series is the master's to know.
        return override_instance(obj, rid).without(CANCELLED)
    except NotFound:
        return None


def original_instance(obj: CalendarObject, original: Json, frame: Frame) -> RecurrenceId:
    """The instance that an `originalStartTime` means. Raises ApiProblem naming the field."""
    prop = from_json("RECURRENCE-ID", original, frame.zone, "originalStartTime", recurring=False)
    value = TimezoneResolver(Component("VCALENDAR"), frame.zone).value(prop)
    if isinstance(value, datetime) and obj.recurrence(frame.zone).floating:
        value = value.astimezone(frame.zone).replace(tzinfo=None)
    return RecurrenceId.of(value)


def cancelled_component(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """What a cancelled instance would be; None where there never was one."""
    master = obj.master
    if master is None or rid not in exdates_of(master, obj.zones):
        return None
    found = component_at(obj, rid)
    return None if found is None else found.without(CANCELLED)


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
    """The calendar with another master.

    Exceptions follow it in what they do not say otherwise, its start included, or go with their instances.
    """
    calendar = obj.calendar
    shift = _Shift.between(old, new, obj.zones)
    new = shift.master(new, old)
    children = [new if c is old else c for c in calendar.children]
    made = with_zones(calendar.with_children(children))
    if not obj.overrides:
        return made
    series = CalendarObject.from_component(
        made.with_children(c for c in made.children if c.name == "VTIMEZONE" or c is new)
    )
    plain = CalendarObject.from_component(
        series.calendar.with_children(
            c.without("EXDATE") if c.get("RRULE") or c.get("RDATE") else c for c in series.calendar.children
        )
    ).recurrence()
    same = not shift.moved and _rules(old) == _rules(new)
    kept = []
    for child in made.children:
        rid = obj.recurrence_id(child) if child.get("RECURRENCE-ID") is not None else None
        if rid is None:
            kept.append(child)
            continue
        moved = shift.rid(rid)
        if same or (recurs(new) and plain.instance(moved) is not None):
            usual = derived(old, rid, obj.zones), derived(new, moved, series.zones)
            kept.append(_following(child, *usual))
    return made.with_children(kept)


_TIMES: Final = ("DTSTART", "DTEND", "DURATION")
_ITS_OWN: Final = frozenset({*_TIMES, "RECURRENCE-ID", "ATTENDEE", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE"})


def _following(child: Component, before: Component | None, after: Component | None) -> Component:
    """An exception as it is now that its instance, were it none, would be `after` and no longer `before`."""
    if before is None or after is None:
        return child
    names = {p.name: None for p in (*before.properties, *after.properties) if p.name not in _ITS_OWN}
    if all(child.all(name) == before.all(name) for name in _TIMES):
        names |= dict.fromkeys(_TIMES)
    made = child
    old, new = before.get("RECURRENCE-ID"), after.get("RECURRENCE-ID")
    if new is not None and new != old:
        made = made.with_property(new.with_param("RANGE", "THISANDFUTURE") if is_ranged(child) else new)
    for name in names:
        if before.all(name) != after.all(name) and child.all(name) == before.all(name):
            made = made.with_all(name, after.all(name))
    made = made.with_all("ATTENDEE", _invited(child, before, after))
    if before.children != after.children and child.children == before.children:
        made = made.with_children(after.children)
    if made == child:
        return child
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        made = made.with_all(name, after.all(name))
    return made


def _invited(child: Component, before: Component, after: Component) -> list[Property]:
    """The exception's ATTENDEEs, with those whom the series has now and without those whom it has no more."""
    people, old, new = ({address(p): p for p in c.all("ATTENDEE")} for c in (child, before, after))
    kept = [p for p in child.all("ATTENDEE") if address(p) in new or address(p) not in old]
    return [*kept, *(p for who, p in new.items() if who not in old and who not in people)]


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
        self.moved = old.value != new.value or old.params != new.params

    @classmethod
    def between(cls, old: Component, new: Component, zones: TimezoneResolver) -> _Shift:
        first, second = old.get("DTSTART"), new.get("DTSTART")
        assert first is not None and second is not None  # noqa: PT018
        return cls(first, second, zones)

    def rid(self, rid: RecurrenceId) -> RecurrenceId:
        """The identity that an instance has now; by its day, where the series becomes all-day or ceases to be."""
        old, new, value = self._old, self._new, rid.value
        if not self.moved or isinstance(value, datetime) is not isinstance(old, datetime):
            return rid
        if isinstance(value, datetime) and value.tzinfo is not None and isinstance(old, datetime):
            value = value.astimezone(old.tzinfo or value.tzinfo)
        if isinstance(value, datetime) and isinstance(old, datetime) and isinstance(new, datetime):
            wall = value.replace(tzinfo=None) + (new.replace(tzinfo=None) - old.replace(tzinfo=None))
            return RecurrenceId.of(wall.replace(tzinfo=new.tzinfo))
        day = _day(value) + (_day(new) - _day(old))
        return RecurrenceId.of(datetime.combine(day, new.timetz()) if isinstance(new, datetime) else day)

    def master(self, new: Component, old: Component) -> Component:
        """The new master with its cancelled instances where they are now."""
        if not self.moved:
            return new
        hidden = cancelled_one_by_one(old)
        if not hidden or not recurs(new):
            return new
        before, after = old.get("DTSTART"), new.get("DTSTART")
        assert before is not None and after is not None  # noqa: PT018
        # Its EXDATEs are written still as the old start is.
        made = without_exdates(new.with_property(before), exdates_of(old, self._zones) & hidden, self._zones)
        made = made.with_property(after)
        return mark_cancelled(with_exdates(made, map(self.rid, hidden), self._zones), map(self.rid, hidden))


def _day(value: datetime | date) -> date:
    return value.date() if isinstance(value, datetime) else value


def mark_cancelled(master: Component, rids: Iterable[RecurrenceId]) -> Component:
    """The master with exactly these instances marked as cancelled one by one."""
    values = ",".join(sorted(rid.to_basic() for rid in rids))
    return master.with_all(CANCELLED, [Property(CANCELLED, values)] if values else [])
