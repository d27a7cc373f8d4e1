# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the outbox what a room would answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from client import DavClient
from room_office import Office, event

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.times import format_date_time
from calcore_caldav.server.assembly import build_wsgi, close_services, services_from
from calcore_caldav.server.configuration import native_configuration

C = "{urn:ietf:params:xml:ns:caldav}"
START = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def bob(tmp_path):
    url = f"sqlite:///{tmp_path}/calcore.db"
    Office(url).store.close()
    configuration = native_configuration(None, {"storage": {"database": url}, "auth": {"type": "none"}})
    services_from(configuration)
    application = build_wsgi(configuration)
    ann = DavClient(application, "ann")
    text = event("taken", START + timedelta(days=1)).body
    assert (
        ann.request("PUT", "/ann/calendar/taken.ics", text, {"Content-Type": "text/calendar"}).status == 201
    )
    yield DavClient(application, "bob")
    close_services()


def ask(client: DavClient, text: str):
    return client.request("POST", "/bob/outbox/", text.encode(), {"Content-Type": "text/calendar"})


def invitation() -> str:
    obj = event("asked", START, "RRULE:FREQ=DAILY;COUNT=10", organizer="bob", attendees=["ann"])
    return obj.body.decode().replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST")


def verdicts(answer) -> list[str | None]:
    """What the first room that is asked would answer, date by date."""
    replies = [r.findtext(f"{C}calendar-data") for r in ET.fromstring(answer.body).findall(f"{C}response")]
    reply = stream.parse(next(text for text in replies if text).encode())
    return [next(p for p in e.all("ATTENDEE")).param("PARTSTAT") for e in reply.named("VEVENT")]


def test_the_verdict_for_each_date_and_nothing_is_booked(bob):
    answer = ask(bob, invitation())
    assert answer.status == 200
    found = {
        r.findtext(f"{C}recipient/{{DAV:}}href"): r
        for r in ET.fromstring(answer.body).findall(f"{C}response")
    }
    room = found["mailto:room1@example.com"]
    assert room.findtext(f"{C}request-status") == "2.0;Success"
    reply = stream.parse(room.findtext(f"{C}calendar-data").encode())
    assert reply.value("METHOD") == "REPLY"
    assert verdicts(answer) == ["ACCEPTED", "DECLINED", *["ACCEPTED"] * 8]
    assert reply.named("VEVENT")[1].text("COMMENT").endswith("[CONFLICT]")
    assert found["mailto:ann@example.com"].findtext(f"{C}request-status").startswith("3.14")
    # It was not booked: the same is asked again, and the same is answered.
    assert (
        ask(bob, invitation()).text.count("PARTSTAT=DECLINED") == answer.text.count("PARTSTAT=DECLINED") == 1
    )


def test_only_for_oneself_and_only_what_is_valid(bob):
    assert ask(bob, invitation().replace("ORGANIZER:mailto:bob", "ORGANIZER:mailto:ann")).status == 403
    assert ask(bob, invitation().replace("UID:asked\r\n", "")).status == 403
    assert ask(bob, invitation().replace("ORGANIZER:mailto:bob@example.com\r\n", "")).status in {400, 403}


def test_nobody_asks_in_the_name_of_somebody_who_may_more(bob):
    """max, who manages the room, may have it longer than others; whoever writes that he asks."""
    long = event("long", START, length=30, organizer="bob", sent_by="max").body
    asked = long.decode().replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST")
    assert "[DURATION]" in ask(bob, asked).text.replace("&#13;\n ", "")
    assert bob.put("/bob/calendar/long.ics", long).status == 201
    assert "PARTSTAT=DECLINED" in bob.get("/bob/calendar/long.ics").text


def test_of_a_meeting_that_stands_what_would_become_of_it(bob):
    """Dates that stay where they are keep their answers, as they do when it is saved."""
    series = event("mine", START, "RRULE:FREQ=DAILY;COUNT=10", organizer="bob")
    assert bob.put("/bob/calendar/mine.ics", series.body).status == 201
    ann = DavClient(bob.application, "ann")
    assert ann.delete("/ann/calendar/taken.ics").status == 204
    kept = CalendarObject(bob.get("/bob/calendar/mine.ics").body)
    rid = format_date_time(START + timedelta(days=2))
    moved = event("mine", START + timedelta(days=1), f"RECURRENCE-ID:{rid}", organizer="bob")
    asked = kept.with_components((*kept.components, *moved.components)).body
    answer = ask(bob, asked.decode().replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST"))
    # The date that was taken stays declined though it is free now; the one that is moved there gets it.
    assert verdicts(answer) == ["ACCEPTED", "DECLINED", *["ACCEPTED"] * 8]
    assert bob.put("/bob/calendar/mine.ics", asked).status == 204
    saved = CalendarObject(bob.get("/bob/calendar/mine.ics").body)
    told = {c.value("RECURRENCE-ID"): c.all("ATTENDEE")[1].param("PARTSTAT") for c in saved.components}
    assert told == {
        None: "ACCEPTED",
        rid: "ACCEPTED",
        format_date_time(START + timedelta(days=1)): "DECLINED",
    }
