# SPDX-License-Identifier: GPL-3.0-or-later
"""SCHEDULE-STATUS: what became of each message, written into the objects (RFC 6638 §3.2.9, §7.3)."""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Property, once
from calcore_caldav.core.itip import Aliases
from calcore_caldav.core.principals import CalendarUserAddress


class Status:
    """SCHEDULE-STATUS codes (RFC 6638 §3.2.9)."""

    PENDING: Final = "1.0"
    DELIVERED: Final = "1.2"
    SUCCESS: Final = "2.0"
    INVALID_USER: Final = "3.7"
    NO_SERVICE: Final = "5.2"
    REFUSED: Final = "5.3"


def with_organizer_status(obj: CalendarObject, status: str) -> CalendarObject:
    """An attendee's copy that says what became of the REPLY (RFC 6638 §7.3)."""

    def edited(prop: Property) -> Property:
        if prop.name != "ORGANIZER" or prop.param("SCHEDULE-STATUS") == status:
            return prop
        return prop.with_param("SCHEDULE-STATUS", status).without_params("SCHEDULE-FORCE-SEND")

    change = once(edited)
    made = tuple(c.map(change) for c in obj.components)
    return obj if made == obj.components else obj.with_components(made)


def with_statuses(
    obj: CalendarObject, statuses: dict[CalendarUserAddress, str], aliases: Aliases
) -> CalendarObject:
    """An organizer's object that says what became of each message (RFC 6638 §7.3)."""
    if not statuses:
        return obj

    def edited(prop: Property) -> Property:
        if prop.name != "ATTENDEE":
            return prop
        who = CalendarUserAddress.parse(prop.value)
        status = statuses.get(aliases.get(who, who))
        if status is None or prop.param("SCHEDULE-STATUS") == status:
            return prop
        return prop.with_param("SCHEDULE-STATUS", status)

    change = once(edited)
    return obj.with_components(tuple(c.map(change) for c in obj.components))
