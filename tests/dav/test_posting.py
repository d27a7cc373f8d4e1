# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposals and their refusal through the outbox (RFC 5546 §3.2.6 to §3.2.8)."""

from __future__ import annotations

import pytest
from client import clark

MEETING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//t//EN
{method}BEGIN:VEVENT
UID:m
DTSTAMP:20260101T000000Z
DTSTART:{start}
DURATION:PT1H
SUMMARY:Planning
ORGANIZER:mailto:alice@example.com
{attendees}
END:VEVENT
END:VCALENDAR
"""
EVERYBODY = "ATTENDEE:mailto:alice@example.com\nATTENDEE:mailto:bob@example.com"
BOB = "ATTENDEE;PARTSTAT=TENTATIVE:mailto:bob@example.com"


def text(method: str = "", start: str = "20260105T100000Z", attendees: str = EVERYBODY) -> str:
    line = f"METHOD:{method}\n" if method else ""
    return MEETING.format(method=line, start=start, attendees=attendees).replace("\n", "\r\n")


def post(client, body: str, box: str | None = None):
    path = box or f"/{client.user}/outbox/"
    return client.request("POST", path, body, {"Content-Type": "text/calendar"})


def inbox(client) -> list[str]:
    listed = client.xml(
        "PROPFIND", f"/{client.user}/inbox/", "<D:propfind><D:prop><D:getetag/></D:prop></D:propfind>", 1
    )
    paths = [r.findtext(clark("D:href")) for r in listed.xml]
    return [client.request("GET", path).text for path in paths if path.endswith(".ics")]


@pytest.fixture
def meeting(alice):
    assert alice.put("/alice/calendar/m.ics", text()).status == 201


def statuses(reply) -> dict[str, str]:
    assert reply.status == 200
    assert reply.xml.tag == clark("C:schedule-response")
    return {
        r.findtext(f"{clark('C:recipient')}/{clark('D:href')}"): r.findtext(clark("C:request-status"))
        for r in reply.xml
    }


def test_a_proposal_and_its_refusal(alice, bob, meeting):
    before = alice.request("GET", "/alice/calendar/m.ics")
    reply = post(bob, text("COUNTER", "20260105T160000Z", BOB))
    assert statuses(reply) == {"mailto:alice@example.com": "2.0;Success"}
    (proposal,) = inbox(alice)
    assert "METHOD:COUNTER" in proposal
    assert "20260105T160000Z" in proposal
    assert "DTSTAMP:20260101T000000Z" not in proposal, "it was sent now (RFC 6638 §3.2.5)"
    reply = post(alice, text("DECLINECOUNTER", "20260105T160000Z", BOB))
    assert statuses(reply) == {"mailto:bob@example.com": "2.0;Success"}
    assert ["METHOD:DECLINECOUNTER" in item for item in inbox(bob)].count(True) == 1
    after = alice.request("GET", "/alice/calendar/m.ics")
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


def test_asking_for_the_whole_again(alice, bob, meeting):
    (item,) = (path for path in bob.propfind("/bob/inbox/", "D:getetag", depth=1) if path.endswith(".ics"))
    assert bob.delete(item).status == 204
    reply = post(bob, text("REFRESH", attendees=BOB))
    assert statuses(reply) == {"mailto:alice@example.com": "2.0;Success"}
    assert ["METHOD:REQUEST" in item for item in inbox(bob)] == [True], "told again"


@pytest.mark.parametrize(
    ("who", "box", "body", "status", "error"),
    [
        ("bob", "/alice/outbox/", text("COUNTER", attendees=BOB), 403, "D:need-privileges"),
        ("bob", None, text("DECLINECOUNTER", attendees=BOB), 403, "C:organizer-allowed"),
        ("alice", None, text("COUNTER", attendees=BOB), 403, "C:valid-scheduling-message"),
        ("alice", None, text("DECLINECOUNTER", attendees="X-A:B"), 403, "C:valid-scheduling-message"),
        ("bob", "/bob/calendar/", text("COUNTER", attendees=BOB), 405, None),
        ("bob", None, text("COUNTER", attendees=BOB).replace("UID:m\r\n", ""), 403, None),
    ],
)
def test_what_is_not_sent(alice, bob, meeting, who, box, body, status, error):
    seen = (inbox(alice), inbox(bob))
    reply = post({"alice": alice, "bob": bob}[who], body, box)
    assert reply.status == status
    assert error is None or reply.error == clark(error)
    assert (inbox(alice), inbox(bob)) == seen
