# SPDX-License-Identifier: GPL-3.0-or-later
"""Privileges and access control lists as clients read them (RFC 3744)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.dav import xml
from calcore_caldav.dav.http import CALDAV_PRIVILEGES, DavRequest
from calcore_caldav.dav.resources import CollectionResource, Home, Kind, ObjectResource, Resource, held_on
from calcore_caldav.dav.xml import C, D
from calcore_caldav.errors import NotPermitted
from calcore_caldav.scheduling.access import ALL, AUTHENTICATED
from calcore_caldav.store.protocol import Grant

P = Privilege
_DELIVER: Final = frozenset(
    {P.SCHEDULE_DELIVER, P.SCHEDULE_DELIVER_INVITE, P.SCHEDULE_DELIVER_REPLY, P.SCHEDULE_QUERY_FREEBUSY}
)
_SEND: Final = frozenset(
    {P.SCHEDULE_SEND, P.SCHEDULE_SEND_INVITE, P.SCHEDULE_SEND_REPLY, P.SCHEDULE_SEND_FREEBUSY}
)
_TREE: Final = (
    (P.READ, "Read", (P.READ_FREE_BUSY, P.READ_PRIVILEGES)),
    (P.READ_ACL, "Read the access control list", ()),
    (P.WRITE, "Write", (P.WRITE_PROPERTIES, P.WRITE_CONTENT, P.BIND, P.UNBIND)),
    (P.WRITE_ACL, "Change the access control list", ()),
    (P.UNLOCK, "Unlock", ()),
)
_DELIVER_TREE: Final = (
    P.SCHEDULE_DELIVER,
    "Deliver scheduling messages",
    (P.SCHEDULE_DELIVER_INVITE, P.SCHEDULE_DELIVER_REPLY, P.SCHEDULE_QUERY_FREEBUSY),
)
_SEND_TREE: Final = (
    P.SCHEDULE_SEND,
    "Send scheduling messages",
    (P.SCHEDULE_SEND_INVITE, P.SCHEDULE_SEND_REPLY, P.SCHEDULE_SEND_FREEBUSY),
)
_TEXTS: Final = {
    P.READ_FREE_BUSY: "Read free/busy time",
    P.READ_PRIVILEGES: "Read one's own privileges",
    P.WRITE_PROPERTIES: "Write properties",
    P.WRITE_CONTENT: "Write content",
    P.BIND: "Add members",
    P.UNBIND: "Remove members",
    P.SCHEDULE_DELIVER_INVITE: "Deliver invitations",
    P.SCHEDULE_DELIVER_REPLY: "Deliver answers",
    P.SCHEDULE_QUERY_FREEBUSY: "Query free/busy time",
    P.SCHEDULE_SEND_INVITE: "Send invitations",
    P.SCHEDULE_SEND_REPLY: "Send answers",
    P.SCHEDULE_SEND_FREEBUSY: "Query others' free/busy time",
}


def privilege_name(privilege: Privilege) -> str:
    """The Clark name of a privilege's element."""
    return (C if privilege.value in CALDAV_PRIVILEGES else D)(privilege.value)


def _privilege(privilege: Privilege) -> str:
    return xml.wrap(D("privilege"), xml.empty(privilege_name(privilege)))


@lru_cache(maxsize=256)
def _privilege_set(privileges: frozenset[Privilege]) -> str:
    return "".join(_privilege(p) for p in Privilege if p in privileges)


def applicable(kind: Kind, privileges: Iterable[Privilege]) -> frozenset[Privilege]:
    """Those that a kind of resource has: delivery happens to the inbox, sending from the outbox (RFC 6638 §6)."""
    elsewhere = (_DELIVER if kind is not Kind.INBOX else frozenset()) | (
        _SEND if kind is not Kind.OUTBOX else frozenset()
    )
    return frozenset(privileges) - elsewhere


def current_user_privilege_set(request: DavRequest, resource: Resource) -> str:
    """DAV:current-user-privilege-set (RFC 3744 §5.5)."""
    held = held_on(request, resource)
    if Privilege.READ_PRIVILEGES not in held:
        raise NotPermitted(Privilege.READ_PRIVILEGES.value, resource.path)
    return _privilege_set(applicable(resource.kind, held))


def supported_privilege_set(_request: DavRequest, resource: Resource) -> str:
    """DAV:supported-privilege-set (RFC 3744 §5.3)."""
    return _supported(resource.kind)


@lru_cache(maxsize=32)
def _supported(kind: Kind) -> str:
    tree = (
        *_TREE,
        *((_DELIVER_TREE,) if kind is Kind.INBOX else ()),
        *((_SEND_TREE,) if kind is Kind.OUTBOX else ()),
    )
    inner = "".join(
        _supported_privilege(p, text, "".join(_supported_privilege(q, _TEXTS[q], "") for q in contained))
        for p, text, contained in tree
    )
    return _supported_privilege(Privilege.ALL, "Everything", inner)


def _supported_privilege(privilege: Privilege, description: str, contained: str) -> str:
    return xml.wrap(
        D("supported-privilege"),
        f'{_privilege(privilege)}<D:description xml:lang="en">{xml.escape(description)}</D:description>{contained}',
    )


def acl(request: DavRequest, resource: Resource) -> str | None:
    """DAV:acl (RFC 3744 §5.5): the owner's entry, and those that grants make.

    A collection's own can be set; all others are protected.
    """
    if Privilege.READ_ACL not in held_on(request, resource):
        raise NotPermitted(Privilege.READ_ACL.value, resource.path)
    if not isinstance(resource, Home | CollectionResource | ObjectResource):
        return None
    owner, kind = resource.owner, resource.kind
    own = None if isinstance(resource, Home) else resource.collection
    entries = [_entry(request.href(owner.path), {Privilege.ALL})]
    grants: dict[tuple[str, str], set[Privilege]] = {}
    for grant in request.txn.directory.grants(owner):
        if grant.collection_id in {None, own and own.id}:
            source = owner.path if own is None or grant.collection_id is None else own.path
            grants.setdefault((grant.grantee, source), set()).add(grant.privilege)
    for (grantee, source), privileges in sorted(grants.items()):
        whom, what = _grantee(request, grantee), applicable(kind, privileges)
        if source != resource.path:
            entries.append(_entry(whom, what, request.href(source)))
        else:
            entries.append(_entry(whom, what, protected=isinstance(resource, Home)))
    if request.settings.everybody_reads_free_busy:
        entries.append(_entry(_grantee(request, AUTHENTICATED), {Privilege.READ_FREE_BUSY}))
    return "".join(entries)


def _grantee(request: DavRequest, grantee: str) -> str:
    if grantee in {ALL, AUTHENTICATED}:
        return xml.empty(D(grantee.removeprefix("DAV:")))
    return request.href(f"/{grantee}/")


def _entry(who: str, privileges: Iterable[Privilege], inherited: str = "", *, protected: bool = True) -> str:
    granted = _privilege_set(frozenset(privileges))
    if not granted:
        return ""
    return xml.wrap(
        D("ace"),
        xml.wrap(D("principal"), who)
        + xml.wrap(D("grant"), granted)
        + (xml.empty(D("protected")) if protected else "")
        + (xml.wrap(D("inherited"), inherited) if inherited else ""),
    )


def acl_restrictions(_request: DavRequest, _resource: Resource) -> str:
    """DAV:acl-restrictions (RFC 3744 §5.6): privileges are granted, never denied."""
    return xml.empty(D("grant-only")) + xml.empty(D("no-invert"))


def grantees(request: DavRequest, resource: Resource) -> list[Principal]:
    """The principals that the resource's ACL names, the owner first (RFC 3744 §9.2)."""
    if not isinstance(resource, Home | CollectionResource | ObjectResource):
        return []
    own = None if isinstance(resource, Home) else resource.collection.id
    names: dict[str, Grant | None] = {resource.owner.name: None}
    for grant in request.txn.directory.grants(resource.owner):
        if grant.collection_id in {None, own}:
            names.setdefault(grant.grantee, grant)
    found = (request.txn.directory.by_name(name) for name in names)
    return [principal for principal in found if principal is not None]
