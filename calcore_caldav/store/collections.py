# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections and the properties of resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from calcore_caldav.core.principals import Principal
from calcore_caldav.errors import AlreadyExists, NotFound
from calcore_caldav.store import homes, index
from calcore_caldav.store.principals import by_name, owner_of, zone_of
from calcore_caldav.store.protocol import Collection, CollectionKind, CollectionProps
from calcore_caldav.store.schema import collections, dead_properties, objects
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

_SHORTEST_SPAN: Final = 86400

_INSERT = Statement(
    insert(collections)
    .values({c.name: bindparam(c.name) for c in collections.c if c.name != "id"})
    .returning(collections.c.id)
)
_UPDATE = Statement(
    update(collections)
    .where(collections.c.id == bindparam("id_"))
    .values(
        display_name=bindparam("display_name"),
        components=bindparam("components"),
        timezone=bindparam("timezone"),
        transparent=bindparam("transparent"),
    )
)
_RENAME = Statement(
    update(collections).where(collections.c.id == bindparam("id_")).values(name=bindparam("name"))
)
_DELETE = Statement(delete(collections).where(collections.c.id == bindparam("id_")))

_PROPERTY = (dead_properties.c.name, dead_properties.c.xml)
_OF_PRINCIPAL = Statement(
    select(*_PROPERTY).where(dead_properties.c.principal_id == bindparam("resource_id"))
)
_OF_COLLECTION = Statement(
    select(*_PROPERTY).where(dead_properties.c.collection_id == bindparam("resource_id"))
)
_OF_OBJECTS = Statement(
    select(dead_properties.c.object_id, *_PROPERTY)
    .join(objects)
    .where(objects.c.collection_id == bindparam("collection_id_"))
)
_OBJECT_ID = Statement(
    select(objects.c.id).where(
        objects.c.collection_id == bindparam("collection_id_"), objects.c.name == bindparam("name_")
    )
)
_SET_PROPERTY = Statement(
    insert(dead_properties).values({c.name: bindparam(c.name) for c in dead_properties.c if c.name != "id"})
)
_UNSET_PROPERTY = {
    column.name: Statement(
        delete(dead_properties).where(
            column == bindparam("resource_id"), dead_properties.c.name == bindparam("name_")
        )
    )
    for column in (
        dead_properties.c.principal_id,
        dead_properties.c.collection_id,
        dead_properties.c.object_id,
    )
}


class SqlCollectionRows:
    """See protocol.CollectionRows."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, owner: str, name: str) -> Collection | None:
        return homes.named(self._session, owner, name)

    def by_id(self, collection_id: int) -> Collection | None:
        return homes.by_id(self._session, collection_id)

    def of(self, owner: Principal, *kinds: CollectionKind) -> list[Collection]:
        return [c for c in homes.home_of(self._session, owner.id) if not kinds or c.kind in kinds]

    def zone(self, collection: Collection) -> tzinfo:
        return zone_of(collection.timezone, owner_of(self._session, collection.principal_id))

    def create(self, owner: Principal, name: str, kind: CollectionKind, props: CollectionProps) -> Collection:
        if self.get(owner.name, name) is not None:
            raise AlreadyExists(f"/{owner.name}/{name}/")
        now = self._session.now_ts
        collection_id = self._session.sql.insert(
            _INSERT,
            principal_id=owner.id,
            name=name,
            kind=kind.value,
            display_name=props.display_name,
            components=",".join(props.components),
            timezone=props.timezone,
            transparent=props.transparent,
            # Revision 0 is what a client has that has nothing.
            revision=1,
            oldest_revision=0,
            max_span=_SHORTEST_SPAN,
            created=now,
            modified=now,
        )
        self._session.revisions[collection_id] = 1
        self._session.known.clear()
        for clark, xml in props.dead.items():
            self._set("collection_id", collection_id, clark, xml)
        created = self.by_id(collection_id)
        assert created is not None
        return created

    def update(self, collection: Collection) -> None:
        old = self.by_id(collection.id)
        if old is None:
            raise NotFound(collection.path)
        self._session.touch(collection.id)
        self._session.sql.run(
            _UPDATE,
            id_=collection.id,
            display_name=collection.display_name,
            components=",".join(collection.components),
            timezone=collection.timezone,
            transparent=collection.transparent,
        )
        self._session.known.clear()
        if old.timezone != collection.timezone:
            for _ in index.rewrite_collection(self._session, collection.id):
                pass

    def rename(self, collection: Collection, name: str) -> Collection:
        if self.get(collection.owner, name) is not None:
            raise AlreadyExists(f"/{collection.owner}/{name}/")
        self._session.touch(collection.id)
        self._session.sql.run(_RENAME, id_=collection.id, name=name)
        self._session.known.clear()
        renamed = self.by_id(collection.id)
        if renamed is None:
            raise NotFound(collection.path)
        return renamed

    def delete(self, collection: Collection) -> None:
        self._session.sql.run(_DELETE, id_=collection.id)
        self._session.directory_changed()  # its grants went too

    def touch(self, collection_id: int) -> int:
        return self._session.touch(collection_id)

    def dead_properties(self, path: str) -> dict[str, str]:
        owner, collection_name, object_name = _segments(path)
        if not collection_name:
            principal = by_name(self._session, owner)
            return self._read(_OF_PRINCIPAL, principal.id if principal else 0)
        collection = self.get(owner, collection_name)
        if collection is None:
            return {}
        if not object_name:
            return self._read(_OF_COLLECTION, collection.id)
        known = self._of_objects(collection.id)
        if not known:
            return {}
        return dict(known.get(self._object_id(collection, object_name) or 0, {}))

    def object_properties(self, collection: Collection) -> Mapping[int, Mapping[str, str]]:
        return self._of_objects(collection.id)

    def set_dead_property(self, path: str, name: str, xml: str | None) -> None:
        owner, collection_name, object_name = _segments(path)
        if not collection_name:
            principal = by_name(self._session, owner)
            column, resource_id = "principal_id", principal.id if principal else None
        else:
            collection = self.get(owner, collection_name)
            if object_name and collection is not None:
                column, resource_id = "object_id", self._object_id(collection, object_name)
                self._session.object_properties.pop(collection.id, None)
            else:
                column, resource_id = "collection_id", collection.id if collection else None
        if resource_id is None:
            raise NotFound(path)
        self._set(column, resource_id, name, xml)

    def _set(self, column: str, resource_id: int, name: str, xml: str | None) -> None:
        self._session.sql.run(_UNSET_PROPERTY[column], resource_id=resource_id, name_=name)
        if xml is not None:
            nobody = {"principal_id": None, "collection_id": None, "object_id": None}
            self._session.sql.run(_SET_PROPERTY, **(nobody | {column: resource_id}), name=name, xml=xml)

    def _read(self, statement: Statement, resource_id: int) -> dict[str, str]:
        return _pairs(self._session.sql.all(statement, resource_id=resource_id))

    def _object_id(self, collection: Collection, name: str) -> int | None:
        found: int | None = self._session.sql.value(_OBJECT_ID, collection_id_=collection.id, name_=name)
        return found

    def _of_objects(self, collection_id: int) -> dict[int, dict[str, str]]:
        # A listing asks for each of thousands of objects, few of which have any: read them all at once.
        known = self._session.object_properties.get(collection_id)
        if known is None:
            known = self._session.object_properties[collection_id] = {}
            for object_id, name, xml in self._session.sql.all(_OF_OBJECTS, collection_id_=collection_id):
                known.setdefault(object_id, {})[name] = xml
        return known


def _pairs(rows: Iterable[Row]) -> dict[str, str]:
    return {row[0]: row[1] for row in rows}


def _segments(path: str) -> tuple[str, str, str]:
    owner, _, rest = path.lstrip("/").partition("/")
    collection, _, name = rest.partition("/")
    return owner, collection, name
