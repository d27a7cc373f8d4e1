# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that write the time zone of an event under a name of their own, as Outlook and Evolution do."""

from __future__ import annotations

import pytest
from zones import central_european

NAMES = (
    "W. Europe Standard Time",
    "/freeassociation.sourceforge.net/Europe/Amsterdam",
    "Customized Time Zone",
)
MEETING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//client//EN
{zone}BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
SUMMARY:Weekly
DTSTART;TZID={name}:20260112T100000
DTEND;TZID={name}:20260112T110000
RRULE:FREQ=WEEKLY;UNTIL=20270301T090000Z
ORGANIZER:mailto:alice@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com
ATTENDEE;PARTSTAT={bob}:mailto:bob@example.com
END:VEVENT
END:VCALENDAR
"""


def meeting(name: str, bob: str = "NEEDS-ACTION") -> str:
    return MEETING.format(zone=central_european(name), name=name, bob=bob).replace("\n", "\r\n")


def put(client, path: str, text: str) -> int:
    return client.request("PUT", path, text, {"Content-Type": "text/calendar"}).status


def members(client, path: str) -> list[str]:
    found = client.request("PROPFIND", path, "", {"Depth": "1"}).properties
    return [href for href in found if not href.endswith("/")]


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_other_words_for_the_zone(alice, bob, name):
    assert put(alice, "/alice/calendar/1.ics", meeting("Europe/Amsterdam")) == 201
    (copy,) = members(bob, "/bob/calendar/")
    assert put(bob, copy, meeting(name, "ACCEPTED")) == 204
    assert "PARTSTAT=ACCEPTED;EMAIL=bob" in alice.request("GET", "/alice/calendar/1.ics").text.replace(
        "\r\n ", ""
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_organizers_other_client_moves_nothing(alice, bob, name):
    assert put(alice, "/alice/calendar/1.ics", meeting("Europe/Amsterdam")) == 201
    (copy,) = members(bob, "/bob/calendar/")
    assert put(bob, copy, meeting("Europe/Amsterdam", "ACCEPTED")) == 204
    before = len(members(bob, "/bob/inbox/"))
    assert put(alice, "/alice/calendar/1.ics", meeting(name, "ACCEPTED")) == 204
    assert len(members(bob, "/bob/inbox/")) == before
    assert "PARTSTAT=ACCEPTED;EMAIL=bob" in bob.request("GET", copy).text.replace("\r\n ", "")
