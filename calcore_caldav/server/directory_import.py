# SPDX-License-Identifier: GPL-3.0-or-later
"""Directory entries into the database, and back into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, NamedTuple

from calcore_caldav.core.principals import CalendarUserType, Principal, Privilege
from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling.access import grants_of_directory
from calcore_caldav.server.directory import Entry
from calcore_caldav.server.passwords import hash_password, matches
from calcore_caldav.store.protocol import SYSTEM, Grant, Store, Transaction

Progress = Callable[[int, int], None]


class Imported(NamedTuple):
    """What an import did."""

    created: int
    updated: int


def import_directory(store: Store, entries: Sequence[Entry], progress: Progress | None = None) -> Imported:
    """Insert or update every entry, in one transaction; never deletes anything.

    Groups without `members`, homes without `managers` and `readers` and people without a password keep
    what they have. `progress(done, total)` follows the hashing of passwords. Raises DirectoryError, with
    nothing changed.
    """
    hashes = _hashes(store, entries, progress or (lambda _done, _total: None))
    created = 0
    with store.write(SYSTEM) as txn:
        saved: list[Principal] = []
        problems: list[str] = []
        for entry in entries:
            existing = txn.directory.by_name(entry.principal.name)
            created += existing is None
            try:
                saved.append(_save(txn, entry, existing))
            except DirectoryError as error:
                problems += error.problems
        if problems:
            raise DirectoryError(problems)
        for entry, principal in zip(entries, saved, strict=True):
            _relate(txn, entry, principal)
            if principal.name in hashes:
                txn.directory.set_password_hash(principal, hashes[principal.name])
    return Imported(created, len(entries) - created)


def _save(txn: Transaction, entry: Entry, existing: Principal | None) -> Principal:
    new = entry.principal
    if existing is None:
        principal = txn.directory.save(new)
    else:
        kept = replace(new, id=existing.id, uuid=existing.uuid, default_calendar=existing.default_calendar)
        principal = existing if kept == existing else txn.directory.save(kept)
    txn.directory.provision(principal)
    return principal


def _relate(txn: Transaction, entry: Entry, principal: Principal) -> None:
    """Members and grants: only what differs is written."""
    if entry.members is not None:
        present = {member.name for member in txn.directory.members(principal)}
        if present != set(entry.members):
            txn.directory.set_members(principal, entry.members)
    if entry.managers is not None or entry.readers is not None:
        wanted = grants_of_directory(principal, entry.managers or (), entry.readers or ())
        present_grants = _home_grants(txn, principal)
        if set(present_grants) != set(wanted):
            txn.directory.set_grants(principal, None, wanted)


def _home_grants(txn: Transaction, principal: Principal) -> list[Grant]:
    return [grant for grant in txn.directory.grants(principal) if grant.collection_id is None]


def _hashes(store: Store, entries: Iterable[Entry], progress: Progress) -> dict[str, str]:
    """New password hashes by name; a password that fits the stored hash keeps it."""
    stored: dict[str, str | None] = {}
    with_password = [e for e in entries if e.password is not None or e.password_hash is not None]
    with store.read(SYSTEM) as txn:
        for entry in with_password:
            principal = txn.directory.by_name(entry.principal.name)
            stored[entry.principal.name] = txn.directory.password_hash(principal) if principal else None

    def new_hash(entry: Entry) -> str | None:
        old = stored[entry.principal.name]
        if entry.password_hash is not None:
            return entry.password_hash if entry.password_hash != old else None
        assert entry.password is not None
        return None if old and matches(old, entry.password) else hash_password(entry.password)

    hashes: dict[str, str] = {}
    # argon2 lets other threads run while it works.
    with ThreadPoolExecutor() as pool:
        for done, (entry, new) in enumerate(
            zip(with_password, pool.map(new_hash, with_password), strict=True), 1
        ):
            progress(done, len(with_password))
            if new is not None:
                hashes[entry.principal.name] = new
    return hashes


def export_directory(txn: Transaction) -> str:
    """The whole directory as a file that `import` reads; passwords as their hashes."""
    return "\n".join(_table(txn, principal) for principal in txn.directory.all())


def _table(txn: Transaction, principal: Principal) -> str:
    grants = _home_grants(txn, principal)
    location = principal.location
    place = {
        "building": location.building,
        "floor": location.floor,
        "features": list(location.features),
    }
    values: dict[str, object] = {
        "name": principal.name,
        "type": principal.kind.value,
        "display_name": principal.display_name,
        "addresses": [address.email or address for address in principal.addresses],
        "password_hash": txn.directory.password_hash(principal) or "",
        "timezone": "" if principal.timezone == "UTC" else principal.timezone,
        "language": "" if principal.language == "en" else principal.language,
        "admin": principal.admin,
        "hidden": principal.hidden,
        "managers": _grantees(grants, Privilege.ALL),
        "readers": _grantees(grants, Privilege.READ),
        "location": {key: value for key, value in place.items() if value},
    }
    lines = ["[[principal]]"]
    if principal.kind is CalendarUserType.GROUP:
        values["members"] = [member.name for member in txn.directory.members(principal)]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items() if value]
    if principal.booking:
        lines.append("[principal.booking]")
        lines += [f"{key} = {_toml(value)}" for key, value in principal.booking.items()]
    return "\n".join(lines) + "\n"


def _grantees(grants: Iterable[Grant], privilege: Privilege) -> list[str]:
    return [g.grantee for g in grants if g.privilege is privilege and not g.grantee.startswith("DAV:")]


_ESCAPES: Final = {'"': '\\"', "\\": "\\\\"}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    text = "".join(_ESCAPES.get(c, c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in str(value))
    return f'"{text}"'
