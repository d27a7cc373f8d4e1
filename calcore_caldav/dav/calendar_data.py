# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report returns of each object, CALDAV:calendar-data among it (RFC 4791 §9.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from xml.etree.ElementTree import Element

from calcore_caldav.core import stream
from calcore_caldav.core.render import CalendarData, rendered
from calcore_caldav.dav import properties, shown, xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.resources import ObjectResource
from calcore_caldav.dav.xml import C
from calcore_caldav.errors import TooManyInstances, TooManyResults


def responses(
    request: DavRequest,
    root: Element,
    found: Sequence[ObjectResource],
    wanted: CalendarData | None,
    zone: tzinfo | None,
) -> Iterator[str]:
    """A DAV:response for each resource, calendar-data among its properties where it was asked for."""
    values: dict[str, properties.Getter] = {}
    if wanted is not None:
        values[C("calendar-data")] = (
            _stored_data(request, found) if wanted.whole else _made_data(request, wanted, zone)
        )
    answer = properties.Answer(request, PROPERTIES, properties.wanted(root), values)
    try:
        yield from map(answer.response, found)
    except TooManyInstances as error:
        raise TooManyResults(error.limit) from None


def _stored_data(request: DavRequest, found: Sequence[ObjectResource]) -> properties.Getter:
    """Bodies as they are stored, read together; without carriage returns (RFC 4791 §9.6)."""
    bodies = shown.bodies_of(request, found)

    def get(_request: DavRequest, resource: ObjectResource) -> str | None:
        body = bodies.pop(resource.stored.id, None)
        if body is None:
            body = shown.body_of(request, resource)
        return xml.escape(stream.decode(body)[0].replace("\r\n", "\n"))

    return get


def _made_data(request: DavRequest, wanted: CalendarData, zone: tzinfo | None) -> properties.Getter:
    zones: dict[int, tzinfo] = {}
    limit = request.settings.limits.max_instances

    def get(_request: DavRequest, resource: ObjectResource) -> str | None:
        own = zone or zones.get(resource.collection.id)
        if own is None:
            own = zones[resource.collection.id] = request.txn.collections.zone(resource.collection)
        obj = shown.parsed_of(request, resource)
        body = rendered(obj, wanted, own, limit=limit)
        return xml.escape(body.decode().replace("\r\n", "\n"))

    return get
