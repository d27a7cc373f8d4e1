# SPDX-License-Identifier: GPL-3.0-or-later
"""The component that one instance would have if it were written down (RFC 5545 §3.8.4.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.moments import from_day, from_epoch, from_local
from calcore_caldav.core.recurrence import Instance, RecurrenceSet
from calcore_caldav.core.series import Series
from calcore_caldav.core.spans import Times
from calcore_caldav.core.times import TimezoneResolver, format_date_time, format_duration
from calcore_caldav.core.zones import offsets_of

_SERIES: Final = frozenset({"RRULE", "RDATE", "EXDATE", "EXRULE"})


def derived(recurrence: RecurrenceSet, instance: Instance) -> Component:
    """An override of `instance` that changes nothing, from the component that it has its properties from.

    Times are in that component's forms and zones, RECURRENCE-ID is in DTSTART's form; no rules and dates.
    """
    series, source, zones = recurrence.series, instance.component, recurrence.zones
    if series is None or instance.rid is None:
        return source
    key = series.key(instance.rid.value)
    rid = start_property(series, key)
    span = series.period(key)
    times = recurrence.times(key)
    made: list[Property] = []
    for prop in source.properties:
        if prop.name in _SERIES or prop.name == "RECURRENCE-ID":
            continue
        if prop.name == "DURATION" and span is not None:
            made.append(
                prop.with_value(format_duration(instance.end - instance.start, exact=not series.all_day))
            )
            continue
        if prop.name == rid.name:
            made.append(Property("RECURRENCE-ID", rid.value, rid.params))
        made.append(retimed(prop, source, times, zones))
    if span is not None and not any(source.get(name) for name in ("DTEND", "DUE", "DURATION")):
        made.append(
            Property("DURATION", format_duration(instance.end - instance.start, exact=not series.all_day))
        )
    return Component(source.name, made, source.children)


def retimed(prop: Property, source: Component, times: Times, zones: TimezoneResolver) -> Property:
    """DTSTART, DTEND or DUE of `source` at other times, in the form it has; other properties as they are."""
    if prop.name == "DTSTART":
        return _written(prop, times.start, zones)
    if prop.name not in {"DTEND", "DUE"}:
        return prop
    start = source.get("DTSTART")
    # DTEND on the day of DTSTART, which means that day, is left as the client writes it.
    instant = times.start if start is None or prop.value == start.value else times.end
    return _written(prop, instant, zones)


def _written(prop: Property, instant: int, zones: TimezoneResolver) -> Property:
    """`prop` at another instant: as date, floating, in UTC or on its zone's wall clock, as it is written."""
    value = zones.value(prop)
    if isinstance(value, datetime) and prop.value.rstrip().upper().endswith("Z"):
        return prop.with_value(format_date_time(from_epoch(instant)))
    zone = value.tzinfo if isinstance(value, datetime) else None
    local = from_local(offsets_of(zone or zones.default).local(instant))
    return prop.with_value(format_date_time(local if isinstance(value, datetime) else local.date()))


def start_property(series: Series, key: int) -> Property:
    """The master's DTSTART (a task's DUE where it has none) with another original start."""
    prop = series.component.get("DTSTART") or series.component.get("DUE")
    assert prop is not None
    if series.all_day:
        return prop.with_value(format_date_time(from_day(key)))
    if prop.value.rstrip().upper().endswith("Z"):
        return prop.with_value(format_date_time(from_epoch(key)))
    return prop.with_value(format_date_time(from_local(series.local(key))))
