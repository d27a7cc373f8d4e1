# SPDX-License-Identifier: GPL-3.0-or-later
"""An approver who does not manage the room decides from a calendar client."""

from __future__ import annotations

import pytest
from room_office import event
from room_server import room_server


@pytest.fixture
def place(tmp_path):
    """bob approves what is asked of room1, which max manages."""
    with room_server(tmp_path, mode="approval", approvers=["bob"], override="none") as made:
        yield made


def line(text: str, start: str, end: str = "") -> str:
    lines = text.replace("\r\n ", "").splitlines()
    return next(found for found in lines if found.startswith(start) and found.endswith(end))


def room_in(text: str) -> str:
    return line(text, "ATTENDEE", ":mailto:room1@example.com")


@pytest.mark.parametrize("answer", ["ACCEPTED", "DECLINED"])
def test_answering_the_invitation_decides(place, answer):
    assert (
        place.ann.put("/ann/calendar/one.ics", event("one", place.at(72), "SUMMARY:Planning").body).status
        == 201
    )
    assert "PARTSTAT=TENTATIVE" in room_in(place.ann.get("/ann/calendar/one.ics").text)
    [(href, text)] = place.events(place.bob).items()
    assert len(place.events(place.bob, "inbox")) == 1
    # In French, as bob reads.
    assert line(text, "SUMMARY") == "SUMMARY:Ann demande Room1 : Planning"
    changed = text.replace("PARTSTAT=NEEDS-ACTION;RSVP=TRUE", f"PARTSTAT={answer}")
    assert changed != text
    assert place.bob.put(href, changed).status == 204
    answered = place.bob.get(href).text
    assert "SCHEDULE-STATUS=1.2" in line(answered, "ORGANIZER")
    assert f"PARTSTAT={answer}" in room_in(place.ann.get("/ann/calendar/one.ics").text)
    place.later()
    assert place.events(place.bob) == place.events(place.bob, "inbox") == {}


def test_who_approves_no_more_decides_no_more(place):
    place.ann.put("/ann/calendar/one.ics", event("one", place.at(72)).body)
    [(href, text)] = place.events(place.bob).items()
    place.set(mode="approval", approvers=["max"])
    place.bob.put(href, text.replace("PARTSTAT=NEEDS-ACTION;RSVP=TRUE", "PARTSTAT=ACCEPTED"))
    assert "SCHEDULE-STATUS=5.3" in line(place.bob.get(href).text, "ORGANIZER")
    assert "PARTSTAT=TENTATIVE" in room_in(place.ann.get("/ann/calendar/one.ics").text)


def test_nobody_invents_such_an_invitation(place):
    place.ann.put("/ann/calendar/one.ics", event("one", place.at(72)).body)
    [text] = place.events(place.bob).values()
    forged = text.replace("mailto:bob@", "mailto:ann@").replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED")
    refused = place.ann.put("/ann/calendar/forged.ics", forged)
    assert (refused.status, refused.error) == (403, "{urn:ietf:params:xml:ns:caldav}attendee-allowed")
    assert "PARTSTAT=TENTATIVE" in room_in(place.ann.get("/ann/calendar/one.ics").text)
