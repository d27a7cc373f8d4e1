# SPDX-License-Identifier: GPL-3.0-or-later
"""GET, HEAD, PUT, DELETE, COPY, MOVE, MKCALENDAR, MKCOL and OPTIONS through the WSGI door."""

from __future__ import annotations

import gzip

import pytest
from client import clark, hrefs

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav.application import CAPABILITIES, METHODS

ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\n"
    "TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n"
    "DTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n"
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
)
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-1\r\nFN:Zoë  \r\nN:Z;;;;\r\nX-ODD;a=b:c\r\nEND:VCARD\r\n"


def event(uid: str = "one", *lines: str, zone: str = "") -> str:
    start = "DTSTART;TZID=Europe/Paris:20260105T100000" if zone else "DTSTART:20260105T100000Z"
    inner = "\r\n".join([f"UID:{uid}", "DTSTAMP:20260101T000000Z", start, "DURATION:PT1H", *lines])
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{zone}"
        f"BEGIN:VEVENT\r\n{inner}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


# ---- OPTIONS


def test_options_are_the_same_everywhere(alice):
    replies = [
        alice.request("OPTIONS", p)
        for p in ("/", "/alice/", "/alice/calendar/", "/alice/inbox/", "/nowhere/x")
    ]
    assert {r.status for r in replies} == {200}
    assert {r.headers["dav"] for r in replies} == {", ".join(CAPABILITIES)}
    assert replies[0].headers["dav"].startswith("1, ")
    assert "calendar-access" in replies[0].headers["dav"]
    assert replies[0].headers["allow"].split(", ") == list(METHODS)


# ---- PUT and GET


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


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity, br", "deflate"])
def test_encoded_bodies_are_refused(alice, coding):
    reply = alice.put("/alice/calendar/1.ics", gzip.compress(event().encode()), Content_Encoding=coding)
    assert (reply.status, reply.headers["accept-encoding"]) == (415, "identity")
    assert alice.put("/alice/calendar/1.ics", event(), Content_Encoding="identity, utf-8").status == 201


def test_a_uid_that_is_taken(alice):
    alice.put("/alice/calendar/1.ics", event("same"))
    reply = alice.put("/alice/calendar/2.ics", event("same"))
    assert (reply.status, reply.error) == (403, clark("C:no-uid-conflict"))
    assert hrefs(reply.xml) == ["/alice/calendar/1.ics"]
    assert alice.put("/alice/calendar/1.ics", event("other")).error == clark("C:no-uid-conflict")


# ---- conditions


def test_conditional_writes(alice):
    path = "/alice/calendar/1.ics"
    assert alice.put(path, event(), If_Match="*").status == 412
    etag = alice.put(path, event(), If_None_Match="*").headers["etag"]
    assert alice.put(path, event(), If_None_Match="*").status == 412
    assert alice.put(path, event(), If_Match='"other"').status == 412
    assert alice.put(path, event(), If_Match=f"W/{etag}").status == 412
    assert alice.put(path, event(), If_None_Match=f'"x", W/{etag}').status == 412
    assert alice.put(path, event(), If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 412
    assert alice.put(path, event(), If_Schedule_Tag_Match='"none"').status == 412
    assert alice.put(path, event(), If_Match=f'"other", {etag}').status == 204
    assert alice.delete(path, If_Match='"other"').status == 412
    assert alice.delete("/alice/tasks/", If_Match='"other"').status == 412
    assert alice.delete(path, If_Match=etag).status == 204
    assert alice.delete(path).status == 404


def test_states_in_an_if_header(alice, bob):
    path = "/alice/calendar/1.ics"
    etag = alice.put(path, event()).headers["etag"]
    before = alice.prop("/alice/calendar/", "D:sync-token").text
    for value in (
        f"([{etag}])",
        f'(["other"]) ([{etag}])',
        '(Not ["other"])',
        "(not <DAV:no-lock>)",
        f"(Not <opaquelocktoken:a>[{etag}])",
        f"<{path}> ([{etag}])",
        f"</alice/calendar/> (<{before}>)",
        f'<http://localhost/alice/calendar/>(["x"])(<{before}> Not [W/{etag}])',
        f"</alice/calendar/2.ics> ([{etag}]) <{path}> ([{etag}])",
    ):
        assert alice.get(path, If=value).status == 200, value
    assert alice.put(path, event("one", "SUMMARY:new"), If=f"</alice/calendar/> (<{before}>)").status == 204
    after = alice.prop("/alice/calendar/", "D:sync-token").text
    new = alice.get(path).headers["etag"]
    for value in (
        f"([{etag}])",
        f"(Not [{new}])",
        f"([W/{new}])",
        f"(<opaquelocktoken:a> [{new}])",
        f"<{path}> ([{etag}])",
        f"</alice/calendar/> (<{before}>)",
        f"<{path}> (<{after}>)",
        f"<https://elsewhere.example{path}> ([{new}])",
        f"</alice/calendar/2.ics> ([{new}])",
        f"</alice/nothing/> (<{after}>)",
    ):
        for method in ("PUT", "DELETE", "GET"):
            body = event("one", "SUMMARY:other") if method == "PUT" else ""
            refused = alice.request(method, path, body, {"If": value, "Content-Type": "text/calendar"})
            assert refused.status == 412, (method, value)
        assert alice.prop("/alice/calendar/", "D:sync-token").text == after
    # Who may not read a resource doesn't learn its state.
    assert bob.put("/bob/calendar/1.ics", event(), If=f"<{path}> ([{new}])").status == 412
    assert bob.put("/bob/calendar/1.ics", event(), If=f"<{path}> (Not [{new}])").status == 201
    assert alice.delete(path, If=f"</alice/calendar/> (<{after}>)").status == 204


@pytest.mark.parametrize(
    "value",
    [
        "",
        "(",
        ")",
        "()",
        "(Not)",
        "(Not Not <a:b>)",
        '"x"',
        '["x"]',
        "(<>)",
        '(["x)',
        "(<a:b>",
        "</a>",
        "(a:b)",
    ],
)
def test_an_if_header_that_makes_no_sense(alice, value):
    assert alice.put("/alice/calendar/1.ics", event(), If=value).status == 400
    assert alice.get("/alice/calendar/1.ics").status == 404


def test_conditional_reads(alice):
    path = "/alice/calendar/1.ics"
    alice.put(path, event())
    first = alice.get(path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for conditions in (
        {"If_None_Match": etag},
        {"If_None_Match": f'"x", W/{etag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
    ):
        reply = alice.get(path, **conditions)
        assert (reply.status, reply.body, reply.headers.get("etag")) == (304, b"", etag), conditions
    assert alice.get(path, If_None_Match='"x"', If_Modified_Since=modified).status == 200
    assert alice.get(path, If_Match='"x"').status == 412
    assert alice.get(path, If_Match=etag).status == 200
    assert alice.get(path, If_Modified_Since="nonsense").status == 200
    assert alice.get(path, If_Unmodified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 412
    whole = alice.get("/alice/calendar/")
    assert alice.get("/alice/calendar/", If_None_Match=whole.headers["etag"]).status == 304


def test_a_schedule_tag_guards_against_organizers_changes_only(alice, bob):
    invitation = event(
        "m",
        "ORGANIZER:mailto:alice@example.com",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com",
    )
    tag = alice.put("/alice/calendar/m.ics", invitation).headers["schedule-tag"]
    (copy,) = [p for p in bob.propfind("/bob/calendar/", "D:getetag", depth=1) if p.endswith(".ics")]
    answered = bob.get(copy).text.replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED")
    assert bob.put(copy, answered).status == 204
    got = alice.get("/alice/calendar/m.ics")
    assert got.headers["schedule-tag"] == tag
    assert alice.prop("/alice/calendar/m.ics", "C:schedule-tag").text == tag
    reply = alice.put(
        "/alice/calendar/m.ics", event("m", *got.text.split("\r\n")[8:-3]), If_Schedule_Tag_Match=tag
    )
    assert reply.status == 204


# ---- the whole of a calendar


def test_a_calendar_as_one_stream(alice):
    assert alice.get("/alice/calendar/").text.count("BEGIN:") == 1
    alice.put("/alice/calendar/1.ics", event("one", "SUMMARY:1", zone=ZONE))
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
            zone=ZONE,
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


# ---- COPY and MOVE


def transfer(client, method: str, source: str, target: str | None, **headers: str):
    sent = {"Destination": target} if target is not None else {}
    return client.request(method, source, headers={**sent, **headers})


def test_copy_and_move(alice):
    alice.request("MKCALENDAR", "/alice/work/")
    alice.put("/alice/calendar/1.ics", event("one"))
    alice.xml(
        "PROPPATCH",
        "/alice/calendar/1.ics",
        '<D:propertyupdate><D:set><D:prop><X:a xmlns:X="urn:x">1</X:a></D:prop></D:set></D:propertyupdate>',
    )
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


# ---- collections


def test_mkcalendar_with_properties(alice):
    body = (
        "<C:mkcalendar><D:set><D:prop><D:displayname>Tasks ß</D:displayname><C:calendar-description xml:lang='de'>x</C:calendar-description>"
        '<C:supported-calendar-component-set><C:comp name="VTODO"/><C:comp name="VEVENT"/></C:supported-calendar-component-set>'
        "<ICAL:calendar-color>#ff0000</ICAL:calendar-color></D:prop></D:set></C:mkcalendar>"
    )
    made = alice.xml("MKCALENDAR", "/alice/new/", body, None)
    assert (made.status, made.body, made.headers["cache-control"]) == (201, b"", "no-cache")
    assert alice.prop("/alice/new/", "D:displayname").text == "Tasks ß"
    assert alice.prop("/alice/new/", "ICAL:calendar-color").text == "#ff0000"
    components = alice.prop("/alice/new/", "C:supported-calendar-component-set")
    assert [c.get("name") for c in components] == ["VTODO", "VEVENT"]
    again = alice.xml("MKCALENDAR", "/alice/new/", body, None)
    assert (again.status, again.error) == (403, clark("D:resource-must-be-null"))
    assert alice.delete("/alice/new/").status == 204
    assert alice.request("PROPFIND", "/alice/new/", headers={"Depth": "0"}).status == 404


def test_mkcalendar_is_all_or_nothing(alice):
    body = "<C:mkcalendar><D:set><D:prop><D:displayname>x</D:displayname><D:getetag>1</D:getetag></D:prop></D:set></C:mkcalendar>"
    reply = alice.xml("MKCALENDAR", "/alice/new/", body, None)
    found = reply.properties["/alice/new/"]
    assert {n: s for n, (s, _) in found.items()} == {clark("D:displayname"): 424, clark("D:getetag"): 403}
    assert alice.request("PROPFIND", "/alice/new/", headers={"Depth": "0"}).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alice/none/x/", 409),
        ("/alice/calendar/x/", 403),
        ("/alice/", 403),
        ("/nobody/x/", 404),
        ("/bob/x/", 403),
    ],
)
def test_places_where_no_calendar_can_be(alice, path, status):
    assert alice.request("MKCALENDAR", path).status == status


def test_extended_mkcol(alice):
    def body(*types: str) -> str:
        inner = "".join(f"<{t}/>" for t in types)
        return f"<D:mkcol><D:set><D:prop><D:resourcetype>{inner}</D:resourcetype><D:displayname>n</D:displayname></D:prop></D:set></D:mkcol>"

    for number, types in enumerate(
        [("D:collection", "C:calendar"), ("D:collection", "CR:addressbook"), ("D:collection",)]
    ):
        assert alice.xml("MKCOL", f"/alice/n{number}/", body(*types), None).status == 201
        found = alice.prop(f"/alice/n{number}/", "D:resourcetype")
        assert {e.tag for e in found} == {clark(t) for t in types}
    refused = alice.xml("MKCOL", "/alice/x/", body("D:collection", "D:principal"), None)
    assert refused.status == 403
    assert refused.xml.tag == clark("D:mkcol-response")
    assert [e.tag for error in refused.xml.iter(clark("D:error")) for e in error] == [
        clark("D:valid-resourcetype")
    ]
    assert alice.request("MKCOL", "/alice/plain/").status == 201
    assert alice.request("MKCOL", "/alice/plain/").status == 405
    assert alice.xml("MKCOL", "/alice/y/", "<D:nonsense/>", None).status == 400
    for method in ("MKCOL", "MKCALENDAR"):
        assert alice.request(method, "/alice/y/", "nonsense", {"Content-Type": "x/y"}).status == 415


def test_plain_collections_take_anything(alice):
    alice.request("MKCOL", "/alice/plain/")
    put = alice.put("/alice/plain/x.bin", b"\x00\xff", Content_Type="image/png; a=b")
    got = alice.get("/alice/plain/x.bin")
    assert (put.status, got.body, got.headers["content-type"]) == (201, b"\x00\xff", "image/png; a=b")


def test_the_boxes_stay(alice):
    for path in ("/alice/inbox/", "/alice/outbox/", "/alice/", "/"):
        assert alice.delete(path).status == 403
    assert alice.delete("/alice/calendar/").error == clark("C:default-calendar-needed")
    assert alice.delete("/alice/tasks/", Depth="0").status == 400


def test_deleting_a_calendar_deletes_its_meetings_everywhere(alice, bob):
    alice.request("MKCALENDAR", "/alice/work/")
    alice.put(
        "/alice/work/m.ics",
        event(
            "m",
            "ORGANIZER:mailto:alice@example.com",
            "ATTENDEE:mailto:alice@example.com",
            "ATTENDEE:mailto:bob@example.com",
        ),
    )
    (copy,) = [p for p in bob.propfind("/bob/calendar/", "D:getetag", depth=1) if p.endswith(".ics")]
    assert alice.delete("/alice/work/").status == 204
    assert "STATUS:CANCELLED" in bob.get(copy).text


# ---- address books


def test_address_books_keep_vcards_byte_for_byte(alice):
    body = "<D:mkcol><D:set><D:prop><D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>"
    alice.xml("MKCOL", "/alice/book/", body, None)
    put = alice.put("/alice/book/z.vcf", CARD, Content_Type="text/vcard")
    got = alice.get("/alice/book/z.vcf")
    assert (put.status, got.body, got.headers["content-type"]) == (
        201,
        CARD.encode(),
        "text/vcard; charset=utf-8",
    )
    assert got.headers["etag"] == put.headers["etag"]
    query = "<CR:addressbook-multiget><D:prop><D:getetag/><CR:address-data/></D:prop><D:href>/alice/book/z.vcf</D:href></CR:addressbook-multiget>"
    found = alice.report("/alice/book/", query)["/alice/book/z.vcf"]
    assert found[clark("D:getetag")][1].text == put.headers["etag"]
    assert "X-ODD" in found[clark("CR:address-data")][1].text
    query = '<CR:addressbook-query><D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name="FN"><CR:text-match>Zo</CR:text-match></CR:prop-filter></CR:filter></CR:addressbook-query>'
    assert set(alice.report("/alice/book/", query)) == {"/alice/book/z.vcf"}
    assert alice.put("/alice/book/e.ics", event()).error == clark("CR:supported-address-data")
    for text in ("x", CARD.replace("END:VCARD\r\n", ""), CARD[:-3], CARD + "more"):
        refused = alice.put("/alice/book/e.vcf", text, Content_Type="text/vcard")
        assert refused.error == clark("CR:valid-address-data"), text


# ---- other people's calendars


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


# ---- the outbox


def ask(
    client,
    *attendees: str,
    organizer: str = "mailto:alice@example.com",
    extra: str = "",
    method: str = "REQUEST",
    box: str = "/alice",
    headers: dict[str, str] | None = None,
):
    lines = "\r\n".join(f"ATTENDEE:{a}" for a in attendees)
    body = (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:{method}\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n"
        f"DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T000000Z\r\nDTEND:20260106T000000Z\r\nORGANIZER:{organizer}\r\n"
        f"{lines}\r\n{extra}END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
    sent = {"Content-Type": "text/calendar", **(headers or {})}
    return client.request("POST", f"{box}/outbox/", body, sent)


def test_free_busy_as_older_clients_ask(alice, bob):
    """They name themselves and the recipient in headers too; so does Thunderbird, one person at a time."""
    bob.put("/bob/calendar/1.ics", event("b"))
    me, him = "mailto:alice@example.com", "mailto:bob@example.com"
    reply = ask(alice, him, headers={"Originator": me, "Recipient": him})
    assert [r.findtext(clark("C:request-status"))[:3] for r in reply.xml] == ["2.0"]
    assert "20260105T100000Z/" in reply.text


def test_free_busy_of_several_people(alice, bob):
    bob.put("/bob/calendar/1.ics", event("b"))
    reply = ask(
        alice, "mailto:bob@example.com", "mailto:nobody@example.com", "mailto:erin@example.com", "/room1/"
    )
    assert reply.status == 200
    assert reply.xml.tag == clark("C:schedule-response")
    answers = {
        r.findtext(f"{clark('C:recipient')}/{clark('D:href')}"): (
            r.findtext(clark("C:request-status")),
            r.findtext(clark("C:calendar-data")),
        )
        for r in reply.xml
    }
    assert {who: status[:3] for who, (status, _) in answers.items()} == {
        "mailto:bob@example.com": "2.0",
        "mailto:nobody@example.com": "3.7",
        "mailto:erin@example.com": "3.7",
        "/room1/": "2.0",
    }
    busy = answers["mailto:bob@example.com"][1]
    assert "METHOD:REPLY" in busy
    assert "20260105T100000Z/" in busy
    assert "FREEBUSY" not in answers["/room1/"][1].replace("VFREEBUSY", "")


def test_free_busy_of_a_group_is_that_of_its_members(server, alice, bob, client):
    alice.put("/alice/calendar/1.ics", event("a"))
    client("erin").put("/erin/calendar/1.ics", event("e").replace("T100000Z", "T103000Z"))
    of_bob = {"organizer": "mailto:bob@example.com", "box": "/bob"}
    found = ask(bob, "mailto:team@example.com", **of_bob)
    assert found.xml.findtext(f".//{clark('C:request-status')}").startswith("2.0")
    periods = [line for line in found.text.splitlines() if line.startswith("FREEBUSY")]
    assert periods == ["FREEBUSY;FBTYPE=BUSY:20260105T100000Z/PT1H30M"]
    with server.services.store.write(server.system) as txn:
        txn.directory.set_members(txn.directory.by_name("team"), [])
    found = ask(bob, "mailto:team@example.com", **of_bob)
    assert found.xml.findtext(f".//{clark('C:request-status')}").startswith("3.8"), "nobody's time is known"


def test_a_meeting_is_not_in_its_own_way(alice, bob):
    people = [f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{n}@example.com" for n in ("alice", "bob")]
    meeting = event("m", "ORGANIZER:mailto:alice@example.com", *people)
    alice.put("/alice/calendar/m.ics", meeting)
    bob.put("/bob/calendar/b.ics", event("b").replace("T1", "T2"))

    def busy(client, of: str, uid: str) -> bool:
        mask = f"X-CALENDARSERVER-MASK-UID:{uid}\r\n"
        me = f"mailto:{client.user}@example.com"
        found = ask(client, f"mailto:{of}@example.com", organizer=me, extra=mask, box=f"/{client.user}")
        return "BUSY:" in found.text

    assert busy(alice, "alice", "other")
    assert not busy(alice, "alice", "m")
    assert busy(bob, "alice", "m"), "bob is not its organizer"
    assert not busy(bob, "bob", "b")
    assert busy(alice, "bob", "b"), "bob's event is nobody else's to leave out"


@pytest.mark.parametrize(
    ("given", "precondition"),
    [
        ({"organizer": "mailto:bob@example.com"}, "organizer-allowed"),
        ({"method": "PUBLISH"}, "valid-scheduling-message"),
        ({"extra": "END:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\n"}, "valid-scheduling-message"),
    ],
)
def test_free_busy_requests_that_make_no_sense(alice, given, precondition):
    reply = ask(alice, "mailto:bob@example.com", **given)
    assert (reply.status, reply.error) == (403, clark(f"C:{precondition}"))


def test_posts_elsewhere(alice, bob):
    assert alice.request("POST", "/alice/calendar/").status == 405
    assert alice.request("POST", "/alice/outbox/", "x", {"Content-Type": "text/plain"}).error == clark(
        "C:supported-calendar-data"
    )
    assert alice.request("POST", "/alice/outbox/", "x", {"Content-Type": "text/calendar"}).error == clark(
        "C:valid-calendar-data"
    )
    assert ask(bob, "mailto:bob@example.com").status == 403


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
