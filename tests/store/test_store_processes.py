# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes on one file: no double booking, and nothing acknowledged is lost when one is killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from store_world import calendar, event, principal, url_of

from calcore_caldav.core.times import to_epoch
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Store

RACER = """
import random, sys
from datetime import timedelta
from calcore_caldav.core.times import Period, from_epoch
from calcore_caldav.errors import BookingConflict
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

url, name, slots = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
print("ready", flush=True)
sys.stdin.readline()
won = []
for slot in random.Random(name).sample(range(slots), slots):
    period = Period(from_epoch(slot * 3600), from_epoch(slot * 3600 + 3600))
    try:
        with store.write(SYSTEM) as txn:
            room = txn.directory.by_name("room1")
            mine = txn.objects.get(txn.collections.get("room1", "calendar"), name)
            txn.bookings.replace(room, mine, [*won, (period, 0)])
        won.append((period, 0))
    except BookingConflict:
        pass
print(len(won), flush=True)
store.close()
"""

WRITER = """
import os, sys, threading
from datetime import timedelta
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.times import Period, from_epoch
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

url, template = sys.argv[1], sys.argv[2]
store = open_store(url)

def write(thread):
    for number in range(100_000):
        uid = f"{thread}-{number}"
        start = from_epoch(1_800_000_000 + (thread * 100_000 + number) * 3600)
        obj = CalendarObject(template.replace("UID:x", f"UID:{uid}").encode())
        with store.write(SYSTEM) as txn:
            room = txn.directory.by_name("room1")
            here = txn.collections.get("room1", "calendar")
            stored = txn.objects.put(here, uid, obj, schedule_tag=None)
            txn.bookings.replace(room, stored, [(Period(start, start + timedelta(hours=1)), 0)])
            txn.jobs.add("mail", {"uid": uid})
        os.write(1, f"{uid}\\n".encode())  # whole lines, whichever thread writes

for thread in range(8):
    threading.Thread(target=write, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_race_for_slots_and_each_is_won_once(file_store: Store, tmp_path: Path):
    slots, names = 30, [f"m{number}" for number in range(4)]
    with file_store.write(SYSTEM) as txn:
        for name in names:
            txn.objects.put_raw(calendar(txn, "room1"), name, b"x", "text/plain", name)
    racers = [start(RACER, url_of(tmp_path), name, str(slots)) for name in names]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    won = []
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        out, _ = racer.communicate(timeout=120)
        assert racer.returncode == 0
        won.append(int(out))
    assert sum(won) == slots
    with file_store.read() as txn:
        booked = txn.bookings.all(principal(txn, "room1"))
    assert [to_epoch(b.period.start) for b in booked] == [slot * 3600 for slot in range(slots)]


def test_a_killed_process_loses_nothing_that_it_acknowledged(file_store: Store, tmp_path: Path):
    template = event("x", "DTSTART:20260120T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=20")
    writer = start(WRITER, url_of(tmp_path), template.body.decode())
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(200)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += writer.stdout.read().split()
    assert writer.wait(timeout=60) == -signal.SIGKILL
    writer.stdout.close()
    assert writer.stdin is not None
    writer.stdin.close()

    store = open_store(url_of(tmp_path))
    with store.write(SYSTEM) as txn:
        here = calendar(txn, "room1")
        stored = {s.name: s for s in txn.objects.all(here)}
        # The last line may be cut, and the last commit not yet told of.
        assert set(acknowledged[:-1]) <= set(stored)
        bodies = txn.objects.bodies([*stored.values()])
        assert all(f"UID:{name}\r\n".encode() in bodies[s.id] for name, s in stored.items())
        booked = {b.object_id for b in txn.bookings.all(principal(txn, "room1"))}
        assert booked == {s.id for s in stored.values()}
        jobs = txn._session.sql.cursor.execute("SELECT count(*) FROM jobs").fetchone()  # type: ignore[attr-defined]
        assert jobs == (len(stored),)
        changed = txn.objects.changes_since(here, 1)
        assert {c.name for c in changed} == set(stored)
    store.close()
    raw = sqlite3.connect(tmp_path / "calcore.db")
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (
        raw.execute("SELECT object_id, count(*) FROM instances GROUP BY 1 HAVING count(*) != 20").fetchall()
        == []
    )
    raw.close()
