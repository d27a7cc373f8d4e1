# SPDX-License-Identifier: GPL-3.0-or-later
"""freebusy.query: busy times of people, rooms, calendars and groups."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.moments import format_time, parse_instant, parse_zone
from calcore_caldav.api.places import Place, calendar_id, find_owner, known, lookup
from calcore_caldav.api.problems import ApiProblem, required
from calcore_caldav.api.types import Json
from calcore_caldav.core.freebusy import BusyPeriod, clip_periods
from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling.availability import free_busy
from calcore_caldav.scheduling.slots import union

_MOST_GROUP: Final = 100
_MOST_CALENDARS: Final = 50
_LONGEST: Final = timedelta(days=366)


def query_free_busy(call: Call) -> Json:
    """Merged busy times, per calendar; groups are expanded."""
    window = _window(call)
    zone = parse_zone(call.body.get("timeZone") or "UTC", "timeZone")
    limit = min(call.body.get("calendarExpansionMax") or _MOST_CALENDARS, _MOST_CALENDARS)
    wanted, groups = _expanded(call)
    calendars = {
        id_: _busy(call, id_, window, zone) if number < limit else _error("tooManyCalendarsRequested")
        for number, id_ in enumerate(dict.fromkeys(wanted))
    }
    return {
        "kind": "calendar#freeBusy",
        "timeMin": format_time(window.start.astimezone(zone)),
        "timeMax": format_time(window.end.astimezone(zone)),
        "calendars": calendars,
        "groups": groups,
    }


def _window(call: Call) -> Period:
    """The time that is asked for. Raises ApiProblem (400)."""
    for name in ("timeMin", "timeMax"):
        if not call.body.get(name):
            raise required(name, kind="field")
    window = Period(*(parse_instant(call.body[name], name) for name in ("timeMin", "timeMax")))
    if window.start >= window.end:
        raise ApiProblem(
            400, "timeRangeEmpty", "The specified time range is empty.", location="timeMax", kind="field"
        )
    if window.end - window.start > _LONGEST:
        raise ApiProblem(
            400, "timeRangeTooLong", "The requested time range is too long.", location="timeMax", kind="field"
        )
    return window


def _expanded(call: Call) -> tuple[list[str], dict[str, Json]]:
    """The ids of the calendars that are asked for, those of groups' members too, and what is said of groups."""
    most = min(call.body.get("groupExpansionMax") or _MOST_GROUP, _MOST_GROUP)
    wanted: list[str] = []
    groups: dict[str, Json] = {}
    for item in call.body.get("items") or []:
        id_ = item.get("id") or ""
        group = find_owner(call.txn, id_)
        if group is None or group.kind is not CalendarUserType.GROUP or not known(call, group):
            wanted.append(id_)
            continue
        members = [_id_of(call, m) for m in call.txn.directory.expand(group) if known(call, m)]
        if len(members) > most:
            groups[id_] = _error("groupTooBig")
        else:
            groups[id_] = {"calendars": members}
            wanted += members
    return wanted, groups


def _busy(call: Call, id_: str, window: Period, zone: tzinfo) -> Json:
    place = lookup(call, id_)
    if place is None:
        return _error("notFound") | {"busy": []}
    busy = union(Period(start, end) for start, end, _ in clip_periods(_periods(call, place, window), window))
    return {
        "busy": [
            {"start": format_time(start.astimezone(zone)), "end": format_time(end.astimezone(zone))}
            for start, end in busy
        ]
    }


def _periods(call: Call, place: Place, window: Period) -> list[BusyPeriod]:
    """Of a primary calendar: when its owner can't be met. Of another: what stands in it."""
    if place.collection.name == place.owner.default_calendar:
        return list(free_busy(call.txn, place.owner, window, settings=call.services.settings))
    return call.txn.instances.busy([place.collection], window)


def _id_of(call: Call, principal: Principal) -> str:
    collection = call.txn.collections.get(principal.name, principal.default_calendar)
    return calendar_id(principal, collection) if collection is not None else principal.name


def _error(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}]}
