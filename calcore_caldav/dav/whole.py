# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole collection as one stream, as subscribing clients read it."""

from __future__ import annotations

import re
from typing import Final

from calcore_caldav.core.content import escape_text
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.resources import CollectionResource, ObjectResource
from calcore_caldav.dav.shown import bodies_of
from calcore_caldav.store.protocol import Collection

_PRODID: Final = b"-//calcore_caldav//NONSGML calcore_caldav//EN"
_ZONE: Final = re.compile(
    rb"^BEGIN:VTIMEZONE\r?\n.*?^END:VTIMEZONE\r?\n", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_TZID: Final = re.compile(rb"^TZID[^:\r\n]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.MULTILINE | re.IGNORECASE)
_INSIDE: Final = re.compile(
    rb"^BEGIN:(?!VCALENDAR).*(?=^END:VCALENDAR)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_BATCH: Final = 500


def calendar_stream(request: DavRequest, calendar: CollectionResource) -> bytes:
    """All components of a calendar in one VCALENDAR, each time zone once (RFC 5545 §3.4).

    The lines of the objects go out as they are stored, where the actor may see them.
    """
    collection = calendar.collection
    objects = [
        ObjectResource(calendar.owner, collection, stored) for stored in request.txn.objects.all(collection)
    ]
    zones: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    for first in range(0, len(objects), _BATCH):
        for body in bodies_of(request, objects[first : first + _BATCH]).values():
            inside = _INSIDE.search(body)
            if inside is None:
                continue
            data = inside.group()
            for zone in _ZONE.findall(data):
                tzid = _TZID.search(zone)
                zones.setdefault(tzid.group(1) if tzid else zone, zone)
            parts.append(_ZONE.sub(b"", data))
    head = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:" + _PRODID + b"\r\n"
    if collection.display_name:
        head += f"X-WR-CALNAME:{escape_text(collection.display_name)}\r\n".encode()
    return b"".join([head, *zones.values(), *parts, b"END:VCALENDAR\r\n"])


def address_book(request: DavRequest, collection: Collection) -> bytes:
    """All vCards, one after the other."""
    stored = list(request.txn.objects.all(collection))
    bodies = request.txn.objects.bodies(stored)
    return b"".join(bodies[item.id].rstrip(b"\r\n") + b"\r\n" for item in stored)
