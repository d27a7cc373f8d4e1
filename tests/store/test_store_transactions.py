# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions: snapshots, one writer, savepoints, what happens after the commit."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_world import Clock, calendar, populate, principal, url_of

from calcore_caldav.errors import ConfigurationError, StoreBusy, StoreError
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import NOBODY, SYSTEM, Store
from calcore_caldav.store.settings import StoreSettings


def names(store: Store) -> list[str]:
    with store.read() as txn:
        return [stored.name for stored in txn.objects.all(calendar(txn))]


def add(txn, name: str) -> None:
    txn.objects.put_raw(calendar(txn), name, b"text", "text/plain", name)


def test_a_commit_stays_and_an_exception_undoes(store: Store):
    with store.write(SYSTEM) as txn:
        add(txn, "a")
    with pytest.raises(KeyError), store.write(SYSTEM) as txn:
        add(txn, "b")
        raise KeyError
    assert names(store) == ["a"]


def test_the_clock_is_cut_to_seconds(store: Store, clock: Clock):
    with store.read() as txn:
        assert txn.now == clock.now.replace(microsecond=0)
        assert txn.actor is NOBODY
        assert not txn.writable


def test_a_reader_keeps_its_snapshot(store: Store):
    with store.read() as reader:
        before = calendar(reader)
        with store.write(SYSTEM) as txn:
            add(txn, "a")
        assert list(reader.objects.all(before)) == []
        assert calendar(reader).revision == before.revision
    assert names(store) == ["a"]


def test_a_reader_begins_with_its_first_statement(store: Store):
    with store.read() as reader:
        with store.write(SYSTEM) as txn:
            add(txn, "a")
        assert [s.name for s in reader.objects.all(calendar(reader))] == ["a"]


def test_a_write_that_runs_nothing_keeps_nobody_waiting(store: Store):
    with store.write(SYSTEM), store.write(SYSTEM) as other:
        add(other, "a")
    assert names(store) == ["a"]


def test_readers_change_nothing(store: Store):
    with store.read() as txn, pytest.raises(StoreError):
        add(txn, "a")
    with store.read() as txn, pytest.raises(StoreError):
        txn.lock(["uid:x"])


def test_one_thread_does_not_wait_for_itself(store: Store):
    with store.write(SYSTEM) as txn:
        add(txn, "a")
        with pytest.raises(StoreError, match="already"), store.write(SYSTEM) as other:
            add(other, "b")
        add(txn, "c")
    assert names(store) == ["a", "c"]


def test_another_thread_waits_its_turn_and_then_gives_up(tmp_path: Path):
    store = open_store(url_of(tmp_path), settings=StoreSettings(busy_timeout=0.05))
    with store.write(SYSTEM) as txn:
        populate(txn)

        def write() -> None:
            with store.write(SYSTEM) as other:
                other.directory.all()

        with ThreadPoolExecutor(1) as pool, pytest.raises(StoreBusy):
            pool.submit(write).result()
    store.close()


def test_another_process_waits_and_then_gives_up(tmp_path: Path):
    one = open_store(url_of(tmp_path))
    other = open_store(url_of(tmp_path), settings=StoreSettings(busy_timeout=0.05))
    with one.write(SYSTEM) as txn:
        populate(txn)
        with pytest.raises(StoreBusy), other.write(SYSTEM) as late:
            late.directory.all()
    with other.write(SYSTEM) as txn:
        assert [p.name for p in txn.directory.all()] == ["ann", "bob", "room1", "room2"]
    one.close()
    other.close()


def test_a_savepoint_undoes_its_inside_only(store: Store):
    with store.write(SYSTEM) as txn:
        add(txn, "a")
        before = calendar(txn).revision
        with pytest.raises(KeyError), txn.savepoint():
            add(txn, "b")
            with txn.savepoint():
                add(txn, "c")
            raise KeyError
        assert calendar(txn).revision == before
        with txn.savepoint():
            add(txn, "d")
    assert names(store) == ["a", "d"]


def test_a_savepoint_brings_a_first_revision_back(store: Store):
    with store.write(SYSTEM) as txn:
        before = calendar(txn).revision
        with pytest.raises(KeyError), txn.savepoint():
            add(txn, "b")
            raise KeyError
        assert calendar(txn).revision == before
        assert txn.collections.touch(calendar(txn).id) == before + 1


def test_a_savepoint_brings_the_directory_back(store: Store):
    with store.write(SYSTEM) as txn:
        with pytest.raises(KeyError), txn.savepoint():
            txn.directory.delete(principal(txn, "bob"))
            assert txn.directory.by_name("bob") is None
            raise KeyError
        assert txn.directory.by_name("bob") is not None


def test_callbacks_run_after_the_commit_only(store: Store):
    seen: list[list[str]] = []
    with store.write(SYSTEM) as txn:
        add(txn, "a")
        txn.after_commit(lambda: seen.append(names(store)))
        assert seen == []
    assert seen == [["a"]]
    with pytest.raises(KeyError), store.write(SYSTEM) as txn:
        txn.after_commit(lambda: seen.append([]))
        raise KeyError
    assert seen == [["a"]]


def test_a_callback_of_an_undone_savepoint_does_not_run(store: Store):
    seen: list[str] = []
    with store.write(SYSTEM) as txn:
        txn.after_commit(lambda: seen.append("kept"))
        with pytest.raises(KeyError), txn.savepoint():
            txn.after_commit(lambda: seen.append("undone"))
            raise KeyError
    assert seen == ["kept"]


def test_many_threads_write_one_after_the_other(store: Store):
    def work(number: int) -> None:
        with store.write(SYSTEM) as txn:
            found = calendar(txn)
            body = str(txn.objects.count(found)).encode()
            txn.objects.put_raw(found, f"{number}", body, "text/plain", f"{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    with store.read() as txn:
        stored = list(txn.objects.all(calendar(txn)))
        bodies = txn.objects.bodies(stored)
    assert sorted(int(body) for body in bodies.values()) == list(range(64))
    assert len({s.revision for s in stored}) == 64


def test_a_lock_lets_its_writer_go_on(store: Store):
    with store.write(SYSTEM) as txn:
        txn.lock(["uid:a", "room:room1", "uid:a"])
        add(txn, "a")
    assert names(store) == ["a"]


def test_a_closed_store_says_so(store: Store):
    store.ping()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.ping()


def test_a_store_can_be_closed_while_it_is_read(store: Store):
    with store.read() as txn:
        assert txn.directory.all()
        store.close()
        assert txn.directory.all()


@pytest.mark.parametrize(
    "url",
    ["", "calcore.db", "mysql://localhost/x", "sqlite://host/x", "sqlite:/x", "sqlite:///"],
)
def test_wrong_urls_are_sentences(url: str):
    with pytest.raises(ConfigurationError, match="sqlite:///"):
        open_store(url)


def test_postgresql_is_not_there_yet():
    with pytest.raises(ConfigurationError, match="not there yet"):
        open_store("postgresql://localhost/calcore")


def test_wrong_options_are_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="synchronous"):
        open_store(url_of(tmp_path), settings=StoreSettings(options={"synchronous": "sometimes"}))


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigurationError, match=r"3\.35"):
        open_store("sqlite://")


def test_a_private_database_leaves_nothing_behind():
    store = open_store("sqlite://")
    path = store.path  # type: ignore[attr-defined]
    assert path.exists()
    store.close()
    del store
    assert not path.parent.exists()


FORKED = """
import os, sys
from calcore_caldav.errors import StoreError
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM

store = open_store(sys.argv[1])

def add(name):
    with store.write(SYSTEM) as txn:
        collection = txn.collections.get("ann", "calendar")
        txn.objects.put_raw(collection, name, b"text", "text/plain", name)

def wait(child):
    _, status = os.waitpid(child, 0)
    assert status == 0, status

add("before")
child = os.fork()
for number in range(20):
    add(f"{child}-{number}")
if child == 0:
    os._exit(0)
store.close()
wait(child)

store = open_store(sys.argv[1])
with store.read() as txn:
    txn.directory.all()
    child = os.fork()
    if child == 0:
        try:
            add("never")
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
wait(child)
store.close()
"""


def test_a_forked_process_opens_its_own_connections(file_store: Store, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKED, url_of(tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert len(names(file_store)) == 41


def test_threads_end_without_taking_connections_with_them(store: Store):
    def read() -> None:
        with store.read() as txn:
            txn.directory.all()

    for _ in range(20):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert len(store._idle) == 1  # type: ignore[attr-defined]
