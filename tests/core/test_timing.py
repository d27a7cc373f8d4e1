# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as another time, and what only as another way to write it (RFC 6638 §3.2.8)."""

from __future__ import annotations

import pytest
from zones import central_european

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.timing import gained, relaid, retimed

CENTRAL = central_european("Customized Time Zone")


def series(*lines: str, start: str = ":20260112T100000Z") -> CalendarObject:
    body = ["BEGIN:VEVENT", "UID:1", f"DTSTART{start}", "DURATION:PT1H", *lines, "END:VEVENT"]
    return CalendarObject(
        "\r\n".join(["BEGIN:VCALENDAR", *CENTRAL.splitlines(), *body, "END:VCALENDAR", ""]).encode()
    )


def rule(text: str, **named: str) -> CalendarObject:
    return series(f"RRULE:{text}", **named)


def compared(test, old: CalendarObject, new: CalendarObject) -> bool:
    assert old.master is not None
    assert new.master is not None
    return test(old.master, old.zones, new.master, new.zones)


AMSTERDAM = ";TZID=Europe/Amsterdam:20260112T110000"
WINDOWS = ";TZID=W. Europe Standard Time:20260112T110000"
OWN = ";TZID=Customized Time Zone:20260112T110000"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rule("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4"), rule("COUNT=4;BYDAY=WE,MO;FREQ=weekly;INTERVAL=1;WKST=SU")),
        (rule("FREQ=DAILY;COUNT=5"), rule("FREQ=DAILY;UNTIL=20260116T100000Z")),
        (rule("FREQ=DAILY;UNTIL=20260116T100000Z"), rule("FREQ=DAILY;UNTIL=20260116")),
        (rule("FREQ=DAILY", start=AMSTERDAM), rule("FREQ=DAILY", start=WINDOWS)),
        (rule("FREQ=DAILY", start=AMSTERDAM), rule("FREQ=DAILY", start=OWN)),
        (series("RDATE:20260113T100000Z,20260114T100000Z"), series("RDATE:20260114T100000Z", "RDATE:20260113T100000Z")),
        (series(start=AMSTERDAM), series()),
    ],
)  # fmt: skip
def test_other_words_for_the_same(old, new):
    assert not compared(retimed, old, new)
    assert not compared(retimed, new, old)


@pytest.mark.parametrize(
    ("longer", "shorter"),
    [
        (rule("FREQ=DAILY"), rule("FREQ=DAILY;COUNT=5")),
        (rule("FREQ=DAILY"), rule("FREQ=DAILY;UNTIL=20260120T000000Z")),
        (rule("FREQ=DAILY;COUNT=6"), rule("FREQ=DAILY;COUNT=5")),
        (rule("FREQ=DAILY;COUNT=6"), rule("FREQ=DAILY;UNTIL=20260116T235959Z")),
        (rule("FREQ=DAILY;UNTIL=20260117T235959Z"), rule("FREQ=DAILY;COUNT=5")),
        (rule("FREQ=DAILY;COUNT=6", start=AMSTERDAM), rule("FREQ=DAILY;COUNT=5", start=WINDOWS)),
        (rule("FREQ=SECONDLY"), rule("FREQ=SECONDLY;COUNT=100000")),
        (series("RRULE:FREQ=DAILY;COUNT=3", "RDATE:20260301T100000Z"), rule("FREQ=DAILY;COUNT=3")),
        (series("RDATE:20260301T100000Z,20260401T100000Z"), series("RDATE:20260401T100000Z")),
    ],
)
def test_shorter_and_longer(longer, shorter):
    assert compared(retimed, longer, shorter)
    assert not compared(relaid, longer, shorter)
    assert not compared(relaid, shorter, longer)
    assert not compared(gained, longer, shorter)
    assert compared(gained, shorter, longer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (series(), rule("FREQ=DAILY;COUNT=2")),
        (rule("FREQ=DAILY"), rule("FREQ=WEEKLY")),
        (rule("FREQ=WEEKLY;BYDAY=MO,TU"), rule("FREQ=WEEKLY;BYDAY=MO")),
        (rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU"), rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU")),
        (rule("FREQ=DAILY"), rule("FREQ=DAILY", start=":20260112T103000Z")),
        (rule("FREQ=DAILY", start=AMSTERDAM), rule("FREQ=DAILY")),
        (rule("FREQ=DAILY", start=AMSTERDAM), rule("FREQ=DAILY", start=";TZID=Africa/Lagos:20260112T110000")),
        (rule("FREQ=DAILY;COUNT=5"), series("RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=DAILY;INTERVAL=2")),
        (series("RDATE;VALUE=PERIOD:20260113T100000Z/PT1H"), series("RDATE;VALUE=PERIOD:20260113T100000Z/PT2H")),
    ],
)  # fmt: skip
def test_laid_out_otherwise(old, new):
    assert compared(relaid, old, new)
    assert compared(relaid, new, old)
