# SPDX-License-Identifier: GPL-3.0-or-later
"""`[rights] type = radicale_calcore.rights`: the directory's grants as Radicale's letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from radicale.config import Configuration
from radicale.rights import BaseRights
from radicale_calcore.transactions import reading

from calcore_caldav.core.principals import Privilege
from calcore_caldav.scheduling.access import actor_of, may_know, of_calendar, privileges
from calcore_caldav.server.assembly import services_from
from calcore_caldav.store.protocol import Actor, Transaction

_HOME: Final[Mapping[Privilege, str]] = {Privilege.READ: "R", Privilege.BIND: "W"}
_COLLECTION: Final[Mapping[Privilege, str]] = {
    Privilege.READ: "Rr",
    Privilege.WRITE: "Ww",
    Privilege.READ_FREE_BUSY: "f",
}


class Rights(BaseRights):  # type: ignore[misc]  # Radicale is not typed
    """Homes take capital letters only: Radicale would take a home with a small one for a calendar."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._services = services_from(configuration)

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """The letters of a path."""
        del user_groups  # the directory knows them
        names = path.strip("/").split("/") if path.strip("/") else []
        if not user or len(names) > 2:
            return ""
        if not names:
            return "R"
        with reading(self._services) as txn:
            actor = txn.actor if txn.actor.name == user else actor_of(txn, user)
            return self._letters(txn, actor, user, names)

    def _letters(self, txn: Transaction, actor: Actor, user: str, names: list[str]) -> str:
        owner = txn.directory.by_name(names[0])
        if owner is None:
            # Somebody whom another authentication type let in: the home is about to be made.
            return "RW" if names == [user] else ""
        settings = self._services.settings
        if not may_know(txn, actor, owner, settings=settings):
            return ""
        if len(names) == 1:
            held = privileges(txn, actor, owner, settings=settings)
            return "".join(letters for privilege, letters in _HOME.items() if privilege in held)
        collection = txn.collections.get(*names)
        settings = of_calendar(settings, owner, names[1])
        held = privileges(txn, actor, owner, collection, settings=settings)
        letters = "".join(letters for privilege, letters in _COLLECTION.items() if privilege in held)
        return letters + "Ww" if collection is None and Privilege.BIND in held else letters
