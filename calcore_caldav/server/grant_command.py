# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav grant`, `revoke` and `grants`: who may do what with somebody's calendars."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final, NamedTuple

from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling.access import AUTHENTICATED
from calcore_caldav.server.place import add_place_options, open_place
from calcore_caldav.store.protocol import SYSTEM, Collection, Grant, Transaction

LEVELS: Final[Mapping[str, frozenset[Privilege]]] = {
    "free-busy": frozenset({Privilege.READ_FREE_BUSY}),
    "read": frozenset({Privilege.READ}),
    "write": frozenset({Privilege.READ, Privilege.WRITE}),
    "manage": frozenset({Privilege.ALL}),
}
"""What each level means in privileges (RFC 3744, RFC 4791 §6.1); `manage` includes answering and granting."""

EVERYBODY: Final = "everybody"
_PLACE_HELP: Final = "OWNER for all calendars of a person or room, OWNER/CALENDAR for one"
_WHO_HELP: Final = "a person, a group, or 'everybody' (whoever is logged in)"

_LEVEL_HELP: Final = (
    "free-busy: when the time is taken; read: the events; write: change them, too;"
    " manage: everything, also answering and granting"
)


class _Place(NamedTuple):
    owner: Principal
    calendar: Collection | None


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three sub-commands."""
    grant = subparsers.add_parser(
        "grant",
        help="let somebody see or change calendars",
        description="Let somebody see or change calendars. A new level takes the place of the old one.",
    )
    grant.add_argument("place", metavar="OWNER[/CALENDAR]", help=_PLACE_HELP)
    grant.add_argument("who", metavar="WHO", help=_WHO_HELP)
    grant.add_argument("level", metavar="LEVEL", choices=tuple(LEVELS), help=_LEVEL_HELP)
    grant.set_defaults(run=_grant)
    revoke = subparsers.add_parser(
        "revoke",
        help="take back what 'grant' or the directory gave",
        description="Take back what was granted. What a directory file says comes back with its next import.",
    )
    revoke.add_argument("place", metavar="OWNER[/CALENDAR]", help=_PLACE_HELP)
    revoke.add_argument("who", metavar="WHO", help=_WHO_HELP)
    revoke.set_defaults(run=_revoke)
    listing = subparsers.add_parser(
        "grants",
        help="show who may do what",
        description="Show who may do what: with one owner's calendars, or with everybody's.",
    )
    listing.add_argument("owner", metavar="OWNER", nargs="?", help="a person or room (default: everybody)")
    listing.set_defaults(run=_list)
    for parser in (grant, revoke, listing):
        add_place_options(parser)


def _grant(args: argparse.Namespace) -> None:
    _replace(args, LEVELS[args.level])
    print(f"{args.who} may {args.level} {args.place}")


def _revoke(args: argparse.Namespace) -> None:
    if not _replace(args, frozenset()):
        raise CalcoreError(f"{args.who} has no grant on {args.place}; 'calcore-caldav grants' shows them")
    print(f"{args.who} has no grant on {args.place} any more")


def _replace(args: argparse.Namespace, privileges: frozenset[Privilege]) -> bool:
    """Give exactly these privileges on a place; returns whether there were others before."""
    with open_place(args) as services, services.store.write(SYSTEM) as txn:
        place = _place(txn, args.place)
        who = _grantee(txn, args.who)
        number = place.calendar.id if place.calendar is not None else None
        present = [g for g in txn.directory.grants(place.owner) if g.collection_id == number]
        kept = [g for g in present if g.grantee != who]
        new = [Grant(place.owner.id, number, who, p) for p in sorted(privileges)]
        txn.directory.set_grants(place.owner, number, [*kept, *new])
        return len(kept) < len(present)


def _list(args: argparse.Namespace) -> None:
    with open_place(args) as services, services.store.read(SYSTEM) as txn:
        owners = [_principal(txn, args.owner)] if args.owner else txn.directory.all()
        lines = [line for owner in owners for line in _lines(txn, owner)]
    for line in lines:
        print(line)


def _lines(txn: Transaction, owner: Principal) -> list[str]:
    """A line for each place and grantee: OWNER[/CALENDAR], WHO, LEVEL, separated by tabs."""
    held: dict[tuple[str, str], set[Privilege]] = {}
    for grant in txn.directory.grants(owner):
        calendar = txn.collections.by_id(grant.collection_id) if grant.collection_id is not None else None
        place = owner.name if calendar is None else f"{owner.name}/{calendar.name}"
        who = EVERYBODY if grant.grantee == AUTHENTICATED else grant.grantee
        held.setdefault((place, who), set()).add(grant.privilege)
    return [f"{place}\t{who}\t{_level(some)}" for (place, who), some in sorted(held.items())]


def _level(privileges: set[Privilege]) -> str:
    return next((name for name, some in LEVELS.items() if some == privileges), ", ".join(sorted(privileges)))


def _place(txn: Transaction, text: str) -> _Place:
    name, _, calendar = text.strip("/").partition("/")
    owner = _principal(txn, name)
    if not calendar:
        return _Place(owner, None)
    collection = txn.collections.get(owner.name, calendar)
    if collection is None:
        names = ", ".join(c.name for c in txn.collections.of(owner))
        raise CalcoreError(f"{name} has no calendar {calendar!r}, only {names}")
    return _Place(owner, collection)


def _grantee(txn: Transaction, text: str) -> str:
    return AUTHENTICATED if text == EVERYBODY else _principal(txn, text).name


def _principal(txn: Transaction, name: str) -> Principal:
    principal = txn.directory.by_name(name)
    if principal is None:
        raise CalcoreError(f"there is no {name!r} in the directory")
    return principal
