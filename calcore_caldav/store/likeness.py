# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two versions of an object happen at the same times: then the index keeps its rows.

Most writes of scheduling change an answer, not a time.
"""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import KINDS, CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import instance_type
from calcore_caldav.core.principals import CalendarUserAddress

_TIMELESS: Final = frozenset(
    {
        "ATTENDEE",
        "CATEGORIES",
        "CLASS",
        "COMMENT",
        "CREATED",
        "DESCRIPTION",
        "DTSTAMP",
        "LAST-MODIFIED",
        "LOCATION",
        "ORGANIZER",
        "PRIORITY",
        "REQUEST-STATUS",
        "SEQUENCE",
        "SUMMARY",
        "URL",
    }
)
"""Properties that say nothing about time; of ATTENDEE, the owner's answer counts through the type of busy
time. Whatever is not named here counts."""


def same_times(one: CalendarObject, other: CalendarObject, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether the instances of both, and how they count for their owner, are surely the same."""
    return (
        len(one.components) == len(other.components)
        and one.calendar.properties == other.calendar.properties
        and _zones(one) == _zones(other)
        and all(
            _timing(a) == _timing(b) and instance_type(a, own) == instance_type(b, own)
            for a, b in zip(one.components, other.components, strict=True)
        )
    )


def _timing(component: Component) -> list[Property]:
    return [prop for prop in component.properties if prop.name not in _TIMELESS]


def _zones(obj: CalendarObject) -> list[bytes]:
    return [child.to_bytes() for child in obj.calendar.children if child.name not in KINDS]
