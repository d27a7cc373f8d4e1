# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of every database, in one MetaData.

Instants are whole seconds since 1970 UTC. Names are compared and ordered byte by byte. JSON is text.
Ids are never used twice, so that sync tokens and object ids of deleted things stay dead.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

HEAD: Final = "0004"
"""The migration that makes the tables what stands here."""

METADATA: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")
_Name = Text().with_variant(Text(collation="C"), "postgresql")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True)


def _to(name: str, target: Table, *, nullable: bool = False) -> Column[int]:
    return Column(name, _Id, ForeignKey(target.c.id, ondelete="CASCADE"), nullable=nullable)


meta: Final = Table(
    "meta",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""sync_epoch: random per database. directory_revision: grows with every change of the directory."""

version: Final = Table(
    "alembic_version",
    METADATA,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""

principals: Final = Table(
    "principals",
    METADATA,
    _id(),
    Column("name", _Name, nullable=False, unique=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("location", Text, nullable=False),
    Column("booking", Text, nullable=False),
    Column("default_calendar", Text, nullable=False),
    Column("password_hash", Text),
    sqlite_autoincrement=True,
)

addresses: Final = Table(
    "addresses",
    METADATA,
    Column("address", _Name, primary_key=True),
    _to("principal_id", principals),
    Column("position", SmallInteger, nullable=False),
)
Index(None, addresses.c.principal_id)

members: Final = Table(
    "members",
    METADATA,
    Column("group_id", _Id, ForeignKey(principals.c.id, ondelete="CASCADE"), primary_key=True),
    Column("member_id", _Id, ForeignKey(principals.c.id, ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
Index(None, members.c.member_id)

tokens: Final = Table(
    "tokens",
    METADATA,
    _id(),
    _to("principal_id", principals),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    sqlite_autoincrement=True,
)
Index(None, tokens.c.principal_id)

collections: Final = Table(
    "collections",
    METADATA,
    _id(),
    _to("principal_id", principals),
    Column("name", _Name, nullable=False),
    Column("kind", Text, nullable=False),
    Column("display_name", Text),
    Column("components", Text, nullable=False),
    Column("timezone", Text),
    Column("transparent", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("oldest_revision", BigInteger, nullable=False),
    Column("max_span", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    UniqueConstraint("principal_id", "name"),
    sqlite_autoincrement=True,
)
"""revision grows once with each transaction that changes the collection; tokens older than
oldest_revision miss pruned tombstones; max_span is at least its longest indexed instance, in seconds."""

grants: Final = Table(
    "grants",
    METADATA,
    _id(),
    _to("owner_id", principals),
    _to("collection_id", collections, nullable=True),
    Column("grantee", _Name, nullable=False),
    Column("privilege", Text, nullable=False),
)
Index(None, grants.c.owner_id)
Index(None, grants.c.collection_id)
Index(None, grants.c.grantee)

objects: Final = Table(
    "objects",
    METADATA,
    _id(),
    _to("collection_id", collections),
    Column("name", _Name, nullable=False),
    Column("uid", _Name, nullable=False),
    Column("unique_uid", Boolean, nullable=False),
    Column("component", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("schedule_tag", Text),
    Column("organizer", Text),
    Column("revision", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("first_start", BigInteger),
    Column("last_end", BigInteger),
    Column("indexed_from", BigInteger),
    Column("indexed_until", BigInteger),
    Column("indexed_at", BigInteger),
    UniqueConstraint("collection_id", "name"),
    sqlite_autoincrement=True,
)
"""first_start, last_end: no instance lies outside; NULL: not known, or endless. indexed_from, indexed_until:
the range in which the index is complete; NULL: everywhere. indexed_at: when; NULL: not to be extended."""
Index(
    "objects_uid_unique",
    objects.c.collection_id,
    objects.c.uid,
    unique=True,
    sqlite_where=text("unique_uid"),
    postgresql_where=text("unique_uid"),
)
Index(None, objects.c.uid)
Index(None, objects.c.collection_id, objects.c.revision)
Index(None, objects.c.collection_id, objects.c.component)
Index(
    "objects_reaching_further",
    objects.c.collection_id,
    objects.c.indexed_until,
    sqlite_where=text("indexed_until IS NOT NULL"),
    postgresql_where=text("indexed_until IS NOT NULL"),
)
Index(
    "objects_to_extend",
    objects.c.indexed_at,
    sqlite_where=text("indexed_at IS NOT NULL"),
    postgresql_where=text("indexed_at IS NOT NULL"),
)

bodies: Final = Table(
    "bodies",
    METADATA,
    Column("object_id", _Id, ForeignKey(objects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""The bytes, the only truth; apart from the rows that listings walk through."""

tombstones: Final = Table(
    "tombstones",
    METADATA,
    Column("collection_id", _Id, ForeignKey(collections.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", _Name, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, tombstones.c.collection_id, tombstones.c.revision)
Index(None, tombstones.c.deleted)

dead_properties: Final = Table(
    "dead_properties",
    METADATA,
    _id(),
    _to("principal_id", principals, nullable=True),
    _to("collection_id", collections, nullable=True),
    _to("object_id", objects, nullable=True),
    Column("name", Text, nullable=False),
    Column("xml", Text, nullable=False),
    UniqueConstraint("principal_id", "name"),
    UniqueConstraint("collection_id", "name"),
    UniqueConstraint("object_id", "name"),
    CheckConstraint(
        "CASE WHEN principal_id IS NULL THEN 0 ELSE 1 END + CASE WHEN collection_id IS NULL THEN 0 ELSE 1 END"
        " + CASE WHEN object_id IS NULL THEN 0 ELSE 1 END = 1",
        name="one_resource",
    ),
)
"""Exactly one of the three ids says whose property it is."""

instances: Final = Table(
    "instances",
    METADATA,
    Column("collection_id", _Id, ForeignKey(collections.c.id, ondelete="CASCADE"), primary_key=True),
    Column("start_ts", BigInteger, primary_key=True),
    Column("object_id", _Id, ForeignKey(objects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("recurrence_id", Text, primary_key=True),
    Column("end_ts", BigInteger, nullable=False),
    Column("fbtype", SmallInteger, nullable=False),
    Column("floating", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""Derived from the bodies: `calcore-caldav db reindex` rebuilds it. recurrence_id: '' where not
recurring, '=' where it is the start."""
Index(None, instances.c.object_id)

LONGEST_BOOKING: Final = 86400
"""Seconds; longer bookings are kept as several rows, each beginning where the one before ends.

So the primary key bounds on both sides what can overlap a time.
"""

bookings: Final = Table(
    "bookings",
    METADATA,
    Column("room_id", _Id, ForeignKey(principals.c.id, ondelete="CASCADE"), primary_key=True),
    Column("start_ts", BigInteger, primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    Column("end_ts", BigInteger, nullable=False),
    _to("object_id", objects),
    CheckConstraint(f"start_ts < end_ts AND end_ts <= start_ts + {LONGEST_BOOKING}", name="length"),
    sqlite_with_rowid=False,
)
"""Taken slots of rooms and resources. No two overlap in one slot; each database enforces it its own way."""
Index(None, bookings.c.object_id)

jobs: Final = Table(
    "jobs",
    METADATA,
    _id(),
    Column("kind", Text, nullable=False),
    Column("dedupe", Text, unique=True),
    Column("payload", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("last_error", Text),
    sqlite_autoincrement=True,
)
"""A leased job is hidden by moving its not_before to the end of the lease."""
Index(None, jobs.c.not_before)

cancellations: Final = Table(
    "cancellations",
    METADATA,
    _id(),
    _to("principal_id", principals),
    Column("uid", _Name, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""CANCELs from elsewhere, which may come before the REQUEST that they end."""
Index(None, cancellations.c.principal_id, cancellations.c.uid)
Index(None, cancellations.c.created)
