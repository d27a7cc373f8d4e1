# SPDX-License-Identifier: GPL-3.0-or-later
"""Private events through every door: who may only read sees when they are, and nothing else."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from client import DavClient, Reply, propfind
from dav_server import Server

from calcore_caldav.core.principals import Privilege

P = Privilege
SECRET = "Zwiebel"
EVENTS = {
    # Name: CLASS, and whether readers see it.
    "open": ("PUBLIC", True),
    "silent": (None, True),
    "private": ("PRIVATE", False),
    "confidential": ("CONFIDENTIAL", False),
    "lower": ("private", False),
    "unknown": ("X-TOP-SECRET", False),
}


def text(name: str, said: str | None, title: str = SECRET) -> str:
    """A weekly event full of the secret, with an exception that doesn't say its CLASS again."""
    details = [
        f"SUMMARY:{title} {name}",
        f"DESCRIPTION:{title}",
        f"LOCATION:{title}",
        f"CATEGORIES:{title}",
        f"X-NOTE;X-P={title}:{title}",
    ]
    alarm = ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", f"DESCRIPTION:{title}", "END:VALARM"]
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//tests//EN",
        f"X-WR-CALNAME:{title}",
        "BEGIN:VEVENT",
        f"UID:{name}",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20260105T090000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        *([] if said is None else [f"CLASS:{said}"]),
        *details,
        *alarm,
        "END:VEVENT",
        "BEGIN:VEVENT",
        f"UID:{name}",
        "DTSTAMP:20260101T000000Z",
        "RECURRENCE-ID:20260112T090000Z",
        "DTSTART:20260112T100000Z",
        "DURATION:PT1H",
        *details,
        *alarm,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


@pytest.fixture
def office(server: Server) -> Server:
    """Alice's calendar has an event of each class; Carol reads, Bob writes, Erin may delete."""
    alice = server.client("alice")
    assert alice.xml("MKCALENDAR", "/alice/x/", "<C:mkcalendar/>").status == 201
    for name, (said, _) in EVENTS.items():
        assert alice.put(f"/alice/x/{name}.ics", text(name, said)).status == 201
    server.grant("alice", "carol", P.READ, calendar="x")
    server.grant("alice", "bob", P.READ, P.WRITE, calendar="x")
    server.grant("alice", "erin", P.READ, P.UNBIND, calendar="x")
    return server


DATA = "<D:prop><D:getetag/><D:getcontentlength/><C:calendar-data/></D:prop>"
EXPANDED = '<D:prop><C:calendar-data><C:expand start="20260101T000000Z" end="20260201T000000Z"/></C:calendar-data></D:prop>'
ALL = '<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'


def api(client: DavClient, path: str, **query: str) -> Reply:
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return client.request("GET", f"/calendar/v3/calendars/alice:x/events{path}?{asked}")


READS = {
    "GET": lambda c, n: c.get(f"/alice/x/{n}.ics"),
    "multiget": lambda c, n: c.xml(
        "REPORT",
        "/alice/x/",
        f"<C:calendar-multiget>{DATA}<D:href>/alice/x/{n}.ics</D:href></C:calendar-multiget>",
    ),
    "multiget expanded": lambda c, n: c.xml(
        "REPORT",
        "/alice/x/",
        f"<C:calendar-multiget>{EXPANDED}<D:href>/alice/x/{n}.ics</D:href></C:calendar-multiget>",
    ),
    "query": lambda c, n: c.xml(
        "REPORT", f"/alice/x/{n}.ics", f"<C:calendar-query>{DATA}{ALL}</C:calendar-query>", 0
    ),
    "JSON get": lambda c, n: api(c, f"/{_id(c, n)}"),
    "JSON instances": lambda c, n: api(c, f"/{_id(c, n)}/instances"),
    "JSON by UID": lambda c, n: api(c, "", iCalUID=n),
    "JSON singles by UID": lambda c, n: api(c, "", iCalUID=n, singleEvents="true"),
    "JSON exception": lambda c, n: api(c, f"/{_id(c, n)}_20260112T090000Z"),
}


def _id(client: DavClient, name: str) -> str:
    found = json.loads(api(client, "", iCalUID=name).body)["items"]
    assert found, name
    return str(found[0]["id"])


def test_one_event(office: Server) -> None:
    for how, read in READS.items():
        for name, (_, shown) in EVENTS.items():
            for who, whole in (("alice", True), ("bob", True), ("boss", True), ("carol", shown)):
                reply = read(office.client(who), name)
                assert reply.status in {200, 207}, (how, name, who, reply.text)
                assert (SECRET in reply.text) is whole, (how, name, who, reply.text)


COLLECTIONS = {
    "GET": lambda c: c.get("/alice/x/"),
    "query": lambda c: c.xml("REPORT", "/alice/x/", f"<C:calendar-query>{DATA}{ALL}</C:calendar-query>", 1),
    "expanded": lambda c: c.xml(
        "REPORT", "/alice/x/", f"<C:calendar-query>{EXPANDED}{ALL}</C:calendar-query>", 1
    ),
    "sync": lambda c: c.xml(
        "REPORT",
        "/alice/x/",
        f"<D:sync-collection><D:sync-token/><D:sync-level>1</D:sync-level>{DATA}</D:sync-collection>",
        0,
    ),
    "JSON list": lambda c: api(c, ""),
    "JSON singles": lambda c: api(c, "", singleEvents="true", orderBy="startTime"),
}


def test_all_events_together(office: Server) -> None:
    for how, read in COLLECTIONS.items():
        seen = {who: read(office.client(who)).text for who in ("alice", "carol")}
        for name, (_, shown) in EVENTS.items():
            assert f"{SECRET} {name}" in seen["alice"], how
            assert (f"{SECRET} {name}" in seen["carol"]) is shown, how


def test_what_is_left_is_when_it_is(office: Server) -> None:
    left = (
        "BEGIN:VCALENDAR VERSION:2.0 PRODID:-//tests//EN BEGIN:VEVENT UID:private DTSTAMP:20260101T000000Z "
        "DTSTART:20260105T090000Z DURATION:PT1H RRULE:FREQ=WEEKLY;COUNT=3 CLASS:PRIVATE SUMMARY:Private "
        "END:VEVENT BEGIN:VEVENT UID:private DTSTAMP:20260101T000000Z RECURRENCE-ID:20260112T090000Z "
        "DTSTART:20260112T100000Z DURATION:PT1H SUMMARY:Private END:VEVENT END:VCALENDAR"
    )
    assert office.client("carol").get("/alice/x/private.ics").text.split() == left.split()


SEARCHES = {
    # A filter, and whether it finds what readers see or what they don't.
    f"<C:prop-filter name='SUMMARY'><C:text-match>{SECRET}</C:text-match></C:prop-filter>": True,
    "<C:prop-filter name='X-NOTE'/>": True,
    "<C:comp-filter name='VALARM'/>": True,
    "<C:prop-filter name='LOCATION'><C:is-not-defined/></C:prop-filter>": False,
}


def test_a_search_tells_nothing(office: Server) -> None:
    for what, found in SEARCHES.items():
        query = (
            f"<C:calendar-query><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name='VCALENDAR'>"
            f"<C:comp-filter name='VEVENT'>{what}</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
        )
        matched = {path.split("/")[-1][:-4] for path in office.client("carol").report("/alice/x/", query)}
        assert matched == {name for name, (_, shown) in EVENTS.items() if shown is found}, what


def test_a_search_by_json_tells_nothing(office: Server) -> None:
    for query in ({"q": SECRET}, {"q": SECRET, "singleEvents": "true"}):
        found = json.loads(api(office.client("carol"), "", **query).body)["items"]
        assert {item["iCalUID"] for item in found} == {name for name, (_, shown) in EVENTS.items() if shown}


def test_a_title_cannot_be_tried_out_by_its_tag(server: Server) -> None:
    """The stored tag is a hash of the bytes: the same wherever the same bytes are."""
    alice, carol = server.client("alice"), server.client("carol")
    server.grant("alice", "carol", P.READ)
    private = text("e", "PRIVATE")
    stored = alice.put("/alice/calendar/e.ics", private).headers["etag"]
    assert carol.put("/carol/calendar/guess.ics", private).headers["etag"] == stored
    tag = carol.get("/alice/calendar/e.ics").headers["etag"]
    listed = carol.propfind("/alice/calendar/e.ics", "D:getetag", "D:getcontentlength")
    of_json = json.loads(
        carol.request("GET", "/calendar/v3/calendars/alice@example.com/events?iCalUID=e").body
    )
    tags = {tag, listed["/alice/calendar/e.ics"]["{DAV:}getetag"][1].text}
    tags |= {item["etag"] for item in of_json["items"]}
    assert tags == {tag}
    assert tag != stored
    length = listed["/alice/calendar/e.ics"]["{DAV:}getcontentlength"][1].text
    assert int(length or 0) == len(carol.get("/alice/calendar/e.ics").body) < len(private)
    # It does what tags do, and the stored one does nothing.
    for sent, status in ((tag, 200), (stored, 412)):
        assert carol.request("GET", "/alice/calendar/e.ics", headers={"If-Match": sent}).status == status
        states = {"If": f"</alice/calendar/e.ics> ([{sent}])", "Content-Type": "text/calendar"}
        mine = carol.request("PUT", f"/carol/calendar/{status}.ics", text(f"n{status}", None), states)
        assert mine.status == {200: 201, 412: 412}[status]
    assert carol.get("/alice/calendar/e.ics", if_none_match=tag).status == 304
    assert alice.put("/alice/calendar/e.ics", private.replace(SECRET, "other")).status == 204
    assert carol.get("/alice/calendar/e.ics", if_none_match=tag).status == 200


def test_copies_are_veiled_and_nothing_private_is_carried_off(office: Server) -> None:
    carol, erin = office.client("carol"), office.client("erin")
    to_carol = {"Destination": "http://localhost/carol/calendar/got.ics"}
    assert carol.request("COPY", "/alice/x/private.ics", headers=to_carol).status == 201
    assert SECRET not in carol.get("/carol/calendar/got.ics").text
    to_erin = {"Destination": "http://localhost/erin/calendar/got.ics"}
    assert erin.request("MOVE", "/alice/x/private.ics", headers=to_erin).status == 403
    assert erin.request("MOVE", "/alice/x/open.ics", headers=to_erin).status == 201
    tag = erin.get("/alice/x/private.ics").headers["etag"]
    assert erin.delete("/alice/x/private.ics", if_match='"no"').status == 412
    assert erin.delete("/alice/x/private.ics", if_match=tag).status == 204


def test_an_invitation_in_the_inbox_is_veiled_too(server: Server) -> None:
    alice, carol = server.client("alice"), server.client("carol")
    server.grant("alice", "carol", P.READ)
    invitation = text("meeting", "PRIVATE").replace(
        "DURATION:PT1H\r\n",
        "DURATION:PT1H\r\nORGANIZER:mailto:bob@example.com\r\nATTENDEE:mailto:bob@example.com\r\n"
        "ATTENDEE:mailto:alice@example.com\r\n",
    )
    assert server.client("bob").put("/bob/calendar/m.ics", invitation).status == 201
    for client, whole in ((alice, True), (carol, False)):
        listed = client.xml("PROPFIND", "/alice/inbox/", propfind("D:getetag"), 1).properties
        (item,) = [path for path in listed if path != "/alice/inbox/"]
        assert (SECRET in client.get(item).text) is whole
