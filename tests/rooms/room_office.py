# SPDX-License-Identifier: GPL-3.0-or-later
"""A small office on a real store, and its invitations as a room's calendar gets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calcore_caldav.core.calobject import CalendarObject, find_attendee, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import (
    CalendarUserAddress,
    CalendarUserType,
    Location,
    Principal,
    Privilege,
)
from calcore_caldav.core.times import Period, format_date_time
from calcore_caldav.scheduling import availability, room_agenda, rooms
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Grant

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""
SETTINGS = SchedulingSettings()

_PEOPLE = ("ann", "bob", "max")
_OTHER_ROOMS = {
    "small": (2, "Main", "automatic"),
    "large": (8, "Main", "automatic"),
    "huge": (20, "Main", "automatic"),
    "closed": (8, "Main", "decline-always"),
    "far": (8, "Annex", "automatic"),
}


def hour(number: float) -> datetime:
    """So many hours from now."""
    return NOW + timedelta(hours=number)


def address(name: str) -> str:
    return name if ":" in name else f"mailto:{name}@example.com"


def attendee(component: Component, room: Principal) -> Property:
    found = find_attendee(component, room.own_addresses)
    assert found is not None
    return found


def event(
    uid: str,
    start: datetime | None,
    *lines: str,
    length: float = 1,
    organizer: str | None = "ann",
    sent_by: str | None = None,
    answer: str = "NEEDS-ACTION",
    attendees: Sequence[str] = (),
    room: str = "room1",
    more: Sequence[CalendarObject] = (),
) -> CalendarObject:
    """The room's copy of an invitation."""
    body = ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260302T090000Z", *lines]
    if start is not None:
        end = start + timedelta(hours=length)
        body += [f"DTSTART:{format_date_time(start)}", f"DTEND:{format_date_time(end)}"]
    if organizer is not None:
        delegate = f';SENT-BY="{address(sent_by)}"' if sent_by else ""
        body.append(f"ORGANIZER{delegate}:{address(organizer)}")
        body.append(f"ATTENDEE;PARTSTAT=ACCEPTED:{address(organizer)}")
        body.append(f"ATTENDEE;CUTYPE=ROOM;PARTSTAT={answer};RSVP=TRUE:{address(room)}")
    for name in attendees:
        kind = "GROUP" if name == "staff" else "ROOM" if "boardroom" in name else "INDIVIDUAL"
        body.append(f"ATTENDEE;CUTYPE={kind}:{address(name)}")
    text = "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", *body, "END:VEVENT", "END:VCALENDAR", ""]
    )
    made = CalendarObject.parse(text.encode(), limits=Limits())
    if more:
        made = made.with_components((*made.components, *(c for obj in more for c in obj.components)))
    return made


class Office:
    """People ann, bob (speaks French) and max (manages room1), the group staff of ann and max, and rooms."""

    def __init__(self, url: str) -> None:
        self.now = NOW
        self.store = open_store(url, clock=lambda: self.now)
        with self.store.write(SYSTEM) as txn:
            for name in _PEOPLE:
                self._save(txn, name, CalendarUserType.INDIVIDUAL, language="fr" if name == "bob" else "en")
            staff = self._save(txn, "staff", CalendarUserType.GROUP)
            txn.directory.set_members(staff, ["ann", "max"])
            room = self._save(
                txn,
                "room1",
                CalendarUserType.ROOM,
                addresses=(
                    CalendarUserAddress.parse("room1@example.com"),
                    CalendarUserAddress.parse("boardroom@example.com"),
                ),
                location=Location("Main", "1"),
            )
            txn.directory.set_grants(room, None, [Grant(room.id, None, "max", Privilege.ALL)])
            for name, (seats, building, mode) in _OTHER_ROOMS.items():
                self._save(
                    txn,
                    name,
                    CalendarUserType.ROOM,
                    location=Location(building),
                    booking={"mode": mode, "capacity": seats},
                )

    @staticmethod
    def _save(txn, name: str, kind: CalendarUserType, **more) -> Principal:
        more.setdefault("addresses", (CalendarUserAddress.parse(f"{name}@example.com"),))
        saved = txn.directory.save(Principal(0, name, kind, name.capitalize(), **more))
        txn.directory.provision(saved)
        return saved

    def room(self, name: str = "room1") -> Principal:
        with self.store.read() as txn:
            found = txn.directory.by_name(name)
        assert found is not None
        return found

    def set(self, **booking: object) -> None:
        """Another policy for room1."""
        self.change("room1", booking=booking)

    def set_other(self, name: str, **booking: object) -> None:
        """Another policy for another room."""
        self.change(name, booking=booking)

    def equip(self, name: str, *features: str) -> None:
        self.change(name, location=replace(self.room(name).location, features=features))

    def change(self, name: str, **values: object) -> None:
        with self.store.write(SYSTEM) as txn:
            txn.directory.save(replace(txn.directory.by_name(name), **values))

    def invite(self, copy: CalendarObject, room: str = "room1") -> rooms.RoomAnswer:
        """Deliver an invitation as the scheduling engine does it."""
        with self.store.write(SYSTEM) as txn:
            principal = txn.directory.by_name(room)
            stored = rooms.stored_copy(txn, principal, copy.uid)
            previous = txn.objects.parsed(stored) if stored is not None else None
            answer = rooms.answer(
                txn,
                principal,
                copy,
                previous,
                sender=copy.organizer or CalendarUserAddress(""),
                settings=SETTINGS,
            )
            for displaced in answer.displaced:
                self._write(txn, principal, displaced.answer.copy, displaced.answer.bookings)
            self._write(txn, principal, answer.copy, answer.bookings)
        return answer

    @staticmethod
    def _write(txn, room: Principal, copy: CalendarObject, bookings: rooms.Bookings) -> None:
        calendar = txn.collections.get(room.name, "calendar")
        stored = txn.objects.put(calendar, f"{copy.uid}.ics", copy, schedule_tag=None)
        txn.bookings.replace(room, stored, bookings)

    def book(self, copy: CalendarObject, room: str = "room1") -> None:
        """A manager writes into the room's calendar."""
        with self.store.write(SYSTEM) as txn:
            principal = txn.directory.by_name(room)
            calendar = txn.collections.get(room, "calendar")
            stored = txn.objects.put(calendar, f"{copy.uid}.ics", copy, schedule_tag=None)
            rooms.book(txn, principal, stored, copy, settings=SETTINGS)

    def remove(self, uid: str) -> None:
        with self.store.write(SYSTEM) as txn:
            txn.objects.delete(rooms.stored_copy(txn, txn.directory.by_name("room1"), uid))

    def copy(self, uid: str) -> CalendarObject:
        with self.store.read() as txn:
            stored = rooms.stored_copy(txn, txn.directory.by_name("room1"), uid)
            assert stored is not None
            return txn.objects.parsed(stored)

    def answers(self, uid: str) -> dict[str, object]:
        """PARTSTAT of the room by RECURRENCE-ID, "" for the master."""
        own = self.room().own_addresses
        return {
            rid.to_basic() if rid else "": partstat(find_attendee(c, own))
            for rid, c in self.copy(uid).by_rid().items()
        }

    def bookings(self, uid: str | None = None) -> list[tuple[str, datetime, datetime, int]]:
        with self.store.read() as txn:
            found = [
                (txn.objects.by_id(b.object_id).uid, *b.period, b.slot)
                for b in txn.bookings.all(txn.directory.by_name("room1"))
            ]
        return [b for b in found if uid in {None, b[0]}]

    def jobs(self) -> dict[tuple[str, str], datetime]:
        kinds = (
            room_agenda.HORIZON_JOB,
            room_agenda.APPROVAL_JOB,
            room_agenda.RELEASE_JOB,
            room_agenda.CHECK_IN_JOB,
        )
        found = {}
        with self.store.write(SYSTEM) as txn:
            while job := txn.jobs.lease(kinds, NOW + timedelta(days=3650), 60):
                found[job.kind, job.payload["uid"]] = job.not_before
        return found

    def publish_availability(self, text: str) -> None:
        calendar = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//EN\n{text}END:VCALENDAR\n"
        xml = f'<C:calendar-availability xmlns:C="urn:ietf:params:xml:ns:caldav">{calendar}</C:calendar-availability>'
        with self.store.write(SYSTEM) as txn:
            txn.collections.set_dead_property("/room1/inbox/", availability.CALENDAR_AVAILABILITY, xml)

    def free_busy(self, period: Period):
        with self.store.read() as txn:
            return availability.free_busy(txn, txn.directory.by_name("room1"), period, settings=SETTINGS)


class Corridor(Office):
    """The same office, everything done as people's clients do it."""

    def __init__(self, url: str, **settings: object) -> None:
        super().__init__(url)
        self.settings = SchedulingSettings(**settings)
        self.service = CalendarService(SchedulingEngine(self.settings), self.settings)
        self.worker = Worker(self.store, self.settings)

    def put(self, who: str, obj: CalendarObject, *, actor: str | None = None):
        """Store in somebody's calendar."""
        with self.store.write(self._actor(actor or who)) as txn:
            found = txn.objects.in_home_by_uid(txn.directory.by_name(who), obj.uid)
            calendar = txn.collections.get(who, "calendar")
            name = found[0].name if found else f"{obj.uid}.ics"
            return self.service.put(txn, calendar, name, obj.body)

    def delete(self, who: str, uid: str) -> None:
        with self.store.write(self._actor(who)) as txn:
            [stored] = txn.objects.in_home_by_uid(txn.directory.by_name(who), uid)
            self.service.delete(txn, stored)

    def split(self, who: str, uid: str, first: Component) -> None:
        """End a series before a date, and go on with a new one."""
        with self.store.write(self._actor(who)) as txn:
            [stored] = txn.objects.in_home_by_uid(txn.directory.by_name(who), uid)
            rid = txn.objects.parsed(stored).recurrence_id(first)
            self.service.split(txn, stored, rid, f"{uid}-past")

    def _actor(self, name: str):
        with self.store.read() as txn:
            return actor_of(txn, name)

    def wait(self, **delta: float) -> None:
        """Let time pass, and the worker do what is due."""
        self.now += timedelta(**delta)
        while self.worker.run_due():
            pass

    def of(self, who: str, uid: str) -> CalendarObject | None:
        with self.store.read() as txn:
            found = txn.objects.in_home_by_uid(txn.directory.by_name(who), uid)
            return txn.objects.parsed(found[0]) if found else None

    def seen(self, who: str, uid: str, room: str = "room1") -> dict[str, str]:
        """The room's PARTSTAT in somebody's copy."""
        copy = self.of(who, uid)
        assert copy is not None, f"{who} has no {uid}"
        own = self.room(room).own_addresses
        return {
            rid.to_basic() if rid else "": str(partstat(found))
            for rid, c in copy.by_rid().items()
            if (found := find_attendee(c, own)) is not None
        }

    def answer_as(self, who: str, uid: str, answer: str, *, actor: str | None = None) -> None:
        """Somebody (a manager, for a room) answers the whole event."""
        copy = self.of(who, uid)
        own = self.room(who).own_addresses

        def change(prop: Property) -> Property:
            mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in own
            return prop.with_param("PARTSTAT", answer) if mine else prop

        made = copy.with_components(tuple(c.map(change) for c in copy.components))
        self.put(who, made, actor=actor)

    def inbox(self, who: str) -> list[CalendarObject]:
        with self.store.read() as txn:
            box = txn.collections.get(who, "inbox")
            return [txn.objects.parsed(s) for s in txn.objects.all(box)]

    def said(self, who: str) -> list[str]:
        """The COMMENTs of the replies in somebody's inbox, which is emptied."""
        with self.store.write(SYSTEM) as txn:
            box = txn.collections.get(who, "inbox")
            items = sorted(txn.objects.all(box), key=lambda s: s.id)
            found = [c.text("COMMENT") or "" for s in items for c in txn.objects.parsed(s).components]
            for stored in items:
                txn.objects.delete(stored)
        return found


__all__ = ["NOW", "Corridor", "Office", "attendee", "event", "hour"]
