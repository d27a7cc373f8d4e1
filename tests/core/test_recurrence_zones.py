# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones by name, alias and VTIMEZONE; offsets day by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrence_strategies import ZONES

from calcore_caldav.core.content import Component
from calcore_caldav.core.moments import to_epoch, to_local
from calcore_caldav.core.stream import parse
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.core.vtimezones import read_vtimezone
from calcore_caldav.core.zones import Offsets, known_zone

NOTHING = Component("VCALENDAR")
SUMMER = datetime(2026, 7, 1, 12)


@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/BERLIN", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("US/Eastern", "US/Eastern"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("/citadel.org/20210210_1/Europe/Paris", "Europe/Paris"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe standard time", "Europe/Berlin"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern", "Europe/Amsterdam"),
        ("(GMT-05.00) New York", "America/New_York"),
    ],
)
def test_names(tzid: str, zone: str) -> None:
    found = TimezoneResolver(NOTHING, UTC).zone(tzid)
    assert SUMMER.replace(tzinfo=found) == SUMMER.replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("tzid", "minutes"),
    [("GMT+0100", 60), ("UTC-5", -300), ("GMT+05:30", 330), ("UTC", 0), ("GMT", 0), ("+02:00", 120)],
)
def test_names_that_say_their_offset(tzid: str, minutes: int) -> None:
    zone = TimezoneResolver(NOTHING, ZoneInfo("Asia/Tokyo")).zone(tzid)
    assert SUMMER.replace(tzinfo=zone).utcoffset() == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "tzid", ["Nowhere", "", "/etc/passwd", "../../etc/localtime", "localtime", "Berlin", "GMT+99"]
)
def test_unknown_names_mean_the_default(tzid: str) -> None:
    assert known_zone(tzid) is None
    tokyo = ZoneInfo("Asia/Tokyo")
    assert TimezoneResolver(NOTHING, tokyo).zone(tzid) is tokyo


def vtimezone(tzid: str, *more: str) -> Component:
    lines = [
        "BEGIN:VTIMEZONE", f"TZID:{tzid}", *more,
        "BEGIN:STANDARD", "DTSTART:19701025T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
        "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "TZNAME:CET", "END:STANDARD",
        "BEGIN:DAYLIGHT", "DTSTART:19700329T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "TZNAME:CEST", "END:DAYLIGHT", "END:VTIMEZONE",
    ]  # fmt: skip
    return parse("\r\n".join(lines).encode())


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime(1996, 11, 1), datetime(2090, 1, 1)), st.integers(0, 1))
def test_a_vtimezone_is_its_zone(moment: datetime, fold: int) -> None:
    made, berlin = read_vtimezone(vtimezone("Mine")), ZoneInfo("Europe/Berlin")
    assert made is not None
    moment = moment.replace(microsecond=0, fold=fold)
    if moment.year < 2037:
        assert moment.replace(tzinfo=made).utcoffset() == moment.replace(tzinfo=berlin).utcoffset()
    instant = moment.replace(tzinfo=UTC)
    assert instant.astimezone(made).replace(tzinfo=None) == instant.astimezone(berlin).replace(tzinfo=None)


def test_hours_around_a_change() -> None:
    made, berlin = read_vtimezone(vtimezone("Mine")), ZoneInfo("Europe/Berlin")
    for day in (datetime(2026, 3, 29), datetime(2026, 10, 25)):
        for quarter in range(24):
            for fold in (0, 1):
                moment = (day + timedelta(minutes=15 * quarter)).replace(fold=fold)
                assert moment.replace(tzinfo=made).utcoffset() == moment.replace(tzinfo=berlin).utcoffset(), (
                    moment
                )


def test_the_vtimezone_counts_only_where_the_name_is_unknown() -> None:
    calendar = Component(
        "VCALENDAR",
        (),
        (vtimezone("Mine"), vtimezone("Asia/Tokyo"), vtimezone("Low", "X-LIC-LOCATION:Asia/Tokyo")),
    )
    zones = TimezoneResolver(calendar, UTC)
    hours = [zones.zone(t).utcoffset(SUMMER) for t in ("Mine", "Asia/Tokyo", "Low")]
    assert hours == [timedelta(hours=2), timedelta(hours=9), timedelta(hours=9)]


def test_a_vtimezone_that_says_nothing() -> None:
    empty = parse(b"BEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\n")
    assert read_vtimezone(empty) is None
    assert TimezoneResolver(Component("VCALENDAR", (), (empty,)), UTC).zone("X") is UTC


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)))
def test_offsets_are_those_of_the_zone(name: str, moment: datetime) -> None:
    # RFC 5545 §3.3.5: what is on the clock twice is the first, and what is never on it counts by the time before.
    zone, moment = ZoneInfo(name), moment.replace(microsecond=0, fold=0)
    offsets = Offsets(zone)
    instant = moment.replace(tzinfo=zone).astimezone(UTC)
    assert offsets.utc(to_local(moment)) == to_epoch(instant)
    assert offsets.local(to_epoch(instant)) == to_local(instant.astimezone(zone))
