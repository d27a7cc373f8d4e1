# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory file: people, groups, rooms and resources in TOML, read with every mistake and its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.core.principals import (
    RESERVED_NAMES,
    CalendarUserAddress,
    CalendarUserType,
    Location,
    Principal,
)
from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.server.passwords import is_password_hash, password_problem

_NAME: Final = re.compile(r"[A-Za-z0-9._@-]+")
_EMAIL: Final = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_AT_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_TABLE: Final = re.compile(r"\s*\[\[\s*principal\s*\]\]")
_KINDS: Final = tuple(kind.value for kind in CalendarUserType if kind is not CalendarUserType.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One principal of a directory file."""

    principal: Principal
    """With id 0."""
    line: int
    password: str | None = None
    password_hash: str | None = None
    members: tuple[str, ...] | None = None
    """Names; None where the file doesn't say."""
    managers: tuple[str, ...] | None = None
    readers: tuple[str, ...] | None = None


def read_directory(path: Path, known: Collection[str] = frozenset()) -> list[Entry]:
    """The entries of a file; raises DirectoryError with all mistakes, each with file, line and reason.

    `known` are principals that exist elsewhere: groups and managers may refer to them.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DirectoryError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeError:
        raise DirectoryError([f"{path}: is not UTF-8 text"]) from None
    return parse_directory(text, str(path), known)


def parse_directory(text: str, file: str, known: Collection[str] = frozenset()) -> list[Entry]:
    """Like `read_directory`, for a file's text."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _AT_LINE.search(str(error))
        where = f"{file}:{match.group(1)}" if match else file
        raise DirectoryError([f"{where}: not TOML: {_AT_LINE.sub('', str(error)).strip()}"]) from None
    problems: list[tuple[int, str]] = [
        (_line_of(text, key), f"{key!r} is not known here; a directory holds [[principal]] tables only")
        for key in tables
        if key != "principal"
    ]
    listed = tables.get("principal", [])
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        problems.append((_line_of(text, "principal"), "write [[principal]] with two pairs of brackets"))
        listed = []
    blocks = _blocks(text)
    readers = [_Reader(table, blocks[i] if i < len(blocks) else [(0, "")]) for i, table in enumerate(listed)]
    entries = [reader.entry() for reader in readers]
    _check_together(readers, entries, known)
    problems += [problem for reader in readers for problem in reader.problems]
    if problems:
        raise DirectoryError([f"{file}:{line}: {sentence}" for line, sentence in sorted(problems)])
    return entries


class _Reader:
    """Reads one [[principal]] table and collects what is wrong in it."""

    def __init__(self, table: Mapping[str, Any], lines: list[tuple[int, str]]) -> None:
        self.table = table
        self.lines = lines
        self.problems: list[tuple[int, str]] = []

    def wrong(self, key: str, sentence: str) -> None:
        """Note a mistake in a key's value."""
        self.problems.append((self.line(key), sentence))

    def line(self, key: str) -> int:
        """The line where the key stands; that of the table where it doesn't."""
        pattern = re.compile(rf'\s*(?:\[[^]]*\b)?["\']?{re.escape(key)}["\']?\s*[]=]')
        return next((number for number, text in self.lines if pattern.match(text)), self.lines[0][0])

    def entry(self) -> Entry:
        """The entry, with defaults where something is wrong."""
        for key in self.table:
            if key not in _KEYS:
                close = difflib.get_close_matches(key, _KEYS, 1)
                self.wrong(key, f"unknown key {key!r}" + (f"; is {close[0]!r} meant?" if close else ""))
        name = self._name()
        kind = self._kind()
        return Entry(
            principal=Principal(
                id=0,
                name=name,
                kind=kind,
                display_name=self.text("display_name") or name,
                addresses=self._addresses(),
                timezone=self._timezone(),
                language=self._language(),
                admin=self.flag("admin"),
                hidden=self.flag("hidden"),
                location=self._location(),
                booking=self._booking(kind),
            ),
            line=self.lines[0][0],
            password=self._password(),
            password_hash=self._password_hash(),
            members=self._members(kind),
            managers=self.names("managers"),
            readers=self.names("readers"),
        )

    def text(self, key: str) -> str:
        """A string; "" where absent or wrong."""
        value = self.table.get(key, "")
        if not isinstance(value, str):
            self.wrong(key, f"{key} must be a string in quotes")
            return ""
        if any(ord(c) < 32 for c in value):
            self.wrong(key, f"{key} contains a control character")
            return ""
        return value.strip()

    def flag(self, key: str) -> bool:
        """True or false; false where absent."""
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, f"{key} must be true or false")
            return False
        return value

    def names(self, key: str) -> tuple[str, ...] | None:
        """A list of strings; None where absent."""
        if key not in self.table:
            return None
        value = self.table[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(key, f'{key} must be a list of strings, as in {key} = ["one", "two"]')
            return ()
        return tuple(dict.fromkeys(value))

    def _name(self) -> str:
        if "name" not in self.table:
            self.wrong("name", "a principal needs a name")
            return ""
        name = self.text("name")
        if not name:
            if isinstance(self.table["name"], str):
                self.wrong("name", "the name is empty")
        elif problem := name_problem(name):
            self.wrong("name", f"the name {name!r} {problem}")
        return name

    def _kind(self) -> CalendarUserType:
        text = self.text("type")
        if text.upper() in _KINDS:
            return CalendarUserType(text.upper())
        if text:
            self.wrong("type", f"type {text!r} is none of {', '.join(_KINDS)}")
        return CalendarUserType.INDIVIDUAL

    def _addresses(self) -> tuple[CalendarUserAddress, ...]:
        found: dict[CalendarUserAddress, None] = {}
        for text in self.names("addresses") or ():
            address = CalendarUserAddress.parse(text)
            if address.email is None or not _EMAIL.fullmatch(address.email):
                self.wrong("addresses", f"{text!r} is not an e-mail address")
            else:
                found[address] = None
        return tuple(found)

    def _timezone(self) -> str:
        name = self.text("timezone") or "UTC"
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.wrong("timezone", f"timezone {name!r} is not an IANA time zone such as Europe/Paris")
            return "UTC"
        return name

    def _language(self) -> str:
        tag = self.text("language") or "en"
        if not _LANGUAGE.fullmatch(tag):
            self.wrong("language", f"language {tag!r} is not a language tag such as en or pt-BR")
        return tag

    def _location(self) -> Location:
        table = self.table.get("location", {})
        if not isinstance(table, dict):
            self.wrong("location", 'location must be a table, as in { building = "Main", floor = "2" }')
            return Location()
        for key in set(table) - {"building", "floor", "features"}:
            self.wrong("location", f"unknown key {key!r} in location; building, floor, features are known")
        inner = _Reader(table, self.lines)
        location = Location(inner.text("building"), inner.text("floor"), inner.names("features") or ())
        self.problems += [(self.line("location"), sentence) for _, sentence in inner.problems]
        return location

    def _booking(self, kind: CalendarUserType) -> Mapping[str, object]:
        table = self.table.get("booking", {})
        if not isinstance(table, dict):
            self.wrong("booking", "booking must be a table: [principal.booking]")
            return {}
        if table and not kind.bookable:
            self.wrong("booking", f"only ROOM and RESOURCE can be booked, and this is {kind.value}")
            return {}
        try:
            BookingPolicy.from_mapping(table)
        except DirectoryError as error:
            for problem in error.problems:
                key = problem.partition(":")[0].partition(",")[0]
                self.problems.append((self.line(key) if key in table else self.line("booking"), problem))
        return table

    def _password(self) -> str | None:
        if "password" not in self.table:
            return None
        value = self.table["password"]
        if not isinstance(value, str):
            self.wrong("password", "password must be a string in quotes")
            return None
        if problem := password_problem(value):
            self.wrong("password", f"the password {problem}")
        if "password_hash" in self.table:
            self.wrong("password_hash", "give password or password_hash, not both")
        return value

    def _password_hash(self) -> str | None:
        value = self.text("password_hash")
        if value and not is_password_hash(value):
            self.wrong("password_hash", "password_hash is not an argon2 hash ($argon2id$v=19$…)")
        return value or None

    def _members(self, kind: CalendarUserType) -> tuple[str, ...] | None:
        members = self.names("members")
        if members is not None and kind is not CalendarUserType.GROUP:
            self.wrong("members", f"only a GROUP has members, and this is {kind.value}")
        return members


_KEYS: Final = (
    "name",
    "type",
    "display_name",
    "addresses",
    "password",
    "password_hash",
    "timezone",
    "language",
    "admin",
    "hidden",
    "members",
    "managers",
    "readers",
    "location",
    "booking",
)

References = Callable[[Entry], Iterable[str]]
_REFERENCES: Final[tuple[tuple[str, References], ...]] = (
    ("members", lambda entry: entry.members or ()),
    ("managers", lambda entry: entry.managers or ()),
    ("readers", lambda entry: entry.readers or ()),
    ("booking", lambda entry: BookingPolicy.of(entry.principal.booking).names),
)


def _check_together(readers: list[_Reader], entries: list[Entry], known: Collection[str]) -> None:
    """Names and addresses are unique, and who is referred to exists."""
    lines: dict[str, int] = {}
    owners: dict[CalendarUserAddress, str] = {}
    for reader, entry in zip(readers, entries, strict=True):
        name = entry.principal.name
        if name and name in lines:
            reader.wrong("name", f"the name {name!r} stands in line {lines[name]} already")
        lines.setdefault(name, reader.line("name"))
        for address in entry.principal.addresses:
            if address in owners:
                reader.wrong("addresses", f"{address.email} is already an address of {owners[address]!r}")
            owners.setdefault(address, name)
    for reader, entry in zip(readers, entries, strict=True):
        for key, references in _REFERENCES:
            for name in sorted({*references(entry)} - lines.keys() - {*known}):
                reader.wrong(key, f"{name!r} in {key} is nobody's name")


def name_problem(name: str) -> str | None:
    """Why a text cannot be a principal's name, or None."""
    if not _NAME.fullmatch(name):
        return "may hold letters, digits and . _ - @ only"
    if name.startswith("."):
        return "must not start with a dot"
    if name.lower() in RESERVED_NAMES:
        return "is reserved for the server"
    return None


def email_problem(text: str) -> str | None:
    """Why a text cannot be an e-mail address, or None."""
    email = CalendarUserAddress.parse(text).email
    return None if email and _EMAIL.fullmatch(email) else "is not an e-mail address"


def _blocks(text: str) -> list[list[tuple[int, str]]]:
    """Numbered lines of each [[principal]] table."""
    blocks: list[list[tuple[int, str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _TABLE.match(line):
            blocks.append([])
        if blocks:
            blocks[-1].append((number, line))
    return blocks


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf'\s*\[*\s*["\']?{re.escape(key)}\b')
    return next((n for n, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)
