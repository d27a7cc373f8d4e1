# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on the objects of calendars: query and multiget (RFC 4791 §7.8, §7.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element

from calcore_caldav.core.matching import matches
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.query import CalendarQuery, Needles, index_hint
from calcore_caldav.dav import shown, xml
from calcore_caldav.dav.calendar_data import responses
from calcore_caldav.dav.decode import decode_calendar_data, decode_query, decode_timezone
from calcore_caldav.dav.http import DavRequest, DavResponse, multistatus
from calcore_caldav.dav.report_table import ReportHandler
from calcore_caldav.dav.resources import (
    CollectionResource,
    Home,
    ObjectResource,
    Resource,
    held,
    owner_at,
    segments_of,
)
from calcore_caldav.dav.xml import C, D
from calcore_caldav.errors import InvalidRequest, NotFound, TooManyResults
from calcore_caldav.scheduling.access import visible
from calcore_caldav.store.protocol import CollectionKind, StoredObject

_BATCH: Final = 500
_FORBIDDEN: Final = "403 Forbidden"


# ---- calendar-query


def calendar_query(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """RFC 4791 §7.8: the resources that match a filter, each with the properties asked for."""
    limits = request.settings.limits
    query, zone = decode_query(root, limits), decode_timezone(root)
    wanted = decode_calendar_data(root, limits)
    found: list[ObjectResource] = []
    if isinstance(resource, ObjectResource):
        own = request.txn.collections.zone(resource.collection) if zone is None else zone
        if _matches(request, resource, query, own):
            found = [resource]
    else:
        for calendar in _calendars(request, resource):
            found.extend(_matching(request, calendar, query, zone))
            if len(found) > limits.max_results:
                raise TooManyResults(limits.max_results)
    return multistatus(request, xml.multistatus(responses(request, root, found, wanted, zone)))


def _calendars(request: DavRequest, resource: Resource) -> list[CollectionResource]:
    """The calendars whose members the Depth header reaches (RFC 4791 §7.8).

    Depth 1 of a home reaches what is in its calendars, and no header is Depth 1, where the RFC would have
    reports find nothing: Apple's server and clients mean it so.
    """
    depth = request.depth("1")
    if isinstance(resource, CollectionResource):
        return [resource] if depth != "0" else []
    if isinstance(resource, Home) and depth != "0":
        return [
            CollectionResource(resource.owner, collection)
            for collection in request.txn.collections.of(resource.owner, CollectionKind.CALENDAR)
            if Privilege.READ in held(request, resource.owner, collection)
        ]
    return []


def _matching(
    request: DavRequest, calendar: CollectionResource, query: CalendarQuery, zone: tzinfo | None
) -> Iterator[ObjectResource]:
    """The resources of a calendar that match, in no order; floating times are of `zone`, or the calendar's.

    What the instance index and the columns decide is decided there: only then are objects read. What the actor
    may not see doesn't match.
    """
    collection = calendar.collection
    hint = index_hint(query)
    kinds = () if hint.kind is None else (hint.kind,)
    exact = hint.exact
    rows: Iterable[StoredObject]
    if hint.window is not None and collection.kind is CollectionKind.CALENDAR:
        rows = request.txn.instances.objects_in_range(collection, hint.window, kinds, zone=zone)
    else:
        rows = request.txn.objects.all(collection)
        exact = exact and hint.window is None
    candidates = (
        ObjectResource(calendar.owner, collection, stored)
        for stored in rows
        if (not kinds or stored.component in kinds) and (hint.uid is None or hint.uid.matches(stored.uid))
    )
    if exact:
        yield from candidates
        return
    own = request.txn.collections.zone(collection) if zone is None else zone
    for candidate in _hopeful(request, candidates, Needles(query)):
        if _matches(request, candidate, query, own):
            yield candidate


def _hopeful(
    request: DavRequest, candidates: Iterator[ObjectResource], needles: Needles
) -> Iterator[ObjectResource]:
    """The candidates whose bytes hold what a match must hold, read many at a time."""
    while batch := list(islice(candidates, _BATCH)):
        bodies = request.txn.objects.bodies([each.stored for each in batch]) if len(batch) > 1 else {}
        yield from (
            each for each in batch if each.stored.id not in bodies or needles.found_in(bodies[each.stored.id])
        )


def _matches(request: DavRequest, resource: ObjectResource, query: CalendarQuery, zone: tzinfo) -> bool:
    return matches(shown.parsed_of(request, resource), query, zone)


# ---- calendar-multiget


def calendar_multiget(request: DavRequest, _resource: Resource, root: Element) -> DavResponse:
    """RFC 4791 §7.9: the resources of some hrefs, in their order; what is missing is 404 by itself."""
    limits = request.settings.limits
    hrefs = list(dict.fromkeys(xml.hrefs_of(root)))
    if not hrefs:
        raise InvalidRequest("an href is needed")
    if len(hrefs) > limits.max_results:
        raise TooManyResults(limits.max_results)
    wanted, zone = decode_calendar_data(root, limits), decode_timezone(root)
    located = _locate_all(request, hrefs)
    found = [item for href in hrefs if isinstance(item := located[href], ObjectResource)]
    answers = iter(responses(request, root, found, wanted, zone))
    return multistatus(
        request,
        xml.multistatus(
            next(answers) if isinstance(item := located[href], ObjectResource) else _status_of(href, item)
            for href in hrefs
        ),
    )


def _status_of(href: str, status: str) -> str:
    return f"<D:response>{xml.text(D('href'), href)}<D:status>HTTP/1.1 {status}</D:status></D:response>"


def _locate_all(request: DavRequest, hrefs: Sequence[str]) -> dict[str, ObjectResource | str]:
    """The resource of each href, or the status that its answer has; one look-up per collection."""
    located: dict[str, ObjectResource | str] = dict.fromkeys(hrefs, "404 Not Found")
    by_collection: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for href in hrefs:
        path = request.path_of(href)
        try:
            segments = segments_of(path) if path is not None and not path.endswith("/") else []
        except InvalidRequest:
            continue
        if len(segments) == 3:
            by_collection.setdefault((segments[0], segments[1]), []).append((href, segments[2]))
    for (owner_name, name), members in by_collection.items():
        try:
            owner = owner_at(request, owner_name)
        except NotFound:
            continue
        collection = request.txn.collections.get(owner_name, name)
        if collection is None:
            continue
        privileges = held(request, owner, collection)
        if Privilege.READ not in privileges:
            if visible(privileges):
                located.update((href, _FORBIDDEN) for href, _ in members)
            continue
        stored = request.txn.objects.named(collection, [member for _, member in members])
        for href, member in members:
            if member in stored:
                located[href] = ObjectResource(owner, collection, stored[member])
    return located


HANDLERS: Final[Mapping[str, ReportHandler]] = {
    C("calendar-query"): calendar_query,
    C("calendar-multiget"): calendar_multiget,
}
"""The reports of this module by the root of their body."""
