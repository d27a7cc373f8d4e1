# SPDX-License-Identifier: GPL-3.0-or-later
"""A room's calendar is written by its managers and by administrators, whatever the path; unmodified Radicale too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client import DavClient, Reply
from dav_server import Server
from radicale.app import Application

from calcore_caldav.core.principals import Privilege
from calcore_caldav.server.assembly import close_services
from calcore_caldav.server.configuration import native_configuration

P = Privilege
ROOM = "/calendar/v3/calendars/room1@example.com/events"
TIMES = {"start": {"dateTime": "2027-01-05T09:00:00Z"}, "end": {"dateTime": "2027-01-05T10:00:00Z"}}


def event(uid: str, said: str = "") -> str:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270104T090000Z\r\nDURATION:PT1H\r\n"
        f"RRULE:FREQ=DAILY;COUNT=2\r\n{said}SUMMARY:Walk-in {uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def ask_json(client: DavClient, method: str, path: str, body: object = None) -> Reply:
    sent = "" if body is None else json.dumps(body)
    return client.request(method, path, sent, {"Content-Type": "application/json"})


def to(path: str) -> dict[str, str]:
    return {"Destination": f"http://localhost{path}"}


def property_of(name: str, value: str) -> str:
    return f"<D:propertyupdate><D:set><D:prop><{name}>{value}</{name}></D:prop></D:set></D:propertyupdate>"


WRITES: dict[str, Callable[[DavClient], Reply]] = {
    "PUT a new one": lambda c: c.put("/room1/calendar/new.ics", event("new")),
    "PUT the old one": lambda c: c.put("/room1/calendar/e.ics", event("e").replace("Walk", "Run")),
    "COPY into it": lambda c: c.request("COPY", f"/{c.user}/calendar/own.ics", headers=to("/room1/calendar/c.ics")),
    "MOVE into it": lambda c: c.request("MOVE", f"/{c.user}/calendar/own.ics", headers=to("/room1/calendar/m.ics")),
    "MOVE over one": lambda c: c.request("MOVE", f"/{c.user}/calendar/own.ics", headers=to("/room1/calendar/e.ics")),
    "MOVE out of it": lambda c: c.request("MOVE", "/room1/calendar/e.ics", headers=to(f"/{c.user}/calendar/g.ics")),
    "POST": lambda c: c.request(
        "POST", "/room1/calendar/?action=add-member", event("new"), {"Content-Type": "text/calendar"}
    ),
    "split": lambda c: c.request("POST", "/room1/calendar/e.ics?action=split&rid=20270105T090000Z"),
    "DELETE": lambda c: c.delete("/room1/calendar/e.ics"),
    "MKCALENDAR": lambda c: c.xml("MKCALENDAR", "/room1/more/", "<C:mkcalendar/>"),
    "PROPPATCH": lambda c: c.xml("PROPPATCH", "/room1/calendar/", property_of("D:displayname", "x")),
    "PROPPATCH of an object": lambda c: c.xml("PROPPATCH", "/room1/calendar/e.ics", property_of("CS:note", "x")),
    "ACL": lambda c: c.xml(
        "ACL",
        "/room1/calendar/",
        f"<D:acl><D:ace><D:principal><D:href>/{c.user}/</D:href></D:principal>"
        "<D:grant><D:privilege><D:all/></D:privilege></D:grant></D:ace></D:acl>",
    ),
    "the mode": lambda c: c.xml("PROPPATCH", "/room1/", property_of("CS:auto-schedule-mode", "none")),
    "DELETE of the inbox": lambda c: c.delete("/room1/inbox/"),
    "JSON insert": lambda c: ask_json(c, "POST", ROOM, TIMES),
    "JSON import": lambda c: ask_json(c, "POST", f"{ROOM}/import", TIMES | {"iCalUID": "imported"}),
    "JSON patch": lambda c: ask_json(c, "PATCH", f"{ROOM}/{_id(c)}", {"summary": "x"}),
    "JSON delete": lambda c: ask_json(c, "DELETE", f"{ROOM}/{_id(c)}"),
    "JSON clear": lambda c: ask_json(c, "POST", "/calendar/v3/calendars/room1@example.com/clear"),
    "JSON rename": lambda c: ask_json(c, "PATCH", "/calendar/v3/calendars/room1@example.com", {"summary": "x"}),
    "JSON acl": lambda c: ask_json(
        c,
        "POST",
        "/calendar/v3/calendars/room1@example.com/acl",
        {"scope": {"type": "user", "value": f"{c.user}@example.com"}, "role": "owner"},
    ),
}  # fmt: skip


def _id(client: DavClient) -> str:
    found = json.loads(ask_json(client, "GET", f"{ROOM}?iCalUID=e").body).get("items") or [{"id": "ical0abc"}]
    return str(found[0]["id"])


@pytest.fixture
def office(server: Server) -> Server:
    """Alice manages the room, Carol reads it, Bob sees when it is taken."""
    server.grant("room1", "alice", P.ALL)
    server.grant("room1", "carol", P.READ)
    for name in ("bob", "carol"):
        assert server.client(name).put(f"/{name}/calendar/own.ics", event(f"of-{name}")).status == 201
    assert server.client("alice").put("/room1/calendar/e.ics", event("e")).status == 201
    return server


def state(server: Server) -> list[object]:
    """Everything of the room's home, and its policy and grants."""
    with server.services.store.read() as txn:
        room = txn.directory.by_name("room1")
        assert room is not None
        found: list[object] = [room, txn.directory.grants(room)]
        for collection in txn.collections.of(room):
            found += [collection, txn.collections.dead_properties(collection.path)]
            found += list(txn.objects.all(collection))
    return found


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_others_write_nothing(office: Server, who: str) -> None:
    before, client = state(office), office.client(who)
    for name, write in WRITES.items():
        status = write(client).status
        assert status in {207, 403, 404}, (name, status)
        assert state(office) == before, name


@pytest.mark.parametrize(
    "name", ["PUT a new one", "split", "DELETE", "JSON insert", "JSON patch", "the mode"]
)
def test_managers_write(office: Server, name: str) -> None:
    before = state(office)
    for who in ("alice", "boss"):
        assert WRITES[name](office.client(who)).status < 300 or who == "boss", name
    assert state(office) != before


@pytest.fixture
def vanilla(tmp_path: Path) -> Iterator[tuple[Server, Application]]:
    """Radicale's own application with our plugins, on the same database."""
    server = Server(tmp_path)
    plugins = {kind: {"type": f"radicale_calcore.{kind}"} for kind in ("storage", "rights")}
    database = f"sqlite:///{tmp_path}/calcore.db"
    sections = {**plugins, "storage": {**plugins["storage"], "database": database}, "auth": {"type": "none"}}
    configuration = native_configuration(None, sections)
    configuration.update(sections, "test")
    yield server, Application(configuration)
    close_services()


def test_unmodified_radicale(vanilla: tuple[Server, Application]) -> None:
    """The same rights, the same veil; what may not be read answers like what isn't there."""
    server, application = vanilla
    alice, bob, carol = (DavClient(application, name) for name in ("alice", "bob", "carol"))
    server.grant("room1", "alice", P.ALL)
    server.grant("room1", "carol", P.READ)
    assert alice.put("/room1/calendar/e.ics", event("e")).status == 201
    assert alice.put("/room1/calendar/p.ics", event("p", "CLASS:PRIVATE\r\n")).status == 201
    assert alice.xml("MKCALENDAR", "/alice/hidden/", "<C:mkcalendar/>").status == 201
    for client in (bob, carol):
        assert client.put(f"/{client.user}/calendar/own.ics", event(f"of-{client.user}")).status == 201
        before = state(server)
        for name, write in WRITES.items():
            if "JSON" not in name and name != "split":
                # Radicale tells of a refused property inside of a 207, and knows no split.
                assert write(client).status in {207, 403, 404, 405, 409}, name
                assert state(server) == before, (client.user, name)
    query = (
        "<C:calendar-query><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name='VCALENDAR'>"
        "{}</C:comp-filter></C:filter></C:calendar-query>"
    )
    about = (
        "<C:comp-filter name='VEVENT'><C:prop-filter name='SUMMARY'><C:text-match>Walk-in p</C:text-match>"
        "</C:prop-filter></C:comp-filter>"
    )
    for client, whole in ((alice, True), (carol, False)):
        seen = {
            "GET": client.get("/room1/calendar/p.ics").text,
            "calendar": client.get("/room1/calendar/").text,
            "query": client.xml("REPORT", "/room1/calendar/", query.format(""), 1).text,
            "search": client.xml("REPORT", "/room1/calendar/", query.format(about), 1).text,
        }
        assert {how: "Walk-in p" in text for how, text in seen.items()} == dict.fromkeys(seen, whole)
    stored = alice.get("/room1/calendar/p.ics").headers["etag"]
    assert carol.get("/room1/calendar/p.ics").headers["etag"] != stored
    for there, missing in (
        ("/alice/hidden/", "/alice/nothing/"),
        ("/room1/calendar/e.ics", "/room1/calendar/no.ics"),
        ("/erin/", "/nobody/"),
        ("/erin/calendar/", "/nobody/calendar/"),
    ):
        for method in ("GET", "PROPFIND", "DELETE", "PUT", "MKCALENDAR"):
            answers = [bob.request(method, path) for path in (there, missing)]
            assert answers[0].status == answers[1].status, (method, there)
            assert answers[0].body == answers[1].body, (method, there)
