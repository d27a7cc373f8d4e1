# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with the office's rooms, and its people's CalDAV clients; its clock stands unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from client import DavClient
from room_office import Office

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.server.assembly import build_wsgi, close_services, services_from
from calcore_caldav.server.configuration import native_configuration
from calcore_caldav.store.protocol import SYSTEM

EVENTS = (
    '<C:calendar-query><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR">'
    '<C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>'
)
DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"


class RoomServer:
    """max manages room1; `booking` is its policy."""

    def __init__(self, folder: Path, **booking: object) -> None:
        url = f"sqlite:///{folder}/calcore.db"
        office = Office(url)
        office.set(**booking)
        office.store.close()
        configuration = native_configuration(None, {"storage": {"database": url}, "auth": {"type": "none"}})
        self.services = services_from(configuration)
        self.now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.services.store.clock = lambda: self.now
        application = build_wsgi(configuration)
        self.ann, self.bob, self.max = (DavClient(application, who) for who in ("ann", "bob", "max"))

    def set(self, **booking: object) -> None:
        """Another policy for room1."""
        with self.services.store.write(SYSTEM) as txn:
            txn.directory.save(replace(txn.directory.by_name("room1"), booking=booking))

    def at(self, hours: float) -> datetime:
        return self.now + timedelta(hours=hours)

    def later(self, **delta: float) -> None:
        """Let time pass, and the worker do what is due."""
        self.now += timedelta(**delta)
        worker = Worker(self.services.store, self.services.settings)
        while worker.run_due():
            pass

    def book(self, client: DavClient, obj: CalendarObject) -> dict[str, str]:
        """Store in somebody's own calendar; returns the room's answers that are in it then."""
        status = client.put(f"/{client.user}/calendar/{obj.uid}.ics", obj.body).status
        assert status in {201, 204}, status
        return self.answers(client, obj.uid)

    @staticmethod
    def text(client: DavClient, uid: str) -> str:
        """Somebody's event, lines unfolded."""
        return client.get(f"/{client.user}/calendar/{uid}.ics").text.replace("\r\n ", "")

    def answers(self, client: DavClient, uid: str) -> dict[str, str]:
        """PARTSTAT of the room in somebody's event, by RECURRENCE-ID ("" is the whole)."""
        obj = CalendarObject(client.get(f"/{client.user}/calendar/{uid}.ics").body)
        return {
            rid.to_basic() if rid else "": prop.param("PARTSTAT") or "NEEDS-ACTION"
            for rid, c in obj.by_rid().items()
            for prop in c.all("ATTENDEE")
            if prop.value.endswith((":room1@example.com", ":boardroom@example.com"))
        }

    def said(self, client: DavClient) -> list[str]:
        """The COMMENTs in somebody's inbox, which is emptied."""
        found = [CalendarObject(text.encode()) for text in self.events(client, "inbox").values()]
        for href in self.events(client, "inbox"):
            assert client.delete(href).status == 204
        return [c.text("COMMENT") or "" for obj in found for c in obj.components]

    @staticmethod
    def events(client: DavClient, box: str = "calendar") -> dict[str, str]:
        """{href: iCalendar text} of somebody's events."""
        found = client.report(f"/{client.user}/{box}/", EVENTS)
        return {href: (props[DATA][1].text or "") for href, props in found.items() if DATA in props}

    def room(self) -> dict[str, bytes]:
        """What stands in the room's calendars."""
        with self.services.store.read() as txn:
            room = txn.directory.by_name("room1")
            found = [c for c in txn.collections.of(room) if c.kind.value not in {"inbox", "outbox"}]
            return {s.path: txn.objects.body(s) for c in found for s in txn.objects.all(c)}

    def bookings(self) -> list[datetime]:
        """When the room is booked from."""
        with self.services.store.read() as txn:
            return sorted(b.period.start for b in txn.bookings.all(txn.directory.by_name("room1")))


@contextmanager
def room_server(folder: Path, **booking: object) -> Iterator[RoomServer]:
    try:
        yield RoomServer(folder, **booking)
    finally:
        close_services()


__all__ = ["RoomServer", "room_server"]
