# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing events: insert, import, update, patch, delete, move, split. All through the corridor."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from calcore_caldav.api.call import Call, Reply
from calcore_caldav.api.events import find_event, shown_event
from calcore_caldav.api.guests import changed_for_all
from calcore_caldav.api.identifiers import (
    find_by_uid,
    is_client_id,
    new_id,
    resource_name,
)
from calcore_caldav.api.moments import format_instant
from calcore_caldav.api.people import Frame, imported_organizer
from calcore_caldav.api.places import Place, find_place, frame_of, require
from calcore_caldav.api.problems import ApiProblem, deleted, invalid, not_found, required
from calcore_caldav.api.resource import CREATOR, cancelled_instances, exception_json, series_json
from calcore_caldav.api.series import (
    cancelled_component,
    instance_component,
    original_instance,
    with_instance,
    with_master,
    without_instance,
)
from calcore_caldav.api.types import Json
from calcore_caldav.api.writing import merged, new_calendar, new_component, stamped, write_event
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.errors import InvalidRequest, SchedulingRefused
from calcore_caldav.scheduling.conditions import NORMAL, UNCONDITIONAL, Conditions, ScheduleOptions
from calcore_caldav.store.protocol import StoredObject

_IMPORTED: Final = ScheduleOptions(silent=True)
_ORGANIZERS: Final = "allowed-attendee-scheduling-object-change"


def insert_event(call: Call) -> Json:
    """A new event, with an id of the client's choice or a random one."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.BIND)
    id_ = call.body.get("id") or new_id()
    if not is_client_id(id_):
        raise invalid("id", "Invalid resource id value.", kind="field")
    name = resource_name(id_)
    assert name is not None
    if call.txn.objects.get(place.collection, name) is not None:
        raise _duplicate()
    uid = call.body.get("iCalUID") or f"{id_}@calcore"
    return _create(call, place, name, uid, call.body, options_of(call))


def import_event(call: Call) -> Json:
    """A copy of an event from elsewhere: nobody is told, an event of that iCalUID is replaced.

    With originalStartTime it is that instance of the series which is there.
    """
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.BIND)
    uid = call.body.get("iCalUID")
    if not uid:
        raise required("iCalUID", kind="field")
    there = find_by_uid(call.txn, place.collection, uid)
    if there is not None:
        require(place, Privilege.WRITE_CONTENT)
        if call.body.get("originalStartTime") and call.txn.objects.parsed(there).recurrence().recurring:
            return _import_instance(call, place, there)
    id_ = call.body.get("id") or new_id()
    if not is_client_id(id_):
        raise invalid("id", "Invalid resource id value.", kind="field")
    name = resource_name(id_) if there is None else there.name
    assert name is not None
    return _create(call, place, name, uid, call.body, _IMPORTED)


def _import_instance(call: Call, place: Place, stored: StoredObject) -> Json:
    obj, frame = call.txn.objects.parsed(stored), _plain(frame_of(call, place))
    rid = original_instance(obj, call.body["originalStartTime"], frame)
    before = described(obj, rid)
    if before is None:
        raise invalid("originalStartTime", "The series has no such instance.", kind="field")
    if call.body.get("status") == "cancelled":
        left = None if _is_cancelled(obj, rid) else without_instance(obj, rid)
        calendar = obj.calendar if left is None else left
    else:
        shown = _instance_shown(stored, obj, rid, before, frame)
        after = write_event(before, shown, dict(call.body), frame, obj.zones, instance=True)
        calendar = with_instance(obj, rid, stamped(after, call.txn.now))
    return _put(call, place, stored.name, calendar, rid, UNCONDITIONAL, _IMPORTED)


def _create(call: Call, place: Place, name: str, uid: str, body: Json, options: ScheduleOptions) -> Json:
    frame = _plain(frame_of(call, place))
    component = new_component(uid, call.txn.now)
    if options.silent and (organizer := imported_organizer(body.get("organizer") or {})) is not None:
        component = component.adding(organizer)
    actor = call.actor.principal
    if not place.own and actor is not None:
        component = component.adding(Property(CREATOR, escape_text(actor.address.email or actor.name)))
    calendar = Component("VCALENDAR", (), (component,))
    made = write_event(component, {}, body, frame, TimezoneResolver(calendar, frame.zone))
    return _put(call, place, name, new_calendar([made]), None, UNCONDITIONAL, options)


def update_event(call: Call) -> Json:
    """PUT: the event is what the body says."""
    return _change(call, patch=False)


def patch_event(call: Call) -> Json:
    """PATCH: what the body does not name stays."""
    return _change(call, patch=True)


def _change(call: Call, *, patch: bool) -> Json:
    place = find_place(call, call.path["calendarId"])
    stored, rid = find_event(call, place, call.path["eventId"])
    require(place, Privilege.WRITE_CONTENT)
    call.conditions.check(stored)
    obj = call.txn.objects.parsed(stored)
    frame = _plain(frame_of(call, place))
    if rid is None and obj.master is None:
        rid = min(obj.overrides)
    before = obj.master if rid is None else described(obj, rid)
    if before is None:
        raise not_found()
    shown = (
        series_json(stored, obj, frame) if rid is None else _instance_shown(stored, obj, rid, before, frame)
    )
    wanted = merged(shown, call.body) if patch else dict(call.body)
    if wanted.get("status") == "cancelled":
        if shown.get("status") == "cancelled" and _is_cancelled(obj, rid):
            return shown_event(call, place, stored, rid, frame_of(call, place))
        return shown | _cancel(call, place, stored, obj, rid)
    if shown.get("attendeesOmitted"):
        wanted["attendeesOmitted"] = True
    if rid is not None and not patch and "status" not in call.body:
        wanted["status"] = "confirmed"
    after = write_event(before, shown, wanted, frame, obj.zones, instance=rid is not None)
    if after == before and not _is_cancelled(obj, rid):
        return shown_event(call, place, stored, rid, frame_of(call, place))
    after = stamped(after, call.txn.now)
    calendar = with_master(obj, before, after) if rid is None else with_instance(obj, rid, after)
    asked = _organizers_own(place, obj, shown, wanted, call.body)
    made = (
        _put_as_guest(call, place, stored.name, calendar, rid)
        if asked is None
        else SchedulingRefused(_ORGANIZERS, asked)
    )
    if not isinstance(made, SchedulingRefused):
        return made
    changed_for_all(call, place, obj, rid, shown, wanted, made)
    found = call.txn.objects.get(place.collection, stored.name)
    if found is None:
        raise not_found()
    return shown_event(call, place, found, rid, frame_of(call, place))


def _cancel(
    call: Call, place: Place, stored: StoredObject, obj: CalendarObject, rid: RecurrenceId | None
) -> Json:
    """Cancel an event or an instance; what is otherwise in its JSON from now on."""
    _remove(call, place, stored, obj, rid)
    left = call.txn.objects.get(place.collection, stored.name)
    changed = {} if left is None else {"etag": left.etag}
    return changed | {"status": "cancelled", "updated": format_instant(call.txn.now)}


def _put_as_guest(
    call: Call, place: Place, name: str, calendar: Component, rid: RecurrenceId | None
) -> Json | SchedulingRefused:
    """The JSON of what was stored, or why it is the organizer's to change; then nothing is stored."""
    try:
        with call.txn.savepoint():
            return _put(call, place, name, calendar, rid, call.conditions, options_of(call))
    except SchedulingRefused as error:
        if error.precondition != _ORGANIZERS:
            raise
        return error


_TEXTS: Final = ("summary", "description", "location", "attachments", "conferenceData")


def _organizers_own(place: Place, obj: CalendarObject, shown: Json, wanted: Json, body: Json) -> str | None:
    """What a guest wants changed that the corridor would leave as it was in silence; None: nothing of the kind."""
    if obj.organizer is None or obj.organizer in place.owner.own_addresses:
        return None
    for name in _TEXTS:
        if name in body and (wanted.get(name) or None) != shown.get(name):
            return name
    before, after = (
        {str(p.get("email") or "").lower() for p in event.get("attendees") or ()} for event in (shown, wanted)
    )
    gone = before - after if not wanted.get("attendeesOmitted") else set()
    return "the list of attendees" if after - before or gone else None


def described(obj: CalendarObject, rid: RecurrenceId) -> Component | None:
    """The component of an instance, a cancelled one too; None where the series has none such."""
    return instance_component(obj, rid) or cancelled_component(obj, rid)


def _is_cancelled(obj: CalendarObject, rid: RecurrenceId | None) -> bool:
    return rid is not None and rid in cancelled_instances(obj)


def _instance_shown(
    stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, component: Component, frame: Frame
) -> Json:
    """How an instance is shown, or would be if it happened."""
    made = exception_json(
        stored, CalendarObject.from_component(with_instance(obj, rid, component)), rid, frame
    )
    return made | ({"status": "cancelled"} if _is_cancelled(obj, rid) else {})


def delete_event(call: Call) -> None:
    """An event goes, or one instance is cancelled."""
    place = find_place(call, call.path["calendarId"])
    stored, rid = find_event(call, place, call.path["eventId"])
    require(place, Privilege.UNBIND if rid is None else Privilege.WRITE_CONTENT)
    call.conditions.check(stored)
    obj = call.txn.objects.parsed(stored)
    if _is_cancelled(obj, rid):
        raise deleted()
    _remove(call, place, stored, obj, rid)


def _remove(
    call: Call, place: Place, stored: StoredObject, obj: CalendarObject, rid: RecurrenceId | None
) -> None:
    options = options_of(call)
    left = None
    if rid is not None:
        if instance_component(obj, rid) is None:
            raise not_found()
        left = without_instance(obj, rid)
    if left is None:
        require(place, Privilege.UNBIND)
        call.services.calendar.delete(call.txn, stored, conditions=call.conditions, options=options)
        return
    master = CalendarObject.from_component(left).master
    if master is not None:
        changed = stamped(master, call.txn.now)
        left = left.with_children(changed if c is master else c for c in left.children)
    _put(call, place, stored.name, left, None, call.conditions, options)


def move_event(call: Call) -> Json:
    """Into another calendar; within one home nobody hears of it."""
    place = find_place(call, call.path["calendarId"])
    target = find_place(call, call.parameters["destination"])
    stored, rid = find_event(call, place, call.path["eventId"])
    if rid is not None:
        raise ApiProblem(
            400, "badRequest", "An instance cannot be moved without its series.", location="eventId"
        )
    require(place, Privilege.UNBIND)
    require(target, Privilege.BIND)
    if target.collection.id == place.collection.id:
        return shown_event(call, place, stored, None, frame_of(call, place))
    result = call.services.calendar.move(
        call.txn,
        stored,
        target.collection,
        stored.name,
        overwrite=False,
        conditions=call.conditions,
        options=options_of(call),
    )
    return shown_event(call, target, result.stored, None, frame_of(call, target))


def split_event(call: Call) -> Json:
    """This and all following in one call: the body is the change, a PATCH of the new series."""
    place = find_place(call, call.path["calendarId"])
    stored, rid = find_event(call, place, call.path["eventId"])
    require(place, Privilege.WRITE_CONTENT)
    require(place, Privilege.BIND)
    call.conditions.check(stored)
    if rid is None:
        raise invalid("eventId", "The id of the instance is needed from which on the series changes.")
    obj = call.txn.objects.parsed(stored)
    if obj.organizer is not None and obj.organizer not in place.owner.own_addresses:
        raise ApiProblem(403, "forbiddenForNonOrganizer", "Only the organizer may split a series.")
    if instance_component(obj, rid) is None:
        raise not_found()
    try:
        halves = call.services.calendar.split(call.txn, stored, rid, conditions=call.conditions)
    except InvalidRequest as error:
        raise invalid("eventId", f"The series cannot be split there: {error.detail}.") from None
    frame = _plain(frame_of(call, place))
    after = call.txn.objects.parsed(halves.future)
    master = after.master
    shown = series_json(halves.future, after, frame)
    change = {k: v for k, v in call.body.items() if k not in {"id", "iCalUID", "status"}}
    if change and master is not None:
        changed = write_event(master, shown, merged(shown, change), frame, after.zones)
        calendar = with_master(after, master, stamped(changed, call.txn.now))
        _put(call, place, halves.future.name, calendar, None, UNCONDITIONAL, options_of(call))
    final = frame_of(call, place)
    shown_halves = [
        shown_event(call, place, half, None, final)
        for half in (halves.past, call.txn.objects.get(place.collection, halves.future.name))
        if half is not None
    ]
    return {"kind": "calendar#split", "before": shown_halves[0], "after": shown_halves[-1]}


def quick_add(_: Call) -> Reply:
    """Not done: a sentence that is half understood books the wrong hour."""
    raise ApiProblem(501, "notImplemented", "quickAdd is not supported: insert the event with its times.")


def options_of(call: Call) -> ScheduleOptions:
    """What sendUpdates means: the calendars and rooms of this server always agree, so "none" spares people
    elsewhere the mail, and lets a guest remove an invitation without telling (RFC 6638 §8.1).
    """
    if call.parameters.get("sendUpdates") != "none":
        return NORMAL
    return ScheduleOptions(reply=call.method != "DELETE", mail=False)


def _put(
    call: Call,
    place: Place,
    name: str,
    calendar: Component,
    rid: RecurrenceId | None,
    conditions: Conditions,
    options: ScheduleOptions,
) -> Json:
    result = call.services.calendar.put(
        call.txn, place.collection, name, calendar.to_bytes(), conditions=conditions, options=options
    )
    return shown_event(call, place, result.stored, rid, frame_of(call, place))


def _plain(frame: Frame) -> Frame:
    """The frame in which changes are compared: everybody, times in their own zones."""
    return replace(frame, shown_in=None, max_attendees=None)


def _duplicate() -> ApiProblem:
    return ApiProblem(409, "duplicate", "The requested identifier already exists.")
