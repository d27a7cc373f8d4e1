# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav room` as an administrator uses it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from room_office import Corridor, event

from calcore_caldav.server.cli import main
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def office(tmp_path):
    made = Corridor(f"sqlite:///{tmp_path}/calcore.db")
    made.now = datetime.now(UTC)
    yield made
    made.store.close()


@pytest.fixture
def room(tmp_path, capsys):
    def run(action: str, *arguments: str, status: int = 0) -> str:
        found = main(["room", action, *arguments, "--data", str(tmp_path)])
        out, err = capsys.readouterr()
        assert found == status, err
        return out if status == 0 or out else err

    return run


def test_list_and_show(office, room):
    lines = room("list").splitlines()
    assert lines[0].split() == ["NAME", "TYPE", "MODE", "SEATS", "WHERE", "FEATURES", "CALLED"]
    assert next(line.split() for line in lines if line.startswith("huge")) == [
        "huge", "ROOM", "automatic", "20", "Main", "Huge",
    ]  # fmt: skip
    shown = room("show", "huge")
    settings = {line.split()[0]: line.split()[2:] for line in shown.splitlines()}
    assert settings["capacity"] == ["20"]
    assert settings["mode"] == ["automatic"]
    assert settings["horizon"] == ["180d", "(default)"]
    assert settings["past_grace"] == ["2d", "(default)"]
    assert settings["max_conflict_share"] == ["1/3", "(default)"]
    assert "no room" in room("show", "ann", status=1)


def test_set_changes_the_policy_or_tells_all_mistakes(office, room):
    room(
        "set",
        "room1",
        "mode=approval",
        "book=ann, staff",
        "max_duration=2h",
        "enforce_capacity=true",
        "capacity=4",
    )
    assert office.room().booking == {
        "mode": "approval",
        "book": ["ann", "staff"],
        "max_duration": "2h",
        "enforce_capacity": True,
        "capacity": 4,
    }
    room("set", "room1", "mode=", "hours=mon-fri 08:00-18:00")
    assert office.room().booking["hours"] == "mon-fri 08:00-18:00"
    assert "mode" not in office.room().booking
    told = room("set", "room1", "colour=red", "horizon=soon", status=1)
    assert "colour: there is no such setting" in told
    assert "horizon: is a length of time" in told
    told = room("set", "room1", "book=eve", "horizon=soon", status=1)
    assert "nobody called 'eve'" in told
    assert "horizon: is a length of time" in told
    assert "SETTING=VALUE" in room("set", "room1", "capacity", status=2)
    assert office.room().booking["capacity"] == 4


def test_new_buffers_count_for_what_is_booked_already(office, room):
    office.put("ann", event("one", TOMORROW))
    room("set", "room1", "buffer_after=30m")
    assert office.bookings()[0][2] == TOMORROW + timedelta(minutes=90)
    assert room("check").endswith("checked: nothing is wrong\n")


def test_what_a_room_is_asked_for(office, room):
    assert room("bookings", "room1") == "nobody asks for it in the time to come\n"
    later = TOMORROW + timedelta(days=1)
    office.put("ann", event("one", later))
    office.put("bob", event("two", TOMORROW, "RRULE:FREQ=DAILY;COUNT=3", organizer="bob"))
    office.put("ann", event("over", TOMORROW - timedelta(days=30)))
    office.put("room1", event("walk-in", TOMORROW + timedelta(hours=5), organizer=None), actor="max")
    zone, head, *lines = room("bookings", "room1").splitlines()
    assert (zone, head.split()) == ("times of UTC", ["NEXT", "ANSWERS", "BOOKED", "BY", "UID"])
    assert [re.split(" {2,}", line) for line in lines] == [
        [f"{TOMORROW:%a %Y-%m-%d %H:%M}", "2 ACCEPTED, 1 DECLINED", "bob@example.com", "two"],
        [f"{later:%a %Y-%m-%d %H:%M}", "1 ACCEPTED", "ann@example.com", "one"],
    ]
    assert "there is no room" in room("bookings", "ann", status=1)


def test_why_a_date_was_declined(office, room):
    office.put("ann", event("one", TOMORROW))
    office.put("bob", event("two", TOMORROW, "RRULE:FREQ=DAILY;COUNT=2", organizer="bob"))
    told = room("why", "room1", "two")
    assert told.startswith("times of UTC\n")
    assert "DECLINED, answered by the server on" in told
    assert "CONFLICT: The room is taken at that time. In the way: booking" in told
    assert "UID one, booked by mailto:ann@example.com" in told
    assert "FREE: nothing speaks against it." in told
    second = TOMORROW + timedelta(days=1)
    for form in ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d"):
        assert "DECLINED" not in room("why", "room1", "two", second.strftime(form))
    assert "no event with the UID" in room("why", "room1", "three", status=1)
    assert "no RECURRENCE-ID" in room("why", "room1", "two", "tomorrow", status=1)


def test_why_tells_what_was_in_the_way_when_it_is_gone(office, room):
    office.put("ann", event("one", TOMORROW))
    office.put("bob", event("two", TOMORROW, organizer="bob"))
    office.put("bob", event("all", TOMORROW, "RRULE:FREQ=DAILY;COUNT=2", organizer="bob"))
    office.delete("ann", "one")
    told = room("why", "room1", "two", TOMORROW.strftime("%Y%m%d"))
    assert "DECLINED, answered by the server on" in told
    assert "because of CONFLICT or MODE\n    asked now, it would answer ACCEPTED. FREE" in told
    assert told.replace("two", "all") in room("why", "room1", "all")


def test_why_tells_what_a_manager_decided(office, room):
    office.set(mode="approval", override="none")
    for number, uid in enumerate(("one", "two")):
        office.put("ann", event(uid, TOMORROW + timedelta(hours=2 * number)))
    room("approve", "room1", "one")
    room("refuse", "room1", "two")
    assert "ACCEPTED, answered by a manager on 20" in room("why", "room1", "one")
    assert "DECLINED, answered by a manager on 20" in room("why", "room1", "two")


def test_why_tells_a_manager_from_the_server_whatever_marks_the_client_kept(office, room):
    office.put("bob", event("taken", TOMORROW, organizer="bob"))
    office.put("ann", event("one", TOMORROW, "RRULE:FREQ=DAILY;COUNT=2"))
    office.put("ann", event("two", TOMORROW))
    office.answer_as("room1", "two", "ACCEPTED", actor="max")
    assert "ACCEPTED, answered by a manager\n" in room("why", "room1", "two")
    assert room("why", "room1", "one").count("answered by the server on") == 2
    # Nobody decides again what a manager decided: here that the people fit in.
    office.set(capacity=2, enforce_capacity="enforce")
    office.put("ann", event("two", TOMORROW, answer="ACCEPTED", attendees=["bob", "staff"]))
    assert office.seen("ann", "two")[""] == "ACCEPTED"


def test_why_tells_no_date_the_reason_of_another(office, room):
    """Declined because of two reasons, and written as one answer."""
    for day in (1, 2, 3):
        office.put("ann", event(f"taken-{day}", TOMORROW + timedelta(days=day)))
    office.set(max_conflicts=9, max_conflict_share=1, lead_time="26h")
    office.put("bob", event("mixed", TOMORROW, "RRULE:FREQ=DAILY;COUNT=5", organizer="bob"))
    for day in (1, 2, 3):
        office.delete("ann", f"taken-{day}")
    told = room("why", "room1", "mixed")
    assert told.count("DECLINED, answered by the server") == 4
    assert "because of" not in told


def test_free_rooms_where_clocks_are_put_back(office, room):
    """The buffer is an hour long, not as far as the clock on the wall goes."""
    year = office.now.year + 1
    sunday = max(day for d in range(25, 32) if (day := date(year, 10, d)).weekday() == 6)
    one = datetime.combine(sunday, time(1), UTC)
    office.set(horizon=0, buffer_after="1h")
    office.put("ann", event("taken", one + timedelta(minutes=45)))
    asked = ("--from", f"{sunday}T01:30", "--to", f"{sunday}T02:30", "--timezone", "Europe/Paris")
    assert "room1" in room("free", *asked)
    office.put("ann", event("taken", one + timedelta(minutes=15)))
    assert "room1" not in room("free", *asked)


def test_free_rooms(office, room):
    office.put("ann", event("one", TOMORROW, room="large"))
    times = ("--from", TOMORROW.isoformat(), "--to", (TOMORROW + timedelta(hours=1)).isoformat())
    assert [line.split()[0] for line in room("free", *times, "--capacity", "8").splitlines()] == [
        "NAME",
        "closed",
        "far",
        "huge",
    ]
    assert "is no time" in room("free", "--from", "x", "--to", "y", status=1)
    assert "no time zone 'Mars'" in room(
        "free", "--from", "2026-03-02T10:00", *times[2:], "--timezone", "Mars", status=1
    )
    assert "no number of seats" in room("free", *times, "--capacity", "-2", status=2)
    assert room("free", *times, "--feature", "sofa").startswith("no room that suffices is free")
    past = ("--from", "2026-01-05T10:00", "--to", "2026-01-05T11:00")
    assert "that time is over" in room("free", *past, status=1)
    assert "not after" in room("free", times[0], times[3], times[2], times[1], status=1)


def test_release_and_check_in(office, room):
    office.put("ann", event("one", TOMORROW))
    room("check-in", "room1", "one")
    assert room("release", "room1", "one") == "1 declined\n"
    assert office.seen("ann", "one") == {"": "DECLINED"}
    assert office.bookings() == []
    assert "nothing of 'one' to come" in room("release", "room1", "one", status=1)


def test_approve_and_refuse(office, room):
    room("set", "room1", "mode=approval")
    office.put("ann", event("one", TOMORROW, "RRULE:FREQ=DAILY;COUNT=3"))
    assert office.seen("ann", "one") == {"": "TENTATIVE"}
    second = (TOMORROW + timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")
    assert room("refuse", "room1", "one", second) == "1 declined\n"
    assert office.said("ann")[-1].endswith("[MANAGER]")
    assert room("approve", "room1", "one") == "3 accepted\n"
    assert set(office.seen("ann", "one").values()) == {"ACCEPTED"}


def test_check_reports_and_repairs(office, room):
    office.put("ann", event("one", TOMORROW))
    with office.store.write(SYSTEM) as txn:
        one = txn.directory.by_name("room1")
        txn.bookings.replace(one, txn.objects.in_home_by_uid(one, "one")[0], ())
    assert room("check", "room1", status=1).startswith("room1: unbooked: one ")
    assert room("check", "--fix").endswith("(fixed)\n")
    assert room("check").endswith("checked: nothing is wrong\n")


def test_without_rooms_it_says_so(tmp_path, capsys):
    open_store(f"sqlite:///{tmp_path}/calcore.db").close()
    assert main(["room", "list", "--data", str(tmp_path)]) == 0
    assert "there are no rooms" in capsys.readouterr().out
