# SPDX-License-Identifier: GPL-3.0-or-later
"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
_TRIGGERS = (
    """\
CREATE TRIGGER bookings_no_overlap_insert BEFORE INSERT ON bookings
WHEN NEW.start_ts < (
  SELECT end_ts FROM bookings
  WHERE room_id = NEW.room_id AND slot = NEW.slot AND start_ts < NEW.end_ts
  ORDER BY start_ts DESC LIMIT 1
)
BEGIN SELECT RAISE(ABORT, 'room is busy'); END""",
    """\
CREATE TRIGGER bookings_no_overlap_update BEFORE UPDATE ON bookings
WHEN NEW.start_ts < (
  SELECT end_ts FROM bookings
  WHERE room_id = NEW.room_id AND slot = NEW.slot AND start_ts < NEW.end_ts
    AND NOT (room_id = OLD.room_id AND slot = OLD.slot AND start_ts = OLD.start_ts)
  ORDER BY start_ts DESC LIMIT 1
)
BEGIN SELECT RAISE(ABORT, 'room is busy'); END""",
)


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dedupe", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("dedupe", name=op.f("jobs_dedupe_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("jobs_not_before"), "jobs", ["not_before"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("meta_pkey")),
    )
    op.create_table(
        "principals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("booking", sa.Text(), nullable=False),
        sa.Column("default_calendar", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("principals_pkey")),
        sa.UniqueConstraint("name", name=op.f("principals_name_key")),
        sa.UniqueConstraint("uuid", name=op.f("principals_uuid_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "addresses",
        sa.Column("address", _NAME, nullable=False),
        sa.Column("principal_id", _ID, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("addresses_principal_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("address", name=op.f("addresses_pkey")),
    )
    op.create_index(op.f("addresses_principal_id"), "addresses", ["principal_id"], unique=False)
    op.create_table(
        "collections",
        sa.Column("id", _ID, nullable=False),
        sa.Column("principal_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("transparent", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("oldest_revision", sa.BigInteger(), nullable=False),
        sa.Column("max_span", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principals.id"],
            name=op.f("collections_principal_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("collections_pkey")),
        sa.UniqueConstraint("principal_id", "name", name=op.f("collections_principal_id_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "members",
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["principals.id"], name=op.f("members_group_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["principals.id"], name=op.f("members_member_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "member_id", name=op.f("members_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("members_member_id"), "members", ["member_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", _ID, nullable=False),
        sa.Column("principal_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("tokens_principal_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("tokens_pkey")),
        sa.UniqueConstraint("digest", name=op.f("tokens_digest_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("tokens_principal_id"), "tokens", ["principal_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("id", _ID, nullable=False),
        sa.Column("owner_id", _ID, nullable=False),
        sa.Column("collection_id", _ID, nullable=True),
        sa.Column("grantee", _NAME, nullable=False),
        sa.Column("privilege", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("grants_collection_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["principals.id"], name=op.f("grants_owner_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("grants_pkey")),
    )
    op.create_index(op.f("grants_collection_id"), "grants", ["collection_id"], unique=False)
    op.create_index(op.f("grants_grantee"), "grants", ["grantee"], unique=False)
    op.create_index(op.f("grants_owner_id"), "grants", ["owner_id"], unique=False)
    op.create_table(
        "objects",
        sa.Column("id", _ID, nullable=False),
        sa.Column("collection_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("uid", _NAME, nullable=False),
        sa.Column("unique_uid", sa.Boolean(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("schedule_tag", sa.Text(), nullable=True),
        sa.Column("organizer", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("first_start", sa.BigInteger(), nullable=True),
        sa.Column("last_end", sa.BigInteger(), nullable=True),
        sa.Column("indexed_from", sa.BigInteger(), nullable=True),
        sa.Column("indexed_until", sa.BigInteger(), nullable=True),
        sa.Column("indexed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("objects_collection_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("objects_pkey")),
        sa.UniqueConstraint("collection_id", "name", name=op.f("objects_collection_id_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("objects_collection_id_component"), "objects", ["collection_id", "component"], unique=False
    )
    op.create_index(
        op.f("objects_collection_id_revision"), "objects", ["collection_id", "revision"], unique=False
    )
    op.create_index(
        "objects_reaching_further",
        "objects",
        ["collection_id", "indexed_until"],
        unique=False,
        sqlite_where=sa.text("indexed_until IS NOT NULL"),
        postgresql_where=sa.text("indexed_until IS NOT NULL"),
    )
    op.create_index(
        "objects_to_extend",
        "objects",
        ["indexed_at"],
        unique=False,
        sqlite_where=sa.text("indexed_at IS NOT NULL"),
        postgresql_where=sa.text("indexed_at IS NOT NULL"),
    )
    op.create_index(op.f("objects_uid"), "objects", ["uid"], unique=False)
    op.create_index(
        "objects_uid_unique",
        "objects",
        ["collection_id", "uid"],
        unique=True,
        sqlite_where=sa.text("unique_uid"),
        postgresql_where=sa.text("unique_uid"),
    )
    op.create_table(
        "tombstones",
        sa.Column("collection_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("tombstones_collection_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("collection_id", "name", name=op.f("tombstones_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("tombstones_collection_id_revision"), "tombstones", ["collection_id", "revision"], unique=False
    )
    op.create_index(op.f("tombstones_deleted"), "tombstones", ["deleted"], unique=False)
    op.create_table(
        "bodies",
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["object_id"], ["objects.id"], name=op.f("bodies_object_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object_id", name=op.f("bodies_pkey")),
    )
    op.create_table(
        "bookings",
        sa.Column("room_id", _ID, nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("start_ts", sa.BigInteger(), nullable=False),
        sa.Column("end_ts", sa.BigInteger(), nullable=False),
        sa.Column("object_id", _ID, nullable=False),
        sa.CheckConstraint("start_ts < end_ts", name=op.f("bookings_forward_check")),
        sa.ForeignKeyConstraint(
            ["object_id"], ["objects.id"], name=op.f("bookings_object_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["room_id"], ["principals.id"], name=op.f("bookings_room_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "slot", "start_ts", name=op.f("bookings_pkey")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("bookings_object_id"), "bookings", ["object_id"], unique=False)
    op.create_index(
        op.f("bookings_room_id_end_ts_start_ts"), "bookings", ["room_id", "end_ts", "start_ts"], unique=False
    )
    op.create_table(
        "dead_properties",
        sa.Column("id", _ID, nullable=False),
        sa.Column("principal_id", _ID, nullable=True),
        sa.Column("collection_id", _ID, nullable=True),
        sa.Column("object_id", _ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("xml", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN principal_id IS NULL THEN 0 ELSE 1 END + CASE WHEN collection_id IS NULL THEN 0 ELSE 1 END + CASE WHEN object_id IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("dead_properties_one_resource_check"),
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("dead_properties_collection_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["objects.id"], name=op.f("dead_properties_object_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principals.id"],
            name=op.f("dead_properties_principal_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("dead_properties_pkey")),
        sa.UniqueConstraint("collection_id", "name", name=op.f("dead_properties_collection_id_name_key")),
        sa.UniqueConstraint("object_id", "name", name=op.f("dead_properties_object_id_name_key")),
        sa.UniqueConstraint("principal_id", "name", name=op.f("dead_properties_principal_id_name_key")),
    )
    op.create_table(
        "instances",
        sa.Column("collection_id", _ID, nullable=False),
        sa.Column("start_ts", sa.BigInteger(), nullable=False),
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("recurrence_id", sa.Text(), nullable=False),
        sa.Column("end_ts", sa.BigInteger(), nullable=False),
        sa.Column("fbtype", sa.SmallInteger(), nullable=False),
        sa.Column("floating", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("instances_collection_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["objects.id"], name=op.f("instances_object_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "collection_id", "start_ts", "object_id", "recurrence_id", name=op.f("instances_pkey")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("instances_object_id"), "instances", ["object_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _TRIGGERS:
            op.execute(trigger)
