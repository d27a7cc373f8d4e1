# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the collections of homes: each is read once in a transaction, which asks for few of them often."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from calcore_caldav.core.times import from_epoch
from calcore_caldav.store.protocol import Collection, CollectionKind
from calcore_caldav.store.schema import collections, principals
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

_SELECT: Final = select(
    collections.c.id,
    collections.c.principal_id,
    principals.c.name.label("owner"),
    collections.c.name,
    collections.c.kind,
    collections.c.display_name,
    collections.c.components,
    collections.c.timezone,
    collections.c.transparent,
    collections.c.revision,
    collections.c.created,
    collections.c.modified,
).join(principals)
_NAMED = Statement(
    _SELECT.where(principals.c.name == bindparam("owner_"), collections.c.name == bindparam("name_"))
)
_BY_ID = Statement(_SELECT.where(collections.c.id == bindparam("id_")))
_OF = Statement(
    _SELECT.where(collections.c.principal_id == bindparam("principal_id_")).order_by(collections.c.name)
)


def named(session: Session, owner: str, name: str) -> Collection | None:
    """The collection of a principal with that name."""
    found = session.known.named.get((owner, name))
    return found or _read(session, session.sql.first(_NAMED, owner_=owner, name_=name))


def by_id(session: Session, collection_id: int) -> Collection | None:
    """The collection of that id."""
    found = session.known.ids.get(collection_id)
    return found or _read(session, session.sql.first(_BY_ID, id_=collection_id))


def home_of(session: Session, principal_id: int) -> list[Collection]:
    """All collections of a principal, by name."""
    known = session.known
    if principal_id not in known.homes:
        rows = session.sql.all(_OF, principal_id_=principal_id)
        known.homes[principal_id] = [known.add(_collection(row)).id for row in rows]
    return [known.ids[id_] for id_ in known.homes[principal_id]]


def _read(session: Session, row: Row | None) -> Collection | None:
    return session.known.add(_collection(row)) if row else None


def _collection(row: Row) -> Collection:
    return Collection(
        id=row[0],
        principal_id=row[1],
        owner=row[2],
        name=row[3],
        kind=CollectionKind(row[4]),
        display_name=row[5],
        components=tuple(row[6].split(",")) if row[6] else (),
        timezone=row[7],
        transparent=bool(row[8]),
        revision=row[9],
        created=from_epoch(row[10]),
        modified=from_epoch(row[11]),
    )
