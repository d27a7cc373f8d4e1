# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditional requests (RFC 9110 §13, RFC 4918 §10.4, RFC 6638 §8.3)."""

from __future__ import annotations

import pytest
from dav_server import event

from calcore_caldav.core.principals import Privilege


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


def test_what_is_there_comes_with_the_refusal_to_who_prefers_it(server, alice, bob):
    path = "/alice/calendar/1.ics"
    body = event("one")
    tag = alice.put(path, body).headers["etag"]
    for method in ("PUT", "DELETE"):
        sent = {"If-Match": '"old"', "Content-Type": "text/calendar", "Prefer": "return=representation"}
        refused = alice.request(method, path, event("one", "SUMMARY:mine"), sent)
        assert (refused.status, refused.text) == (412, body)
        assert refused.headers["etag"] == tag
        assert refused.headers["content-location"] == path
        assert refused.headers["preference-applied"] == "return=representation"
        assert "Prefer" in refused.headers["vary"]
    nothing = alice.put("/alice/calendar/2.ics", body, If_Match='"old"', Prefer="return=representation")
    assert nothing.status == 412
    assert "etag" not in nothing.headers
    server.grant("alice", "bob", Privilege.READ, calendar="calendar")
    secret = event("one", "CLASS:CONFIDENTIAL", "SUMMARY:Secret")
    assert alice.put(path, secret).status == 204
    server.grant("alice", "bob", Privilege.READ, Privilege.WRITE_CONTENT, calendar="calendar")
    theirs = bob.put(path, body, If_Match='"old"', Prefer="return=representation")
    assert theirs.status == 412
    assert theirs.body == bob.get(path).body


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
    unchanged = alice.get("/alice/calendar/", If_None_Match=whole.headers["etag"])
    assert unchanged.status == 304
    assert unchanged.headers["vary"] == whole.headers["vary"]


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
