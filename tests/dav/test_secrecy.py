# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what by WebDAV, and that what may not be read looks as if it weren't there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client import DavClient, Reply, propfind
from dav_server import Server

from calcore_caldav.core.principals import Privilege
from calcore_caldav.server.assembly import close_services

P = Privilege


def event(uid: str) -> str:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\nDURATION:PT1H\r\n"
        f"RRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:Secret {uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Server]:
    """A server where nobody sees others' free/busy time unless it was granted."""
    yield Server(tmp_path, everybody_reads_free_busy="no")
    close_services()


@pytest.fixture(params=["server", "closed"])
def office(request: pytest.FixtureRequest) -> Server:
    """Alice's calendars: `hidden` is hers alone, Carol may read `open` and ask when `busy` is."""
    server: Server = request.getfixturevalue(request.param)
    alice = server.client("alice")
    for name in ("hidden", "busy", "open"):
        assert alice.xml("MKCALENDAR", f"/alice/{name}/", "<C:mkcalendar/>").status == 201
        assert alice.put(f"/alice/{name}/e.ics", event(f"in-{name}")).status == 201
    for name in ("bob", "carol"):
        assert server.client(name).put(f"/{name}/calendar/own.ics", event(f"of-{name}")).status == 201
    server.grant("alice", "carol", P.READ, calendar="open")
    server.grant("alice", "carol", P.READ_FREE_BUSY, calendar="busy")
    return server


def destination(client: DavClient, path: str) -> dict[str, str]:
    return {"Destination": f"http://localhost{path}", "Overwrite": "F"}


def member(path: str) -> str:
    return f"{path}new.ics" if path.endswith("/") else path


Ask = Callable[[DavClient, str], Reply]
QUERY = (
    '<C:calendar-query><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
)
MULTIGET = "<C:calendar-multiget><D:prop><D:getetag/><C:calendar-data/></D:prop><D:href>{}</D:href>"
SYNC = "<D:sync-collection><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
BUSY = '<C:free-busy-query><C:time-range start="20260101T000000Z" end="20260201T000000Z"/>'
EXPAND = '<D:expand-property><D:property name="owner"><D:property name="displayname"/></D:property>'
RENAME = (
    "<D:propertyupdate><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>"
)
REQUESTS: dict[str, Ask] = {
    "GET": lambda c, p: c.get(p),
    "GET If-None-Match": lambda c, p: c.get(p, if_none_match='"x"'),
    "HEAD": lambda c, p: c.request("HEAD", p),
    "OPTIONS": lambda c, p: c.request("OPTIONS", p),
    "PUT": lambda c, p: c.put(member(p), event("in-hidden")),
    "PUT If-None-Match": lambda c, p: c.put(member(p), event("in-hidden"), if_none_match="*"),
    "PUT If-Match": lambda c, p: c.put(member(p), event("other"), if_match='"x"'),
    "PUT nonsense": lambda c, p: c.put(member(p), "nonsense"),
    "DELETE": lambda c, p: c.delete(p),
    "DELETE If-Match": lambda c, p: c.delete(p, if_match='"x"'),
    "PROPFIND 0": lambda c, p: c.xml("PROPFIND", p, propfind("D:displayname", "D:getetag"), 0),
    "PROPFIND 1": lambda c, p: c.xml("PROPFIND", p, propfind("D:displayname", "D:sync-token"), 1),
    "PROPPATCH": lambda c, p: c.xml("PROPPATCH", p, RENAME),
    "MKCALENDAR": lambda c, p: c.xml("MKCALENDAR", p, "<C:mkcalendar/>"),
    "MKCOL": lambda c, p: c.request("MKCOL", p),
    "COPY from": lambda c, p: c.request("COPY", p, headers=destination(c, f"/{c.user}/calendar/got.ics")),
    "MOVE from": lambda c, p: c.request("MOVE", p, headers=destination(c, f"/{c.user}/calendar/got.ics")),
    "COPY to": lambda c, p: c.request("COPY", f"/{c.user}/calendar/own.ics", headers=destination(c, p)),
    "MOVE to": lambda c, p: c.request("MOVE", f"/{c.user}/calendar/own.ics", headers=destination(c, p)),
    "calendar-query": lambda c, p: c.xml("REPORT", p, f"{QUERY}</C:calendar-query>", 1),
    "sync-collection": lambda c, p: c.xml("REPORT", p, f"{SYNC}</D:sync-collection>", 0),
    "free-busy-query": lambda c, p: c.xml("REPORT", p, f"{BUSY}</C:free-busy-query>", 1),
    "multiget": lambda c, p: c.xml("REPORT", "/", f"{MULTIGET.format(p)}</C:calendar-multiget>", 1),
    "expand-property": lambda c, p: c.xml("REPORT", p, f"{EXPAND}</D:expand-property>", 0),
    "principal-match": lambda c, p: c.xml("REPORT", p, "<D:principal-match><D:self/></D:principal-match>", 0),
    "acl-principal-prop-set": lambda c, p: c.xml("REPORT", p, "<D:acl-principal-prop-set/>", 0),
    "POST": lambda c, p: c.request("POST", p, "x", {"Content-Type": "text/calendar"}),
    "POST add-member": lambda c, p: c.request(
        "POST", f"{p}?action=add-member", event("in-hidden"), {"Content-Type": "text/calendar"}
    ),
    "POST split": lambda c, p: c.request("POST", f"{p}?action=split&rid=20260112T090000Z"),
    "ACL": lambda c, p: c.xml("ACL", p, "<D:acl/>"),
    "LOCK": lambda c, p: c.request("LOCK", p, "<x/>"),
}
HIDDEN_AND_MISSING = [
    ("bob", "/alice/hidden/", "/alice/nothing/"),
    ("bob", "/alice/hidden/e.ics", "/alice/nothing/e.ics"),
    ("bob", "/alice/hidden/e.ics", "/alice/hidden/no.ics"),
    ("bob", "/alice/inbox/a.ics", "/alice/nothing/a.ics"),
    ("bob", "/erin/", "/nobody/"),
    ("bob", "/erin/calendar/", "/nobody/calendar/"),
    ("bob", "/erin/calendar/e.ics", "/nobody/calendar/e.ics"),
    ("carol", "/alice/hidden/", "/alice/nothing/"),
    ("carol", "/alice/busy/e.ics", "/alice/busy/no.ics"),
    ("carol", "/alice/hidden/e.ics", "/alice/nothing/e.ics"),
    (None, "/alice/hidden/", "/alice/nothing/"),
    (None, "/alice/hidden/e.ics", "/alice/hidden/no.ics"),
    (None, "/alice/", "/nobody/"),
]


@pytest.mark.parametrize(("who", "hidden", "missing"), HIDDEN_AND_MISSING)
def test_what_may_not_be_read_looks_as_if_it_were_not_there(
    office: Server, who: str | None, hidden: str, missing: str
) -> None:
    client = office.client(who)

    def seen(ask: Ask, path: str) -> tuple[int, str, dict[str, str]]:
        reply = ask(client, path)
        # Answers name the path that was asked, or the home that it lies in.
        names = (path, path.rstrip("/"), f"/{path.split('/')[1]}/")
        text = reply.text
        for name in names:
            text = text.replace(name, "…")
        headers = {k: v for k, v in reply.headers.items() if k not in {"date", "content-length"}}
        return reply.status, text, headers

    for name, ask in REQUESTS.items():
        if who is None and name.split()[0] in {"COPY", "MOVE"}:
            continue
        assert seen(ask, hidden) == seen(ask, missing), name
        assert seen(ask, hidden)[0] < 500, name


MAY = {
    # Who, by which grant on the calendar: GET, free/busy, rename, PUT a new one, PUT the old one, DELETE it.
    ("owner", ()): (200, 200, 207, 201, 204, 204),
    ("admin", ()): (200, 200, 207, 201, 204, 204),
    ("stranger", ()): (404, 404, 404, 404, 404, 404),
    ("grantee", (P.READ_FREE_BUSY,)): (403, 200, 403, 403, 403, 403),
    ("grantee", (P.READ,)): (200, 200, 403, 403, 403, 403),
    ("grantee", (P.READ, P.WRITE)): (200, 200, 207, 201, 204, 204),
    ("grantee", (P.READ, P.WRITE_CONTENT)): (200, 200, 403, 403, 204, 403),
    ("grantee", (P.READ, P.WRITE_PROPERTIES)): (200, 200, 207, 403, 403, 403),
    ("grantee", (P.READ, P.BIND)): (200, 200, 403, 201, 403, 403),
    ("grantee", (P.READ, P.UNBIND)): (200, 200, 403, 403, 403, 204),
    ("group", (P.READ,)): (200, 200, 403, 403, 403, 403),
    ("authenticated", (P.READ,)): (200, 200, 403, 403, 403, 403),
    ("anonymous", ()): (401, 401, 401, 401, 401, 401),
}
USERS = {"owner": "alice", "admin": "boss", "grantee": "carol", "stranger": "bob", "anonymous": None}


@pytest.mark.parametrize(("who", "privileges"), MAY)
def test_who_may_do_what(closed: Server, who: str, privileges: tuple[Privilege, ...]) -> None:
    alice = closed.client("alice")
    assert alice.xml("MKCALENDAR", "/alice/x/", "<C:mkcalendar/>").status == 201
    assert alice.put("/alice/x/e.ics", event("e")).status == 201
    if privileges:
        grantee = {"group": "team", "authenticated": "DAV:authenticated"}.get(who, "carol")
        closed.grant("alice", grantee, *privileges, calendar="x")
    client = closed.client(USERS.get(who, "erin"))
    window = '<C:time-range start="20260101T000000Z" end="20260201T000000Z"/>'
    found = (
        client.get("/alice/x/e.ics").status,
        client.xml("REPORT", "/alice/x/", f"<C:free-busy-query>{window}</C:free-busy-query>", 1).status,
        client.xml("PROPPATCH", "/alice/x/", RENAME).status,
        client.put("/alice/x/new.ics", event("new")).status,
        client.put("/alice/x/e.ics", event("e")).status,
        client.delete("/alice/x/e.ics").status,
    )
    assert found == MAY[who, privileges]


def test_the_name_of_another_object_is_told_to_readers_only(closed: Server) -> None:
    alice, carol = closed.client("alice"), closed.client("carol")
    assert alice.xml("MKCALENDAR", "/alice/x/", "<C:mkcalendar/>").status == 201
    assert alice.put("/alice/x/divorce.ics", event("e")).status == 201
    for privileges, told in (((P.BIND,), False), ((P.BIND, P.READ), True)):
        closed.grant("alice", "carol", *privileges, calendar="x")
        answer = carol.put("/alice/x/new.ics", event("e"))
        assert answer.error == "{urn:ietf:params:xml:ns:caldav}no-uid-conflict"
        assert ("divorce" in answer.text) is told


@pytest.mark.parametrize("login", ["böb", "a b", ".well-known"])
def test_who_can_have_no_home_is_not_let_in(server: Server, login: str) -> None:
    """The type of authentication of these tests lets everybody in."""
    assert server.client(login).request("PROPFIND", "/").status == 401
    assert server.client(login).request("GET", "/calendar/v3/colors").status == 401


# ---- the same by JSON

JSON = "/calendar/v3"
BODY = {
    "summary": "x",
    "start": {"dateTime": "2026-01-05T09:00:00Z"},
    "end": {"dateTime": "2026-01-05T10:00:00Z"},
}
RULE = {"scope": {"type": "user", "value": "bob@example.com"}, "role": "reader"}
CALLS: dict[str, tuple[str, str, object]] = {
    # Method, path with the calendar's id in it, body.
    "calendars.get": ("GET", "/calendars/{}", None),
    "calendars.patch": ("PATCH", "/calendars/{}", {"summary": "x"}),
    "calendars.delete": ("DELETE", "/calendars/{}", None),
    "calendars.clear": ("POST", "/calendars/{}/clear", None),
    "calendarList.get": ("GET", "/users/me/calendarList/{}", None),
    "calendarList.insert": ("POST", "/users/me/calendarList", {"id": "{}"}),
    "events.list": ("GET", "/calendars/{}/events", None),
    "events.list by UID": ("GET", "/calendars/{}/events?iCalUID=in-hidden", None),
    "events.get": ("GET", "/calendars/{}/events/ical0abc", None),
    "events.instances": ("GET", "/calendars/{}/events/ical0abc/instances", None),
    "events.insert": ("POST", "/calendars/{}/events", BODY),
    "events.import": ("POST", "/calendars/{}/events/import", BODY | {"iCalUID": "in-hidden"}),
    "events.patch": ("PATCH", "/calendars/{}/events/ical0abc", {"summary": "x"}),
    "events.delete": ("DELETE", "/calendars/{}/events/ical0abc", None),
    "events.move to": ("POST", "/calendars/primary/events/{own}/move?destination={}", None),
    "events.watch": (
        "POST",
        "/calendars/{}/events/watch",
        {"id": "c1", "type": "web_hook", "address": "https://example.com/"},
    ),
    "acl.list": ("GET", "/calendars/{}/acl", None),
    "acl.insert": ("POST", "/calendars/{}/acl", RULE),
    "freeBusy": (
        "POST",
        "/freeBusy",
        {"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2026-02-01T00:00:00Z", "items": [{"id": "{}"}]},
    ),
    "acl.insert of a guest": (
        "POST",
        "/calendars/primary/acl",
        {"scope": {"type": "user", "value": "{}"}, "role": "reader"},
    ),
    "events.insert with a guest": (
        "POST",
        "/calendars/primary/events",
        BODY | {"attendees": [{"email": "{}"}]},
    ),
}
UNKNOWN_BY_JSON = [
    ("bob", "alice:hidden", "alice:nothing"),
    ("bob", "erin@example.com", "nobody@example.com"),
    ("bob", "erin", "nobody"),
    ("bob", "erin:calendar", "nobody:calendar"),
    ("carol", "alice:hidden", "alice:nothing"),
    (None, "alice:hidden", "alice:nothing"),
]


@pytest.mark.parametrize(("who", "hidden", "missing"), UNKNOWN_BY_JSON)
def test_what_may_not_be_read_looks_by_json_as_if_it_were_not_there(
    office: Server, who: str | None, hidden: str, missing: str
) -> None:
    client = office.client(who)
    listed = client.request("GET", f"{JSON}/calendars/primary/events").body
    own = "" if who is None else json.loads(listed)["items"][0]["id"]

    def seen(call: str, calendar: str) -> tuple[int, str]:
        method, path, body = CALLS[call]
        target = path.replace("{own}", own).replace("{}", calendar)
        sent = json.dumps(body).replace("{}", calendar) if body is not None else ""
        reply = client.request(method, JSON + target, sent, {"Content-Type": "application/json"})
        text = reply.text.replace(calendar, "…")
        for varying in ("id", "etag", "iCalUID", "htmlLink", "created", "updated"):
            text = re.sub(rf'"{varying}":"(?:[^"\\]|\\.)*"', "", text)
        return reply.status, text

    for call in CALLS:
        assert seen(call, hidden) == seen(call, missing), call
        assert seen(call, hidden)[0] < 500, call
