# SPDX-License-Identifier: GPL-3.0-or-later
"""Busy time (RFC 4791 §7.10): merging against an hour-by-hour oracle, types, the VFREEBUSY answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calcore_caldav.core import stream
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import (
    BusyPeriod,
    FreeBusyType,
    clip_periods,
    free_periods,
    instance_type,
    merge_periods,
    stored_periods,
    to_vfreebusy,
)
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import Period, TimezoneResolver
from calcore_caldav.errors import InvalidCalendarData

START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = 40


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


periods = st.lists(
    st.builds(
        lambda a, length, kind: BusyPeriod(hour(a), hour(a + length), kind),
        st.integers(0, HOURS - 1),
        st.integers(0, 8),
        st.sampled_from(FreeBusyType),
    ),
    max_size=12,
)


def by_hour(items: list[BusyPeriod], number: int) -> FreeBusyType:
    at = hour(number)
    return max((p.fbtype for p in items if p.start <= at < p.end), default=FreeBusyType.FREE)


@given(periods)
def test_merged_time_is_the_greatest_type_of_each_hour(items):
    merged = merge_periods(items)
    assert [by_hour(merged, n) for n in range(HOURS + 8)] == [by_hour(items, n) for n in range(HOURS + 8)]
    for one, two in pairwise(merged):
        assert one.end <= two.start
        assert one.end < two.start or one.fbtype is not two.fbtype
    assert all(p.start < p.end and p.fbtype for p in merged)
    assert all(isinstance(p.fbtype, FreeBusyType) for p in merged)


@given(periods, st.integers(0, HOURS), st.integers(1, 20))
def test_free_and_busy_time_fill_the_window(items, first, length):
    window = Period(hour(first), hour(first + length))
    free = free_periods(items, window)
    for number in range(first, first + length):
        is_free = any(p.start <= hour(number) < p.end for p in free)
        assert is_free == (by_hour(items, number) is FreeBusyType.FREE)
    assert all(window.start <= p.start < p.end <= window.end for p in free)
    assert all(
        window.start <= p.start < p.end <= window.end for p in clip_periods(merge_periods(items), window)
    )


OWN = frozenset({CalendarUserAddress("mailto:me@example.com")})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], FreeBusyType.BUSY),
        (["TRANSP:OPAQUE", "STATUS:CONFIRMED"], FreeBusyType.BUSY),
        (["TRANSP:TRANSPARENT"], FreeBusyType.FREE),
        (["STATUS:cancelled"], FreeBusyType.FREE),
        (["STATUS:TENTATIVE"], FreeBusyType.BUSY_TENTATIVE),
        (["STATUS:TENTATIVE", "TRANSP:TRANSPARENT"], FreeBusyType.FREE),
        (["ATTENDEE;PARTSTAT=DECLINED:MAILTO:Me@Example.com"], FreeBusyType.FREE),
        (["ATTENDEE;PARTSTAT=DELEGATED:mailto:me@example.com"], FreeBusyType.FREE),
        (["ATTENDEE;PARTSTAT=TENTATIVE:mailto:me@example.com"], FreeBusyType.BUSY_TENTATIVE),
        (["ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:me@example.com"], FreeBusyType.BUSY),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:other@example.com"], FreeBusyType.BUSY),
    ],
)
def test_how_an_event_counts(lines, expected):
    assert instance_type(Component("VEVENT", [Property.parse(line) for line in lines]), OWN) is expected


@pytest.mark.parametrize("name", ["VTODO", "VJOURNAL", "VFREEBUSY"])
def test_only_events_take_time(name):
    assert instance_type(Component(name), OWN) is FreeBusyType.FREE


def test_stored_free_busy_components_count():
    component = Component(
        "VFREEBUSY",
        [
            Property.parse(
                "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260105T000000Z/PT2H,20260105T040000Z/20260105T050000Z"
            ),
            Property.parse("FREEBUSY:20260105T060000Z/PT1H"),
            Property.parse("FREEBUSY;FBTYPE=X-WHATEVER:20260105T080000Z/PT1H"),
            Property.parse("FREEBUSY;FBTYPE=FREE:20260105T070000Z/PT1H"),
        ],
    )
    assert stored_periods(component, TimezoneResolver(component, UTC)) == [
        BusyPeriod(hour(0), hour(2), FreeBusyType.BUSY_UNAVAILABLE),
        BusyPeriod(hour(4), hour(5), FreeBusyType.BUSY_UNAVAILABLE),
        BusyPeriod(hour(6), hour(7), FreeBusyType.BUSY),
        BusyPeriod(hour(8), hour(9), FreeBusyType.BUSY),
    ]


@pytest.mark.parametrize("value", ["20260105T000000Z", "20260105T000000Z/x", "99991231T000000Z/P400D"])
def test_wrong_periods_are_refused(value):
    component = Component("VFREEBUSY", [Property("FREEBUSY", value)])
    with pytest.raises(InvalidCalendarData):
        stored_periods(component, TimezoneResolver(component, UTC))


def test_the_answer_is_merged_and_clipped():
    busy = [
        BusyPeriod(hour(-2), hour(1), FreeBusyType.BUSY),
        BusyPeriod(hour(1), hour(2), FreeBusyType.BUSY),
        BusyPeriod(hour(3), hour(9), FreeBusyType.BUSY_TENTATIVE),
        BusyPeriod(hour(4), hour(5), FreeBusyType.BUSY),
        BusyPeriod(hour(20), hour(21), FreeBusyType.BUSY),
    ]
    answer = to_vfreebusy(
        busy,
        Period(hour(0), hour(8)),
        START,
        "u-1",
        method="REPLY",
        organizer=Property("ORGANIZER", "mailto:o@example.com"),
        attendee=Property("ATTENDEE", "mailto:a@example.com"),
    )
    assert stream.parse(answer.to_bytes()) == answer
    assert answer.value("METHOD") == "REPLY"
    (freebusy,) = answer.children
    assert [str(p) for p in freebusy.properties] == [
        "UID:u-1",
        "DTSTAMP:20260105T000000Z",
        "ORGANIZER:mailto:o@example.com",
        "ATTENDEE:mailto:a@example.com",
        "DTSTART:20260105T000000Z",
        "DTEND:20260105T080000Z",
        "FREEBUSY;FBTYPE=BUSY:20260105T000000Z/PT2H,20260105T040000Z/PT1H",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260105T030000Z/PT5H",
    ]
