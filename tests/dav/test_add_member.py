# SPDX-License-Identifier: GPL-3.0-or-later
"""POST of new members to a collection (RFC 5995)."""

from __future__ import annotations

import pytest
from client import DavClient, clark, hrefs
from dav_server import Server, event

from calcore_caldav.core.principals import Privilege

CALENDAR = "/alice/calendar/"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-1\r\nFN:Zoë\r\nN:Z;;;;\r\nEND:VCARD\r\n"
BOOK = "<D:mkcol><D:set><D:prop><D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"


def post(client: DavClient, collection: str, body: str, kind: str = "text/calendar", **headers: str):
    (where,) = hrefs(client.prop(collection, "D:add-member"))
    return client.request("POST", where, body, {"Content-Type": kind, **headers})


def test_an_event_has_a_new_name(alice: DavClient):
    made = post(alice, CALENDAR, event("one"))
    assert made.status == 201
    where = made.headers["location"]
    assert where.startswith(CALENDAR)
    assert where.endswith(".ics")
    got = alice.get(where)
    assert (got.text, got.headers["etag"]) == (event("one"), made.headers["etag"])
    again = post(alice, CALENDAR, event("one"))
    assert (again.status, again.error, hrefs(again.xml)) == (403, clark("C:no-uid-conflict"), [where])


def test_a_meeting_invites(alice: DavClient, bob: DavClient):
    people = [
        f"{name}:mailto:{who}@example.com" for name, who in (("ORGANIZER", "alice"), ("ATTENDEE", "bob"))
    ]
    made = post(alice, CALENDAR, event("m", *people), Prefer="return=representation")
    assert made.status == 201
    assert made.headers["content-location"] == made.headers["location"]
    assert made.body == alice.get(made.headers["location"]).body
    assert made.headers["schedule-tag"]
    assert len(bob.propfind("/bob/calendar/", "D:getetag", depth=1)) == 2


def test_cards_and_files(alice: DavClient):
    alice.xml("MKCOL", "/alice/büch/", BOOK, None)
    made = post(alice, "/alice/büch/", CARD, "text/vcard")
    assert (made.status, made.headers["location"][:17]) == (201, "/alice/b%C3%BCch/")
    assert made.headers["location"].endswith(".vcf")
    alice.request("MKCOL", "/alice/plain/")
    made = post(alice, "/alice/plain/", "x", "text/plain")
    assert (alice.get(made.headers["location"]).text, made.status) == ("x", 201)


@pytest.mark.parametrize(
    ("body", "kind", "precondition"),
    [
        ("nonsense", "text/calendar", "C:valid-calendar-data"),
        (CARD, "text/vcard", "C:supported-calendar-data"),
        (event("one").replace("VEVENT", "VTODO"), "text/calendar", "C:supported-calendar-component"),
    ],
)
def test_what_can_not_be_put_can_not_be_posted(alice: DavClient, body: str, kind: str, precondition: str):
    assert post(alice, CALENDAR, body, kind).error == clark(precondition)
    assert set(alice.propfind(CALENDAR, "D:getetag", depth=1)) == {CALENDAR}


def test_who_may(server: Server, alice: DavClient, bob: DavClient):
    target = f"{CALENDAR}?action=add-member"
    sent = {"Content-Type": "text/calendar"}
    assert bob.request("POST", target, event("one"), sent).status == 403
    server.grant("alice", "bob", Privilege.READ, calendar="calendar")
    assert bob.request("POST", target, event("one"), sent).error == clark("D:need-privileges")
    server.grant("alice", "bob", Privilege.READ, Privilege.BIND, calendar="calendar")
    assert bob.request("POST", target, event("one"), sent).status == 201
    assert alice.request("POST", target, event("two"), {**sent, "If-Match": '"old"'}).status == 412


@pytest.mark.parametrize("path", ["/", "/alice/", "/alice/inbox/", "/alice/outbox/", f"{CALENDAR}1.ics"])
def test_where_nothing_is_added(alice: DavClient, path: str):
    alice.put(f"{CALENDAR}1.ics", event("one"))
    assert alice.prop(path, "D:add-member") is None
    sent = {"Content-Type": "text/calendar"}
    assert alice.request("POST", f"{path}?action=add-member", event("two"), sent).status == 405
