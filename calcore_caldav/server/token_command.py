# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav token`: bearer tokens, which are app passwords as well."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Final

from calcore_caldav.core.principals import Principal
from calcore_caldav.errors import CalcoreError
from calcore_caldav.server.actions import add_action, add_actions
from calcore_caldav.server.place import open_place
from calcore_caldav.store.protocol import SYSTEM, Transaction

_USER_HELP: Final = "log-in name of a person"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    actions = add_actions(
        subparsers,
        "token",
        "bearer tokens and app passwords: create, list, revoke",
        "Tokens: for programs as 'Authorization: Bearer TOKEN', for clients instead of the password.",
    )
    create = add_action(actions, "create", _create, "make a token and print it; it cannot be shown again")
    create.add_argument("user", metavar="USER", help=_USER_HELP)
    create.add_argument("--name", metavar="N", default="", help="what it is for, as the list shows it")
    create.add_argument(
        "--expires", metavar="DAYS", type=_days, help="valid for so many days (default: for ever)"
    )
    listing = add_action(actions, "list", _list, "show a user's tokens")
    listing.add_argument("user", metavar="USER", help=_USER_HELP)
    revoke = add_action(actions, "revoke", _revoke, "make a token invalid at once")
    revoke.add_argument("id", metavar="ID", type=int, help="its number, from the list")


def _days(text: str) -> int:
    days = int(text)
    if not 0 < days <= 36525:
        raise ValueError(text)
    return days


_days.__name__ = "number of days"


def _create(args: argparse.Namespace) -> None:
    from calcore_caldav.server.passwords import new_token, token_digest

    token = new_token()
    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        user = _user(txn, args.user)
        expires = None if args.expires is None else txn.now + timedelta(days=args.expires)
        txn.directory.add_token(user, args.name, token_digest(token), expires)
    print(token)


def _list(args: argparse.Namespace) -> None:
    with open_place(args) as services, services.store.read(SYSTEM) as txn:
        tokens = txn.directory.tokens(_user(txn, args.user))
    for token in tokens:
        expires = f"expires {token.expires:%Y-%m-%d}" if token.expires else "does not expire"
        print(f"{token.id}\tcreated {token.created:%Y-%m-%d}\t{expires}\t{token.name}")


def _revoke(args: argparse.Namespace) -> None:
    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        found = txn.directory.delete_token(args.id)
    if not found:
        raise CalcoreError(f"there is no token {args.id}; 'calcore-caldav token list USER' shows them")
    print(f"token {args.id} revoked")


def _user(txn: Transaction, name: str) -> Principal:
    user = txn.directory.by_name(name)
    if user is None:
        raise CalcoreError(f"there is no user {name!r}")
    return user
