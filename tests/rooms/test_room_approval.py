# SPDX-License-Identifier: GPL-3.0-or-later
"""An approver who does not manage the room decides from a calendar client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from client import DavClient
from room_office import Office, event

from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.server.assembly import build_wsgi, close_services, services_from
from calcore_caldav.server.configuration import native_configuration
from calcore_caldav.store.protocol import SYSTEM

START = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
EVENTS = (
    '<C:calendar-query><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR">'
    '<C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>'
)


class Place:
    """A server at which bob approves what is asked of room1, which max manages."""

    def __init__(self, url: str) -> None:
        office = Office(url)
        office.set(mode="approval", approvers=["bob"], override="none")
        office.store.close()
        configuration = native_configuration(None, {"storage": {"database": url}, "auth": {"type": "none"}})
        self.services = services_from(configuration)
        self.ann, self.bob, self.max = (
            DavClient(build_wsgi(configuration), who) for who in ("ann", "bob", "max")
        )

    def later(self) -> None:
        worker = Worker(self.services.store, self.services.settings)
        while worker.run_due():
            pass

    @staticmethod
    def events(client: DavClient, box: str = "calendar") -> dict[str, str]:
        """{href: iCalendar text} of somebody's events, lines unfolded."""
        found = client.report(f"/{client.user}/{box}/", EVENTS)
        data = "{urn:ietf:params:xml:ns:caldav}calendar-data"
        return {
            href: (props[data][1].text or "").replace("\r\n", "\n").replace("\n ", "")
            for href, props in found.items()
            if data in props
        }


@pytest.fixture
def place(tmp_path):
    yield Place(f"sqlite:///{tmp_path}/calcore.db")
    close_services()


def line(text: str, start: str, end: str = "") -> str:
    lines = text.replace("\r\n ", "").splitlines()
    return next(found for found in lines if found.startswith(start) and found.endswith(end))


def room_in(text: str) -> str:
    return line(text, "ATTENDEE", ":mailto:room1@example.com")


@pytest.mark.parametrize("answer", ["ACCEPTED", "DECLINED"])
def test_answering_the_invitation_decides(place, answer):
    assert place.ann.put("/ann/calendar/one.ics", event("one", START, "SUMMARY:Planning").body).status == 201
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
    place.ann.put("/ann/calendar/one.ics", event("one", START).body)
    [(href, text)] = place.events(place.bob).items()
    with place.services.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.directory.save(replace(room, booking={"mode": "approval", "approvers": ["max"]}))
    place.bob.put(href, text.replace("PARTSTAT=NEEDS-ACTION;RSVP=TRUE", "PARTSTAT=ACCEPTED"))
    assert "SCHEDULE-STATUS=5.3" in line(place.bob.get(href).text, "ORGANIZER")
    assert "PARTSTAT=TENTATIVE" in room_in(place.ann.get("/ann/calendar/one.ics").text)


def test_nobody_invents_such_an_invitation(place):
    place.ann.put("/ann/calendar/one.ics", event("one", START).body)
    [text] = place.events(place.bob).values()
    forged = text.replace("mailto:bob@", "mailto:ann@").replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED")
    refused = place.ann.put("/ann/calendar/forged.ics", forged)
    assert (refused.status, refused.error) == (403, "{urn:ietf:params:xml:ns:caldav}attendee-allowed")
    assert "PARTSTAT=TENTATIVE" in room_in(place.ann.get("/ann/calendar/one.ics").text)
