# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar reports: query, multiget, free/busy and sync (RFC 4791 §7.8 to §7.10, RFC 6578 §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from http import HTTPStatus
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

from calcore_caldav.core import content
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import BusyPeriod, stored_periods, to_vfreebusy
from calcore_caldav.core.matching import matches
from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.core.query import CalendarQuery, Needles, index_hint
from calcore_caldav.core.render import CalendarData, rendered
from calcore_caldav.core.timerange import resolver
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.core.vavailability import overlaid, unavailable_periods
from calcore_caldav.dav import properties, shown, xml
from calcore_caldav.dav.decode import (
    decode_calendar_data,
    decode_query,
    decode_sync,
    decode_time_range,
    decode_timezone,
)
from calcore_caldav.dav.http import DavRequest, DavResponse, multistatus
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.resources import (
    CollectionResource,
    Home,
    ObjectResource,
    Resource,
    held,
    owner_at,
    segments_of,
    sync_token,
)
from calcore_caldav.dav.xml import C, D
from calcore_caldav.errors import (
    InvalidRequest,
    InvalidSyncToken,
    NotFound,
    TooManyInstances,
    TooManyResults,
)
from calcore_caldav.scheduling.access import visible
from calcore_caldav.store.protocol import Change, Collection, CollectionKind, StoredObject, SyncToken

ReportHandler = Callable[[DavRequest, Any, Element], DavResponse]
_NOT_EVENTS: Final = ("VFREEBUSY", "VAVAILABILITY")
_BATCH: Final = 500
_FORBIDDEN: Final = "403 Forbidden"
_TOO_MANY: Final = (
    "<D:status>HTTP/1.1 507 Insufficient Storage</D:status>"
    "<D:error><D:number-of-matches-within-limits/></D:error>"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A calendar that a report looks into, with its owner."""

    owner: Principal
    collection: Collection


# ---- calendar-query


def calendar_query(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """RFC 4791 §7.8: the resources that match a filter, each with the properties asked for."""
    limits = request.settings.limits
    query, zone = decode_query(root, limits), decode_timezone(root)
    wanted = decode_calendar_data(root, limits)
    found: list[ObjectResource] = []
    if isinstance(resource, ObjectResource):
        own = request.txn.collections.zone(resource.collection) if zone is None else zone
        place = Place(resource.owner, resource.collection)
        if _matches(request, place, resource.stored, query, own):
            found = [resource]
    else:
        for place in _places(request, resource):
            for stored in matching(request, place, query, zone):
                found.append(ObjectResource(place.owner, place.collection, stored))
            if len(found) > limits.max_results:
                raise TooManyResults(limits.max_results)
    return multistatus(request, xml.multistatus(_responses(request, root, found, wanted, zone)))


def _places(request: DavRequest, resource: Resource) -> list[Place]:
    """The calendars whose members the Depth header reaches (RFC 4791 §7.8).

    Depth 1 of a home reaches what is in its calendars, and no header is Depth 1, where the RFC would have
    reports find nothing: Apple's server and clients mean it so.
    """
    depth = request.depth("1")
    if isinstance(resource, CollectionResource):
        return [Place(resource.owner, resource.collection)] if depth != "0" else []
    if isinstance(resource, Home) and depth != "0":
        return [
            Place(resource.owner, collection)
            for collection in request.txn.collections.of(resource.owner, CollectionKind.CALENDAR)
            if Privilege.READ in held(request, resource.owner, collection)
        ]
    return []


def matching(
    request: DavRequest, place: Place, query: CalendarQuery, zone: tzinfo | None = None
) -> Iterator[StoredObject]:
    """The resources of a calendar that match, in no order; floating times are of `zone`, or the calendar's.

    What the instance index and the columns decide is decided there: only then are objects read. What the actor
    may not see doesn't match.
    """
    collection = place.collection
    hint = index_hint(query)
    kinds = () if hint.kind is None else (hint.kind,)
    exact = hint.exact
    candidates: Iterable[StoredObject]
    if hint.window is not None and collection.kind is CollectionKind.CALENDAR:
        candidates = request.txn.instances.objects_in_range(collection, hint.window, kinds, zone=zone)
    else:
        candidates = request.txn.objects.all(collection)
        exact = exact and hint.window is None
    candidates = (
        stored
        for stored in candidates
        if (not kinds or stored.component in kinds) and (hint.uid is None or hint.uid.matches(stored.uid))
    )
    if exact:
        yield from candidates
        return
    own = request.txn.collections.zone(collection) if zone is None else zone
    for stored in _hopeful(request, candidates, Needles(query)):
        if _matches(request, place, stored, query, own):
            yield stored


def _hopeful(
    request: DavRequest, candidates: Iterable[StoredObject], needles: Needles
) -> Iterator[StoredObject]:
    """The candidates whose bytes hold what a match must hold, read many at a time."""
    rest = iter(candidates)
    while batch := list(islice(rest, _BATCH)):
        bodies = request.txn.objects.bodies(batch) if len(batch) > 1 else {}
        yield from (s for s in batch if s.id not in bodies or needles.found_in(bodies[s.id]))


def _matches(
    request: DavRequest, place: Place, stored: StoredObject, query: CalendarQuery, zone: tzinfo
) -> bool:
    return matches(shown.parsed_of(request, place.owner, place.collection, stored), query, zone)


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
    responses = iter(_responses(request, root, found, wanted, zone))
    return multistatus(
        request,
        xml.multistatus(
            next(responses) if isinstance(item := located[href], ObjectResource) else _status_of(href, item)
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


# ---- what is returned of each resource


def _responses(
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
    places: dict[int, list[ObjectResource]] = {}
    for resource in found:
        places.setdefault(resource.collection.id, []).append(resource)
    bodies: dict[int, bytes] = {}
    for first, *others in places.values():
        stored = [resource.stored for resource in (first, *others)]
        bodies.update(shown.bodies_of(request, first.owner, first.collection, stored))

    def get(_request: DavRequest, resource: ObjectResource) -> str | None:
        body = bodies.pop(resource.stored.id, None)
        if body is None:
            body = shown.body_of(request, resource)
        return xml.escape(content.decode(body)[0].replace("\r\n", "\n"))

    return get


def _made_data(request: DavRequest, wanted: CalendarData, zone: tzinfo | None) -> properties.Getter:
    zones: dict[int, tzinfo] = {}
    limit = request.settings.limits.max_instances

    def get(_request: DavRequest, resource: ObjectResource) -> str | None:
        own = zone or zones.get(resource.collection.id)
        if own is None:
            own = zones[resource.collection.id] = request.txn.collections.zone(resource.collection)
        obj = shown.parsed_of(request, resource.owner, resource.collection, resource.stored)
        body = rendered(obj, wanted, own, limit=limit)
        return xml.escape(body.decode().replace("\r\n", "\n"))

    return get


# ---- free-busy-query


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
    answer = to_vfreebusy(busy_time(request, collections, window), window, request.txn.now)
    return DavResponse(HTTPStatus.OK, answer.to_bytes(), "text/calendar; charset=utf-8")


def busy_time(request: DavRequest, collections: Sequence[Collection], window: Period) -> list[BusyPeriod]:
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


# ---- sync-collection


def sync_collection(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """RFC 6578 §3.2: what changed since a token; with a limit in parts, each with a token to go on from."""
    if not isinstance(resource, CollectionResource):
        raise InvalidRequest("a collection is needed", "supported-report", caldav=False)
    request.depth("0", "0", "1")
    collection, query = resource.collection, decode_sync(root)
    changes, token = changes_of(request, collection, query.token, query.limit)
    limits = request.settings.limits
    found = [ObjectResource(resource.owner, collection, c.stored) for c in changes if c.stored is not None]
    data = decode_calendar_data(root, limits) if collection.kind is CollectionKind.CALENDAR else None
    responses = _responses(request, root, found, data, None)
    parts = [
        next(responses)
        if change.stored is not None
        else properties.missing(request, collection.path + change.name)
        for change in changes
    ]
    if token.position:
        parts.append(f"<D:response>{request.href(collection.path)}{_TOO_MANY}</D:response>")
    return multistatus(request, xml.multistatus(parts, sync_token=str(token)))


def changes_of(
    request: DavRequest, collection: Collection, text: str, limit: int | None
) -> tuple[list[Change], SyncToken]:
    """The changes since a token, at most `limit` of them, and the token that goes on from there.

    Raises InvalidSyncToken for a token of another collection or database, or from before the history.
    """
    txn = request.txn
    now = sync_token(request, collection)
    token = SyncToken.parse(text) if text else now._replace(revision=0)
    if token[:2] != now[:2] or token.revision > now.revision:
        raise InvalidSyncToken("the token is of another collection")
    complete, after = _position(token)
    changes = txn.objects.changes_since(
        collection,
        0 if complete else token.revision,
        # In the parts of a first synchronisation, too: what is gone meanwhile may have been sent already.
        removed_since=token.revision,
        after=after,
        limit=None if limit is None else limit + 1,
    )
    if limit is None or len(changes) <= limit:
        return changes, now
    changes = changes[:limit]
    last = changes[-1]
    base = token.revision if token.revision or not complete else now.revision
    position = f"{'all' if complete else 'since'},{last.revision},{quote(last.name, safe='')}"
    return changes, SyncToken(now.epoch, now.collection_id, base, position)


def _position(token: SyncToken) -> tuple[bool, tuple[int, str]]:
    """Whether everything was asked for, and the revision and name of what was sent last."""
    if not token.position:
        return token.revision == 0, (-1, "")
    kind, _, rest = token.position.partition(",")
    revision, _, name = rest.partition(",")
    if kind not in {"all", "since"} or not revision.isdigit():
        raise InvalidSyncToken("not a sync token of this server")
    return kind == "all", (int(revision), unquote(name))


HANDLERS: Final[Mapping[str, ReportHandler]] = {
    C("calendar-query"): calendar_query,
    C("calendar-multiget"): calendar_multiget,
    C("free-busy-query"): free_busy_query,
    D("sync-collection"): sync_collection,
}
"""The reports of this module by the root of their body."""
