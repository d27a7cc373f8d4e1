# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACL method (RFC 3744 §8.1): what it gives and takes counts at every door."""

from __future__ import annotations

import pytest
from client import DavClient, clark
from dav_server import Server, event

from calcore_caldav.core.principals import Privilege

CALENDAR = "/alice/calendar/"


def ace(who: str, *privileges: str, more: str = "", kind: str = "grant") -> str:
    inner = "".join(f"<D:privilege><{p}/></D:privilege>" for p in privileges)
    return f"<D:ace><D:principal>{who}</D:principal><D:{kind}>{inner}</D:{kind}>{more}</D:ace>"


def to(name: str) -> str:
    return f"<D:href>/{name}/</D:href>"


def set_acl(client: DavClient, *aces: str, path: str = CALENDAR):
    return client.xml("ACL", path, f"<D:acl>{''.join(aces)}</D:acl>", None)


def entries(client: DavClient, path: str = CALENDAR) -> list[tuple[str, set[str], set[str]]]:
    """Who, what, and whether protected or inherited."""
    found = []
    for entry in client.prop(path, "D:acl"):
        who = entry.find(clark("D:principal"))[0]
        granted = entry.findall(f"{clark('D:grant')}/{clark('D:privilege')}/*")
        marks = {e.tag.rpartition("}")[2] for e in entry} - {"principal", "grant"}
        found.append((who.text or who.tag, {e.tag.rpartition("}")[2] for e in granted}, marks))
    return found


def test_what_is_granted_may_be_done(server: Server, alice: DavClient, bob: DavClient):
    alice.put(f"{CALENDAR}1.ics", event("one"))
    assert bob.get(f"{CALENDAR}1.ics").status == 403
    before = alice.prop(CALENDAR, "CS:getctag").text
    assert set_acl(alice, ace(to("bob"), "D:read"), ace(to("team"), "D:read", "D:write")).status == 200
    assert alice.prop(CALENDAR, "CS:getctag").text != before
    assert bob.get(f"{CALENDAR}1.ics").text == event("one")
    assert bob.put(f"{CALENDAR}2.ics", event("two")).error == clark("D:need-privileges")
    assert server.client("erin").put(f"{CALENDAR}2.ics", event("two")).status == 201
    assert set_acl(bob, ace(to("bob"), "D:all")).error == clark("D:need-privileges")
    own = {who: (what, marks) for who, what, marks in entries(alice) if who in {"/bob/", "/team/"}}
    assert own == {"/bob/": ({"read"}, set()), "/team/": ({"read", "write"}, set())}
    of_object = {who: marks for who, _, marks in entries(alice, f"{CALENDAR}1.ics")}
    assert of_object["/bob/"] == {"protected", "inherited"}


def test_what_is_not_said_is_taken_back_but_of_the_home(server: Server, alice: DavClient, bob: DavClient):
    server.grant("alice", "carol", Privilege.READ)
    set_acl(alice, ace(to("bob"), "D:read"))
    assert set_acl(alice, ace("<D:authenticated/>", "C:read-free-busy")).status == 200
    assert bob.propfind("/alice/", "D:displayname", depth=1).keys() == {"/alice/"}
    assert server.client("carol").get(CALENDAR).status == 200
    marks = {who: marks for who, _, marks in entries(alice)}
    assert marks["/carol/"] == {"protected", "inherited"}
    assert "/bob/" not in marks


@pytest.mark.parametrize(
    ("entry", "precondition"),
    [
        (ace(to("bob"), "D:read", kind="deny"), "D:grant-only"),
        (ace(to("bob"), "D:read", more="<D:protected/>"), "D:no-ace-conflict"),
        (ace(to("bob"), "D:read", more="<D:inherited><D:href>/alice/</D:href></D:inherited>"), "D:no-ace-conflict"),
        (ace(to("bob"), "C:schedule-send"), "D:not-supported-privilege"),
        (ace(to("bob"), "D:juggle"), "D:not-supported-privilege"),
        (ace(to("nobody"), "D:read"), "D:recognized-principal"),
        (ace(to("erin"), "D:read"), "D:recognized-principal"),
        (ace("<D:href>/alice/tasks/</D:href>", "D:read"), "D:recognized-principal"),
        (ace("<D:href>http://elsewhere.example/bob/</D:href>", "D:read"), "D:recognized-principal"),
        (ace("<D:unauthenticated/>", "D:read"), "D:allowed-principal"),
        (ace("<D:self/>", "D:read"), "D:allowed-principal"),
        ("<D:ace><D:invert><D:principal><D:all/></D:principal></D:invert><D:grant/></D:ace>", "D:no-invert"),
    ],
)  # fmt: skip
def test_entries_that_are_refused_change_nothing(
    alice: DavClient, bob: DavClient, entry: str, precondition: str
):
    set_acl(alice, ace(to("bob"), "D:read"))
    refused = set_acl(alice, ace(to("carol"), "D:read"), entry)
    assert (refused.status, refused.error) == (403, clark(precondition))
    assert [who for who, _, marks in entries(alice) if not marks] == ["/bob/"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<D:propfind/>",
        "<D:acl><D:ace/></D:acl>",
        "<D:acl><D:ace><D:principal/><D:grant/></D:ace></D:acl>",
        f"<D:acl><D:ace><D:principal>{to('bob')}</D:principal></D:ace></D:acl>",
    ],
)
def test_bodies_that_make_no_sense(alice: DavClient, body: str):
    assert (alice.xml("ACL", CALENDAR, body, None) if body else alice.request("ACL", CALENDAR)).status == 400


def test_owners_are_not_granted_what_they_have(alice: DavClient):
    assert set_acl(alice, ace(to("alice"), "D:read")).status == 200
    assert [(who, what) for who, what, _ in entries(alice) if who == "/alice/"] == [("/alice/", {"all"})]
    assert alice.put(f"{CALENDAR}1.ics", event("one")).status == 201


def test_a_box_has_the_privileges_of_scheduling(alice: DavClient, bob: DavClient):
    assert set_acl(alice, ace(to("bob"), "D:read", "C:schedule-send"), path="/alice/outbox/").status == 200
    held = bob.prop("/alice/outbox/", "D:current-user-privilege-set")
    assert clark("C:schedule-send-freebusy") in {e.tag for p in held for e in p}


def test_objects_and_homes_have_the_lists_of_others(alice: DavClient):
    alice.put(f"{CALENDAR}1.ics", event("one"))
    for path in (f"{CALENDAR}1.ics", "/alice/", "/bob/", "/"):
        refused = set_acl(alice, ace(to("bob"), "D:read"), path=path)
        assert refused.status == 405
        assert "ACL" not in refused.headers["allow"].split(", ")
