# SPDX-License-Identifier: GPL-3.0-or-later
"""POST to the outbox: free-busy requests (RFC 6638 §5)."""

from __future__ import annotations

import pytest
from client import clark
from dav_server import event


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
