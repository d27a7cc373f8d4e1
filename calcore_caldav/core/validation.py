# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes iCalendar data a calendar object resource (RFC 4791 §4.1, §5.3.2.1; RFC 5545 §3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calcore_caldav.errors import InvalidCalendarData

if TYPE_CHECKING:
    from calcore_caldav.core.calobject import CalendarObject
    from calcore_caldav.core.limits import Limits


def validate(obj: CalendarObject, *, limits: Limits, inbox: bool) -> None:
    """Raise InvalidCalendarData, with its precondition, unless `obj` may be stored."""
    if obj.calendar.name != "VCALENDAR":
        raise InvalidCalendarData("not a VCALENDAR")
    if obj.method is not None and not inbox:
        raise InvalidCalendarData("METHOD is not allowed in a calendar", "valid-calendar-object-resource")
    if not obj.components:
        raise InvalidCalendarData("no component", "valid-calendar-object-resource")
    if len({c.name for c in obj.components}) > 1:
        raise InvalidCalendarData("components of several types", "valid-calendar-object-resource")
    if len({c.value("UID") for c in obj.components}) > 1 or not obj.uid:
        raise InvalidCalendarData("one UID is needed", "valid-calendar-object-resource")
