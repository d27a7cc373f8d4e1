# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that misbehave with meetings: each case is a line of "Bad input" in docs/scheduling.md."""

from __future__ import annotations

import pytest
from client import DavClient, Reply, clark

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Property

ALICE = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com"
BOB = "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@example.com"
CAROL = BOB.replace("bob", "carol")
ORGANIZER = "ORGANIZER:mailto:alice@example.com"


def meeting(*lines: str, uid: str = "m", start: str = "20260105T100000Z", more: str = "") -> str:
    inner = "\r\n".join(
        [f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART:{start}", "DURATION:PT1H", *lines]
    )
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{more}"
        f"BEGIN:VEVENT\r\n{inner}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


MEETING = meeting(ORGANIZER, ALICE, BOB)


@pytest.fixture
def meets(alice: DavClient) -> DavClient:
    """Alice, who has invited bob."""
    assert alice.put("/alice/calendar/m.ics", MEETING).status == 201
    return alice


def copies(client: DavClient, calendar: str = "calendar") -> dict[str, bytes]:
    home = f"/{client.user}/{calendar}/"
    names = client.propfind(home, "D:getetag", depth=1).keys() - {home}
    return {name: client.get(name).body for name in names}


def copy(client: DavClient) -> CalendarObject:
    (body,) = copies(client).values()
    return CalendarObject(body)


def name(client: DavClient) -> str:
    (found,) = copies(client)
    return found


def attendee(obj: CalendarObject, who: str) -> list[Property]:
    return [p for p in obj.components[0].all("ATTENDEE") if p.value == f"mailto:{who}@example.com"]


def edited(obj: CalendarObject, old: str, new: str) -> str:
    text = obj.body.decode().replace("\r\n ", "")
    assert old in text, text
    return text.replace(old, new)


# ---- refused


@pytest.mark.parametrize(
    ("body", "precondition"),
    [
        (meeting(ALICE, BOB), "organizer-allowed"),
        (MEETING.replace("ORGANIZER:mailto:alice", "ORGANIZER:mailto:bob"),
         "allowed-organizer-scheduling-object-change"),
        (MEETING.replace("UID:m", "UID:other"), "no-uid-conflict"),
        (MEETING.replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST"), "valid-calendar-object-resource"),
    ],
    ids=["the ORGANIZER is missing", "another ORGANIZER", "another UID", "METHOD"],
)  # fmt: skip
def test_refused_to_organizers(meets: DavClient, bob: DavClient, body: str, precondition: str):
    refused(meets, bob, meets.put("/alice/calendar/m.ics", body), precondition)


def test_refused_a_second_object_with_the_uid(meets: DavClient, bob: DavClient):
    meets.request("MKCALENDAR", "/alice/work/")
    refused(meets, bob, meets.put("/alice/work/m.ics", MEETING), "unique-scheduling-object-resource")
    assert copies(meets, "work") == {}
    refused(meets, bob, meets.put("/alice/calendar/again.ics", MEETING), "no-uid-conflict")


def test_refused_somebody_elses_meeting(meets: DavClient, bob: DavClient, client):
    carol = client("carol")
    refused(meets, bob, carol.put("/carol/calendar/m.ics", MEETING), "organizer-allowed")
    crashing = meeting(ORGANIZER, ALICE, BOB, CAROL)
    refused(meets, bob, carol.put("/carol/calendar/m.ics", crashing), "attendee-allowed")
    assert copies(carol) == {}


@pytest.mark.parametrize(
    ("old", "new", "precondition"),
    [
        ("END:VEVENT", f"{CAROL}\r\nEND:VEVENT", "allowed-attendee-scheduling-object-change"),
        ("DTSTART:20260105T10", "DTSTART:20260105T11", "allowed-attendee-scheduling-object-change"),
        ("ORGANIZER;", "X-ORGANIZER;", "allowed-attendee-scheduling-object-change"),
        ("mailto:bob@", "mailto:bobby@", "allowed-attendee-scheduling-object-change"),
        ("UID:m", "UID:other", "no-uid-conflict"),
        ("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REPLY", "valid-calendar-object-resource"),
    ],
    ids=["one more ATTENDEE", "another time", "no ORGANIZER", "not invited", "another UID", "METHOD"],
)
def test_refused_to_attendees(meets: DavClient, bob: DavClient, old: str, new: str, precondition: str):
    refused(meets, bob, bob.put(name(bob), edited(copy(bob), old, new)), precondition)


def refused(alice: DavClient, bob: DavClient, reply: Reply, precondition: str) -> None:
    """With the precondition; the meeting is as the fixture left it, and nobody was told anything."""
    assert (reply.status, reply.error) == (403, clark(f"C:{precondition}"))
    assert len(copies(alice)) == len(copies(bob)) == 1
    for obj in (copy(alice), copy(bob)):
        assert (obj.uid, obj.components[0].value("DTSTART")) == ("m", "20260105T100000Z")
        assert obj.organizer == "mailto:alice@example.com"
        assert obj.attendees == {"mailto:alice@example.com", "mailto:bob@example.com"}
    assert copies(alice, "inbox") == {}
    assert len(copies(bob, "inbox")) == 1, "the invitation"


# ---- repaired


def test_repaired_an_attendee_named_twice(alice: DavClient, bob: DavClient):
    """The first line of each calendar user stays, whatever way the address is spelled."""
    again = ["ATTENDEE:mailto:alice@example.com", "ATTENDEE:/bob/", "ATTENDEE:MAILTO:Bob@example.com"]
    x = "ATTENDEE;CN=X:mailto:x@elsewhere.example"
    assert alice.put("/alice/calendar/m.ics", meeting(ORGANIZER, ALICE, BOB, *again, x, x)).status == 201
    for obj in (copy(alice), copy(bob)):
        assert [p.param("PARTSTAT") for p in attendee(obj, "alice")] == ["ACCEPTED"]
        assert len(attendee(obj, "bob")) == 1
        assert len(obj.components[0].all("ATTENDEE")) == 3
    bob.put(name(bob), edited(copy(bob), "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED"))
    assert [p.param("PARTSTAT") for p in attendee(copy(alice), "bob")] == ["ACCEPTED"]


def test_repaired_a_lower_sequence(meets: DavClient, bob: DavClient):
    for number, hour in ((5, 11), (2, 12), (0, 13)):
        later = meeting(ORGANIZER, ALICE, BOB, f"SEQUENCE:{number}", start=f"20260105T{hour}0000Z")
        assert meets.put("/alice/calendar/m.ics", later).status == 204
    for client in (meets, bob):
        assert copy(client).components[0].value("SEQUENCE") == "7"
    # An attendee's SEQUENCE counts for nothing.
    older = edited(copy(bob), "SEQUENCE:7", "SEQUENCE:1")
    assert bob.put(name(bob), older.replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=TENTATIVE")).status == 204
    for client in (meets, bob):
        assert copy(client).components[0].value("SEQUENCE") == "7"
        assert [p.param("PARTSTAT") for p in attendee(copy(client), "bob")] == ["TENTATIVE"]


def test_stored_as_it_is_what_invites_without_an_organizer(alice: DavClient, bob: DavClient):
    """No ORGANIZER, no scheduling object (RFC 6638 §3.1): nobody is told."""
    body = meeting(ALICE, BOB)
    reply = alice.put("/alice/calendar/m.ics", body)
    assert reply.status == 201
    assert "schedule-tag" not in reply.headers
    assert alice.get("/alice/calendar/m.ics").text == body
    assert copies(bob) == {}
    # With one it becomes a meeting.
    assert alice.put("/alice/calendar/m.ics", MEETING).status == 204
    assert len(attendee(copy(bob), "bob")) == 1
