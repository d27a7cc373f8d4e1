# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process remembers between transactions: parsed objects and the directory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.store.protocol import Grant

_PARSED_FACTOR: Final = 8
"""A parsed object takes about so many times the memory of its bytes."""
_DIRECTORY_ENTRIES: Final = 100_000
"""Beyond, the remembered directory starts anew: unknown addresses must not fill the memory."""


class ParsedCache:
    """Calendar objects by ETag, least recently used ones forgotten first. Shared by threads.

    Objects are immutable, and an ETag is a hash of the bytes: nothing ever has to be removed.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self._objects: OrderedDict[str, CalendarObject] = OrderedDict()
        self._lock = Lock()

    def get(self, etag: str) -> CalendarObject | None:
        """The object, now the most recently used one."""
        with self._lock:
            found = self._objects.get(etag)
            if found is not None:
                self._objects.move_to_end(etag)
            return found

    def add(self, obj: CalendarObject) -> None:
        """Remember an object; one that is too big for a tenth of the cache is not kept."""
        cost = _cost(obj)
        if cost > self.capacity // 10:
            return
        with self._lock:
            if obj.etag in self._objects:
                self._objects.move_to_end(obj.etag)
                return
            self._objects[obj.etag] = obj
            self.size += cost
            while self.size > self.capacity:
                _, dropped = self._objects.popitem(last=False)
                self.size -= _cost(dropped)

    def __len__(self) -> int:
        return len(self._objects)


def _cost(obj: CalendarObject) -> int:
    return _PARSED_FACTOR * len(obj.body) + 500


class DirectoryView:
    """What is known of the directory at one of its revisions; filled as it is asked for.

    Values are immutable or never changed after they were put in, so threads share a view without a lock.
    """

    __slots__ = ("addresses", "grants", "groups", "ids", "kinds", "names", "revision")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.names: dict[str, Principal | None] = {}
        self.ids: dict[int, Principal | None] = {}
        self.addresses: dict[CalendarUserAddress, Principal | None] = {}
        self.groups: dict[int, list[Principal]] = {}
        self.kinds: dict[CalendarUserType, list[Principal]] = {}
        self.grants: dict[int, list[Grant]] = {}

    @property
    def full(self) -> bool:
        """Whether it holds more than it should."""
        return len(self.names) + len(self.addresses) > _DIRECTORY_ENTRIES


class DirectoryCache:
    """The view of the latest revision that this process has seen."""

    def __init__(self) -> None:
        self._view = DirectoryView(-1)

    def view(self, revision: int) -> DirectoryView:
        """The shared view of a revision; an older one than the latest is a new, private one."""
        view = self._view
        if view.revision == revision and not view.full:
            return view
        fresh = DirectoryView(revision)
        if revision >= view.revision:
            self._view = fresh
        return fresh
