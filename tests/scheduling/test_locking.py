# SPDX-License-Identifier: GPL-3.0-or-later
"""A change is serialised on its meeting and on the rooms that it asks, before anything of it is written."""

from __future__ import annotations

import pytest
from office import Office, answered, calendar, event, invite

from calcore_caldav.store import transaction

WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, office: Office) -> list[object]:
    """What the store is asked to do, from now on: keys that are locked, and "write"."""
    from calcore_caldav.store.sql import Sql

    seen: list[object] = []
    lock, execute, many = transaction.SqlTransaction.lock, Sql._execute, Sql.many

    def locking(self, keys):
        keys = set(keys)
        seen.append(keys)
        return lock(self, keys)

    def executing(self, statement, *args):
        if statement.compiled(self._dialect).text.lstrip().upper().startswith(WRITES):
            seen.append("write")
        return execute(self, statement, *args)

    def running(self, statement, rows):
        seen.append("write")
        return many(self, statement, rows)

    monkeypatch.setattr(transaction.SqlTransaction, "lock", locking)
    monkeypatch.setattr(Sql, "_execute", executing)
    monkeypatch.setattr(Sql, "many", running)
    return seen


MEETING = invite("florent", "martijn", "room1", RRULE="FREQ=WEEKLY;COUNT=5")
EVERYTHING = {"uid:1", "room:room1"}


def before_the_first_write(steps: list[object]) -> set[str]:
    assert "write" in steps
    first = steps.index("write")
    keys = [s for s in steps[:first] if isinstance(s, set)]
    steps.clear()
    return set().union(*keys)


def test_creation_change_and_deletion(office: Office, steps: list[object]):
    office.put("florent", MEETING)
    assert before_the_first_write(steps) == EVERYTHING
    office.put("florent", MEETING.replace("Planning", "Plans"))
    assert before_the_first_write(steps) == EVERYTHING
    office.delete("florent")
    assert before_the_first_write(steps) == EVERYTHING


def test_room_that_is_not_invited_any_more(office: Office, steps: list[object]):
    office.put("florent", MEETING)
    steps.clear()
    office.put("florent", invite("florent", "room2", RRULE="FREQ=WEEKLY;COUNT=5"))
    assert before_the_first_write(steps) == {*EVERYTHING, "room:room2"}


def test_answer(office: Office, steps: list[object]):
    office.put("florent", MEETING)
    accepted = answered(office.copy("martijn"), "martijn", "ACCEPTED")
    steps.clear()
    office.put("martijn", accepted)
    assert before_the_first_write(steps) == EVERYTHING


def test_event_of_a_room_itself(office: Office, steps: list[object]):
    office.put("room1", calendar(event()), actor="room1")
    assert before_the_first_write(steps) == {"uid:1", "room:room1"}


def test_split(office: Office, steps: list[object]):
    from calcore_caldav.core.recurrence import RecurrenceId

    office.put("florent", MEETING)
    steps.clear()
    with office.store.write(office.actor("florent")) as txn:
        stored = office._stored(txn, "florent", "1")
        office.service.split(txn, stored, RecurrenceId.parse("20260126T100000Z"))
    assert before_the_first_write(steps) == EVERYTHING
