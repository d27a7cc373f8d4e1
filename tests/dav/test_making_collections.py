# SPDX-License-Identifier: GPL-3.0-or-later
"""MKCALENDAR and MKCOL, and what collections of each kind hold (RFC 4791 §5.3.1, RFC 5689, RFC 6352)."""

from __future__ import annotations

import pytest
from client import clark, hrefs
from dav_server import event

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-1\r\nFN:Zoë  \r\nN:Z;;;;\r\nX-ODD;a=b:c\r\nEND:VCARD\r\n"


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
    assert got.headers["content-security-policy"] == "sandbox"
    assert got.headers["x-content-type-options"] == "nosniff"


def test_the_boxes_stay(alice):
    for path in ("/alice/inbox/", "/alice/outbox/", "/alice/", "/"):
        assert alice.delete(path).status == 403
    assert alice.delete("/alice/calendar/").error == clark("C:default-calendar-needed")
    # A client must not say so, but the server "MUST act as if" it were infinity (RFC 4918 §9.6.1).
    assert alice.delete("/alice/tasks/", Depth="0").status == 204


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
    taken = alice.put("/alice/book/e.vcf", CARD, Content_Type="text/vcard")
    assert (taken.status, taken.error) == (403, clark("CR:no-uid-conflict"))
    assert hrefs(taken.xml) == ["/alice/book/z.vcf"]
    for text in ("x", CARD.replace("END:VCARD\r\n", ""), CARD[:-3], CARD + "more"):
        refused = alice.put("/alice/book/e.vcf", text, Content_Type="text/vcard")
        assert refused.error == clark("CR:valid-address-data"), text
