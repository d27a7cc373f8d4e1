# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is left to the worker: groups that change, answers shown later, each once."""

from __future__ import annotations

import pytest
from office import Office, answered, attendee, invite

from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.scheduling.groups import members_changed
from calcore_caldav.scheduling.worker import HANDLERS, Worker
from calcore_caldav.store.protocol import SYSTEM


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


def test_a_job_whose_worker_died_is_done_once(caplog):
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


def test_a_failure_leaves_everything_as_it_was(office: Office, monkeypatch):
    from calcore_caldav.scheduling import delivery

    office.put("florent", invite("florent", "martijn", "bob", "room1"))
    before = {who: office.row(who) for who in ("florent", "martijn", "bob", "room1")}
    boxes = {who: len(office.inbox(who)) for who in before}
    real = delivery.Delivery.to_inbox

    def fails(self, person, body):
        if person.name == "bob":
            raise SchedulingRefused("x", "disk full")
        real(self, person, body)

    monkeypatch.setattr(delivery.Delivery, "to_inbox", fails)
    with pytest.raises(SchedulingRefused):
        office.put("florent", invite("florent", "martijn", "bob", "room1", DTSTART="20260113T100000Z"))
    assert {who: office.row(who) for who in before} == before
    assert {who: len(office.inbox(who)) for who in before} == boxes


def test_three_hundred_attendees(office: Office):
    """External ones get their status; the copies of those of this server are written once each."""
    guests = [f"guest{n}@elsewhere.example" for n in range(297)]
    office.put("florent", invite("florent", "martijn", "bob", *guests))
    assert len(office.copy("martijn").attendees) == 300
    office.put("martijn", answered(office.copy("martijn"), "martijn", "ACCEPTED"))
    assert office.answers("florent", "martijn") == {"": "ACCEPTED"}
    assert office.methods("bob") == ["REQUEST"]
