# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 while many write: what was acknowledged is there, and no booking is half done."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from live import Client, serving
from office_day import DIRECTORY, Person, meeting, monday

PUTS = 200
CLIENTS = 20


def store_all(port: int, acknowledged: set[str], enough: threading.Event) -> None:
    """200 invitations with a room, at times of their own, by 20 clients at once."""

    def client(number: int) -> None:
        with Client(port, "florent") as florent:
            for n in range(number, PUTS, CLIENTS):
                uid = f"kill-{n}"
                start = monday(1, 0) + timedelta(hours=n)
                text = meeting(uid, "florent", ["martijn", "room1"], start)
                try:
                    answer = florent("PUT", f"/florent/calendar/{uid}.ics", text)
                except (OSError, http.client.HTTPException):
                    return
                assert answer.status == 201, answer
                acknowledged.add(uid)
                if len(acknowledged) >= PUTS // 4:
                    enough.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(client, number) for number in range(CLIENTS)]:
            done.result()
    enough.set()


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_during_200_concurrent_puts(tmp_path, workers):
    directory = tmp_path / "office.toml"
    directory.write_text(DIRECTORY)
    data = tmp_path / "data"
    acknowledged: set[str] = set()
    options = ("--directory", str(directory), "--workers", str(workers))
    with serving(data, *options) as (process, port):
        enough = threading.Event()
        writing = threading.Thread(target=store_all, args=(port, acknowledged, enough))
        writing.start()
        assert enough.wait(60)
        for pid in (process.popen.pid, *process.children()):
            os.kill(pid, signal.SIGKILL)
        writing.join(60)
    assert len(acknowledged) < PUTS, "all was over before the kill"

    with serving(data, *options) as (_, port):
        florent, martijn, room = (Person(port, name) for name in ("florent", "martijn", "room1"))
        own = {obj.uid: obj for obj in florent.copies().values()}
        assert acknowledged <= own.keys()
        # At most one request of each client was under way: done whole, or not at all.
        assert len(own.keys() - acknowledged) <= CLIENTS
        assert {obj.uid for obj in martijn.copies().values()} == own.keys()
        booked = {obj.uid: obj for obj in room.copies().values()}
        assert booked.keys() == own.keys()
        # Every message once: what was acknowledged is told whole, and what is told was stored.
        for person, method in ((martijn, "REQUEST"), (florent, "REPLY")):
            items = [(obj.uid, obj.method) for obj in person.copies("inbox").values()]
            assert sorted(items) == sorted((uid, method) for uid in own)
        for uid, obj in own.items():
            for copy in (obj, booked[uid]):
                answer = next(p for p in copy.components[0].all("ATTENDEE") if "room1" in p.value)
                assert answer.param("PARTSTAT") == "ACCEPTED", uid
        # The slots are held by the bookings: the same times are refused, and others are not.
        n = int(min(own).rpartition("-")[2])
        again = meeting("again", "florent", ["room1"], monday(1, 0) + timedelta(hours=n))
        assert florent.put("again.ics", again).status == 201
        assert florent.answers("again")["room1"] == "DECLINED"
        free = meeting("free", "florent", ["room1"], monday(1, 0) + timedelta(hours=PUTS + 1))
        assert florent.put("free.ics", free).status == 201
        assert florent.answers("free")["room1"] == "ACCEPTED"
        for person in (florent, martijn, room):
            person.client.close()
