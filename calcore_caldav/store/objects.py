# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of collections: rows and bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, func, insert, select, text, update

from calcore_caldav.core.calobject import CalendarObject, etag_of
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.errors import AlreadyExists, NotFound, UidConflict
from calcore_caldav.store import history, index
from calcore_caldav.store.header import HEADER, IN_COLLECTION, PLACED, placed, stored_in
from calcore_caldav.store.index import Indexed
from calcore_caldav.store.likeness import same_rows
from calcore_caldav.store.protocol import Change, Collection, CollectionKind, Removal, StoredObject
from calcore_caldav.store.schema import bodies, collections, objects
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

_UNIQUE_UIDS: Final = frozenset({CollectionKind.CALENDAR, CollectionKind.ADDRESSBOOK})
"""Kinds of which no two objects have one UID (RFC 4791 §4.1, RFC 6352 §5.1)."""
_COMPONENTS: Final = {CollectionKind.ADDRESSBOOK: "VCARD"}

_GET = Statement(select(*HEADER).where(IN_COLLECTION, objects.c.name == bindparam("name_")))
_BY_ID = Statement(PLACED.where(objects.c.id == bindparam("id_")))
_BY_UID = Statement(
    select(*HEADER).where(IN_COLLECTION, objects.c.uid == bindparam("uid_")).order_by(objects.c.id).limit(1)
)
_IN_HOME = Statement(
    PLACED.where(
        objects.c.uid == bindparam("uid_"),
        collections.c.principal_id == bindparam("principal_id_"),
        collections.c.kind == CollectionKind.CALENDAR.value,
    ).order_by(objects.c.id)
)
_IN_ALL_HOMES = Statement(
    PLACED.where(
        objects.c.uid == bindparam("uid_"), collections.c.kind == CollectionKind.CALENDAR.value
    ).order_by(objects.c.id)
)
_BODY = Statement(select(bodies.c.body).where(bodies.c.object_id == bindparam("id_")))
_BODIES = Statement(select(bodies).where(bodies.c.object_id.in_(bindparam("ids", expanding=True))), "ids")
_ALL = Statement(select(*HEADER).where(IN_COLLECTION).order_by(objects.c.name))
_NAMED = Statement(
    select(*HEADER).where(IN_COLLECTION, objects.c.name.in_(bindparam("names", expanding=True))), "names"
)
_COUNT = Statement(select(func.count()).select_from(objects).where(IN_COLLECTION))

_OLD = Statement(
    select(
        objects.c.id,
        objects.c.created,
        objects.c.etag,
        objects.c.component,
        objects.c.first_start,
        objects.c.last_end,
        objects.c.indexed_from,
        objects.c.indexed_until,
        objects.c.indexed_at,
    ).where(IN_COLLECTION, objects.c.name == bindparam("name_"))
)
# The condition in the words of the index on it: of "unique_uid = 1" SQLite doesn't see that it fits, and
# reads the whole collection.
_CONFLICT = Statement(
    select(objects.c.name).where(
        IN_COLLECTION,
        objects.c.uid == bindparam("uid_"),
        text("unique_uid"),
        objects.c.name != bindparam("name_"),
    )
)
_WRITTEN: Final[dict[str, BindParameter[Any]]] = {
    c.name: bindparam(c.name) for c in objects.c if c.name != "id"
}
_INSERT = Statement(insert(objects).values(_WRITTEN).returning(objects.c.id))
_UPDATE = Statement(update(objects).where(objects.c.id == bindparam("id_")).values(_WRITTEN))
_INSERT_BODY = Statement(insert(bodies))
_UPDATE_BODY = Statement(
    update(bodies).where(bodies.c.object_id == bindparam("id_")).values(body=bindparam("body"))
)
_DELETE = Statement(delete(objects).where(objects.c.id == bindparam("id_")))
_MOVE = Statement(
    update(objects)
    .where(objects.c.id == bindparam("id_"))
    .values(
        collection_id=bindparam("collection_id"),
        name=bindparam("name"),
        unique_uid=bindparam("unique_uid"),
        revision=bindparam("revision"),
    )
)


class SqlObjectRows:
    """See protocol.ObjectRows."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, collection: Collection, name: str) -> StoredObject | None:
        row = self._session.sql.first(_GET, collection_id_=collection.id, name_=name)
        return stored_in(collection.path, row) if row else None

    def by_id(self, object_id: int) -> StoredObject | None:
        row = self._session.sql.first(_BY_ID, id_=object_id)
        return placed(row) if row else None

    def by_uid(self, collection: Collection, uid: str) -> StoredObject | None:
        row = self._session.sql.first(_BY_UID, collection_id_=collection.id, uid_=uid)
        return stored_in(collection.path, row) if row else None

    def in_home_by_uid(self, owner: Principal, uid: str) -> list[StoredObject]:
        return [placed(row) for row in self._session.sql.all(_IN_HOME, uid_=uid, principal_id_=owner.id)]

    def in_all_homes_by_uid(self, uid: str) -> list[StoredObject]:
        return [placed(row) for row in self._session.sql.all(_IN_ALL_HOMES, uid_=uid)]

    def body(self, stored: StoredObject) -> bytes:
        found = self._session.sql.value(_BODY, id_=stored.id)
        if found is None:
            raise NotFound(stored.path)
        return bytes(found)

    def bodies(self, stored: Sequence[StoredObject]) -> dict[int, bytes]:
        rows = self._session.sql.listed(_BODIES, [s.id for s in stored])
        return {object_id: bytes(body) for object_id, body in rows}

    def parsed(self, stored: StoredObject) -> CalendarObject:
        parsed = self._session.shared.parsed.get(stored.etag)
        if parsed is None:
            parsed = CalendarObject(self.body(stored))
            self._session.shared.parsed.add(parsed)
        return parsed

    def all(self, collection: Collection) -> Iterator[StoredObject]:
        path = collection.path
        for row in self._session.sql.all(_ALL, collection_id_=collection.id):
            yield stored_in(path, row)

    def named(self, collection: Collection, names: Sequence[str]) -> dict[str, StoredObject]:
        rows = self._session.sql.listed(_NAMED, [*names], collection_id_=collection.id)
        return {row[2]: stored_in(collection.path, row) for row in rows}

    def count(self, collection: Collection) -> int:
        return int(self._session.sql.value(_COUNT, collection_id_=collection.id))

    def put(
        self, collection: Collection, name: str, obj: CalendarObject, *, schedule_tag: str | None
    ) -> StoredObject:
        place = index.place_of(self._session, collection.id)
        old = self._session.sql.first(_OLD, collection_id_=collection.id, name_=name)
        before = self._session.shared.parsed.get(old[2]) if old and old[3] == obj.kind else None
        kept = before is not None and same_rows(before, obj, place.own)
        made = Indexed(*old[4:]) if old and kept else index.index(self._session, obj, place)
        stored = self._write(
            collection,
            name,
            obj.body,
            made,
            old,
            uid=obj.uid,
            component=obj.kind.value,
            content_type="text/calendar",
            etag=obj.etag,
            schedule_tag=schedule_tag,
            organizer=obj.organizer,
        )
        if not kept:
            rows = index.rows_of(obj, place, made.times)
            index.write(self._session, place, stored.id, rows, fresh=not old)
        self._session.shared.parsed.add(obj)
        return stored

    def put_raw(
        self, collection: Collection, name: str, body: bytes, content_type: str, uid: str
    ) -> StoredObject:
        old = self._session.sql.first(_OLD, collection_id_=collection.id, name_=name)
        stored = self._write(
            collection,
            name,
            body,
            Indexed(),
            old,
            uid=uid,
            component=_COMPONENTS.get(collection.kind, ""),
            content_type=content_type,
            etag=etag_of(body),
            schedule_tag=None,
            organizer=None,
        )
        if old:
            index.clear(self._session, stored.id)
        return stored

    def _write(
        self,
        collection: Collection,
        name: str,
        body: bytes,
        indexed: Indexed,
        old: Row | None,
        *,
        uid: str,
        component: str,
        content_type: str,
        etag: str,
        schedule_tag: str | None,
        organizer: CalendarUserAddress | None,
    ) -> StoredObject:
        sql = self._session.sql
        unique = collection.kind in _UNIQUE_UIDS and bool(uid)
        if unique:
            self._require_unique(collection, name, uid)
        columns = {
            "collection_id": collection.id,
            "name": name,
            "uid": uid,
            "unique_uid": unique,
            "component": component,
            "content_type": content_type,
            "size": len(body),
            "etag": etag,
            "schedule_tag": schedule_tag,
            "organizer": organizer if organizer is None else str(organizer),
            "revision": self._session.touch(collection.id),
            "created": old[1] if old else self._session.now_ts,
            "modified": self._session.now_ts,
            "first_start": indexed.first_start,
            "last_end": indexed.last_end,
            "indexed_from": indexed.indexed_from,
            "indexed_until": indexed.indexed_until,
            "indexed_at": indexed.indexed_at,
        }
        if old:
            object_id = old[0]
            sql.run(_UPDATE, id_=object_id, **columns)
            sql.run(_UPDATE_BODY, id_=object_id, body=body)
        else:
            object_id = sql.insert(_INSERT, **columns)
            sql.run(_INSERT_BODY, object_id=object_id, body=body)
            history.unbury(self._session, collection.id, name)
        row = {"id": object_id, **columns}
        return stored_in(collection.path, tuple(row[column.name] for column in HEADER))

    def _require_unique(self, collection: Collection, name: str, uid: str) -> None:
        other = self._session.sql.value(_CONFLICT, collection_id_=collection.id, uid_=uid, name_=name)
        if other is not None:
            raise UidConflict(
                uid, collection.path + other, caldav=collection.kind is not CollectionKind.ADDRESSBOOK
            )

    def delete(self, stored: StoredObject) -> None:
        if not self._session.sql.run(_DELETE, id_=stored.id):
            raise NotFound(stored.path)
        history.bury(self._session, stored.collection_id, stored.name)

    def move(self, stored: StoredObject, collection: Collection, name: str) -> StoredObject:
        sql = self._session.sql
        if self.get(collection, name) is not None:
            raise AlreadyExists(collection.path + name)
        unique = collection.kind in _UNIQUE_UIDS and bool(stored.uid)
        if unique and collection.id != stored.collection_id:
            self._require_unique(collection, name, stored.uid)
        sql.run(
            _MOVE,
            id_=stored.id,
            collection_id=collection.id,
            name=name,
            unique_uid=unique,
            revision=self._session.touch(collection.id),
        )
        history.unbury(self._session, collection.id, name)
        history.bury(self._session, stored.collection_id, stored.name)
        if collection.id != stored.collection_id and stored.content_type == "text/calendar":
            # Its zone and its owner's answers may be others there.
            obj = self.parsed(stored)
            index.clear(self._session, stored.id)
            index.rewrite(self._session, index.place_of(self._session, collection.id), stored.id, obj)
        moved = self.by_id(stored.id)
        if moved is None:
            raise NotFound(stored.path)
        return moved

    def changes_since(
        self,
        collection: Collection,
        revision: int,
        *,
        removed_since: int | None = None,
        after: tuple[int, str] = (-1, ""),
        limit: int | None = None,
    ) -> list[Change]:
        return history.changes(self._session, collection, revision, removed_since, after, limit)

    def removed(self, collection: Collection, name: str | None = None) -> list[Removal]:
        return history.removed(self._session, collection.id, name)

    def forgetful(self, collection: Collection) -> bool:
        return history.forgetful(self._session, collection.id)

    def prune_tombstones(self, before: datetime) -> int:
        return history.prune(self._session, before)
