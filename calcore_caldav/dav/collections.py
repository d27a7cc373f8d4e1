# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods on collections and properties: OPTIONS, PROPFIND, PROPPATCH, MKCALENDAR, MKCOL."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final
from xml.etree.ElementTree import Element

from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.dav import patching, xml
from calcore_caldav.dav.capabilities import DAV_HEADER
from calcore_caldav.dav.conditional import check_etag, check_unmodified
from calcore_caldav.dav.http import DavError, DavRequest, DavResponse, multistatus, refused
from calcore_caldav.dav.patching import Outcome, draft_all, failed, instructions, propstats
from calcore_caldav.dav.properties import Answer, Draft, wanted
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.props_dav import collection_etag
from calcore_caldav.dav.resources import (
    CollectionResource,
    Home,
    Kind,
    ObjectResource,
    Resource,
    Root,
    children,
    held_on,
    locate,
    place_of,
    require_read,
)
from calcore_caldav.dav.shown import etag_of
from calcore_caldav.dav.xml import CR, C, D
from calcore_caldav.errors import AlreadyExists, InvalidRequest, NotPermitted, SchedulingRefused
from calcore_caldav.scheduling.access import require
from calcore_caldav.scheduling.policy import Mode
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.store.protocol import Collection, CollectionKind, CollectionProps

_CREATED: Final = {"Cache-Control": "no-cache"}
_HOMES: Final = frozenset({C("calendar-home-set"), CR("addressbook-home-set")})
"""Who asks for these is finding the way: there Nextcloud's client looks for what the server can do. Polls don't."""


def propfind(request: DavRequest) -> DavResponse:
    """PROPFIND, Depth 0 and 1 (RFC 4918 §9.1); RFC 5397, RFC 8144."""
    depth = request.depth("infinity")
    root = request.xml
    if root is not None and root.tag != D("propfind"):
        raise InvalidRequest("the root of the body is not DAV:propfind")
    asked = wanted(root)
    resource = locate(request, request.path)
    require_read(request, resource)
    if depth == "infinity" and not isinstance(resource, ObjectResource):
        raise refused(HTTPStatus.FORBIDDEN, D("propfind-finite-depth"), detail="Depth 0 and 1 are answered")
    answer = Answer(request, PROPERTIES, asked)
    responses = []
    if depth == "0" or "depth-noroot" not in request.preferences:
        responses.append(answer.response(resource))
    if depth == "1":
        responses.extend(answer.response(child) for child in children(request, resource))
    found = multistatus(request, xml.multistatus(responses))
    if _HOMES.isdisjoint(asked.names):
        return found
    return replace(found, headers={**found.headers, "DAV": DAV_HEADER})


def proppatch(request: DavRequest) -> DavResponse:
    """PROPPATCH, all or nothing (RFC 4918 §9.2)."""
    root = request.xml
    if root is None or root.tag != D("propertyupdate"):
        raise InvalidRequest("the body is not a DAV:propertyupdate")
    asked = instructions(root)
    if not asked:
        raise InvalidRequest("no property is named")
    resource = locate(request, request.path)
    if isinstance(resource, Root):
        require(held_on(request, resource), Privilege.WRITE_PROPERTIES, resource.path)
    require_read(request, resource)
    require(held_on(request, resource), Privilege.WRITE_PROPERTIES, resource.path)
    _check_conditions(request, resource)
    draft = _draft_of(request, resource)
    outcomes = draft_all(draft, asked)
    if failed(outcomes):
        raise DavError(_patched(request, resource, outcomes))
    outcomes = _apply(request, resource, draft, outcomes)
    if request.minimal:
        return DavResponse(HTTPStatus.OK, headers={"Preference-Applied": "return=minimal"})
    return _patched(request, resource, outcomes)


def _check_conditions(request: DavRequest, resource: Resource) -> None:
    match resource:
        case ObjectResource(_, _, stored):
            check_etag(request, etag_of(request, resource))
            check_unmodified(request, stored.modified)
        case CollectionResource(_, collection):
            check_etag(request, collection_etag(resource))
            check_unmodified(request, collection.modified)


def _patched(request: DavRequest, resource: Resource, outcomes: list[Outcome]) -> DavResponse:
    response = xml.wrap(D("response"), request.href(resource.path) + propstats(outcomes))
    return multistatus(request, xml.multistatus([response]))


def _draft_of(request: DavRequest, resource: Resource) -> Draft:
    draft = Draft(request, resource.kind, resource.path)
    if isinstance(resource, CollectionResource):
        collection = resource.collection
        draft.display_name = collection.display_name
        draft.components = collection.components
        draft.timezone = collection.timezone
        draft.transparent = collection.transparent
    return draft


def _apply(request: DavRequest, resource: Resource, draft: Draft, outcomes: list[Outcome]) -> list[Outcome]:
    """Write the draft; a default calendar that can't be one undoes it all."""
    txn, service = request.txn, request.services.calendar
    if isinstance(resource, CollectionResource):
        changed = _with_draft(resource.collection, draft)
        if changed != resource.collection:
            service.update_collection(txn, changed)
        if draft.default_calendar is not None:
            try:
                service.set_default_calendar(txn, resource.owner, _name_in(resource, draft.default_calendar))
            except SchedulingRefused as error:
                name = C("schedule-default-calendar-URL")
                refusal = patching.Refusal(HTTPStatus.FORBIDDEN, xml.empty(C(error.precondition)))
                failures = [Outcome(o.name, refusal if o.name == name else None) for o in outcomes]
                raise DavError(_patched(request, resource, failures)) from error
    if isinstance(resource, Home) and draft.mode is not None:
        _set_mode(request, resource.owner, draft.mode)
    for name, value in draft.dead.items():
        txn.collections.set_dead_property(resource.path, name, value)
    return outcomes


def _set_mode(request: DavRequest, room: Principal, mode: Mode) -> None:
    """A room's managers say how it answers; its bookings are made anew by that."""
    if not room.kind.bookable:
        raise NotPermitted(Privilege.WRITE_PROPERTIES.value, room.path)
    saved = request.txn.directory.save(replace(room, booking={**room.booking, "mode": mode.value}))
    rebook(request.txn, saved, settings=request.settings)


def _with_draft(collection: Collection, draft: Draft) -> Collection:
    return replace(
        collection,
        display_name=draft.display_name,
        components=draft.components,
        timezone=draft.timezone,
        transparent=draft.transparent,
    )


def _name_in(resource: CollectionResource, path: str) -> str:
    """The name of a collection of the same home; "" where the path is none."""
    parts = [part for part in path.split("/") if part]
    return parts[1] if len(parts) == 2 and parts[0] == resource.owner.name else ""


def _body_of(request: DavRequest, name: str) -> Element | None:
    """The root of the body, which may be left out. Another is refused."""
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    other_type = bool(media_type) and not media_type.endswith(("/xml", "+xml"))
    if request.body.strip() and other_type and not request.body.lstrip().startswith(b"<"):
        raise refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail="The body is not XML.")
    root = request.xml
    if root is not None and root.tag != name:
        raise InvalidRequest(f"the root of the body is not {name}")
    return root


def mkcalendar(request: DavRequest) -> DavResponse:
    """MKCALENDAR (RFC 4791 §5.3.1); properties that can't be set: 207, and nothing is made."""
    root = _body_of(request, C("mkcalendar"))
    kind, draft, outcomes = _drafted(request, root, CollectionKind.CALENDAR)
    if failed(outcomes):
        response = xml.wrap(D("response"), request.href(request.path) + propstats(outcomes))
        raise DavError(multistatus(request, xml.multistatus([response])))
    return _create(request, kind, draft)


def mkcol(request: DavRequest) -> DavResponse:
    """MKCOL (RFC 4918 §9.3), extended (RFC 5689)."""
    root = _body_of(request, D("mkcol"))
    kind, draft, outcomes = _drafted(request, root, CollectionKind.PLAIN)
    if failed(outcomes):
        body = xml.document(D("mkcol-response"), propstats(outcomes))
        raise DavError(DavResponse(HTTPStatus.FORBIDDEN, body))
    return _create(request, kind, draft)


_MADE: Final = {
    frozenset({D("collection")}): CollectionKind.PLAIN,
    frozenset({D("collection"), C("calendar")}): CollectionKind.CALENDAR,
    frozenset({D("collection"), CR("addressbook")}): CollectionKind.ADDRESSBOOK,
}
_KINDS: Final = {
    CollectionKind.PLAIN: Kind.PLAIN,
    CollectionKind.CALENDAR: Kind.CALENDAR,
    CollectionKind.ADDRESSBOOK: Kind.ADDRESSBOOK,
}


def _drafted(
    request: DavRequest, root: Element | None, default: CollectionKind
) -> tuple[CollectionKind, Draft, list[Outcome]]:
    """What is to be made, by DAV:resourcetype or else by the method, with its properties."""
    asked = [] if root is None else instructions(root)
    kind, outcomes = default, []
    for name, element, _ in asked:
        if name != D("resourcetype"):
            continue
        made = _MADE.get(frozenset(() if element is None else (child.tag for child in element)))
        if made is None or default not in {CollectionKind.PLAIN, made}:
            refusal = patching.Refusal(HTTPStatus.FORBIDDEN, xml.empty(D("valid-resourcetype")))
            outcomes.append(Outcome(name, refusal))
        else:
            kind = made
    draft = Draft(request, _KINDS[kind], request.path, creating=True)
    drafted = draft_all(draft, asked, ignored=frozenset({D("resourcetype")}))
    refused_types = {outcome.name for outcome in outcomes}
    outcomes += [outcome for outcome in drafted if outcome.name not in refused_types]
    return kind, draft, outcomes


def _create(request: DavRequest, kind: CollectionKind, draft: Draft) -> DavResponse:
    place = place_of(request, request.path)
    exists = refused(
        HTTPStatus.METHOD_NOT_ALLOWED if request.method == "MKCOL" else HTTPStatus.FORBIDDEN,
        D("resource-must-be-null"),
        detail="something is there",
    )
    if place is None:
        if len([part for part in request.path.split("/") if part]) < 2:
            raise exists
        raise refused(HTTPStatus.CONFLICT, detail="The parent collection does not exist.")
    if place.collection is not None:
        if request.txn.objects.get(place.collection, place.name) is not None:
            raise exists
        raise refused(
            HTTPStatus.FORBIDDEN, C("calendar-collection-location-ok"), detail="homes hold collections"
        )
    props = CollectionProps(
        display_name=draft.display_name,
        timezone=draft.timezone,
        transparent=draft.transparent,
        dead={name: value for name, value in draft.dead.items() if value is not None},
    )
    if draft.components:
        props = props._replace(components=draft.components)
    try:
        request.services.calendar.create_collection(request.txn, place.owner, place.name, kind, props)
    except AlreadyExists:
        raise exists from None
    return DavResponse(HTTPStatus.CREATED, headers=_CREATED)
