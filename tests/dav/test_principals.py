# SPDX-License-Identifier: GPL-3.0-or-later
"""People and rooms are found: the reports about principals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from client import clark, hrefs, prop

from calcore_caldav.core.principals import Location, Privilege

NAME = "<D:prop><D:displayname/></D:prop>"


@pytest.fixture
def furnished(server):
    with server.services.store.write(server.system) as txn:
        room = txn.directory.by_name("room1")
        place = Location("Main & Annex", "2", ("projector", "wheelchair-accessible"))
        txn.directory.save(replace(room, location=place, booking={"capacity": 8}))


def search(
    client,
    *criteria: tuple[str, str],
    attributes: str = "",
    match: str = "",
    path: str = "/",
    extra: str = "",
):
    inner = "".join(
        f"<D:property-search>{prop(name)}<D:match {match}>{text}</D:match></D:property-search>"
        for name, text in criteria
    )
    body = f"<D:principal-property-search {attributes}>{inner}{NAME}{extra}</D:principal-property-search>"
    return client.xml("REPORT", path, body, 0)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("D:displayname", "ALICE übel", {"/alice/"}),
        ("D:displayname", "room", {"/room1/"}),
        ("CS:email-address-set", "bob@example", {"/bob/"}),
        ("{http://sabredav.org/ns}email-address", "bob@example", {"/bob/"}),
        ("C:calendar-user-address-set", "mailto:Bob@Example.org", {"/bob/"}),
        ("C:calendar-user-address-set", "/bob/", {"/bob/"}),
        ("C:calendar-user-address-set", "http://localhost/bob/", {"/bob/"}),
        ("C:calendar-user-type", "ROOM", {"/room1/"}),
        ("C:calendar-home-set", "/alice/", {"/alice/"}),
        ("CS:first-name", "carol", {"/carol/"}),
        ("D:displayname", "erin", set()),
        ("D:getetag", "x", set()),
    ],
)
def test_principals_are_found_by_their_properties(alice, name, text, found):
    assert set(search(alice, (name, text)).properties) == found


def test_anyof_allof_and_match_types(alice):
    criteria = [("D:displayname", "bob"), ("D:displayname", "carol")]
    assert search(alice, *criteria).properties == {}
    assert set(search(alice, *criteria, attributes='test="anyof"').properties) == {"/bob/", "/carol/"}
    both = (
        "<D:property-search><D:prop><D:displayname/><S:email-address xmlns:S='http://sabredav.org/ns'/></D:prop>"
        "<D:match>{}</D:match></D:property-search>"
    )
    for test, text, found in [
        ("anyof", "bob@example", {"/bob/"}),
        ("allof", "bob@example", set()),
        ("anyof", "Bob Ü", {"/bob/"}),
        ("allof", "bob", {"/bob/"}),
    ]:
        body = f'<D:principal-property-search test="{test}">{both.format(text)}{NAME}</D:principal-property-search>'
        assert set(alice.xml("REPORT", "/", body, 0).properties) == found
    for match, text, found in [
        ("starts-with", "bob", {"/bob/"}),
        ("starts-with", "übel", set()),
        ("ends-with", "übelmann", {"/alice/", "/bob/", "/boss/", "/carol/", "/room1/", "/team/"}),
        ("equals", "Bob Übelmann", {"/bob/"}),
        ("contains", "ob", {"/bob/"}),
    ]:
        assert set(search(alice, ("D:displayname", text), match=f'match-type="{match}"').properties) == found
    assert set(search(alice, ("D:displayname", "übel"), attributes='type="ROOM"').properties) == {"/room1/"}


def test_a_collection_searches_all_principals_only_when_told(alice):
    assert search(alice, ("D:displayname", "bob"), path="/alice/calendar/").properties == {}
    told = search(
        alice,
        ("D:displayname", "bob"),
        path="/alice/calendar/",
        extra="<D:apply-to-principal-collection-set/>",
    )
    assert set(told.properties) == {"/bob/"}


def test_properties_beside_an_empty_prop_are_asked_for(alice):
    body = (
        "<D:principal-property-search><D:property-search><D:prop><D:displayname/></D:prop>"
        "<D:match>Alice</D:match></D:property-search><D:prop/><C:calendar-home-set/><D:displayname/>"
        "</D:principal-property-search>"
    )
    found = alice.xml("REPORT", "/", body, 0).properties["/alice/"]
    assert found[clark("D:displayname")][1].text == "Alice Übelmann"
    assert found[clark("C:calendar-home-set")][0] == 200


def test_searches_have_limits(alice):
    limit = "<CS:limit><CS:nresults>2</CS:nresults></CS:limit>"
    reply = search(alice, ("D:displayname", "übel"), extra=limit)
    assert reply.statuses == {"/": 507}
    assert len(reply.xml.findall(clark("D:response"))) == 3


@pytest.mark.parametrize(
    "body",
    [
        "<D:principal-property-search/>",
        "<D:principal-property-search><D:property-search/></D:principal-property-search>",
        (
            "<D:principal-property-search><D:property-search><D:prop><D:displayname/></D:prop>"
            "<D:match match-type='sounds-like'>x</D:match></D:property-search></D:principal-property-search>"
        ),
        "<D:principal-match/>",
        "<D:principal-match><D:self/><D:prop><D:a/></D:prop><D:prop><D:b/></D:prop></D:principal-match>",
        "<D:acl-principal-prop-set/>",
        "<CS:calendarserver-principal-search/>",
        "<CS:calendarserver-principal-search context='x'><CS:search-token>a</CS:search-token></CS:calendarserver-principal-search>",
        "<D:expand-property><D:property name='a b'/></D:expand-property>",
        "<D:expand-property><D:property/></D:expand-property>",
    ],
)
def test_reports_that_make_no_sense(alice, body):
    assert alice.xml("REPORT", "/alice/", body, 0).status == 400


@pytest.mark.parametrize(
    ("tokens", "context", "found"),
    [
        (["ali"], "attendee", {"/alice/"}),
        (["übel", "car"], None, {"/carol/"}),
        (["bob@example.org"], "user", {"/bob/"}),
        (["übel"], "location", {"/room1/"}),
        (["übel"], "resource", set()),
        (["übel"], "group", {"/team/"}),
        (["erin"], None, set()),
        (["lice"], None, set()),
    ],
)
def test_search_by_tokens(alice, tokens, context, found):
    inner = "".join(f"<CS:search-token>{t}</CS:search-token>" for t in tokens)
    attribute = f'context="{context}"' if context else 'x=""'
    body = (
        f"<CS:calendarserver-principal-search {attribute}>{inner}{NAME}</CS:calendarserver-principal-search>"
    )
    assert set(alice.xml("REPORT", "/", body, 0).properties) == found


@pytest.mark.parametrize("tokens", [["annex"], ["übel", "main"], ["projector", "2"], ["wheelchair"]])
def test_rooms_are_found_by_tokens_for_where_they_are_and_what_they_have(furnished, alice, tokens):
    inner = "".join(f"<CS:search-token>{t}</CS:search-token>" for t in tokens)
    body = (
        '<CS:calendarserver-principal-search context="location">'
        f"{inner}{NAME}</CS:calendarserver-principal-search>"
    )
    assert set(alice.xml("REPORT", "/", body, 0).properties) == {"/room1/"}


def test_what_can_be_searched_can_be_searched(furnished, alice):
    reply = alice.xml("REPORT", "/", "<D:principal-search-property-set/>", 0)
    names = [e.tag for p in reply.xml.iter(clark("D:prop")) for e in p]
    assert clark("D:displayname") in names
    person = alice.propfind("/alice/", *names)["/alice/"]
    room = alice.propfind("/room1/", *names)["/room1/"]
    assert [n for n in names if 200 not in {person[n][0], room[n][0]}] == []
    assert alice.xml("REPORT", "/", "<D:principal-search-property-set/>", 1).status == 400


def test_principal_match(alice):
    body = f"<D:principal-match><D:self/>{NAME}</D:principal-match>"
    assert set(alice.xml("REPORT", "/", body, 0).properties) == {"/alice/"}
    body = f"<D:principal-match><D:principal-property><D:owner/></D:principal-property>{NAME}</D:principal-match>"
    found = set(alice.xml("REPORT", "/alice/", body, 0).properties)
    assert {"/alice/", "/alice/calendar/", "/alice/inbox/"} <= found


def test_expand_property(alice):
    body = (
        '<D:expand-property><D:property name="displayname"/><D:property name="current-user-principal">'
        '<D:property name="displayname"/><D:property name="group-membership"><D:property name="displayname"/></D:property>'
        '</D:property><D:property name="x" namespace="urn:none"/></D:expand-property>'
    )
    reply = alice.xml("REPORT", "/alice/calendar/", body, 0)
    (response,) = reply.xml
    assert response.findtext(clark("D:href")) == "/alice/calendar/"
    inner = response.find(f".//{clark('D:current-user-principal')}/{clark('D:response')}")
    assert inner.findtext(clark("D:href")) == "/alice/"
    assert inner.find(f".//{clark('D:displayname')}").text == "Alice Übelmann"
    deeper = inner.find(f".//{clark('D:group-membership')}/{clark('D:response')}")
    assert deeper.findtext(clark("D:href")) == "/team/"
    assert deeper.find(f".//{clark('D:displayname')}").text == "Team Übelmann"


def test_an_expansion_that_would_never_end_is_refused(server, alice):
    with server.services.store.write(server.system) as txn:
        team = txn.directory.by_name("team")
        txn.directory.set_members(team, ["alice", "bob", "carol", "room1", "team"])
    nested = (
        '<D:property name="group-member-set">' * 30
        + '<D:property name="displayname"/>'
        + "</D:property>" * 30
    )
    reply = alice.xml("REPORT", "/team/", f'<D:expand-property x="">{nested}</D:expand-property>', 0)
    assert reply.status in {207, 507}


def test_the_principals_of_an_acl(server, alice, bob):
    server.grant("alice", "bob", Privilege.READ, calendar="calendar")
    server.grant("alice", "team", Privilege.READ)
    body = f"<D:acl-principal-prop-set>{NAME}</D:acl-principal-prop-set>"
    assert set(alice.xml("REPORT", "/alice/calendar/", body, 0).properties) == {"/alice/", "/bob/", "/team/"}
    assert set(alice.xml("REPORT", "/alice/", body, 0).properties) == {"/alice/", "/team/"}
    assert bob.xml("REPORT", "/alice/calendar/", body, 0).error == clark("D:need-privileges")


def test_a_report_where_it_does_not_belong(alice):
    reply = alice.xml("REPORT", "/alice/outbox/", "<C:calendar-query/>", 1)
    assert (reply.status, reply.error) == (403, clark("D:supported-report"))
    assert alice.xml("REPORT", "/alice/", "<D:unheard-of/>", 1).error == clark("D:supported-report")
    assert alice.request("REPORT", "/alice/").status == 400


def test_rooms_are_found_as_outlook_does(alice):
    body = (
        "<D:principal-property-search><D:property-search><D:prop><D:displayname/></D:prop>"
        '<D:match match-type="equals">Room1 Übelmann</D:match></D:property-search>'
        "<D:prop><D:resource-id/><C:calendar-user-type/><C:calendar-user-address-set/></D:prop></D:principal-property-search>"
    )
    found = alice.xml("REPORT", "/", body, 0).properties["/room1/"]
    assert found[clark("C:calendar-user-type")][1].text == "ROOM"
    assert hrefs(found[clark("D:resource-id")][1])[0].startswith("urn:uuid:")


ROOM = "{http://nextcloud.com/ns}room-"


def test_what_a_room_is(furnished, alice):
    asked = ("seating-capacity", "building-address", "building-story", "features")
    found = alice.propfind("/room1/", *(f"{ROOM}{name}" for name in asked))["/room1/"]
    assert [found[f"{ROOM}{name}"][1].text for name in asked] == [
        "8",
        "Main & Annex",
        "2",
        "PROJECTOR,WHEELCHAIR-ACCESSIBLE",
    ]
    assert alice.prop("/bob/", f"{ROOM}seating-capacity") is None


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("seating-capacity", "8", {"/room1/"}),
        ("seating-capacity", "5", {"/room1/"}),
        ("seating-capacity", "9", set()),
        ("seating-capacity", "many", set()),
        ("building-address", "annex", {"/room1/"}),
        ("building-address", "hall", set()),
        ("building-story", "2", {"/room1/"}),
        ("features", "PROJECTOR", {"/room1/"}),
        ("features", "WHEELCHAIR-ACCESSIBLE,PROJECTOR", {"/room1/"}),
        ("features", "PROJECTOR,TV", set()),
    ],
)
def test_rooms_are_found_by_what_they_are(furnished, alice, name, text, found):
    criterion = (f'X:room-{name} xmlns:X="http://nextcloud.com/ns"', text)
    assert set(search(alice, criterion).properties) == found
