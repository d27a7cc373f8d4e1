# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync history: what a collection changed and which names it lost, and since when (RFC 6578 §3.2, §3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, insert, or_, select, update

from calcore_caldav.core.times import from_epoch, to_epoch
from calcore_caldav.errors import InvalidSyncToken
from calcore_caldav.store.header import HEADER, IN_COLLECTION, stored_in
from calcore_caldav.store.protocol import Change, Collection, Removal
from calcore_caldav.store.schema import collections, objects, tombstones
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Statement

_NO_LIMIT: Final = 2**62
_EVERYTHING: Final[Mapping[str, int | str]] = {"after": -1, "after_name": "", "limit": _NO_LIMIT}
"""Parameters of `_after` and of the limit that leave nothing out."""


def _after(table: Table) -> ColumnElement[bool]:
    """A later revision, or the same one and a later name: where a part of the changes goes on."""
    later, same = table.c.revision > bindparam("after"), table.c.revision == bindparam("after")
    return and_(
        table.c.revision >= bindparam("after"), or_(later, and_(same, table.c.name > bindparam("after_name")))
    )


_CHANGED = Statement(
    select(*HEADER)
    .where(IN_COLLECTION, objects.c.revision > bindparam("since"), _after(objects))
    .order_by(objects.c.revision, objects.c.name)
    .limit(bindparam("limit"))
)
_BURY = Statement(insert(tombstones))
_UNBURY = Statement(
    delete(tombstones).where(
        tombstones.c.collection_id == bindparam("collection_id_"), tombstones.c.name == bindparam("name_")
    )
)
_HISTORY = Statement(
    select(collections.c.revision, collections.c.oldest_revision).where(
        collections.c.id == bindparam("collection_id_")
    )
)
_REMOVED = Statement(
    select(tombstones.c.name, tombstones.c.revision, tombstones.c.deleted)
    .where(
        tombstones.c.collection_id == bindparam("collection_id_"),
        tombstones.c.revision > bindparam("since"),
        _after(tombstones),
    )
    .order_by(tombstones.c.revision, tombstones.c.name)
    .limit(bindparam("limit"))
)
_GRAVE = Statement(
    select(tombstones.c.name, tombstones.c.revision, tombstones.c.deleted).where(
        tombstones.c.collection_id == bindparam("collection_id_"), tombstones.c.name == bindparam("name_")
    )
)
_PRUNED = Statement(
    select(tombstones.c.collection_id, func.max(tombstones.c.revision))
    .where(tombstones.c.deleted < bindparam("before"))
    .group_by(tombstones.c.collection_id)
)
_FORGET = Statement(
    update(collections)
    .where(collections.c.id == bindparam("id_"), collections.c.oldest_revision < bindparam("oldest"))
    .values(oldest_revision=bindparam("oldest"))
)
_PRUNE = Statement(
    delete(tombstones).where(
        tombstones.c.collection_id == bindparam("id_"), tombstones.c.revision <= bindparam("oldest")
    )
)


def bury(session: Session, collection_id: int, name: str) -> None:
    """Remember that a name is gone."""
    revision = session.touch(collection_id)
    session.sql.run(_BURY, collection_id=collection_id, name=name, revision=revision, deleted=session.now_ts)


def unbury(session: Session, collection_id: int, name: str) -> None:
    """The name is there again."""
    session.sql.run(_UNBURY, collection_id_=collection_id, name_=name)


def check_known(session: Session, collection_id: int, revision: int) -> None:
    """Raise InvalidSyncToken unless everything since `revision` is still known."""
    known = session.sql.first(_HISTORY, collection_id_=collection_id)
    if known is None:
        raise InvalidSyncToken("the collection was deleted")
    if revision > known[0] or 0 < revision < known[1]:
        raise InvalidSyncToken("the history since then is not known any more")


def changes(
    session: Session,
    collection: Collection,
    revision: int,
    removed_since: int | None,
    after: tuple[int, str],
    limit: int | None,
) -> list[Change]:
    """See protocol.ObjectRows.changes_since."""
    lost = revision if removed_since is None else removed_since
    check_known(session, collection.id, revision)
    check_known(session, collection.id, lost)
    part = {"after": after[0], "after_name": after[1], "limit": _NO_LIMIT if limit is None else limit}
    rows = session.sql.all(_CHANGED, collection_id_=collection.id, since=revision, **part)
    changed = [stored_in(collection.path, row) for row in rows]
    found = [Change(stored.name, stored, stored.revision) for stored in changed]
    if lost:
        gone = session.sql.all(_REMOVED, collection_id_=collection.id, since=lost, **part)
        found += [Change(name, None, at) for name, at, _ in gone]
        found.sort(key=lambda change: (change.revision, change.name))
    return found[:limit]


def removed(session: Session, collection_id: int, name: str | None) -> list[Removal]:
    """Every name that was removed, or only that one, and when; forgotten ones are not among them."""
    if name is None:
        rows = session.sql.all(_REMOVED, collection_id_=collection_id, since=0, **_EVERYTHING)
    else:
        rows = session.sql.all(_GRAVE, collection_id_=collection_id, name_=name)
    return [Removal(row[0], from_epoch(row[2])) for row in rows]


def forgetful(session: Session, collection_id: int) -> bool:
    """Whether removals were pruned already."""
    known = session.sql.first(_HISTORY, collection_id_=collection_id)
    return known is not None and known[1] > 0


def prune(session: Session, before: datetime) -> int:
    """Forget removals before an instant; returns how many."""
    pruned = 0
    for collection_id, oldest in session.sql.all(_PRUNED, before=to_epoch(before)):
        session.sql.run(_FORGET, id_=collection_id, oldest=oldest)
        pruned += session.sql.run(_PRUNE, id_=collection_id, oldest=oldest)
    return pruned
