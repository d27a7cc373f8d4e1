# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking for damage, and `calcore-caldav db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from store_world import calendar, event, principal, url_of

from calcore_caldav.core.times import Period
from calcore_caldav.server.cli import main
from calcore_caldav.store.protocol import SYSTEM, Store
from calcore_caldav.store.schema import HEAD
from calcore_caldav.store.sqlite import TRIGGERS

WEEKLY = ("DTSTART:20200120T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY")


@pytest.fixture
def filled(file_store: Store) -> Store:
    with file_store.write(SYSTEM) as txn:
        here = calendar(txn, "room1")
        for name, lines in (
            ("single", ()),
            ("series", WEEKLY),
            ("endless", (*WEEKLY[:2], "RRULE:FREQ=SECONDLY")),
        ):
            stored = txn.objects.put(here, name, event(name, *lines), schedule_tag=None)
        txn.bookings.replace(
            principal(txn, "room1"), stored, [(Period(txn.now, txn.now.replace(hour=23)), 0)]
        )
        txn.objects.put(calendar(txn, "ann", "inbox"), "i", event("i", *WEEKLY), schedule_tag=None)
        txn.objects.put_raw(calendar(txn), "raw", b"x", "text/plain", "raw")
    return file_store


def damage(directory: Path, *statements: str) -> None:
    connection = sqlite3.connect(directory / "calcore.db")
    for statement in statements:
        assert connection.execute(statement).rowcount
    connection.commit()
    connection.close()


def problems(store: Store) -> list[str]:
    return [*store.problems(lambda _done, _total: None)]


def test_a_sound_database_has_none(filled: Store):
    seen: list[tuple[int, int]] = []
    assert [*filled.problems(lambda done, total: seen.append((done, total)))] == []
    assert seen == [(0, 5), (5, 5)]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "DELETE FROM instances WHERE start_ts % 2 = 0 AND object_id = 2",
            "/room1/calendar/series: the instance index",
        ),
        ("UPDATE instances SET fbtype = 0 WHERE object_id = 1", "/room1/calendar/single: the instance index"),
        ("UPDATE bodies SET body = x'79' WHERE object_id = 5", "/ann/calendar/raw: its bytes are not those"),
        ("DELETE FROM bodies WHERE object_id = 5", "/ann/calendar/raw: its bytes are missing"),
        ("UPDATE objects SET uid = 'y' WHERE id = 2", "/room1/calendar/series: its row says another UID"),
        ("DELETE FROM collections WHERE name = 'tasks'", ""),
        ("DELETE FROM principals WHERE name = 'bob'", "refers to a row of principals that is not there"),
    ],
)
def test_damage_is_found(filled: Store, tmp_path: Path, statement: str, told: str):
    damage(tmp_path, statement)
    found = problems(filled)
    assert bool(found) is bool(told)
    assert all(told in problem for problem in found)


def test_an_object_that_cannot_be_read_stops_no_other(filled: Store, tmp_path: Path):
    broken = event("series", *WEEKLY[:2], "RRULE:FREQ=NEVER")
    connection = sqlite3.connect(tmp_path / "calcore.db")
    connection.execute("UPDATE bodies SET body = ? WHERE object_id = 2", [broken.body])
    connection.execute("UPDATE objects SET etag = ?, size = ? WHERE id = 2", [broken.etag, len(broken.body)])
    connection.execute("DELETE FROM instances")
    connection.commit()
    connection.close()
    with filled.write(SYSTEM) as txn:
        txn.instances.reindex(lambda _done, _total: None)
    assert [text.partition(": ")[0] for text in problems(filled)] == ["/room1/calendar/series"]


def test_overlapping_bookings_are_found(filled: Store, tmp_path: Path):
    damage(tmp_path, "INSERT INTO bookings SELECT room_id, start_ts, 1, end_ts, object_id FROM bookings")
    assert problems(filled) == []
    connection = sqlite3.connect(tmp_path / "calcore.db")
    connection.execute("DROP TRIGGER bookings_no_overlap_update")
    connection.execute("UPDATE bookings SET slot = 0, start_ts = start_ts + 60 WHERE slot = 1")
    connection.execute(TRIGGERS[1])
    connection.commit()
    connection.close()
    assert [text for text in problems(filled) if "two bookings overlap" in text] == problems(filled) != []


def test_the_command_checks_and_reindexes(filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = ["--database", url_of(tmp_path), "--data", str(tmp_path)]
    assert main(["db", "check", *place]) == 0
    damage(tmp_path, "DELETE FROM instances")
    assert main(["db", "check", *place]) == 1
    assert main(["db", "reindex", *place]) == 0
    assert main(["db", "check", *place]) == 0
    assert main(["db", "upgrade", *place]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "no problems"
    assert "3 problems" in out
    assert "5 objects indexed" in out
    assert out[-1] == f"{url_of(tmp_path)}: the tables are of version {HEAD}"
