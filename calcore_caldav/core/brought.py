# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations that an attendee's client got by mail and stores itself (RFC 6638 §3.2.2.2).

From an organizer whom the server cannot ask there is nothing to compare them with but what was stored before.
"""

from __future__ import annotations

from datetime import datetime

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee
from calcore_caldav.core.content import Component
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.significance import component_at, highest_sequence
from calcore_caldav.core.timing import retimed


def newer(old: CalendarObject, new: CalendarObject) -> bool:
    """Whether a client stores the organizer's next revision, which only the organizer makes (RFC 5546 §2.1.4)."""
    return highest_sequence(new) > highest_sequence(old)


def over(obj: CalendarObject, now: datetime) -> bool:
    """Whether the last instance is past: nobody waits for an answer any more."""
    _, end = obj.recurrence().bounds
    return end is not None and end <= now


def as_sent(
    new: CalendarObject, old: CalendarObject | None, own: frozenset[CalendarUserAddress]
) -> CalendarObject:
    """`new` as the organizer sent it: with the answer that was given to the time it says, or none."""

    def asking(component: Component) -> Component:
        prop = find_attendee(component, own)
        if prop is None:
            return component
        before = component_at(old, new.recurrence_id(component)) if old is not None else None
        given = find_attendee(before, own) if before is not None else None
        known = (
            old is not None and before is not None and not retimed(before, old.zones, component, new.zones)
        )
        answer = (
            given.param("PARTSTAT") if given is not None and known else None
        ) or PartStat.NEEDS_ACTION.value
        if (prop.param("PARTSTAT") or PartStat.NEEDS_ACTION.value) == answer:
            return component
        asked = prop.with_param("PARTSTAT", answer)
        return component.map(lambda p: asked if p is prop else p)

    return new.with_components(tuple(asking(c) for c in new.components))
