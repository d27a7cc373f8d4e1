# SPDX-License-Identifier: GPL-3.0-or-later
"""calendarList: the calendars that the caller has or was let into, as he wants to see them."""

from __future__ import annotations

import json
from functools import partial
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.collections import (
    COLOR,
    check_tag,
    described,
    json_of,
    set_text,
    summary_of,
    tag_of,
    xml_text,
)
from calcore_caldav.api.listing import Item
from calcore_caldav.api.pages import page_of_few
from calcore_caldav.api.places import RANKS, Place, find_place, seen, zone_of
from calcore_caldav.api.problems import ApiProblem, not_found, required
from calcore_caldav.api.types import Json
from calcore_caldav.scheduling.access import ALL, AUTHENTICATED
from calcore_caldav.store.protocol import CollectionKind

ENTRIES: Final = "{urn:x-calcore:json}calendar-list"
"""Property of a home: what its owner chose for each calendar of his list, as JSON."""
CALENDAR_COLORS: Final[dict[str, str]] = {
    "1": "#ac725e", "2": "#d06b64", "3": "#f83a22", "4": "#fa573c", "5": "#ff7537", "6": "#ffad46",
    "7": "#42d692", "8": "#16a765", "9": "#7bd148", "10": "#b3dc6c", "11": "#fbe983", "12": "#fad165",
    "13": "#92e1c0", "14": "#9fe1e7", "15": "#9fc6e7", "16": "#4986e7", "17": "#9a9cff", "18": "#b99aff",
    "19": "#c2c2c2", "20": "#cabdbf", "21": "#cca6ac", "22": "#f691b2", "23": "#cd74e6", "24": "#a47ae2",
}  # fmt: skip
_CHOSEN: Final = (
    "summaryOverride", "colorId", "backgroundColor", "foregroundColor", "hidden", "selected",
    "defaultReminders", "notificationSettings",
)  # fmt: skip


def list_entries(call: Call) -> Json:
    """The list, in pages; with a sync token also what was hidden, and "deleted" what is not there any more."""
    least = RANKS[call.parameters.get("minAccessRole", "freeBusyReader")]
    hidden = call.parameters.get("showHidden")
    entries = [entry_json(call, place) for place in _places(call)]
    items = [
        Item((not e.get("primary"), e["id"]), partial(dict, e))
        for e in entries
        if RANKS[e["accessRole"]] >= least
    ]
    return page_of_few(
        call,
        "calendar#calendarList",
        call.actor.name,
        items,
        shows=lambda entry: hidden or not entry.get("hidden"),
        gone=_gone,
    )


def _gone(id_: str) -> Item:
    made = {"kind": "calendar#calendarListEntry", "id": id_, "deleted": True}
    return Item((True, id_), partial(dict, made | {"etag": tag_of(made)}))


def _places(call: Call) -> list[Place]:
    """The caller's own calendars, those he was let into, and those that he put on his list."""
    principal, txn = call.actor.principal, call.txn
    if principal is None:
        return []
    found: dict[int, Place] = {}

    def add(owner_id: int, collection_id: int | None) -> None:
        owner = txn.directory.by_id(owner_id)
        if owner is None:
            return
        for collection in txn.collections.of(owner, CollectionKind.CALENDAR):
            if collection_id is None or collection.id == collection_id:
                place = seen(call, owner, collection)
                if place is not None and "VEVENT" in collection.components:
                    found.setdefault(collection.id, place)

    add(principal.id, None)
    for grant in txn.directory.grants_to({principal.name, *call.actor.groups, AUTHENTICATED, ALL}):
        add(grant.owner_id, grant.collection_id)
    from_list = [id_ for id_, entry in _chosen(call).items() if entry.get("listed")]
    for id_ in from_list:
        try:
            place = find_place(call, id_)
        except ApiProblem:
            continue
        found.setdefault(place.collection.id, place)
    removed = {id_ for id_, entry in _chosen(call).items() if entry.get("removed")}
    return [place for place in found.values() if place.own or place.id not in removed]


def get_entry(call: Call) -> Json:
    """One line of the list."""
    return entry_json(call, find_place(call, call.path["calendarId"]))


def entry_json(call: Call, place: Place) -> Json:
    """A calendarList resource."""
    chosen = _chosen(call).get(place.id, {})
    made: Json = {
        "kind": "calendar#calendarListEntry",
        "id": place.id,
        "summary": summary_of(place),
        "timeZone": zone_of(call, place)[0],
        "accessRole": place.role,
        "selected": True,
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": []},
        "dataOwner": place.owner.address.email or place.owner.name,
    }
    if place.details:
        made |= described(call.txn, place.collection)
        color = xml_text(call.txn.collections.dead_properties(place.collection.path).get(COLOR))[:7].lower()
        if color:
            made["backgroundColor"] = color
    made |= {name: chosen[name] for name in _CHOSEN if chosen.get(name) is not None}
    background = made.get("backgroundColor") or CALENDAR_COLORS.get(made.get("colorId", ""), "#9fc6e7")
    made |= {"backgroundColor": background, "foregroundColor": made.get("foregroundColor", "#000000")}
    made.setdefault("colorId", next((k for k, c in CALENDAR_COLORS.items() if c == background), "15"))
    principal = call.actor.principal
    if principal is not None and place.own and place.collection.name == principal.default_calendar:
        made["primary"] = True
    return made | {"etag": tag_of(made)}


def insert_entry(call: Call) -> Json:
    """A calendar that the caller may read comes on his list."""
    if not call.body.get("id"):
        raise required("id", kind="field")
    place = find_place(call, call.body["id"])
    return _choose(call, place, {"listed": True, "removed": None} | call.body)


def update_entry(call: Call) -> Json:
    """PUT: everything that can be chosen."""
    place = find_place(call, call.path["calendarId"])
    return _choose(call, place, dict.fromkeys(_CHOSEN) | call.body)


def patch_entry(call: Call) -> Json:
    """PATCH: what the body names."""
    return _choose(call, find_place(call, call.path["calendarId"]), call.body)


def delete_entry(call: Call) -> None:
    """Somebody else's calendar goes off the list; an own one is hidden or deleted instead."""
    place = find_place(call, call.path["calendarId"])
    if place.own:
        raise ApiProblem(403, "forbidden", "One's own calendar stays on the list: hide it, or delete it.")
    _choose(call, place, dict.fromkeys(_CHOSEN) | {"listed": None, "removed": True})


def _choose(call: Call, place: Place, body: Json) -> Json:
    principal = call.actor.principal
    if principal is None:
        raise not_found()
    check_tag(call, entry_json(call, place))
    every = _chosen(call)
    entry = every.get(place.id, {}) | {
        name: body[name] for name in (*_CHOSEN, "listed", "removed") if name in body
    }
    every[place.id] = {name: value for name, value in entry.items() if value is not None}
    set_text(call.txn, principal.path, ENTRIES, json.dumps({k: v for k, v in every.items() if v}))
    color = body.get("backgroundColor") or CALENDAR_COLORS.get(str(body.get("colorId")))
    if color and place.own:
        # What Apple's clients and others show.
        set_text(call.txn, place.collection.path, COLOR, color)
    return entry_json(call, place)


def _chosen(call: Call) -> dict[str, Json]:
    principal = call.actor.principal
    return {} if principal is None else json_of(call.txn, principal.path, ENTRIES)
