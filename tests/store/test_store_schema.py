# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables: made at once or by migrations, they are the same; old ones are upgraded, newer ones refused."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from store_world import url_of

from calcore_caldav.errors import SchemaMismatch, StoreError
from calcore_caldav.store import migrate
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Store
from calcore_caldav.store.schema import HEAD
from calcore_caldav.store.sqlite import TRIGGERS


def tables_made_by(work) -> dict[tuple[str, str], list[str]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as core:
        core.exec_driver_sql("BEGIN IMMEDIATE")
        work(core)
        core.commit()
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    # The order of constraints is all that may differ.
    return {
        (kind, name): sorted(re.split(r",(?![^(]*\))|\(\s|\)", re.sub(r"\s+", " ", sql)))
        for kind, name, sql in found
    }


def test_migrations_make_the_same_tables():
    at_once, step_by_step = tables_made_by(migrate.prepare), tables_made_by(migrate.upgrade)
    assert at_once.keys() == step_by_step.keys()
    for key, parts in at_once.items():
        assert [p.strip() for p in parts] == [p.strip() for p in step_by_step[key]], key
    assert sum(kind == "trigger" for kind, _ in at_once) == len(TRIGGERS)


def test_an_open_database_is_not_touched_again(file_store: Store, tmp_path: Path):
    with file_store.read() as txn:
        epoch = txn.sync_epoch
    again = open_store(url_of(tmp_path))
    with again.read() as txn:
        assert txn.sync_epoch == epoch
        assert txn.directory.by_name("ann") is not None
    again.close()


def test_nothing_to_do_needs_no_alembic(file_store: Store, tmp_path: Path):
    code = (
        "import sys; from calcore_caldav.store.opening import open_store; open_store(sys.argv[1]).ping();"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, url_of(tmp_path)], check=True, timeout=60)


def test_only_the_owner_may_read_the_file(tmp_path: Path):
    store = open_store(f"sqlite:///{tmp_path}/new/dir/calcore.db")
    with store.write(SYSTEM) as txn:
        txn.jobs.add("x", {})
    files = [*(tmp_path / "new" / "dir").iterdir()]
    assert {path.name for path in files} == {"calcore.db", "calcore.db-wal", "calcore.db-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    store.close()
    assert [path.name for path in (tmp_path / "new" / "dir").iterdir()] == ["calcore.db"]


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_newer_database_is_refused_with_a_sentence(tmp_path: Path):
    open_store(url_of(tmp_path)).close()
    change(tmp_path / "calcore.db", "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match=r"newer version .*9999.*upgrade the program"):
        open_store(url_of(tmp_path))


def test_another_programs_database_is_refused(tmp_path: Path):
    change(tmp_path / "calcore.db", "CREATE TABLE users (id)")
    with pytest.raises(SchemaMismatch, match="another program"):
        open_store(url_of(tmp_path))


def test_what_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "calcore.db").write_text("not a database, but long enough to be looked at " * 20)
    with pytest.raises(StoreError, match="not a database"):
        open_store(url_of(tmp_path))


def test_a_file_that_cannot_be_made_is_a_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be created"):
        open_store(f"sqlite:///{tmp_path}/file/calcore.db")


def test_an_empty_file_becomes_a_database(tmp_path: Path):
    (tmp_path / "calcore.db").touch()
    open_store(url_of(tmp_path)).close()
    connection = sqlite3.connect(tmp_path / "calcore.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    connection.close()


def add_migration(folder: Path, patched: pytest.MonkeyPatch, *statements: str) -> None:
    """Make the package one of a later version: with a migration 9998 of these statements."""
    scripts = folder / "migrations"
    (scripts / "versions").mkdir(parents=True)
    for script in migrate._SCRIPTS.rglob("*.py"):
        (scripts / script.relative_to(migrate._SCRIPTS)).write_text(script.read_text())
    lines = "".join(f"    op.execute({statement!r})\n" for statement in statements)
    (scripts / "versions" / "v9998.py").write_text(
        f"from alembic import op\nrevision, down_revision = '9998', {HEAD!r}\ndef upgrade():\n{lines}"
    )
    patched.setattr(migrate, "_SCRIPTS", scripts)
    for module in ("migrate", "sqlite"):
        patched.setattr(f"calcore_caldav.store.{module}.HEAD", "9998")


def test_an_older_database_is_upgraded_on_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    open_store(url_of(tmp_path)).close()
    add_migration(tmp_path, monkeypatch, "CREATE TABLE later (id)")
    open_store(url_of(tmp_path)).close()
    connection = sqlite3.connect(tmp_path / "calcore.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9998",)]
    assert connection.execute("SELECT * FROM later").fetchall() == []
    connection.close()


def test_a_failed_upgrade_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    open_store(url_of(tmp_path)).close()
    with monkeypatch.context() as patched:
        add_migration(tmp_path, patched, "CREATE TABLE later (id)", "nonsense")
        with pytest.raises(StoreError, match="nonsense"):
            open_store(url_of(tmp_path))
    open_store(url_of(tmp_path)).close()


START = """
import sys
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM
sys.stdin.readline()
store = open_store(sys.argv[1])
with store.write(SYSTEM) as txn:
    txn.jobs.add("started", {})
print(store._shared.sync_epoch)
store.close()
"""


def test_several_processes_may_start_at_once(tmp_path: Path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", START, url_of(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
        answers.append(out)
    assert len(set(answers)) == 1
