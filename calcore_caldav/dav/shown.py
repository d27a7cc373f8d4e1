# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as the actor may see them: who only reads sees of private events the time (RFC 5545 §3.8.1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.resources import ObjectResource, held, held_on
from calcore_caldav.scheduling import access
from calcore_caldav.store.protocol import Collection, StoredObject

_FOLD: Final = re.compile(rb"\r?\n[ \t]")


def etag_of(request: DavRequest, resource: ObjectResource) -> str:
    """The entity tag of what the actor gets."""
    return access.tag_of(resource.stored, resource.collection, held_on(request, resource))


def parsed_of(
    request: DavRequest, owner: Principal, collection: Collection, stored: StoredObject
) -> CalendarObject:
    """What the actor may know of a calendar object."""
    return access.shown(request.txn.objects.parsed(stored), collection, held(request, owner, collection))


def body_of(request: DavRequest, resource: ObjectResource) -> bytes:
    """The bytes that the actor gets."""
    body = request.txn.objects.body(resource.stored)
    return _shown(request, resource.collection, held_on(request, resource), resource.stored, body)


def bodies_of(
    request: DavRequest, owner: Principal, collection: Collection, found: Iterable[StoredObject]
) -> Mapping[int, bytes]:
    """The bytes that the actor gets of some objects of a collection, by their ids."""
    found = list(found)
    bodies = request.txn.objects.bodies(found)
    privileges = held(request, owner, collection)
    if not access.veils(collection, privileges):
        return bodies
    return {s.id: _shown(request, collection, privileges, s, bodies[s.id]) for s in found}


def size_of(request: DavRequest, resource: ObjectResource) -> int:
    """The number of bytes that the actor gets."""
    if not access.veils(resource.collection, held_on(request, resource)):
        return resource.stored.size
    return len(body_of(request, resource))


def _shown(
    request: DavRequest,
    collection: Collection,
    privileges: frozenset[Privilege],
    stored: StoredObject,
    body: bytes,
) -> bytes:
    if not access.veils(collection, privileges) or b"CLASS" not in _FOLD.sub(b"", body).upper():
        return body
    whole = request.txn.objects.parsed(stored)
    seen = access.shown(whole, collection, privileges)
    return body if seen is whole else seen.body
