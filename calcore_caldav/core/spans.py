# SPDX-License-Identifier: GPL-3.0-or-later
"""When one component takes place: its start, form and length (RFC 5545 §3.6.1 to §3.6.3, §3.8.2)."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import NamedTuple

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.moments import DAY, LATEST, split_duration, to_local
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.core.zones import Offsets, offsets_of


class Times(NamedTuple):
    """[start, end) in epoch seconds."""

    start: int
    end: int


class Span(NamedTuple):
    """A length: `wall` seconds on the wall clock, then `exact` ones (RFC 5545 §3.3.6, §3.8.5.3)."""

    wall: int
    exact: int

    @property
    def longest(self) -> int:
        """Not shorter than any instance of this length, whatever the clock is changed."""
        return self.exact + (self.wall + DAY if self.wall else 0)


class Moment(NamedTuple):
    """The time of one component: where it starts, in which form, how long it lasts."""

    all_day: bool
    floating: bool
    """Without a zone; all-day too."""
    local: int
    """The start on its wall clock."""
    offsets: Offsets
    """Of its zone; of the zone asked with where it has none."""
    span: Span

    @property
    def times(self) -> Times:
        """Start and end."""
        start = self.offsets.utc(self.local)
        return ended(start, self.local, self.span, self.offsets)


def ended(start: int, local: int, span: Span, offsets: Offsets) -> Times:
    """The times of what starts then, at `local` on the wall clock; never ends before it starts."""
    end = (offsets.utc(local + span.wall) if span.wall else start) + span.exact
    return Times(start, min(max(start, end), LATEST))


def form_of(value: datetime | date, zones: TimezoneResolver) -> tuple[bool, bool, int, Offsets]:
    """(all-day, without zone, wall clock, offsets) of a value."""
    all_day = not isinstance(value, datetime)
    zone: tzinfo | None = value.tzinfo if isinstance(value, datetime) else None
    return all_day, zone is None, to_local(value), offsets_of(zone or zones.default)


def read_moment(component: Component, zones: TimezoneResolver) -> Moment | None:
    """When a component takes place by its own properties; None where it has no start (and no DUE)."""
    start = component.get("DTSTART")
    end = component.get("DTEND") or component.get("DUE")
    if start is None:
        if component.name != "VTODO" or end is None:
            return None
        # A task without a start lies at its due time.
        return Moment(*form_of(zones.value(end), zones), Span(0, 0))
    form = form_of(zones.value(start), zones)
    return Moment(*form, _read_span(component, form, end, zones))


def _read_span(
    component: Component,
    form: tuple[bool, bool, int, Offsets],
    end: Property | None,
    zones: TimezoneResolver,
) -> Span:
    all_day, floating, local, offsets = form
    if end is None:
        duration = component.value("DURATION")
        if duration is not None:
            days, seconds = split_duration(duration)
            span = Span(days * DAY, seconds)
            if all_day:
                # Whole days: a date has no time that seconds could be added to.
                span = Span(-(-(days * DAY + seconds) // DAY) * DAY, 0)
        else:
            span = Span(DAY if all_day and component.name in {"VEVENT", "VJOURNAL"} else 0, 0)
    else:
        end_all_day, end_floating, end_local, end_offsets = form_of(zones.value(end), zones)
        if floating and end_floating:
            span = Span(end_local - local, 0)
            if all_day and end_all_day and end_local == local and component.name == "VEVENT":
                span = Span(DAY, 0)  # DTEND is meant as the last day
        else:
            span = Span(0, end_offsets.utc(end_local) - offsets.utc(local))
    if span.wall + span.exact < 0:
        return Span(0, 0)
    return Span(min(span.wall, LATEST), min(span.exact, LATEST))
