# SPDX-License-Identifier: GPL-3.0-or-later
"""How long rooms take to answer, over HTTP and on the command line; prints medians, never fails on a figure.

    python tests/bench_rooms.py

A room with 10 000 bookings that can be booked for two years is booked for a weekly series of a year, beside the
same series without it and a plain event; the same for a room that can be booked for half a year, and so refuses
half of the dates. They take turns, as clients do. Then the free/busy time of 50 rooms for a week, and the free
ones of 200.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from live import Client, serving

CLI = (sys.executable, "-m", "calcore_caldav.server.cli")
SMALL_ROOMS = 200
ROUNDS = 40
MONDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=7)
MONDAY -= timedelta(days=MONDAY.weekday())


def directory() -> str:
    rooms = {"far": 'horizon = "800d"', "near": 'horizon = "180d"'}
    rooms |= {f"r{n:03}": 'hours = "mon-fri 08:00-19:00"' for n in range(SMALL_ROOMS)}
    ann = '[[principal]]\nname = "ann"\naddresses = ["ann@example.com"]\npassword = "ann"\n'
    return ann + "".join(
        f'[[principal]]\nname = "{name}"\ntype = "ROOM"\naddresses = ["{name}@example.com"]\n'
        f"[principal.booking]\n{policy}\n"
        for name, policy in rooms.items()
    )


def event(uid: str, start: datetime, count: int = 0, *rooms: str) -> str:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//calcore_caldav//bench//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260101T000000Z",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        "DURATION:PT30M",
        "SUMMARY:Meeting",
        *([f"RRULE:FREQ=WEEKLY;COUNT={count}"] if count else []),
        *(["ORGANIZER:mailto:ann@example.com"] if rooms else []),
        *(f"ATTENDEE;CUTYPE=ROOM;RSVP=TRUE:mailto:{room}@example.com" for room in rooms),
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines)


def milliseconds(do: Callable[[], object]) -> float:
    begin = time.perf_counter()
    do()
    return (time.perf_counter() - begin) * 1000


def book(client: Client) -> None:
    def put(uid: str, body: str) -> None:
        answer = client("PUT", f"/ann/calendar/{uid}.ics", body)
        assert answer.status == 201, answer.text

    for number in range(100):
        uid, start = f"fill{number}", MONDAY + timedelta(hours=number)
        put(uid, event(uid, start, 100, "far", "near"))
    kinds: dict[str, tuple[int, tuple[str, ...]]] = {
        "a plain event": (0, ()),
        "a weekly series of a year": (52, ()),
        "the same in a room with 10 000 bookings": (52, ("far",)),
        "the same, half of the dates refused": (52, ("near",)),
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        start = MONDAY + timedelta(hours=number, minutes=30)
        for place, (kind, (count, rooms)) in enumerate(kinds.items()):
            uid = f"{place}-{number}"
            body = event(uid, start, count, *rooms)
            taken[kind].append(milliseconds(lambda uid=uid, body=body: put(uid, body)))  # type: ignore[misc]
    single, series = (statistics.median(times) for times in [*taken.values()][:2])
    for kind, times in taken.items():
        median = statistics.median(times)
        print(
            f"PUT of {kind}: {median:.2f} ms"
            f" ({median / single:.1f} x the event, {median / series:.1f} x the series)"
        )


def look(client: Client, data: Path) -> None:
    for number in range(SMALL_ROOMS):
        start, room = MONDAY + timedelta(hours=number % 20, days=1), f"r{number:03}"
        answer = client("PUT", f"/ann/calendar/{room}.ics", event(room, start, 20, room))
        assert answer.status == 201, answer.text
    asked = "".join(f"ATTENDEE:mailto:r{number:03}@example.com\r\n" for number in range(50))
    week = f"DTSTART:{MONDAY:%Y%m%dT%H%M%SZ}\r\nDTEND:{MONDAY + timedelta(days=7):%Y%m%dT%H%M%SZ}\r\n"
    request = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:week\r\n"
        f"DTSTAMP:20260101T000000Z\r\n{week}ORGANIZER:mailto:ann@example.com\r\n{asked}"
        "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
    times = [milliseconds(lambda: client("POST", "/ann/outbox/", request)) for _ in range(ROUNDS)]
    print(f"free/busy of 50 rooms for a week: {statistics.median(times):.1f} ms")
    tuesday = MONDAY + timedelta(days=1, hours=9)
    hour = ["--from", f"{tuesday:%Y-%m-%dT%H:%M}", "--to", f"{tuesday + timedelta(hours=1):%Y-%m-%dT%H:%M}"]
    commands = [["room", "free", *hour, "--data", str(data)], ["room", "list", "--data", str(data)]]
    free, listed = (
        statistics.median(
            milliseconds(lambda: subprocess.run([*CLI, *c], check=True, capture_output=True))  # noqa: B023
            for _ in range(5)
        )
        for c in commands
    )
    print(
        f"room free over {SMALL_ROOMS} rooms: {free:.0f} ms as a process, of which room list takes {listed:.0f}"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        (data / "directory.toml").write_text(directory())
        options = ("--directory", str(data / "directory.toml"))
        with serving(data / "data", *options) as (_, port), Client(port, "ann") as client:
            book(client)
            look(client, data / "data")


if __name__ == "__main__":
    main()
