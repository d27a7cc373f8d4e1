# SPDX-License-Identifier: GPL-3.0-or-later
"""What the organizer of a meeting lets its guests do and see, beyond what RFC 6638 §3.2.2.1 says.

iCalendar has no words for it: they are those of the JSON API, in properties that go to every guest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.itip import Aliases, address, attendees
from calcore_caldav.core.overrides import with_override
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.significance import SHARED_PREFIX, component_at
from calcore_caldav.core.timing import retimed

MODIFY: Final = SHARED_PREFIX + "GUESTS-CAN-MODIFY"
"""TRUE: guests change the event for all."""
INVITE: Final = SHARED_PREFIX + "GUESTS-CAN-INVITE-OTHERS"
"""TRUE: guests invite others. Where nothing is said the JSON API lets them, and CalDAV does not."""
SEE: Final = SHARED_PREFIX + "GUESTS-CAN-SEE-OTHER-GUESTS"
"""FALSE: nobody but the organizer learns who else is invited."""

_BOOKABLE: Final = frozenset({"ROOM", "RESOURCE"})
_TEXTS: Final = ("SUMMARY", "DESCRIPTION", "LOCATION", "URL", "ATTACH", "GEO", "PRIORITY")
_TIMES: Final = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE")


def says(component: Component, name: str) -> str:
    """TRUE, FALSE, or whatever else stands there, in capitals."""
    return (component.value(name) or "").strip().upper()


def seen_by(
    component: Component, who: CalendarUserAddress, own: frozenset[CalendarUserAddress], aliases: Aliases
) -> Component:
    """A component of a message to `who`: without the other guests where they are hidden.

    `own`: the organizer's addresses. Rooms and resources see everybody: they count.
    """
    if says(component, SEE) != "FALSE":
        return component
    listed = attendees(component, aliases)
    if who in listed and (listed[who].param("CUTYPE") or "").upper() in _BOOKABLE:
        return component
    kept = [prop for address, prop in listed.items() if address == who or address in own]
    return component.with_all("ATTENDEE", kept)


def wished(original: CalendarObject, old: CalendarObject, new: CalendarObject) -> CalendarObject | None:
    """The organizer's object as a guest wants it who made `new` of the copy `old`; None: the guest may not.

    What a client left out it may have lost: nothing is removed. A series with exceptions keeps its dates.
    """
    if not any("TRUE" in _leave(c) for c in original.components):
        return None
    made = original
    for rid, theirs in new.by_rid().items():
        base, target = component_at(old, rid), component_at(made, rid)
        if base is None or target is None:
            continue
        changed = target
        if says(target, MODIFY) == "TRUE":
            changed = _with_texts(changed, base, theirs)
            if retimed(base, old.zones, theirs, new.zones) and (rid is not None or not made.overrides):
                changed = _with(changed, theirs, _TIMES)
        if "TRUE" in _leave(target):
            known = {address(p) for c in (base, target) for p in c.all("ATTENDEE")}
            changed = changed.adding(*(p for p in theirs.all("ATTENDEE") if address(p) not in known))
        if changed == target:
            continue
        if rid is None:
            made = made.with_components(tuple(changed if c is target else c for c in made.components))
        else:
            made = with_override(made, changed)
    return None if made is original else _with_zones(made, new)


def _leave(component: Component) -> frozenset[str]:
    return frozenset({says(component, MODIFY), says(component, INVITE)})


def _with_texts(component: Component, base: Component, theirs: Component) -> Component:
    names = [n for n in _TEXTS if theirs.get(n) is not None and _values(theirs, n) != _values(base, n)]
    return _with(component, theirs, names)


def _values(component: Component, name: str) -> list[str]:
    return [p.text for p in component.all(name)]


def _with(component: Component, theirs: Component, names: Iterable[str]) -> Component:
    for name in names:
        component = component.with_all(name, theirs.all(name))
    return component


def _with_zones(made: CalendarObject, source: CalendarObject) -> CalendarObject:
    """With the time zones that came with the guest's times."""
    known = {zone.value("TZID") for zone in made.calendar.named("VTIMEZONE")}
    used = {tzid for c in made.components for p in c.properties if (tzid := p.param("TZID"))}
    zones = [z for z in source.calendar.named("VTIMEZONE") if z.value("TZID") in used - known]
    return CalendarObject.from_component(made.calendar.with_children((*zones, *made.calendar.children)))
