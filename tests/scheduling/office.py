# SPDX-License-Identifier: GPL-3.0-or-later
"""A small office on a real store: people who store, answer and delete events as their clients would."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.itip import ITipMessage, Method
from calcore_caldav.core.merge import Outcome
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.scheduling.conditions import Conditions, ScheduleOptions
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.inbound import receive
from calcore_caldav.scheduling.posting import Posted, post
from calcore_caldav.scheduling.service import CalendarService, PutResult
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.server.background import UPKEEP_JOB, upkeep
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import (
    SYSTEM,
    CollectionKind,
    CollectionProps,
    Grant,
    Job,
    StoredObject,
)

PEOPLE = ("florent", "martijn", "bob", "alice")
ROOMS = ("room1", "room2")
MONDAY = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Office:
    """One office; `now` is the clock. A database that has one already is taken as it is."""

    def __init__(self, database: str = "sqlite://", *, now: datetime = MONDAY, **settings: object) -> None:
        self.now = now
        self.store = open_store(database, clock=lambda: self.now)
        self.configure(**settings)
        with self.store.write(SYSTEM) as txn:
            if txn.directory.by_name("team") is not None:
                return
            for name in (*PEOPLE, *ROOMS, "team"):
                kind = CalendarUserType.INDIVIDUAL
                if name in ROOMS:
                    kind = CalendarUserType.ROOM
                elif name == "team":
                    kind = CalendarUserType.GROUP
                saved = txn.directory.save(
                    Principal(
                        id=0,
                        name=name,
                        kind=kind,
                        display_name=name.title(),
                        addresses=(CalendarUserAddress(f"mailto:{name}@example.com"),),
                        booking={"mode": "automatic"} if name in ROOMS else {},
                    )
                )
                txn.directory.provision(saved)
            team = txn.directory.by_name("team")
            assert team is not None
            txn.directory.set_members(team, ["martijn", "bob"])

    def configure(self, **settings: object) -> None:
        """Give the server these settings, and the defaults of all others."""
        self.settings = SchedulingSettings(**settings)  # type: ignore[arg-type]
        self.service = CalendarService(SchedulingEngine(self.settings), self.settings)
        self.worker = Worker(self.store, self.settings)

    def tick(self, **delta: int) -> None:
        self.now += timedelta(**(delta or {"seconds": 1}))

    def rest(self) -> None:
        """Let time pass until every job that is due soon is done."""
        self.tick(minutes=1)
        self.worker.run_due()

    # ---- what clients do

    def put(
        self,
        who: str,
        text: str,
        *,
        name: str | None = None,
        actor: str | None = None,
        tag: str | None = None,
        calendar: str = "calendar",
    ) -> PutResult:
        self.tick()
        body = text.replace("\n", "\r\n").encode() if "\r\n" not in text else text.encode()
        with self.store.write(self.actor(actor or who)) as txn:
            collection = txn.collections.get(who, calendar)
            assert collection is not None
            uid = CalendarObject(body).uid
            stored = self._stored(txn, who, uid)
            if stored is not None and name is None:
                collection = txn.collections.by_id(stored.collection_id)
                name = stored.name
            assert collection is not None
            return self.service.put(
                txn,
                collection,
                name or f"{uid}.ics",
                body,
                conditions=Conditions(if_schedule_tag_match=tag),
            )

    def delete(self, who: str, uid: str = "1", *, actor: str | None = None, reply: bool = True) -> None:
        self.tick()
        with self.store.write(self.actor(actor or who)) as txn:
            stored = self._stored(txn, who, uid)
            assert stored is not None, f"{who} has no {uid}"
            self.service.delete(txn, stored, options=ScheduleOptions(reply=reply))

    def appoint(self, who: str, delegate: str) -> None:
        """Let somebody do everything in one's calendars."""
        with self.store.write(SYSTEM) as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            txn.directory.set_grants(owner, None, [Grant(owner.id, None, delegate, Privilege.ALL)])

    def rename(self, who: str, mail: str) -> None:
        """Give somebody a further address."""
        with self.store.write(SYSTEM) as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            further = CalendarUserAddress(f"mailto:{mail}")
            txn.directory.save(replace(owner, addresses=(*owner.addresses, further)))

    def prefer_calendar(self, who: str, name: str) -> None:
        with self.store.write(self.actor(who)) as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            self.service.set_default_calendar(txn, owner, name)

    def make_calendar(self, who: str, name: str, kind: CollectionKind = CollectionKind.CALENDAR) -> None:
        with self.store.write(self.actor(who)) as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            self.service.create_collection(txn, owner, name, kind, CollectionProps(display_name=name))

    def delete_calendar(self, who: str, name: str, *, reply: bool = True) -> None:
        self.tick()
        with self.store.write(self.actor(who)) as txn:
            collection = txn.collections.get(who, name)
            assert collection is not None
            self.service.delete_collection(txn, collection, ScheduleOptions(reply=reply))

    def transfer(
        self,
        who: str,
        calendar: str,
        uid: str = "1",
        *,
        source: str | None = None,
        copy: bool = False,
        to: str | None = None,
    ) -> None:
        """MOVE or COPY to another collection of the home (or that of `to`), from its calendars or from `source`."""
        self.tick()
        with self.store.write(self.actor(who)) as txn:
            target = txn.collections.get(to or who, calendar)
            stored = self._stored(txn, who, uid)
            if source is not None:
                (stored,) = txn.objects.all(txn.collections.get(who, source))
            assert stored is not None
            assert target is not None
            act = self.service.copy if copy else self.service.move
            act(txn, stored, target, stored.name, overwrite=False)

    def split(self, who: str, uid: str, rid: RecurrenceId) -> None:
        self.tick()
        with self.store.write(self.actor(who)) as txn:
            stored = self._stored(txn, who, uid)
            assert stored is not None
            self.service.split(txn, stored, rid)

    def upkeep(self) -> None:
        """What the server does once a day."""
        job = Job(0, UPKEEP_JOB, {}, self.now, self.now, 1)
        with self.store.write(SYSTEM) as txn:
            upkeep(txn, job, self.settings)

    def actor(self, name: str):
        from calcore_caldav.scheduling.access import actor_of

        with self.store.read() as txn:
            return actor_of(txn, name)

    def receive(self, method: Method, sender: str, recipient: str, body: CalendarObject) -> Outcome:
        """A message from outside."""
        self.tick()
        mail = sender if "@" in sender else f"{sender}@example.com"
        sent = ITipMessage(
            method,
            CalendarUserAddress.parse(mail),
            CalendarUserAddress.parse(f"{recipient}@example.com"),
            body,
        )
        with self.store.write(SYSTEM) as txn:
            return receive(txn, sent, self.settings)

    def post(self, who: str, body: CalendarObject, actor: str | None = None) -> list[Posted]:
        """A message put into the outbox."""
        self.tick()
        with self.store.write(self.actor(actor or who)) as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            return post(txn, owner, body, self.settings)

    # ---- what they see

    @staticmethod
    def _stored(txn, who: str, uid: str) -> StoredObject | None:
        owner = txn.directory.by_name(who)
        found = txn.objects.in_home_by_uid(owner, uid)
        return found[0] if found else None

    def row(self, who: str, uid: str = "1") -> StoredObject | None:
        with self.store.read() as txn:
            return self._stored(txn, who, uid)

    def copy(self, who: str, uid: str = "1") -> CalendarObject | None:
        with self.store.read() as txn:
            stored = self._stored(txn, who, uid)
            return txn.objects.parsed(stored) if stored is not None else None

    def uids(self, who: str) -> list[str]:
        """The UIDs of all that is in somebody's calendars."""
        with self.store.read() as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            found = txn.collections.of(owner, CollectionKind.CALENDAR)
            return sorted(stored.uid for calendar in found for stored in txn.objects.all(calendar))

    def tag(self, who: str, uid: str = "1") -> str | None:
        row = self.row(who, uid)
        assert row is not None
        return row.schedule_tag

    def inbox(self, who: str) -> list[CalendarObject]:
        with self.store.read() as txn:
            owner = txn.directory.by_name(who)
            assert owner is not None
            box = txn.collections.of(owner, CollectionKind.INBOX)[0]
            rows = sorted(txn.objects.all(box), key=lambda s: s.id)
            return [txn.objects.parsed(s) for s in rows]

    def methods(self, who: str, *, clear: bool = True) -> list[str]:
        """The methods of the inbox items, which are then deleted, as polling clients do."""
        found = [str(o.method) for o in self.inbox(who)]
        if clear:
            with self.store.write(SYSTEM) as txn:
                owner = txn.directory.by_name(who)
                assert owner is not None
                box = txn.collections.of(owner, CollectionKind.INBOX)[0]
                for stored in list(txn.objects.all(box)):
                    self.service.delete(txn, stored)
        return found

    def answers(self, who: str, of: str, uid: str = "1") -> dict[str, str]:
        """PARTSTAT of `of` in the copy of `who`, by instance ("" is the master)."""
        obj = self.copy(who, uid)
        assert obj is not None, f"{who} has no copy"
        found = {}
        for rid, component in obj.by_rid().items():
            prop = attendee(component, of)
            if prop is not None:
                found[rid.to_basic() if rid else ""] = prop.param("PARTSTAT") or "NEEDS-ACTION"
        return found


def attendee(component: Component, who: str):
    return next((p for p in component.all("ATTENDEE") if p.value.lower().startswith(f"mailto:{who}@")), None)


def event(*attendees: str, organizer: str = "florent", uid: str = "1", extra: str = "", **props: str) -> str:
    """A VEVENT of `organizer`; attendees are names, or "name;PARAM=…"."""
    lines = {"DTSTART": "20260112T100000Z", "DURATION": "PT1H", "SUMMARY": "Planning", **props}
    body = [f"UID:{uid}", "DTSTAMP:20260101T000000Z"]
    body += [f"{k.replace('_', '-')}:{v}" for k, v in lines.items() if v is not None]
    if attendees:
        body.append(f"ORGANIZER:mailto:{organizer}@example.com")
    for who in attendees:
        name, _, params = who.partition(";")
        mail = name if "@" in name else f"{name}@example.com"
        default = "PARTSTAT=ACCEPTED" if name == organizer else "PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
        body.append(f"ATTENDEE;{params or default}:mailto:{mail}")
    if extra:
        body += extra.strip().splitlines()
    return "\n".join(["BEGIN:VEVENT", *body, "END:VEVENT"])


def calendar(*events: str) -> str:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    return "\n".join([*head, *events, "END:VCALENDAR", ""])


def invite(*attendees: str, **props: str) -> str:
    return calendar(event(*attendees, **props))


def answered(obj: CalendarObject, who: str, partstat: str, rid: str | None = None) -> str:
    """The copy as a client stores it after its user answered: all of it, or one instance."""
    from calcore_caldav.core.significance import component_at

    def edited(component: Component) -> Component:
        prop = attendee(component, who)
        assert prop is not None
        new = prop.with_param("PARTSTAT", partstat).without_params("RSVP")
        return component.map(lambda p: new if p is prop else p).without("TRANSP")

    if rid is None:
        return obj.with_components(tuple(edited(c) for c in obj.components)).body.decode()
    at = RecurrenceId.parse(rid)
    component = component_at(obj, at)
    assert component is not None
    rest = tuple(c for r, c in obj.by_rid().items() if r != at)
    return obj.with_components((*rest, edited(component))).body.decode()
