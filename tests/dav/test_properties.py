# SPDX-License-Identifier: GPL-3.0-or-later
"""PROPFIND and PROPPATCH through the WSGI door (RFC 4918 §9.1, §9.2)."""

from __future__ import annotations

import pytest
from client import clark, hrefs

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.report_table import REPORTS
from calcore_caldav.dav.resources import Kind

EVENT = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDTEND:20260105T110000Z\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def test_principal_properties_as_clients_ask_for_them(alice):
    found = alice.propfind(
        "/alice/",
        "D:displayname",
        "D:resourcetype",
        "D:current-user-principal",
        "D:principal-URL",
        "D:principal-collection-set",
        "D:resource-id",
        "D:group-membership",
        "C:calendar-home-set",
        "C:calendar-user-address-set",
        "C:calendar-user-type",
        "C:schedule-inbox-URL",
        "C:schedule-outbox-URL",
        "CS:email-address-set",
        "CR:addressbook-home-set",
    )["/alice/"]
    assert {status for status, _ in found.values()} == {200}
    element = {name: e for name, (_, e) in found.items()}
    assert element[clark("D:displayname")].text == "Alice Übelmann"
    assert {e.tag for e in element[clark("D:resourcetype")]} == {clark("D:collection"), clark("D:principal")}
    for name in (
        "D:current-user-principal",
        "D:principal-URL",
        "C:calendar-home-set",
        "CR:addressbook-home-set",
    ):
        assert hrefs(element[clark(name)]) == ["/alice/"], name
    addresses = hrefs(element[clark("C:calendar-user-address-set")])
    assert addresses[:3] == ["mailto:alice@example.com", "mailto:alice@example.org", "/alice/"]
    assert addresses[3].startswith("urn:uuid:")
    assert hrefs(element[clark("D:resource-id")]) == [addresses[3]]
    assert element[clark("C:calendar-user-type")].text == "INDIVIDUAL"
    assert hrefs(element[clark("C:schedule-inbox-URL")]) == ["/alice/inbox/"]
    assert hrefs(element[clark("C:schedule-outbox-URL")]) == ["/alice/outbox/"]
    assert hrefs(element[clark("D:group-membership")]) == ["/team/"]
    assert hrefs(element[clark("D:principal-collection-set")]) == ["/"]
    assert alice.prop("/alice/", "{http://sabredav.org/ns}email-address").text == "alice@example.com"
    assert hrefs(alice.prop("/team/", "D:group-member-set")) == ["/alice/"], "erin is hidden"


def test_home_lists_its_collections(alice):
    found = alice.propfind("/alice/", "D:resourcetype", depth=1)
    types = {
        href: {e.tag.rpartition("}")[2] for e in props[clark("D:resourcetype")][1]}
        for href, props in found.items()
    }
    assert types == {
        "/alice/": {"collection", "principal"},
        "/alice/calendar/": {"collection", "calendar"},
        "/alice/tasks/": {"collection", "calendar"},
        "/alice/inbox/": {"collection", "schedule-inbox"},
        "/alice/outbox/": {"collection", "schedule-outbox"},
    }


def test_calendar_and_object_properties(alice):
    etag = alice.put("/alice/calendar/1.ics", EVENT).headers["etag"]
    found = alice.propfind(
        "/alice/calendar/", "D:getetag", "D:getcontenttype", "D:getcontentlength", "CS:getctag", depth=1
    )
    one = found["/alice/calendar/1.ics"]
    assert one[clark("D:getetag")][1].text == etag
    assert one[clark("D:getcontenttype")][1].text == "text/calendar; charset=utf-8; component=VEVENT"
    assert one[clark("D:getcontentlength")][1].text == str(len(EVENT))
    assert one[clark("CS:getctag")][0] == 404
    before = found["/alice/calendar/"][clark("CS:getctag")][1].text
    assert before == alice.prop("/alice/calendar/", "D:sync-token").text
    alice.delete("/alice/calendar/1.ics")
    assert alice.prop("/alice/calendar/", "CS:getctag").text != before
    components = alice.prop("/alice/tasks/", "C:supported-calendar-component-set")
    assert [c.get("name") for c in components] == ["VTODO"]
    assert [s.text for s in alice.prop("/alice/calendar/", "C:supported-rscale-set")] == ["GREGORIAN"]
    of_others = EVENT.replace("END:VEVENT", "RRULE:RSCALE=HEBREW;FREQ=YEARLY\r\nEND:VEVENT")
    assert alice.put("/alice/calendar/1.ics", of_others).error == clark("C:supported-rscale")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", Kind.ROOT),
        ("/alice/", Kind.HOME),
        ("/alice/calendar/", Kind.CALENDAR),
        ("/alice/inbox/", Kind.INBOX),
        ("/alice/outbox/", Kind.OUTBOX),
        ("/alice/calendar/1.ics", Kind.EVENT),
    ],
)
def test_every_listed_property_and_report_is_there(alice, path, kind):
    alice.put("/alice/calendar/1.ics", EVENT)
    listed = alice.xml("PROPFIND", path, "<D:propfind><D:propname/></D:propfind>", 0).properties[path]
    assert set(listed) <= set(PROPERTIES.of(kind))
    found = alice.propfind(path, *listed)[path]
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(listed, 200)
    reports = {e.tag for r in alice.prop(path, "D:supported-report-set").iter(clark("D:report")) for e in r}
    assert reports == {name for name, row in REPORTS.items() if kind in row.on}
    for name in reports:
        reply = alice.xml("REPORT", path, f'<X:{name.split("}")[1]} xmlns:X="{name[1:].split("}")[0]}"/>', 0)
        assert reply.error != clark("D:supported-report"), name
        assert reply.status < 500, name


def test_allprop_lists_dead_properties_and_what_is_included(alice):
    alice.xml("PROPPATCH", "/alice/calendar/", patch('<X:mood xmlns:X="urn:x">good</X:mood>'))
    body = "<D:propfind><D:allprop/><D:include><C:max-instances/></D:include></D:propfind>"
    found = alice.xml("PROPFIND", "/alice/calendar/", body, 0).properties["/alice/calendar/"]
    assert found["{urn:x}mood"][1].text == "good"
    assert found[clark("C:max-instances")][0] == 200
    assert clark("D:acl") not in found


def test_an_infinite_depth_is_refused(alice):
    for depth in ("infinity", None):
        reply = alice.xml("PROPFIND", "/alice/", "<D:propfind><D:allprop/></D:propfind>", depth)
        assert (reply.status, reply.error) == (403, clark("D:propfind-finite-depth"))


@pytest.mark.parametrize("depth", ["2", "x", "-1"])
def test_a_senseless_depth_is_refused(alice, depth):
    assert alice.request("PROPFIND", "/alice/", headers={"Depth": depth}).status == 400


@pytest.mark.parametrize(
    "body",
    [
        "<D:propfind",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        "<x/>",
        '<D:propfind xmlns:D="DAV:"/>',
        '<D:propfind xmlns:D="DAV:"><D:allprop/><D:propname/></D:propfind>',
        "<a>" * 5000 + "</a>" * 5000,
        "\x00",
        "<?xml version='1.0' encoding='utf-16'?><a/>",
        "<?xml version='1.0' encoding='nonsense'?><a/>",
    ],
)
def test_bad_xml_is_a_bad_request(alice, body):
    for method in ("PROPFIND", "PROPPATCH", "MKCALENDAR"):
        assert alice.request(method, "/alice/calendar/", body, {"Depth": "0"}).status == 400
    report = alice.request("REPORT", "/alice/calendar/", body, {"Depth": "0"})
    assert report.status == 400 or report.error == clark("D:supported-report")


def test_minimal_answers(alice):
    names = ("D:displayname", "D:no-such-thing")
    full = alice.propfind("/alice/calendar/", *names)["/alice/calendar/"]
    assert full[clark("D:no-such-thing")][0] == 404
    for headers in (
        {"Prefer": "return=minimal"},
        {"Prefer": 'wait=1, return = "minimal"; x=y'},
        {"Prefer": "return-minimal"},
        {"Brief": "t"},
    ):
        found = alice.propfind("/alice/calendar/", *names, **headers)["/alice/calendar/"]
        assert set(found) == {clark("D:displayname")}
    body = "<D:propfind><D:prop><D:displayname/></D:prop></D:propfind>"
    reply = alice.xml("PROPFIND", "/alice/", body, 1, Prefer="return=minimal, depth-noroot")
    assert "/alice/" not in reply.properties
    assert reply.headers["preference-applied"] == "return=minimal, depth-noroot"
    reply = alice.xml("PROPPATCH", "/alice/calendar/", patch("<D:displayname>x</D:displayname>"), Brief="t")
    assert (reply.status, reply.body) == (200, b"")


# ---- setting


def patch(*set_: str, remove: tuple[str, ...] = ()) -> str:
    removed = "".join(f"<D:remove><D:prop>{r}</D:prop></D:remove>" for r in remove)
    return f"<D:propertyupdate><D:set><D:prop>{''.join(set_)}</D:prop></D:set>{removed}</D:propertyupdate>"


def test_dead_properties_come_back_as_sent(alice):
    sent = (
        '<X:note xmlns:X="urn:x" xmlns:Y="urn:y" Y:kind="a&amp;b &lt;&quot;" plain="é">before <X:b>bold</X:b>'
        "<Z xmlns=''>&amp; &lt;</Z> after</X:note>"
    )
    for path in ("/alice/", "/alice/calendar/", "/alice/calendar/1.ics"):
        alice.put("/alice/calendar/1.ics", EVENT)
        body = f'<D:propertyupdate><D:set><D:prop xml:lang="de">{sent}</D:prop></D:set></D:propertyupdate>'
        assert alice.xml("PROPPATCH", path, body).properties[path]["{urn:x}note"][0] == 200
        note = alice.prop(path, "{urn:x}note")
        assert note.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
        assert note.get("{urn:y}kind") == 'a&b <"'
        assert note.get("plain") == "é"
        assert [(e.tag, e.text, e.tail) for e in note] == [("{urn:x}b", "bold", None), ("Z", "& <", " after")]
        assert note.text == "before "
        alice.xml(
            "PROPPATCH",
            path,
            patch(remove=('<X:note xmlns:X="urn:x"/>',)).replace("<D:set><D:prop></D:prop></D:set>", ""),
        )
        assert alice.prop(path, "{urn:x}note") is None


def test_xml_valued_calendar_properties(alice):
    transparent = "<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"
    alice.xml(
        "PROPPATCH",
        "/alice/calendar/",
        patch(transparent, "<ICAL:calendar-color>#2F80EDFF</ICAL:calendar-color>"),
    )
    found = alice.prop("/alice/calendar/", "C:schedule-calendar-transp")
    assert [e.tag for e in found] == [clark("C:transparent")]
    assert alice.prop("/alice/calendar/", "ICAL:calendar-color").text == "#2F80EDFF"


def test_a_patch_has_conditions(alice):
    alice.put("/alice/calendar/1.ics", EVENT)
    for path in ("/alice/calendar/1.ics", "/alice/calendar/"):
        etag = alice.prop(path, "D:getetag").text
        change = patch('<X:a xmlns:X="urn:x">1</X:a>')
        for headers in ({"If_Match": '"other"'}, {"If_Unmodified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"}):
            assert alice.xml("PROPPATCH", path, change, **headers).status == 412
            assert alice.prop(path, "{urn:x}a") is None
        assert alice.xml("PROPPATCH", path, change, If_Match=etag).status == 207


def test_a_patch_is_all_or_nothing(alice):
    body = patch("<D:displayname>new</D:displayname>", "<D:getetag>x</D:getetag>", '<X:a xmlns:X="urn:x"/>')
    reply = alice.xml("PROPPATCH", "/alice/calendar/", body)
    found = reply.properties["/alice/calendar/"]
    assert {name: status for name, (status, _) in found.items()} == {
        clark("D:displayname"): 424,
        clark("D:getetag"): 403,
        "{urn:x}a": 424,
    }
    errors = [e.tag for error in reply.xml.iter(clark("D:error")) for e in error]
    assert errors == [clark("D:cannot-modify-protected-property")]
    assert alice.prop("/alice/calendar/", "D:displayname").text != "new"
    assert alice.prop("/alice/calendar/", "{urn:x}a") is None


@pytest.mark.parametrize(
    ("value", "precondition"),
    [
        ("<C:calendar-timezone>nonsense</C:calendar-timezone>", "C:valid-calendar-data"),
        ("<C:calendar-timezone-id>Mars/Olympus</C:calendar-timezone-id>", "C:valid-timezone"),
        ("<C:schedule-calendar-transp/>", "C:valid-calendar-data"),
        (
            '<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>',
            "D:cannot-modify-protected-property",
        ),
    ],
)
def test_values_that_make_no_sense_are_refused(alice, value, precondition):
    reply = alice.xml("PROPPATCH", "/alice/calendar/", patch(value))
    assert [status for status, _ in reply.properties["/alice/calendar/"].values()] == [403]
    assert [e.tag for error in reply.xml.iter(clark("D:error")) for e in error] == [clark(precondition)]


def test_a_time_zone_by_name(alice):
    alice.xml(
        "PROPPATCH",
        "/alice/calendar/",
        patch("<C:calendar-timezone-id>Europe/Paris</C:calendar-timezone-id>"),
    )
    assert alice.prop("/alice/calendar/", "C:calendar-timezone-id").text == "Europe/Paris"
    assert "TZID:Europe/Paris" in alice.prop("/alice/calendar/", "C:calendar-timezone").text


def test_the_default_calendar_is_the_first_that_clients_find(alice):
    for name in ("A", "B"):
        alice.request("MKCALENDAR", f"/alice/{name}/")

    def found() -> list[str]:
        return [path.split("/")[2] for path in alice.propfind("/alice/", "D:resourcetype", depth=1)][1:]

    assert found() == ["calendar", "A", "B", "inbox", "outbox", "tasks"]
    default = "<C:schedule-default-calendar-URL><D:href>/alice/B/</D:href></C:schedule-default-calendar-URL>"
    alice.xml("PROPPATCH", "/alice/inbox/", patch(default))
    assert found() == ["B", "A", "calendar", "inbox", "outbox", "tasks"]


def test_the_default_calendar_of_invitations(alice):
    assert hrefs(alice.prop("/alice/inbox/", "C:schedule-default-calendar-URL")) == ["/alice/calendar/"]
    alice.request("MKCALENDAR", "/alice/work/")
    default = "<C:schedule-default-calendar-URL><D:href>/alice/{}/</D:href></C:schedule-default-calendar-URL>"
    alice.xml("PROPPATCH", "/alice/inbox/", patch(default.format("work")))
    assert hrefs(alice.prop("/alice/inbox/", "C:schedule-default-calendar-URL")) == ["/alice/work/"]
    reply = alice.xml("PROPPATCH", "/alice/inbox/", patch(default.format("tasks")))
    assert [e.tag for error in reply.xml.iter(clark("D:error")) for e in error] == [
        clark("C:valid-schedule-default-calendar-URL")
    ]
    reply = alice.delete("/alice/work/")
    assert (reply.status, reply.error) == (403, clark("C:default-calendar-needed"))


# ---- who may see what


def privileges(element) -> set[str]:
    return {e.tag.rpartition("}")[2] for p in element for e in p}


def test_privileges_by_grant(server, alice, bob):
    assert {"all", "read", "write", "bind"} <= privileges(
        alice.prop("/alice/calendar/", "D:current-user-privilege-set")
    )
    server.grant("alice", "bob", Privilege.READ, calendar="calendar")
    held = privileges(bob.prop("/alice/calendar/", "D:current-user-privilege-set"))
    assert held == {"read", "read-free-busy", "read-current-user-privilege-set"}
    assert bob.propfind("/alice/calendar/", "D:acl")["/alice/calendar/"][clark("D:acl")][0] == 403
    assert set(bob.propfind("/alice/", "D:displayname", depth=1)) == {"/alice/", "/alice/calendar/"}
    entries = set(hrefs(alice.prop("/alice/calendar/", "D:acl")))
    assert entries == {"/alice/", "/bob/"}
    reply = bob.xml("PROPPATCH", "/alice/calendar/", patch("<D:displayname>mine</D:displayname>"))
    assert (reply.status, reply.error) == (403, clark("D:need-privileges"))


def test_nothing_tells_whether_a_private_thing_exists(bob, alice):
    alice.put("/alice/calendar/1.ics", EVENT)

    def answers(path: str) -> list[tuple[int, bytes]]:
        replies = [
            bob.request(
                method,
                path,
                body,
                {"Depth": "0", "Destination": "/bob/calendar/x.ics", "Content-Type": "text/calendar"},
            )
            for method, body in [
                ("GET", b""),
                ("PUT", EVENT.encode()),
                ("DELETE", b""),
                ("PROPFIND", b""),
                ("COPY", b""),
                ("MOVE", b""),
            ]
        ]
        return [(r.status, r.body.replace(path.encode(), b"")) for r in replies]

    assert (
        answers("/alice/calendar/1.ics") == answers("/alice/calendar/2.ics") == answers("/alice/none/2.ics")
    )
    assert {status for status, _ in answers("/alice/calendar/1.ics")} == {403}
    listing = [
        bob.request(m, p, headers={"Depth": "1"})
        for m in ("PROPFIND", "DELETE")
        for p in ("/alice/calendar/", "/alice/none/")
    ]
    assert {r.status for r in listing} == {403}
    assert set(bob.propfind("/alice/", "D:displayname", depth=1)) == {"/alice/"}
    assert set(bob.propfind("/", "D:displayname", depth=1)) == {"/", "/bob/"}


def test_hidden_principals_are_like_absent_ones(bob):
    for path in ("/erin/", "/nobody/", "/erin/calendar/", "/nobody/calendar/"):
        assert bob.request("PROPFIND", path, headers={"Depth": "0"}).status == 404


def test_anonymous_requests_are_asked_for_a_password(client):
    nobody = client(None)
    replies = [
        nobody.request(m, p) for m in ("OPTIONS", "PROPFIND", "GET", "REPORT") for p in ("/alice/", "/x/y/z")
    ]
    assert {(r.status, r.headers["www-authenticate"]) for r in replies} == {(401, 'Basic realm="Calendar"')}
    preflight = nobody.request("OPTIONS", "/alice/", headers={"Access-Control-Request-Method": "PROPFIND"})
    assert preflight.status == 200


# ---- availability, proxies

AVAILABILITY = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nBEGIN:VAVAILABILITY\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n"
    "BEGIN:AVAILABLE\r\nUID:b\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\nDTEND:20260105T170000Z\r\n"
    "RRULE:FREQ=DAILY\r\nEND:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n"
)


def test_published_availability_counts_as_busy_time(alice, bob):
    patched = patch(f"<C:calendar-availability>{AVAILABILITY}</C:calendar-availability>")
    assert (
        bob.xml("PROPPATCH", "/bob/inbox/", patched).properties["/bob/inbox/"][
            clark("C:calendar-availability")
        ][0]
        == 200
    )
    assert "BEGIN:VAVAILABILITY" in bob.prop("/bob/inbox/", "C:calendar-availability").text
    body = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n"
        "DTSTAMP:20260101T000000Z\r\nDTSTART:20260106T000000Z\r\nDTEND:20260107T000000Z\r\n"
        "ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:bob@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
    reply = alice.request("POST", "/alice/outbox/", body, {"Content-Type": "text/calendar"})
    assert "FBTYPE=BUSY-UNAVAILABLE" in reply.text
    wrong = bob.xml("PROPPATCH", "/bob/inbox/", patch("<C:calendar-availability>x</C:calendar-availability>"))
    assert [e.tag for error in wrong.xml.iter(clark("D:error")) for e in error] == [
        clark("C:valid-calendar-data")
    ]


@pytest.mark.parametrize("path", ["/cal/alice/calendar/", "/alice/calendar/"])
def test_hrefs_behind_a_proxy_have_its_prefix(alice, path):
    body = "<D:propfind><D:prop><D:owner/></D:prop></D:propfind>"
    reply = alice.xml("PROPFIND", path, body, 0, X_Script_Name="/cal", X_Forwarded_For="192.0.2.1")
    ((href, found),) = reply.properties.items()
    assert href == "/cal/alice/calendar/"
    assert hrefs(found[clark("D:owner")][1]) == ["/cal/alice/"]
    alice.put("/alice/calendar/1.ics", EVENT)
    moved = alice.request(
        "MOVE",
        "/alice/calendar/1.ics",
        headers={"Destination": "http://localhost/cal/alice/calendar/2.ics", "X-Script-Name": "/cal"},
    )
    assert moved.status == 201


def test_a_prefix_that_begins_like_a_principal(alice):
    body = "<D:propfind><D:prop><D:owner/></D:prop></D:propfind>"
    assert set(alice.xml("PROPFIND", "/alice/calendar/", body, 0, X_Script_Name="/al").properties) == {
        "/al/alice/calendar/"
    }


def test_managers_choose_how_a_room_answers(server, alice, bob):
    mode = "<CS:auto-schedule-mode>{}</CS:auto-schedule-mode>"
    assert alice.prop("/room1/", "CS:auto-schedule-mode").text == "automatic"
    assert alice.prop("/alice/", "CS:auto-schedule-mode") is None
    refused = alice.xml("PROPPATCH", "/room1/", patch(mode.format("none")))
    assert (refused.status, refused.error) == (403, clark("D:need-privileges"))
    server.grant("room1", "alice", Privilege.ALL)
    assert alice.xml("PROPPATCH", "/room1/", patch(mode.format("none"))).properties["/room1/"]
    assert bob.prop("/room1/", "CS:auto-schedule-mode").text == "none"
    assert bob.prop("/room1/", "CS:auto-schedule").text == "false"
    wrong = alice.xml("PROPPATCH", "/room1/", patch(mode.format("perhaps")))
    assert [status for status, _ in wrong.properties["/room1/"].values()] == [409]
    assert alice.xml("PROPPATCH", "/alice/", patch(mode.format("none"))).status == 403
