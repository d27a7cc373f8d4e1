# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests may do with a meeting: the organizer's copy is changed for all (guestsCanModify, …InviteOthers)."""

from __future__ import annotations

from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.fields import flag
from calcore_caldav.api.people import Frame
from calcore_caldav.api.places import Place
from calcore_caldav.api.problems import ApiProblem
from calcore_caldav.api.resource import component_of, exception_json, series_json
from calcore_caldav.api.series import instance_component, with_instance, with_master
from calcore_caldav.api.types import Json
from calcore_caldav.api.writing import stamped, write_event
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.store.protocol import SYSTEM

_SHARED: Final = (
    "summary", "description", "location", "start", "end", "recurrence", "attachments", "conferenceData", "status",
    "eventType",
)  # fmt: skip


def changed_for_all(
    call: Call,
    place: Place,
    copy: CalendarObject,
    rid: RecurrenceId | None,
    shown: Json,
    wanted: Json,
    refusal: SchedulingRefused,
) -> None:
    """Change the organizer's copy as a guest wants it. Raises ApiProblem where the guests may not."""
    component = copy.master if rid is None else component_of(copy, rid)
    if component is None or copy.organizer is None:
        raise _not_allowed(refusal)
    organizer = call.txn.directory.by_address(copy.organizer)
    others = call.txn.objects.in_home_by_uid(organizer, copy.uid) if organizer is not None else []
    if organizer is None or not others:
        raise _not_allowed(refusal)
    theirs = others[0]
    obj = call.txn.objects.parsed(theirs)
    collection = call.txn.collections.by_id(theirs.collection_id)
    original = obj.master if rid is None else instance_component(obj, rid)
    if collection is None or original is None:
        raise _not_allowed(refusal)
    frame = Frame(organizer, call.txn.collections.zone(collection), call.txn.directory.by_address)
    before = (
        series_json(theirs, obj, frame)
        if rid is None
        else exception_json(
            theirs, CalendarObject.from_component(with_instance(obj, rid, original)), rid, frame
        )
    )
    after = _allowed(original, before, shown, wanted, place, refusal)
    changed = stamped(
        write_event(original, before, after, frame, obj.zones, instance=rid is not None), call.txn.now
    )
    calendar = with_master(obj, original, changed) if rid is None else with_instance(obj, rid, changed)
    # The organizer allowed it when he set the flags: the corridor acts for him.
    actor, call.txn.actor = call.txn.actor, SYSTEM
    try:
        call.services.calendar.put(call.txn, collection, theirs.name, calendar.to_bytes())
    finally:
        call.txn.actor = actor


def _allowed(
    component: Component,
    before: Json,
    shown: Json,
    wanted: Json,
    place: Place,
    refusal: SchedulingRefused,
) -> Json:
    """The organizer's event with what the guest changes."""
    changes = {n: wanted.get(n) for n in _SHARED if wanted.get(n) != shown.get(n)}
    changes = {n: v for n, v in changes.items() if v is not None or n in shown}
    own = {str(a).lower() for a in (x.email for x in place.owner.addresses) if a}
    listed = {p["email"].lower() for p in before.get("attendees", ())}
    people = {str(p.get("email") or "").lower(): p for p in wanted.get("attendees") or ()}
    added = [p for email, p in people.items() if email not in listed]
    gone = set() if wanted.get("attendeesOmitted") else {e for e in listed if e not in people} - own
    modify = flag(component, "guestsCanModify")
    if (changes or gone) and not modify:
        raise _not_allowed(refusal)
    if added and not modify and not flag(component, "guestsCanInviteOthers"):
        raise _not_allowed(refusal)
    mine = {e: p for e, p in people.items() if e in own}
    kept = [
        p
        | (
            {"responseStatus": mine[e]["responseStatus"]}
            if e in mine and mine[e].get("responseStatus")
            else {}
        )
        for p in before.get("attendees", ())
        if (e := p["email"].lower()) not in gone
    ]
    return before | changes | {"attendees": [*kept, *added]}


def _not_allowed(refusal: SchedulingRefused) -> ApiProblem:
    return ApiProblem(
        403, "forbiddenForNonOrganizer", f"Only the organizer may change this: {refusal.detail}"
    )
