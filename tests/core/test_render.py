# SPDX-License-Identifier: GPL-3.0-or-later
"""What reports return: expansion, limits, parts (RFC 4791 §9.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_objects import obj

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.render import (
    CalendarData,
    CompSelection,
    PropSelection,
    expanded,
    limited_freebusy,
    limited_recurrence,
    partial,
    rendered,
)
from calcore_caldav.core.times import TimeRange
from calcore_caldav.errors import TooManyInstances


def days(first: int, last: int) -> TimeRange:
    """January 2026, UTC."""
    return TimeRange(datetime(2026, 1, first, tzinfo=UTC), datetime(2026, 1, last, tzinfo=UTC))


def lines(made: CalendarObject) -> list[list[str]]:
    """The lines of each component, UID left out."""
    assert made.body == stream.parse(made.body).to_bytes()
    return [[str(p) for p in c.properties if p.name != "UID"] for c in made.components]


def test_a_series_is_expanded_in_utc():
    series = obj(
        "DTSTART;TZID=Europe/Amsterdam;X-A=1:20260105T100000", "DTEND;TZID=Europe/Amsterdam:20260105T110000",
        "RRULE:FREQ=DAILY;COUNT=9", "EXDATE;TZID=Europe/Amsterdam:20260107T100000", "SUMMARY:standup",
        "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM",
        "--", "DTSTART;TZID=America/New_York:20260108T120000", "DURATION:PT2H",
        "RECURRENCE-ID;TZID=Europe/Amsterdam:20260108T100000", "SUMMARY:retreat",
    )  # fmt: skip
    made = expanded(series, days(6, 10))
    assert lines(made) == [
        ["DTSTART;X-A=1:20260106T090000Z", "RECURRENCE-ID:20260106T090000Z", "DTEND:20260106T100000Z", "SUMMARY:standup"],
        ["DTSTART:20260108T170000Z", "DURATION:PT2H", "RECURRENCE-ID:20260108T090000Z", "SUMMARY:retreat"],
        ["DTSTART;X-A=1:20260109T090000Z", "RECURRENCE-ID:20260109T090000Z", "DTEND:20260109T100000Z", "SUMMARY:standup"],
    ]  # fmt: skip
    assert [len(c.named("VALARM")) for c in made.components] == [1, 0, 1]
    assert made.calendar.value("VERSION") == "2.0"


def test_a_day_of_a_zone_that_has_not_24_hours():
    """A DURATION of a day ends when the clock says the same (RFC 5545 §3.3.6); in UTC that isn't a day."""
    series = obj("DTSTART;TZID=Europe/Amsterdam:20260327T220000", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=3")
    made = expanded(series, TimeRange(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)))
    assert [c.value("DURATION") for c in made.components] == ["P1D", "PT23H", "P1D"]
    floating = obj("DTSTART:20260327T220000", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=3")
    zone = ZoneInfo("Europe/Amsterdam")
    assert [c.value("DURATION") for c in expanded(floating, TimeRange(None, None), zone).components] == [
        "P1D"
    ] * 3


@pytest.mark.parametrize("end", [(), ("DURATION:PT1H",), ("DTEND:20260105T110000Z",)])
def test_dates_with_a_length_of_their_own_are_expanded_with_it(end):
    series = obj(
        "DTSTART:20260105T100000Z", *end, "RDATE;VALUE=PERIOD:20260107T080000Z/PT3H,20260109T080000Z/PT0S"
    )
    made = expanded(series, days(1, 20))
    found = [(i.start.hour, i.end - i.start) for i in made.recurrence().between(days(1, 20))]
    usual = timedelta(hours=1) if end else timedelta(0)
    assert found == [(10, usual), (8, timedelta(hours=3)), (8, timedelta(0))]


def test_time_zones_are_gone():
    body = stream.parse(
        b"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\n"
        b"DTSTART;TZID=Europe/Amsterdam:20260105T100000\nX-WHEN;TZID=Europe/Amsterdam:20260105T100000\n"
        b"X-NAME;TZID=Europe/Amsterdam:noon\nEND:VEVENT\nEND:VCALENDAR"
    )
    made = expanded(CalendarObject.from_component(body), days(5, 6))
    assert [c.name for c in made.calendar.children] == ["VEVENT"]
    assert lines(made) == [["DTSTART:20260105T090000Z", "X-WHEN:20260105T090000Z", "X-NAME:noon"]]


def test_all_day_instances_stay_dates():
    series = obj("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260107", "RRULE:FREQ=WEEKLY")
    expected = [
        ["DTSTART;VALUE=DATE:20260112", "RECURRENCE-ID;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260114"]
    ]
    for zone in (UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Los_Angeles")):
        assert lines(expanded(series, days(12, 14), zone)) == expected
    assert lines(expanded(obj("DTSTART:20260105"), days(5, 6))) == [["DTSTART;VALUE=DATE:20260105"]]


def test_floating_instances_stay_floating():
    series = obj("DTSTART:20260105T233000", "DTEND:20260106T003000", "RRULE:FREQ=DAILY;COUNT=2")
    assert lines(expanded(series, days(5, 9), ZoneInfo("Asia/Tokyo"))) == [
        ["DTSTART:20260105T233000", "RECURRENCE-ID:20260105T233000", "DTEND:20260106T003000"],
        ["DTSTART:20260106T233000", "RECURRENCE-ID:20260106T233000", "DTEND:20260107T003000"],
    ]


def test_tasks_and_journals_are_expanded():
    task = obj(
        "DTSTART:20260105T100000Z", "DUE:20260105T110000Z", "RRULE:FREQ=DAILY;COUNT=3", component="VTODO"
    )
    assert lines(expanded(task, days(7, 8))) == [
        ["DTSTART:20260107T100000Z", "RECURRENCE-ID:20260107T100000Z", "DUE:20260107T110000Z"]
    ]
    journal = obj("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=3", component="VJOURNAL")
    assert lines(expanded(journal, days(7, 8))) == [
        ["DTSTART;VALUE=DATE:20260107", "RECURRENCE-ID;VALUE=DATE:20260107"]
    ]
    due = obj("DUE;TZID=Europe/Amsterdam:20260105T100000", component="VTODO")
    assert lines(expanded(due, days(5, 6))) == [["DUE:20260105T090000Z"]]
    assert lines(expanded(obj("SUMMARY:some day", component="VTODO"), days(5, 6))) == [["SUMMARY:some day"]]


def test_nothing_in_the_window_is_an_empty_calendar():
    assert expanded(obj("DTSTART:20260105T100000Z"), days(6, 7)).components == ()


def test_an_expansion_has_a_limit():
    series = obj("DTSTART:20260105T100000Z", "RRULE:FREQ=DAILY")
    assert len(expanded(series, days(1, 15), limit=10).components) == 10
    with pytest.raises(TooManyInstances):
        expanded(series, days(1, 16), limit=10)


@given(
    st.integers(0, 20), st.integers(0, 20), st.sampled_from(["DAILY", "WEEKLY;BYDAY=MO,WE", "DAILY;COUNT=9"])
)
def test_adjacent_windows_add_up(first, second, rule):
    series = obj("DTSTART;TZID=Europe/Amsterdam:20260101T100000", "DURATION:PT1H", f"RRULE:FREQ={rule}")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    middle, end = start + timedelta(days=first), start + timedelta(days=first + second)
    parts = [expanded(series, TimeRange(start, middle)), expanded(series, TimeRange(middle, end))]
    assert [*lines(parts[0]), *lines(parts[1])] == lines(expanded(series, TimeRange(start, end)))


OVERRIDDEN = obj(
    "DTSTART:20260105T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY",
    "--", "RECURRENCE-ID:20260107T100000Z", "DTSTART:20260120T100000Z",
    "--", "RECURRENCE-ID:20260110T100000Z", "DTSTART:20260110T120000Z",
)  # fmt: skip


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        (days(7, 8), [None, "20260107T100000Z"]),  # where it was
        (days(20, 21), [None, "20260107T100000Z"]),  # where it is
        (days(10, 11), [None, "20260110T100000Z"]),
        (days(12, 13), [None]),
        (days(1, 30), [None, "20260107T100000Z", "20260110T100000Z"]),
    ],
)
def test_overrides_are_limited_to_those_that_matter(window, kept):
    made = limited_recurrence(OVERRIDDEN, window)
    assert [c.value("RECURRENCE-ID") for c in made.components] == kept
    assert made.components[0] == OVERRIDDEN.components[0]


def test_this_and_future_matters_for_all_that_follows():
    series = obj(
        "DTSTART:20260105T100000Z", "RRULE:FREQ=DAILY",
        "--", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T100000Z", "DTSTART:20260107T110000Z",
    )  # fmt: skip
    assert len(limited_recurrence(series, days(20, 21)).components) == 2
    assert len(limited_recurrence(series, days(5, 6)).components) == 1


def test_what_is_moved_back_with_all_that_follow_matters_before_it():
    series = obj(
        "DTSTART:20260105T100000Z", "RRULE:FREQ=DAILY;COUNT=9",
        "--", "RECURRENCE-ID:20260108T100000Z", "DTSTART:20260120T100000Z",
        "--", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T100000Z", "DTSTART:20260105T110000Z",
    )  # fmt: skip
    for day in range(4, 15):
        window = days(day, day + 1)
        limited = CalendarObject(limited_recurrence(series, window).body)
        assert [*map(str, limited.recurrence().between(window))] == [
            *map(str, series.recurrence().between(window))
        ]
    assert len(limited_recurrence(series, days(4, 5)).components) == 1


def test_free_busy_values_are_limited():
    stored = obj(
        "FREEBUSY:20260105T100000Z/PT1H,20260106T100000Z/PT1H", "FREEBUSY;FBTYPE=FREE:20260108T100000Z/PT1H",
        component="VFREEBUSY",
    )  # fmt: skip
    assert lines(limited_freebusy(stored, days(6, 7))) == [["FREEBUSY:20260106T100000Z/PT1H"]]
    assert limited_freebusy(OVERRIDDEN, days(6, 7)) is OVERRIDDEN


PARTS = obj("DTSTART:20260105T100000Z", "SUMMARY;X-A=1:text", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM")


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (CompSelection("VCALENDAR"), PARTS.calendar.to_bytes()),
        (CompSelection("VCALENDAR", (), None), PARTS.calendar.to_bytes().replace(b"VERSION:2.0\r\n", b"")),
        (CompSelection("VCALENDAR", None, ()), b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"),
        (
            CompSelection(
                "VCALENDAR", (), (CompSelection("VEVENT", (PropSelection("SUMMARY", novalue=True), PropSelection("UID")), ()),)
            ),
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY;X-A=1:\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ),
        (
            CompSelection("VCALENDAR", (), (CompSelection("VEVENT", (), (CompSelection("VALARM"),)),)),
            b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ),
    ],
)  # fmt: skip
def test_parts(selection, expected):
    assert partial(PARTS, selection).body == expected
    assert rendered(PARTS, CalendarData(selection)) == expected


def test_the_whole_is_the_stored_bytes():
    assert CalendarData().whole
    assert rendered(PARTS, CalendarData()) is PARTS.body


def test_parts_of_an_expansion():
    series = obj("DTSTART:20260105T100000Z", "RRULE:FREQ=DAILY", "SUMMARY:x")
    wanted = CalendarData(
        CompSelection("VCALENDAR", (), (CompSelection("VEVENT", (PropSelection("DTSTART"),), ()),)),
        days(6, 7),
    )
    assert rendered(series, wanted) == (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260106T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
