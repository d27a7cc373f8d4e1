# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancellations from elsewhere are remembered: the invitation may come after them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "cancellations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("principal_id", _ID, nullable=False),
        sa.Column("uid", _NAME, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principals.id"],
            name=op.f("cancellations_principal_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("cancellations_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("cancellations_principal_id_uid"), "cancellations", ["principal_id", "uid"], unique=False
    )
    op.create_index(op.f("cancellations_created"), "cancellations", ["created"], unique=False)
