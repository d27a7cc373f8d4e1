# SPDX-License-Identifier: GPL-3.0-or-later
"""`[storage] type = radicale_calcore.storage`: the database behind Radicale's storage interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from radicale.config import Configuration
from radicale.item import Item
from radicale.storage import BaseCollection, BaseStorage
from radicale_calcore.collection import KINDS, Collection, StoredItem, props_of
from radicale_calcore.home import Home, Root
from radicale_calcore.transactions import current, held, holding, undoing_failures

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.assembly import services_from
from calcore_caldav.server.background import start_background
from calcore_caldav.server.directory import name_problem
from calcore_caldav.store.protocol import CollectionKind, StoredObject, Transaction

_LISTED = (CollectionKind.CALENDAR, CollectionKind.ADDRESSBOOK, CollectionKind.PLAIN)


class Storage(BaseStorage):  # type: ignore[misc]  # Radicale is not typed
    """Radicale's lock is our transaction: committed at its end, or not at all."""

    # Names are data in a database, not files.
    _is_collision_free = True
    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.services: Services = services_from(configuration)

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """A transaction; "w" excludes other writers. A lock inside a lock is the same transaction."""
        del args
        if held() is not None:
            yield
            return
        store = self.services.store
        if mode == "r":
            with store.read() as txn, holding(txn):
                txn.actor = actor_of(txn, kwargs.get("actor") or user)
                yield
            return
        with store.read() as txn:
            actor = actor_of(txn, kwargs.get("actor") or user)
        start_background(self.services)
        with store.write(actor) as txn, holding(txn):
            yield

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], Any] | None = None,
        user_groups: Iterable[str] = (),
    ) -> Iterator[BaseCollection | Item]:
        """The collection or item at `path`, then its children; nothing is read before it is asked for."""
        del child_context_manager, user_groups
        txn = current()
        names = path.strip("/").split("/") if path.strip("/") else []
        if not names:
            yield Root(self.services)
            if depth != "0":
                yield from (Home(self.services, principal) for principal in txn.directory.all())
            return
        principal = txn.directory.by_name(names[0])
        if principal is None or len(names) > 3:
            return
        if len(names) == 1:
            yield Home(self.services, principal)
            if depth != "0":
                found = txn.collections.of(principal, *_LISTED)
                yield from (Collection(self.services, collection) for collection in found)
            return
        row = txn.collections.get(names[0], names[1])
        if row is None:
            return
        collection = Collection(self.services, row)
        if len(names) == 3:
            stored = txn.objects.get(row, names[2])
            if stored is not None:
                yield StoredItem(collection, stored)
            return
        yield collection
        if depth != "0":
            yield from (StoredItem(collection, stored) for stored in txn.objects.all(row))

    def move(self, item: Item, to_collection: BaseCollection, to_href: str) -> None:
        """MOVE through the corridor."""
        txn = current()
        with undoing_failures(txn):
            stored = txn.objects.get(item.collection.row, item.href)
            if stored is None:
                raise ValueError(f"{item.href} is gone")
            self.services.calendar.move(txn, stored, to_collection.row, to_href, overwrite=True)

    def create_collection(
        self,
        href: str,
        items: Iterable[Item] | None = None,
        props: Mapping[str, str] | None = None,
    ) -> tuple[BaseCollection, dict[str, Item], list[str]]:
        """MKCOL, MKCALENDAR, and PUT of a whole collection (which replaces what is in it)."""
        txn = current()
        names = href.strip("/").split("/")
        if len(names) == 1:
            return Home(self.services, self._principal(txn, names[0])), {}, []
        if len(names) != 2:
            raise ValueError("collections stand directly in a principal's home")
        with undoing_failures(txn):
            owner = txn.directory.by_name(names[0])
            if owner is None:
                raise ValueError(f"there is no principal {names[0]!r}")
            row = txn.collections.get(*names)
            if row is not None and items is None and props is None:
                return Collection(self.services, row), {}, []
            tag = (props or {}).get("tag") or ""
            if row is None:
                kind = KINDS.get(tag, CollectionKind.PLAIN)
                row = self.services.calendar.create_collection(
                    txn, owner, names[1], kind, props_of(kind, props or {})
                )
            collection = Collection(self.services, row)
            if props:
                collection.set_meta({**collection.get_meta(), **props})
            replaced, created = collection.replace_all(items) if items is not None else ({}, [])
            return Collection(self.services, txn.collections.by_id(row.id) or row), replaced, created

    def _principal(self, txn: Transaction, name: str) -> Principal:
        """The principal of a home; one whom another authentication type let in is made."""
        known = txn.directory.by_name(name)
        if known is not None:
            return known
        if problem := name_problem(name):
            raise ValueError(f"the name {name!r} {problem}")
        address = (CalendarUserAddress.parse("mailto:" + name),) if "@" in name else ()
        with undoing_failures(txn):
            new = txn.directory.save(Principal(0, name, CalendarUserType.INDIVIDUAL, name, addresses=address))
            txn.directory.provision(new)
        return new

    def verify(self) -> bool:
        """Whether every object can be read; for `--verify-storage`."""
        txn = current()
        return all(
            self._readable(txn, stored)
            for principal in txn.directory.all()
            for row in txn.collections.of(principal, CollectionKind.CALENDAR)
            for stored in txn.objects.all(row)
        )

    @staticmethod
    def _readable(txn: Transaction, stored: StoredObject) -> bool:
        try:
            txn.objects.parsed(stored)
        except CalcoreError:
            return False
        return True
