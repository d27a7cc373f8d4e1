# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a store by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

from calcore_caldav.errors import ConfigurationError
from calcore_caldav.store.protocol import Clock, Store
from calcore_caldav.store.settings import StoreSettings
from calcore_caldav.store.sqlite import SqliteStore, utc_now

_DEFAULTS: Final = StoreSettings()


def open_store(url: str, *, clock: Clock | None = None, settings: StoreSettings = _DEFAULTS) -> Store:
    """The store that a URL names, its tables created or upgraded.

    "sqlite:///relative/path", "sqlite:////absolute/path"; "sqlite://" is a private database that ends with the
    store. Raises ConfigurationError for any other URL, SchemaMismatch for a database of a newer version of
    the program, StoreError where it cannot be opened.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite":
        return SqliteStore(_path(url, rest), clock=clock or utc_now, settings=settings)
    if separator and scheme.partition("+")[0] in {"postgresql", "postgres"}:
        raise ConfigurationError(
            "the store on PostgreSQL is not there yet: use a database URL like sqlite:///calcore.db"
        )
    raise ConfigurationError(f"{url!r} is not a database URL: use one like sqlite:///calcore.db")


def _path(url: str, rest: str) -> Path | None:
    if not rest or rest == "/:memory:":
        return None
    if not rest.startswith("/") or rest == "/":
        raise ConfigurationError(f"{url!r} names a host: write sqlite:///path or sqlite:////absolute/path")
    return Path(unquote(rest[1:]))
