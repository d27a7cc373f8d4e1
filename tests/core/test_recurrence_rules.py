# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: against dateutil's walk, against themselves, and the examples of RFC 5545 §3.8.5.3."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from recurrence_strategies import rules, starts

from calcore_caldav.core.moments import format_date_time, from_local, parse_date_time, to_local
from calcore_caldav.core.rules import Skip, parse_rule
from calcore_caldav.core.rules_walk import RuleWalk
from calcore_caldav.errors import InvalidCalendarData

ALL = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")


def walk(start: str, text: str, number: int = 50) -> list[str]:
    value = parse_date_time(start)
    rule = parse_rule(text)
    dates = not isinstance(value, datetime)
    found = RuleWalk(rule, to_local(value), dates=dates).walk(to_local(value))
    texts = (format_date_time(from_local(at).date() if dates else from_local(at)) for at in found)
    return list(islice(texts, rule.count or number))


@settings(max_examples=150, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(rules(freqs=ALL[:4]), starts)
def test_agrees_with_the_walk_of_dateutil(text: str, start: datetime) -> None:
    # dateutil counts positions in the first week from DTSTART instead of the week's start.
    assume("FREQ=WEEKLY" not in text or "BYSETPOS" not in text)
    ours = [*islice(RuleWalk(parse_rule(text), to_local(start)).walk(to_local(start)), 30)]
    assume(len(ours) == 30 and from_local(ours[-1]).year < 2200)  # dateutil walks on to the year 9999
    assert [from_local(at) for at in ours] == [*islice(rrulestr(text, dtstart=start), 30)], (start, text)


@settings(max_examples=60, deadline=None)
@given(rules(freqs=(*ALL, "SECONDLY")), starts, st.integers(0, 20 * 366 * 86400))
def test_jumping_ahead_is_walking_there(text: str, start: datetime, ahead: int) -> None:
    made = RuleWalk(parse_rule(text), to_local(start))
    if "SECONDLY" in text or "MINUTELY" in text:
        ahead %= 86400 * 3
    since = to_local(start) + ahead
    passed = []
    for number, at in enumerate(made.walk(0)):
        if at >= since or number > 2000:
            break
        passed.append(at)
    assume(len(passed) <= 2000)
    following = [*islice(made.walk(since), 5)]
    assert [*islice(made.walk(0), len(passed) + 5)] == passed + following
    assert made.count_before(since) == len(passed)
    assert [made.nth(len(passed) + n) for n in range(1, len(following) + 1)] == following


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=1",
        "FREQ=SECONDLY;INTERVAL=60;BYSECOND=1",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=1",
        "FREQ=SECONDLY;INTERVAL=999999999;BYMONTH=6;BYSECOND=1",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=YEARLY;BYDAY=MO;BYSETPOS=60",
        "FREQ=DAILY;BYSETPOS=2",
    ],
)
def test_a_rule_that_never_matches_ends(text: str) -> None:
    assert walk("20260101T000000", text) == []
    assert RuleWalk(parse_rule(text), to_local(datetime(2026, 1, 1))).nth(1) is None


@pytest.mark.parametrize(
    ("start", "text", "expected"),
    [
        ("19970902T090000", "FREQ=DAILY;COUNT=3", "19970902T090000 19970903T090000 19970904T090000"),
        ("19970902T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=SU;BYDAY=TU,TH",
         "19970902T090000 19970904T090000 19970916T090000 19970918T090000"),
        ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         "19970805T090000 19970810T090000 19970819T090000 19970824T090000"),
        ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         "19970805T090000 19970817T090000 19970819T090000 19970831T090000"),
        ("19970905T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "19970905T090000 19971003T090000 19971107T090000"),
        ("19970907T090000", "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
         "19970907T090000 19970928T090000 19971102T090000 19971130T090000"),
        ("19970928T090000", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "19970928T090000 19971029T090000 19971128T090000"),
        ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "19970519T090000 19980518T090000 19990517T090000"),
        ("19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
         "19970512T090000 19980511T090000 19990517T090000"),
        ("19970101T090000", "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
         "19970101T090000 19970410T090000 19970719T090000 20000101T090000"),
        ("19970902T090000", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3",
         "19980213T090000 19980313T090000 19981113T090000"),
        ("19961105T090000", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
         "19961105T090000 20001107T090000 20041102T090000"),
        ("19970904T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
         "19970904T090000 19971007T090000 19971106T090000"),
        ("19970929T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3",
         "19970929T090000 19971030T090000 19971127T090000"),
        ("19970902T090000", "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
         "19970902T090000 19970902T103000 19970902T120000 19970902T133000"),
        ("19970902T090000", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9;COUNT=4",
         "19970902T090000 19970902T092000 19970902T094000 19970903T090000"),
        ("20070115T090000", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
         "20070115T090000 20070130T090000 20070215T090000 20070315T090000 20070330T090000"),
    ],
)  # fmt: skip
def test_examples_of_the_rfc(start: str, text: str, expected: str) -> None:
    assert walk(start, text) == expected.split()


@pytest.mark.parametrize(
    ("start", "text", "expected"),
    [
        # The weekday comes from DTSTART, not the whole week.
        ("20130108T000000", "FREQ=YEARLY;BYWEEKNO=1,2;COUNT=4",
         "20130108T000000 20131231T000000 20140107T000000 20141230T000000"),
        # Week 53 of 2015 reaches into 2016.
        ("20130101T000000", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=TU,SA;COUNT=2", "20151229T000000 20160102T000000"),
        # INTERVAL counts the years that weeks belong to.
        ("19990104T090000", "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO;COUNT=4",
         "19990104T090000 20010101T090000 20021230T090000 20050103T090000"),
        # Days of the month alone are those of DTSTART's month.
        ("20240229", "FREQ=YEARLY;BYMONTHDAY=29;COUNT=3", "20240229 20280229 20320229"),
        ("20240201", "FREQ=YEARLY;BYMONTHDAY=-29,-1;COUNT=4", "20240201 20240229 20250228 20260228"),
        # Positions count from the start of the period, also where DTSTART is in its middle.
        ("20240110T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,10;COUNT=3",
         "20240112T090000 20240201T090000 20240214T090000"),
        # Times of day don't count for a date.
        ("20241018", "FREQ=DAILY;BYMINUTE=1,2,3,4;INTERVAL=2;COUNT=3", "20241018 20241020 20241022"),
        ("20241018", "FREQ=HOURLY;INTERVAL=12;BYHOUR=6;COUNT=2", "20241018 20241019"),
        ("20241018", "FREQ=HOURLY;INTERVAL=48;COUNT=2", "20241018 20241020"),
        # As clients write.
        ("20141006T090000", "freq=weekly;interval=1;count=2;byday=mo;", "20141006T090000 20141013T090000"),
        ("20141006T090000", "FREQ=DAILY;COUNT=0", "20141006T090000"),
        ("20141006T090000", "FREQ=DAILY;INTERVAL=0;COUNT=2;X-END=1;BYDAY=", "20141006T090000 20141007T090000"),
        ("20141006T090000", "FREQ=MINUTELY;BYSECOND=60;COUNT=1", "20141006T090059"),
        # RFC 7529: dates that a month or year doesn't have.
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4", "20140131 20140228 20140331 20140430"),
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4", "20140131 20140301 20140331 20140501"),
        ("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;INTERVAL=3;SKIP=FORWARD;COUNT=4",
         "20140131 20140501 20140731 20141031"),
        ("20150101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;COUNT=5;SKIP=BACKWARD",
         "20150101 20150131 20150301 20150331 20150501"),
        ("20121231", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD;COUNT=4",
         "20121231 20140101 20150101 20160101"),
        ("20120101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=-366;SKIP=BACKWARD;COUNT=4",
         "20120101 20121231 20131231 20141231"),
        ("20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;COUNT=3", "20120229 20130301 20140301"),
        ("20120229", "FREQ=YEARLY;SKIP=FORWARD;COUNT=2", "20120229 20160229"),
    ],
)  # fmt: skip
def test_what_others_read_otherwise(start: str, text: str, expected: str) -> None:
    assert walk(start, text) == expected.split()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "FREQ"),
        ("COUNT=3", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ"),
        ("FREQ=DAILY;EVERY=2", "EVERY"),
        ("FREQ=DAILY;INTERVAL=two", "INTERVAL"),
        ("FREQ=DAILY;COUNT=", "COUNT"),
        ("FREQ=DAILY;UNTIL=20260230", "UNTIL"),
        ("FREQ=DAILY;UNTIL=never", "UNTIL"),
        ("FREQ=WEEKLY;BYDAY=MONDAY", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=5L", "BYMONTH"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYSETPOS=0", "BYSETPOS"),
        ("FREQ=DAILY;WKST=XX", "WKST"),
        ("RSCALE=GREGORIAN;FREQ=DAILY;SKIP=LATER", "SKIP"),
    ],
)
def test_a_wrong_part_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidCalendarData) as caught:
        parse_rule(text)
    assert named in caught.value.detail
    assert caught.value.precondition == "valid-calendar-data"


def test_a_calendar_scale_that_is_not_supported_has_its_own_precondition() -> None:
    with pytest.raises(InvalidCalendarData) as caught:
        parse_rule("RSCALE=CHINESE;FREQ=YEARLY")
    assert caught.value.precondition == "supported-rscale"
    assert parse_rule("RSCALE=gregorian;FREQ=YEARLY;SKIP=forward").skip is Skip.FORWARD
