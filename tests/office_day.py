# SPDX-License-Identifier: GPL-3.0-or-later
"""A day at the office over HTTP: what must hold whatever serves it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from argon2 import PasswordHasher
from live import Answer, Client

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.limits import Limits

PEOPLE = ("florent", "martijn", "bob", "carol")
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Everybody's password is the own name; hashes that cost next to nothing keep the tests quick."""

DIRECTORY = (
    "".join(
        f"""
[[principal]]
name = "{name}"
display_name = "{name.title()}"
addresses = ["{name}@example.com"]
password_hash = "{_CHEAP.hash(name)}"
"""
        for name in PEOPLE
    )
    + """
[[principal]]
name = "room1"
type = "ROOM"
display_name = "Room 1"
addresses = ["room1@example.com"]
password_hash = "{room1}"
[principal.booking]
mode = "automatic"
""".format(room1=_CHEAP.hash("room1"))
)

_HREF = "{DAV:}href"
_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"


def monday(week: int, hour: int, minute: int = 0) -> datetime:
    """A Monday some weeks from now."""
    today = datetime.now(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today - timedelta(days=today.weekday()) + timedelta(weeks=week)


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y%m%dT%H%M%SZ")


def meeting(
    uid: str, organizer: str, attendees: Iterable[str], start: datetime, *lines: str, minutes: int = 60
) -> str:
    """An event as a client writes it."""
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Example//Client//EN",
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"DTSTAMP:{stamp(datetime.now(UTC))}",
            f"DTSTART:{stamp(start)}",
            f"DTEND:{stamp(start + timedelta(minutes=minutes))}",
            f"SUMMARY:{uid}",
            *lines,
            f"ORGANIZER;CN={organizer.title()}:mailto:{organizer}@example.com",
            *(
                f"ATTENDEE;PARTSTAT={'ACCEPTED' if name == organizer else 'NEEDS-ACTION'}:mailto:{name}@example.com"
                for name in (organizer, *attendees)
            ),
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    )


def answers(component: Component) -> dict[str, str]:
    """PARTSTAT of each attendee, by name."""
    return {
        prop.value.lower().removeprefix("mailto:").partition("@")[0]: prop.param("PARTSTAT") or "NEEDS-ACTION"
        for prop in component.all("ATTENDEE")
    }


class Person:
    """Somebody with a calendar client."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self.client = Client(port, name)

    def put(self, name: str, text: str, **headers: str) -> Answer:
        return self.client("PUT", f"/{self.name}/calendar/{quote(name)}", text, **headers)

    def copies(self, collection: str = "calendar") -> dict[str, CalendarObject]:
        """Everything in the calendar, or in another collection, by path."""
        listing = self.client("PROPFIND", f"/{self.name}/{collection}/", Depth="1")
        assert listing.status == 207, listing
        paths = [e.text for e in listing.xml.iter(_HREF) if e.text and e.text.endswith(".ics")]
        found = {path: self.client("GET", path) for path in dict.fromkeys(paths)}
        return {
            path: CalendarObject.parse(a.body, limits=Limits(), inbox=collection == "inbox")
            for path, a in found.items()
            if a.status == 200
        }

    def copy(self, uid: str) -> CalendarObject | None:
        return next((obj for obj in self.copies().values() if obj.uid == uid), None)

    def answers(self, uid: str) -> dict[str, str]:
        """What everybody answered, as this person sees it; nothing where there's no such meeting."""
        obj = self.copy(uid)
        return answers(obj.components[0]) if obj is not None else {}

    def accept(self, uid: str) -> None:
        path, obj = next((path, obj) for path, obj in self.copies().items() if obj.uid == uid)
        etag = self.client("GET", path).headers["ETag"]
        text = re.sub(r"\r\n[ \t]", "", obj.body.decode())
        own = re.compile(rf"^ATTENDEE[^\r\n]*mailto:{self.name}@example\.com", re.MULTILINE | re.IGNORECASE)
        accepted = own.sub(f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{self.name}@example.com", text)
        assert accepted != text
        answer = self.client("PUT", path, accepted, If_Match=etag)
        assert answer.status in {200, 201, 204}, answer

    def expanded(self, start: datetime, end: datetime) -> list[Component]:
        """The instances of a time range, as a REPORT expands them."""
        window = f'start="{stamp(start)}" end="{stamp(end)}"'
        report = self.client(
            "REPORT",
            f"/{self.name}/calendar/",
            '<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data>'
            f"<C:expand {window}/></C:calendar-data></D:prop><C:filter>"
            f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {window}/>'
            "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
            Depth="1",
        )
        assert report.status == 207, report
        found = [
            component
            for data in report.xml.iter(_DATA)
            for component in CalendarObject.parse((data.text or "").encode(), limits=Limits()).components
        ]
        return sorted(found, key=lambda c: c.value("DTSTART") or "")


def eventually(condition: Callable[[], bool]) -> None:
    """What other attendees are told may come a moment later."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"


def office_day(port: int) -> None:
    """The story; every step is asserted."""
    florent, martijn, bob, carol = (Person(port, name) for name in PEOPLE)
    room = Person(port, "room1")
    start = monday(3, 10)

    # Florent plans a meeting; the room answers by itself, and everybody sees it.
    invitation = meeting("planning", "florent", ["martijn", "bob", "room1"], start, "STATUS:TENTATIVE")
    assert florent.put("planning.ics", invitation).status == 201
    planning = florent.copy("planning")
    assert planning is not None
    assert planning.components[0].value("STATUS") == "TENTATIVE"
    assert florent.answers("planning")["room1"] == "ACCEPTED"
    for person in (martijn, bob, room):
        eventually(lambda p=person: p.answers("planning").get("room1") == "ACCEPTED")

    # Martijn accepts; Florent sees it.
    martijn.accept("planning")
    assert florent.answers("planning")["martijn"] == "ACCEPTED"
    assert florent.answers("planning")["bob"] == "NEEDS-ACTION"

    # Carol wants the room at the same time.
    assert carol.put("late.ics", meeting("late", "carol", ["room1"], start, minutes=30)).status == 201
    assert carol.answers("late")["room1"] == "DECLINED"

    # Bob's weekly series gets the room except on that Monday.
    first = monday(1, 10, 30)
    series = meeting("series", "bob", ["martijn", "room1"], first, "RRULE:FREQ=WEEKLY;COUNT=6")
    assert bob.put("series.ics", series).status == 201
    obj = bob.copy("series")
    assert obj is not None
    by_rid = {rid and rid.to_basic(): answers(c)["room1"] for rid, c in obj.by_rid().items()}
    taken = stamp(monday(3, 10, 30))
    assert by_rid == {None: "ACCEPTED", taken: "DECLINED"}

    # An expanded report shows all of it.
    instances = [c for c in bob.expanded(monday(0, 0), monday(10, 0)) if c.value("UID") == "series"]
    assert [c.value("DTSTART") for c in instances] == [stamp(first + timedelta(weeks=n)) for n in range(6)]
    assert {c.value("DTSTART"): answers(c)["room1"] for c in instances} == {
        stamp(first + timedelta(weeks=n)): "DECLINED" if n == 2 else "ACCEPTED" for n in range(6)
    }
    booked = room.expanded(monday(3, 0), monday(4, 0))
    assert [(c.value("UID"), c.value("DTSTART")) for c in booked if answers(c)["room1"] == "ACCEPTED"] == [
        ("planning", stamp(start))
    ]

    # Deleting the meeting frees the room, and cancels everywhere.
    path = next(path for path, obj in florent.copies().items() if obj.uid == "planning")
    assert florent.client("DELETE", path).status in {200, 204}
    for person in (martijn, bob):
        left = person.copy("planning")
        assert left is None or left.components[0].value("STATUS") == "CANCELLED"
    assert room.copy("planning") is None
    assert carol.put("again.ics", meeting("again", "carol", ["room1"], start, minutes=30)).status == 201
    assert carol.answers("again")["room1"] == "ACCEPTED"
    for person in (florent, martijn, bob, carol, room):
        person.client.close()
