# SPDX-License-Identifier: GPL-3.0-or-later
"""Background jobs."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from office_day import meeting, monday

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.errors import InvalidSyncToken
from calcore_caldav.server.assembly import open_services
from calcore_caldav.server.background import (
    HANDLERS,
    UPKEEP_JOB,
    Background,
    end_background,
    start_background,
)
from calcore_caldav.store.protocol import SYSTEM

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def services(tmp_path):
    now = [NOW]
    services = open_services(f"sqlite:///{tmp_path}/c.db", clock=lambda: now[0])
    services.store.test_clock = now
    yield services
    services.store.close()


def test_due_jobs_are_done_when_woken(services):
    done = threading.Event()

    def work(txn, job, settings):
        done.set()

    with services.store.write(SYSTEM) as txn:
        txn.jobs.add("work", {})
    background = Background(services, {"work": work, UPKEEP_JOB: lambda *_: None})
    background.wake()
    assert done.wait(30)
    background.end()


def test_a_job_that_nobody_here_handles_is_left_alone(services):
    background = Background(services, {UPKEEP_JOB: lambda *_: None})
    with services.store.write(SYSTEM) as txn:
        txn.jobs.add("stranger", {})
    assert background._do_due() > 0
    background.end()


def test_one_thread_for_each_database(services):
    first = start_background(services)
    assert start_background(services) is first
    end_background(services)


def test_the_daily_upkeep(services):
    with services.store.write(SYSTEM) as txn:
        ann = txn.directory.save(Principal(0, "ann", CalendarUserType.INDIVIDUAL, "Ann"))
        txn.directory.provision(ann)
        inbox = txn.collections.get("ann", "inbox")
        item = CalendarObject.parse(meeting("m", "ann", [], monday(1, 9)).encode(), limits=Limits())
        txn.objects.put(inbox, "old.ics", item, schedule_tag=None)
    services.store.test_clock[0] = NOW + timedelta(days=13)
    with services.store.write(SYSTEM) as txn:
        other = CalendarObject.parse(meeting("n", "ann", [], monday(1, 9)).encode(), limits=Limits())
        txn.objects.put(txn.collections.get("ann", "inbox"), "new.ics", other, schedule_tag=None)
    services.store.test_clock[0] = NOW + timedelta(days=15)
    with services.store.write(SYSTEM) as txn:
        txn.jobs.add(UPKEEP_JOB, {}, dedupe=UPKEEP_JOB)
        job = txn.jobs.lease([UPKEEP_JOB], txn.now, 60)
        HANDLERS[UPKEEP_JOB](txn, job, services.settings)
        txn.jobs.done(job)
        assert [o.name for o in txn.objects.all(txn.collections.get("ann", "inbox"))] == ["new.ics"]
        assert txn.jobs.next_due() == txn.now + timedelta(days=1)


@pytest.mark.parametrize(("history_days", "remembered"), [(40, True), (20, False), (0, True)])
def test_deletions_are_remembered_for_a_while(services, history_days, remembered):
    settings = replace(services.settings, history_days=history_days)
    with services.store.write(SYSTEM) as txn:
        txn.directory.provision(txn.directory.save(Principal(0, "ann", CalendarUserType.INDIVIDUAL, "Ann")))
        item = CalendarObject.parse(meeting("m", "ann", [], monday(1, 9)).encode(), limits=Limits())
        stored = txn.objects.put(txn.collections.get("ann", "calendar"), "m.ics", item, schedule_tag=None)
        seen = txn.collections.get("ann", "calendar").revision
    with services.store.write(SYSTEM) as txn:
        txn.objects.delete(stored)
    services.store.test_clock[0] = NOW + timedelta(days=30)
    with services.store.write(SYSTEM) as txn:
        txn.jobs.add(UPKEEP_JOB, {}, dedupe=UPKEEP_JOB)
        HANDLERS[UPKEEP_JOB](txn, txn.jobs.lease([UPKEEP_JOB], txn.now, 60), settings)
    with services.store.read() as txn:
        calendar = txn.collections.get("ann", "calendar")
        if remembered:
            assert [change.name for change in txn.objects.changes_since(calendar, seen)] == ["m.ics"]
        else:
            with pytest.raises(InvalidSyncToken):
                txn.objects.changes_since(calendar, seen)
