# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room's decision writes: its copy, its bookings, its comments; on a real store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from room_office import NOW, Office, attendee, event, hour

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.times import Period

A, D, N, T = PartStat.ACCEPTED, PartStat.DECLINED, PartStat.NEEDS_ACTION, PartStat.TENTATIVE


@pytest.fixture
def office(tmp_path):
    made = Office(f"sqlite:///{tmp_path}/office.db")
    yield made
    made.store.close()


def test_a_free_room_accepts_and_is_booked(office):
    answer = office.invite(event("one", hour(1)))
    assert office.answers("one") == {"": A}
    assert answer.answered
    assert not answer.inbox
    assert answer.comments == {}
    component = office.copy("one").components[0]
    assert component.value("TRANSP") == "OPAQUE"
    own = attendee(component, office.room())
    assert own.param("RSVP") is None
    assert own.param("X-CALENDARSERVER-AUTO") == "20260302T090000Z"
    assert office.bookings() == [("one", hour(1), hour(2), 0)]


def test_a_taken_room_declines_and_says_so(office):
    office.invite(event("one", hour(1)))
    answer = office.invite(event("two", hour(1.5), organizer="bob"))
    assert office.answers("two") == {"": D}
    assert office.copy("two").components[0].value("TRANSP") == "TRANSPARENT"
    assert answer.comments[None].endswith("[CONFLICT]")
    assert office.bookings() == [("one", hour(1), hour(2), 0)]


def test_a_series_is_answered_date_by_date_with_the_majority_in_the_master(office):
    office.invite(event("one", hour(24 + 1)))
    office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=4"))
    assert office.answers("daily") == {"": A, "20260303T100000Z": D}
    override = office.copy("daily").components[1]
    assert override.value("DTSTART") == "20260303T100000Z"
    assert override.value("TRANSP") == "TRANSPARENT"
    assert override.get("RRULE") is None
    assert [b[1] for b in office.bookings("daily")] == [hour(1), hour(49), hour(73)]


def test_when_most_dates_are_taken_the_master_declines(office):
    office.set(max_conflict_share=1, max_duration=0)
    office.invite(event("block", hour(24 + 1), length=48))
    office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3"))
    assert office.answers("daily") == {"": D, "20260302T100000Z": A}


def test_zones_and_lengths_of_derived_instances(office):
    office.invite(event("block", datetime(2026, 3, 30, 8, tzinfo=UTC)))
    office.invite(
        event(
            "paris",
            None,
            "DTSTART;TZID=Europe/Paris:20260316T100000",
            "DTEND;TZID=Europe/Paris:20260316T110000",
            "RRULE:FREQ=WEEKLY;COUNT=4",
        )
    )
    # The clocks change on 29 March.
    assert office.answers("paris") == {"": A, "20260330T080000Z": D}
    override = office.copy("paris").components[1]
    assert str(override.get("DTSTART")) == "DTSTART;TZID=Europe/Paris:20260330T100000"
    assert str(override.get("DTEND")) == "DTEND;TZID=Europe/Paris:20260330T110000"
    assert str(override.get("RECURRENCE-ID")) == "RECURRENCE-ID;TZID=Europe/Paris:20260330T100000"


def test_all_day_bookings_take_the_day_of_the_room(office):
    office.invite(event("day", None, "DTSTART;VALUE=DATE:20260303"))
    office.invite(event("early", datetime(2026, 3, 3, 1, tzinfo=UTC)))
    office.invite(event("next", datetime(2026, 3, 4, 0, tzinfo=UTC)))
    assert [office.answers(u)[""] for u in ("day", "early", "next")] == [A, D, A]


def test_a_moved_instance_is_decided_alone(office):
    office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=4"))
    office.invite(event("block", hour(30)))
    moved = event(
        "daily",
        hour(1),
        "RRULE:FREQ=DAILY;COUNT=4",
        answer="ACCEPTED",
        more=[event("daily", hour(30), "RECURRENCE-ID:20260303T100000Z")],
    )
    answer = office.invite(moved)
    assert office.answers("daily") == {"": A, "20260303T100000Z": D}
    assert {rid.to_basic() for rid in answer.comments} == {"20260303T100000Z"}
    assert len(office.bookings("daily")) == 3


def test_moving_a_booking_is_not_blocked_by_itself(office):
    office.invite(event("one", hour(1), length=2))
    office.invite(event("one", hour(2), length=2))
    assert office.answers("one") == {"": A}
    assert office.bookings() == [("one", hour(2), hour(4), 0)]


def test_what_was_answered_before_stays_answered(office):
    office.invite(event("one", hour(1)))
    answer = office.invite(event("two", hour(1), answer="ACCEPTED"))
    assert not answer.answered
    assert office.answers("two") == {"": A}
    # A manager overruled: it takes a slot of its own, and nothing breaks.
    assert office.bookings() == [("one", hour(1), hour(2), 0), ("two", hour(1), hour(2), 1)]


def test_the_past_is_left_alone(office):
    answer = office.invite(event("old", hour(-72)))
    assert not answer.answered
    assert office.answers("old") == {"": N}
    assert office.bookings() == []


def test_accept_always_takes_slots_of_its_own(office):
    office.set(mode="accept-always")
    for uid in ("a", "b", "c"):
        office.invite(event(uid, hour(1)))
    assert [b[3] for b in office.bookings()] == [0, 1, 2]


def test_none_leaves_it_to_the_managers(office):
    office.set(mode="none")
    answer = office.invite(event("one", hour(1)))
    assert (answer.answered, answer.inbox) == (False, True)
    assert office.copy("one") == answer.copy
    assert office.bookings() == []


def test_a_request_is_held_until_somebody_approves(office):
    office.set(mode="approval")
    answer = office.invite(event("one", hour(100)))
    assert (answer.answered, answer.inbox) == (True, True)
    assert office.answers("one") == {"": T}
    assert answer.comments[None].endswith("[PENDING]")
    assert office.invite(event("two", hour(100), organizer="bob")).comments[None].endswith("[CONFLICT]")
    assert office.invite(event("soon", hour(1))).pending
    assert office.jobs() == {
        ("room-approval", "one"): NOW + timedelta(days=3),
        ("room-approval", "soon"): hour(2),
    }


def test_a_held_old_time_stays_taken_while_the_new_one_is_pending(office):
    office.set(mode="approval", override=["none"])
    office.invite(event("one", hour(1), answer="ACCEPTED"))
    office.invite(event("one", hour(5)))
    assert office.answers("one") == {"": T}
    assert [(b[1], b[2]) for b in office.bookings("one")] == [(hour(1), hour(2)), (hour(5), hour(6))]
    office.invite(event("two", hour(1.5), organizer="bob"))
    assert office.answers("two") == {"": D}
    office.book(event("one", hour(5), answer="ACCEPTED"))
    assert [(b[1], b[2]) for b in office.bookings("one")] == [(hour(5), hour(6))]


@pytest.mark.parametrize(
    ("booking", "organizer", "expected"),
    [
        ({}, "ann", "ACCEPTED"),
        ({}, "mailto:eve@elsewhere.org", "DECLINED EXTERNAL"),
        ({"external": "book"}, "mailto:eve@elsewhere.org", "ACCEPTED"),
        ({"external": "request"}, "mailto:eve@elsewhere.org", "TENTATIVE PENDING"),
        ({"book": ["all", "@elsewhere.org"]}, "mailto:eve@elsewhere.org", "ACCEPTED"),
        ({"book": ["staff"]}, "ann", "ACCEPTED"),
        ({"book": ["staff"]}, "bob", "DECLINED NOT-ALLOWED"),
        ({"book": ["bob@example.com"]}, "bob", "ACCEPTED"),
        ({"book": ["@example.com"]}, "bob", "ACCEPTED"),
        ({"book": ["staff"], "request": ["bob"]}, "bob", "TENTATIVE PENDING"),
        ({"book": "none"}, "max", "ACCEPTED"),  # manages the room
        ({"mode": "decline-always", "auto_accept_group": "staff"}, "ann", "ACCEPTED"),
        ({"mode": "decline-always", "auto_accept_group": "staff"}, "bob", "DECLINED MODE"),
    ],
)
def test_who_may_book(office, booking, organizer, expected):
    office.set(**booking)
    answer = office.invite(event("one", hour(1), organizer=organizer))
    code = answer.comments.get(None, "")
    assert f"{office.answers('one')['']} {code[code.find('[') + 1 : -1]}".strip() == expected


def test_somebody_who_acts_for_the_organizer_may_book(office):
    office.set(book=["staff"])
    office.invite(event("one", hour(1), organizer="bob", sent_by="ann"))
    assert office.answers("one") == {"": A}


def test_people_are_counted_with_groups_expanded_and_without_rooms(office):
    office.set(capacity=3, enforce_capacity="enforce")
    office.invite(event("ok", hour(1), attendees=["staff", "bob"]))
    assert office.answers("ok") == {"": A}
    answer = office.invite(event("many", hour(3), attendees=["staff", "bob", "mailto:eve@elsewhere.org"]))
    assert office.answers("many") == {"": D}
    assert "4 > 3" in answer.comments[None]
    office.set(capacity=2)
    assert "[CAPACITY]" in office.invite(event("warned", hour(5), attendees=["staff", "bob"])).comments[None]
    assert office.answers("warned") == {"": A}


def test_quota_of_a_booker(office):
    office.set(quota="2h")
    office.invite(event("one", hour(1), length=1.5))
    office.invite(event("two", hour(4)))
    office.invite(event("bobs", hour(4), organizer="bob"))
    assert [office.answers(u)[""] for u in ("one", "two", "bobs")] == [A, D, A]
    office.set(same_organizer_limit=1)
    office.invite(event("three", hour(24 * 8), organizer="bob"))
    assert office.answers("three") == {"": D}


def test_the_sentence_is_in_the_organizers_language_and_tells_as_much_as_it_may(office):
    office.set(response="organizer", alternatives=0)
    office.invite(event("one", hour(1), "SUMMARY:Secret plans"))
    comment = office.invite(event("two", hour(1), organizer="bob")).comments[None]
    assert comment == (
        "La salle est déjà prise à cette heure. Prise : 2026-03-02 10:00 à 11:00. Réservée par Ann. [CONFLICT]"
    )
    office.set(response="time", alternatives=0)
    assert "Ann" not in office.invite(event("two", hour(1), organizer="bob")).comments[None]
    office.set(response="none")
    assert office.invite(event("two", hour(1), organizer="bob")).comments == {}


def test_free_rooms_of_the_building_with_enough_seats_are_suggested(office):
    office.set(capacity=4)
    office.invite(event("one", hour(1)))
    comment = office.invite(event("two", hour(1), attendees=["staff", "bob"])).comments[None]
    # small has too few seats, far is in another building, closed takes no bookings.
    assert "Free at that time: Large, Huge. " in comment


def test_each_declined_date_of_a_series_suggests_the_rooms_that_are_free_then(office):
    office.set(alternatives=2)
    office.invite(event("tuesday", hour(25)))
    office.invite(event("wednesday", hour(49)))
    office.invite(event("small", hour(25), room="small"), "small")
    answer = office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=9"))
    suggested = {rid.to_basic(): c.partition("Free at that time: ")[2] for rid, c in answer.comments.items()}
    assert suggested == {
        "20260303T100000Z": "Large, Huge. [CONFLICT]",
        "20260304T100000Z": "Small, Large. [CONFLICT]",
    }


def test_a_refused_series_suggests_the_rooms_that_are_free_on_all_of_its_dates(office):
    office.set(max_conflicts=0, horizon="30d")
    office.invite(event("second", hour(1 + 7 * 24)))
    office.invite(event("third", hour(1 + 14 * 24), room="large"), "large")
    answer = office.invite(event("weekly", hour(1), "RRULE:FREQ=WEEKLY;COUNT=9"))
    assert answer.comments[None].endswith("Free at that time: Small, Huge. [SERIES]")


def test_a_room_that_accepts_always_is_suggested_only_where_it_is_free(office):
    office.set(alternatives=2)
    office.set_other("large", mode="accept-always", capacity=8)
    office.invite(event("there", hour(1), room="large"), "large")
    office.invite(event("one", hour(1)))
    assert "Free at that time: Small, Huge. " in office.invite(event("two", hour(1))).comments[None]


def test_rooms_that_take_no_series_are_not_suggested_for_one(office):
    office.set(alternatives=1)
    office.set_other("small", recurring="no")
    office.invite(event("one", hour(1)))
    daily = office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=9"))
    assert [c.partition("time: ")[2] for c in daily.comments.values()] == ["Large. [CONFLICT]"]
    assert "time: Small. " in office.invite(event("two", hour(1))).comments[None]


def test_rooms_of_which_the_booker_has_enough_are_not_suggested(office):
    office.set(alternatives=2)
    office.set_other("small", capacity=2, same_organizer_limit=1)
    office.set_other("large", capacity=8, mode="decline-always", auto_accept_group="staff")
    office.invite(event("there", hour(30), room="small"), "small")
    office.invite(event("one", hour(1), organizer="bob"))
    assert "Free at that time: Large, Huge. " in office.invite(event("two", hour(1))).comments[None]
    french = office.invite(event("three", hour(1), organizer="bob")).comments[None]
    assert "Libres à cette heure : Small, Huge. " in french


def test_rooms_that_have_what_the_taken_one_has_are_suggested_first(office):
    office.set(alternatives=2)
    office.equip("room1", "Projector", "piano")
    office.equip("large", "projector", "fridge")
    office.equip("huge", "piano", "projector")
    office.invite(event("one", hour(1)))
    assert "Free at that time: Huge, Large. " in office.invite(event("two", hour(1))).comments[None]


def test_rooms_that_the_booker_may_not_book_or_not_see_are_not_suggested(office):
    office.set_other("small", book=["bob"])
    office.change("large", hidden=True)
    office.invite(event("one", hour(1)))
    assert "Free at that time: Huge. " in office.invite(event("two", hour(1))).comments[None]


@pytest.mark.parametrize(
    ("booking", "shown", "gone"),
    [
        ({}, {"SUMMARY:Plans", "DESCRIPTION:Secret", "ATTACH:http://x.org/a"}, set()),
        ({"subject": "organizer"}, {"SUMMARY:Ann", "DESCRIPTION:Secret"}, {"SUMMARY:Plans"}),
        ({"subject": "busy"}, {"SUMMARY:Busy"}, {"SUMMARY:Plans"}),
        ({"body": "strip"}, {"SUMMARY:Plans", "ATTACH:http://x.org/a"}, {"DESCRIPTION:Secret"}),
        ({"attachments": "strip"}, {"DESCRIPTION:Secret"}, {"ATTACH:http://x.org/a"}),
    ],
)
def test_what_the_rooms_copy_shows(office, booking, shown, gone):
    office.set(**booking)
    lines = ("SUMMARY:Plans", "DESCRIPTION:Secret", "ATTACH:http://x.org/a")
    office.invite(event("one", hour(1), *lines))
    text = office.copy("one").body.decode()
    assert all(line in text for line in shown)
    assert not any(line in text for line in gone)


def test_private_events_are_masked(office):
    lines = ("SUMMARY:Plans", "DESCRIPTION:Secret", "CLASS:PRIVATE")
    office.invite(event("one", hour(1), *lines))
    text = office.copy("one").body.decode()
    assert "SUMMARY:Busy" in text
    assert "Secret" not in text
    office.set(private="keep")
    office.invite(event("two", hour(3), *lines))
    assert "SUMMARY:Plans" in office.copy("two").body.decode()


def test_priority_displaces_and_the_loser_is_told(office):
    office.set(priority=True, override=["max"])
    office.invite(event("daily", hour(1), "RRULE:FREQ=DAILY;COUNT=3"))
    answer = office.invite(event("boss", hour(25), organizer="max"))
    assert office.answers("boss") == {"": A}
    assert office.answers("daily") == {"": A, "20260303T100000Z": D}
    [displaced] = answer.displaced
    assert displaced.answer.answered
    assert [c.endswith("[DISPLACED]") for c in displaced.answer.comments.values()] == [True]
    assert office.bookings("boss") == [("boss", hour(25), hour(26), 0)]
    # Who has priority is not displaced in turn.
    office.invite(event("boss2", hour(25), organizer="max"))
    assert office.answers("boss2") == {"": D}


def test_an_endless_series_is_booked_up_to_the_horizon(office):
    office.set(horizon="14d")
    answer = office.invite(event("weekly", hour(1), "RRULE:FREQ=WEEKLY"))
    assert office.answers("weekly") == {"": D, "20260302T100000Z": A, "20260309T100000Z": A}
    assert answer.comments[None].endswith("[HORIZON]")
    [(job, due)] = office.jobs().items()
    assert job == ("room-horizon", "weekly")
    assert due == datetime(2026, 3, 3, 3, tzinfo=UTC)


def test_walk_ins_block_as_the_policy_says(office):
    office.book(event("walk-in", hour(1), organizer=None))
    assert office.bookings() == [("walk-in", hour(1), hour(2), 0)]
    office.invite(event("one", hour(1)))
    assert office.answers("one") == {"": D}
    office.set(unscheduled_blocks=False)
    office.invite(event("two", hour(1)))
    assert office.answers("two") == {"": A}


def test_a_room_that_organizes_books_itself(office):
    answer = office.invite(event("own", hour(1), organizer="room1"))
    assert not answer.answered
    assert office.bookings() == [("own", hour(1), hour(2), 0)]


def test_a_room_invited_by_two_addresses_answers_under_both(office):
    office.invite(event("one", hour(1), attendees=["mailto:boardroom@example.com"]))
    text = office.copy("one").body.decode().replace("\r\n ", "")
    assert text.count("PARTSTAT=ACCEPTED;X-CALENDARSERVER-AUTO") == 2


def test_an_instant_takes_no_slot(office):
    office.invite(event("now", None, "DTSTART:20260302T120000Z"))
    assert office.answers("now") == {"": A}
    assert office.bookings() == []


def test_the_rooms_published_availability_closes_it(office):
    office.publish_availability(
        "BEGIN:VAVAILABILITY\nUID:hours\nDTSTAMP:20260301T000000Z\nBEGIN:AVAILABLE\nUID:day\n"
        "DTSTAMP:20260301T000000Z\nDTSTART:20260302T080000Z\nDTEND:20260302T120000Z\nRRULE:FREQ=DAILY\n"
        "END:AVAILABLE\nEND:VAVAILABILITY\n"
    )
    office.invite(event("in", hour(1)))
    answer = office.invite(event("out", hour(2.5)))
    assert [office.answers(u)[""] for u in ("in", "out")] == [A, D]
    assert answer.comments[None].endswith("[HOURS]")
    assert [b.fbtype.name for b in office.free_busy(Period(hour(0), hour(24)))] == [
        "BUSY",
        "BUSY_UNAVAILABLE",
    ]


def test_opening_hours_are_seen_as_busy_time(office):
    office.set(hours="mon-fri 08:00-12:00, 13:00-18:00; tue 07:00-08:00")
    office.invite(event("one", hour(1)))
    found = office.free_busy(Period(hour(-1), hour(24)))  # Monday, 8:00, to Tuesday, 9:00
    assert [(b.start, b.end, b.fbtype.name) for b in found] == [
        (hour(1), hour(2), "BUSY"),
        (hour(3), hour(4), "BUSY_UNAVAILABLE"),
        (hour(9), hour(22), "BUSY_UNAVAILABLE"),
    ]
    sunday = Period(hour(24 * 6), hour(24 * 6 + 2))
    assert [(b.start, b.end) for b in office.free_busy(sunday)] == [sunday]
    office.set(hours="mon-sun 00:00-24:00")
    assert office.free_busy(sunday) == []


def test_desks_are_shared_up_to_their_number(office):
    office.set(concurrency=2)
    for uid, start in (("a", 1), ("b", 2), ("c", 1.5), ("d", 1.5)):
        office.invite(event(uid, hour(start)))
    assert [office.answers(u)[""] for u in "abcd"] == [A, A, A, D]
    assert {b[3] for b in office.bookings()} == {0, 1}


def test_removing_a_booking_frees_the_slot(office):
    office.invite(event("one", hour(1)))
    office.remove("one")
    office.invite(event("two", hour(1)))
    assert office.answers("two") == {"": A}
