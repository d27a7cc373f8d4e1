# SPDX-License-Identifier: GPL-3.0-or-later
"""An office whose people use the official client of the Google Calendar API, only its endpoint changed."""

from __future__ import annotations

import functools
import importlib.resources
import io
import json
import urllib.parse
from datetime import UTC, datetime, timedelta

import httplib2
import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from calcore_caldav.api.application import api_application
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.services import Services
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

HOST = "http://calendar.test"
PEOPLE = ("ann", "bob", "carl", "dora")
ROOMS = ("room1", "room2")
ZONE = "Europe/Paris"
CALDAV = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:dav
BEGIN:VEVENT
UID:dav
DTSTAMP:20110601T000000Z
DTSTART;TZID=Europe/Paris:20110606T100000
DTEND;TZID=Europe/Paris:20110606T110000
RRULE:FREQ=DAILY;COUNT=4
EXDATE;TZID=Europe/Paris:20110607T100000
SUMMARY:From CalDAV
END:VEVENT
BEGIN:VEVENT
UID:dav
DTSTAMP:20110601T000000Z
RECURRENCE-ID;TZID=Europe/Paris:20110608T100000
DTSTART;TZID=Europe/Paris:20110608T150000
DTEND;TZID=Europe/Paris:20110608T160000
SUMMARY:Moved
END:VEVENT
END:VCALENDAR
"""
"""A series with an exception, as a CalDAV client wrote it."""


@functools.cache
def discovery() -> str:
    """The discovery document that the client brings along, with another root."""
    bundled = importlib.resources.files("googleapiclient.discovery_cache") / "documents" / "calendar.v3.json"
    return bundled.read_text().replace("https://www.googleapis.com/", f"{HOST}/")


class Wire:
    """What httplib2 is to the official client: calls the WSGI application instead of the network."""

    def __init__(self, application, user: str) -> None:
        self.application = application
        self.user = user
        self.seen: list[tuple[str, str, int]] = []

    def request(self, uri, method="GET", body=None, headers=None, **_):
        parts = urllib.parse.urlsplit(uri)
        body = body.encode() if isinstance(body, str) else body or b""
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": urllib.parse.unquote(parts.path),
            "QUERY_STRING": parts.query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            "HTTP_HOST": parts.netloc,
            "test.user": self.user,
        }
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        started = []
        content = b"".join(self.application(environ, lambda *args: started.append(args)))
        status, answered = started[0]
        self.seen.append((method, parts.path, int(status[:3])))
        response = httplib2.Response({k.lower(): v for k, v in answered} | {"status": status[:3]})
        response.reason = status[4:]
        return response, content

    def close(self) -> None:
        pass


class Office:
    def __init__(self, **settings) -> None:
        self.now = datetime(2011, 5, 20, 8, 0, tzinfo=UTC)
        self.store = open_store("sqlite://", clock=lambda: self.now)
        self.settings = SchedulingSettings(**settings)
        self.service = CalendarService(SchedulingEngine(self.settings), self.settings)
        self.services = Services(self.store, self.service, self.settings)
        self.application = api_application(self.services, self.authenticate)
        with self.store.write(SYSTEM) as txn:
            for name in (*PEOPLE, *ROOMS, "team"):
                kind = CalendarUserType.ROOM if name in ROOMS else CalendarUserType.INDIVIDUAL
                saved = txn.directory.save(
                    Principal(
                        id=0,
                        name=name,
                        kind=CalendarUserType.GROUP if name == "team" else kind,
                        display_name=name.title(),
                        addresses=(CalendarUserAddress(f"mailto:{name}@example.com"),),
                        booking={"mode": "automatic"} if name in ROOMS else {},
                    )
                )
                txn.directory.provision(saved)
            txn.directory.set_members(txn.directory.by_name("team"), ["bob", "carl"])

    def authenticate(self, environ):
        with self.store.read() as txn:
            return actor_of(txn, environ["test.user"])

    def tick(self, **delta: int) -> None:
        self.now += timedelta(**(delta or {"seconds": 1}))

    def rest(self, **handlers) -> None:
        """Let time pass until what is due soon is done."""
        self.tick(minutes=1)
        Worker(self.store, self.settings).run_due()

    def wire(self, user: str) -> Wire:
        return Wire(self.application, user)

    def client(self, user: str = "ann"):
        """The official client."""
        return build_from_document(discovery(), http=self.wire(user))

    def ask(self, method: str, path: str, body=None, *, user="ann", headers=None, **query):
        """A plain request: (status, JSON)."""
        text = urllib.parse.urlencode(query, doseq=True)
        raw = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        response, content = self.wire(user).request(
            f"{HOST}/calendar/v3/{path}?{text}",
            method,
            raw,
            {"Content-Type": "application/json", **(headers or {})},
        )
        self.headers = response
        return int(response.status), json.loads(content) if content else None

    # ---- CalDAV's side

    def stored(self, user: str, calendar: str = "calendar"):
        with self.store.read() as txn:
            collection = txn.collections.get(user, calendar)
            return [(row, txn.objects.parsed(row)) for row in txn.objects.all(collection)]

    def text(self, user: str, uid: str | None = None) -> str:
        """The iCalendar text of the only event (or of that UID) in the calendar, unfolded."""
        found = [o for _, o in self.stored(user) if uid is None or o.uid == uid]
        assert len(found) == 1, [o.uid for o in found]
        return found[0].body.decode().replace("\r\n ", "").replace("\r\n", "\n")

    def put(self, user: str, name: str, text: str, calendar: str = "calendar") -> None:
        """What a CalDAV client's PUT does."""
        self.tick()
        with self.store.write(SYSTEM) as txn:
            collection = txn.collections.get(user, calendar)
            self.service.put(txn, collection, name, text.replace("\n", "\r\n").encode())


# ---- what tests of events say often


def at(day: int, hour: int, minute: int = 0, month: int = 6):
    return {"dateTime": f"2011-{month:02}-{day:02}T{hour:02}:{minute:02}:00+02:00", "timeZone": ZONE}


def event(day=1, hour=10, **more):
    return {"summary": "Talk", "start": at(day, hour), "end": at(day, hour + 1), **more}


def insert(client, body, calendar="primary", **query):
    return client.events().insert(calendarId=calendar, body=body, **query).execute()


def items(client, calendar="primary", **query):
    return client.events().list(calendarId=calendar, **query).execute()["items"]


def failure(request):
    """The status and reason of a request that is refused."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]
