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

    def by_name(self, name: str) -> Principal | None:
        """The principal of that name."""

    def by_id(self, principal_id: int) -> Principal | None:
        """The principal of that id."""

    def by_address(self, address: CalendarUserAddress) -> Principal | None:
        """The principal of any of these addresses: `mailto:`, path or `urn:uuid:`."""

    def all(self, *kinds: CalendarUserType) -> list[Principal]:
        """All of these kinds (none given: of every kind), ordered by name."""

    def save(self, principal: Principal) -> Principal:
        """Insert (id 0) or update by name; returns it with id and uuid.

        Raises DirectoryError for a name or address that cannot be, or that is somebody else's. What depends
        on its addresses and time zone in the instance index is written anew.
        """

    def provision(self, principal: Principal) -> None:
        """Create the collections that every principal of its kind has, where missing.

        `calendar`, `tasks` (people), `inbox`, `outbox`.
        """

    def delete(self, principal: Principal) -> None:
        """With its collections, memberships, tokens, and the grants that it gave or was given. Raises NotFound."""

    def members(self, group: Principal) -> list[Principal]:
        """Direct members, by name."""

    def set_members(self, group: Principal, names: Sequence[str]) -> None:
        """Make these the direct members. Raises DirectoryError for names that nobody has."""

    def expand(self, group: Principal) -> list[Principal]:
        """All people, rooms and resources of a group, by name; nested groups expanded (cycles are harmless)."""

    def groups_of(self, principal: Principal) -> list[Principal]:
        """All groups that hold it, directly or through others, by name."""

    def grants(self, owner: Principal) -> list[Grant]:
        """All that were given on its home and its collections."""

    def grants_to(self, grantees: AnyOf[str]) -> list[Grant]:
        """All that were given to any of these."""

    def set_grants(self, owner: Principal, collection_id: int | None, grants: Sequence[Grant]) -> None:
        """Replaces the grants of that home or collection."""

    def password_hash(self, principal: Principal) -> str | None:
        """None: no log-in with this directory."""

    def set_password_hash(self, principal: Principal, password_hash: str | None) -> None:
        """None takes the log-in away."""

    def add_token(self, principal: Principal, name: str, digest: str, expires: datetime | None) -> Token:
        """A token known by its digest; the secret itself is not stored."""

    def token_by_digest(self, digest: str) -> Token | None:
        """The token of that digest, if it is not expired."""

    def tokens(self, principal: Principal) -> list[Token]:
        """All of a principal, expired ones too, oldest first."""

    def delete_token(self, token_id: int) -> bool:
        """Whether there was one."""
