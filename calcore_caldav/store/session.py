# SPDX-License-Identifier: GPL-3.0-or-later
"""What all rows of one transaction share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Text, bindparam, cast, select, update

from calcore_caldav.core.times import to_epoch
from calcore_caldav.store.cache import DirectoryCache, DirectoryView, ParsedCache
from calcore_caldav.store.schema import collections, meta
from calcore_caldav.store.settings import StoreSettings
from calcore_caldav.store.sql import Sql, Statement

if TYPE_CHECKING:
    from calcore_caldav.core.calobject import CalendarObject
    from calcore_caldav.store.index import Indexed
    from calcore_caldav.store.protocol import Collection

_BUMP = Statement(
    update(collections)
    .where(collections.c.id == bindparam("id_"))
    .values(revision=collections.c.revision + 1, modified=bindparam("now"))
    .returning(collections.c.revision)
)
_DIRECTORY_REVISION = Statement(select(meta.c.value).where(meta.c.key == "directory_revision"))
_BUMP_DIRECTORY = Statement(
    update(meta)
    .where(meta.c.key == "directory_revision")
    .values(value=cast(cast(meta.c.value, BigInteger) + 1, Text))
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all transactions of one store in one process share."""

    settings: StoreSettings
    sync_epoch: str
    parsed: ParsedCache
    directory: DirectoryCache


@dataclass(frozen=True, slots=True)
class KnownCollections:
    """Collections as a transaction read them, and changed them since."""

    ids: dict[int, Collection] = field(default_factory=dict)
    named: dict[tuple[str, str], Collection] = field(default_factory=dict)
    """By the owner's name and their own."""
    homes: dict[int, list[int]] = field(default_factory=dict)
    """All ids of a principal, by name."""

    def add(self, collection: Collection) -> Collection:
        """Know it so from now on; returns it."""
        self.ids[collection.id] = self.named[collection.owner, collection.name] = collection
        return collection

    def clear(self) -> None:
        """Forget everything."""
        for part in (self.ids, self.named, self.homes):
            part.clear()


@dataclass(slots=True)
class Session:
    """One transaction, seen from its rows."""

    sql: Sql
    shared: Shared
    now: datetime
    revisions: dict[int, int] = field(default_factory=dict)
    """The revisions that this transaction gave to the collections that it changed."""
    known: KnownCollections = field(default_factory=KnownCollections)
    object_properties: dict[int, dict[int, dict[str, str]]] = field(default_factory=dict)
    """Dead properties of the objects of collections, as far as they were read."""
    indexed: tuple[CalendarObject, tzinfo, Indexed] | None = None
    """The last event that the index took in, in which zone, and what it knows of it."""
    callbacks: list[Callable[[], None]] = field(default_factory=list)
    """To be called after the commit."""
    _view: DirectoryView | None = None
    _directory_changed: bool = False
    _savepoints: int = 0

    @property
    def now_ts(self) -> int:
        """The instant of the transaction in epoch seconds."""
        return to_epoch(self.now)

    def touch(self, collection_id: int) -> int:
        """Bump a collection's revision once per transaction; returns it."""
        revision = self.revisions.get(collection_id)
        if revision is None:
            revision = self.sql.insert(_BUMP, id_=collection_id, now=self.now_ts)
            self.revisions[collection_id] = revision
            if (before := self.known.ids.get(collection_id)) is not None:
                self.known.add(replace(before, revision=revision, modified=self.now))
        return revision

    @property
    def directory(self) -> DirectoryView:
        """What is known of the directory in this snapshot."""
        if self._view is None:
            self._view = self.shared.directory.view(int(self.sql.value(_DIRECTORY_REVISION)))
        return self._view

    def directory_changed(self) -> None:
        """Forget what was known: this transaction goes on with a view of its own."""
        if not self._directory_changed:
            self.sql.run(_BUMP_DIRECTORY)
            self._directory_changed = True
        self.known.clear()
        self._view = DirectoryView(-1)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo everything inside on an exception."""
        self._savepoints += 1
        name = f"s{self._savepoints}"
        revisions, changed, callbacks = dict(self.revisions), self._directory_changed, len(self.callbacks)
        self.sql.driver(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self.sql.driver(f"ROLLBACK TO SAVEPOINT {name}")
            self.sql.driver(f"RELEASE SAVEPOINT {name}")
            self.revisions, self._directory_changed = revisions, changed
            self.object_properties.clear()
            self.known.clear()
            del self.callbacks[callbacks:]
            if self._view is not None and self._view.revision < 0:
                self._view = DirectoryView(-1) if changed else None
            raise
        self.sql.driver(f"RELEASE SAVEPOINT {name}")
