# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction does with principals: their addresses, groups, grants and secrets."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.store.protocol.values import Grant, Token


class Directory(Protocol):
    """Principals, addresses, groups, grants, passwords, tokens."""

    def by_name(self, name: str) -> Principal | None: ...
    def by_id(self, principal_id: int) -> Principal | None: ...
    def by_address(self, address: CalendarUserAddress) -> Principal | None:
        """By any of its addresses: `mailto:`, path or `urn:uuid:`."""

    def all(self, *kinds: CalendarUserType) -> list[Principal]:
        """Ordered by name."""

    def save(self, principal: Principal) -> Principal:
        """Insert (id 0) or update by name; returns it with id and uuid. Raises DirectoryError for an
        address or name that is somebody else's.
        """

    def provision(self, principal: Principal) -> None:
        """Create the collections that every principal of its kind has, where missing: `calendar`, `tasks`
        (people), `inbox`, `outbox`.
        """

    def delete(self, principal: Principal) -> None: ...
    def members(self, group: Principal) -> list[Principal]:
        """Direct members, by name."""

    def set_members(self, group: Principal, names: Sequence[str]) -> None: ...
    def expand(self, group: Principal) -> list[Principal]:
        """All people, rooms and resources of a group, nested groups expanded (cycles are harmless)."""

    def groups_of(self, principal: Principal) -> list[Principal]:
        """All groups that hold it, directly or through others."""

    def grants(self, owner: Principal) -> list[Grant]: ...
    def grants_to(self, grantees: AnyOf[str]) -> list[Grant]: ...
    def set_grants(self, owner: Principal, collection_id: int | None, grants: Sequence[Grant]) -> None:
        """Replaces the grants of that home or collection."""

    def password_hash(self, principal: Principal) -> str | None: ...
    def set_password_hash(self, principal: Principal, password_hash: str | None) -> None: ...
    def add_token(self, principal: Principal, name: str, digest: str, expires: datetime | None) -> Token: ...
    def token_by_digest(self, digest: str) -> Token | None:
        """Not an expired one."""

    def tokens(self, principal: Principal) -> list[Token]: ...
    def delete_token(self, token_id: int) -> bool: ...
