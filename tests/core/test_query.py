# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters against data: RFC 4791 §9.7 to §9.9, each row of its tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_objects import obj

from calcore_caldav.core.matching import matches
from calcore_caldav.core.query import (
    CalendarQuery,
    Collation,
    CompFilter,
    MatchType,
    Needles,
    ParamFilter,
    PropFilter,
    TextMatch,
    index_hint,
)
from calcore_caldav.core.times import TimeRange, parse_date_time


def window(text: str) -> TimeRange:
    """ "0105/0106T12" in January to December 2026, UTC; either side may be empty."""
    sides = []
    for side in text.split("/"):
        day, _, time = side.partition("T")
        value = parse_date_time(f"2026{day}T{time:0<6}Z") if side else None
        sides.append(value)
    return TimeRange(*sides)


def query(*comps: CompFilter, anyof: bool = False) -> CalendarQuery:
    return CalendarQuery(CompFilter("VCALENDAR", comps=comps, anyof=anyof))


def event(*props: PropFilter, name: str = "VEVENT", **rest) -> CalendarQuery:
    return query(CompFilter(name, props=props, **rest))


START = ("DTSTART:20260105T100000Z",)
DAY = ("DTSTART;VALUE=DATE:20260105",)


@pytest.mark.parametrize(
    ("lines", "inside", "outside"),
    [
        # VEVENT: DTEND
        ((*START, "DTEND:20260105T110000Z"), "0105T1059/0106", "0105T11/0106"),
        ((*START, "DTEND:20260105T110000Z"), "0105/0105T1001", "0105/0105T10"),
        # DURATION, also of zero
        ((*START, "DURATION:PT1H"), "0105T1059/0106", "0105T11/0106"),
        ((*START, "DURATION:PT0S"), "0105T10/0106", "0105T1001/0106"),
        # neither: an instant, or a day
        (START, "0105T10/0105T11", "0105T09/0105T10"),
        (DAY, "0105T2359/0106", "0106/0107"),
        (DAY, "/0105T0001", "/0105"),
        ((*DAY, "DTEND;VALUE=DATE:20260107"), "0106T23/", "0107/"),
        # recurring
        ((*START, "RRULE:FREQ=DAILY"), "0301/0302", "0101/0105"),
        ((*START, "RRULE:FREQ=DAILY;COUNT=3"), "0107/0108", "0108/0201"),
        ((*START, "RRULE:FREQ=DAILY", "EXDATE:20260201T100000Z"), "0202/0203", "0201/0202"),
    ],
)
def test_events_in_time(lines, inside, outside):
    assert matches(obj(*lines), event(time_range=window(inside)))
    assert not matches(obj(*lines), event(time_range=window(outside)))


@pytest.mark.parametrize(
    ("lines", "inside", "outside"),
    [
        # DTSTART and DURATION: (start <= S+D) and (end > S or end >= S+D)
        ((*START, "DURATION:PT1H"), "0105T11/0106", "0105T1101/0106"),
        ((*START, "DURATION:PT1H"), "0105/0105T1001", "0105/0105T10"),
        # …of a day that has 23 hours
        (("DTSTART;TZID=Europe/Paris:20260328T220000", "DURATION:P1D"), "0329T20/0330", "0329T2030/0330"),
        # DTSTART and DUE
        ((*START, "DUE:20260105T110000Z"), "0105T1059/0106", "0105T11/0106"),
        ((*START, "DUE:20260105T100000Z"), "0105T10/0106", "0105T1001/0106"),
        ((*START, "DUE:20260105T100000Z"), "0104/0105T10", "0104/0105T0959"),
        # DTSTART
        (START, "0105T10/0105T11", "0105T09/0105T10"),
        # DUE: (start < DUE) and (end >= DUE)
        (("DUE:20260105T100000Z",), "0105T09/0105T10", "0105T10/0105T11"),
        # COMPLETED and CREATED
        (("COMPLETED:20260105T100000Z", "CREATED:20260101T000000Z"), "0103/0104", "0106/0107"),
        (("COMPLETED:20260105T100000Z", "CREATED:20260101T000000Z"), "0105T10/0106", "1201/1202"),
        (("COMPLETED:20260105T100000Z",), "0105/0105T10", "0105T1001/0106"),
        (("CREATED:20260105T100000Z",), "0105/0105T1001", "0105/0105T10"),
        (("CREATED:20260105T100000Z",), "1201/1202", "0101/0105"),
        # recurring, by start and due, or by due alone
        ((*START, "DUE:20260105T110000Z", "RRULE:FREQ=WEEKLY;COUNT=2"), "0112T1059/0113", "0112T11/0120"),
    ],
)
def test_tasks_in_time(lines, inside, outside):
    task = obj(*lines, component="VTODO")
    assert matches(task, event(name="VTODO", time_range=window(inside)))
    assert not matches(task, event(name="VTODO", time_range=window(outside)))


@pytest.mark.parametrize("lines", [(), ("CREATED:00001231T000000Z",), ("SUMMARY:some day",)])
def test_a_task_without_times_is_always_there(lines):
    assert matches(obj(*lines, component="VTODO"), event(name="VTODO", time_range=window("0105/0106")))


@pytest.mark.parametrize(
    ("lines", "inside", "outside"),
    [
        (START, "0105T10/0105T11", "0105T09/0105T10"),
        (DAY, "0105T2359/0106", "0106/0107"),
        ((*DAY, "RRULE:FREQ=MONTHLY"), "0305/0306", "0306/0405"),
    ],
)
def test_journals_in_time(lines, inside, outside):
    journal = obj(*lines, component="VJOURNAL")
    assert matches(journal, event(name="VJOURNAL", time_range=window(inside)))
    assert not matches(journal, event(name="VJOURNAL", time_range=window(outside)))
    assert not matches(obj(component="VJOURNAL"), event(name="VJOURNAL", time_range=window(inside)))


@pytest.mark.parametrize(
    ("lines", "inside", "outside"),
    [
        (("DTSTART:20260105T000000Z", "DTEND:20260106T000000Z"), "0106/0107", "0106T0001/0107"),
        (("FREEBUSY:20260105T100000Z/PT1H,20260107T100000Z/PT1H",), "0107/0108", "0106/0107"),
        (("FREEBUSY;FBTYPE=FREE:20260105T100000Z/PT1H",), "0105T1059/0106", "0105T11/0106"),
    ],
)
def test_free_busy_in_time(lines, inside, outside):
    stored = obj(*lines, component="VFREEBUSY")
    assert matches(stored, event(name="VFREEBUSY", time_range=window(inside)))
    assert not matches(stored, event(name="VFREEBUSY", time_range=window(outside)))
    assert not matches(obj(component="VFREEBUSY"), event(name="VFREEBUSY", time_range=window(inside)))


def alarm(*lines: str) -> tuple[str, ...]:
    return ("BEGIN:VALARM", "ACTION:DISPLAY", *lines, "END:VALARM")


def rings(text: str, **rest) -> CalendarQuery:
    return query(CompFilter("VEVENT", comps=(CompFilter("VALARM", time_range=window(text)),), **rest))


@pytest.mark.parametrize(
    ("lines", "inside", "outside"),
    [
        ((*START, *alarm("TRIGGER:-PT15M")), "0105T0945/0105T10", "0105T0946/0106"),
        ((*START, "DURATION:PT1H", *alarm("TRIGGER;RELATED=END:PT5M")), "0105T1105/0106", "0105/0105T1105"),
        ((*START, *alarm("TRIGGER;VALUE=DATE-TIME:20260201T000000Z")), "0201/0202", "0105/0106"),
        ((*START, *alarm("TRIGGER:-P2D")), "0103T10/0104", "0104/0110"),
        ((*START, *alarm("TRIGGER:PT0S", "REPEAT:2", "DURATION:PT1H")), "0105T12/0105T13", "0105T13/0106"),
        ((*START, "RRULE:FREQ=DAILY", *alarm("TRIGGER:-PT15M")), "0401T0945/0401T0946", "0401T0946/0402T0945"),
        ((*START, "RRULE:FREQ=DAILY", *alarm("TRIGGER:-PT15M")), "1001/", "0101/0102"),
        ((*START, *alarm("TRIGGER:-PT15M"), *alarm("TRIGGER:-P1D")), "0104T10/0104T11", "0104T11/0105T09"),
        (
            (*START, "RRULE:FREQ=DAILY;COUNT=3", *alarm("TRIGGER:-PT15M"), "--", "RECURRENCE-ID:20260106T100000Z",
             "DTSTART:20260106T100000Z", *alarm("TRIGGER:-PT1H")),
            "0106T09/0106T0901", "0106T0945/0106T0946",
        ),
    ],
)  # fmt: skip
def test_alarms_ring(lines, inside, outside):
    assert matches(obj(*lines), rings(inside))
    assert not matches(obj(*lines), rings(outside))


@pytest.mark.parametrize("trigger", ["TRIGGER:230000", "TRIGGER:", "X-TRIGGER:-PT15M"])
def test_alarms_that_cannot_be_read_never_ring(trigger):
    assert not matches(obj(*START, *alarm(trigger)), rings("0101/0201"))


def test_an_alarm_of_a_task_without_times_never_rings():
    task = obj(*alarm("TRIGGER:-PT15M"), component="VTODO")
    wanted = query(CompFilter("VTODO", comps=(CompFilter("VALARM", time_range=window("0101/0201")),)))
    assert not matches(task, wanted)


SERIES = obj(
    *START, "DURATION:PT1H", "RRULE:FREQ=DAILY", "SUMMARY:standup", "LOCATION:here",
    "--", "RECURRENCE-ID:20260110T100000Z", "DTSTART:20260110T120000Z", "DURATION:PT1H", "SUMMARY:retreat",
)  # fmt: skip


def summary(text: str) -> PropFilter:
    return PropFilter("SUMMARY", text_match=TextMatch(text))


@pytest.mark.parametrize(
    ("text", "days", "expected"),
    [
        ("standup", "0109/0110", True),
        ("standup", "0110/0111", False),
        ("retreat", "0110/0111", True),
        ("retreat", "0109/0110", False),
        ("retreat", "0109/", True),
        ("retreat", "0111/", False),
        ("standup", "0111/", True),
        ("nowhere", "0109/", False),
    ],
)
def test_time_and_text_hold_for_the_same_instance(text, days, expected):
    assert matches(SERIES, event(summary(text), time_range=window(days))) is expected


@pytest.mark.parametrize(
    ("prop", "days", "expected"),
    [
        ("DTSTART", "0110T12/0110T13", True),
        ("DTSTART", "0110T10/0110T11", False),
        ("DTSTART", "0112T10/0112T11", True),
        ("DTEND", "0112T11/0112T12", True),
        ("DTEND", "0112T1101/0112T12", False),
        ("DTSTAMP", "0101/0201", False),
    ],
)
def test_property_times_are_those_of_instances(prop, days, expected):
    wanted = event(PropFilter(prop, time_range=window(days)))
    assert matches(SERIES, wanted) is expected


def test_property_times_of_a_plain_component():
    task = obj("CREATED:20260105T100000Z", *START, "DURATION:P1D", component="VTODO")
    for prop, inside, outside in (
        ("CREATED", "0105T10/0106", "0105T1001/0106"),
        ("DUE", "0106T10/0107", "0106/0106T10"),
    ):
        assert matches(task, event(PropFilter(prop, time_range=window(inside)), name="VTODO"))
        assert not matches(task, event(PropFilter(prop, time_range=window(outside)), name="VTODO"))


def test_other_times_have_nothing_to_do_with_instances():
    made = obj("CREATED:20200105T100000Z", *START, "RRULE:FREQ=DAILY")
    wanted = event(PropFilter("CREATED", time_range=TimeRange(None, datetime(2021, 1, 1, tzinfo=UTC))))
    assert matches(made, wanted)
    assert not matches(made, event(PropFilter("CREATED", time_range=window("0101/0201"))))


PLAIN = obj(
    "DTSTART;TZID=Europe/Amsterdam:20260105T100000", "SUMMARY:Ärger\\, Größe", "CATEGORIES:one,two", "CATEGORIES:Three",
    'ATTENDEE;CN="Doe, Jane";PARTSTAT=ACCEPTED:mailto:jane@example.com', "ATTENDEE:mailto:joe@example.com",
)  # fmt: skip


@pytest.mark.parametrize(
    ("prop", "expected"),
    [
        (PropFilter("SUMMARY"), True),
        (PropFilter("LOCATION"), False),
        (PropFilter("LOCATION", is_not_defined=True), True),
        (PropFilter("SUMMARY", is_not_defined=True), False),
        (PropFilter("SUMMARY", text_match=TextMatch("RGER, gr")), True),
        (PropFilter("SUMMARY", text_match=TextMatch("ärger")), False),
        (PropFilter("SUMMARY", text_match=TextMatch("ärger", Collation.UNICODE_CASEMAP)), True),
        (PropFilter("SUMMARY", text_match=TextMatch("GRÖSSE", Collation.UNICODE_CASEMAP)), True),
        (PropFilter("SUMMARY", text_match=TextMatch("rger", Collation.OCTET)), True),
        (PropFilter("SUMMARY", text_match=TextMatch("RGER", Collation.OCTET)), False),
        (PropFilter("SUMMARY", text_match=TextMatch("rger", negate=True)), False),
        (PropFilter("SUMMARY", text_match=TextMatch("zorn", negate=True)), True),
        (PropFilter("LOCATION", text_match=TextMatch("zorn", negate=True)), False),
        (PropFilter("CATEGORIES", text_match=TextMatch("three")), True),
        (PropFilter("CATEGORIES", text_match=TextMatch("four")), False),
        (PropFilter("UID", text_match=TextMatch("1", match_type=MatchType.EQUALS)), True),
        (PropFilter("SUMMARY", text_match=TextMatch("größe", Collation.UNICODE_CASEMAP, match_type=MatchType.ENDS_WITH)), True),
        (PropFilter("SUMMARY", text_match=TextMatch("größe", Collation.UNICODE_CASEMAP, match_type=MatchType.STARTS_WITH)), False),
        (PropFilter("DTSTART", params=(ParamFilter("TZID"),)), True),
        (PropFilter("DTSTART", params=(ParamFilter("TZID", text_match=TextMatch("amster")),)), True),
        (PropFilter("DTSTART", params=(ParamFilter("TZID", text_match=TextMatch("amster", negate=True)),)), False),
        (PropFilter("DTSTART", params=(ParamFilter("TZID", is_not_defined=True),)), False),
        (PropFilter("ATTENDEE", params=(ParamFilter("CN", is_not_defined=True),)), True),
        (PropFilter("ATTENDEE", params=(ParamFilter("CN", text_match=TextMatch("Doe, J")),)), True),
        # both must hold for one and the same property
        (PropFilter("ATTENDEE", text_match=TextMatch("joe"), params=(ParamFilter("PARTSTAT"),)), False),
        (PropFilter("ATTENDEE", text_match=TextMatch("joe"), params=(ParamFilter("PARTSTAT"),), anyof=True), True),
    ],
)  # fmt: skip
def test_property_filters(prop, expected):
    assert matches(PLAIN, event(prop)) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (query(), True),
        (CalendarQuery(CompFilter("VCALENDAR", is_not_defined=True)), False),
        (CalendarQuery(CompFilter("VEVENT")), False),
        (CalendarQuery(CompFilter("VCALENDAR", props=(PropFilter("VERSION"),))), True),
        (CalendarQuery(CompFilter("VCALENDAR", props=(PropFilter("METHOD"),))), False),
        (query(CompFilter("VEVENT")), True),
        (query(CompFilter("VTODO")), False),
        (query(CompFilter("VTODO", is_not_defined=True)), True),
        (query(CompFilter("VEVENT", is_not_defined=True)), False),
        (query(CompFilter("VTIMEZONE")), False),
        (query(CompFilter("VEVENT"), CompFilter("VTODO")), False),
        (query(CompFilter("VEVENT"), CompFilter("VTODO"), anyof=True), True),
        (query(CompFilter("VEVENT", comps=(CompFilter("VALARM", is_not_defined=True),))), True),
        (query(CompFilter("VEVENT", comps=(CompFilter("VALARM"),))), False),
        (event(summary("rger"), PropFilter("LOCATION")), False),
        (event(summary("rger"), PropFilter("LOCATION"), anyof=True), True),
    ],
)
def test_component_filters(wanted, expected):
    assert matches(PLAIN, wanted) is expected


def test_floating_and_all_day_times_are_of_the_zone():
    night = event(time_range=window("0105T22/0105T23"))
    assert matches(obj(*DAY), night)
    assert not matches(obj(*DAY), night, ZoneInfo("Asia/Tokyo"))
    assert matches(obj("DTSTART:20260106T073000"), night, ZoneInfo("Asia/Tokyo"))
    assert not matches(obj("DTSTART:20260106T073000"), night)


@pytest.mark.parametrize(
    ("wanted", "kind", "days", "uid", "exact"),
    [
        (query(), None, False, False, True),
        (query(CompFilter("VEVENT")), "VEVENT", False, False, True),
        (event(time_range=window("0105/0106")), "VEVENT", True, False, True),
        (event(time_range=window("0105/")), "VEVENT", True, False, True),
        (event(summary("x"), time_range=window("0105/0106")), "VEVENT", True, False, False),
        (event(name="VTODO", time_range=window("0105/0106")), "VTODO", True, False, False),
        (event(PropFilter("UID", text_match=TextMatch("x"))), "VEVENT", False, True, True),
        (event(PropFilter("UID", text_match=TextMatch("x")), summary("y"), anyof=True), "VEVENT", False, False, False),
        (query(CompFilter("VEVENT", is_not_defined=True)), None, False, False, False),
        (query(CompFilter("VEVENT"), CompFilter("VTODO")), None, False, False, False),
        (query(CompFilter("VTIMEZONE")), None, False, False, False),
        (rings("0105/0106"), "VEVENT", False, False, False),
    ],
)  # fmt: skip
def test_what_the_index_decides(wanted, kind, days, uid, exact):
    hint = index_hint(wanted)
    assert (hint.kind, hint.window is not None, hint.uid is not None, hint.exact) == (kind, days, uid, exact)


@given(
    st.integers(0, 72), st.integers(0, 30), st.integers(-80, 80), st.integers(1, 40),
    st.sampled_from(["", "RRULE:FREQ=DAILY;COUNT=3"]),
)  # fmt: skip
def test_events_in_time_by_brute_force(start, length, begin, span, rule):
    origin = datetime(2026, 1, 5, tzinfo=UTC)
    first = origin + timedelta(hours=start)
    lines = [f"DTSTART:{first:%Y%m%dT%H%M%SZ}", f"DURATION:PT{length}H", *([rule] if rule else [])]
    low = origin + timedelta(hours=begin)
    high = low + timedelta(hours=span)
    starts = [first + timedelta(days=n) for n in range(3 if rule else 1)]
    expected = any(
        (low < s + timedelta(hours=length) and high > s) if length else low <= s < high for s in starts
    )
    assert matches(obj(*lines), event(time_range=TimeRange(low, high))) is expected


SAMPLES = [
    PLAIN,
    SERIES,
    obj(
        *START,
        *alarm("TRIGGER:-PT5M"),
        "DESCRIPTION:a\\bc long te",
        " xt with: \\, and\\nmore",
        "DURATION:PT1H",
    ),
]
WORDS = [
    "standup",
    "RGER",
    "größe",
    "abc",
    "long text",
    "with: ",
    "and",
    "more",
    "Doe, Jane",
    "amsterdam",
    "zzz",
    "",
    "\\",
    "nmore",
]
text_matches = st.builds(
    TextMatch, st.sampled_from(WORDS), st.sampled_from(Collation), st.booleans(), st.sampled_from(MatchType)
)
param_filters = st.builds(
    ParamFilter, st.sampled_from(["CN", "TZID", "X"]), st.booleans(), st.none() | text_matches
)
prop_filters = st.builds(
    PropFilter,
    st.sampled_from(["SUMMARY", "DESCRIPTION", "ATTENDEE", "DTEND", "DTSTART", "X-NONE"]),
    st.booleans(),
    st.none() | st.just(window("0105/0106")),
    st.none() | text_matches,
    st.lists(param_filters, max_size=2).map(tuple),
    st.booleans(),
)
alarm_filters = st.builds(CompFilter, st.sampled_from(["VALARM", "X-NONE"]), st.booleans())
event_filters = st.builds(
    CompFilter,
    st.sampled_from(["VEVENT", "VTODO"]),
    st.booleans(),
    st.none() | st.just(window("0105/0106")),
    st.lists(prop_filters, max_size=2).map(tuple),
    st.lists(alarm_filters, max_size=1).map(tuple),
    st.booleans(),
)


@given(st.lists(event_filters, max_size=2), st.booleans())
def test_whatever_matches_holds_its_needles(comps, anyof):
    wanted = query(*comps, anyof=anyof)
    for sample in SAMPLES:
        if matches(sample, wanted):
            assert Needles(wanted).found_in(sample.body)


def test_needles_tell_most_of_the_others():
    assert not Needles(event(summary("zzz"))).found_in(PLAIN.body)
    assert not Needles(event(PropFilter("LOCATION"))).found_in(PLAIN.body)
    assert not Needles(query(CompFilter("VEVENT", comps=(CompFilter("VALARM"),)))).found_in(PLAIN.body)
    assert Needles(event(summary("rger"))).found_in(PLAIN.body)
