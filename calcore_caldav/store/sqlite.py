# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on SQLite; everything that only SQLite does stands here.

Readers have a snapshot each and wait for nobody (WAL). One transaction writes at a time: threads queue at a
lock of the process, processes at SQLite's. A commit is on the disk before it is acknowledged
(synchronous=FULL). Connections are kept and reused, but for a fork, which none survives.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, create_engine, event, select
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from calcore_caldav.errors import BookingConflict, ConfigurationError, StoreBusy, StoreError
from calcore_caldav.store import migrate
from calcore_caldav.store.cache import DirectoryCache, ParsedCache
from calcore_caldav.store.protocol import NOBODY, Actor, Clock, Transaction
from calcore_caldav.store.schema import HEAD, LONGEST_BOOKING, bookings, meta, version
from calcore_caldav.store.session import Shared
from calcore_caldav.store.settings import StoreSettings
from calcore_caldav.store.sql import Cursor, Sql, Statement
from calcore_caldav.store.transaction import SqlTransaction

_DIALECT: Final = dialect.dialect(paramstyle="qmark")
_OLDEST: Final = (3, 35, 0)
"""The first one that knows RETURNING."""
_SYNCHRONOUS: Final = frozenset({"OFF", "NORMAL", "FULL", "EXTRA"})
_BUSY_CODES: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_ROOM_IS_BUSY: Final = "room is busy"

# Bookings of a slot are disjoint, so the last one that starts before the new one ends is the only one that
# can overlap it; it is no longer than a day.
_NO_OVERLAP: Final = """\
CREATE TRIGGER bookings_no_overlap_{verb} BEFORE {VERB} ON bookings
WHEN NEW.start_ts < (
  SELECT end_ts FROM bookings
  WHERE room_id = NEW.room_id AND start_ts > NEW.start_ts - {longest} AND start_ts < NEW.end_ts
    AND slot = NEW.slot{besides}
  ORDER BY start_ts DESC LIMIT 1
)
BEGIN SELECT RAISE(ABORT, 'room is busy'); END"""
TRIGGERS: Final = (
    _NO_OVERLAP.format(verb="insert", VERB="INSERT", longest=LONGEST_BOOKING, besides=""),
    _NO_OVERLAP.format(
        verb="update",
        VERB="UPDATE",
        longest=LONGEST_BOOKING,
        besides="\n    AND NOT (room_id = OLD.room_id AND slot = OLD.slot AND start_ts = OLD.start_ts)",
    ),
)
_PING: Final = Statement(select(meta.c.value).where(meta.c.key == "sync_epoch"))
_STORES: Final[weakref.WeakSet[SqliteStore]] = weakref.WeakSet()
_INHERITED: Final[list[object]] = []
"""Connections of the parent process: closing them here would break its locks."""


@event.listens_for(bookings, "after_create")
def _create_triggers(_table: Table, connection: Connection, **_: object) -> None:
    if connection.dialect.name == _DIALECT.name:
        for trigger in TRIGGERS:
            connection.exec_driver_sql(trigger)


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


class SqliteStore:
    """See protocol.Store. `path` None: a private database that ends with the store."""

    def __init__(self, path: Path | None, *, clock: Clock = utc_now, settings: StoreSettings) -> None:
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(
                f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is the oldest that will do"
            )
        self.clock = clock
        self.settings = settings
        self._synchronous = settings.options.get("synchronous", "FULL" if path else "OFF").upper()
        if self._synchronous not in _SYNCHRONOUS:
            raise ConfigurationError(f"synchronous is one of {', '.join(sorted(_SYNCHRONOUS))}")
        private = None
        if path is None:
            private = Path(tempfile.mkdtemp(prefix="calcore-"))
            path = private / "calcore.db"
        self.path = path
        self._closed = ""
        self._start()
        weakref.finalize(self, _discard, self._idle, private, os.getpid())
        _create_file(path)
        _prepare(path, settings.busy_timeout)
        self._shared = Shared(
            settings=settings,
            sync_epoch=self._read_epoch(),
            parsed=ParsedCache(settings.parsed_cache_bytes),
            directory=DirectoryCache(),
        )
        _STORES.add(self)

    def _start(self) -> None:
        self._idle: deque[sqlite3.Connection] = deque()
        self._used: set[sqlite3.Connection] = set()
        self._write_lock = threading.Lock()
        self._writer: int | None = None

    def before_fork(self) -> None:
        """Leave no connection to a child: SQLite would take the parent's locks for its own."""
        _close_all(self._idle)

    def after_fork(self) -> None:
        """In the child: what other threads used at that moment cannot be saved, and must not be touched."""
        if self._used:
            _INHERITED.append(self._used)
            self._closed = "the process was forked while the database was in use: it cannot use it any more"
        self._start()

    def _read_epoch(self) -> str:
        connection = self._take()
        try:
            ping = _PING.compiled(_DIALECT)
            epoch: str = connection.execute(ping.text, ping.bound({})).fetchone()[0]
        finally:
            self._end(connection, "ROLLBACK")
        return epoch

    @contextmanager
    def read(self, actor: Actor = NOBODY) -> Iterator[Transaction]:
        opened: list[sqlite3.Connection] = []

        def begin() -> Cursor:
            opened.append(self._take())
            return _begin(opened[0], "BEGIN")

        try:
            yield self._transaction(begin, actor, writable=False)
        finally:
            for connection in opened:
                self._end(connection, "ROLLBACK")

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Transaction]:
        opened: list[sqlite3.Connection] = []
        turn: list[threading.Lock] = []

        def begin() -> Cursor:
            turn.append(self._queue())
            opened.append(self._take())
            return _begin(opened[0], "BEGIN IMMEDIATE")

        transaction = self._transaction(begin, actor, writable=True)
        end = "ROLLBACK"
        try:
            yield transaction
            end = "COMMIT"
        finally:
            try:
                for connection in opened:
                    self._end(connection, end)
            finally:
                for lock in turn:
                    self._writer = None
                    lock.release()
        transaction.committed()

    def _queue(self) -> threading.Lock:
        if self._writer == threading.get_ident():
            raise StoreError("this thread has a write transaction already")
        lock = self._write_lock
        if not lock.acquire(timeout=self.settings.busy_timeout):
            raise StoreBusy("another request has been writing for too long: try again")
        self._writer = threading.get_ident()
        return lock

    def _transaction(self, begin: Callable[[], Cursor], actor: Actor, *, writable: bool) -> SqlTransaction:
        sql = Sql(_DIALECT, begin, sqlite3.Error, _translate, writable=writable)
        now = self.clock().replace(microsecond=0)
        # The one writer is alone: there is nothing to lock.
        return SqlTransaction(sql, self._shared, actor, now, lambda _: None)

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(self._closed)
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _connect(self.path, self.settings.busy_timeout, self._synchronous)
        self._used.add(connection)
        return connection

    def _end(self, connection: sqlite3.Connection, end: str) -> None:
        if connection not in self._used:
            return  # this is a child, and the transaction its parent's
        try:
            if connection.in_transaction:
                connection.execute(end)
        except sqlite3.Error as error:
            connection.close()  # which rolls back
            raise _translate(error) from error
        finally:
            self._used.discard(connection)
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def ping(self) -> None:
        with self.read() as transaction:
            transaction.jobs.next_due()

    def problems(self, progress: Callable[[int, int], None]) -> Iterator[str]:
        with closing(_connect(self.path, self.settings.busy_timeout, self._synchronous)) as connection:
            for (text,) in connection.execute("PRAGMA integrity_check"):
                if text != "ok":
                    yield f"{self.path}: {text}"
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
                yield f"{self.path}: row {row} of {table} refers to a row of {parent} that is not there"
        with self.read() as transaction:
            assert isinstance(transaction, SqlTransaction)
            yield from transaction.problems(progress)

    def close(self) -> None:
        self._closed = "the store is closed"
        _close_all(self._idle)


def _begin(connection: sqlite3.Connection, begin: str) -> Cursor:
    cursor = connection.cursor()
    try:
        cursor.execute(begin)
    except sqlite3.Error as error:
        raise _translate(error) from error
    return cursor


def _translate(error: BaseException) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _BUSY_CODES:
        return StoreBusy("another process has been writing for too long: try again")
    text = str(error)
    if text == _ROOM_IS_BUSY or text.startswith("UNIQUE constraint failed: bookings."):
        return BookingConflict("the slot is taken")
    return StoreError(f"SQLite: {text}")


def _connect(path: Path, busy_timeout: float, synchronous: str) -> sqlite3.Connection:
    # Transactions use a connection in one thread at a time, not always in the same.
    try:
        connection = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False, cached_statements=512
        )
    except sqlite3.Error as error:
        raise _translate(error) from error
    try:
        for setting in (
            "foreign_keys = ON",
            f"synchronous = {synchronous}",
            # 16 MB: a booked series writes a hundred pages, most of which the next one writes again.
            "wal_autocheckpoint = 4000",
            "temp_store = MEMORY",
            # Each thread has a connection, and the system caches the file for all of them.
            "cache_size = -4000",
        ):
            connection.execute(f"PRAGMA {setting}")
    except sqlite3.Error as error:
        connection.close()
        raise _translate(error) from error
    return connection


def _create_file(path: Path) -> None:
    """An empty database that nobody else may read, its name on the disk."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            return
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"the database {path} cannot be created: {error.strerror}") from error
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _prepare(path: Path, busy_timeout: float) -> None:
    """Write-ahead logging, and the tables of this version; several processes may start at once."""
    connection = _connect(path, busy_timeout, "FULL")
    try:
        _use_wal(connection, busy_timeout)
        if not _is_current(connection):
            connection.execute("PRAGMA foreign_keys = OFF")  # migrations rebuild tables
            _upgrade(connection)
    except sqlite3.Error as error:
        raise _translate(error) from error
    except DBAPIError as error:
        raise _translate(error.orig or error) from error
    finally:
        connection.close()


def _use_wal(connection: sqlite3.Connection, busy_timeout: float) -> None:
    # SQLite doesn't wait for its time-out here.
    give_up = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.005)
        else:
            return


def _is_current(connection: sqlite3.Connection) -> bool:
    try:
        found = connection.execute(f"SELECT version_num FROM {version.name}").fetchone()  # noqa: S608
    except sqlite3.OperationalError:
        return False
    return found is not None and found[0] == HEAD


def _upgrade(connection: sqlite3.Connection) -> None:
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as core:
        core.exec_driver_sql("BEGIN IMMEDIATE")
        if migrate.prepare(core):
            broken = core.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreError(f"the upgrade would break {len(broken)} references: nothing was changed")
        core.commit()


def _close_all(connections: deque[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


def _discard(idle: deque[sqlite3.Connection], private: Path | None, owner: int) -> None:
    """What is left to do for a store that nobody has any more."""
    if os.getpid() != owner:
        return
    _close_all(idle)
    if private is not None:
        shutil.rmtree(private, ignore_errors=True)


def _before_fork() -> None:
    for store in [*_STORES]:
        store.before_fork()


def _after_fork() -> None:
    for store in [*_STORES]:
        store.after_fork()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
