# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms decide later, and whom they tell, as people's clients see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from room_office import event
from room_server import room_server

from calcore_caldav.server.cli import main


@pytest.fixture
def server(tmp_path):
    with room_server(tmp_path) as made:
        yield made


def test_a_declined_organizer_hears_of_free_rooms(server):
    server.set(capacity=4, alternatives=2)
    server.book(server.bob, event("taken", server.at(24), organizer="bob"))
    assert server.book(server.ann, event("one", server.at(24))) == {"": "DECLINED"}
    [said] = server.said(server.ann)
    # far is in another building, closed takes no bookings, and two are enough.
    assert said == "The room is taken at that time. Free at that time: Small, Large. [CONFLICT]"


def test_who_has_priority_displaces_and_the_other_is_told(server):
    server.set(priority=True)
    daily = event("daily", server.at(24), "RRULE:FREQ=DAILY;COUNT=3", attendees=["bob"])
    assert server.book(server.ann, daily) == {"": "ACCEPTED"}
    server.said(server.ann)
    assert server.book(server.max, event("boss", server.at(48), organizer="max")) == {"": "ACCEPTED"}
    second = f"{server.at(48):%Y%m%dT%H%M%SZ}"
    assert server.answers(server.ann, "daily") == {"": "ACCEPTED", second: "DECLINED"}
    assert [s for s in server.said(server.ann) if s] == ["A booking with priority took the room. [DISPLACED]"]
    [copy] = server.events(server.bob).values()
    assert "PARTSTAT=DECLINED" in copy
    assert server.bookings() == [server.at(24), server.at(48), server.at(72)]


def test_the_night_decides_what_comes_within_the_horizon(server):
    server.set(horizon="14d")
    weekly = event("weekly", server.at(24), "RRULE:FREQ=WEEKLY;COUNT=4")
    third, fourth = (f"{server.at(24 * 7 * n + 24):%Y%m%dT%H%M%SZ}" for n in (2, 3))
    assert server.book(server.ann, weekly) == {"": "ACCEPTED", third: "DECLINED", fourth: "DECLINED"}
    assert [s.rpartition(" ")[2] for s in server.said(server.ann) if s] == ["[HORIZON]"] * 2
    walk_in = event("walk-in", server.at(24 * 22), organizer=None).body
    assert server.max.put("/room1/calendar/walk-in.ics", walk_in).status == 201
    server.later(days=2)
    assert server.answers(server.ann, "weekly")[third] == "ACCEPTED"
    assert len(server.said(server.ann)) > 0
    server.later(days=7)
    assert server.answers(server.ann, "weekly")[fourth] == "DECLINED"
    assert any(s.endswith("[CONFLICT]") for s in server.said(server.ann))


def test_a_room_that_everybody_declined_is_given_back(server):
    server.set(release=True)
    server.book(server.ann, event("one", server.at(24), attendees=["bob"]))
    server.said(server.ann)
    [(href, text)] = server.events(server.bob).items()
    declined = text.replace("CUTYPE=INDIVIDUAL", "CUTYPE=INDIVIDUAL;PARTSTAT=DECLINED")
    assert server.bob.put(href, declined).status == 204
    server.later(seconds=1)
    assert server.answers(server.ann, "one") == {"": "DECLINED"}
    assert any("[RELEASED]" in s for s in server.said(server.ann))
    assert server.bookings() == []


def test_where_nobody_checks_in_the_room_is_given_back(server, tmp_path):
    server.set(checkin="15m")
    daily = event("daily", server.at(1), "RRULE:FREQ=DAILY;COUNT=2")
    assert server.book(server.ann, daily) == {"": "ACCEPTED"}
    server.said(server.ann)
    second = server.at(25)
    assert (
        main(["room", "check-in", "room1", "daily", f"{server.at(1):%Y%m%d}", "--data", str(tmp_path)]) == 0
    )
    server.later(hours=1, minutes=20)
    assert server.answers(server.ann, "daily") == {"": "ACCEPTED"}
    server.later(days=1)
    assert server.answers(server.ann, "daily") == {"": "ACCEPTED", f"{second:%Y%m%dT%H%M%SZ}": "DECLINED"}
    assert any("[RELEASED]" in s for s in server.said(server.ann))


def test_what_is_cancelled_is_free_at_once(server):
    server.book(server.ann, event("one", server.at(24)))
    assert server.ann.delete("/ann/calendar/one.ics").status == 204
    assert server.bookings() == []
    assert server.book(server.bob, event("two", server.at(24), organizer="bob")) == {"": "ACCEPTED"}


@pytest.mark.parametrize(("all_of_it", "what_follows"), [(";COUNT=6", ";COUNT=3"), ("", "")])
def test_a_series_made_two_keeps_the_room_whichever_half_is_stored_first(server, all_of_it, what_follows):
    """Evolution stores what follows first, and cuts the series then."""
    week = 24 * 7
    server.book(server.ann, event("all", server.at(24), f"RRULE:FREQ=WEEKLY{all_of_it}"))
    following = event("following", server.at(24 + 3 * week), f"RRULE:FREQ=WEEKLY{what_follows}")
    assert server.book(server.ann, following) == {"": "DECLINED"}
    other = event("other", server.at(24 + 4 * week), organizer="bob")
    assert server.book(server.bob, other) == {"": "DECLINED"}
    server.book(server.ann, event("all", server.at(24), "RRULE:FREQ=WEEKLY;COUNT=3"))
    server.later()
    answers = server.answers(server.ann, "following")
    assert answers.get(f"{server.at(24 + 3 * week):%Y%m%dT%H%M%SZ}", answers[""]) == "ACCEPTED"
    assert server.bookings()[:6] == [server.at(24 + n * week) for n in range(6)]
    assert server.answers(server.bob, "other") == {"": "DECLINED"}


@pytest.mark.parametrize("recurring", ["partial", "all-or-nothing"])
def test_who_gives_a_time_back_gets_it_for_what_was_refused_for_it(server, recurring):
    server.set(recurring=recurring)
    second = f"{server.at(48):%Y%m%dT%H%M%SZ}"
    server.book(server.ann, event("one", server.at(48)))
    daily = server.book(server.ann, event("daily", server.at(24), "RRULE:FREQ=DAILY;COUNT=3"))
    partly = {"": "ACCEPTED", second: "DECLINED"}
    assert daily == (partly if recurring == "partial" else {"": "DECLINED"})
    assert server.ann.delete("/ann/calendar/one.ics").status == 204
    server.later()
    assert set(server.answers(server.ann, "daily").values()) == {"ACCEPTED"}
    assert server.bookings() == [server.at(24), server.at(48), server.at(72)]


def test_what_a_manager_refused_stays_refused_when_its_time_is_given_back(server):
    server.book(server.ann, event("one", server.at(24)))
    assert server.book(server.ann, event("two", server.at(24))) == {"": "DECLINED"}
    [path] = [p for p, body in server.room().items() if b"UID:two" in body]
    theirs = server.max.get(path).text.replace("\r\n ", "")
    for answer in ("TENTATIVE", "DECLINED"):
        assert server.max.put(path, theirs.replace("PARTSTAT=DECLINED", f"PARTSTAT={answer}")).status == 204
    assert server.ann.delete("/ann/calendar/one.ics").status == 204
    server.later()
    assert server.answers(server.ann, "two") == {"": "DECLINED"}


def test_a_managers_answer_stands_until_the_time_changes(server):
    server.book(server.bob, event("taken", server.at(24), organizer="bob"))
    assert server.book(server.ann, event("one", server.at(24))) == {"": "DECLINED"}
    [path] = [p for p, body in server.room().items() if b"UID:one" in body]
    theirs = server.max.get(path).text.replace("\r\n ", "")
    assert server.max.put(path, theirs.replace("PARTSTAT=DECLINED", "PARTSTAT=ACCEPTED")).status == 204
    assert server.answers(server.ann, "one") == {"": "ACCEPTED"}
    renamed = server.text(server.ann, "one").replace("DTSTART:", "SUMMARY:Other\r\nDTSTART:")
    assert server.ann.put("/ann/calendar/one.ics", renamed).status == 204
    assert server.answers(server.ann, "one") == {"": "ACCEPTED"}
    start, later = (f"{server.at(24) + timedelta(minutes=m):%Y%m%dT%H%M%SZ}" for m in (0, 30))
    assert (
        server.ann.put(
            "/ann/calendar/one.ics", renamed.replace(f"DTSTART:{start}", f"DTSTART:{later}")
        ).status
        == 204
    )
    assert server.answers(server.ann, "one") == {"": "DECLINED"}
