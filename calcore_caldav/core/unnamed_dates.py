# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates that an answer to a series has to name, though the attendee's copy has no component for them.

Each as the copy has it: where the copy has an EXDATE, the attendee doesn't come.
"""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import component_at, exdates, has_instance, usual_at

Own = frozenset[CalendarUserAddress]
Dates = dict[RecurrenceId, Component]


def unnamed_dates(copy: CalendarObject, organizer_object: CalendarObject | None, own: Own) -> Dates:
    """All of them; `organizer_object` None: the organizer is elsewhere, nothing is known."""
    return overridden_dates(copy, organizer_object, own) | _deleted_dates(copy, organizer_object, own)


def overridden_dates(copy: CalendarObject, organizer_object: CalendarObject | None, own: Own) -> Dates:
    """Those that the organizer's object has an override for: others' answers made it, or a deletion."""
    if organizer_object is None or copy.master is None:
        return {}
    return {
        rid: instance
        for rid, override in organizer_object.overrides.items()
        if rid not in copy.overrides
        and find_attendee(override, own) is not None
        and (instance := usual_at(copy, rid)) is not None
    }


def _deleted_dates(copy: CalendarObject, organizer_object: CalendarObject | None, own: Own) -> Dates:
    """Those deleted while the series was declined, which nobody was told: who comes now doesn't mean them."""
    if organizer_object is None or copy.master is None:
        return {}
    answer = find_attendee(copy.master, own)
    if answer is None or partstat(answer) is PartStat.DECLINED:
        return {}
    return {
        rid: instance
        for rid in sorted(exdates(copy))
        if has_instance(organizer_object, rid)
        and (theirs := component_at(organizer_object, rid)) is not None
        and find_attendee(theirs, own) is not None
        and (instance := usual_at(copy, rid)) is not None
    }
