# SPDX-License-Identifier: GPL-3.0-or-later
"""COPY and MOVE (RFC 4918 §9.8, §9.9)."""

from __future__ import annotations

import pytest
from client import clark, hrefs
from dav_server import event


def transfer(client, method: str, source: str, target: str | None, **headers: str):
    sent = {"Destination": target} if target is not None else {}
    return client.request(method, source, headers={**sent, **headers})


def patch(value: str) -> str:
    return f"<D:propertyupdate><D:set><D:prop>{value}</D:prop></D:set></D:propertyupdate>"


def test_copy_and_move(alice):
    alice.request("MKCALENDAR", "/alice/work/")
    alice.put("/alice/calendar/1.ics", event("one"))
    alice.xml("PROPPATCH", "/alice/calendar/1.ics", patch('<X:a xmlns:X="urn:x">1</X:a>'))
    before = alice.prop("/alice/calendar/1.ics", "D:resource-id")
    copied = transfer(alice, "COPY", "/alice/calendar/1.ics", "http://localhost/alice/work/a%20b.ics")
    assert (copied.status, copied.headers["location"]) == (
        201,
        "http://localhost/alice/work/a%20b.ics",
    )
    assert alice.get("/alice/work/a b.ics").body == event("one").encode()
    assert (
        transfer(alice, "COPY", "/alice/calendar/1.ics", "/alice/work/a%20b.ics", Overwrite="F").status == 412
    )
    assert transfer(alice, "COPY", "/alice/calendar/1.ics", "/alice/work/a%20b.ics").status == 204
    assert transfer(alice, "COPY", "/alice/calendar/1.ics", "/alice/calendar/2.ics").error == clark(
        "C:no-uid-conflict"
    )
    assert transfer(alice, "MOVE", "/alice/calendar/1.ics", "/alice/calendar/2.ics").status == 201
    assert alice.get("/alice/calendar/1.ics").status == 404
    assert alice.prop("/alice/calendar/2.ics", "{urn:x}a").text == "1"
    assert hrefs(alice.prop("/alice/calendar/2.ics", "D:resource-id")) == hrefs(before)
    assert (
        transfer(alice, "MOVE", "/alice/calendar/2.ics", "/alice/work/a%20b.ics", Overwrite="F").status == 412
    )
    assert transfer(alice, "MOVE", "/alice/calendar/2.ics", "/alice/work/a%20b.ics").status == 204


def test_conditions_of_a_copy_are_about_its_source(alice):
    alice.request("MKCALENDAR", "/alice/work/")
    etag = alice.put("/alice/calendar/1.ics", event("one")).headers["etag"]
    past = "Mon, 01 Jan 2001 00:00:00 GMT"
    for method in ("COPY", "MOVE"):
        for headers in ({"If-Match": '"other"'}, {"If-None-Match": etag}, {"If-Unmodified-Since": past}):
            refused = transfer(alice, method, "/alice/calendar/1.ics", "/alice/work/1.ics", **headers)
            assert refused.status == 412
    for method, status in (("COPY", 201), ("COPY", 204), ("MOVE", 204)):
        sent = {"If-Match": etag}
        assert transfer(alice, method, "/alice/calendar/1.ics", "/alice/work/1.ics", **sent).status == status


def test_a_moved_meeting_has_its_schedule_tag(alice, bob):
    people = [
        f"{name}:mailto:{who}@example.com" for name, who in (("ORGANIZER", "alice"), ("ATTENDEE", "bob"))
    ]
    alice.put("/alice/calendar/m.ics", event("m", *people))
    moved = transfer(alice, "MOVE", "/alice/calendar/m.ics", "/alice/calendar/n.ics")
    assert moved.status == 201
    assert moved.headers["schedule-tag"] == alice.prop("/alice/calendar/n.ics", "C:schedule-tag").text
    alice.put("/alice/calendar/1.ics", event("one"))
    plain = transfer(alice, "MOVE", "/alice/calendar/1.ics", "/alice/calendar/2.ics")
    assert "schedule-tag" not in plain.headers


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_one_object_is_not_put_over_another(alice, method):
    """RFC 4791 §5.3.2.1: nor may COPY and MOVE "overwrite an existing calendar object resource with one that
    has a different UID property value"."""
    alice.request("MKCALENDAR", "/alice/work/")
    alice.put("/alice/calendar/1.ics", event("one"))
    alice.put("/alice/work/1.ics", event("two"))
    refused = transfer(alice, method, "/alice/calendar/1.ics", "/alice/work/1.ics")
    assert (refused.status, refused.error) == (403, clark("C:no-uid-conflict"))
    assert alice.get("/alice/calendar/1.ics").text == event("one")
    assert alice.get("/alice/work/1.ics").text == event("two")


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("there", [None, "one"])
def test_dead_properties_go_along(alice, method, there):
    alice.request("MKCALENDAR", "/alice/work/")
    old, new = '<X:old xmlns:X="urn:x">1</X:old>', '<X:new xmlns:X="urn:x">2</X:new>'
    alice.put("/alice/calendar/1.ics", event("one"))
    alice.xml("PROPPATCH", "/alice/calendar/1.ics", patch(new))
    if there is not None:
        alice.put("/alice/work/1.ics", event(there))
        alice.xml("PROPPATCH", "/alice/work/1.ics", patch(old))
    assert transfer(alice, method, "/alice/calendar/1.ics", "/alice/work/1.ics").status in {201, 204}
    assert alice.prop("/alice/work/1.ics", "{urn:x}old") is None
    assert alice.prop("/alice/work/1.ics", "{urn:x}new").text == "2"


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (None, {}, 400),
        ("not a url", {}, 502),
        ("http://elsewhere.example/alice/calendar/2.ics", {}, 502),
        ("/alice/none/2.ics", {}, 409),
        ("/alice/2.ics", {}, 403),
        ("/alice/calendar/1.ics", {}, 403),
        ("/alice/calendar/", {}, 405),
        ("/alice/tasks/2.ics", {}, 403),
        ("/alice/calendar/2.ics", {"Overwrite": "perhaps"}, 400),
        ("/alice/calendar/../tasks/2.ics", {}, 400),
        ("/bob/calendar/2.ics", {}, 403),
    ],
)
def test_destinations_that_make_no_sense(alice, target, headers, status):
    alice.put("/alice/calendar/1.ics", event())
    for method in ("COPY", "MOVE"):
        assert transfer(alice, method, "/alice/calendar/1.ics", target, **headers).status == status
    assert transfer(alice, "MOVE", "/alice/calendar/9.ics", "/alice/calendar/2.ics").status == 404
    assert alice.get("/alice/calendar/1.ics").status == 200


PROXY = {"Host": "127.0.0.1:5232", "X-Forwarded-Host": "cal.example, inner.example"}


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("https://localhost:443", {}),
        ("http://Cal.example", {"Host": "cal.example:80"}),
        ("https://me:secret@cal.example", {"Host": "cal.example"}),
        ("https://cal.example", PROXY),
        ("https://cal.example:443", PROXY),
        ("http://127.0.0.1:5232", PROXY),
        ("https://cal.example:8443", {**PROXY, "X-Forwarded-Port": "8443"}),
        ("https://cal.example:8443", {"Host": "cal.example", "X-Forwarded-Port": "8443"}),
    ],
)
def test_names_of_this_server(alice, url, headers):
    """Behind a proxy it is called what the proxy is called, and a port that goes without saying may be said."""
    alice.put("/alice/calendar/1.ics", event())
    moved = transfer(alice, "MOVE", "/alice/calendar/1.ics", f"{url}/alice/calendar/2.ics", **headers)
    assert moved.status == 201
    assert alice.get("/alice/calendar/2.ics").status == 200
    elsewhere = "https://cal.example:8444/alice/calendar/1.ics"
    assert transfer(alice, "MOVE", "/alice/calendar/2.ics", elsewhere, **headers).status == 502


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_into_scheduling_and_out_of_it(alice, bob, method):
    """A collection that is no calendar schedules nothing; a calendar does (RFC 6638 §3.2.3.3, §3.2.3.4)."""
    alice.request("MKCOL", "/alice/drafts/")
    lines = [f"ATTENDEE:mailto:{who}@example.com" for who in ("alice", "bob")]
    draft = event("m", "ORGANIZER:mailto:alice@example.com", *lines)
    put = alice.request("PUT", "/alice/drafts/m", draft, {"Content-Type": "text/calendar; charset=utf-8"})
    assert put.status == 201
    inbox = ("/bob/inbox/", "D:getetag")
    assert len(bob.propfind(*inbox, depth=1)) == 1
    assert transfer(alice, method, "/alice/drafts/m", "/alice/calendar/m.ics").status == 201
    assert len(bob.propfind(*inbox, depth=1)) == 2
    (copy,) = bob.propfind("/bob/calendar/", "D:getetag", depth=1).keys() - {"/bob/calendar/"}
    assert "STATUS" not in bob.get(copy).text
    assert transfer(alice, method, "/alice/calendar/m.ics", "/alice/drafts/back").status == 201
    assert ("STATUS:CANCELLED" in bob.get(copy).text) == (method == "MOVE")
    assert len(bob.propfind(*inbox, depth=1)) == (3 if method == "MOVE" else 2)


def test_a_card_is_a_card_where_it_comes_from_elsewhere(alice):
    alice.request("MKCOL", "/alice/drafts/")
    book = "<D:mkcol><D:set><D:prop><D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"
    assert alice.xml("MKCOL", "/alice/contacts/", book, None).status == 201
    alice.request("PUT", "/alice/drafts/x", "no card", {"Content-Type": "text/vcard"})
    reply = transfer(alice, "MOVE", "/alice/drafts/x", "/alice/contacts/x.vcf")
    assert (reply.status, reply.error) == (403, clark("CR:valid-address-data"))
    assert alice.get("/alice/drafts/x").text == "no card"


def test_a_calendar_moves_with_all_that_is_in_it(alice, bob):
    alice.request("MKCALENDAR", "/alice/work/")
    alice.put("/alice/work/1.ics", event())
    before = hrefs(alice.prop("/alice/work/", "D:resource-id"))
    token = alice.prop("/alice/work/", "D:sync-token").text
    assert transfer(alice, "MOVE", "/alice/work/", "/alice/tasks/", Overwrite="F").status == 412
    assert transfer(alice, "MOVE", "/alice/work/", "/bob/work/").status == 403
    assert transfer(alice, "MOVE", "/alice/inbox/", "/alice/box/").status == 403
    assert transfer(bob, "MOVE", "/alice/work/", "/bob/work/").status == 403
    moved = transfer(alice, "MOVE", "/alice/work/", "/alice/play%20ground/")
    assert (moved.status, moved.headers["location"]) == (201, "/alice/play%20ground/")
    assert alice.get("/alice/work/1.ics").status == 404
    assert alice.get("/alice/play ground/1.ics").body == event().encode()
    assert hrefs(alice.prop("/alice/play ground/", "D:resource-id")) == before
    sync = f"<D:sync-collection><D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>"
    assert alice.xml("REPORT", "/alice/play ground/", sync, 0).status == 207
    assert transfer(alice, "MOVE", "/alice/play ground/", "/alice/tasks/").status == 204
    assert alice.get("/alice/tasks/1.ics").status == 200


def test_invitations_follow_a_default_calendar_that_moves(alice, bob):
    assert transfer(bob, "MOVE", "/bob/calendar/", "/bob/renamed/").status == 201
    assert hrefs(bob.prop("/bob/inbox/", "C:schedule-default-calendar-URL")) == ["/bob/renamed/"]
    alice.put(
        "/alice/calendar/m.ics",
        event(
            "m",
            "ORGANIZER:mailto:alice@example.com",
            "ATTENDEE:mailto:alice@example.com",
            "ATTENDEE:mailto:bob@example.com",
        ),
    )
    assert len(bob.propfind("/bob/renamed/", "D:getetag", depth=1)) == 2
