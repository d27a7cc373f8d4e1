# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading events: get, list, instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from calcore_caldav.api.call import Call
from calcore_caldav.api.identifiers import parse_event_id
from calcore_caldav.api.listing import AHEAD, Item, instant_of, list_items
from calcore_caldav.api.moments import format_instant, parse_instant, parse_time
from calcore_caldav.api.pages import page_of
from calcore_caldav.api.people import Frame
from calcore_caldav.api.places import Place, find_place, frame_of, zone_of
from calcore_caldav.api.problems import ApiProblem, deleted, full_sync_required, invalid, not_found
from calcore_caldav.api.query import query_of, window_of
from calcore_caldav.api.resource import (
    When,
    cancelled_instances,
    cancelled_json,
    component_of,
    deleted_json,
    exception_json,
    instance_json,
    is_cancelled,
    series_json,
)
from calcore_caldav.api.tokens import PageToken, SyncPoint, query_digest
from calcore_caldav.api.types import Json
from calcore_caldav.api.veil import seen
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import TimeRange, to_epoch
from calcore_caldav.store.protocol import StoredObject


def get_event(call: Call) -> Json:
    """An event or an instance."""
    place = find_place(call, call.path["calendarId"])
    try:
        stored, rid = find_event(call, place, call.path["eventId"])
    except ApiProblem as problem:
        if problem.reason != "deleted":
            raise
        return deleted_json(call.path["eventId"])
    return shown_event(call, place, stored, rid, frame_of(call, place))


def find_event(call: Call, place: Place, text: str) -> tuple[StoredObject, RecurrenceId | None]:
    """The event that an id names, and which instance. Raises ApiProblem (404; 410 if it is known to be gone)."""
    parsed = parse_event_id(text)
    if parsed is None or not place.details:
        raise not_found()
    stored = call.txn.objects.get(place.collection, parsed.name)
    if stored is None and call.txn.objects.removed(place.collection, parsed.name):
        raise deleted()
    if stored is None or stored.component != "VEVENT":
        raise not_found()
    return stored, parsed.rid


def shown_event(
    call: Call, place: Place, stored: StoredObject, rid: RecurrenceId | None, frame: Frame
) -> Json:
    """The JSON of an event or instance, cancelled ones included. Raises ApiProblem (404)."""
    obj = call.txn.objects.parsed(stored)
    made = series_json(stored, obj, frame) if rid is None else one_instance(stored, obj, rid, frame)
    component = obj.master if rid is None else component_of(obj, rid)
    return seen(made, stored, obj, component, place)


def one_instance(stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, frame: Frame) -> Json:
    """An instance by its identity. Raises ApiProblem (404) where the series has none such."""
    if rid in obj.overrides:
        return exception_json(stored, obj, rid, frame)
    if rid in cancelled_instances(obj):
        return cancelled_json(stored, obj, rid, frame)
    instance = obj.recurrence(frame.zone).instance(rid)
    if instance is None or instance.rid != rid:
        raise not_found()
    return instance_json(stored, obj, When(rid, instance.start, instance.end), frame)


def list_events(call: Call) -> Json:
    """All events, those of a time, those that fit, or those that changed; in pages."""
    place = find_place(call, call.path["calendarId"])
    frame = frame_of(call, place)
    parameters = dict(call.parameters)
    query = query_of(parameters, details=place.details)
    _check_remembered(call, place, query.updated_min)
    digest = query_digest(f"{call.actor.name}|{place.collection.id}", _filters(parameters))
    # Who may see more than before, or less, has to begin anew.
    epoch = f"{call.txn.sync_epoch}/{place.private:d}"
    point = SyncPoint(epoch, place.collection.id, place.collection.revision, digest)
    if (token := parameters.get("syncToken")) is not None:
        if not place.details:
            raise full_sync_required()
        last = SyncPoint.parse(token, epoch, place.collection.id, digest)
        query = replace(query, since=last.revision, window=_window(last), deleted=True)
        point = replace(point, window=last.window)
    else:
        point = replace(point, window=(parameters.get("timeMin"), parameters.get("timeMax")))
    of_pages = f"{digest}|{point.window}|{query.since}"
    items = list_items(call, place, query, frame, PageToken.of(call, of_pages))
    page, revision = page_of(call, items, of_pages, point.revision)
    made = {**_head(call, place), **page}
    if "nextPageToken" not in made and place.details and _syncable(parameters):
        # What changed while the client was reading pages comes with the next listing.
        made["nextSyncToken"] = str(replace(point, revision=revision))
    return made


def _check_remembered(call: Call, place: Place, since: datetime | None) -> None:
    """Raise ApiProblem (410) where events may have been deleted since then and are forgotten."""
    days = call.services.settings.history_days
    if since is None or not days or since >= call.txn.now - timedelta(days=days):
        return
    if call.txn.objects.forgetful(place.collection):
        raise ApiProblem(
            410,
            "updatedMinTooLongAgo",
            "The requested minimum modification time lies too far in the past.",
            location="updatedMin",
        )


def _filters(parameters: Json) -> Json:
    """What an incremental listing must have in common with the first one."""
    return {
        k: v
        for k, v in parameters.items()
        if k not in {"timeMin", "timeMax", "showDeleted", "showHiddenInvitations"}
    }


def _window(point: SyncPoint) -> TimeRange:
    low, high = point.window
    return window_of({"timeMin": low, "timeMax": high})


def _syncable(parameters: Json) -> bool:
    return not any(
        name in parameters
        for name in (
            "iCalUID",
            "orderBy",
            "q",
            "privateExtendedProperty",
            "sharedExtendedProperty",
            "updatedMin",
        )
    )


def list_instances(call: Call) -> Json:
    """The instances of a recurring event."""
    place = find_place(call, call.path["calendarId"])
    frame = frame_of(call, place)
    stored, rid = find_event(call, place, call.path["eventId"])
    if rid is not None:
        raise not_found()
    obj = call.txn.objects.parsed(stored)
    window = window_of(call.parameters)
    items = _instances(call, place, stored, obj, window, frame)
    if (text := call.parameters.get("originalStart")) is not None:
        wanted = _original(text, frame)
        items = [item for item in items if _began(item, wanted, frame)]
    digest = query_digest(f"{place.collection.id}|{stored.id}", call.parameters)
    page, _ = page_of(call, items, digest, place.collection.revision)
    return {**_head(call, place), **page}


def _instances(
    call: Call, place: Place, stored: StoredObject, obj: CalendarObject, window: TimeRange, frame: Frame
) -> list[Item]:
    """Only as many as the page needs, where the order allows it."""
    recurrence = obj.recurrence(frame.zone)
    if not recurrence.recurring:
        return []
    if recurrence.endless and window.end is None:
        window = TimeRange(window.start, max(call.txn.now, window.start or call.txn.now) + AHEAD)
    deleted = call.parameters.get("showDeleted")
    items = []
    for instance in recurrence.between(window):
        if instance.rid is None or is_cancelled(instance.component):
            continue
        when = When(instance.rid, instance.start, instance.end)
        items.append(_instance_item(stored, obj, when, frame, place))
    if deleted:
        for rid in cancelled_instances(obj):
            at = instant_of(rid, frame.zone)
            if window.overlaps(at, at):
                items.append(_cancelled_item(stored, obj, rid, at, frame, place))
    return sorted(items, key=lambda item: item.key)


def _instance_item(stored: StoredObject, obj: CalendarObject, when: When, frame: Frame, place: Place) -> Item:
    def render() -> Json:
        made = instance_json(stored, obj, when, frame)
        return seen(made, stored, obj, component_of(obj, when.rid), place)

    return Item((to_epoch(when.start), when.rid.to_basic()), render)


def _cancelled_item(
    stored: StoredObject, obj: CalendarObject, rid: RecurrenceId, at: datetime, frame: Frame, place: Place
) -> Item:
    def render() -> Json:
        return seen(cancelled_json(stored, obj, rid, frame), stored, obj, None, place)

    return Item((to_epoch(at), rid.to_basic()), render)


def _original(text: str, frame: Frame) -> datetime | date:
    """originalStart: a date, a time with an offset, or a local time."""
    if len(text) == 10:
        try:
            return datetime.fromisoformat(text).date()
        except ValueError:
            raise invalid("originalStart") from None
    moment = parse_time(text, "originalStart")
    if moment.tzinfo is not None:
        return moment
    return parse_instant(moment.replace(tzinfo=frame.zone).isoformat(), "originalStart")


def _began(item: Item, wanted: datetime | date, frame: Frame) -> bool:
    """Whether an instance was to begin then; a floating one in the calendar's zone."""
    rid = RecurrenceId.parse(item.key[1])
    return (instant_of(rid, frame.zone) if isinstance(wanted, datetime) else rid.value) == wanted


def _head(call: Call, place: Place) -> Json:
    collection = place.collection
    return {
        "kind": "calendar#events",
        "etag": "",
        "summary": collection.display_name or place.owner.display_name or place.owner.name,
        "updated": format_instant(collection.modified),
        "timeZone": zone_of(call, place)[0],
        "accessRole": place.role,
        "defaultReminders": [],
    }
