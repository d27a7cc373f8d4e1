# SPDX-License-Identifier: GPL-3.0-or-later
"""Directory entries into the database, and back into a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from calcore_caldav.core.principals import CalendarUserType, Principal, Privilege
from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling.access import grants_of_directory
from calcore_caldav.scheduling.groups import members_changed
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.directory import Entry
from calcore_caldav.server.passwords import hash_password, matches
from calcore_caldav.store.protocol import SYSTEM, Grant, Store, Transaction

Progress = Callable[[int, int], None]


class Imported(NamedTuple):
    """What an import did."""

    created: int
    updated: int


def import_directory(
    services: Services,
    entries: Sequence[Entry],
    progress: Progress | None = None,
    *,
    unchanged: bool = False,
) -> Imported:
    """Insert or update every entry, in one transaction; never deletes anything.

    Groups without `members`, homes without `managers` and `readers` and people without a password keep
    what they have. `progress(done, total)` follows the hashing of passwords. `unchanged`: the entries were
    imported before; who is there stays, with what has been changed since. Raises DirectoryError, with nothing
    changed.
    """
    if unchanged:
        with services.store.read(SYSTEM) as txn:
            entries = [e for e in entries if txn.directory.by_name(e.principal.name) is None]
    hashes = _hashes(services.store, entries, progress or (lambda _done, _total: None))
    created = 0
    with services.store.write(SYSTEM) as txn:
        saved: list[Principal] = []
        changed: list[Principal] = []
        problems: list[str] = []
        for entry in entries:
            existing = txn.directory.by_name(entry.principal.name)
            created += existing is None
            try:
                saved.append(_save(txn, entry, existing))
            except DirectoryError as error:
                problems += error.problems
            else:
                if existing is not None and _books_otherwise(existing, entry.principal):
                    changed.append(saved[-1])
        if problems:
            raise DirectoryError(problems)
        for entry, principal in zip(entries, saved, strict=True):
            _relate(txn, entry, principal)
            if principal.name in hashes:
                txn.directory.set_password_hash(principal, hashes[principal.name])
        for room in changed:
            rebook(txn, room, settings=services.settings)
    return Imported(created, len(entries) - created)


def _books_otherwise(before: Principal, after: Principal) -> bool:
    """Whether slots are others: other buffers, another number of meetings at a time, days in another zone."""
    return after.kind.bookable and (before.booking, before.timezone) != (after.booking, after.timezone)


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
            members_changed(txn, principal)
    # A list that the file has is the whole list; what it has not, and other privileges, stay as granted.
    listed = {Privilege.ALL: entry.managers, Privilege.READ: entry.readers}
    present_grants = _home_grants(txn, principal)
    kept = [grant for grant in present_grants if listed.get(grant.privilege) is None]
    wanted = [*kept, *grants_of_directory(principal, entry.managers or (), entry.readers or ())]
    if set(present_grants) != set(wanted):
        txn.directory.set_grants(principal, None, wanted)


def _home_grants(txn: Transaction, principal: Principal) -> list[Grant]:
    return [grant for grant in txn.directory.grants(principal) if grant.collection_id is None]


def _hashes(
    store: Store,
    entries: Iterable[Entry],
    progress: Progress,
) -> dict[str, str]:
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


class ImportMark:
    """Remembers, in a data directory, the file that was imported last.

    A server that starts with the same file again leaves what was changed since as it is, and need not try every
    password, which takes long on purpose.
    What is kept is a password hash of the file: it tells no more of the passwords in it than their own hashes.
    """

    def __init__(self, data: Path, file: Path) -> None:
        self._mark = data / "directory.imported"
        self._digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def is_set(self) -> bool:
        """Whether this very file was the last."""
        try:
            return matches(self._mark.read_text(encoding="ascii").strip(), self._digest)
        except (OSError, UnicodeError):
            return False

    def set(self) -> None:
        """It is now."""
        handle = os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(hash_password(self._digest) + "\n")


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
