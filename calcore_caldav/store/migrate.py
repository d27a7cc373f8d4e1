# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the tables of a database to what this version of the program needs.

Alembic is imported only where there is something to do.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect, select

from calcore_caldav.errors import SchemaMismatch
from calcore_caldav.store.schema import HEAD, METADATA, meta, version

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def version_of(connection: Connection) -> str | None:
    """The version of a database's tables; None: it has none. Raises SchemaMismatch for foreign tables."""
    found = inspect(connection).get_table_names()
    if version.name in found:
        at: str | None = connection.scalar(select(version.c.version_num))
        return at
    if found:
        raise SchemaMismatch("the database holds tables of another program: choose an empty one")
    return None


def prepare(connection: Connection) -> bool:
    """Create the tables, or upgrade them, inside the connection's transaction. Whether anything was done.

    Raises SchemaMismatch for a database of a newer version of the program.
    """
    at = version_of(connection)
    if at == HEAD:
        return False
    if at is None:
        METADATA.create_all(connection)
        connection.execute(insert(version).values(version_num=HEAD))
    else:
        upgrade(connection, at)
    seed(connection)
    return True


def upgrade(connection: Connection, at: str | None = None) -> None:
    """Run the migrations that are missing; the connection's transaction stays open."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise SchemaMismatch(
            f"the database is of a newer version of the program (its tables are of version {at}, known are "
            f"those up to {HEAD}): upgrade the program, or choose another database"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def seed(connection: Connection) -> None:
    """The rows that every database has."""
    present = set(connection.scalars(select(meta.c.key)))
    rows = {"sync_epoch": secrets.token_hex(6), "directory_revision": "1"}
    missing = [{"key": key, "value": value} for key, value in rows.items() if key not in present]
    if missing:
        connection.execute(insert(meta), missing)
