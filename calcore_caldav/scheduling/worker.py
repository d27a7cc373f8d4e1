# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker: does what transactions left to be done after their commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from calcore_caldav.scheduling import groups, room_jobs
from calcore_caldav.scheduling.delivery import REFRESH_JOB, Delivery
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import SYSTEM, Job, Store, Transaction

logger = logging.getLogger(__name__)

Handler = Callable[[Transaction, Job, SchedulingSettings], None]
"""Does one job in one transaction; what it raises is tried again later."""

_LEASE_SECONDS: Final = 300
_RETRIES: Final = (5, 30, 120, 600, 3600)
"""Seconds until the next try."""


def refresh(txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Show the attendees of one object each other's answers; harmless to repeat."""
    number = job.payload.get("object")
    stored = txn.objects.by_id(number) if isinstance(number, int) else None
    if stored is None:
        return
    collection = txn.collections.by_id(stored.collection_id)
    owner = txn.directory.by_id(collection.principal_id) if collection is not None else None
    obj = txn.objects.parsed(stored)
    if owner is not None and obj.organizer in owner.own_addresses:
        Delivery(txn, settings).refresh(obj, owner)


HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {REFRESH_JOB: refresh, groups.GROUP_JOB: groups.update_meetings, **room_jobs.HANDLERS}
)


class Worker:
    """Runs the jobs that are due, each once: its effects and its end are one transaction."""

    def __init__(
        self, store: Store, settings: SchedulingSettings, handlers: Mapping[str, Handler] = HANDLERS
    ) -> None:
        self.store = store
        self.settings = settings
        self.handlers = handlers

    def run_due(self, limit: int = 1000) -> int:
        """Do all that is due now, at most `limit` jobs; returns how many were tried."""
        for done in range(limit):
            if not self.run_one():
                return done
        return limit

    def run_one(self) -> bool:
        """Do the next due job; False where nothing is due."""
        now = self.store.clock()
        with self.store.write(SYSTEM) as txn:
            job = txn.jobs.lease(tuple(self.handlers), now, _LEASE_SECONDS)
        if job is None:
            return False
        try:
            with self.store.write(SYSTEM) as txn:
                self.handlers[job.kind](txn, job, self.settings)
                txn.jobs.done(job)
        except Exception as error:
            logger.exception("job %d (%s) failed", job.id, job.kind)
            wait = _RETRIES[min(job.attempts, len(_RETRIES)) - 1]
            with self.store.write(SYSTEM) as txn:
                txn.jobs.fail(job, f"{type(error).__name__}: {error}", now + timedelta(seconds=wait))
        return True
