# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a booking policy."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling import responses
from calcore_caldav.scheduling.policy import SETTINGS, BookingPolicy, Mode, policy_of
from calcore_caldav.scheduling.request import Reason


def problems(**mapping) -> tuple[str, ...]:
    with pytest.raises(DirectoryError) as caught:
        BookingPolicy.from_mapping(mapping)
    return caught.value.problems


def test_every_setting_can_be_read_and_is_shown_as_it_can_be_read_again():
    assert {*SETTINGS} == {f.name for f in fields(BookingPolicy)}
    policy = BookingPolicy.from_mapping({"hours": "mon 08:00-09:00", "quota": "10h", "book": ["a", "@b.org"]})
    shown = policy.shown()
    shown.pop("past_grace")
    shown = {k: v for k, v in shown.items() if not k.startswith(("release_", "approv"))}
    assert BookingPolicy.from_mapping(shown) == policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (0, timedelta(0)),
        ("0", None),
        ("90m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("PT45M", timedelta(minutes=45)),
        ("P1D", timedelta(days=1)),
        (90, None),
        ("", None),
        ("-1h", None),
        ("99999999999d", None),
        (True, None),
    ],
)
def test_lengths_of_time(text, expected):
    if expected is None:
        assert problems(lead_time=text)[0].startswith("lead_time: is a length of time")
    else:
        assert BookingPolicy.from_mapping({"lead_time": text}).lead_time == expected


def test_all_mistakes_are_told_at_once():
    found = problems(
        mode="manual", horizon=5, seats=3, hours="mo-fr 8-18", capacity=-1, book=[1], priority="x"
    )
    assert [p.split(":")[0] for p in found] == [
        "mode",
        "horizon",
        "seats",
        "hours",
        "capacity",
        "book",
        "priority",
    ]
    assert "accept-if-free" in found[0]


@pytest.mark.parametrize(
    "contradiction",
    [
        {"min_duration": "2h", "max_duration": "1h"},
        {"lead_time": "10d", "horizon": "9d"},
        {"recurring": "no", "max_conflicts": 3},
        {"enforce_capacity": "enforce"},
        {"priority": True, "override": []},
        {"concurrency": 0, "buffer_after": "10m"},
        {"release_min_age": "1h"},
        {"approvers": ["ann"]},
        {"override": ["all"]},
        {"request": ["ann"]},
    ],
)
def test_contradictions_are_refused(contradiction):
    assert len(problems(**contradiction)) == 1


@pytest.mark.parametrize(
    "hours",
    [
        "mon",
        "mon 9-10",
        "mon 10:00-09:00",
        "mon 09:00-25:00",
        "xyz 09:00-10:00",
        "mon-xyz 09:00-10:00",
        "mon 09:70-10:00",
    ],
)
def test_hours_that_make_no_sense(hours):
    assert problems(hours=hours)[0].startswith("hours: ")


def test_days_may_wrap_around_the_week():
    policy = BookingPolicy.from_mapping({"hours": "sat-mon 10:00-11:00"})
    assert policy.hours is not None
    assert [bool(day) for day in policy.hours.week] == [True, False, False, False, False, True, True]


def test_a_stored_policy_with_mistakes_still_works():
    policy = policy_of({"mode": "approval", "horizon": "soon", "colour": {"a": 1}, "book": ["ann"]})
    assert (policy.mode, policy.horizon, policy.book) == (Mode.APPROVAL, BookingPolicy().horizon, ("ann",))


def test_accept_always_has_no_limits_but_those_that_are_set():
    assert BookingPolicy.from_mapping({"mode": "accept-always"}).max_duration == timedelta(0)
    limited = BookingPolicy.from_mapping({"mode": "accept-always", "horizon": "30d"})
    assert (limited.horizon, limited.max_duration) == (timedelta(days=30), timedelta(0))


def test_names_are_those_that_must_exist():
    policy = BookingPolicy.from_mapping(
        {
            "book": ["ann", "@example.com", "bob@example.com"],
            "override": ["managers", "chiefs"],
            "auto_accept_group": "g",
        }
    )
    assert policy.names == {"ann", "chiefs", "g"}


@pytest.mark.parametrize("language", responses.TEXTS)
def test_every_language_says_everything(language):
    english = responses.TEXTS["en"]
    assert responses.TEXTS[language].keys() == english.keys()
    values = {
        "value": "1",
        "start": "2",
        "end": "3",
        "organizer": "4",
        "rooms": "5",
        "people": "6",
        "capacity": "7",
        "booker": "8",
        "room": "9",
        "title": "0",
    }
    for key, sentence in english.items():
        said = responses.TEXTS[language][key].format(**values)
        assert [v for v in values.values() if v in said] == [
            v for v in values.values() if v in sentence.format(**values)
        ]
    silent = {Reason.FREE, Reason.PAST, Reason.KEPT}
    assert {str(r) for r in Reason if r not in silent} <= english.keys()
