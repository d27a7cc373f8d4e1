# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight clients race for the slots of one room, against two server processes on one database."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from live import Client, serving

from calcore_caldav.core.times import format_date_time
from calcore_caldav.store.opening import open_store

CLIENTS = [f"racer{n}" for n in range(8)]
SLOTS = 50
FIRST = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7)


def meeting(who: str, slot: int) -> str:
    start = FIRST + timedelta(hours=slot)
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//race//EN", "BEGIN:VEVENT", f"UID:{who}-{slot}",
            "DTSTAMP:20260101T000000Z", f"DTSTART:{format_date_time(start)}", "DURATION:PT1H",
            "RRULE:FREQ=WEEKLY;COUNT=3", f"ORGANIZER:mailto:{who}@example.com",
            f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{who}@example.com",
            "ATTENDEE;CUTYPE=ROOM:mailto:arena@example.com", "END:VEVENT", "END:VCALENDAR", "",
        ]
    )  # fmt: skip


def race(port: int, who: str) -> Counter[int]:
    """Book every slot, in an order of one's own; returns the status codes."""
    slots = list(range(SLOTS))
    random.Random(who).shuffle(slots)
    with Client(port, who) as client:
        return Counter(
            client("PUT", f"/{who}/calendar/{slot}.ics", meeting(who, slot)).status for slot in slots
        )


def test_every_slot_is_booked_once_and_none_is_lost(tmp_path):
    people = "".join(
        f'[[principal]]\nname = "{who}"\ntype = "INDIVIDUAL"\naddresses = ["{who}@example.com"]\npassword = "{who}"\n'
        for who in CLIENTS
    )
    arena = '[[principal]]\nname = "arena"\ntype = "ROOM"\naddresses = ["arena@example.com"]\n'
    (tmp_path / "directory.toml").write_text(people + arena)
    options = ("--directory", str(tmp_path / "directory.toml"), "--workers", "2")
    with serving(tmp_path / "data", *options) as (_, port), ThreadPoolExecutor(len(CLIENTS)) as pool:
        statuses = sum(pool.map(lambda who: race(port, who), CLIENTS), Counter())
    assert statuses == {201: SLOTS * len(CLIENTS)}
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'calcore.db'}")
    with store.read() as txn:
        room = txn.directory.by_name("arena")
        bookings = txn.bookings.all(room)
        winners = {txn.objects.by_id(b.object_id).uid for b in bookings}
    store.close()
    assert len(bookings) == 3 * SLOTS
    assert {b.slot for b in bookings} == {0}
    assert len({b.period for b in bookings}) == 3 * SLOTS
    assert sorted(int(uid.partition("-")[2]) for uid in winners) == list(range(SLOTS))
