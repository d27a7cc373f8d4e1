# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups as attendees: who joins or leaves one joins or leaves its meetings to come."""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.scheduling.engine import ObjectChange, SchedulingEngine
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, Job, StoredObject, Transaction

GROUP_JOB: Final = "group"


def members_changed(txn: Transaction, group: Principal) -> None:
    """Have the worker bring the meetings up to date to which a group, or one that holds it, is invited."""
    for one in (group, *txn.directory.groups_of(group)):
        txn.jobs.add(GROUP_JOB, {"group": one.name}, dedupe=f"{GROUP_JOB}:{one.name}")


def update_meetings(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Store every meeting of a group again as its organizer would; harmless to repeat."""
    name = job.payload.get("group")
    group = txn.directory.by_name(name) if isinstance(name, str) else None
    if group is None:
        return
    engine = SchedulingEngine(settings)
    for organizer in txn.directory.all(CalendarUserType.INDIVIDUAL):
        for calendar in txn.collections.of(organizer, CollectionKind.CALENDAR):
            for stored in list(txn.objects.all(calendar)):
                if stored.organizer in organizer.own_addresses and _concerned(txn, stored, group):
                    obj = txn.objects.parsed(stored)
                    change = ObjectChange(organizer, calendar, stored.name, stored, obj, obj)
                    outcome = engine.process(txn, change)
                    if outcome.stored is not None and outcome.stored.body != obj.body:
                        txn.objects.put(
                            calendar, stored.name, outcome.stored, schedule_tag=outcome.schedule_tag
                        )


def _concerned(txn: Transaction, stored: StoredObject, group: Principal) -> bool:
    """Whether the group is invited to something that isn't over."""
    obj = txn.objects.parsed(stored)
    if not any(CalendarUserAddress(who) in group.own_addresses for who in obj.attendees):
        return False
    _, end = obj.recurrence().bounds
    return end is None or end > txn.now
