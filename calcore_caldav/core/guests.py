# SPDX-License-Identifier: GPL-3.0-or-later
"""What the organizer of a meeting lets its guests do and see, beyond what RFC 6638 §3.2.2.1 says.

iCalendar has no words for it: they are those of the JSON API, in properties that go to every guest.
"""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.content import Component
from calcore_caldav.core.itip import Aliases, attendees
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.significance import SHARED_PREFIX

SEE: Final = SHARED_PREFIX + "GUESTS-CAN-SEE-OTHER-GUESTS"
"""FALSE: nobody but the organizer learns who else is invited."""

_BOOKABLE: Final = frozenset({"ROOM", "RESOURCE"})


def seen_by(
    component: Component, who: CalendarUserAddress, own: frozenset[CalendarUserAddress], aliases: Aliases
) -> Component:
    """A component of a message to `who`: without the other guests where they are hidden.

    `own`: the organizer's addresses. Rooms and resources see everybody: they count.
    """
    if (component.value(SEE) or "").strip().upper() != "FALSE":
        return component
    listed = attendees(component, aliases)
    if who in listed and (listed[who].param("CUTYPE") or "").upper() in _BOOKABLE:
        return component
    kept = [prop for address, prop in listed.items() if address == who or address in own]
    return component.with_all("ATTENDEE", kept)
