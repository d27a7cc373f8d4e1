# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole sets: rules by zones by windows by exceptions by overrides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from recurrence_strategies import ZONES, event, rules, starts, starts_of, utc

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.overrides import cancel_instance, override_instance, split_series, with_override
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.significance import component_at
from calcore_caldav.core.times import TimeRange
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest, NotFound, TooManyInstances

EVERYTHING = TimeRange(None, None)


@st.composite
def series(draw, *, ranges: bool = True) -> CalendarObject:
    """A series with exceptions, further dates and overrides, in any zone, floating or of whole days."""
    start = draw(starts)
    form = draw(st.sampled_from([*ZONES, "floating", "dates"]))
    lines = []

    def moment(name: str, value: datetime, params: str = "") -> str:
        if form == "dates":
            return f"{name};VALUE=DATE{params}:{value:%Y%m%d}"
        zoned = "" if form in {"floating", "UTC"} else f";TZID={form}"
        return f"{name}{zoned}{params}:{value:%Y%m%dT%H%M%S}{'Z' if form == 'UTC' else ''}"

    lines.append(moment("DTSTART", start))
    length = draw(st.sampled_from(["PT0S", "PT1H", "PT90M", "P1D", "P2DT3H", "P1W"]))
    lines.append(f"DURATION:{length}")
    rule = draw(
        rules(freqs=("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "DAILY", "WEEKLY"), times=False, end=True)
    )
    if form in {"floating", "dates"}:
        rule = rule.replace("120000Z", "120000") if form == "floating" else rule.replace("T120000Z", "")
    lines.append("RRULE:" + rule)
    for days in draw(st.lists(st.integers(1, 400), max_size=3, unique=True)):
        lines += [moment("RDATE", start + timedelta(days=days, hours=1))]
    plain = event(*lines)
    known = [*islice(plain.recurrence().between(EVERYTHING), 12)]
    others = []
    used = set()
    for instance in draw(st.lists(st.sampled_from(known), max_size=4, unique_by=lambda i: i.rid)):
        assert instance.rid is not None
        value = instance.rid.value
        if isinstance(value, datetime) and value.tzinfo is not None and form != "UTC":
            value = value.astimezone(ZoneInfo(form)).replace(tzinfo=None)
        at = datetime(*value.timetuple()[:6])
        kind = draw(st.sampled_from(["EXDATE", "moved", "cancelled", "range" if ranges else "moved"]))
        if kind == "EXDATE":
            lines.append(moment("EXDATE", at))
            continue
        used.add(instance.rid)
        moved = at + draw(
            st.sampled_from([timedelta(0), timedelta(hours=3), timedelta(days=-2), timedelta(days=9)])
        )
        others.append(
            (
                moment("RECURRENCE-ID", at, ";RANGE=THISANDFUTURE" if kind == "range" else ""),
                moment("DTSTART", moved),
                f"DURATION:{draw(st.sampled_from(['PT30M', length]))}",
                f"STATUS:{'CANCELLED' if kind == 'cancelled' else 'CONFIRMED'}",
            )
        )
    return event(*lines, others=tuple(others))


zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
Told = tuple[datetime, datetime, str, bool]


def told(instance: Instance) -> Told:
    rid = "" if instance.rid is None else instance.rid.to_basic()
    return instance.start, instance.end, rid, instance.overridden


def listed(found, number: int) -> list[tuple[datetime, datetime, str]]:
    return sorted(told(i)[:3] for i in islice(found, number))


@settings(max_examples=40, deadline=None)
@given(series(), zones, starts, st.integers(1, 400), st.integers(1, 400))
def test_adjacent_windows_add_up(obj, zone, begin, first, second) -> None:
    found = obj.recurrence(zone)
    a = begin.replace(tzinfo=UTC)
    b, c = a + timedelta(days=first), a + timedelta(days=first + second)
    left = {told(i) for i in found.between(TimeRange(a, b))}
    right = {told(i) for i in found.between(TimeRange(b, c))}
    assert left | right == {told(i) for i in found.between(TimeRange(a, c))}
    assert all(start < b < end or start == b for start, end, _, _ in left & right)


@settings(max_examples=40, deadline=None)
@given(series(), zones, starts, st.integers(1, 300))
def test_a_window_is_a_part_of_the_whole(obj, zone, begin, days) -> None:
    found = obj.recurrence(zone)
    window = TimeRange(begin.replace(tzinfo=UTC), begin.replace(tzinfo=UTC) + timedelta(days=days))
    whole = [*islice(found.between(TimeRange(None, window.end)), 4000)]
    assume(len(whole) < 4000)
    inside = [*found.between(window)]
    assert [told(i) for i in inside] == [told(i) for i in whole if window.overlaps(i.start, i.end)]
    assert [i.start for i in inside] == sorted(i.start for i in inside)
    assert len({i.rid for i in whole}) == len(whole)
    for instance in inside[:10]:
        assert instance.rid is not None
        assert found.instance(instance.rid) == instance
        assert RecurrenceId.parse(instance.rid.to_basic()) == instance.rid


@settings(max_examples=40, deadline=None)
@given(series(), zones)
def test_bounds_hold_every_instance(obj, zone) -> None:
    found = obj.recurrence(zone)
    first, last = found.bounds
    some = [*islice(found.between(EVERYTHING), 100)]
    if not some:
        assert (first, last) == (None, None)
        return
    assert first == min(i.start for i in some)
    assert (last is None) == found.endless
    assert last is None or max(i.end for i in some) <= last


@settings(max_examples=40, deadline=None)
@given(series(ranges=True), st.integers(0, 12))
def test_the_parts_of_a_split_series_are_the_series(obj, number) -> None:
    window = TimeRange(None, utc(2031, 1, 1))
    whole = [*obj.recurrence().between(window)]
    keys = sorted(i.rid for i in whole)
    assume(len(keys) > number)
    try:
        past, future = split_series(obj, keys[number], "other")
    except InvalidRequest:
        assert number == 0 or keys[number] <= obj.recurrence().series.rid(obj.recurrence().series.anchor)
        return
    # Not the identities: a part that is left with a single instance doesn't recur.
    parts = [(i.start, i.end) for part in (past, future) for i in part.recurrence().between(window)]
    assert sorted(parts) == sorted((i.start, i.end) for i in whole)
    assert (past.uid, future.uid) == ("other", "series")
    assert all(i.rid is None or i.rid < keys[number] for i in past.recurrence().between(window))
    assert all(i.rid is None or i.rid >= keys[number] for i in future.recurrence().between(window))
    relations = {c.value("RELATED-TO") for part in (past, future) for c in part.components}
    assert len(relations) == 1


@settings(max_examples=40, deadline=None)
@given(series(), st.data())
def test_an_override_that_changes_nothing(obj, data) -> None:
    known = [*islice(obj.recurrence().between(EVERYTHING), 20)]
    assume(known)
    chosen = data.draw(st.sampled_from(known))
    made = override_instance(obj, chosen.rid)
    assert all(made.get(name) is None for name in ("RRULE", "RDATE", "EXDATE"))
    again = with_override(obj, made).recurrence()
    assert listed(again.between(EVERYTHING), 20) == listed(known, 20)
    kept = cancel_instance(obj, chosen.rid, keep=True).recurrence()
    cancelled = kept.instance(chosen.rid)
    assert cancelled.component.value("STATUS") == "CANCELLED"
    assert listed(kept.between(EVERYTHING), 20) == listed(known, 20)
    gone = cancel_instance(obj, chosen.rid, keep=False).recurrence()
    assert gone.instance(chosen.rid) is None
    assert listed(gone.between(EVERYTHING), len(known) - 1) == listed(
        (i for i in known if i.rid != chosen.rid), 20
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(series(ranges=False), starts)
def test_agrees_with_recurring_ical_events(obj, begin) -> None:
    text = obj.body.decode()
    # It reads these otherwise than RFC 5545 or libical do.
    assume(not any(part in text for part in ("BYSETPOS", "RDATE", "Casablanca", "Apia", "EXDATE")))
    begin = begin.replace(tzinfo=UTC)
    end = begin + timedelta(days=200)
    theirs = recurring_ical_events.of(Calendar.from_ical(obj.body)).between(begin, end)
    found = obj.recurrence().between(TimeRange(begin, end))
    first = obj.recurrence().bounds[0]
    matched = obj.recurrence().series.rules[0].walk
    assume(matched.first(matched.start) == matched.start)
    assert first is not None

    def instant(value: date | datetime) -> datetime:
        value = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    ours = sorted(i.start for i in found if i.start > begin and i.end > i.start)
    assert ours == sorted(
        instant(e["DTSTART"].dt)
        for e in theirs
        if instant(e["DTSTART"].dt) > begin
        and e["DTEND" if "DTEND" in e else "DTSTART"].dt != e["DTSTART"].dt
    )


BERLIN = "DTSTART;TZID=Europe/Berlin:20260323T090000"


def test_an_hour_stays_the_hour_when_the_clock_is_changed() -> None:
    found = event(BERLIN, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2").recurrence()
    assert starts_of(found) == ["20260323T080000", "20260330T070000"]


def test_dtend_is_an_exact_length_and_days_of_a_duration_are_nominal() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20260327T120000", "RRULE:FREQ=DAILY;COUNT=3")

    def ends(*more: str) -> list[str]:
        return [f"{i.end:%dT%H}" for i in event(*lines, *more).recurrence().between(EVERYTHING)]

    assert ends("DTEND;TZID=Europe/Berlin:20260328T120000") == ["28T11", "29T11", "30T10"]
    assert ends("DURATION:P1D") == ["28T11", "29T10", "30T10"]
    assert ends("DURATION:PT24H") == ["28T11", "29T11", "30T10"]
    assert ends("DURATION:P1DT1H") == ["28T12", "29T11", "30T11"]


def test_a_time_that_is_skipped_or_happens_twice() -> None:
    skipped = event("DTSTART;TZID=Europe/Berlin:20260328T023000", "RRULE:FREQ=DAILY;COUNT=3").recurrence()
    assert starts_of(skipped) == ["20260328T013000", "20260329T013000", "20260330T003000"]
    assert skipped.instance(RecurrenceId.parse("20260329T013000Z")) is not None
    twice = event("DTSTART;TZID=Europe/Berlin:20261024T023000", "RRULE:FREQ=DAILY;COUNT=3").recurrence()
    assert starts_of(twice) == ["20261024T003000", "20261025T003000", "20261026T013000"]
    hours = event("DTSTART;TZID=Europe/Berlin:20260329T010000", "RRULE:FREQ=HOURLY;COUNT=4").recurrence()
    assert starts_of(hours) == ["20260329T000000", "20260329T010000", "20260329T020000"]


def test_override_only_objects_yield_their_instances() -> None:
    obj = event("RECURRENCE-ID:20260105T090000Z", "DTSTART:20260106T100000Z", "DTEND:20260106T110000Z")
    found = obj.recurrence()
    assert found.recurring
    assert not found.endless
    assert [told(i) for i in found.between(EVERYTHING)] == [
        (utc(2026, 1, 6, 10), utc(2026, 1, 6, 11), "20260105T090000Z", True)
    ]
    assert found.instance(RecurrenceId.parse("20260105T090000Z")) is not None
    assert found.instance(RecurrenceId.parse("20260106T100000Z")) is None


def test_a_window_finds_what_was_moved_into_it_and_not_what_was_moved_out() -> None:
    moved = ("RECURRENCE-ID:20260112T090000Z", "DTSTART:20270112T090000Z", "DURATION:PT5H")
    found = event(
        "DTSTART:20260105T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=4", others=(moved,)
    ).recurrence()
    assert starts_of(found, utc(2026, 1, 12), utc(2026, 1, 13)) == []
    assert starts_of(found, utc(2027, 1, 12, 13, 30), utc(2027, 1, 12, 13, 40)) == ["20270112T090000"]
    assert found.bounds == (utc(2026, 1, 5, 9), utc(2027, 1, 12, 14))


def test_this_and_future_moves_and_shortens_what_follows() -> None:
    future = (
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260330T090000",
        "DTSTART;TZID=Europe/Berlin:20260331T100000",
        "DURATION:PT30M",
        "SUMMARY:later",
    )
    single = (
        "RECURRENCE-ID;TZID=Europe/Berlin:20260406T090000",
        "DTSTART;TZID=Europe/Berlin:20260406T070000",
    )
    found = event(
        BERLIN, "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5", "SUMMARY:first", others=(future, single)
    ).recurrence()
    assert [
        (f"{i.start:%m%dT%H%M}", i.rid.to_basic()[4:11], i.overridden) for i in found.between(EVERYTHING)
    ] == [
        ("0323T0800", "0323T08", False),
        ("0331T0800", "0330T07", True),
        ("0406T0500", "0406T07", True),
        ("0414T0800", "0413T07", True),
        ("0421T0800", "0420T07", True),
    ]


def test_days_that_begin_late_end_with_the_day() -> None:
    """In São Paulo the clock was put forward at midnight."""
    future = ("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20181102", "DTSTART;VALUE=DATE:20181102")
    series = event("DTSTART;VALUE=DATE:20181101", "RRULE:FREQ=DAILY;COUNT=5", others=(future,))
    found = series.recurrence(ZoneInfo("America/Sao_Paulo")).between(EVERYTHING)
    assert [f"{i.start:%d %H} {i.end:%d %H}" for i in found] == [
        "01 03 02 03",
        "02 03 03 03",
        "03 03 04 03",
        "04 03 05 02",
        "05 02 06 02",
    ]


def test_a_period_longer_than_a_day_is_as_long_as_an_override() -> None:
    """25 hours, in which the clock is put forward."""
    rid, lines = "20260328T210000Z", ("RRULE:FREQ=DAILY;COUNT=2", "RDATE;VALUE=PERIOD:20260328T210000Z/PT25H")
    for end in ((), ("DURATION:PT1H",), ("DTEND;TZID=Europe/Berlin:20260326T230000",)):
        series = event("DTSTART;TZID=Europe/Berlin:20260326T220000", *end, *lines)
        override = override_instance(series, RecurrenceId.parse(rid))
        found = with_override(series, override).recurrence().instance(RecurrenceId.parse(rid))
        assert found is not None
        assert found.end - found.start == timedelta(hours=25)


def test_hours_skipped_at_the_end_of_a_day_are_those_of_the_next() -> None:
    """In Nuuk the clock is put forward from 23:00 to midnight: each instance once, in order."""
    series = event("DTSTART;TZID=America/Nuuk:20240330T220000", "RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=8")
    assert starts_of(series.recurrence()) == [
        "20240331T000000",
        "20240331T003000",
        "20240331T010000",
        "20240331T013000",
        "20240331T020000",
        "20240331T023000",
    ]


def test_exceptions_in_another_zone_and_as_dates() -> None:
    found = event(
        BERLIN,
        "RRULE:FREQ=DAILY;COUNT=5",
        "EXDATE;TZID=America/New_York:20260324T040000",
        "EXDATE:20260325T080000Z",
        "EXDATE;VALUE=DATE:20260326",
    ).recurrence()
    assert starts_of(found) == ["20260323T080000", "20260327T080000"]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260325T080000Z", "20260325T080000"),
        ("20260325T075959Z", "20260324T080000"),
        ("20260325T090000", "20260325T080000"),
        ("20260325T085959", "20260324T080000"),
        ("20260325", "20260325T080000"),
        ("20200101T000000Z", "20260323T080000"),
    ],
)
def test_until_in_every_form(until: str, last: str) -> None:
    found = event(BERLIN, f"RRULE:FREQ=DAILY;UNTIL={until}").recurrence()
    assert starts_of(found)[-1] == last
    assert found.bounds[1] >= datetime.strptime(last + "Z", "%Y%m%dT%H%M%S%z")


def test_dtstart_counts_though_the_rule_does_not_yield_it() -> None:
    found = event("DTSTART:20260105T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3").recurrence()
    assert starts_of(found) == ["20260105T090000", "20260106T090000", "20260113T090000"]


def test_dates_only_and_periods() -> None:
    found = event(
        "DTSTART:20260105T090000Z",
        "DTEND:20260105T100000Z",
        "RDATE:20260107T090000Z",
        "RDATE;VALUE=PERIOD:20260109T090000Z/PT3H,20260110T090000Z/20260110T093000Z",
    ).recurrence()
    assert [f"{i.start:%d} {i.end - i.start}" for i in found.between(EVERYTHING)] == [
        "05 1:00:00", "07 1:00:00", "09 3:00:00", "10 0:30:00",
    ]  # fmt: skip
    assert starts_of(found, utc(2026, 1, 9, 11), utc(2026, 1, 9, 12)) == ["20260109T090000"]


def test_floating_and_whole_days_are_read_in_the_zone_asked_with() -> None:
    floating = event("DTSTART:20260105T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2")
    days = event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=2")
    tokyo = ZoneInfo("Asia/Tokyo")
    assert starts_of(floating.recurrence(tokyo)) == ["20260105T000000", "20260106T000000"]
    assert starts_of(days.recurrence(tokyo)) == ["20260104T150000", "20260105T150000"]
    first = next(days.recurrence(tokyo).between(EVERYTHING))
    assert (first.all_day, first.floating, first.end - first.start) == (True, True, timedelta(days=1))
    assert first.rid == RecurrenceId(date(2026, 1, 5))
    assert next(floating.recurrence().between(EVERYTHING)).rid.to_basic() == "20260105T090000"


def test_tasks_and_journal_entries() -> None:
    due = event("VTODO", "DUE:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2")
    assert starts_of(due.recurrence()) == ["20260105T090000", "20260106T090000"]
    task = event("VTODO", "DTSTART:20260105T090000Z", "DUE:20260105T110000Z", "RRULE:FREQ=DAILY;COUNT=2")
    assert [i.end - i.start for i in task.recurrence().between(EVERYTHING)] == [timedelta(hours=2)] * 2
    assert [*event("VTODO", "SUMMARY:some day").recurrence().between(EVERYTHING)] == []
    assert event("VTODO", "RRULE:FREQ=DAILY").recurrence().bounds == (None, None)
    entry = event("VJOURNAL", "DTSTART;VALUE=DATE:20260105").recurrence()
    assert next(entry.between(EVERYTHING)).end == utc(2026, 1, 6)


def test_endless_rules_cost_what_is_asked_for() -> None:
    found = event("DTSTART:19700101T000000Z", "RRULE:FREQ=SECONDLY").recurrence()
    assert found.bounds == (utc(1970, 1, 1), None)
    assert len([*islice(found.between(TimeRange(utc(2500, 1, 1), None)), 5)]) == 5
    with pytest.raises(TooManyInstances):
        list(found.between(TimeRange(utc(2026, 1, 1), utc(2027, 1, 1)), limit=100))
    nothing = event("DTSTART:19700101T000000Z", "RRULE:FREQ=SECONDLY", "EXRULE:FREQ=SECONDLY").recurrence()
    assert [*nothing.between(EVERYTHING)] == []
    assert nothing.bounds == (None, None)
    counted = event("DTSTART:19700101T000000Z", "RRULE:FREQ=SECONDLY;COUNT=999999999").recurrence()
    assert counted.bounds[1] == utc(2001, 9, 9, 1, 46, 38)


def test_exrule_takes_away() -> None:
    found = event(
        "DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=DAILY;INTERVAL=2"
    ).recurrence()
    assert starts_of(found) == ["20260106T090000", "20260108T090000"]


def test_limit() -> None:
    found = event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3").recurrence()
    assert len([*found.between(EVERYTHING, limit=3)]) == 3
    with pytest.raises(TooManyInstances):
        list(found.between(EVERYTHING, limit=2))


def test_splitting_refuses_what_is_no_split() -> None:
    obj = event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3")
    for rid in ("20260104T000000Z", "20260105T090000Z", "20270101T000000Z", "20260106T090000", "20260106"):
        with pytest.raises(InvalidRequest) as caught:
            split_series(obj, RecurrenceId.parse(rid), "new")
        assert (caught.value.precondition, caught.value.caldav) == ("valid-split", False)
    with pytest.raises(InvalidRequest):
        split_series(event("DTSTART:20260105T090000Z"), RecurrenceId.parse("20260106T090000Z"), "new")


def test_splitting_as_the_calendarserver_extension_does() -> None:
    obj = event("DTSTART:20260105T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=20")
    past, future = split_series(obj, RecurrenceId.parse("20260115T000000Z"), "past")
    assert past.master.value("RRULE") == "FREQ=DAILY;UNTIL=20260115T115959Z"
    assert future.master.value("RRULE") == "FREQ=DAILY;COUNT=10"
    assert future.master.value("DTSTART") == "20260115T120000Z"
    again, _ = split_series(obj, RecurrenceId.parse("20260115T000000Z"), "future", renamed="future")
    assert again.uid == "series"


def test_no_such_instance() -> None:
    obj = event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3")
    for edit in (override_instance, lambda o, r: cancel_instance(o, r, keep=True)):
        with pytest.raises(NotFound):
            edit(obj, RecurrenceId.parse("20260205T090000Z"))


def test_a_wrong_date_is_refused_at_once() -> None:
    for line in (
        "RDATE:20260230T000000Z",
        "EXDATE:nonsense",
        "RRULE:FREQ=NEVER",
        "RDATE;VALUE=PERIOD:20260101T000000Z/X",
    ):
        with pytest.raises(InvalidCalendarData):
            event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY", line).recurrence()


@pytest.mark.parametrize(
    ("end", "start", "until", "found"),
    [
        ("20260105T100011Z", (10, 500_000), (20, 0), True),  # ends within the window's first second
        ("20260105T100010Z", (10, 500_000), (20, 0), False),
        ("20260105T100000Z", (0, 0), (0, 1), True),  # no length
        ("20260105T100000Z", (0, 1), (20, 0), False),
    ],
)
def test_windows_with_fractions_of_seconds(end, start, until, found):
    series = event("DTSTART:20260105T100000Z", f"DTEND:{end}", "RRULE:FREQ=DAILY;COUNT=2").recurrence()
    window = TimeRange(utc(2026, 1, 5, 10, 0, *start), utc(2026, 1, 5, 10, 0, *until))
    assert bool([*series.between(window)]) is found


def test_the_component_of_an_instance_under_a_range_or_of_a_task_without_start():
    series = event(
        "DTSTART:20260105T100000Z",
        "DTEND:20260105T110000Z",
        "SUMMARY:Old",
        "RRULE:FREQ=DAILY;COUNT=5",
        others=(
            (
                "RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T100000Z",
                "DTSTART:20260107T120000Z",
                "DTEND:20260107T123000Z",
                "SUMMARY:New",
            ),
        ),
    )
    found = component_at(series, RecurrenceId(utc(2026, 1, 8, 10)))
    assert [found.value(n) for n in ("RECURRENCE-ID", "DTSTART", "DTEND", "SUMMARY")] == [
        "20260108T100000Z", "20260108T120000Z", "20260108T123000Z", "New",
    ]  # fmt: skip
    task = event("VTODO", "DUE:20260105T100000Z", "RRULE:FREQ=DAILY;COUNT=5")
    found = component_at(task, RecurrenceId(utc(2026, 1, 6, 10)))
    assert [found.value(n) for n in ("RECURRENCE-ID", "DUE", "RRULE")] == ["20260106T100000Z"] * 2 + [None]
    # One that the series hasn't: as it would be.
    gone = component_at(series, RecurrenceId(utc(2026, 2, 1, 10)))
    assert gone.value("DTSTART") == "20260201T100000Z"
