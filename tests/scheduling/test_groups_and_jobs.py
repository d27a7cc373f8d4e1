# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is left to the worker: groups that change, answers shown later, each once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from office import Office, answered, attendee, invite

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.significance import cancelled
from calcore_caldav.core.timerange import TimeRange
from calcore_caldav.scheduling.groups import members_changed
from calcore_caldav.scheduling.worker import HANDLERS, Worker
from calcore_caldav.store.protocol import SYSTEM
from calcore_caldav.store.sql import Sql


def set_team(office: Office, *names: str) -> None:
    with office.store.write(SYSTEM) as txn:
        team = txn.directory.by_name("team")
        txn.directory.set_members(team, names)
        members_changed(txn, team)


def test_who_joins_a_group_is_invited_who_leaves_is_not(office: Office):
    office.put("florent", invite("florent", "team", RRULE="FREQ=WEEKLY;COUNT=5"))
    office.put("florent", invite("florent", "team", uid="past", DTSTART="20251201T100000Z"))
    office.put("bob", answered(office.copy("bob"), "bob", "ACCEPTED"))
    office.methods("bob"), office.methods("martijn")
    set_team(office, "bob", "alice")
    office.rest()
    assert office.methods("alice") == ["REQUEST"]
    assert office.methods("martijn") == ["CANCEL"]
    assert office.answers("florent", "bob") == {"": "ACCEPTED"}
    assert attendee(office.copy("florent").master, "martijn") is None
    assert attendee(office.copy("florent", "past").master, "alice") is None


def test_who_leaves_a_group_keeps_what_was(office: Office):
    """Of a series under way only the dates to come change; nobody is asked again, the room stays booked."""
    office.put(
        "florent",
        invite("florent", "team", "room1", DTSTART="20251229T100000Z", RRULE="FREQ=WEEKLY;COUNT=5"),
    )
    office.put("bob", answered(office.copy("bob"), "bob", "ACCEPTED"))
    for who in ("bob", "martijn", "room1", "florent"):
        office.methods(who)
    set_team(office, "bob", "alice")
    office.rest()
    assert dates(office, "martijn") == {"20251229T100000Z", "20260105T100000Z"} - later(office)
    assert dates(office, "alice") == later(office)
    assert dates(office, "bob") == dates(office, "florent") == dates(office, "room1") == ALL
    assert office.methods("martijn") == ["CANCEL"]
    assert office.methods("alice") == ["REQUEST"]
    assert office.answers("florent", "bob") == office.answers("florent", "room1") == {"": "ACCEPTED"}
    before = {who: office.row(who) for who in ("florent", "bob", "martijn", "alice", "room1")}
    set_team(office, "bob", "alice")
    office.rest()
    assert {who: office.row(who) for who in before} == before, "nothing is left to do"


ALL = {"20251229T100000Z", "20260105T100000Z", "20260112T100000Z", "20260119T100000Z", "20260126T100000Z"}


def later(office: Office) -> set[str]:
    return {day for day in ALL if day > office.now.strftime("%Y%m%dT%H%M%SZ")}


def dates(office: Office, who: str) -> set[str]:
    """When somebody's meetings take place."""
    with office.store.read() as txn:
        calendar = txn.collections.get(who, "calendar")
        return {
            instance.rid.to_basic()
            for stored in txn.objects.all(calendar)
            for instance in txn.objects.parsed(stored).recurrence().between(TimeRange(None, None))
            if not cancelled(instance.component)
        }


def test_a_series_ahead_stays_one(office: Office):
    office.put("florent", invite("florent", "team", RRULE="FREQ=WEEKLY"))
    set_team(office, "alice")
    office.rest()
    with office.store.read() as txn:
        (stored,) = txn.objects.all(txn.collections.get("florent", "calendar"))
        assert stored.uid == "1"
    assert office.methods("alice") == ["REQUEST"]


def test_members_of_a_group_in_a_group(office: Office):
    with office.store.write(SYSTEM) as txn:
        house = txn.directory.save(
            Principal(
                id=0,
                name="house",
                kind=CalendarUserType.GROUP,
                display_name="House",
                addresses=(CalendarUserAddress("mailto:house@example.com"),),
            )
        )
        txn.directory.set_members(house, ["team"])
    office.put("florent", invite("florent", "house"))
    assert office.methods("martijn") == ["REQUEST"]
    set_team(office, "bob", "alice")
    office.rest()
    assert office.methods("martijn") == ["CANCEL"]
    assert office.methods("alice") == ["REQUEST"]


def test_one_job_shows_many_answers():
    office = Office(refresh_at_once=0)
    office.put("florent", invite("florent", "martijn", "bob", "alice"))
    for who in ("martijn", "bob"):
        office.put(who, answered(office.copy(who), who, "ACCEPTED"))
    assert office.answers("alice", "bob") == {"": "NEEDS-ACTION"}
    office.tick(minutes=1)
    assert office.worker.run_due() == 1
    assert office.answers("alice", "bob") == office.answers("alice", "martijn") == {"": "ACCEPTED"}
    row = office.row("alice")
    assert office.worker.run_due() == 0
    office.store.close()
    assert row is not None


def test_above_the_limit_answers_are_not_shown():
    office = Office(refresh_at_once=0, refresh_limit=2)
    office.put("florent", invite("florent", "martijn", "bob"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.rest()
    assert office.answers("florent", "martijn") == {"": "ACCEPTED"}
    assert office.answers("bob", "martijn") == {"": "NEEDS-ACTION"}
    office.store.close()


def test_a_job_whose_worker_died_is_done_once():
    office = Office(refresh_at_once=0)
    office.put("florent", invite("florent", "martijn", "bob"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.tick(minutes=1)

    def dies(txn, job, settings):
        HANDLERS["refresh"](txn, job, settings)
        raise OSError("power cut")

    before = office.row("bob")
    broken = Worker(office.store, office.settings, {**HANDLERS, "refresh": dies})
    assert broken.run_due() == 1
    assert office.row("bob") == before, "what a failed job did is undone"
    office.tick(minutes=1)
    assert office.worker.run_due() == 1
    assert office.answers("bob", "martijn") == {"": "ACCEPTED"}
    assert office.worker.run_due() == 0
    office.store.close()


def test_a_job_survives_the_process_that_has_it(tmp_path):
    """Killed after the commit of the answer, and again within the job: the others see it, told once."""
    database = f"sqlite:///{tmp_path}/office.db"
    office = Office(database, refresh_at_once=0)
    office.put("florent", invite("florent", "martijn", "bob"))
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    office.store.close()

    class PowerCut(BaseException):
        pass

    def dies(txn, job, settings):
        HANDLERS["refresh"](txn, job, settings)
        raise PowerCut

    office = Office(database, now=office.now, refresh_at_once=0)
    office.tick(minutes=1)
    with pytest.raises(PowerCut):
        Worker(office.store, office.settings, {**HANDLERS, "refresh": dies}).run_due()
    office.store.close()

    office = Office(database, now=office.now, refresh_at_once=0)
    assert office.answers("bob", "martijn") == {"": "NEEDS-ACTION"}
    assert office.worker.run_due() == 0, "another process may still be at it"
    office.tick(minutes=10)
    assert office.worker.run_due() == 1
    assert office.answers("bob", "martijn") == {"": "ACCEPTED"}
    assert office.methods("bob") == ["REQUEST"]
    assert office.worker.run_due() == 0
    office.store.close()


def test_acting_for_somebody_is_said(office: Office):
    """SENT-BY names who acted for the organizer (RFC 5545 §3.2.18)."""
    from calcore_caldav.core.principals import Privilege
    from calcore_caldav.store.protocol import Grant

    with office.store.write(SYSTEM) as txn:
        florent = txn.directory.by_name("florent")
        txn.directory.set_grants(florent, None, [Grant(florent.id, None, "alice", Privilege.ALL)])
    office.put("florent", invite("florent", "martijn"), actor="alice")
    organizer = office.copy("martijn").master.get("ORGANIZER")
    assert organizer.value == "mailto:florent@example.com"
    assert organizer.param("SENT-BY") == "mailto:alice@example.com"


CHANGES = {
    "invites": lambda office: office.put("florent", invite("florent", *INVITED, uid="2")),
    "moves": lambda office: office.put("florent", invite("florent", *INVITED, DTSTART="20260113T100000Z")),
    "removes": lambda office: office.put("florent", invite("florent", "bob", "room1")),
    "cancels": lambda office: office.delete("florent"),
    "answers": lambda office: office.put("bob", answered(office.copy("bob"), "bob", "ACCEPTED")),
    "declines": lambda office: office.delete("bob"),
}
INVITED = ("martijn", "bob", "room1", "carol@elsewhere.example")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_failure_anywhere_leaves_everything_as_it_was(monkeypatch, tmp_path, change):
    """Whichever write fails, the first or the last one (RFC 6638 §4)."""
    database = tmp_path / "office.db"
    office = Office(f"sqlite:///{database}", mail=True)
    office.put("florent", invite("florent", *INVITED))
    before = dump(database)
    countdown = 0

    def failing(real):
        def call(self, statement, *args):
            nonlocal countdown
            if (
                statement.compiled(self._dialect)
                .text.lstrip()
                .upper()
                .startswith(("INSERT", "UPDATE", "DELETE"))
            ):
                countdown -= 1
                if countdown == 0:
                    raise OSError("disk full")
            return real(self, statement, *args)

        return call

    monkeypatch.setattr(Sql, "_execute", failing(Sql._execute))
    monkeypatch.setattr(Sql, "many", failing(Sql.many))
    for number in count(1):
        countdown = number
        try:
            change(office)
        except OSError:
            assert dump(database) == before, number
        else:
            break
    assert number > 10
    assert dump(database) != before
    office.store.close()


def dump(database: Path) -> list[str]:
    """Every row of every table."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def test_three_hundred_attendees(office: Office):
    """External ones get their status; the copies of those of this server are written once each."""
    guests = [f"guest{n}@elsewhere.example" for n in range(297)]
    office.put("florent", invite("florent", "martijn", "bob", *guests))
    assert len(office.copy("martijn").attendees) == 300
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED"}
    assert office.methods("bob") == ["REQUEST"]
