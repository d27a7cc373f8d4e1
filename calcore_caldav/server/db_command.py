# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav db`: the database itself."""

from __future__ import annotations

import argparse
from functools import partial

from calcore_caldav.server.actions import add_action, add_actions
from calcore_caldav.server.place import open_existing, open_place, place
from calcore_caldav.server.progress import Progress


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    actions = add_actions(
        subparsers,
        "db",
        "upgrade, reindex or check the database",
        "The database: bring its tables up to date, rebuild what is derived, look for damage.",
    )
    add_action(actions, "upgrade", _upgrade, "bring the tables to what this version of the program needs")
    add_action(actions, "reindex", _reindex, "rebuild the instance index from the stored objects")
    add_action(actions, "check", _check, "read everything and tell what is wrong; changes nothing")


def _upgrade(args: argparse.Namespace) -> None:
    from calcore_caldav.store.schema import HEAD

    with open_place(args):  # opening is upgrading
        print(f"{place(args).database}: the tables are of version {HEAD}")


def _reindex(args: argparse.Namespace) -> None:
    from calcore_caldav.store.protocol import SYSTEM

    with open_existing(args) as services, Progress("objects indexed") as progress:
        with services.store.read(SYSTEM) as txn:
            found = [c for owner in txn.directory.all() for c in txn.collections.of(owner)]
            counts = [txn.objects.count(collection) for collection in found]
        total, before = sum(counts), 0
        # A transaction for each collection: a server on the same database goes on in between.
        for collection, count in zip(found, counts, strict=True):
            with services.store.write(SYSTEM) as txn:
                txn.instances.reindex(partial(_part_of, progress, before, total), collection)
            before += count
    print(f"{total} objects indexed")


def _check(args: argparse.Namespace) -> int:
    found = 0
    with open_existing(args) as services, Progress("objects checked") as progress:
        for problem in services.store.problems(progress):
            print(problem)
            found += 1
    print(f"{found} problems" if found else "no problems")
    return 1 if found else 0


def _part_of(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """The progress of a part, `before` which others were done, as progress of the whole."""
    progress(before + done, total)
