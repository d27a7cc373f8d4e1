# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that begin at their original start don't spell it out: half the pages of the index."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

_START = {
    "sqlite": "strftime('%Y%m%dT%H%M%SZ', start_ts, 'unixepoch')",
    "postgresql": "to_char(to_timestamp(start_ts) AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS\"Z\"')",
}


def upgrade() -> None:
    start = _START[op.get_bind().dialect.name]
    op.execute(f"UPDATE instances SET recurrence_id = '=' WHERE recurrence_id = {start}")  # noqa: S608
