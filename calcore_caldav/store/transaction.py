# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction, whatever the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

from calcore_caldav.store.bookings import SqlBookingRows
from calcore_caldav.store.cancellations import SqlCancellationRows
from calcore_caldav.store.collections import SqlCollectionRows
from calcore_caldav.store.directory import SqlDirectory
from calcore_caldav.store.inspection import problems
from calcore_caldav.store.instances import SqlInstanceRows
from calcore_caldav.store.jobs import SqlJobRows
from calcore_caldav.store.objects import SqlObjectRows
from calcore_caldav.store.protocol import (
    Actor,
    BookingRows,
    CancellationRows,
    CollectionRows,
    Directory,
    InstanceRows,
    JobRows,
    ObjectRows,
)
from calcore_caldav.store.session import Session, Shared
from calcore_caldav.store.sql import Sql


class SqlTransaction:
    """See protocol.Transaction. `lock_keys` is how the database serialises writers on keys."""

    __slots__ = (
        "_lock_keys",
        "_session",
        "actor",
        "bookings",
        "cancellations",
        "collections",
        "directory",
        "instances",
        "jobs",
        "now",
        "objects",
        "sync_epoch",
        "writable",
    )

    def __init__(
        self, sql: Sql, shared: Shared, actor: Actor, now: datetime, lock_keys: Callable[[list[str]], None]
    ) -> None:
        session = Session(sql, shared, now)
        self._session = session
        self._lock_keys = lock_keys
        self.actor = actor
        self.now = now
        self.writable = sql.writable
        self.sync_epoch = shared.sync_epoch
        objects = SqlObjectRows(session)
        collections = SqlCollectionRows(session)
        self.objects: ObjectRows = objects
        self.collections: CollectionRows = collections
        self.instances: InstanceRows = SqlInstanceRows(session, objects)
        self.bookings: BookingRows = SqlBookingRows(session)
        self.directory: Directory = SqlDirectory(session, collections)
        self.jobs: JobRows = SqlJobRows(session)
        self.cancellations: CancellationRows = SqlCancellationRows(session)

    def lock(self, keys: Iterable[str]) -> None:
        self._session.sql.require_writable()
        self._lock_keys(sorted({*keys}))

    def problems(self, progress: Callable[[int, int], None]) -> Iterator[str]:
        """What is wrong with the rows."""
        return problems(self._session, progress)

    def savepoint(self) -> AbstractContextManager[None]:
        return self._session.savepoint()

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._session.callbacks.append(callback)

    def committed(self) -> None:
        """Tell those who wait for the commit."""
        for callback in self._session.callbacks:
            callback()
