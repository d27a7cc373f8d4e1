# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight clients race for the slots of one room, against two servers of two processes each on one database."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from live import Client, serving

from calcore_caldav.core.times import format_date_time
from calcore_caldav.scheduling import room_check
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

CLIENTS = [f"racer{n}" for n in range(8)]
SLOTS = 50
FEW = 10
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


def change_ones_mind(port: int, who: str) -> Counter[int]:
    """Book slots and give every other one back, again and again."""
    chance = random.Random(who)
    with Client(port, who) as client:
        statuses: Counter[int] = Counter()
        for slot in (slot for _ in range(3) for slot in chance.sample(range(FEW), FEW)):
            statuses[client("PUT", f"/{who}/calendar/{slot}.ics", meeting(who, slot)).status] += 1
            if chance.random() < 0.5:
                statuses[client("DELETE", f"/{who}/calendar/{slot}.ics").status] += 1
    return statuses


def ask_again(port: int, who: str) -> dict[int, set[str]]:
    """Ask for every slot that one has not got; returns the room's answers by slot."""
    with Client(port, who) as client:
        for slot in range(FEW):
            url = f"/{who}/calendar/{slot}.ics"
            if answers(client("GET", url).text) != {"ACCEPTED"}:
                client("DELETE", url)
                client("PUT", url, meeting(who, slot))
        return {slot: answers(client("GET", f"/{who}/calendar/{slot}.ics").text) for slot in range(FEW)}


def answers(text: str) -> set[str]:
    """What the room says to the dates of a series."""
    lines = text.replace("\r\n ", "").splitlines()
    asked = [line for line in lines if line.endswith(":mailto:arena@example.com")]
    return {found[1] for line in asked if (found := re.search("PARTSTAT=([A-Z-]+)", line))}


@contextmanager
def racing(tmp_path: Path, *, concurrency: int) -> Iterator[Callable[[Callable[[int, str], Any]], list[Any]]]:
    """Two servers of two processes each; has every client do something at the same time."""
    people = "".join(
        f'[[principal]]\nname = "{who}"\ntype = "INDIVIDUAL"\naddresses = ["{who}@example.com"]\npassword = "{who}"\n'
        for who in CLIENTS
    )
    arena = '[[principal]]\nname = "arena"\ntype = "ROOM"\naddresses = ["arena@example.com"]\n'
    policy = f"[principal.booking]\nconcurrency = {concurrency}\n"
    (tmp_path / "directory.toml").write_text(people + arena + policy)
    options = ("--directory", str(tmp_path / "directory.toml"), "--workers", "2")
    data = tmp_path / "data"
    with (
        serving(data, *options) as (_, one),
        serving(data, *options) as (_, other),
        ThreadPoolExecutor(len(CLIENTS)) as pool,
    ):
        yield lambda what: list(pool.map(what, [one, other] * (len(CLIENTS) // 2), CLIENTS))


def test_every_slot_is_booked_once_and_none_is_lost(tmp_path):
    with racing(tmp_path, concurrency=1) as all_at_once:
        raced = all_at_once(race)
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


def test_two_places_are_never_three_and_none_is_lost_when_bookings_come_and_go(tmp_path):
    with racing(tmp_path, concurrency=2) as all_at_once:
        statuses = sum(all_at_once(change_ones_mind), Counter())
        told = all_at_once(ask_again)
    assert set(statuses) == {201, 204}
    for slot in range(FEW):
        assert Counter(answer for seen in told for answer in seen[slot]) == {
            "ACCEPTED": 2,
            "DECLINED": len(CLIENTS) - 2,
        }
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'calcore.db'}")
    with store.write(SYSTEM) as txn:
        room = txn.directory.by_name("arena")
        assert len(txn.bookings.all(room)) == 2 * 3 * FEW
        assert room_check.check(txn, room, fix=False, settings=SchedulingSettings()) == []
    store.close()
