# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as the actor may see them: who only reads sees of private events the time (RFC 5545 §3.8.1.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.resources import ObjectResource, held_on
from calcore_caldav.scheduling import access

_FOLD: Final = re.compile(rb"\r?\n[ \t]")


def etag_of(request: DavRequest, resource: ObjectResource) -> str:
    """The entity tag of what the actor gets."""
    return access.tag_of(resource.stored, resource.collection, held_on(request, resource))


def parsed_of(request: DavRequest, resource: ObjectResource) -> CalendarObject:
    """What the actor may know of a calendar object."""
    whole = request.txn.objects.parsed(resource.stored)
    return access.shown(whole, resource.collection, held_on(request, resource))


def body_of(request: DavRequest, resource: ObjectResource) -> bytes:
    """The bytes that the actor gets."""
    return _shown(request, resource, request.txn.objects.body(resource.stored))


def bodies_of(request: DavRequest, resources: Sequence[ObjectResource]) -> dict[int, bytes]:
    """The bytes that the actor gets of several objects, by their ids: read together."""
    bodies = request.txn.objects.bodies([resource.stored for resource in resources])
    return {each.stored.id: _shown(request, each, bodies[each.stored.id]) for each in resources}


def size_of(request: DavRequest, resource: ObjectResource) -> int:
    """The number of bytes that the actor gets."""
    if not access.veils(resource.collection, held_on(request, resource)):
        return resource.stored.size
    return len(body_of(request, resource))


def _shown(request: DavRequest, resource: ObjectResource, body: bytes) -> bytes:
    privileges = held_on(request, resource)
    if not access.veils(resource.collection, privileges) or b"CLASS" not in _FOLD.sub(b"", body).upper():
        return body
    whole = request.txn.objects.parsed(resource.stored)
    seen = access.shown(whole, resource.collection, privileges)
    return body if seen is whole else seen.body
