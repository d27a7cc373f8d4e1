# SPDX-License-Identifier: GPL-3.0-or-later
"""Rooms as time goes by: quotas over a week, dates to come of endless events, settings that change meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from room_office import NOW, Corridor, event, hour

from calcore_caldav.core.content import Property
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.scheduling import room_check, room_jobs
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.store.protocol import SYSTEM


@pytest.fixture
def office(tmp_path):
    made = Corridor(f"sqlite:///{tmp_path}/office.db")
    yield made
    made.store.close()


def set_policy(office: Corridor, **booking: object) -> None:
    """As the command does it."""
    office.set(**booking)
    with office.store.write(SYSTEM) as txn:
        rebook(txn, txn.directory.by_name("room1"), settings=office.settings)


def check(office: Corridor) -> list[tuple[str, str]]:
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        found = room_check.check(txn, room, fix=False, settings=office.settings)
    return [(str(f.trouble), f.uid) for f in found]


def put_with(office: Corridor, who: str, uid: str, *moved) -> None:
    """The organizer moves or adds dates of a series."""
    copy = office.of(who, uid)
    office.put(who, copy.with_components((*copy.components, *(c for obj in moved for c in obj.components))))


# ---- how much one booker has


def test_what_is_held_later_in_the_week_counts_for_a_date_that_is_moved(office):
    office.set(quota="4h")
    office.put("ann", event("daily", hour(25), "RRULE:FREQ=DAILY;COUNT=4"))
    put_with(office, "ann", "daily", event("daily", hour(1), "RECURRENCE-ID:20260306T100000Z", length=2))
    assert office.seen("ann", "daily") == {"": "ACCEPTED", "20260306T100000Z": "DECLINED"}


def test_what_waits_for_approval_counts_for_a_date_that_is_moved(office):
    office.set(quota="3h", mode="approval", override="none")
    office.put("ann", event("daily", hour(25), "RRULE:FREQ=DAILY;COUNT=3"))
    put_with(office, "ann", "daily", event("daily", hour(75), "RECURRENCE-ID:20260305T100000Z", length=2))
    assert office.seen("ann", "daily") == {"": "TENTATIVE", "20260305T100000Z": "DECLINED"}


def test_bookings_of_the_year_after_next_are_future_bookings_too(office):
    office.set(same_organizer_limit=1, horizon=0)
    office.put("ann", event("far", hour(24 * 400)))
    office.put("ann", event("near", hour(25)))
    assert office.seen("ann", "near") == {"": "DECLINED"}


# ---- lead time


def test_the_buffers_of_a_meeting_are_no_time_into_which_it_can_grow_late(office):
    office.set(lead_time="2h", buffer_after="1h")
    office.put("ann", event("one", hour(3)))
    office.now = hour(2)
    office.put("ann", event("one", hour(3), length=0.5, answer="ACCEPTED"))
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    office.put("ann", event("one", hour(3), length=1.25, answer="ACCEPTED"))
    assert office.seen("ann", "one") == {"": "DECLINED"}


# ---- approval


def test_a_timeout_that_is_switched_off_declines_nothing(office):
    office.set(mode="approval", override="none", approval_timeout="2h")
    office.put("ann", event("one", hour(30)))
    set_policy(office, mode="approval", override="none", approval_timeout=0)
    office.wait(hours=3)
    assert office.seen("ann", "one") == {"": "TENTATIVE"}


@pytest.mark.parametrize("before", [0, "3d"])
def test_a_timeout_that_is_set_later_counts_from_when_it_was_asked(office, before):
    office.set(mode="approval", override="none", approval_timeout=before)
    office.put("ann", event("one", hour(30)))
    office.wait(hours=1)
    set_policy(office, mode="approval", override="none", approval_timeout="2h")
    office.wait(minutes=59)
    assert office.seen("ann", "one") == {"": "TENTATIVE"}
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "DECLINED"}


def test_what_was_approved_without_end_is_not_put_to_the_approvers_again(office):
    office.set(mode="approval", override="none", horizon="14d", horizon_action="unlimited")
    office.put("ann", event("weekly", hour(1), "RRULE:FREQ=WEEKLY"))
    office.answer_as("max", "approval:room1:weekly", "ACCEPTED")
    office.put("room1", event("walk-in", hour(24 * 21 + 1), organizer=None), actor="max")
    for _ in range(5):
        office.wait(days=7)
    assert office.seen("ann", "weekly") == {"": "ACCEPTED", "20260323T100000Z": "DECLINED"}
    assert office.of("max", "approval:room1:weekly") is None
    assert office.bookings("weekly")[-1][1] == hour(24 * 42 + 1)


def test_the_end_of_a_series_is_free_at_once_though_another_date_waits(office):
    office.set(mode="approval", override="none")
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=5"))
    office.answer_as("room1", "daily", "ACCEPTED", actor="max")
    put_with(office, "ann", "daily", event("daily", hour(30), "RECURRENCE-ID:20260303T100000Z"))
    held = [hour(1), hour(25), hour(30), hour(49)]
    assert [b[1] for b in office.bookings()] == [*held, hour(73), hour(97)]
    copy = office.of("ann", "daily")
    shorter = copy.master.set("RRULE", "FREQ=DAILY;COUNT=3")
    office.put("ann", copy.with_components((shorter, *copy.overrides.values())))
    assert [b[1] for b in office.bookings()] == held


@pytest.mark.parametrize("approved", [False, True])
def test_both_halves_of_a_series_wait_for_approval(office, approved):
    office.set(mode="approval", override="none", approval_timeout="2h")
    office.put("ann", event("daily", hour(25), "RRULE:FREQ=DAILY;COUNT=6"))
    office.split("ann", "daily", event("daily", hour(97), "RECURRENCE-ID:20260306T100000Z").components[0])
    office.wait(minutes=1)
    if approved:
        office.answer_as("max", "approval:room1:daily-past", "ACCEPTED")
    office.wait(hours=3)
    assert office.seen("ann", "daily") == {"": "DECLINED"}
    assert office.seen("ann", "daily-past") == {"": "ACCEPTED" if approved else "DECLINED"}


def test_a_request_lapses_when_its_date_is_over(office):
    office.set(mode="approval", override="none")
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=2"))
    office.wait(hours=1.9)
    assert office.seen("ann", "daily") == {"": "TENTATIVE"}
    office.wait(hours=0.1)
    assert office.seen("ann", "daily") == {"": "TENTATIVE", "20260302T100000Z": "DECLINED"}
    office.wait(days=1)
    assert set(office.seen("ann", "daily").values()) == {"DECLINED"}
    assert office.of("max", "approval:room1:daily") is None


@pytest.mark.parametrize(
    ("booking", "series", "gone", "moved", "then"),
    [
        # Back to back they are booked as one.
        (
            {"buffer_after": "30m"},
            ("DTSTART:20260302T100000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=4"),
            "EXDATE:20260302T130000Z",
            ("RECURRENCE-ID:20260302T110000Z", "DTSTART:20260303T110000Z", "DURATION:PT1H"),
            (hour(4.5), hour(2)),
        ),
        # As many days with a change of clocks among them, which are not of 24 hours.
        (
            {"max_duration": 0},
            ("DTSTART;VALUE=DATE:20260327", "RRULE:FREQ=DAILY;COUNT=8"),
            "EXDATE;VALUE=DATE:20260401",
            ("RECURRENCE-ID;VALUE=DATE:20260330", "DTSTART;VALUE=DATE:20260420"),
            (hour(24 * 30), hour(24 * 28)),
        ),
    ],
)
def test_a_date_that_touches_others_is_free_at_once_while_they_wait(
    office, booking, series, gone, moved, then
):
    office.change("room1", timezone="Europe/Paris")
    office.set(mode="approval", override="none", **booking)
    office.put("ann", event("series", None, *series))
    office.answer_as("room1", "series", "ACCEPTED", actor="max")
    name, _, value = gone.partition(":")
    params = (("VALUE", ("DATE",)),) if ";" in name else ()
    copy = office.of("ann", "series")
    less = copy.master.with_property(Property("EXDATE", value, params))
    office.put("ann", copy.with_components((less, *event("series", None, *moved).components)))
    free, held = then
    for uid, start, answer in (("held", held, "DECLINED"), ("free", free, "TENTATIVE")):
        office.put("bob", event(uid, start, length=0.5, organizer="bob"))
        assert office.seen("bob", uid) == {"": answer}


# ---- the horizon


@pytest.mark.parametrize("booking", [{"max_duration": 0}, {"concurrency": 2}])
def test_what_stands_is_not_decided_again_in_the_night(office, booking):
    """Though it is longer than a day, or in pieces in several slots, and the policy has become another one."""
    office.set(horizon="14d", **booking)
    if "concurrency" in booking:
        for number, start in enumerate((73, 74, 73)):
            office.put("bob", event(f"other{number}", hour(start), organizer="bob"))
        office.delete("bob", "other0")
    length = 2 if "concurrency" in booking else 30
    office.put("ann", event("series", hour(73), "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=20", length=length))
    assert len(office.bookings("series")) > 6
    office.set(horizon="14d", **{**booking, "max_duration": "1h"})
    office.wait(days=2)
    seen = office.seen("room1", "series")
    assert seen["20260317T100000Z"] == "DECLINED"
    assert seen.get("20260305T100000Z", seen[""]) == "ACCEPTED"


def test_an_endless_event_of_the_managers_is_booked_on_and_on(office):
    office.set(horizon="10d")
    office.put("room1", event("walk-in", hour(1), "RRULE:FREQ=DAILY", organizer=None), actor="max")
    for _ in range(20):
        office.wait(days=1)
    assert check(office) == []
    assert office.bookings()[-1][1] >= hour(24 * 29)


def test_an_endless_series_that_a_manager_accepted_is_booked_on_and_on(office):
    """Their answer stands, whatever the policy says of its dates."""
    office.set(horizon="10d", mode="none")
    office.put("ann", event("daily", hour(1), "RRULE:FREQ=DAILY"))
    office.answer_as("room1", "daily", "ACCEPTED", actor="max")
    office.set(horizon="10d", hours="mon 08:00-09:00")
    for _ in range(20):
        office.wait(days=1)
    assert office.seen("ann", "daily") == {"": "ACCEPTED"}
    assert check(office) == []
    assert office.bookings()[-1][1] >= hour(24 * 29)


@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=DAILY;COUNT=40"])
@pytest.mark.parametrize("verdict", [room_jobs.REFUSE, room_jobs.RELEASE])
def test_what_is_refused_as_a_whole_is_not_accepted_as_it_comes_within_the_horizon(office, rule, verdict):
    office.set(horizon="20d")
    office.put("ann", event("daily", hour(1), f"RRULE:{rule}"))
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        room_jobs.settle(txn, room, "daily", verdict=verdict, settings=office.settings)
    for _ in range(3):
        office.wait(days=1)
    assert set(office.seen("ann", "daily").values()) == {"DECLINED"}
    assert office.bookings() == []


# ---- check-in and release


def test_what_is_booked_as_it_begins_is_to_be_checked_in_to(office):
    office.set(checkin="15m")
    office.put("ann", event("one", hour(-0.05)))
    office.wait(minutes=11)
    assert office.seen("ann", "one") == {"": "ACCEPTED"}
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "DECLINED"}


def test_both_halves_of_a_series_are_to_be_checked_in_to(office):
    office.set(checkin="15m")
    office.put("ann", event("daily", hour(25), "RRULE:FREQ=DAILY;COUNT=6"))
    office.split("ann", "daily", event("daily", hour(97), "RECURRENCE-ID:20260306T100000Z").components[0])
    office.wait(hours=25.5)
    assert office.seen("ann", "daily-past") == {"": "ACCEPTED", "20260303T100000Z": "DECLINED"}


def test_the_managers_own_event_is_never_released(office):
    own = event(
        "own", hour(1), "RRULE:FREQ=DAILY;COUNT=3", "ORGANIZER:mailto:room1@example.com", organizer=None
    )
    office.put("room1", own, actor="max")
    set_policy(office, checkin="15m", release=True)
    office.wait(hours=2)
    assert [b[1] for b in office.bookings()] == [hour(1), hour(25), hour(49)]


def test_release_that_is_switched_on_gives_back_what_is_deserted_already(office):
    office.put("ann", event("one", hour(30), attendees=["bob"]))
    office.answer_as("bob", "one", "DECLINED")
    office.wait(minutes=1)
    set_policy(office, release=True)
    office.wait(minutes=1)
    assert office.seen("ann", "one") == {"": "DECLINED"}


def test_a_group_whose_members_have_all_declined_needs_no_room(office):
    office.set(release=True)
    office.put("bob", event("one", hour(30), organizer="bob", attendees=["staff"]))
    office.answer_as("ann", "one", "DECLINED")
    office.wait(minutes=1)
    assert office.seen("bob", "one") == {"": "ACCEPTED"}
    office.answer_as("max", "one", "DECLINED")
    office.wait(minutes=1)
    assert office.seen("bob", "one") == {"": "DECLINED"}


def test_members_of_a_group_who_declined_need_no_seat(office):
    office.set(capacity=2, enforce_capacity="enforce")
    office.put("bob", event("one", hour(30), organizer="bob", attendees=["staff"]))
    assert office.seen("bob", "one") == {"": "DECLINED"}
    office.answer_as("ann", "one", "DECLINED")
    copy = office.of("bob", "one")
    office.put("bob", copy.with_components(tuple(c.set("SUMMARY", "Fewer") for c in copy.components)))
    assert office.seen("bob", "one") == {"": "ACCEPTED"}


# ---- another form


def test_a_series_of_days_becomes_one_of_hours(office):
    monthly = event("one", None, "DTSTART;VALUE=DATE:20260303", "RRULE:FREQ=MONTHLY;BYDAY=-1SU")
    office.put("ann", monthly)
    for changed in (event("one", hour(25), "RRULE:FREQ=DAILY;COUNT=5"), monthly):
        office.put("ann", changed)
        assert set(office.seen("ann", "one").values()) <= {"ACCEPTED", "DECLINED"}
        assert office.bookings("one")[0][1] == (
            hour(25) if changed is not monthly else NOW.replace(day=3, hour=0)
        )


def test_an_answer_to_one_date_changes_no_length_where_clocks_change(office):
    """An instance is as long as the first one, not as far on the clock (RFC 5545 §3.8.5.3)."""
    start, end = "DTSTART;TZID=Europe/Paris:20260326T220000", "DTEND;TZID=Europe/Paris:20260327T060000"
    changed = RecurrenceId.parse("20260328T210000Z")
    office.put("bob", event("other", changed.value, organizer="bob"))
    office.put("ann", event("nights", None, start, end, "RRULE:FREQ=DAILY;COUNT=4"))
    for who in ("ann", "room1"):
        copy = office.of(who, "nights")
        assert copy.overrides[changed].value("DTEND") == "20260329T070000"
        assert copy.recurrence().instance(changed).end - changed.value == timedelta(hours=8)
    assert office.seen("ann", "nights") == {"": "ACCEPTED", "20260328T210000Z": "DECLINED"}
