# SPDX-License-Identifier: GPL-3.0-or-later
"""What readers see of events that their owner keeps private (RFC 5545 §3.8.1.3, RFC 5546 §3.7.4)."""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property

TITLE: Final = "Private"
"""SUMMARY of what is veiled."""
_OPEN: Final = frozenset({"", "PUBLIC"})
_KEPT: Final = frozenset(
    {
        "UID", "DTSTAMP", "DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE",
        "RECURRENCE-ID", "SEQUENCE", "STATUS", "TRANSP", "CLASS", "BUSYTYPE",
    }
)  # fmt: skip
"""When it is, and which one: nothing that somebody wrote."""
_KEPT_OF_CALENDAR: Final = frozenset({"VERSION", "PRODID", "CALSCALE", "METHOD"})
_TIMES: Final = frozenset({"AVAILABLE"})


def is_private(component: Component, series: Component | None = None) -> bool:
    """Whether CLASS keeps a component from readers: every value but PUBLIC does, unknown ones too.

    An exception that doesn't say follows its `series`.
    """
    said = component.value("CLASS")
    if said is None and series is not None:
        said = series.value("CLASS")
    return (said or "").strip().upper() not in _OPEN


def veiled(obj: CalendarObject) -> CalendarObject:
    """The object as readers see it: of private components the time only. The same one where none is private."""
    hidden = {id(c) for c in obj.components if is_private(c, obj.master)}
    if not hidden:
        return obj
    zones = obj.calendar.named("VTIMEZONE")
    children = (*zones, *(_veiled(c) if id(c) in hidden else c for c in obj.components))
    said = [p for p in obj.calendar.properties if p.name in _KEPT_OF_CALENDAR]
    return CalendarObject.from_component(Component(obj.calendar.name, said, children))


def _veiled(component: Component) -> Component:
    kept = [p for p in component.properties if p.name in _KEPT]
    times = tuple(_veiled(c) for c in component.children if c.name in _TIMES)
    return Component(component.name, [*kept, Property("SUMMARY", TITLE)], times)
