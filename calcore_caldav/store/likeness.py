# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two objects happen at the same times: then the index knows of one what it knows of the other.

Most writes of scheduling change an answer, not a time, and write one meeting into many calendars.
"""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import instance_type
from calcore_caldav.core.principals import CalendarUserAddress

_TIMES: Final = frozenset(
    {"DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE", "EXRULE"}
)
"""All that `core.recurrence` reads of a component."""


def same_rows(one: CalendarObject, other: CalendarObject, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether their instances are surely the same, and count alike for the owner of those addresses."""
    return same_times(one, other) and all(
        instance_type(a, own) == instance_type(b, own)
        for a, b in zip(one.components, other.components, strict=True)
    )


def same_times(one: CalendarObject, other: CalendarObject) -> bool:
    """Whether their instances are surely the same, component by component."""
    return (
        len(one.components) == len(other.components)
        and all(
            a.name == b.name and _timing(a) == _timing(b)
            for a, b in zip(one.components, other.components, strict=True)
        )
        and one.calendar.named("VTIMEZONE") == other.calendar.named("VTIMEZONE")
    )


def _timing(component: Component) -> list[Property]:
    return [prop for prop in component.properties if prop.name in _TIMES]
