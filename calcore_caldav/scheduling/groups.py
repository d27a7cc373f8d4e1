# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups as attendees: who joins or leaves one joins or leaves its meetings to come."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.itip import address
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.people import People
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import CollectionKind, Job, StoredObject, Transaction

GROUP_JOB: Final = "group"


def members_changed(txn: Transaction, group: Principal) -> None:
    """Have the worker bring the meetings up to date to which a group, or one that holds it, is invited."""
    for one in (group, *txn.directory.groups_of(group)):
        txn.jobs.add(GROUP_JOB, {"group": one.name}, dedupe=f"{GROUP_JOB}:{one.name}")


def update_meetings(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Bring the meetings of a group up to date: one job finds the organizers, one for each of them does it.

    So nobody waits for the meetings of everybody. Harmless to repeat.
    """
    group = txn.directory.by_name(str(job.payload.get("group")))
    if group is None:
        return
    if "organizer" not in job.payload:
        for person in txn.directory.all(CalendarUserType.INDIVIDUAL):
            txn.jobs.add(
                GROUP_JOB,
                {"group": group.name, "organizer": person.name},
                dedupe=f"{GROUP_JOB}:{group.name}:{person.name}",
            )
        return
    organizer = txn.directory.by_name(str(job.payload["organizer"]))
    if organizer is None:
        return
    service = CalendarService(SchedulingEngine(settings), settings)
    for calendar in txn.collections.of(organizer, CollectionKind.CALENDAR):
        for stored in list(txn.objects.all(calendar)):
            if stored.organizer in organizer.own_addresses and _concerned(txn, stored, group, organizer):
                # As its organizer would store it again.
                coming = _to_come(txn, service, stored)
                service.put(txn, calendar, coming.name, txn.objects.parsed(coming))


def _concerned(txn: Transaction, stored: StoredObject, group: Principal, organizer: Principal) -> bool:
    """Whether the group is invited, by other members than it has now, to something that isn't over."""
    obj = txn.objects.parsed(stored)
    if not any(CalendarUserAddress(who) in group.own_addresses for who in obj.attendees):
        return False
    _, end = obj.recurrence().bounds
    if end is not None and end <= txn.now:
        return False
    return _invited(obj) != _invited(People(txn).completed(obj, organizer))


def _invited(obj: CalendarObject) -> list[frozenset[CalendarUserAddress]]:
    return [frozenset(address(p) for p in c.all("ATTENDEE")) for c in obj.components]


def _to_come(txn: Transaction, service: CalendarService, stored: StoredObject) -> StoredObject:
    """The meeting, or of a series under way what hasn't begun: who was there stays invited to what was.

    As "this and following" does it, so that nobody is asked again for that.
    """
    obj = txn.objects.parsed(stored)
    start = obj.master.get("DTSTART") if obj.master is not None else None
    if start is None:
        return stored
    try:
        return service.split(txn, stored, _instant(txn.now, obj.zones.value(start))).future
    except InvalidRequest:
        # It lies ahead as a whole, happens once, or can't be split there.
        return stored


def _instant(now: datetime, like: datetime | date) -> RecurrenceId:
    """Now, named as a series names its instances: `like` is one of its starts."""
    if not isinstance(like, datetime):
        return RecurrenceId(now.date())
    return RecurrenceId.of(now if like.tzinfo is not None else now.replace(tzinfo=None))
