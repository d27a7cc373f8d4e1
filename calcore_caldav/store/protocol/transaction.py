# SPDX-License-Identifier: GPL-3.0-or-later
"""A database and its transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from calcore_caldav.store.protocol.actor import NOBODY, Actor
from calcore_caldav.store.protocol.directory import Directory
from calcore_caldav.store.protocol.rows import (
    BookingRows,
    CancellationRows,
    CollectionRows,
    InstanceRows,
    JobRows,
    ObjectRows,
)

Clock = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""


class Transaction(Protocol):
    """One snapshot (read) or one atomic change (write) of the database, by one actor."""

    actor: Actor
    now: datetime
    """The instant of its start: DTSTAMPs and modification times of everything in it."""
    writable: bool
    sync_epoch: str
    """Random per database: sync tokens of another database are not ours."""
    collections: CollectionRows
    objects: ObjectRows
    instances: InstanceRows
    bookings: BookingRows
    directory: Directory
    jobs: JobRows
    cancellations: CancellationRows

    def lock(self, keys: Iterable[str]) -> None:
        """Serialise with other writers on these keys ("uid:…", "room:…"); the order is fixed inside."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo everything inside on an exception, and let it pass."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Called once the change is durable; never on a rollback."""


class Store(Protocol):
    """A database."""

    clock: Clock

    def read(self, actor: Actor = NOBODY) -> AbstractContextManager[Transaction]:
        """One snapshot for everything inside; the first statement begins it."""

    def write(self, actor: Actor) -> AbstractContextManager[Transaction]:
        """Commit on normal exit, rollback on any exception.

        The first statement waits for its turn. Raises StoreBusy where that takes longer than the busy time-out.
        """

    def ping(self) -> None:
        """Raises StoreError where the database does not answer."""

    def problems(self, progress: Callable[[int, int], None]) -> Iterator[str]:
        """What is wrong with the data, as sentences; `progress(done, total)`. Reads everything."""

    def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""
