# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data is: the options that every sub-command shares."""

from __future__ import annotations

import argparse
import configparser
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calcore_caldav.errors import ConfigurationError, SchemaMismatch, StoreError

if TYPE_CHECKING:
    from calcore_caldav.scheduling.services import Services


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory, the database in it (or elsewhere) and the configuration file."""

    data: Path
    database: str
    config: Path | None
    options: dict[str, str]
    """The [storage] section of the configuration file."""

    @property
    def is_inside(self) -> bool:
        """Whether the database is the data directory's own."""
        return self.database == _own_database(self.data)

    @property
    def exists(self) -> bool:
        """Whether the database is there; one on a server is taken to be."""
        path = self.database.removeprefix("sqlite:///")
        return path == self.database or Path(unquote(path)).exists()


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Add --config, --data and --database."""
    group = parser.add_argument_group("where the data is")
    group.add_argument("--config", metavar="FILE", type=Path, help="a Radicale configuration file (INI)")
    group.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help=f"directory for everything that is stored (default: {_shown(default_data())})",
    )
    group.add_argument(
        "--database",
        metavar="URL",
        help="a database URL such as sqlite:///path (default: calcore.db in the data directory)",
    )


def default_data() -> Path:
    """The user's data directory (XDG Base Directory Specification)."""
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    root = base if base.is_absolute() else Path.home() / ".local" / "share"
    return root / "calcore-caldav"


def place(args: argparse.Namespace) -> Place:
    """The place that the command line names; the configuration file and defaults fill the gaps.

    Raises ConfigurationError where the file cannot be read.
    """
    options = read_sections(args.config).get("storage", {}) if args.config else {}
    data = args.data or (Path(options["data"]) if options.get("data") else default_data())
    data = data.expanduser().absolute()
    database = args.database or options.get("database") or _own_database(data)
    return Place(data, database, args.config, options)


def _own_database(data: Path) -> str:
    return f"sqlite:///{quote(str(data / 'calcore.db'))}"


@contextmanager
def open_place(args: argparse.Namespace) -> Iterator[Services]:
    """The database of a sub-command, open inside; creates the data directory. Raises StoreError."""
    # Deferred, so that --help and mistakes in a call don't wait for the database library.
    from calcore_caldav.server.assembly import open_services
    from calcore_caldav.server.settings import OPTIONS, read_settings

    where = place(args)
    prepare(where)
    own = {name: text for name, text in where.options.items() if name in OPTIONS}
    try:
        services = open_services(where.database, settings=read_settings(where.database, own))
    except SchemaMismatch:
        raise
    except StoreError as error:
        raise StoreError(f"{where.database} cannot be opened: {error}") from None
    try:
        yield services
    finally:
        services.store.close()


def open_existing(args: argparse.Namespace) -> AbstractContextManager[Services]:
    """As `open_place`; raises ConfigurationError, and creates nothing, where there is no database."""
    where = place(args)
    if not where.exists:
        raise ConfigurationError(
            f"there is no database {where.database}; name where it is with --data or --database"
        )
    return open_place(args)


def prepare(where: Place) -> None:
    """Create the data directory, readable by its owner only."""
    if not where.database.startswith("sqlite:"):
        return
    try:
        where.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{where.data} cannot be used as the data directory: {error.strerror}; name another with --data"
        ) from None


def read_sections(file: Path) -> dict[str, dict[str, str]]:
    """The sections of an INI file; raises ConfigurationError."""
    parser = configparser.RawConfigParser()
    try:
        with file.open(encoding="utf-8") as stream:
            parser.read_file(stream)
    except (OSError, UnicodeError, configparser.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).replace("\n", " ")
        raise ConfigurationError(f"the configuration file {file} cannot be read: {reason}") from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _shown(path: Path) -> str:
    home = str(Path.home())
    text = str(path)
    return "~" + text[len(home) :] if text.startswith(home + os.sep) else text
