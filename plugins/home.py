# SPDX-License-Identifier: GPL-3.0-or-later
"""Principals' homes and the root in Radicale's shape."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from radicale.item import Item
from radicale.storage import BaseCollection
from radicale_calcore.collection import NAME, http_date
from radicale_calcore.transactions import reading

from calcore_caldav.core.principals import Principal
from calcore_caldav.scheduling.services import Services


class Home(BaseCollection):  # type: ignore[misc]  # Radicale is not typed
    """A principal, which is its calendar home too."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self.services = services
        self.principal = principal

    @property
    def path(self) -> str:
        """Without slashes around."""
        return self.principal.name

    @property
    def tag(self) -> str:
        """A folder."""
        return ""

    @property
    def etag(self) -> str:
        """Changes with the collections in it."""
        with reading(self.services) as txn:
            rows = txn.collections.of(self.principal)
        return f'"{hashlib.sha256(repr([(r.id, r.revision) for r in rows]).encode()).hexdigest()[:32]}"'

    @property
    def last_modified(self) -> str:
        """That of the collection changed last."""
        with reading(self.services) as txn:
            rows = txn.collections.of(self.principal)
            changed: str = http_date(max((row.modified for row in rows), default=txn.now))
        return changed

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """No items."""
        return ((href, None) for href in hrefs)

    def get_all(self) -> Iterator[Item]:
        """No items."""
        return iter(())

    def get_meta(self, key: str | None = None) -> Any:
        """The display name."""
        meta = {NAME: self.principal.display_name}
        return meta if key is None else meta.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Principals are the directory's."""
        raise ValueError("a principal's properties are in the directory")

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """Not here."""
        raise ValueError("objects stand in calendars")

    def delete(self, href: str | None = None) -> None:
        """Not here."""
        raise ValueError("a principal cannot be deleted")


class Root(Home):
    """The root: all principals."""

    def __init__(self, services: Services) -> None:
        self.services = services

    @property
    def path(self) -> str:
        """The root's is empty."""
        return ""

    @property
    def etag(self) -> str:
        """Constant."""
        return '"root"'

    @property
    def last_modified(self) -> str:
        """Now."""
        with reading(self.services) as txn:
            now: str = http_date(txn.now)
        return now

    def get_meta(self, key: str | None = None) -> Any:
        """Nothing."""
        return {} if key is None else None
