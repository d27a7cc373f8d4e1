# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: one function for every door (RFC 3744, RFC 4791 §6.1, RFC 6638 §6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal, Privilege, with_contained
from calcore_caldav.core.privacy import veiled
from calcore_caldav.errors import NotFound, NotPermitted
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import (
    NOBODY,
    Actor,
    Collection,
    CollectionKind,
    Grant,
    StoredObject,
    Transaction,
)

AUTHENTICATED: Final = "DAV:authenticated"
ALL: Final = "DAV:all"

_EVERYTHING: Final = frozenset(Privilege)
# What everybody who is logged in may do with somebody else's home: find it, and invite its owner.
_VISITOR: Final = frozenset({Privilege.SCHEDULE_DELIVER_INVITE, Privilege.SCHEDULE_DELIVER_REPLY})
_FREE_BUSY: Final = frozenset({Privilege.READ_FREE_BUSY, Privilege.SCHEDULE_QUERY_FREEBUSY})


def actor_of(txn: Transaction, name: str) -> Actor:
    """The actor that logged in as `name`, with its groups; NOBODY where there is no such principal."""
    principal = txn.directory.by_name(name) if name else None
    if principal is None:
        return NOBODY
    return Actor(principal, frozenset(g.name for g in txn.directory.groups_of(principal)))


def privileges(
    txn: Transaction,
    actor: Actor,
    owner: Principal,
    collection: Collection | None = None,
    *,
    settings: SchedulingSettings,
) -> frozenset[Privilege]:
    """The actor's privileges on a home (`collection` None) or on one of its collections, aggregates resolved.

    The owner, administrators and the program itself may do everything; others what the grants give, and to
    whoever is logged in the free/busy time where the settings say so.
    """
    if actor.admin or (actor.principal is not None and actor.principal.id == owner.id):
        return _EVERYTHING
    given = {
        g.privilege
        for g in txn.directory.grants(owner)
        if _holds(actor, g) and (g.collection_id is None or (collection and g.collection_id == collection.id))
    }
    if actor.principal is not None:
        given |= _VISITOR
        if settings.everybody_reads_free_busy:
            given |= _FREE_BUSY
    return with_contained(frozenset(given))


def _holds(actor: Actor, grant: Grant) -> bool:
    if grant.grantee == ALL:
        return True
    if actor.principal is None:
        return False
    return grant.grantee in {AUTHENTICATED, actor.principal.name} or grant.grantee in actor.groups


def visible(held: Iterable[Privilege]) -> bool:
    """Whether the resource may be known to exist: some privilege beyond inviting and free/busy is held."""
    return bool(frozenset(held) & {Privilege.READ, Privilege.WRITE, *_WRITES})


def may_know(txn: Transaction, actor: Actor, principal: Principal, *, settings: SchedulingSettings) -> bool:
    """Whether the actor may know that a principal exists: hidden ones are known to who can see any of theirs."""
    if not principal.hidden or visible(privileges(txn, actor, principal, settings=settings)):
        return True
    granted = {g.privilege for g in txn.directory.grants(principal) if _holds(actor, g)}
    return visible(with_contained(frozenset(granted)))


def of_calendar(settings: SchedulingSettings, owner: Principal, name: str) -> SchedulingSettings:
    """The settings where a calendar is asked for by its name.

    That everybody sees when others are busy doesn't tell which calendars they have: it is asked of people, and of
    their default calendars.
    """
    return settings if name == owner.default_calendar else replace(settings, everybody_reads_free_busy=False)


_WRITES: Final = frozenset(
    {Privilege.WRITE_CONTENT, Privilege.WRITE_PROPERTIES, Privilege.BIND, Privilege.UNBIND}
)


def veils(collection: Collection, held: frozenset[Privilege]) -> bool:
    """Whether somebody with these privileges sees of private events the time only (RFC 5545 §3.8.1.3).

    Whoever may change an event has to know what is in it.
    """
    return collection.kind in _VEILING and Privilege.WRITE_CONTENT not in held


def shown(obj: CalendarObject, collection: Collection, held: frozenset[Privilege]) -> CalendarObject:
    """An object of a collection as somebody with these privileges sees it; the same one where that is all."""
    return veiled(obj) if veils(collection, held) else obj


def tag_of(stored: StoredObject, collection: Collection, held: frozenset[Privilege]) -> str:
    """The entity tag for somebody with these privileges.

    The stored one is a hash of all that is in the object: who may not see it all could try out guesses.
    """
    return f'"{stored.id}-{stored.revision}"' if veils(collection, held) else stored.etag


_VEILING: Final = frozenset({CollectionKind.CALENDAR, CollectionKind.INBOX})


def require(held: frozenset[Privilege], privilege: Privilege, path: str) -> None:
    """Raise NotPermitted where a privilege is missing, NotFound where even the existence is not to be told."""
    if privilege in held:
        return
    if not visible(held) and Privilege.READ_FREE_BUSY not in held:
        raise NotFound(path)
    raise NotPermitted(privilege.value, path)


def grants_of_directory(owner: Principal, managers: Iterable[str], readers: Iterable[str]) -> list[Grant]:
    """The grants that a directory's `managers` and `readers` mean, on the whole home."""
    return [
        *(Grant(owner.id, None, name, Privilege.ALL) for name in managers),
        *(Grant(owner.id, None, name, Privilege.READ) for name in readers),
    ]


BOXES: Final = frozenset({CollectionKind.INBOX, CollectionKind.OUTBOX})
