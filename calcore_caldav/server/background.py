# SPDX-License-Identifier: GPL-3.0-or-later
"""Background jobs: one thread in each process that serves; leases keep two from doing the same job."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from multiprocessing import util
from typing import Final

from calcore_caldav.api import watch
from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling import worker
from calcore_caldav.scheduling.services import Services
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.store.protocol import SYSTEM, CollectionKind, Job, Transaction

logger = logging.getLogger(__name__)

_PATIENCE: Final = 1.0
"""Seconds between looks at the jobs: another process may have left one. A look is one read."""
_FINISH: Final = 4.0
"""Seconds that the job at hand has when the process ends."""

UPKEEP_JOB: Final = "upkeep"
_DAY: Final = timedelta(days=1)
_AT_ONCE: Final = 500
"""Objects that are indexed further in one transaction."""

_running: Final[dict[tuple[int, int], Background]] = {}
_starting: Final = threading.Lock()


class Background:
    """A thread that does what is due, until it is ended."""

    def __init__(self, services: Services, handlers: Mapping[str, worker.Handler]) -> None:
        self._store = services.store
        self._worker = Worker(services.store, services.settings, handlers)
        self._event = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._event.set()

    def end(self) -> None:
        """Finish the job at hand and close the database."""
        self._end.set()
        self._event.set()
        self._thread.join(_FINISH)
        self._store.close()

    def _run(self) -> None:
        self._plan_upkeep()
        wait = 0.0
        while not self._end.is_set():
            self._event.wait(wait)
            self._event.clear()
            try:
                wait = self._do_due()
            except CalcoreError:
                # The database is busy or away: the jobs are still there when it is back.
                logger.warning("background jobs wait for the database", exc_info=True)
                wait = _PATIENCE

    def _do_due(self) -> float:
        """Do what is due; returns the seconds until the next look."""
        while not self._end.is_set():
            wait = self._until_due()
            if wait > 0:
                return wait
            if not self._worker.run_one():
                # What is due is somebody else's: another process has it, or another program handles it.
                break
        return _PATIENCE

    def _plan_upkeep(self) -> None:
        try:
            with self._store.write(SYSTEM) as txn:
                txn.jobs.add(UPKEEP_JOB, {}, dedupe=UPKEEP_JOB)
        except CalcoreError:
            # Another process of this server has planned it, or the next start will.
            logger.info("the daily upkeep was not planned", exc_info=True)

    def _until_due(self) -> float:
        """Seconds until the next look: none where a job is due."""
        with self._store.read() as txn:
            due = txn.jobs.next_due()
        if due is None:
            return _PATIENCE
        return min((due - self._store.clock()).total_seconds(), _PATIENCE)


def upkeep(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Once a day: index what the horizon has come to, forget old history and old inbox items."""
    del job
    more = txn.instances.extend(txn.now, _AT_ONCE) >= _AT_ONCE
    if settings.history_days:
        before = txn.now - timedelta(days=settings.history_days)
        txn.objects.prune_tombstones(before)
        txn.cancellations.prune(before)
    if settings.inbox_days:
        _empty_inboxes(txn, txn.now - timedelta(days=settings.inbox_days))
    txn.jobs.add(
        UPKEEP_JOB, {}, dedupe=UPKEEP_JOB + "-next", not_before=txn.now + (timedelta(0) if more else _DAY)
    )


def _empty_inboxes(txn: Transaction, before: datetime) -> None:
    for principal in txn.directory.all():
        for inbox in txn.collections.of(principal, CollectionKind.INBOX):
            for stored in list(txn.objects.all(inbox)):
                if stored.created < before:
                    txn.objects.delete(stored)


HANDLERS: Final[Mapping[str, worker.Handler]] = {**worker.HANDLERS, UPKEEP_JOB: upkeep}


def start_background(services: Services) -> Background:
    """The process's thread for these services, started with the first call."""
    key = (os.getpid(), id(services))
    with _starting:
        if key not in _running:
            background = _running[key] = Background(services, {**HANDLERS, **watch.handlers(services.store)})
            util.Finalize(None, background.end, exitpriority=100)
        return _running[key]


def end_background(services: Services) -> None:
    """End the process's thread for these services, where there is one."""
    with _starting:
        background = _running.pop((os.getpid(), id(services)), None)
    if background is not None:
        background.end()
