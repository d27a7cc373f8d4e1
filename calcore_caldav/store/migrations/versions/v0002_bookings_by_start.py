# SPDX-License-Identifier: GPL-3.0-or-later
"""Bookings in the order of time, which one tree of pages keeps instead of two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NO_OVERLAP = """\
CREATE TRIGGER bookings_no_overlap_{verb} BEFORE {VERB} ON bookings
WHEN NEW.start_ts < (
  SELECT end_ts FROM bookings
  WHERE room_id = NEW.room_id AND start_ts > NEW.start_ts - 86400 AND start_ts < NEW.end_ts
    AND slot = NEW.slot{besides}
  ORDER BY start_ts DESC LIMIT 1
)
BEGIN SELECT RAISE(ABORT, 'room is busy'); END"""
_TRIGGERS = (
    _NO_OVERLAP.format(verb="insert", VERB="INSERT", besides=""),
    _NO_OVERLAP.format(
        verb="update",
        VERB="UPDATE",
        besides="\n    AND NOT (room_id = OLD.room_id AND slot = OLD.slot AND start_ts = OLD.start_ts)",
    ),
)


def upgrade() -> None:
    op.rename_table("bookings", "bookings_before")
    op.drop_index(op.f("bookings_object_id"), "bookings_before")
    op.create_table(
        "bookings",
        sa.Column("room_id", _ID, nullable=False),
        sa.Column("start_ts", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("end_ts", sa.BigInteger(), nullable=False),
        sa.Column("object_id", _ID, nullable=False),
        sa.CheckConstraint(
            "start_ts < end_ts AND end_ts <= start_ts + 86400", name=op.f("bookings_length_check")
        ),
        sa.ForeignKeyConstraint(
            ["object_id"], ["objects.id"], name=op.f("bookings_object_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["room_id"], ["principals.id"], name=op.f("bookings_room_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "start_ts", "slot", name=op.f("bookings_pkey")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO bookings (room_id, start_ts, slot, end_ts, object_id)"
        " SELECT room_id, start_ts, slot, end_ts, object_id FROM bookings_before"
    )
    op.drop_table("bookings_before")
    op.create_index(op.f("bookings_object_id"), "bookings", ["object_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _TRIGGERS:
            op.execute(trigger)
