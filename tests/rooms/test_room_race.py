# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight clients race for the slots of one room, against two servers of two processes each on one database."""

from __future__ import annotations

import random
import re
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


def race(port: int, who: str) -> tuple[Counter[int], dict[int, set[str]]]:
    """Book every slot, in an order of one's own; returns the status codes, and the room's answers by slot."""
    slots = list(range(SLOTS))
    random.Random(who).shuffle(slots)
    with Client(port, who) as client:
        statuses = Counter(
            client("PUT", f"/{who}/calendar/{slot}.ics", meeting(who, slot)).status for slot in slots
        )
        return statuses, {slot: answers(client("GET", f"/{who}/calendar/{slot}.ics").text) for slot in slots}


def answers(text: str) -> set[str]:
    """What the room says to the dates of a series."""
    lines = text.replace("\r\n ", "").splitlines()
    asked = [line for line in lines if line.endswith(":mailto:arena@example.com")]
    return {found[1] for line in asked if (found := re.search("PARTSTAT=([A-Z-]+)", line))}


def test_every_slot_is_booked_once_and_none_is_lost(tmp_path):
    people = "".join(
        f'[[principal]]\nname = "{who}"\ntype = "INDIVIDUAL"\naddresses = ["{who}@example.com"]\npassword = "{who}"\n'
        for who in CLIENTS
    )
    arena = '[[principal]]\nname = "arena"\ntype = "ROOM"\naddresses = ["arena@example.com"]\n'
    (tmp_path / "directory.toml").write_text(people + arena)
    options = ("--directory", str(tmp_path / "directory.toml"), "--workers", "2")
    data = tmp_path / "data"
    with (
        serving(data, *options) as (_, one),
        serving(data, *options) as (_, other),
        ThreadPoolExecutor(len(CLIENTS)) as pool,
    ):
        raced = list(pool.map(race, [one, other] * (len(CLIENTS) // 2), CLIENTS))
    assert sum((statuses for statuses, _ in raced), Counter()) == {201: SLOTS * len(CLIENTS)}
    for slot in range(SLOTS):
        # Whoever came first has all three dates, everybody else none.
        told = sorted((seen[slot] for _, seen in raced), key=sorted)
        assert told == [{"ACCEPTED"}] + [{"DECLINED"}] * (len(CLIENTS) - 1)
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
