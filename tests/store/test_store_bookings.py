# SPDX-License-Identifier: GPL-3.0-or-later
"""Bookings: no two overlap in one slot of a room, whoever writes."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import at, calendar, principal, undone, url_of

from calcore_caldav.core.times import Period, from_epoch
from calcore_caldav.errors import BookingConflict
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Booking, Store, StoredObject, Transaction

DAY = at("2026-01-20 00:00")


def hours(start: float, end: float) -> Period:
    return Period(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def meeting(txn: Transaction, uid: str) -> StoredObject:
    return txn.objects.put_raw(calendar(txn, "room1"), f"{uid}.ics", b"x", "text/plain", uid)


def booked(txn: Transaction, room: str = "room1") -> list[tuple[int, Period, int]]:
    return [tuple(booking) for booking in txn.bookings.all(principal(txn, room))]  # type: ignore[misc]


def test_bookings_of_an_object_are_replaced(store: Store):
    with store.write(SYSTEM) as txn:
        room, one, two = principal(txn, "room1"), meeting(txn, "one"), meeting(txn, "two")
        txn.bookings.replace(room, one, [(hours(9, 10), 0), (hours(14, 15), 0)])
        txn.bookings.replace(room, two, [(hours(9, 10), 1)])
        txn.bookings.replace(room, one, [(hours(9.5, 11), 0)])
        assert booked(txn) == [(two.id, hours(9, 10), 1), (one.id, hours(9.5, 11), 0)]
        txn.bookings.replace(room, one, [])
        assert booked(txn) == [(two.id, hours(9, 10), 1)]


def test_bookings_in_a_window(store: Store):
    with store.write(SYSTEM) as txn:
        room, one, two = principal(txn, "room1"), meeting(txn, "one"), meeting(txn, "two")
        txn.bookings.replace(room, one, [(hours(1, 2), 0), (hours(9, 10), 0)])
        txn.bookings.replace(room, two, [(hours(2, 9), 0)])

        def of(start: float, end: float) -> list[Booking]:
            return txn.bookings.of(room, hours(start, end))

        assert [b.period for b in of(2, 9)] == [hours(2, 9)]
        assert [b.period for b in of(1.9, 9.1)] == [hours(1, 2), hours(2, 9), hours(9, 10)]
        several = txn.bookings.of(room, hours(9, 11), hours(0, 0.5), hours(8, 9.5))
        assert [b.period for b in several] == [hours(2, 9), hours(9, 10), hours(9, 10)]
        assert txn.bookings.of(room) == []
        assert of(10, 24) == of(0, 1) == []
        assert txn.bookings.of(principal(txn, "room2"), hours(0, 24)) == []


def test_neighbours_do_not_overlap(store: Store):
    with store.write(SYSTEM) as txn:
        room = principal(txn, "room1")
        txn.bookings.replace(room, meeting(txn, "one"), [(hours(9, 10), 0)])
        txn.bookings.replace(room, meeting(txn, "two"), [(hours(8, 9), 0), (hours(10, 11), 0)])
        assert len(booked(txn)) == 3


@pytest.mark.parametrize(
    ("start", "end"), [(9, 10), (9.25, 9.75), (8, 9.25), (9.75, 11), (8, 11), (9, 9.5), (9.5, 10)]
)
def test_an_overlap_is_refused_and_changes_nothing(store: Store, start: float, end: float):
    with store.write(SYSTEM) as txn:
        room, one, two = principal(txn, "room1"), meeting(txn, "one"), meeting(txn, "two")
        txn.bookings.replace(room, one, [(hours(9, 10), 0)])
        txn.bookings.replace(room, two, [(hours(20, 21), 0)])
        before = booked(txn)
        with pytest.raises(BookingConflict):
            txn.bookings.replace(room, two, [(hours(6, 7), 0), (hours(start, end), 0)])
        assert booked(txn) == before
        txn.bookings.replace(room, two, [(hours(start, end), 1)])
        txn.bookings.replace(principal(txn, "room2"), one, [(hours(start, end), 0)])


def test_an_object_does_not_overlap_itself(store: Store):
    with store.write(SYSTEM) as txn:
        room, one = principal(txn, "room1"), meeting(txn, "one")
        with pytest.raises(BookingConflict):
            txn.bookings.replace(room, one, [(hours(9, 10), 0), (hours(9.5, 11), 0)])
        assert booked(txn) == []


def test_moving_a_booking_into_another_is_refused(store: Store):
    with store.write(SYSTEM) as txn:
        room, one = principal(txn, "room1"), meeting(txn, "one")
        txn.bookings.replace(room, one, [(hours(9, 10), 0), (hours(10, 11), 0)])
    raw = sqlite3.connect(store.path)  # type: ignore[attr-defined]
    for change in (
        "start_ts = start_ts - 1, end_ts = end_ts - 1",
        "end_ts = end_ts - 1, start_ts = start_ts - 60",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(f"UPDATE bookings SET {change} WHERE start_ts = (SELECT max(start_ts) FROM bookings)")
    raw.execute(
        "UPDATE bookings SET end_ts = end_ts + 60 WHERE start_ts = (SELECT max(start_ts) FROM bookings)"
    )
    raw.rollback()
    raw.close()


def test_a_deleted_event_frees_the_room(store: Store):
    with store.write(SYSTEM) as txn:
        room, one = principal(txn, "room1"), meeting(txn, "one")
        txn.bookings.replace(room, one, [(hours(9, 10), 0)])
        txn.objects.delete(one)
        assert booked(txn) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=4)),
        max_size=8,
    )
)
def test_accepted_bookings_are_just_those_that_do_not_overlap(
    tried: Sequence[tuple[int, Sequence[tuple[int, int]]]],
):
    with undone() as txn:
        room, objects = principal(txn, "room1"), [meeting(txn, f"m{n}") for n in range(4)]
        kept: dict[int, list[Period]] = {}
        for number, spans in tried:
            wanted = [Period(from_epoch(s * 60), from_epoch((s + d) * 60)) for s, d in spans]
            others = [p for key, periods in kept.items() if key != number for p in periods]
            free = not any(
                a.start < b.end and b.start < a.end
                for i, a in enumerate(wanted)
                for b in [*wanted[i + 1 :], *others]
            )
            try:
                txn.bookings.replace(room, objects[number], [(p, 0) for p in wanted])
            except BookingConflict:
                assert not free
            else:
                assert free
                kept[number] = wanted
        stored = sorted(b.period for b in txn.bookings.all(room))
        assert stored == sorted(p for periods in kept.values() for p in periods)


def test_threads_race_for_slots_and_each_is_won_once(store: Store):
    with store.write(SYSTEM) as txn:
        objects = [meeting(txn, f"m{number}") for number in range(8)]

    def race(number: int) -> int:
        won: list[tuple[Period, int]] = []
        order = random.Random(number).sample(range(25), 25)
        for slot in order:
            try:
                with store.write(SYSTEM) as txn:
                    wanted = [*won, (hours(slot, slot + 1), 0)]
                    txn.bookings.replace(principal(txn, "room1"), objects[number], wanted)
                won = wanted
            except BookingConflict:
                pass
        return len(won)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 25
    with store.read() as txn:
        assert [period for _, period, _ in booked(txn)] == [hours(s, s + 1) for s in range(25)]


def test_bookings_survive_their_new_order(file_store: Store, tmp_path: Path):
    with file_store.write(SYSTEM) as txn:
        room, one = principal(txn, "room1"), meeting(txn, "one")
        txn.bookings.replace(room, one, [(hours(9, 10), 0), (hours(11, 12), 1)])
        before = booked(txn)
    file_store.close()
    connection = sqlite3.connect(tmp_path / "calcore.db")
    connection.executescript(
        """
        CREATE TABLE first (room_id INTEGER, slot SMALLINT, start_ts BIGINT, end_ts BIGINT NOT NULL,
          object_id INTEGER NOT NULL, PRIMARY KEY (room_id, slot, start_ts)) WITHOUT ROWID;
        INSERT INTO first SELECT room_id, slot, start_ts, end_ts, object_id FROM bookings;
        DROP TABLE bookings;
        ALTER TABLE first RENAME TO bookings;
        CREATE INDEX bookings_object_id ON bookings (object_id);
        CREATE INDEX bookings_room_id_end_ts_start_ts ON bookings (room_id, end_ts, start_ts);
        DROP TABLE cancellations;
        UPDATE alembic_version SET version_num = '0001';
        """
    )
    connection.close()
    upgraded = open_store(url_of(tmp_path))
    with upgraded.write(SYSTEM) as txn:
        assert booked(txn) == before
        with pytest.raises(BookingConflict):
            txn.bookings.replace(room, meeting(txn, "two"), [(hours(8, 9.5), 0)])
    upgraded.close()
