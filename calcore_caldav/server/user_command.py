# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav user`: people without a directory file."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import replace

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.errors import CalcoreError, DirectoryError
from calcore_caldav.server.actions import add_action, add_actions
from calcore_caldav.server.place import open_place


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    actions = add_actions(
        subparsers,
        "user",
        "add people one by one",
        "Add people one by one; for many, and for rooms, see 'calcore-caldav directory'.",
    )
    add = add_action(
        actions, "add", _add, "add a person, or change the password and what is given of the one of that name"
    )
    add.add_argument("name", metavar="NAME", help="log-in name and first part of the person's URLs")
    add.add_argument(
        "--email",
        metavar="E",
        action="append",
        default=[],
        help="an e-mail address, by which others invite; may be given more than once, the preferred first",
    )
    add.add_argument("--display-name", metavar="D", help="the name that others see")
    add.add_argument("--admin", action="store_true", help="give every privilege on everything")
    add.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input's first line"
    )


def _add(args: argparse.Namespace) -> None:
    # Deferred, so that --help is quick.
    from calcore_caldav.server.directory import email_problem, name_problem
    from calcore_caldav.server.passwords import hash_password, password_problem
    from calcore_caldav.store.protocol import SYSTEM

    if problem := name_problem(args.name):
        raise CalcoreError(f"the name {args.name!r} {problem}")
    for address in args.email:
        if problem := email_problem(address):
            raise CalcoreError(f"{address!r} {problem}")
    password = _password(from_stdin=args.password_stdin)
    if problem := password_problem(password):
        raise CalcoreError(f"the password {problem}")
    addresses = tuple(CalendarUserAddress.parse(address) for address in args.email)
    try:
        with open_place(args) as services, services.store.write(SYSTEM) as txn:
            existing = txn.directory.by_name(args.name)
            if existing is not None and existing.kind is not CalendarUserType.INDIVIDUAL:
                raise CalcoreError(f"{args.name!r} is a {existing.kind.value} of the directory, not a person")
            new = existing or Principal(0, args.name, CalendarUserType.INDIVIDUAL, args.name)
            new = replace(
                new,
                display_name=args.display_name or new.display_name,
                addresses=addresses or new.addresses,
                admin=args.admin or new.admin,
            )
            saved = txn.directory.save(new)
            txn.directory.provision(saved)
            txn.directory.set_password_hash(saved, hash_password(password))
    except DirectoryError as error:
        raise CalcoreError(str(error)) from None
    print(f"{args.name} {'changed' if existing else 'added'}")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CalcoreError("there is no terminal to ask for the password; use --password-stdin")
    try:
        first = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != first:
            raise CalcoreError("the two passwords differ; try again")
    except EOFError:
        raise CalcoreError("no password was given") from None
    return first
