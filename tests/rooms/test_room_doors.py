# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms over HTTP: nobody but managers writes into their calendars by any path, and odd requests have their answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from room_office import event
from room_server import room_server

from calcore_caldav.core.times import format_date_time
from calcore_caldav.server.directory import parse_directory
from calcore_caldav.server.directory_import import import_directory
from calcore_caldav.store.protocol import SYSTEM

START = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
JSON = "/calendar/v3/calendars/room1@example.com"
OWN = "/calendar/v3/calendars/primary"


@pytest.fixture
def place(tmp_path):
    """A walk-in and ann's meeting stand in the calendar of room1, which max manages."""
    with room_server(tmp_path) as made:
        walk_in = event("walk-in", START, organizer=None).body
        assert made.max.put("/room1/calendar/walk-in.ics", walk_in).status == 201
        assert made.book(made.ann, event("one", START + timedelta(hours=2))) == {"": "ACCEPTED"}
        yield made


def body_of(hour: int = 0) -> str:
    start = format_date_time(START + timedelta(hours=hour))
    moment = f"{start[:4]}-{start[4:6]}-{start[6:8]}T{start[9:11]}:{start[11:13]}:00Z"
    return json.dumps(
        {"summary": "x", "start": {"dateTime": moment}, "end": {"dateTime": moment}, "iCalUID": "j"}
    )


PATHS = {
    "put": ("PUT", "/room1/calendar/new.ics", "ics", {}),
    "put into an event": ("PUT", "/room1/calendar/walk-in.ics", "ics", {}),
    "put into the inbox": ("PUT", "/room1/inbox/new.ics", "ics", {}),
    "put a whole calendar": ("PUT", "/room1/calendar/", "ics", {}),
    "add a member": ("POST", "/room1/calendar/", "ics", {}),
    "delete": ("DELETE", "/room1/calendar/walk-in.ics", "", {}),
    "delete the calendar": ("DELETE", "/room1/calendar/", "", {}),
    "copy into": ("COPY", "/bob/calendar/own.ics", "", {"Destination": "/room1/calendar/new.ics"}),
    "copy over": ("COPY", "/bob/calendar/own.ics", "", {"Destination": "/room1/calendar/walk-in.ics"}),
    "copy out of": ("COPY", "/room1/calendar/walk-in.ics", "", {"Destination": "/bob/calendar/new.ics"}),
    "move into": ("MOVE", "/bob/calendar/own.ics", "", {"Destination": "/room1/calendar/new.ics"}),
    "move out of": ("MOVE", "/room1/calendar/walk-in.ics", "", {"Destination": "/bob/calendar/new.ics"}),
    "move a calendar": ("MOVE", "/room1/calendar/", "", {"Destination": "/bob/taken/"}),
    "make a calendar": ("MKCALENDAR", "/room1/other/", "", {}),
    "change a calendar": ("PROPPATCH", "/room1/calendar/", "patch", {}),
    "change the room": ("PROPPATCH", "/room1/", "patch", {}),
    "grant oneself": ("ACL", "/room1/calendar/", "acl", {}),
    "json insert": ("POST", f"{JSON}/events", "json", {}),
    "json import": ("POST", f"{JSON}/events/import", "json", {}),
    "json move into": ("POST", f"{OWN}/events/own/move?destination=room1%40example.com", "", {}),
    "json grant": ("POST", f"{JSON}/acl", "rule", {}),
    "json clear": ("POST", f"{JSON}/clear", "", {}),
    "json change": ("PATCH", JSON, "json", {}),
}
PATCH = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Mine</D:displayname></D:prop></D:set>'
    "</D:propertyupdate>"
)
GRANT = (
    '<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:href>/bob/</D:href></D:principal><D:grant><D:privilege>'
    "<D:all/></D:privilege></D:grant></D:ace></D:acl>"
)
BODIES = {
    "ics": (event("new", START + timedelta(hours=5), organizer=None).body.decode(), "text/calendar"),
    "patch": (PATCH, "application/xml"),
    "acl": (GRANT, "application/xml"),
    "json": (body_of(5), "application/json"),
    "rule": (
        json.dumps({"role": "owner", "scope": {"type": "user", "value": "bob@example.com"}}),
        "application/json",
    ),
    "": ("", ""),
}


@pytest.mark.parametrize("how", PATHS)
def test_nobody_else_writes_there(place, how):
    method, path, kind, headers = PATHS[how]
    own = event("own", START + timedelta(hours=7), organizer=None).body
    assert place.bob.put("/bob/calendar/own.ics", own).status == 201
    before = place.room()
    text, content_type = BODIES[kind]
    if "Destination" in headers:
        headers = {"Destination": f"http://localhost{headers['Destination']}", "Overwrite": "T"}
    if content_type:
        headers = {**headers, "Content-Type": content_type}
    answer = place.bob.request(method, path.replace("%40", "@"), text, headers)
    if method == "PROPPATCH" and answer.status == 207:
        assert " 403 " in answer.text
    else:
        assert answer.status in {403, 404, 405}, answer.text
    assert place.room() == before
    with place.services.store.read() as txn:
        room = txn.directory.by_name("room1")
        assert [c.name for c in txn.collections.of(room)].count("other") == 0
        assert [g.grantee for g in txn.directory.grants(room)] == ["max"]


def test_a_manager_writes_there(place):
    walk_in = event("new", START + timedelta(hours=5), organizer=None).body
    assert place.max.put("/room1/calendar/new.ics", walk_in).status == 201
    target = "http://localhost/room1/calendar/copied.ics"
    own = event("own", START + timedelta(hours=7), organizer=None).body
    assert place.max.put("/max/calendar/own.ics", own).status == 201
    assert place.max.request("COPY", "/max/calendar/own.ics", b"", {"Destination": target}).status == 201
    assert len(place.bookings()) == 4
    assert place.max.delete("/room1/calendar/copied.ics").status == 204
    assert len(place.bookings()) == 3


ZONE = (
    '<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    "<C:calendar-timezone-id>Asia/Tokyo</C:calendar-timezone-id></D:prop></D:set></D:propertyupdate>"
)
DIRECTORY = """
[[principal]]
name = "room1"
type = "ROOM"
addresses = ["room1@example.com", "boardroom@example.com"]
timezone = "Asia/Tokyo"
"""


@pytest.mark.parametrize("door", ["DAV", "directory"])
def test_in_another_time_zone_a_day_is_booked_at_another_time(place, door):
    day = (START + timedelta(days=10)).date()
    whole = event("day", None, f"DTSTART;VALUE=DATE:{day:%Y%m%d}", f"DTEND;VALUE=DATE:{day + DAY:%Y%m%d}")
    assert place.book(place.ann, whole) == {"": "ACCEPTED"}
    midnight = datetime.combine(day, time(), UTC)
    assert place.bookings()[-1] == midnight
    if door == "DAV":
        assert " 200 " in place.max.request("PROPPATCH", "/room1/calendar/", ZONE).text
    else:
        import_directory(place.services, parse_directory(DIRECTORY, "room.toml"))
    assert place.bookings()[-1] == midnight - timedelta(hours=9)
    assert place.book(place.bob, event("then", midnight - timedelta(hours=2), organizer="bob")) == {
        "": "DECLINED"
    }
    assert place.book(place.bob, event("later", midnight + timedelta(hours=20), organizer="bob")) == {
        "": "ACCEPTED"
    }


@pytest.mark.parametrize("door", ["DAV", "JSON"])
def test_who_has_a_room_hears_that_it_is_gone_however_quietly(place, door):
    path = next(path for path, body in place.room().items() if b"UID:one" in body)
    if door == "DAV":
        assert place.max.delete(path, schedule_reply="F").status == 204
    else:
        events = f"{JSON}/events"
        listed = json.loads(place.max.get(f"{events}?iCalUID=one").body)["items"]
        silent = f"{events}/{listed[0]['id']}?sendUpdates=none"
        assert place.max.request("DELETE", silent).status == 204
    assert place.bookings() == [START]
    assert place.answers(place.ann, "one") == {"": "DECLINED"}


@pytest.mark.parametrize("answer", ["ACCEPTED", "TENTATIVE"])
def test_no_organizer_answers_for_a_room(place, answer):
    assert place.book(place.bob, event("two", START, organizer="bob", answer=answer)) == {"": "DECLINED"}
    # Nor later.
    changed = place.text(place.bob, "two").replace("PARTSTAT=DECLINED", f"PARTSTAT={answer}")
    assert place.bob.put("/bob/calendar/two.ics", changed).status == 204
    assert place.answers(place.bob, "two") == {"": "DECLINED"}


def test_a_room_does_not_organize(place):
    before = place.room()
    invites = event("odd", START + timedelta(hours=5), organizer="room1", attendees=["ann"]).body
    refused = place.max.put("/room1/calendar/odd.ics", invites)
    assert (refused.status, refused.error) == (403, "{urn:ietf:params:xml:ns:caldav}organizer-allowed")
    # Nor does anybody in its name.
    forged = place.bob.put("/bob/calendar/odd.ics", invites)
    assert (forged.status, forged.error) == (403, "{urn:ietf:params:xml:ns:caldav}organizer-allowed")
    assert place.room() == before


@pytest.mark.parametrize("again", ["mailto:room1@example.com", "mailto:boardroom@example.com"])
def test_a_room_invited_twice_is_booked_once(place, again):
    before = place.bookings()
    twice = event("odd", START + timedelta(hours=5), attendees=[again])
    assert place.book(place.ann, twice) == {"": "ACCEPTED"}
    assert place.text(place.ann, "odd").count("CUTYPE=ROOM") == 1
    assert place.bookings() == [*before, START + timedelta(hours=5)]


def test_a_room_in_a_group_is_booked_once(place):
    with place.services.store.write(SYSTEM) as txn:
        txn.directory.set_members(txn.directory.by_name("staff"), ["bob", "room1", "ann"])
    before = place.bookings()
    both = event("odd", START + timedelta(hours=5), attendees=["staff"])
    assert place.book(place.ann, both) == {"": "ACCEPTED"}
    assert place.text(place.ann, "odd").count("CUTYPE=ROOM") == 1
    assert place.bookings() == [*before, START + timedelta(hours=5)]


def test_a_booking_without_end_takes_no_time(place):
    before = place.bookings()
    instant = event("odd", None, f"DTSTART:{format_date_time(START + timedelta(hours=5))}")
    assert place.book(place.ann, instant) == {"": "ACCEPTED"}
    inside = event("odder", None, f"DTSTART:{format_date_time(START + timedelta(minutes=30))}")
    assert place.book(place.ann, inside) == {"": "DECLINED"}
    around = event("around", START + timedelta(hours=4.5), organizer="bob")
    assert place.book(place.bob, around) == {"": "ACCEPTED"}
    assert [b for b in place.bookings() if b not in before] == [START + timedelta(hours=4.5)]
