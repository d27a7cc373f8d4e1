# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories of rooms, through the corridor: what organizers, managers and time do, and what everybody sees."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from room_office import NOW, Corridor, event, hour

from calcore_caldav.core.calobject import CalendarObject, find_attendee, partstat
from calcore_caldav.core.itip import ITipMessage, Method
from calcore_caldav.core.overrides import override_instance
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import component_at
from calcore_caldav.core.times import Period
from calcore_caldav.errors import NotPermitted, SchedulingRefused
from calcore_caldav.scheduling import explanation, finder, inbound, room_check, room_jobs, rooms
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.store.protocol import SYSTEM


@pytest.fixture
def office(tmp_path):
    made = Corridor(f"sqlite:///{tmp_path}/office.db")
    yield made
    made.store.close()


def test_the_answer_is_in_the_organizers_copy_at_once(office):
    office.put("ann", event("one", hour(1), attendees=["bob"]))
    assert office.seen("ann", "one") == office.seen("bob", "one") == {"": "ACCEPTED"}
    office.put("max", event("two", hour(1), organizer="max"))
    assert office.seen("max", "two") == {"": "DECLINED"}
    assert [s.rpartition(" ")[2] for s in office.said("max")] == ["[CONFLICT]"]


def test_the_reply_tells_programs_why(office):
    office.put("max", event("one", hour(25), organizer="max"))
    [accepted] = office.inbox("max")
    assert [c.value("REQUEST-STATUS") for c in accepted.components] == ["2.0;Success"]
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3"))
    [reply] = office.inbox("ann")
    found = {rid.to_basic() if rid else "": c.value("REQUEST-STATUS") for rid, c in reply.by_rid().items()}
    assert found == {"": "2.0;Success", "20260303T100000Z": "2.0;Success;CONFLICT"}
    room = [p for c in office.of("ann", "daily").components for p in c.all("ATTENDEE") if "room1" in p.value]
    assert [p.param("SCHEDULE-STATUS") for p in room] == ["2.0", "2.0"]


def test_deleting_the_meeting_frees_the_room(office):
    office.put("ann", event("one", hour(1)))
    office.delete("ann", "one")
    assert office.bookings() == []
    office.put("bob", event("two", hour(1), organizer="bob"))
    assert office.seen("bob", "two") == {"": "ACCEPTED"}


def test_cancelling_one_date_frees_that_date(office):
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3"))
    office.put(
        "ann",
        event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260303T100000Z", answer="ACCEPTED"),
    )
    assert [b[1] for b in office.bookings()] == [hour(1), hour(49)]
    office.put("bob", event("two", hour(25), organizer="bob"))
    assert office.seen("bob", "two") == {"": "ACCEPTED"}


def test_a_manager_approves(office):
    office.set(mode="approval", override="none")
    office.put("ann", event("one", hour(1)))
    assert office.seen("ann", "one") == {"": "TENTATIVE"}
    assert [o.uid for o in office.inbox("room1")] == ["one"]
    assert [o.uid for o in office.inbox("max")] == ["approval:room1:one"]
    office.answer_as("room1", "one", "ACCEPTED", actor="max")
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    office.wait(days=4)
    assert office.inbox("max") == []
    assert office.of("max", "approval:room1:one") is None
    assert office.seen("ann", "one") == {"": "ACCEPTED"}


@pytest.mark.parametrize(("action", "answer"), [("decline", "DECLINED"), ("accept", "ACCEPTED")])
def test_nobody_approves(office, action, answer):
    office.set(mode="approval", override="none", approval_timeout="2h", approval_timeout_action=action)
    office.put("ann", event("one", hour(10)))
    office.put("ann", event("series", hour(12), "RRULE:FREQ=DAILY"))
    office.said("ann")
    office.wait(hours=1.9)
    assert office.seen("ann", "one") == {"": "TENTATIVE"}
    office.wait(hours=0.2)
    assert office.seen("ann", "one") == {"": answer}
    assert len(office.bookings("one")) == (action == "accept")
    assert set(office.seen("ann", "series").values()) == {"DECLINED", answer}
    if action == "decline":
        assert "[TIMEOUT]" in office.said("ann")[0]


def test_what_waits_holds_no_more_than_it_asks_for_and_was_granted(office):
    office.set(mode="approval", override="none")
    daily = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3")
    office.put("ann", daily)
    # A date that is cancelled while it waits is free at once,
    cancelled = "EXDATE:20260303T100000Z"
    kept = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", cancelled, answer="TENTATIVE")
    office.put("ann", kept)
    assert [b[1] for b in office.bookings()] == [hour(1), hour(49)]
    # and so is a time that was asked for and never granted.
    moved = event("daily", hour(52), "RECURRENCE-ID:20260304T100000Z")
    office.put("ann", kept.with_components((*kept.components, *moved.components)))
    assert [b[1] for b in office.bookings()] == [hour(1), hour(52)]
    # What was granted stays, until the new time is.
    office.answer_as("room1", "daily", "ACCEPTED", actor="max")
    again = event("daily", hour(54), "RECURRENCE-ID:20260304T100000Z")
    granted = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", cancelled, answer="ACCEPTED")
    office.put("ann", granted.with_components((*granted.components, *again.components)))
    assert [b[1] for b in office.bookings()] == [hour(1), hour(52), hour(54)]
    # A granted date that is cancelled while another one waits is free, too.
    less = event(
        "daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", cancelled, "EXDATE:20260302T100000Z", answer="ACCEPTED"
    )
    waits = event("daily", hour(54), "RECURRENCE-ID:20260304T100000Z", answer="TENTATIVE")
    office.put("ann", less.with_components((*less.components, *waits.components)))
    assert [b[1] for b in office.bookings()] == [hour(52), hour(54)]
    office.answer_as("room1", "daily", "ACCEPTED", actor="max")
    assert [b[1] for b in office.bookings()] == [hour(54)]


def test_what_is_private_is_so_in_the_rooms_inbox_and_in_exceptions_too(office):
    office.set(mode="approval", override="none")
    private = ("CLASS:CONFIDENTIAL", "SUMMARY:Secret", "DESCRIPTION:Secret too")
    weekly = event("weekly", hour(1), "RRULE:FREQ=WEEKLY;COUNT=3", *private)
    # An exception that doesn't say follows its series.
    moved = event("weekly", hour(24 * 7 + 3), "RECURRENCE-ID:20260309T100000Z", *private[1:])
    office.put("ann", weekly.with_components((*weekly.components, *moved.components)))
    later = event("weekly", hour(24 * 14 + 3), "RECURRENCE-ID:20260316T100000Z", *private[1:])
    kept = office.of("ann", "weekly")
    office.put("ann", kept.with_components((*kept.components, *later.components)))
    assert "Secret" in office.of("ann", "weekly").body.decode()
    assert "Secret" not in office.of("room1", "weekly").body.decode()
    items = office.inbox("room1")
    assert len(items) == 2
    assert [item for item in items if "Secret" in item.body.decode()] == []
    assert all("Secret" not in item.body.decode() for item in office.inbox("max"))


def test_nobody_but_managers_writes_into_the_calendar(office):
    with pytest.raises(NotPermitted):
        office.put("room1", event("walk-in", hour(1), organizer=None), actor="ann")
    office.put("room1", event("walk-in", hour(1), organizer=None), actor="max")
    office.put("ann", event("one", hour(1)))
    assert office.seen("ann", "one") == {"": "DECLINED"}


def test_a_manager_overrules_until_the_time_changes(office):
    office.put("ann", event("one", hour(1)))
    office.put("bob", event("two", hour(1), organizer="bob"))
    office.answer_as("room1", "two", "ACCEPTED", actor="max")
    assert office.seen("bob", "two") == {"": "ACCEPTED"}
    office.put("bob", event("two", hour(1), "SUMMARY:Other", organizer="bob", answer="ACCEPTED"))
    assert office.seen("bob", "two") == {"": "ACCEPTED"}
    office.put("bob", event("two", hour(1.5), "SUMMARY:Other", organizer="bob", answer="ACCEPTED"))
    assert office.seen("bob", "two") == {"": "DECLINED"}


def test_priority_tells_who_lost(office):
    office.set(priority=True)
    office.put("bob", event("one", hour(1), organizer="bob"))
    office.said("bob")
    office.put("max", event("two", hour(1), organizer="max"))
    assert office.seen("max", "two") == {"": "ACCEPTED"}
    assert office.seen("bob", "one") == {"": "DECLINED"}
    assert [s.rpartition(" ")[2] for s in office.said("bob")] == ["[DISPLACED]"]
    assert [b[0] for b in office.bookings()] == ["two"]


def test_dates_are_decided_as_they_come_within_the_horizon(office):
    office.set(horizon="14d")
    office.put("ann", event("weekly", hour(1), "RRULE:FREQ=WEEKLY;COUNT=5"))
    assert office.seen("ann", "weekly") == {
        "": "DECLINED",
        "20260302T100000Z": "ACCEPTED",
        "20260309T100000Z": "ACCEPTED",
    }
    office.said("ann")
    office.put("room1", event("walk-in", hour(24 * 21 + 1), organizer=None), actor="max")
    office.wait(days=1)
    assert office.seen("ann", "weekly")["20260316T100000Z"] == "ACCEPTED"
    assert office.bookings("weekly")[-1][1] == hour(24 * 14 + 1)
    assert len(office.said("ann")) > 0
    office.wait(days=7)
    # The series says so already.
    assert "20260323T100000Z" not in office.seen("ann", "weekly")
    assert office.seen("room1", "weekly")["20260323T100000Z"] == "DECLINED"
    assert any(s.endswith("[CONFLICT]") for s in office.said("ann"))
    office.wait(days=7)
    # The last one that had no answer of its own: the series itself is accepted now.
    assert office.seen("ann", "weekly")[""] == "ACCEPTED"
    assert office.bookings("weekly")[-1][1] == hour(24 * 28 + 1)
    assert ("room-horizon", "weekly") not in office.jobs()


def test_a_longer_horizon_decides_at_once_what_it_now_reaches(office):
    office.set(horizon="14d")
    office.put("ann", event("weekly", hour(1), "RRULE:FREQ=WEEKLY;COUNT=5"))
    assert office.seen("ann", "weekly")[""] == "DECLINED"
    office.set(horizon="60d", checkin="10m")
    with office.store.write(SYSTEM) as txn:
        rebook(txn, txn.directory.by_name("room1"), settings=office.settings)
    office.wait(minutes=1)
    assert set(office.seen("ann", "weekly").values()) == {"ACCEPTED"}
    assert office.jobs()["room-checkin", "weekly"] == hour(1) + timedelta(minutes=10)


def test_an_endless_series_goes_on_and_on(office):
    office.set(horizon="14d", horizon_action="unlimited")
    office.put("ann", event("weekly", hour(1), "RRULE:FREQ=WEEKLY"))
    assert office.seen("ann", "weekly") == {"": "ACCEPTED"}
    assert len(office.bookings("weekly")) == 2
    office.put("room1", event("walk-in", hour(24 * 21 + 1), organizer=None), actor="max")
    for _ in range(5):
        office.wait(days=7)
    assert office.seen("ann", "weekly") == {"": "ACCEPTED", "20260323T100000Z": "DECLINED"}
    assert office.bookings("weekly")[-1][1] == hour(24 * 42 + 1)


def test_a_date_moved_beyond_the_horizon_is_answered_like_those_that_are_there(office):
    """And decided when it comes within; here of an endless series, whose dates nobody can list."""
    office.set(horizon="20d")
    weekly = event("weekly", hour(1), "RRULE:FREQ=WEEKLY")
    tuesday = "20260309T100000Z"
    moved = event("weekly", hour(24 * 42 + 25), f"RECURRENCE-ID:{tuesday}")
    office.put("ann", weekly.with_components((*weekly.components, *moved.components)))
    assert office.seen("ann", "weekly")[tuesday] == office.seen("ann", "weekly")[""] == "DECLINED"
    assert [b[1] for b in office.bookings("weekly")] == [hour(1), hour(24 * 14 + 1)]
    for _ in range(5):
        office.wait(days=7)
    assert office.seen("ann", "weekly")[tuesday] == "ACCEPTED"
    assert hour(24 * 42 + 25) in [b[1] for b in office.bookings("weekly")]
    # Back from there, and another one goes there.
    moved = event("weekly", hour(24 * 98 + 25), "RECURRENCE-ID:20260420T100000Z")
    office.put("ann", weekly.with_components((*weekly.components, *moved.components)))
    assert office.seen("ann", "weekly")["20260420T100000Z"] == "DECLINED"
    coming = {
        rid: answer for rid, answer in office.seen("ann", "weekly").items() if rid > "20260407" or not rid
    }
    assert set(coming.values()) == {"ACCEPTED", "DECLINED"}


def test_a_room_nobody_will_use_is_released(office):
    office.set(release=True)
    office.put("ann", event("one", hour(5), attendees=["bob", "max"]))
    office.answer_as("bob", "one", "DECLINED")
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    office.said("ann")
    office.answer_as("max", "one", "DECLINED")
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "DECLINED"}
    assert any(s.endswith("[RELEASED]") for s in office.said("ann"))
    assert office.bookings() == []


@pytest.mark.parametrize(
    ("booking", "start", "length", "wait"),
    [
        ({"release": False}, 5, 1, 1),
        ({"release": True}, 1, 1, 55),  # too late
        ({"release": True}, 0.4, 1, 1),  # made for the next half hour
        ({"release": True}, 5, 3.5, 1),  # too long
        ({"release": True, "release_max_duration": "30m"}, 5, 1, 1),
    ],
)
def test_what_is_not_released(office, booking, start, length, wait):
    office.set(**booking)
    office.put("ann", event("one", hour(start), length=length, attendees=["bob"]))
    office.now += timedelta(minutes=wait)
    office.answer_as("bob", "one", "DECLINED")
    office.wait(seconds=5)
    assert office.seen("ann", "one") == {"": "ACCEPTED"}


def test_a_room_alone_with_its_organizer_is_not_released(office):
    office.set(release=True)
    office.put("ann", event("one", hour(5)))
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "ACCEPTED"}


@pytest.mark.parametrize("kind", ["UNKNOWN", "INDIVIDUAL", "room", ""])
def test_a_room_is_none_of_the_people_whatever_the_client_takes_it_for(office, kind):
    """Many clients call everybody INDIVIDUAL or UNKNOWN."""
    office.set(release=True, capacity=2, enforce_capacity="enforce")
    text = event("one", hour(5), attendees=["bob"]).body.decode()
    written = text.replace("CUTYPE=ROOM;", f"CUTYPE={kind};" if kind else "")
    assert written != text
    office.put("ann", CalendarObject(written.encode()))
    [asked] = [p for p in office.of("ann", "one").components[0].all("ATTENDEE") if "room1" in p.value]
    assert asked.param("CUTYPE").upper() == "ROOM"
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    office.answer_as("bob", "one", "DECLINED")
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "DECLINED"}


def test_a_forecast_counts_people_as_a_booking_does(office):
    """Of a client that doesn't say what is a room, and what a group."""
    office.set(capacity=2, enforce_capacity="enforce")
    for guests, answer in ((["huge", "bob"], "ACCEPTED"), (["staff", "bob"], "DECLINED")):
        text = event("asked", hour(5), attendees=guests).body.decode()
        asked = CalendarObject(re.sub(";CUTYPE=[A-Z]+", "", text).encode())
        with office.store.read() as txn:
            found = {f.room.name: f for f in explanation.forecast(txn, asked, settings=office.settings)}
        [verdict] = found["room1"].decision.verdicts.values()
        assert verdict.partstat == answer


def test_without_check_in_an_instance_is_released(office):
    office.set(checkin="15m")
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3"))
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        room_jobs.check_in(txn, room, "daily", RecurrenceId.parse("20260302T100000Z"))
    office.wait(hours=1, minutes=16)
    assert office.seen("ann", "daily") == {"": "ACCEPTED"}
    office.wait(days=1)
    assert office.seen("ann", "daily") == {"": "ACCEPTED", "20260303T100000Z": "DECLINED"}
    assert [b[1] for b in office.bookings()][-1] == hour(49)


def test_why(office):
    office.put("ann", event("one", hour(25)))
    office.put("bob", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", organizer="bob"))
    with office.store.read() as txn:
        room = txn.directory.by_name("room1")
        found = explanation.why(txn, room, "daily", settings=office.settings)
        [one] = explanation.why(
            txn, room, "daily", RecurrenceId.parse("20260303T100000Z"), settings=office.settings
        )
    assert [str(e.stands) for e in found] == ["ACCEPTED", "DECLINED", "ACCEPTED"]
    assert one.answered == NOW
    assert explanation.told(one, UTC) == (
        "CONFLICT: The room is taken at that time. In the way: booking 2026-03-03 10:00 to 11:00, UID one,"
        " booked by mailto:ann@example.com"
    )


def test_a_forecast_writes_nothing_and_tells_what_would_be(office):
    office.put("ann", event("one", hour(25)))
    asked = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=10", organizer="bob")
    with office.store.read() as txn:
        [forecast] = explanation.forecast(txn, asked, settings=office.settings)
    assert (forecast.room.name, forecast.free, len(forecast.explanations)) == ("room1", 9, 10)
    assert [c.rpartition(" ")[2] for c in forecast.comments.values()] == ["[CONFLICT]"]
    assert [b[0] for b in office.bookings()] == ["one"]
    assert office.of("room1", "daily") is None


def test_free_rooms(office):
    office.put("ann", event("one", hour(1), room="large"))

    def names(*periods: Period, **more) -> list[str]:
        with office.store.read() as txn:
            found = finder.free_rooms(txn, periods, **more)
        return [room.name for room in found]

    one, other = Period(hour(1), hour(2)), Period(hour(3), hour(4))
    assert names(one) == ["room1", "small", "closed", "far", "huge"]
    assert names(other, capacity=8) == ["closed", "far", "large", "huge"]
    assert names(one, other, capacity=8, building="main") == ["closed", "huge"]
    assert names(one, features=["projector"]) == []


def test_the_check_finds_and_repairs(office):
    office.put("ann", event("lost", hour(1)))
    office.put("ann", event("gone", hour(3)))
    office.put("ann", event("differs", hour(5)))
    office.put("ann", event("fine", hour(7)))
    with office.store.write(SYSTEM) as txn:
        room, ann = txn.directory.by_name("room1"), txn.directory.by_name("ann")
        txn.bookings.replace(room, rooms.stored_copy(txn, room, "lost"), ())
        txn.bookings.replace(
            room,
            rooms.stored_copy(txn, room, "fine"),
            [(Period(hour(7), hour(8)), 0), (Period(hour(9), hour(10)), 0)],
        )
        txn.objects.delete(rooms.stored_copy(txn, ann, "gone"))
        theirs = rooms.stored_copy(txn, ann, "differs")
        text = txn.objects.body(theirs).decode().replace("PARTSTAT=ACCEPTED;", "PARTSTAT=DECLINED;")
        calendar = txn.collections.get("ann", "calendar")
        txn.objects.put(calendar, theirs.name, type(event("x", hour(1)))(text.encode()), schedule_tag=None)

    def found(*, fix: bool) -> set[tuple[str, str]]:
        with office.store.write(SYSTEM) as txn:
            room = txn.directory.by_name("room1")
            findings = room_check.check(txn, room, fix=fix, settings=office.settings)
        return {(str(f.trouble), f.uid) for f in findings}

    expected = {
        ("unbooked", "lost"),
        ("abandoned", "gone"),
        ("disagreement", "differs"),
        ("orphan", "fine"),
    }
    assert found(fix=False) == expected
    assert found(fix=True) == expected
    assert found(fix=False) == set()
    assert office.seen("ann", "differs") == {"": "ACCEPTED"}
    assert office.of("room1", "gone") is None
    assert [b[0] for b in office.bookings()] == ["lost", "differs", "fine"]


def test_the_check_repairs_what_is_gone_from_the_room_or_booked_for_nobody(office):
    """As somebody leaves it who works on the database itself."""
    office.put("ann", event("lost", hour(1)))
    office.put("ann", event("series", hour(3), "RRULE:FREQ=DAILY;COUNT=3"))
    with office.store.write(SYSTEM) as txn:
        room, ann = txn.directory.by_name("room1"), txn.directory.by_name("ann")
        lost = rooms.stored_copy(txn, room, "lost")
        txn.objects.delete(lost)
        walk_in = replace(lost, id=rooms.stored_copy(txn, ann, "series").id)
        txn.bookings.replace(room, walk_in, [(Period(hour(1), hour(2)), 0)])
        theirs = rooms.stored_copy(txn, ann, "series")
        told = event("series", hour(27), "RECURRENCE-ID:20260303T120000Z", answer="DECLINED")
        lying = txn.objects.parsed(theirs)
        lying = lying.with_components((*lying.components, *told.components))
        calendar = txn.collections.get("ann", "calendar")
        txn.objects.put(calendar, theirs.name, lying, schedule_tag=theirs.schedule_tag)

    def found(*, fix: bool) -> list[tuple[str, str, bool]]:
        with office.store.write(SYSTEM) as txn:
            room = txn.directory.by_name("room1")
            findings = room_check.check(txn, room, fix=fix, settings=office.settings)
        return [(str(f.trouble), f.uid, f.fixed) for f in findings]

    expected = [("disagreement", "series"), ("orphan", ""), ("forgotten", "lost")]
    assert found(fix=False) == [(*finding, False) for finding in expected]
    assert found(fix=True) == [(*finding, True) for finding in expected]
    assert found(fix=False) == []
    assert set(office.seen("ann", "series").values()) == {"ACCEPTED"}
    assert office.seen("ann", "lost") == office.seen("room1", "lost") == {"": "ACCEPTED"}
    assert [b[0] for b in office.bookings()] == ["lost", "series", "series", "series"]


def test_the_check_books_what_waits_for_approval(office):
    office.set(mode="approval", override="none")
    office.put("ann", event("waits", hour(1)))
    office.put("ann", event("moved", hour(3)))
    office.answer_as("room1", "moved", "ACCEPTED", actor="max")
    office.put("ann", event("moved", hour(5)))
    held = office.bookings()
    assert [b[1] for b in held] == [hour(1), hour(3), hour(5)]
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.bookings.replace(room, rooms.stored_copy(txn, room, "waits"), ())
        found = room_check.check(txn, room, fix=True, settings=office.settings)
        assert [(str(f.trouble), f.uid, f.fixed) for f in found] == [("unbooked", "waits", True)]
        assert room_check.check(txn, room, fix=False, settings=office.settings) == []
    # The old time of what was moved stays held.
    assert office.bookings() == held


def test_the_check_leaves_alone_what_organizers_keep_for_themselves(office):
    """An invitation that the client itself sends, a meeting that is called off, and one that is over."""
    office.put("ann", event("off", hour(5)))
    office.put("ann", event("off", hour(5), "STATUS:CANCELLED", answer="ACCEPTED"))
    assert office.seen("ann", "off") == {"": "ACCEPTED"}
    agent = "ATTENDEE;SCHEDULE-AGENT=CLIENT;PARTSTAT=ACCEPTED:mailto:room1@example.com"
    own = event("own", hour(1), agent, room="bob")
    office.put("ann", own)
    office.put("ann", event("over", hour(2)))
    with office.store.write(SYSTEM) as txn:
        txn.objects.delete(rooms.stored_copy(txn, txn.directory.by_name("room1"), "over"))
    office.now = hour(4)
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        assert room_check.check(txn, room, fix=False, settings=office.settings) == []


def test_the_check_reports_what_managers_overruled(office):
    office.put("ann", event("one", hour(1)))
    office.put("room1", event("walk-in", hour(1.5), organizer=None), actor="max")
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        findings = room_check.check(txn, room, fix=True, settings=office.settings)
    assert [(str(f.trouble), f.fixed) for f in findings] == [("overlap", False)]


def test_dates_that_are_moved_together_are_decided_each_by_itself(office):
    for uid, day in (("tuesday", 25), ("wednesday", 49)):
        office.put("bob", event(uid, hour(day), organizer="bob"))
    office.put("ann", event("series", hour(3), "RRULE:FREQ=DAILY;COUNT=4"))
    office.said("ann")
    moved = [
        event("series", hour(25), "RECURRENCE-ID:20260303T120000Z"),
        event("series", hour(49), "RECURRENCE-ID:20260304T120000Z"),
    ]
    copy = office.of("ann", "series")
    office.put("ann", copy.with_components((*copy.components, *(c for m in moved for c in m.components))))
    assert [said.rpartition(" ")[2] for said in office.said("ann") if said] == ["[CONFLICT]"] * 2


def test_the_check_does_not_report_what_the_policy_allows(office):
    office.set(tentative_blocks=False)
    office.put("ann", event("one", hour(1), "STATUS:TENTATIVE"))
    office.put("bob", event("two", hour(1), organizer="bob"))
    assert office.seen("bob", "two") == {"": "ACCEPTED"}
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        assert room_check.check(txn, room, fix=False, settings=office.settings) == []


def test_a_room_does_not_invite(office):
    with pytest.raises(SchedulingRefused) as caught:
        office.put("room1", event("one", hour(1), organizer="room1", attendees=["ann"]), actor="max")
    assert caught.value.precondition == "organizer-allowed"


def test_a_room_invited_by_itself_and_through_a_group_is_booked_once(office):
    with office.store.write(SYSTEM) as txn:
        txn.directory.set_members(txn.directory.by_name("staff"), ["bob", "room1", "ann"])
    office.put("ann", event("one", hour(1), attendees=["staff"]))
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    assert len(office.bookings()) == 1
    assert office.of("bob", "one") is not None


def test_a_room_whose_client_answers_for_it_is_not_asked(office):
    text = event("one", hour(1)).body.decode()
    office.put(
        "ann", CalendarObject(text.replace("CUTYPE=ROOM;", "CUTYPE=ROOM;SCHEDULE-AGENT=CLIENT;").encode())
    )
    assert office.seen("ann", "one") == {"": "NEEDS-ACTION"}
    assert office.of("room1", "one") is None


def test_a_room_answers_without_rsvp(office):
    office.put("ann", CalendarObject(event("one", hour(1)).body.replace(b";RSVP=TRUE", b"")))
    assert office.seen("ann", "one") == {"": "ACCEPTED"}


def test_two_rooms_of_one_meeting_answer_each_for_itself(office):
    office.put("bob", event("block", hour(25), organizer="bob"))
    both = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", attendees=["large"])
    office.put("ann", both)
    assert office.seen("ann", "daily") == {"": "ACCEPTED", "20260303T100000Z": "DECLINED"}
    assert set(office.seen("ann", "daily", "large").values()) == {"ACCEPTED"}


def test_each_room_shows_what_others_answer_for_one_date(office):
    """Another room that is asked after it, and somebody who cannot come once."""
    office.put("max", event("other", hour(25), organizer="max", room="huge"))
    daily = event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3", attendees=["huge", "bob"])
    office.put("ann", daily)
    tuesday = "20260303T100000Z"
    assert office.seen("ann", "daily", "huge") == {"": "ACCEPTED", tuesday: "DECLINED"}
    assert office.seen("room1", "daily", "huge") == office.seen("ann", "daily", "huge")
    assert office.seen("room1", "daily") == {"": "ACCEPTED", tuesday: "ACCEPTED"}
    wednesday = RecurrenceId.parse("20260304T100000Z")
    copy, bob = office.of("bob", "daily"), frozenset({CalendarUserAddress("mailto:bob@example.com")})
    sick = override_instance(copy, wednesday).map(
        lambda p: p.with_param("PARTSTAT", "DECLINED") if p.value in bob else p
    )
    office.put("bob", copy.with_components((*copy.components, sick)))
    shown = component_at(office.of("room1", "daily"), wednesday)
    assert partstat(find_attendee(shown, bob)) == "DECLINED"
    assert office.seen("room1", "daily").items() >= {"": "ACCEPTED", tuesday: "ACCEPTED"}.items()
    assert len(office.bookings("daily")) == 3


@pytest.mark.parametrize(("external", "code"), [("reject", "EXTERNAL"), ("request", "PENDING"), ("book", "")])
def test_an_organizer_from_elsewhere_gets_an_answer(tmp_path, external, code):
    office = Corridor(f"sqlite:///{tmp_path}/office.db", mail=True)
    office.set(external=external)
    body = event("one", hour(1), organizer="mailto:eve@elsewhere.org").body
    request = CalendarObject(body.replace(b"VERSION:2.0", b"VERSION:2.0\r\nMETHOD:REQUEST"))
    eve, room = (
        CalendarUserAddress("mailto:eve@elsewhere.org"),
        CalendarUserAddress("mailto:room1@example.com"),
    )
    with office.store.write(SYSTEM) as txn:
        inbound.receive(txn, ITipMessage(Method.REQUEST, eve, room, request), office.settings)
        mail = txn.jobs.lease(["imip"], office.now, 60)
    office.store.close()
    assert mail is not None
    assert (mail.payload["method"], mail.payload["recipient"]) == ("REPLY", eve)
    text = mail.payload["body"].replace("\r\n ", "")
    assert ("PARTSTAT=DECLINED" in text) == (external == "reject")
    assert (f"[{code}]" in text) == bool(code)


def test_nobody_from_elsewhere_books_in_the_name_of_a_manager(tmp_path):
    office = Corridor(f"sqlite:///{tmp_path}/office.db", mail=True)
    body = event("one", hour(1), organizer="mailto:eve@elsewhere.org", sent_by="max").body
    request = CalendarObject(body.replace(b"VERSION:2.0", b"VERSION:2.0\r\nMETHOD:REQUEST"))
    eve, room = (CalendarUserAddress(f"mailto:{who}") for who in ("eve@elsewhere.org", "room1@example.com"))
    with office.store.write(SYSTEM) as txn:
        inbound.receive(txn, ITipMessage(Method.REQUEST, eve, room, request), office.settings)
    assert office.answers("one") == {"": "DECLINED"}
    office.store.close()
