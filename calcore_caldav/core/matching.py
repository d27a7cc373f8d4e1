# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calendar objects match a query (RFC 4791 §9.7 to §9.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.parameters import decode_caret
from calcore_caldav.core.query import MAIN, CalendarQuery, CompFilter, ParamFilter, PropFilter
from calcore_caldav.core.timerange import (
    Scheduled,
    effective_times,
    instant,
    limits,
    of_instance,
    recurs,
    resolver,
    rings,
    scheduled,
    trigger,
    widened,
)
from calcore_caldav.core.times import Period, TimeRange, TimezoneResolver


def matches(obj: CalendarObject, query: CalendarQuery, zone: tzinfo = UTC) -> bool:
    """Whether `obj` matches; `zone` is that of floating and all-day times (RFC 4791 §9.8)."""
    outer = query.filter
    if outer.name != "VCALENDAR" or outer.is_not_defined:
        return outer.name != "VCALENDAR" and outer.is_not_defined
    zones = resolver(obj, zone)
    bare = Scheduled(obj.calendar, None, None, None)
    if outer.time_range is not None:
        whenever = CompFilter(obj.kind, time_range=outer.time_range)
        if not _component_matches(obj, whenever, zone, zones):
            return False
    return _combined(
        outer.anyof,
        (
            *(_property_matches(bare, prop, zones) for prop in outer.props),
            *(_component_matches(obj, inner, zone, zones) for inner in outer.comps),
        ),
    )


def _component_matches(
    obj: CalendarObject, wanted: CompFilter, zone: tzinfo, zones: TimezoneResolver
) -> bool:
    """A filter on the components directly in the VCALENDAR: some instance of one of them matches it all."""
    present = obj.calendar.named(wanted.name)
    if wanted.is_not_defined or not present:
        return wanted.is_not_defined and not present
    if wanted.name not in MAIN:
        return any(
            _matches_inside(Scheduled(c, *effective_times(c, zones), None), wanted, zones) for c in present
        )
    if wanted.time_range is None and not _asks_for_instances(wanted):
        return any(_matches_inside(Scheduled(c, None, None, None), wanted, zones) for c in present)
    # What doesn't depend on the time is asked of each component once, not of each of its instances.
    timeless = _timeless(wanted)
    if not any(_matches_inside(Scheduled(c, None, None, None), timeless, zones) for c in present):
        return False
    return any(_matches_inside(item, wanted, zones) for item in _candidates(obj, wanted, zone, zones))


def _candidates(
    obj: CalendarObject, wanted: CompFilter, zone: tzinfo, zones: TimezoneResolver
) -> Iterator[Scheduled]:
    """The instances that may match; of an endless series as many as decide it."""
    if wanted.time_range is not None:
        window = wanted.time_range
        found = scheduled(obj, window, zone)
    elif wanted.name in {"VEVENT", "VTODO", "VJOURNAL"} and (wanted.name == "VEVENT" or recurs(obj)):
        window = widened(_hull(wanted), _reach(obj, zones))
        # Alarms at a fixed instant ring whatever the instances.
        yield from (Scheduled(c, None, None, None) for c in obj.components if _fixed_alarm(c, zones))
        found = (of_instance(i) for i in obj.recurrence(zone).between(window))
    else:
        yield from (Scheduled(c, *effective_times(c, zones), None) for c in obj.calendar.named(wanted.name))
        return
    if obj.overrides and _long(window):
        # Apart from its overrides a series is regular: some of its instances answer for all.
        series = obj.recurrence(zone)
        for rid in obj.overrides:
            instance = series.instance(rid)
            if instance is not None and window.overlaps(instance.start, instance.end):
                yield of_instance(instance)
    yield from islice(found, _MAX_TRIED)


def _matches_inside(item: Scheduled, wanted: CompFilter, zones: TimezoneResolver) -> bool:
    """Whether one instance matches the filters inside a comp-filter; its time range holds already."""
    return _combined(
        wanted.anyof,
        (
            *(_property_matches(item, prop, zones) for prop in wanted.props),
            *(_child_matches(item, inner, zones) for inner in wanted.comps),
        ),
    )


def _combined(anyof: bool, results: Iterable[bool]) -> bool:  # noqa: FBT001
    outcome = tuple(results)
    return not outcome or (any(outcome) if anyof else all(outcome))


def _child_matches(item: Scheduled, wanted: CompFilter, zones: TimezoneResolver) -> bool:
    """A filter on components inside the instance's: alarms, time zone observances, anything else."""
    present = item.component.named(wanted.name)
    if wanted.is_not_defined or not present:
        return wanted.is_not_defined and not present
    return any(
        (wanted.time_range is None or _alarm_rings(child, item, wanted.time_range, zones))
        and _matches_inside(Scheduled(child, *effective_times(child, zones), None), wanted, zones)
        for child in present
    )


def _alarm_rings(alarm: Component, item: Scheduled, window: TimeRange, zones: TimezoneResolver) -> bool:
    if alarm.name != "VALARM":
        start, end = effective_times(alarm, zones)
        return start is not None and window.overlaps(start, end or start)
    when = trigger(alarm, zones)
    return when is not None and rings(when, item, limits(window))


def _property_matches(item: Scheduled, wanted: PropFilter, zones: TimezoneResolver) -> bool:
    present = item.component.all(wanted.name)
    if wanted.is_not_defined:
        return not present
    if (
        wanted.time_range is not None
        and not present
        and wanted.name in {"DTEND", "DUE"}
        and item.end is not None
    ):
        # The effective end counts where DURATION stands for it.
        return _within(item.end, limits(wanted.time_range))
    return any(_matches_property(item, prop, wanted, zones) for prop in present)


def _matches_property(item: Scheduled, prop: Property, wanted: PropFilter, zones: TimezoneResolver) -> bool:
    if wanted.time_range is not None:
        at = _EFFECTIVE.get(prop.name, _no_effective)(item) or instant(prop, zones)
        if at is None or not _within(at, limits(wanted.time_range)):
            return False
    tests: list[bool] = []
    if wanted.text_match is not None:
        tests.append(wanted.text_match.matches(prop.text))
    tests.extend(_param_matches(prop, param) for param in wanted.params)
    return _combined(wanted.anyof, tests)


def _within(at: datetime, window: Period) -> bool:
    return window.start <= at < window.end


def _param_matches(prop: Property, wanted: ParamFilter) -> bool:
    values = next((values for name, values in prop.params if name == wanted.name), None)
    if wanted.is_not_defined or values is None:
        return wanted.is_not_defined and values is None
    match = wanted.text_match
    return match is None or any(match.matches(decode_caret(value)) for value in values)


def _asks_for_instances(wanted: CompFilter) -> bool:
    """Whether something inside depends on when an instance is: its start, its end, its alarms."""
    return any(_moves(p) for p in wanted.props) or any(
        inner.time_range is not None or _asks_for_instances(inner) for inner in wanted.comps
    )


def _moves(wanted: PropFilter) -> bool:
    return wanted.time_range is not None and wanted.name in _EFFECTIVE


def _timeless(wanted: CompFilter) -> CompFilter:
    """The filter without its time ranges: it matches whenever the whole filter does."""
    if wanted.anyof and _asks_for_instances(wanted):
        return CompFilter(wanted.name)
    return replace(
        wanted,
        time_range=None,
        props=tuple(p for p in wanted.props if not _moves(p)),
        comps=tuple(_timeless(inner) for inner in wanted.comps),
    )


def _hull(wanted: CompFilter) -> TimeRange:
    """The shortest range that holds all time ranges inside a comp-filter."""
    ranges = [limits(p.time_range) for p in wanted.props if p.time_range is not None and _moves(p)]
    for inner in wanted.comps:
        if inner.time_range is not None:
            ranges.append(limits(inner.time_range))
        elif _asks_for_instances(inner):
            ranges.append(limits(_hull(inner)))
    return TimeRange(min(r.start for r in ranges), max(r.end for r in ranges))


def _reach(obj: CalendarObject, zones: TimezoneResolver) -> timedelta:
    """How far from its instances something of the object may happen: alarms, ends just outside."""
    triggers = (trigger(a, zones) for c in obj.components for a in c.named("VALARM"))
    return max((t.reach for t in triggers if t is not None), default=timedelta(0)) + timedelta(seconds=1)


def _fixed_alarm(component: Component, zones: TimezoneResolver) -> bool:
    triggers = (trigger(a, zones) for a in component.named("VALARM"))
    return any(t is not None and t.at is not None for t in triggers)


def _long(window: TimeRange) -> bool:
    return window.start is None or window.end is None or window.end - window.start > timedelta(days=366)


def _no_effective(_item: Scheduled) -> datetime | None:
    return None


_EFFECTIVE: Final[dict[str, Callable[[Scheduled], datetime | None]]] = {
    "DTSTART": lambda item: item.start,
    "DTEND": lambda item: item.end,
    "DUE": lambda item: item.end,
}
_MAX_TRIED: Final = 1000
