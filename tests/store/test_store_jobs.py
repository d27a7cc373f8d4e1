# SPDX-License-Identifier: GPL-3.0-or-later
"""The transactional outbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from store_world import Clock

from calcore_caldav.store.protocol import SYSTEM, Store


def test_a_job_is_leased_once_and_done(store: Store):
    with store.write(SYSTEM) as txn:
        assert txn.jobs.next_due() is None
        txn.jobs.add("mail", {"to": "ännchen", "n": [1, {"x": None}]})
    with store.write(SYSTEM) as txn:
        assert txn.jobs.lease(["refresh"], txn.now, 60) is None
        assert txn.jobs.lease([], txn.now, 60) is None
        job = txn.jobs.lease(["refresh", "mail"], txn.now, 60)
        assert job is not None
        assert (job.kind, job.payload, job.attempts) == ("mail", {"to": "ännchen", "n": [1, {"x": None}]}, 1)
        assert job.created == txn.now
        assert txn.jobs.lease(["mail"], txn.now, 60) is None
        assert txn.jobs.next_due() == txn.now + timedelta(seconds=60)
        txn.jobs.done(job)
        assert txn.jobs.next_due() is None


def test_a_lease_that_ran_out_is_given_again(store: Store, clock: Clock):
    with store.write(SYSTEM) as txn:
        txn.jobs.add("mail", {})
        assert txn.jobs.lease(["mail"], txn.now, 60) is not None
    clock.forward(seconds=59)
    with store.write(SYSTEM) as txn:
        assert txn.jobs.lease(["mail"], txn.now, 60) is None
    clock.forward(seconds=1)
    with store.write(SYSTEM) as txn:
        job = txn.jobs.lease(["mail"], txn.now, 60)
        assert job is not None
        assert job.attempts == 2


def test_a_failed_job_is_tried_again_later(store: Store):
    with store.write(SYSTEM) as txn:
        txn.jobs.add("mail", {})
        job = txn.jobs.lease(["mail"], txn.now, 60)
        assert job is not None
        later = txn.now + timedelta(hours=1)
        txn.jobs.fail(job, "no route to host", later)
        assert txn.jobs.next_due() == later
        assert txn.jobs.lease(["mail"], later - timedelta(seconds=1), 60) is None
        again = txn.jobs.lease(["mail"], later, 60)
        assert again is not None
        assert again.last_error == "no route to host"


def test_jobs_come_in_the_order_that_they_are_due(store: Store):
    with store.write(SYSTEM) as txn:
        for minutes in (3, 1, 2):
            txn.jobs.add("mail", {"n": minutes}, not_before=txn.now + timedelta(minutes=minutes))
        end = txn.now + timedelta(minutes=10)
        leased = [txn.jobs.lease(["mail"], end, 600) for _ in range(4)]
        assert [job and job.payload["n"] for job in leased] == [1, 2, 3, None]


@pytest.mark.parametrize(("first", "second"), [(1, 5), (5, 1)])
def test_a_waiting_job_of_the_same_key_is_replaced(store: Store, first: int, second: int):
    with store.write(SYSTEM) as txn:
        for n, minutes in enumerate((first, second)):
            due = txn.now + timedelta(minutes=minutes)
            txn.jobs.add("refresh", {"n": n}, dedupe="uid:x", not_before=due)
        txn.jobs.add("refresh", {"n": 9}, dedupe="uid:y", not_before=txn.now + timedelta(minutes=9))
        assert txn.jobs.next_due() == txn.now + timedelta(minutes=1)
        end = txn.now + timedelta(minutes=10)
        leased = [txn.jobs.lease(["refresh"], end, 600) for _ in range(3)]
        assert [job and job.payload["n"] for job in leased] == [1, 9, None]


def test_a_job_that_is_worked_on_is_not_replaced(store: Store):
    with store.write(SYSTEM) as txn:
        txn.jobs.add("refresh", {"n": 0}, dedupe="uid:x")
        job = txn.jobs.lease(["refresh"], txn.now, 60)
        txn.jobs.add("refresh", {"n": 1}, dedupe="uid:x")
        assert job is not None
        txn.jobs.done(job)
        other = txn.jobs.lease(["refresh"], txn.now, 60)
        assert other is not None
        assert other.payload == {"n": 1}


def test_a_rolled_back_job_never_was(store: Store):
    with pytest.raises(KeyError), store.write(SYSTEM) as txn:
        txn.jobs.add("mail", {})
        raise KeyError
    with store.read() as txn:
        assert txn.jobs.next_due() is None


def test_workers_never_get_the_same_job(store: Store):
    with store.write(SYSTEM) as txn:
        for n in range(40):
            txn.jobs.add("mail", {"n": n})

    def work(_: int) -> list[object]:
        mine: list[object] = []
        while True:
            with store.write(SYSTEM) as txn:
                job = txn.jobs.lease(["mail"], txn.now, 60)
            if job is None:
                return mine
            mine.append(job.payload["n"])

    with ThreadPoolExecutor(4) as pool:
        got = [n for mine in pool.map(work, range(4)) for n in mine]
    assert sorted(got) == list(range(40))
