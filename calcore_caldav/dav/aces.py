# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACL method: who may do what with a collection (RFC 3744 §8.1).

What is granted on a collection counts for all that is in it. Homes are opened to others by the administrator.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from xml.etree.ElementTree import Element

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav.acl import applicable, privilege_name
from calcore_caldav.dav.http import DavRequest, DavResponse, refused
from calcore_caldav.dav.resources import CollectionResource, Home, held_on, locate
from calcore_caldav.dav.xml import D, text_of
from calcore_caldav.errors import InvalidRequest, NotFound, NotPermitted
from calcore_caldav.scheduling.access import ALL, AUTHENTICATED, require
from calcore_caldav.store.protocol import Grant

_REFUSED: Final = {
    D("invert"): "no-invert",
    D("deny"): "grant-only",
    D("protected"): "no-ace-conflict",
    D("inherited"): "no-ace-conflict",
}
"""What an entry can't have here, and the precondition that says so (RFC 3744 §8.1.1)."""
_EVERYBODY: Final = {D("all"): ALL, D("authenticated"): AUTHENTICATED}
_PRIVILEGES: Final = {privilege_name(privilege): privilege for privilege in Privilege}


def acl(request: DavRequest) -> DavResponse:
    """ACL: the entries of a collection that are neither protected nor inherited become those of the body."""
    resource = locate(request, request.path)
    if not isinstance(resource, CollectionResource):
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="Collections have access control lists.")
    require(held_on(request, resource), Privilege.WRITE_ACL, resource.path)
    root = request.xml
    if root is None or root.tag != D("acl"):
        raise InvalidRequest("the body is not a DAV:acl")
    grants = [grant for ace in root.findall(D("ace")) for grant in _grants(request, resource, ace)]
    owner, collection = resource.owner, resource.collection
    request.txn.directory.set_grants(owner, collection.id, grants)
    request.txn.collections.touch(collection.id)
    return DavResponse(HTTPStatus.OK)


def _grants(request: DavRequest, resource: CollectionResource, ace: Element) -> Iterator[Grant]:
    for child in ace:
        if child.tag in _REFUSED:
            raise InvalidRequest(f"{child.tag} in an entry", _REFUSED[child.tag], caldav=False)
    principal, granted = ace.find(D("principal")), ace.find(D("grant"))
    if principal is None or granted is None:
        raise InvalidRequest("an entry has a principal and what is granted")
    grantee = _grantee(request, principal)
    supported = applicable(resource.kind, Privilege)
    for element in (e for listed in granted.findall(D("privilege")) for e in listed):
        privilege = _PRIVILEGES.get(element.tag)
        if privilege not in supported:
            raise InvalidRequest(
                f"{element.tag} is no privilege of this", "not-supported-privilege", caldav=False
            )
        if grantee != resource.owner.name:
            # The owner has everything, by an entry that is protected.
            yield Grant(resource.owner.id, resource.collection.id, grantee, privilege)


def _grantee(request: DavRequest, principal: Element) -> str:
    """The name of a principal, or of everybody."""
    if len(principal) != 1:
        raise InvalidRequest("an entry has one principal")
    named = principal[0]
    if named.tag in _EVERYBODY:
        return _EVERYBODY[named.tag]
    if named.tag != D("href"):
        raise InvalidRequest(f"{named.tag} can be granted nothing", "allowed-principal", caldav=False)
    path = request.path_of(text_of(named))
    try:
        found = None if path is None else locate(request, path)
    except (NotFound, NotPermitted, InvalidRequest):
        found = None
    if not isinstance(found, Home):
        raise InvalidRequest("there is no such principal", "recognized-principal", caldav=False)
    return found.owner.name
