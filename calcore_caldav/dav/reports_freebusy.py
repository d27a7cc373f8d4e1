# SPDX-License-Identifier: GPL-3.0-or-later
"""The free-busy-query report (RFC 4791 §7.10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from uuid import uuid4
from xml.etree.ElementTree import Element

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import BusyPeriod, stored_periods, to_vfreebusy
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.timerange import resolver
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.core.vavailability import overlaid, unavailable_periods
from calcore_caldav.dav.decode import decode_time_range
from calcore_caldav.dav.http import DavRequest, DavResponse
from calcore_caldav.dav.report_table import ReportHandler
from calcore_caldav.dav.resources import CollectionResource, Home, Resource, held
from calcore_caldav.dav.xml import C
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.store.protocol import Collection, CollectionKind

_NOT_EVENTS: Final = ("VFREEBUSY", "VAVAILABILITY")


def free_busy_query(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """RFC 4791 §7.10: the busy time of a calendar, or of a home's calendars that count."""
    ranges = root.findall(C("time-range"))
    if len(ranges) != 1:
        raise InvalidRequest("exactly one time-range is needed")
    asked = decode_time_range(ranges[0], request.settings.limits, closed=True)
    assert asked.start is not None  # closed
    assert asked.end is not None
    window = Period(asked.start, asked.end)
    request.depth("0")
    if isinstance(resource, CollectionResource):
        collections = [resource.collection]
    elif isinstance(resource, Home):
        collections = [
            collection
            for collection in request.txn.collections.of(resource.owner, CollectionKind.CALENDAR)
            if not collection.transparent
            and Privilege.READ_FREE_BUSY in held(request, resource.owner, collection)
        ]
    else:
        raise InvalidRequest("a calendar is needed", "supported-report", caldav=False)
    answer = to_vfreebusy(_busy_time(request, collections, window), window, request.txn.now, str(uuid4()))
    return DavResponse(HTTPStatus.OK, answer.to_bytes(), "text/calendar; charset=utf-8")


def _busy_time(request: DavRequest, collections: Sequence[Collection], window: Period) -> list[BusyPeriod]:
    """Busy periods of calendars: of their events, of stored VFREEBUSYs, and of published availability."""
    busy = request.txn.instances.busy(collections, window)
    unavailable: list[BusyPeriod] = []
    for collection in collections:
        zone = request.txn.collections.zone(collection)
        for obj in _others(request, collection, window):
            zones = resolver(obj, zone)
            busy.extend(p for c in obj.calendar.named("VFREEBUSY") for p in stored_periods(c, zones))
        published = [
            obj.calendar for obj in _others(request, collection, window) if obj.kind == "VAVAILABILITY"
        ]
        unavailable += unavailable_periods(published, window, zone)
    return overlaid(unavailable, busy) if unavailable else busy


def _others(request: DavRequest, collection: Collection, window: Period) -> Iterator[CalendarObject]:
    kinds = [kind for kind in _NOT_EVENTS if kind in collection.components]
    if kinds:
        for stored in request.txn.instances.objects_in_range(collection, TimeRange(*window), kinds):
            if stored.component in kinds:
                yield request.txn.objects.parsed(stored)


HANDLERS: Final[Mapping[str, ReportHandler]] = {C("free-busy-query"): free_busy_query}
"""The report of this module by the root of its body."""
