# SPDX-License-Identifier: GPL-3.0-or-later
"""What a question to the outbox tells of somebody's time (RFC 6638 §5, RFC 4791 §7.10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from client import clark
from dav_server import Server

from calcore_caldav.core.principals import Privilege
from calcore_caldav.store.protocol import SYSTEM

ALICE, BOB = ("mailto:alice@example.com", "mailto:bob@example.com")


def text(uid: str, *lines: str) -> str:
    """An event on Monday 5 January 2026 from ten to eleven, unless the lines say otherwise."""
    given = [*lines]
    if not any(line.startswith("DTSTART") for line in lines):
        given += ["DTSTART:20260105T100000Z", "DURATION:PT1H"]
    body = "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", "SUMMARY:secret", *given])
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def answers(client, *people: str, day: str = "20260105") -> dict[str, tuple[str, list[str]]]:
    """By recipient: the status, and what the lines FREEBUSY say of one day."""
    lines = "\r\n".join(f"ATTENDEE:{who}" for who in people)
    reply = client.request(
        "POST",
        f"/{client.user}/outbox/",
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//EN\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:q\r\n"
        f"DTSTAMP:20260101T000000Z\r\nDTSTART:{day}T000000Z\r\nDTEND:{int(day) + 1}T000000Z\r\n"
        f"ORGANIZER:mailto:{client.user}@example.com\r\n{lines}\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n",
        {"Content-Type": "text/calendar"},
    )
    assert reply.status == 200, reply.text
    assert "secret" not in reply.text
    found = {}
    for response in reply.xml:
        who = response.findtext(f"{clark('C:recipient')}/{clark('D:href')}")
        data = (response.findtext(clark("C:calendar-data")) or "").replace("\n ", "").splitlines()
        said = [line.removeprefix("FREEBUSY;FBTYPE=") for line in data if line.startswith("FREEBUSY")]
        found[who] = (response.findtext(clark("C:request-status"))[:3], said)
    return found


def busy(client, who: str = BOB, **when: str) -> list[str]:
    status, periods = answers(client, who, **when)[who]
    assert status == "2.0"
    return periods


def invited(answer: str) -> tuple[str, ...]:
    return (f"ORGANIZER:{ALICE}", f"ATTENDEE;PARTSTAT=ACCEPTED:{ALICE}", f"ATTENDEE;PARTSTAT={answer}:{BOB}")


@pytest.mark.parametrize(
    ("lines", "periods"),
    [
        ((), ["BUSY:20260105T100000Z/PT1H"]),
        (("TRANSP:OPAQUE", "STATUS:CONFIRMED"), ["BUSY:20260105T100000Z/PT1H"]),
        (("TRANSP:TRANSPARENT",), []),
        (("STATUS:CANCELLED",), []),
        (("STATUS:TENTATIVE",), ["BUSY-TENTATIVE:20260105T100000Z/PT1H"]),
        (("CLASS:PRIVATE",), ["BUSY:20260105T100000Z/PT1H"]),
        (("DTSTART;VALUE=DATE:20260105",), ["BUSY:20260105T050000Z/PT19H"]),
        (("DTSTART;VALUE=DATE:20260104",), ["BUSY:20260105T000000Z/PT5H"]),
        (("DTSTART:20260105T100000", "DURATION:PT1H"), ["BUSY:20260105T150000Z/PT1H"]),
        (("DTSTART:20251201T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY"), ["BUSY:20260105T100000Z/PT1H"]),
        (
            ("DTSTART:20251201T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "EXDATE:20260105T100000Z"),
            [],
        ),
        (("DTSTART:20260104T230000Z", "DURATION:PT2H"), ["BUSY:20260105T000000Z/PT1H"]),
        (("DTSTART:20260105T100000Z",), []),
    ],
)
def test_what_an_event_says(server, alice, bob, lines, periods):
    with server.services.store.write(SYSTEM) as txn:
        txn.directory.save(replace(txn.directory.by_name("bob"), timezone="America/New_York"))
    assert bob.put("/bob/calendar/1.ics", text("1", *lines)).status == 201
    assert busy(alice) == busy(bob) == periods


@pytest.mark.parametrize(
    ("answer", "periods"),
    [
        ("NEEDS-ACTION", []),
        ("ACCEPTED", ["BUSY:20260105T100000Z/PT1H"]),
        ("TENTATIVE", ["BUSY-TENTATIVE:20260105T100000Z/PT1H"]),
        ("DECLINED", []),
    ],
)
def test_what_an_answer_says(client, alice, bob, answer, periods):
    assert alice.put("/alice/calendar/1.ics", text("1", *invited("NEEDS-ACTION"))).status == 201
    (path,) = (p for p in bob.propfind("/bob/calendar/", "D:getetag", depth=1) if p.endswith(".ics"))
    if answer != "NEEDS-ACTION":
        said = bob.get(path).text.replace("PARTSTAT=NEEDS-ACTION", f"PARTSTAT={answer}")
        assert bob.put(path, said).status in {200, 204}
    assert busy(client("carol")) == periods
    assert busy(client("carol"), ALICE) == ["BUSY:20260105T100000Z/PT1H"]


def test_periods_are_merged_and_sorted_and_the_stronger_one_is_told(alice, bob):
    for number, lines in enumerate(
        [
            ("DTSTART:20260105T150000Z", "DURATION:PT1H"),
            ("DTSTART:20260105T100000Z", "DURATION:PT2H"),
            ("DTSTART:20260105T110000Z", "DURATION:PT2H"),
            ("DTSTART:20260105T130000Z", "DURATION:PT1H"),
            ("DTSTART:20260105T153000Z", "DURATION:PT1H", "STATUS:TENTATIVE"),
        ]
    ):
        assert bob.put(f"/bob/calendar/{number}.ics", text(str(number), *lines)).status == 201
    assert busy(alice) == [
        "BUSY:20260105T100000Z/PT4H,20260105T150000Z/PT1H",
        "BUSY-TENTATIVE:20260105T160000Z/PT30M",
    ]


def test_transparent_calendars_do_not_count(alice, bob):
    bob.request("MKCALENDAR", "/bob/watched/")
    bob.put("/bob/watched/1.ics", text("1"))
    assert busy(alice) == ["BUSY:20260105T100000Z/PT1H"]
    for said, periods in (("transparent", []), ("opaque", ["BUSY:20260105T100000Z/PT1H"])):
        patch = (
            "<D:propertyupdate><D:set><D:prop><C:schedule-calendar-transp>"
            f"<C:{said}/></C:schedule-calendar-transp></D:prop></D:set></D:propertyupdate>"
        )
        assert bob.xml("PROPPATCH", "/bob/watched/", patch).status == 207
        assert busy(alice) == periods


def test_whose_time_may_be_known(tmp_path):
    """By a setting everybody's, or of those only who say so (CALDAV:schedule-query-freebusy)."""
    server = Server(tmp_path, everybody_reads_free_busy="no")
    alice, bob, carol = map(server.client, ("alice", "bob", "carol"))
    bob.put("/bob/calendar/1.ics", text("1"))
    both = answers(alice, BOB, ALICE, "mailto:nobody@elsewhere.example")
    assert {who: status for who, (status, _) in both.items()} == {
        BOB: "3.8",
        ALICE: "2.0",
        "mailto:nobody@elsewhere.example": "3.7",
    }
    server.grant("bob", "alice", Privilege.SCHEDULE_QUERY_FREEBUSY)
    assert busy(alice) == ["BUSY:20260105T100000Z/PT1H"]
    assert answers(carol, BOB)[BOB] == ("3.8", [])
