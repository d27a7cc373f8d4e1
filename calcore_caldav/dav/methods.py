# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods on resources: GET, HEAD, PUT, DELETE, COPY, MOVE."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from calcore_caldav.dav import shown, xml
from calcore_caldav.dav.conditional import (
    check_etag,
    check_read,
    check_unmodified,
    conditions,
    schedule_options,
)
from calcore_caldav.dav.http import DavRequest, DavResponse, refused
from calcore_caldav.dav.listing import listing
from calcore_caldav.dav.props_dav import EXTENSIONS, collection_etag, content_type, http_date
from calcore_caldav.dav.resources import (
    CollectionResource,
    Home,
    Kind,
    ObjectResource,
    Place,
    Root,
    locate,
    place_of,
    require_read,
    segments_of,
)
from calcore_caldav.dav.whole import address_book, calendar_stream
from calcore_caldav.dav.xml import CR, C
from calcore_caldav.errors import AlreadyExists, CalcoreError, InvalidRequest, NotPermitted
from calcore_caldav.scheduling.service import PutResult
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject

_CALENDAR_TYPES: Final = frozenset({"text/calendar"})
_CARD: Final = re.compile(rb"\s*BEGIN:VCARD\s.*\sEND:VCARD\s*", re.DOTALL | re.IGNORECASE)
_HARMLESS: Final = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""Pages that somebody stored run no scripts in the browser of who reads them."""
_CARD_TYPES: Final = frozenset({"text/vcard", "text/x-vcard", "text/directory"})


def get(request: DavRequest) -> DavResponse:
    """GET and HEAD: a resource's bytes, a calendar as one stream, a listing of anything else."""
    resource = locate(request, request.path)
    require_read(request, resource)
    match resource:
        case ObjectResource(_, _, stored):
            etag = shown.etag_of(request, resource)
            check_read(request, etag, stored.modified)
            headers = {"ETag": etag, "Last-Modified": http_date(stored.modified)}
            if stored.schedule_tag is not None:
                headers["Schedule-Tag"] = stored.schedule_tag
            if resource.kind is Kind.FILE:
                headers |= _HARMLESS
            body = shown.body_of(request, resource)
            return DavResponse(HTTPStatus.OK, body, content_type(resource), headers)
        case CollectionResource(_, collection):
            etag = collection_etag(resource)
            check_read(request, etag, collection.modified)
            headers = {"ETag": etag, "Last-Modified": http_date(collection.modified)}
            match resource.kind:
                case Kind.CALENDAR:
                    body = calendar_stream(request, resource)
                    return DavResponse(HTTPStatus.OK, body, "text/calendar; charset=utf-8", headers)
                case Kind.ADDRESSBOOK:
                    body = address_book(request, collection)
                    return DavResponse(HTTPStatus.OK, body, "text/vcard; charset=utf-8", headers)
            return DavResponse(HTTPStatus.OK, listing(request, resource), "text/html; charset=utf-8", headers)
        case Home() | Root():
            return DavResponse(HTTPStatus.OK, listing(request, resource), "text/html; charset=utf-8")


def put(request: DavRequest) -> DavResponse:
    """PUT (RFC 4791 §5.3.2, RFC 6638 §3.2)."""
    if request.header("content-range") is not None:
        raise InvalidRequest("a part of a resource can't be put")
    if len(segments_of(request.path)) < 2:
        # No 409: Thunderbird's account set-up takes it for a calendar file of its own there.
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="A collection is there.")
    place = _target(request, request.path)
    collection = _collection_of(request, place)
    _check_type(collection, request.header("content-type") or "", request.body)
    stored = request.txn.objects.get(collection, place.name)
    check_unmodified(request, stored.modified if stored else None)
    result = request.services.calendar.put(
        request.txn,
        collection,
        place.name,
        request.body,
        content_type=_stored_type(collection, request.header("content-type")),
        conditions=conditions(request),
        options=schedule_options(request),
    )
    return _written(request, result, ObjectResource(place.owner, collection, result.stored))


def add_member(request: DavRequest) -> DavResponse:
    """POST of a new member, whose name we choose (RFC 5995 §3.2)."""
    resource = locate(request, request.path)
    if not isinstance(resource, CollectionResource) or resource.kind not in EXTENSIONS:
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="No members are added here.")
    collection = resource.collection
    check_etag(request, collection_etag(resource))
    _check_type(collection, request.header("content-type") or "", request.body)
    result = request.services.calendar.put(
        request.txn,
        collection,
        f"{uuid4()}{EXTENSIONS[resource.kind]}",
        request.body,
        content_type=_stored_type(collection, request.header("content-type")),
    )
    made = _written(request, result, ObjectResource(resource.owner, collection, result.stored))
    location = xml.quote_path(request.prefix + result.stored.path)
    return replace(made, headers={**made.headers, "Location": location})


def _written(request: DavRequest, result: PutResult, resource: ObjectResource) -> DavResponse:
    """An ETag only where the stored octets are the sent ones (RFC 4791 §5.3.4, RFC 9110 §9.3.4)."""
    if _wants_representation(request):
        return _representation(request, resource, HTTPStatus.CREATED if result.created else HTTPStatus.OK)
    stored = result.stored
    headers = {} if stored.schedule_tag is None else {"Schedule-Tag": stored.schedule_tag}
    if not result.modified:
        headers["ETag"] = stored.etag
    return DavResponse(HTTPStatus.CREATED if result.created else HTTPStatus.NO_CONTENT, headers=headers)


def conflict(request: DavRequest) -> DavResponse | None:
    """What is there instead, for a client that prefers to hear it with 412 (RFC 8144 §3.2)."""
    if request.method not in {"PUT", "DELETE"} or not _wants_representation(request):
        return None
    try:
        resource = locate(request, request.path)
        require_read(request, resource)
    except CalcoreError:
        return None
    if not isinstance(resource, ObjectResource):
        return None
    return _representation(request, resource, HTTPStatus.PRECONDITION_FAILED)


def _wants_representation(request: DavRequest) -> bool:
    return "return=representation" in request.preferences


def _representation(request: DavRequest, resource: ObjectResource, status: int) -> DavResponse:
    stored = resource.stored
    headers = {
        "ETag": shown.etag_of(request, resource),
        "Content-Location": xml.quote_path(request.prefix + stored.path),
        "Preference-Applied": "return=representation",
        "Vary": "Prefer",
    }
    if stored.schedule_tag is not None:
        headers["Schedule-Tag"] = stored.schedule_tag
    return DavResponse(status, shown.body_of(request, resource), content_type(resource), headers)


def _transferred(request: DavRequest, *, created: bool, schedule_tag: str | None = None) -> DavResponse:
    """What was created is not at the Request-URI (RFC 9110 §15.3.2), but where the client said.

    The Schedule-Tag is that of the destination (RFC 6638 §3.2.10).
    """
    headers = {} if schedule_tag is None else {"Schedule-Tag": schedule_tag}
    if not created:
        return DavResponse(HTTPStatus.NO_CONTENT, headers=headers)
    headers["Location"] = request.header("destination") or ""
    return DavResponse(HTTPStatus.CREATED, headers=headers)


def delete(request: DavRequest) -> DavResponse:
    """DELETE of a resource, or of a collection with all that is in it, whatever Depth says (RFC 4918 §9.6.1)."""
    resource = locate(request, request.path)
    options = schedule_options(request)
    match resource:
        case ObjectResource(_, _, stored):
            check_unmodified(request, stored.modified)
            request.services.calendar.delete(
                request.txn, stored, conditions=conditions(request), options=options
            )
        case CollectionResource(_, collection):
            require_read(request, resource)
            check_etag(request, collection_etag(resource))
            check_unmodified(request, collection.modified)
            request.services.calendar.delete_collection(request.txn, collection, options)
        case Home() | Root():
            raise NotPermitted("unbind", resource.path)
    return DavResponse(HTTPStatus.NO_CONTENT)


def copy(request: DavRequest) -> DavResponse:
    """COPY of a resource (RFC 4918 §9.8)."""
    return _carried(request, request.services.calendar.copy)


def move(request: DavRequest) -> DavResponse:
    """MOVE of a resource, or of a collection inside its home (RFC 4918 §9.9)."""
    moved = locate(request, request.path)
    if isinstance(moved, CollectionResource):
        return _move_collection(request, moved)
    options = schedule_options(request)
    return _carried(request, partial(request.services.calendar.move, options=options))


def _carried(request: DavRequest, carry: Callable[..., PutResult]) -> DavResponse:
    """The answer to a COPY or MOVE of a resource, which `carry` does."""
    source, place, collection = _transfer(request)
    check_unmodified(request, source.stored.modified)
    dead = request.txn.collections.dead_properties(source.path)
    result = carry(
        request.txn,
        source.stored,
        collection,
        place.name,
        overwrite=_overwrite(request),
        conditions=conditions(request),
    )
    _keep_properties(request, result.stored, dead)
    return _transferred(request, created=result.created, schedule_tag=result.stored.schedule_tag)


def _keep_properties(request: DavRequest, made: StoredObject, dead: Mapping[str, str]) -> None:
    """Dead properties go with what is copied or moved; those of what was there are gone (RFC 4918 §9.8.2, §9.9.1)."""
    collections = request.txn.collections
    there = collections.dead_properties(made.path)
    if there != dead:
        for name in there.keys() | dead.keys():
            collections.set_dead_property(made.path, name, dead.get(name))


def _move_collection(request: DavRequest, source: CollectionResource) -> DavResponse:
    require_read(request, source)
    path = _destination(request)
    overwrite = _overwrite(request)
    place = _target(request, path)
    if (
        place.collection is not None
        or place.owner.id != source.owner.id
        or place.name == source.collection.name
    ):
        raise refused(HTTPStatus.FORBIDDEN, detail="A collection moves inside its home.")
    check_etag(request, collection_etag(source))
    existing = request.txn.collections.get(place.owner.name, place.name)
    if existing is not None:
        if not overwrite:
            raise AlreadyExists(existing.path)
        request.services.calendar.delete_collection(request.txn, existing, schedule_options(request))
    request.services.calendar.rename_collection(request.txn, source.collection, place.name)
    return _transferred(request, created=existing is None)


def _transfer(request: DavRequest) -> tuple[ObjectResource, Place, Collection]:
    """Source and target of a COPY or MOVE."""
    path = _destination(request)
    _overwrite(request)
    source = locate(request, request.path)
    require_read(request, source)
    if not isinstance(source, ObjectResource):
        raise refused(HTTPStatus.FORBIDDEN, detail="Collections are not copied.")
    place = _target(request, path)
    collection = _collection_of(request, place)
    if collection.id == source.collection.id and place.name == source.stored.name:
        raise refused(HTTPStatus.FORBIDDEN, detail="Source and destination are the same.")
    _check_type(collection, source.stored.content_type, request.txn.objects.body(source.stored))
    return source, place, collection


def _destination(request: DavRequest) -> str:
    """The path that the Destination header names (RFC 4918 §10.3)."""
    destination = request.header("destination")
    if destination is None:
        raise InvalidRequest("a Destination header is needed")
    path = request.path_of(destination)
    if path is None:
        raise refused(HTTPStatus.BAD_GATEWAY, detail="The destination is not on this server.")
    return path


def _overwrite(request: DavRequest) -> bool:
    value = (request.header("overwrite") or "T").strip().upper()
    if value not in {"T", "F"}:
        raise InvalidRequest("Overwrite is T or F")
    return value == "T"


def _target(request: DavRequest, path: str) -> Place:
    place = place_of(request, path)
    if place is None:
        raise refused(HTTPStatus.CONFLICT, detail="The parent collection does not exist.")
    return place


def _collection_of(request: DavRequest, place: Place) -> Collection:
    """Resources live in collections; a home holds collections only."""
    if place.collection is not None:
        return place.collection
    if request.txn.collections.get(place.owner.name, place.name) is not None:
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="A collection is there.")
    raise NotPermitted("bind", f"{place.owner.path}{place.name}")


def _check_type(collection: Collection, content_type: str, body: bytes) -> None:
    """CALDAV:supported-calendar-data, CARDDAV:supported-address-data; without a type, the data decides."""
    media_type = content_type.partition(";")[0].strip().lower()
    match collection.kind:
        case CollectionKind.CALENDAR:
            if media_type and media_type not in _CALENDAR_TYPES:
                raise refused(
                    HTTPStatus.FORBIDDEN, C("supported-calendar-data"), detail=f"{media_type} in a calendar"
                )
        case CollectionKind.ADDRESSBOOK:
            if media_type and media_type not in _CARD_TYPES:
                raise refused(
                    HTTPStatus.FORBIDDEN,
                    CR("supported-address-data"),
                    detail=f"{media_type} in an address book",
                )
            # To its end: an upload in chunks that breaks off looks like a whole one.
            if not _CARD.fullmatch(body):
                raise refused(HTTPStatus.FORBIDDEN, CR("valid-address-data"), detail="not a vCard")


def _stored_type(collection: Collection, sent: str | None) -> str:
    match collection.kind:
        case CollectionKind.ADDRESSBOOK:
            return "text/vcard"
        case CollectionKind.PLAIN:
            return sent or "application/octet-stream"
    return "text/calendar"
