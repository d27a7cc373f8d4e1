# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance index answers as expansion does, wherever the window lies."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import Clock, at, calendar, event, principal, undone, url_of

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType, instance_type
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.errors import TooManyInstances
from calcore_caldav.store import bookings, index, instances, objects
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Collection, Store, Transaction
from calcore_caldav.store.sqlite import _DIALECT

ZONES = ("Europe/Paris", "America/New_York", "Pacific/Kiritimati", "UTC")
NOW = Clock()()

# --- events of every kind -------------------------------------------------------------------------------

moments = st.one_of(
    st.integers(-40, 40),  # days: around now
    st.integers(-500, 900),  # across both ends of the horizon
    st.sampled_from([-20_000, -3000, 3000, 30_000]),
).map(lambda days: datetime(2026, 1, 15) + timedelta(days=days))
times = st.builds(lambda day, minutes: day + timedelta(minutes=minutes), moments, st.integers(0, 1439))
spans = st.sampled_from([0, 1, 60, 3600, 5400, 86400, 3 * 86400, 40 * 86400]).map(
    lambda s: timedelta(seconds=s)
)
rules = st.one_of(
    st.none(),
    st.builds(
        "RRULE:FREQ={};INTERVAL={}{}".format,
        st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        st.integers(1, 3),
        st.sampled_from(
            ["", ";COUNT=1", ";COUNT=5", ";COUNT=400", ";UNTIL=20260301T000000Z", ";UNTIL=20400101T000000Z"]
        ),
    ),
)


def written(kind: str, name: str, moment: datetime) -> str:
    if kind == "date":
        return f"{name};VALUE=DATE:{moment:%Y%m%d}"
    if kind == "floating":
        return f"{name}:{moment:%Y%m%dT%H%M%S}"
    if kind == "utc":
        return f"{name}:{moment:%Y%m%dT%H%M%S}Z"
    return f"{name};TZID={kind}:{moment:%Y%m%dT%H%M%S}"


@st.composite
def events(draw: st.DrawFn) -> CalendarObject:
    kind = draw(st.sampled_from(["date", "floating", "utc", *ZONES]))
    start = draw(times)
    span = draw(spans)
    rule = draw(rules)
    if kind == "date":
        start, span = start.replace(hour=0, minute=0), max(timedelta(days=span.days), timedelta(days=1))
    if rule and kind in {"date", "floating"}:
        rule = rule.replace("T000000Z", "" if kind == "date" else "T000000")
    state = draw(st.sampled_from(["", "STATUS:CANCELLED", "STATUS:TENTATIVE", "TRANSP:TRANSPARENT"]))
    answer = draw(st.sampled_from(["", "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com"]))
    lines = [written(kind, "DTSTART", start), written(kind, "DTEND", start + span), rule or "", state, answer]
    parts = [[line for line in lines if line]]
    if rule:
        for number in draw(st.lists(st.integers(0, 4), unique=True, max_size=2)):
            original = start + timedelta(days=7 * number)
            moved = draw(st.one_of(st.just(original), times))
            moved = moved.replace(hour=0, minute=0) if kind == "date" else moved
            parts.append(
                [
                    written(kind, "RECURRENCE-ID", original),
                    written(kind, "DTSTART", moved),
                    written(kind, "DTEND", moved + span),
                    *(
                        [draw(st.sampled_from(["STATUS:CANCELLED", "TRANSP:TRANSPARENT"]))]
                        if number % 2
                        else []
                    ),
                ]
            )
    uid = f"u{draw(st.integers(0, 10**9))}"
    first, *others = parts
    whole = event(uid, *first).body.decode()
    for lines in others:
        more = event(uid, *lines).body.decode()
        inside = more[more.index("BEGIN:VEVENT") : more.index("END:VCALENDAR")]
        whole = whole.replace("END:VCALENDAR", inside + "END:VCALENDAR")
    return CalendarObject(whole.encode())


windows = st.builds(
    lambda start, length: (start.replace(tzinfo=UTC), (start + length).replace(tzinfo=UTC)),
    times,
    st.sampled_from([60, 3600, 86400, 7 * 86400, 31 * 86400, 400 * 86400]).map(
        lambda s: timedelta(seconds=s)
    ),
)

# --- what expansion says --------------------------------------------------------------------------------


def happening(obj: CalendarObject, window: TimeRange, zone: ZoneInfo) -> bool:
    return next(iter(obj.recurrence(zone).between(window)), None) is not None


def expanded(obj: CalendarObject, window: Period, zone: ZoneInfo, own: frozenset[CalendarUserAddress]):
    found = obj.recurrence(zone).between(TimeRange(*window))
    return sorted((i.start, i.end, str(i.rid), i.floating, instance_type(i.component, own)) for i in found)


def indexed(txn: Transaction, here: Collection, window: Period):
    return sorted(
        (row.start, row.end, str(row.rid), row.floating, row.fbtype)
        for row in txn.instances.rows([here], window)
    )


def put(txn: Transaction, *objects: CalendarObject, owner: str = "ann") -> Collection:
    here = calendar(txn, owner)
    for number, obj in enumerate(objects):
        txn.objects.put(here, f"{number}.ics", obj, schedule_tag=None)
    return here


@settings(max_examples=150, deadline=None)
@given(events(), windows)
def test_rows_are_what_expansion_says(obj: CalendarObject, window: tuple[datetime, datetime]):
    period = Period(*window)
    with undone() as txn:
        here = put(txn, obj)
        own = principal(txn, "ann").own_addresses
        truth = expanded(obj, period, ZoneInfo("Europe/Paris"), own)
        assert indexed(txn, here, period) == truth
        busy = [BusyPeriod(start, end, kind) for start, end, _, _, kind in truth if kind]
        assert txn.instances.busy([here], period) == sorted(busy)
        assert txn.instances.busy([here], period, ignore_uid=obj.uid) == []
        in_range = txn.instances.objects_in_range(here, TimeRange(*period), ("VEVENT",))
        assert [s.uid for s in in_range] == ([obj.uid] if truth else [])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(events(), min_size=2, max_size=4, unique_by=lambda obj: obj.uid), times, st.sampled_from(ZONES)
)
def test_open_windows_and_other_zones(objects: list[CalendarObject], moment: datetime, zone: str):
    instant = moment.replace(tzinfo=UTC)
    with undone() as txn:
        here = put(txn, *objects)
        for window in (
            TimeRange(instant, None),
            TimeRange(None, instant),
            TimeRange(None, None),
            TimeRange(instant, instant + timedelta(hours=5)),
        ):
            for asked in (None, ZoneInfo(zone)):
                found = txn.instances.objects_in_range(here, window, ("VEVENT",), zone=asked)
                truth = {o.uid for o in objects if happening(o, window, asked or ZoneInfo("Europe/Paris"))}
                assert {s.uid for s in found} == truth
                assert len(found) == len(truth)


@settings(max_examples=40, deadline=None)
@given(events(), events(), windows)
def test_a_replaced_event_leaves_no_rows(
    old: CalendarObject, new: CalendarObject, window: tuple[datetime, datetime]
):
    with undone() as txn:
        put(txn, old)
        here = put(txn, new)
        own = principal(txn, "ann").own_addresses
        period = Period(*window)
        assert indexed(txn, here, period) == expanded(new, period, ZoneInfo("Europe/Paris"), own)


@settings(max_examples=40, deadline=None)
@given(events(), windows, st.sampled_from(ZONES))
def test_another_zone_moves_the_floating_rows(
    obj: CalendarObject, window: tuple[datetime, datetime], zone: str
):
    period = Period(*window)
    with undone() as txn:
        here = put(txn, obj)
        txn.directory.save(replace(principal(txn, "ann"), timezone=zone))
        own = principal(txn, "ann").own_addresses
        assert indexed(txn, here, period) == expanded(obj, period, ZoneInfo(zone), own)


@settings(max_examples=40, deadline=None)
@given(events(), st.integers(0, 1500), windows)
def test_time_goes_on_and_the_index_stays_exact(
    obj: CalendarObject, days: int, window: tuple[datetime, datetime]
):
    """Before `extend` as after it, and after `reindex`."""
    with undone() as txn:
        here = put(txn, obj)
        own = principal(txn, "ann").own_addresses
        start = window[0] + timedelta(days=days)
        period = Period(start, start + (window[1] - window[0]))
        truth = expanded(obj, period, ZoneInfo("Europe/Paris"), own)
        later = txn.now + timedelta(days=days)
        txn._session.now = later  # type: ignore[attr-defined]
        assert indexed(txn, here, period) == truth
        txn.instances.extend(later, 10)
        assert indexed(txn, here, period) == truth
        txn.instances.reindex(lambda _done, _total: None)
        assert indexed(txn, here, period) == truth


def test_a_series_before_the_index_in_another_zone(store: Store):
    with store.write(SYSTEM) as txn:
        here = put(txn, event("u", "DTSTART;VALUE=DATE:20171029", "RRULE:FREQ=DAILY"))
        window = TimeRange(None, at("2017-10-29 00:00"))
        assert len(txn.instances.objects_in_range(here, window)) == 1
        assert txn.instances.objects_in_range(here, window, zone=ZoneInfo("America/New_York")) == []


@settings(max_examples=40, deadline=None)
@given(events(), st.data())
def test_whatever_changes_the_rows_follow(old: CalendarObject, data: st.DataObject):
    """One line is changed, left out or added: where it says nothing about time, rows are not looked at."""
    lines = old.body.decode().split("\r\n")
    number = data.draw(st.integers(3, len(lines) - 4))
    line = data.draw(
        st.sampled_from(
            [
                "SUMMARY:x",
                "SEQUENCE:3",
                "TRANSP:TRANSPARENT",
                "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com",
                "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com",
                "EXDATE:20260120T090000Z",
                "X-UNKNOWN:1",
            ]
        )
    )
    inside = lines.index("END:VEVENT", 4)
    if lines[number].startswith(("BEGIN", "END", "UID", "DTSTART", "RECURRENCE-ID", "RRULE")):
        changed = [*lines[:inside], line, *lines[inside:]]
    else:
        changed = [*lines[:number], *lines[number + 1 :]]
    new = CalendarObject("\r\n".join(changed).encode())
    period = Period(NOW - timedelta(days=3000), NOW + timedelta(days=3000))
    with undone() as txn:
        put(txn, old)
        here = put(txn, new)
        own = principal(txn, "ann").own_addresses
        assert indexed(txn, here, period) == expanded(new, period, ZoneInfo("Europe/Paris"), own)


def test_an_answer_changes_no_rows(store: Store):
    """Nor are they read: they were marked, and keep the mark."""
    lines = "DTSTART:20260101T090000Z", "DTEND:20260101T100000Z", "RRULE:FREQ=WEEKLY"
    with store.write(SYSTEM) as txn:
        put(txn, event("w", *lines, "ATTENDEE:mailto:bob@example.com"))
        raw(txn, "UPDATE instances SET end_ts = end_ts + 1")
        marked = raw(txn, "SELECT * FROM instances")
        put(txn, event("w", *lines, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com", "SUMMARY:x"))
        assert raw(txn, "SELECT * FROM instances") == marked
        put(txn, event("w", *lines[:2], "RRULE:FREQ=WEEKLY;COUNT=3"))
        assert len(raw(txn, "SELECT * FROM instances")) == 3


# --- the horizon ----------------------------------------------------------------------------------------

DAILY = ("DTSTART:20200101T090000Z", "DTEND:20200101T100000Z", "RRULE:FREQ=DAILY")
NO_HORIZON = "SELECT indexed_from, indexed_until, indexed_at FROM objects"


def raw(txn: Transaction, sql: str) -> list[tuple[object, ...]]:
    cursor = txn._session.sql.cursor  # type: ignore[attr-defined]
    return cursor.execute(sql).fetchall()


def test_a_week_needs_no_expansion(store: Store, monkeypatch: pytest.MonkeyPatch):
    with store.write(SYSTEM) as txn:
        here = put(txn, event("d", *DAILY))
    with store.read() as txn:
        monkeypatch.setattr(CalendarObject, "recurrence", None)
        week = Period(NOW, NOW + timedelta(days=7))
        assert len(txn.instances.rows([here], week)) == 7
        assert len(txn.instances.objects_in_range(here, TimeRange(*week))) == 1


def test_the_horizon_rolls_on(store: Store, clock: Clock):
    with store.write(SYSTEM) as txn:
        put(txn, event("d", *DAILY), event("single"))
        count = raw(txn, "SELECT count(*) FROM instances")
        assert txn.instances.extend(txn.now, 10) == 0
    clock.forward(days=30)
    with store.write(SYSTEM) as txn:
        assert txn.instances.extend(txn.now, 10) == 1
        assert txn.instances.extend(txn.now, 10) == 0
        assert raw(txn, "SELECT count(*) FROM instances") == count
        ((last,),) = raw(txn, "SELECT max(start_ts) FROM instances")
        assert last == int((at("2026-02-14 09:00") + timedelta(days=730)).timestamp())


def test_extending_goes_on_where_it_stopped(store: Store, clock: Clock):
    with store.write(SYSTEM) as txn:
        put(txn, *(event(f"d{n}", *DAILY) for n in range(5)))
    clock.forward(days=31)
    with store.write(SYSTEM) as txn:
        assert [txn.instances.extend(txn.now, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_series_that_ends_is_never_extended(store: Store):
    with store.write(SYSTEM) as txn:
        put(txn, event("d", "DTSTART:20260101T090000Z", "RRULE:FREQ=DAILY;COUNT=20"))
        assert raw(txn, NO_HORIZON) == [(None, None, None)]


@pytest.mark.parametrize("freq", ["SECONDLY", "MINUTELY"])
def test_a_rule_that_never_stops_is_cut_short_and_still_exact(store: Store, freq: str):
    with store.write(SYSTEM) as txn:
        here = put(txn, event("s", "DTSTART:20260101T000000Z", "DURATION:PT1S", f"RRULE:FREQ={freq}"))
        ((rows,),) = raw(txn, "SELECT count(*) FROM instances")
        assert rows <= index.ROWS_PER_OBJECT
        for start in (at("2026-01-01 00:00"), NOW.replace(microsecond=0), at("2030-05-05 00:00")):
            window = Period(start, start + timedelta(minutes=10))
            count = 600 if freq == "SECONDLY" else 10
            assert len(txn.instances.rows([here], window)) == count
            assert len(txn.instances.objects_in_range(here, TimeRange(*window))) == 1


def test_an_answer_has_a_limit(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(instances, "EXPANSION_LIMIT", 100)
    with store.write(SYSTEM) as txn:
        here = put(txn, event("s", "DTSTART:20260101T000000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY"))
        with pytest.raises(TooManyInstances):
            txn.instances.rows([here], Period(at("2030-01-01 00:00"), at("2030-02-01 00:00")))


# --- one meeting in several calendars -------------------------------------------------------------------

BOB_DECLINED = (
    "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com",
    "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com",
)


@pytest.mark.parametrize(("start", "hours_later"), [("20260120T090000Z", 0), ("20260120T090000", 6)])
def test_a_meeting_counts_for_each_owner_in_their_zone(store: Store, start: str, hours_later: int):
    meeting = event("m", f"DTSTART:{start}", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3", *BOB_DECLINED)
    window = Period(at("2026-01-01 00:00"), at("2026-04-01 00:00"))
    with store.write(SYSTEM) as txn:
        rows = {}
        for owner in ("ann", "bob"):
            here = calendar(txn, owner)
            txn.objects.put(here, "m.ics", meeting, schedule_tag=None)
            rows[owner] = txn.instances.rows([here], window)
        assert [r.fbtype for r in rows["ann"]] == [FreeBusyType.BUSY] * 3
        assert [r.fbtype for r in rows["bob"]] == [FreeBusyType.FREE] * 3
        assert [r.rid for r in rows["ann"]] == [r.rid for r in rows["bob"]]
        later = [b.start - a.start for a, b in zip(rows["ann"], rows["bob"], strict=True)]
        assert later == [timedelta(hours=hours_later)] * 3


def test_two_objects_of_other_times_do_not_share_them(store: Store):
    window = Period(at("2026-01-01 00:00"), at("2026-04-01 00:00"))
    rules = {"daily": "RRULE:FREQ=DAILY;COUNT=3", "weekly": "RRULE:FREQ=WEEKLY;COUNT=2"}
    with store.write(SYSTEM) as txn:
        here = put(txn, *(event(uid, "DTSTART:20260120T090000Z", rule) for uid, rule in rules.items()))
        days = [(row.start.day, row.start.month) for row in txn.instances.rows([here], window)]
        assert days == [(20, 1), (20, 1), (21, 1), (22, 1), (27, 1)]


def test_an_index_of_an_older_version_is_understood(file_store: Store, tmp_path: Path):
    """Every instance spelled out its recurrence id there."""
    moved = "RECURRENCE-ID:20260127T090000Z"
    series = event("s", "DTSTART:20260120T090000Z", "RRULE:FREQ=WEEKLY;COUNT=3")
    other = event("s", moved, "DTSTART:20260128T090000Z")
    series = series.with_components((*series.components, *other.components))
    window = Period(at("2026-01-01 00:00"), at("2026-04-01 00:00"))
    with file_store.write(SYSTEM) as txn:
        here = put(txn, series, event("single"))
        before = txn.instances.rows([here], window)
    file_store.close()
    connection = sqlite3.connect(tmp_path / "calcore.db")
    connection.executescript(
        """
        UPDATE instances SET recurrence_id = strftime('%Y%m%dT%H%M%SZ', start_ts, 'unixepoch')
          WHERE recurrence_id = '=';
        DROP TABLE cancellations;
        UPDATE alembic_version SET version_num = '0002';
        """
    )
    names = {name for (name,) in connection.execute("SELECT recurrence_id FROM instances")}
    connection.close()
    assert names == {"", "20260120T090000Z", "20260127T090000Z", "20260203T090000Z"}
    upgraded = open_store(url_of(tmp_path))
    with upgraded.read() as txn:
        assert txn.instances.rows([here], window) == before
    assert [*upgraded.problems(lambda _done, _total: None)] == []
    upgraded.close()


# --- windows and instances without length ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (("2026-01-20 09:00", "2026-01-20 10:00"), True),
        (("2026-01-20 08:00", "2026-01-20 09:00"), False),
        (("2026-01-20 08:00", "2026-01-20 09:00:01"), True),
        (("2026-01-20 09:00:01", "2026-01-20 10:00"), False),
        (("2026-01-20 09:00:00.5", "2026-01-20 10:00"), False),
        (("2026-01-20 08:00", "2026-01-20 09:00:00.5"), True),
    ],
)
def test_an_instance_without_length_is_its_instant(store: Store, window: tuple[str, str], found: bool):
    with store.write(SYSTEM) as txn:
        here = put(txn, event("z", "DTSTART:20260120T090000Z"))
        period = Period(at(window[0]), at(window[1]))
        assert bool(txn.instances.objects_in_range(here, TimeRange(*period))) is found
        assert bool(txn.instances.rows([here], period)) is found


def test_a_long_event_is_found_in_its_middle(store: Store):
    with store.write(SYSTEM) as txn:
        long = event("long", "DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20290101")
        here = put(txn, event("short"), long)
        found = txn.instances.objects_in_range(
            here, TimeRange(at("2028-06-01 00:00"), at("2028-06-02 00:00"))
        )
        assert [s.uid for s in found] == ["long"]


# --- other components, other collections ----------------------------------------------------------------


def test_tasks_that_may_match_are_never_missed(store: Store):
    with store.write(SYSTEM) as txn:
        tasks = calendar(txn, "ann", "tasks")
        for uid, *lines in (
            ("bare",),
            ("due", "DUE:20260120T090000Z"),
            ("now", "DTSTART:20260120T090000Z", "DUE:20260121T090000Z"),
            ("then", "DTSTART:20270120T090000Z", "DUE:20270121T090000Z"),
            ("ever", "DTSTART:20200120T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"),
        ):
            txn.objects.put(
                tasks, uid, event(uid, *(lines or ("SUMMARY:x",)), component="VTODO"), schedule_tag=None
            )
        window = TimeRange(at("2026-01-20 00:00"), at("2026-01-22 00:00"))
        found = {s.uid for s in txn.instances.objects_in_range(tasks, window, ("VTODO",))}
        assert found == {"bare", "due", "now", "ever"}
        assert {s.uid for s in txn.instances.objects_in_range(tasks, window)} == found
        assert txn.instances.objects_in_range(tasks, window, ("VEVENT",)) == []
        assert txn.instances.objects_in_range(tasks, window, ("VJOURNAL",)) == []
        assert txn.instances.rows([tasks], Period(*window)) == []


def test_an_inbox_is_searched_though_it_is_not_indexed(store: Store):
    with store.write(SYSTEM) as txn:
        inbox = calendar(txn, "ann", "inbox")
        txn.objects.put(inbox, "a", event("a"), schedule_tag=None)
        txn.objects.put(inbox, "d", event("d", *DAILY), schedule_tag=None)
        assert raw(txn, "SELECT count(*) FROM instances") == [(0,)]
        window = TimeRange(at("2026-01-20 00:00"), at("2026-01-21 00:00"))
        assert {s.uid for s in txn.instances.objects_in_range(inbox, window)} == {"a", "d"}
        window = TimeRange(at("2026-01-21 00:00"), at("2026-01-22 00:00"))
        assert {s.uid for s in txn.instances.objects_in_range(inbox, window)} == {"d"}
        assert txn.instances.extend(txn.now + timedelta(days=900), 10) == 0


def test_several_calendars_at_once(store: Store):
    with store.write(SYSTEM) as txn:
        put(txn, event("a"), event("d", *DAILY))
        put(txn, event("a"), owner="bob")
        put(txn, event("r"), owner="room1")
        both = [calendar(txn), calendar(txn, "bob"), calendar(txn)]
        window = Period(at("2026-01-20 09:30"), at("2026-01-20 09:40"))
        assert len(txn.instances.rows(both, window)) == 3
        assert len(txn.instances.busy(both, window, ignore_uid="a")) == 1
        far = Period(at("2036-01-20 09:30"), at("2036-01-20 09:40"))
        assert [row.rid.to_basic() for row in txn.instances.rows(both, far) if row.rid] == [
            "20360120T090000Z"
        ]
        assert txn.instances.rows([], window) == txn.instances.busy([], window) == []


def test_an_answer_of_an_address_that_is_new_counts(store: Store):
    """The owner's addresses decide which ATTENDEE is the owner."""
    lines = "DTSTART:20260120T090000Z", "DTEND:20260120T100000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@x.org"
    with store.write(SYSTEM) as txn:
        here = put(txn, event("a", *lines))
        window = Period(at("2026-01-20 00:00"), at("2026-01-21 00:00"))
        assert [b.fbtype for b in txn.instances.busy([here], window)] == [FreeBusyType.BUSY]
        ann = principal(txn, "ann")
        txn.directory.save(replace(ann, addresses=(*ann.addresses, CalendarUserAddress("mailto:a@x.org"))))
        assert txn.instances.busy([here], window) == []


# --- how it is found ------------------------------------------------------------------------------------


def test_reindex_tells_how_far_it_is(store: Store):
    seen: list[tuple[int, int]] = []
    with store.write(SYSTEM) as txn:
        put(txn, *(event(f"e{n}") for n in range(450)))
        put(txn, event("b"), owner="bob")
        before = raw(txn, "SELECT * FROM instances")
        raw(txn, "DELETE FROM instances")
        txn.instances.reindex(lambda done, total: seen.append((done, total)))
        assert raw(txn, "SELECT * FROM instances") == before
    assert seen[0] == (0, 451)
    assert seen[-1] == (451, 451)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("statement", "size", "plan"),
    [
        (
            instances._OBJECTS,
            0,
            r"SEARCH instances USING PRIMARY KEY \(collection_id=\? AND start_ts>\? AND start_ts<\?\)",
        ),
        (
            instances._BUSY.statement(2),
            1,
            r"SEARCH instances USING PRIMARY KEY \(collection_id=\? AND start_ts>\? AND start_ts<\?\)",
        ),
        (
            bookings._OF.statement(2),
            0,
            r"SEARCH bookings USING PRIMARY KEY \(room_id=\? AND start_ts>\? AND start_ts<\?\)",
        ),
        (instances._REACHING, 0, r"SEARCH objects USING INDEX objects_reaching_further \(collection_id=\?"),
        (
            instances._REACHING_ACROSS,
            8,
            r"SEARCH objects USING INDEX objects_reaching_further \(collection_id=\?",
        ),
        (instances._TO_EXTEND, 0, r"SEARCH objects USING INDEX objects_to_extend \(indexed_at<\?\)"),
        (
            objects._CONFLICT,
            0,
            r"SEARCH objects USING INDEX objects_uid_unique \(collection_id=\? AND uid=\?\)",
        ),
    ],
)
def test_windows_are_found_by_the_index(store: Store, statement, size: int, plan: str):
    text = statement.compiled(_DIALECT, size).text
    with store.read() as txn:
        cursor = txn._session.sql.cursor  # type: ignore[attr-defined]
        steps = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {text}", [1] * text.count("?"))]
    assert any(re.match(plan, step) for step in steps), steps
    assert not any(re.match(r"SCAN (instances|objects|collections|bookings)", step) for step in steps), steps
