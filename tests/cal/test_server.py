# SPDX-License-Identifier: GPL-3.0-or-later
"""Python code and a CalDAV client on one running server: each sees at once what the other did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from live import Client, serving

from calcore_caldav import cal, recurrent

DIRECTORY = "".join(
    f'[[principal]]\nname = "{name}"\ntype = "{kind}"\naddresses = ["{name}@example.com"]\npassword = "{name}"\n'
    for name, kind in (("florent", "INDIVIDUAL"), ("martijn", "INDIVIDUAL"), ("room1", "ROOM"))
)
START = datetime.now().replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=30)
MONTH = (START - timedelta(days=1), START + timedelta(days=40))
EXPAND = """<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data>
<C:expand start="{0:%Y%m%dT000000Z}" end="{1:%Y%m%dT000000Z}"/></C:calendar-data></D:prop><C:filter>
<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">
<C:time-range start="{0:%Y%m%dT000000Z}" end="{1:%Y%m%dT000000Z}"/></C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, cal.StorageManager]]:
    (tmp_path / "office.toml").write_text(DIRECTORY)
    data = tmp_path / "data"
    with serving(data, "--directory", str(tmp_path / "office.toml"), "--workers", "1") as (_, port):
        manager = cal.StorageManager()
        storage = cal.SQLStorage(f"sqlite:///{data}/calcore.db")
        manager.setStorage(storage)
        yield port, manager
        storage.close()


def test_an_event_made_in_python_is_what_clients_read(server) -> None:
    port, manager = server
    source = cal.DirectoryAttendeeSource(manager)
    florent, martijn, room1 = (source.getAttendee(name) for name in ("florent", "martijn", "room1"))
    series = florent.createEvent(
        dtstart=START,
        duration=timedelta(hours=1),
        title="Weekly",
        recurrence=recurrent.WeeklyRecurrenceRule(count=3),
    )
    series.invite([martijn, room1])
    with Client(port, "martijn") as client:
        answer = client("REPORT", "/martijn/calendar/", EXPAND.format(*MONTH), Depth="1")
        assert answer.status == 207
        assert answer.text.count("BEGIN:VEVENT") == 3
        assert answer.text.count("SUMMARY:Weekly") == 3
        unfolded = answer.text.replace("\r\n ", "").replace("\n ", "")
        assert unfolded.count("PARTSTAT=ACCEPTED") >= 6
        manager.deleteEvent(series)
        gone = client("REPORT", "/martijn/calendar/", EXPAND.format(*MONTH), Depth="1")
        assert gone.text.count("BEGIN:VEVENT") == gone.text.count("STATUS:CANCELLED") == 3


def test_what_a_client_stores_python_sees_at_once(server) -> None:
    port, manager = server
    source = cal.DirectoryAttendeeSource(manager, current_user="martijn")
    martijn, room1 = source.getCurrentUserAttendee(), source.getAttendee("room1")
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//client//EN\r\nBEGIN:VEVENT\r\nUID:from-client\r\n"
        f"DTSTAMP:20260101T000000Z\r\nDTSTART:{START:%Y%m%dT%H%M%SZ}\r\nDURATION:PT2H\r\nSUMMARY:Client's\r\n"
        "ORGANIZER:mailto:florent@example.com\r\n"
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:florent@example.com\r\n"
        "ATTENDEE;RSVP=TRUE:mailto:martijn@example.com\r\n"
        "ATTENDEE;CUTYPE=ROOM:mailto:room1@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    with Client(port, "florent") as client:
        assert client("PUT", "/florent/calendar/1.ics", event).status == 201
        (seen,) = martijn.getEvents(MONTH)
        assert (seen.title, seen.dtstart, seen.duration) == ("Client's", START, timedelta(hours=2))
        assert (seen.getParticipationStatus(room1), seen.getParticipationStatus(martijn)) == (
            "ACCEPTED",
            "NEEDS-ACTION",
        )
        seen.setParticipationStatus(martijn, "TENTATIVE")
        stored = client("GET", "/florent/calendar/1.ics").text.replace("\r\n ", "")
        assert "PARTSTAT=TENTATIVE" in next(line for line in stored.splitlines() if "martijn@" in line)
        seen.title = "Python's"
        assert "SUMMARY:Python's" in client("GET", "/florent/calendar/1.ics").text
        etag = client("GET", "/florent/calendar/1.ics").headers["ETag"]
        assert client("DELETE", "/florent/calendar/1.ics", If_Match=etag).status == 204
        assert martijn.getEvents(MONTH) == []
        assert not manager.hasEvent("from-client")
