# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav directory`: import, export, check."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from calcore_caldav.errors import CalcoreError
from calcore_caldav.server.actions import add_action, add_actions
from calcore_caldav.server.place import open_place, place
from calcore_caldav.server.progress import Progress

_EXAMPLE = """\
A directory file is TOML, one table for each person, group, room or resource:

  [[principal]]
  name = "ann"
  display_name = "Ann Other"
  addresses = ["ann@example.com"]
  password = "secret"

  [[principal]]
  name = "room1"
  type = "ROOM"
  display_name = "Room 1"
  addresses = ["room1@example.com"]
  managers = ["ann"]
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    actions = add_actions(
        subparsers,
        "directory",
        "people, groups, rooms and resources: import, export or check a file",
        "People, groups, rooms and resources.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, run, summary in (
        ("import", _import, "insert or update what the file holds; calendars are never deleted"),
        ("export", _export, "write the directory as a file (default: to standard output)"),
        ("check", _check, "say what is wrong in a file, changing nothing"),
    ):
        add_action(actions, name, run, summary).add_argument(
            "file",
            metavar="FILE",
            type=Path,
            nargs="?" if name == "export" else None,
            help="a directory file",
        )


def _import(args: argparse.Namespace) -> None:
    from calcore_caldav.server.directory import read_directory
    from calcore_caldav.server.directory_import import import_directory

    entries = read_directory(args.file, known_names(args))
    with open_place(args) as services, Progress("passwords") as progress:
        done = import_directory(services, entries, progress)
    print(f"{done.created} created, {done.updated} updated")


def _export(args: argparse.Namespace) -> None:
    from calcore_caldav.server.directory_import import export_directory

    with open_place(args) as services, services.store.read() as txn:
        text = export_directory(txn)
    if args.file is None:
        sys.stdout.write(text)
        return
    try:
        # It holds password hashes.
        handle = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CalcoreError(f"{args.file} cannot be written: {error.strerror}") from None


def _check(args: argparse.Namespace) -> None:
    from calcore_caldav.server.directory import read_directory

    entries = read_directory(args.file, known_names(args))
    print(f"{args.file}: {len(entries)} principals, no mistakes")


def known_names(args: argparse.Namespace) -> frozenset[str]:
    """Who is in the database already; a database that doesn't exist is not created for it."""
    if not place(args).exists:
        return frozenset()
    with open_place(args) as services, services.store.read() as txn:
        return frozenset(principal.name for principal in txn.directory.all())
