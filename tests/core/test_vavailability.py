# SPDX-License-Identifier: GPL-3.0-or-later
"""Availability as busy time (RFC 7953 §5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calcore_caldav.core import stream
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType
from calcore_caldav.core.times import Period
from calcore_caldav.core.vavailability import check_availability, overlaid, unavailable_periods
from calcore_caldav.errors import InvalidCalendarData

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
U, B, T = FreeBusyType.BUSY_UNAVAILABLE, FreeBusyType.BUSY, FreeBusyType.BUSY_TENTATIVE


def calendar(*lines: str) -> Component:
    return stream.parse("\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"]).encode())


def availability(*lines: str, uid: str = "1") -> list[str]:
    return ["BEGIN:VAVAILABILITY", f"UID:{uid}", *lines, "END:VAVAILABILITY"]


def available(*lines: str) -> list[str]:
    return ["BEGIN:AVAILABLE", "UID:a", *lines, "END:AVAILABLE"]


OFFICE = available(
    "DTSTART;TZID=Europe/Amsterdam:20251201T090000", "DTEND;TZID=Europe/Amsterdam:20251201T170000",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
)  # fmt: skip


def slots(periods: list[BusyPeriod], day: int = 0) -> str:
    """One letter per hour of a day of the week that starts on MONDAY."""
    letters = {U: "U", B: "B", T: "T"}
    hours = [MONDAY + timedelta(days=day, hours=h) for h in range(24)]
    return "".join(next((letters[p.fbtype] for p in periods if p.start <= h < p.end), "-") for h in hours)


def week(*calendars: Component) -> list[BusyPeriod]:
    return unavailable_periods(calendars, Period(MONDAY, MONDAY + timedelta(days=7)))


def test_office_hours():
    busy = week(calendar(*availability(*OFFICE)))
    assert slots(busy) == "UUUUUUUU--------UUUUUUUU"
    assert slots(busy, 5) == "U" * 24
    assert busy[0].start == MONDAY
    assert busy[-1].end == MONDAY + timedelta(days=7)


def test_an_exception_of_a_recurring_availability():
    away = available(
        "RECURRENCE-ID;TZID=Europe/Amsterdam:20260106T090000", "DTSTART;TZID=Europe/Amsterdam:20260106T120000",
        "DTEND;TZID=Europe/Amsterdam:20260106T130000",
    )  # fmt: skip
    busy = week(calendar(*availability(*OFFICE, *away)))
    assert slots(busy, 1) == "UUUUUUUUUUU-UUUUUUUUUUUU"
    assert slots(busy, 2) == "UUUUUUUU--------UUUUUUUU"


def test_it_holds_for_its_own_time_and_type():
    bounds = ("DTSTART:20260105T060000Z", "DTEND:20260105T200000Z", "BUSYTYPE:BUSY-TENTATIVE")
    assert slots(week(calendar(*availability(*bounds, *OFFICE)))) == "------TT--------TTTT----"
    duration = ("DTSTART:20260105T060000Z", "DURATION:PT1H")
    assert slots(week(calendar(*availability(*duration)))) == "------U-----------------"


def test_the_higher_priority_decides():
    holiday = availability(
        "PRIORITY:1", "DTSTART:20260105T120000Z", "DTEND:20260106T000000Z", "BUSYTYPE:BUSY", uid="2"
    )
    lower = availability("PRIORITY:5", *OFFICE)
    busy = week(calendar(*holiday, *lower))
    assert slots(busy) == "UUUUUUUU----BBBBBBBBBBBB"
    assert busy == week(calendar(*lower), calendar(*holiday))
    free = availability(
        "PRIORITY:1", "DTSTART:20260105T000000Z", "DTEND:20260105T120000Z",
        *available("DTSTART:20260105T020000Z", "DURATION:PT1H"), uid="2",
    )  # fmt: skip
    assert slots(week(calendar(*free, *lower))) == "UU-UUUUUUUUU----UUUUUUUU"


def test_equal_priorities_are_one():
    one = availability("DTSTART:20260105T000000Z", "DTEND:20260105T120000Z")
    two = availability(*available("DTSTART:20260105T100000Z", "DURATION:PT4H"), uid="2")
    assert slots(week(calendar(*one, *two))) == "UUUUUUUUUU----UUUUUUUUUU"


def test_events_count_where_they_are():
    busy = week(calendar(*availability(*OFFICE)))
    meeting = BusyPeriod(MONDAY + timedelta(hours=7), MONDAY + timedelta(hours=9), B)
    assert slots(overlaid(busy, [meeting])) == "UUUUUUUBB-------UUUUUUUU"


@pytest.mark.parametrize(
    "lines",
    [[], ["BEGIN:VEVENT", "END:VEVENT"], availability(*available("DTSTART:20260101", "RRULE:FREQ=NEVER"))],
)
def test_what_is_no_availability_is_refused(lines):
    with pytest.raises(InvalidCalendarData):
        check_availability(calendar(*lines))
