# SPDX-License-Identifier: GPL-3.0-or-later
"""GET, HEAD, PUT, DELETE and OPTIONS through the WSGI door."""

from __future__ import annotations

import gzip

import pytest
from client import clark, hrefs
from dav_server import event

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav.application import METHODS
from calcore_caldav.dav.capabilities import CAPABILITIES


def test_options_are_the_same_everywhere(alice):
    replies = [
        alice.request("OPTIONS", p)
        for p in ("/", "/alice/", "/alice/calendar/", "/alice/inbox/", "/nowhere/x")
    ]
    assert {r.status for r in replies} == {200}
    assert {r.headers["dav"] for r in replies} == {", ".join(CAPABILITIES)}
    assert replies[0].headers["dav"].startswith("1, ")
    polled, found = (
        alice.xml("PROPFIND", "/alice/", f"<D:propfind><D:prop><{name}/></D:prop></D:propfind>")
        for name in ("CS:getctag", "C:calendar-home-set")
    )
    assert (polled.headers.get("dav"), found.headers["dav"]) == (None, replies[0].headers["dav"])
    assert "calendar-access" in replies[0].headers["dav"]
    assert replies[0].headers["allow"].split(", ") == list(METHODS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/"),
        ("PUT", "/alice/"),
        ("POST", "/alice/calendar/"),
        ("MKCOL", "/alice/calendar/"),
        ("LOCK", "/alice/calendar/1.ics"),
        ("ACL", "/alice/"),
        ("BREW", "/alice/"),
    ],
)
def test_a_method_that_is_not_for_this_names_those_that_are(alice, method, path):
    refused = alice.request(method, path)
    assert refused.status == 405
    assert refused.headers["allow"].split(", ") == [name for name in METHODS if name != method]


def test_an_object_comes_back_byte_for_byte(alice):
    body = event("one", "SUMMARY:Déjeuner  ", 'X-ODD;P="a,b":\\x ;', "DESCRIPTION:" + "long " * 60)
    put = alice.put("/alice/calendar/1.ics", body)
    assert put.status == 201
    got = alice.get("/alice/calendar/1.ics")
    assert got.body == body.encode()
    assert got.headers["etag"] == put.headers["etag"]
    assert got.headers["content-type"] == "text/calendar; charset=utf-8; component=VEVENT"
    head = alice.request("HEAD", "/alice/calendar/1.ics")
    assert (head.status, head.body) == (200, b"")
    assert head.headers == got.headers
    again = alice.put("/alice/calendar/1.ics", body.replace("long", "lang"))
    assert again.status == 204


def test_control_characters_in_a_text_are_kept_where_xml_can_hold_them(alice):
    body = event("one", "SUMMARY:a\x0bb")
    assert alice.put("/alice/calendar/1.ics", body).status == 201
    assert alice.get("/alice/calendar/1.ics").body == body.encode()
    query = (
        "<C:calendar-multiget><D:prop><C:calendar-data/></D:prop><D:href>/alice/calendar/1.ics</D:href>"
        "</C:calendar-multiget>"
    )
    _, data = alice.report("/alice/calendar/", query)["/alice/calendar/1.ics"][clark("C:calendar-data")]
    assert "SUMMARY:ab" in (data.text or "").splitlines()


def test_no_etag_where_the_stored_bytes_are_others(alice):
    invitation = event(
        "meeting",
        "ORGANIZER:mailto:alice@example.com",
        "ATTENDEE:mailto:alice@example.com",
        "ATTENDEE:mailto:bob@example.com",
    )
    put = alice.put("/alice/calendar/m.ics", invitation)
    got = alice.get("/alice/calendar/m.ics")
    assert "SCHEDULE-STATUS" in got.text
    assert put.status == 201
    assert "etag" not in put.headers
    assert put.headers["schedule-tag"] == got.headers["schedule-tag"]
    wanted = alice.put("/alice/calendar/m.ics", invitation, Prefer="return=representation")
    assert (wanted.status, wanted.body) == (200, alice.get("/alice/calendar/m.ics").body)
    assert wanted.headers["etag"] == alice.get("/alice/calendar/m.ics").headers["etag"]


@pytest.mark.parametrize(
    "name",
    [
        "a b.ics",
        "é.ics",
        "e\u0301.ics",
        "日本語.ics",
        "100%.ics",
        "%2e%2e.ics",
        "a;b:c@d&e=f+g$h,i-j_k.l!m~n*o'p(q).ics",
        "👩\u200d👧.ics",
        "no extension",
        "\"<>&'.ics",
        "a#b?.ics",
        "C:\\x.ics",
    ],
)
def test_names_are_kept_as_sent(alice, name):
    path = f"/alice/calendar/{name}"
    quoted = path.replace("?", "\u0000")
    if "?" in name:
        # the test's client takes "?" for a query
        alice.put("/alice/calendar/x.ics", event(name))
        assert (
            alice.request(
                "MOVE", "/alice/calendar/x.ics", headers={"Destination": "/alice/calendar/a%23b%3F.ics"}
            ).status
            == 201
        )
    else:
        assert alice.put(quoted, event(name)).status == 201
        assert alice.get(path).status == 200
    listed = alice.propfind("/alice/calendar/", "D:getetag", depth=1)
    assert path in listed
    query = f"<C:calendar-multiget><D:prop><D:getetag/></D:prop><D:href>{_sent(alice, path)}</D:href></C:calendar-multiget>"
    assert alice.report("/alice/calendar/", query)[path][clark("D:getetag")][0] == 200


def _sent(client, path: str) -> str:
    """The href of a path as the server writes it."""
    reply = client.xml(
        "PROPFIND", "/alice/calendar/", "<D:propfind><D:prop><D:getetag/></D:prop></D:propfind>", 1
    )
    found = [r.findtext(clark("D:href")) for r in reply.xml]
    (href,) = [h for h in found if h != "/alice/calendar/"]
    return href.replace("&", "&amp;")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alice/../bob/calendar/1.ics", 400),
        ("/alice/calendar/./1.ics", 400),
        ("/alice/calendar/..", 400),
        ("/alice/calendar/a\x07b.ics", 400),
        ("/alice/none/1.ics", 409),
        ("/alice/calendar/deep/1.ics", 409),
        ("/nobody/calendar/1.ics", 404),
        ("/alice/1.ics", 403),
        ("/alice/calendar/", 405),
        ("/alice/", 405),
        ("/", 405),
        ("/alice/inbox/1.ics", 403),
        ("/alice/outbox/1.ics", 403),
    ],
)
def test_places_where_nothing_can_be_put(alice, path, status):
    assert alice.put(path, event()).status == status


@pytest.mark.parametrize(
    ("body", "precondition"),
    [
        ("nonsense", "valid-calendar-data"),
        ("", "valid-calendar-data"),
        (event().replace("UID:one\r\n", ""), "valid-calendar-object-resource"),
        (event().replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST"), "valid-calendar-object-resource"),
        (event().replace("VEVENT", "VTODO"), "supported-calendar-component"),
        (event("x", "RRULE:FREQ=SECONDLY;COUNT=10000000"), "max-instances"),
        (event("x").replace("20260105", "17000105"), "min-date-time"),
        (event("x").replace("20260105", "25000105"), "max-date-time"),
        (event("x", "RRULE:FREQ=NEVER"), "valid-calendar-data"),
        (event("x", "DESCRIPTION:" + "x" * 10_000_001), "max-resource-size"),
        (
            event("x", *(f"ATTENDEE:mailto:a{n}@example.com" for n in range(1001))),
            "max-attendees-per-instance",
        ),
    ],
)
def test_what_is_no_calendar_object_is_refused_with_its_precondition(alice, body, precondition):
    reply = alice.put("/alice/calendar/1.ics", body)
    assert reply.error == clark(f"C:{precondition}")
    assert reply.status == 403
    assert alice.get("/alice/calendar/1.ics").status == 404


def test_other_media_types_are_refused(alice):
    reply = alice.put("/alice/calendar/1.ics", event(), Content_Type="text/plain")
    assert (reply.status, reply.error) == (403, clark("C:supported-calendar-data"))
    assert alice.put("/alice/calendar/1.ics", event(), Content_Range="bytes 0-3/10").status == 400


@pytest.mark.parametrize("charset", ["bogus", "utf-16", "iso-8859-1", '"', ""])
def test_the_character_set_of_a_body_concerns_nothing_else(alice, charset):
    body = event("one", "SUMMARY:Größe")
    alice.password = "Größe"
    content_type = f"text/calendar; charset={charset}"
    assert alice.put("/alice/calendar/1.ics", body, Content_Type=content_type).status == 201
    assert alice.get("/alice/calendar/1.ics").text == body
    book = (
        '<D:mkcol xmlns:D="DAV:" xmlns:CR="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype>'
        "<D:collection/><CR:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"
    )
    search = (
        '<CR:addressbook-query xmlns:CR="urn:ietf:params:xml:ns:carddav"><CR:filter/></CR:addressbook-query>'
    )
    headers = {"Content-Type": f"text/xml; charset={charset}", "Depth": "1"}
    assert alice.request("MKCOL", "/alice/cards/", book, headers).status == 201
    assert alice.request("REPORT", "/alice/cards/", search, headers).status == 207


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity, gzip"])
def test_bodies_may_be_packed(alice, coding):
    packed = gzip.compress(event().encode())
    assert alice.put("/alice/calendar/1.ics", packed, Content_Encoding=coding).status == 201
    assert alice.get("/alice/calendar/1.ics").text == event()


@pytest.mark.parametrize("coding", ["gzip, gzip", "identity, br", "deflate"])
def test_other_encodings_are_refused(alice, coding):
    reply = alice.put("/alice/calendar/1.ics", gzip.compress(event().encode()), Content_Encoding=coding)
    assert (reply.status, reply.headers["accept-encoding"]) == (415, "gzip")
    assert alice.put("/alice/calendar/1.ics", event(), Content_Encoding="identity, utf-8").status == 201


def test_a_uid_that_is_taken(alice):
    alice.put("/alice/calendar/1.ics", event("same"))
    reply = alice.put("/alice/calendar/2.ics", event("same"))
    assert (reply.status, reply.error) == (403, clark("C:no-uid-conflict"))
    assert hrefs(reply.xml) == ["/alice/calendar/1.ics"]
    assert alice.put("/alice/calendar/1.ics", event("other")).error == clark("C:no-uid-conflict")


def test_a_calendar_as_one_stream(alice):
    assert alice.get("/alice/calendar/").text.count("BEGIN:") == 1
    alice.put("/alice/calendar/1.ics", event("one", "SUMMARY:1", tzid="Europe/Paris"))
    alice.put(
        "/alice/calendar/2.ics",
        event(
            "two",
            "SUMMARY:2",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "DESCRIPTION:x",
            "TRIGGER:-PT5M",
            "END:VALARM",
            tzid="Europe/Paris",
        ),
    )
    alice.put("/alice/calendar/3.ics", event("three", "SUMMARY:3").replace("\r\n", "\n"))
    got = alice.get("/alice/calendar/")
    assert got.headers["content-type"] == "text/calendar; charset=utf-8"
    assert got.text.count("BEGIN:VCALENDAR") == got.text.count("END:VCALENDAR") == 1
    assert got.text.count("TZID:Europe/Paris") == 1
    assert [got.text.count(f"SUMMARY:{n}") for n in (1, 2, 3)] == [1, 1, 1]
    assert got.text.index("END:VTIMEZONE") < got.text.index("BEGIN:VEVENT")


def test_answers_are_compressed_on_demand(alice):
    alice.put("/alice/calendar/1.ics", event())
    plain = alice.get("/alice/calendar/1.ics")
    packed = alice.get("/alice/calendar/1.ics", Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


def test_writing_needs_the_privilege(server, alice, bob):
    alice.put("/alice/calendar/1.ics", event())
    server.grant("alice", "bob", Privilege.READ, calendar="calendar")
    assert bob.get("/alice/calendar/1.ics").status == 200
    for reply in (
        bob.put("/alice/calendar/1.ics", event("one", "SUMMARY:x")),
        bob.put("/alice/calendar/2.ics", event("two")),
        bob.delete("/alice/calendar/1.ics"),
        bob.request("MKCALENDAR", "/alice/new/"),
    ):
        assert (reply.status, reply.error) == (403, clark("D:need-privileges"))
    server.grant("alice", "bob", Privilege.READ, Privilege.WRITE, calendar="calendar")
    assert bob.put("/alice/calendar/2.ics", event("two")).status == 201
    assert bob.delete("/alice/calendar/1.ics").status == 204


def test_an_error_does_not_tell_where_a_private_meeting_is(server, alice, bob):
    meeting = event(
        "m",
        "ORGANIZER:mailto:alice@example.com",
        "ATTENDEE:mailto:alice@example.com",
        "ATTENDEE:mailto:carol@example.com",
    )
    alice.put("/alice/calendar/secret.ics", meeting)
    alice.request("MKCALENDAR", "/alice/work/")
    server.grant("alice", "bob", Privilege.READ, Privilege.WRITE, calendar="work")
    own = alice.put("/alice/work/m.ics", meeting)
    assert (own.error, hrefs(own.xml)) == (
        clark("C:unique-scheduling-object-resource"),
        ["/alice/calendar/secret.ics"],
    )
    other = bob.put("/alice/work/m.ics", meeting)
    assert other.error == clark("C:unique-scheduling-object-resource")
    assert b"secret" not in other.body
