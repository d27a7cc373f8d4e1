# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of WebDAV, ACL, sync and their kin, one row each."""

from __future__ import annotations

import uuid
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.dav import acl, shown, xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.properties import Draft, Property
from calcore_caldav.dav.report_table import TABLE as REPORT_TABLE
from calcore_caldav.dav.resources import (
    CollectionResource,
    Home,
    Kind,
    ObjectResource,
    Resource,
    may_know,
    sync_token,
)
from calcore_caldav.dav.xml import CR, C, D

ANY: Final = frozenset(Kind)
HOMES: Final = frozenset({Kind.HOME})
CALENDARS: Final = frozenset({Kind.CALENDAR})
COLLECTIONS: Final = frozenset({Kind.CALENDAR, Kind.INBOX, Kind.OUTBOX, Kind.ADDRESSBOOK, Kind.PLAIN})
OBJECTS: Final = frozenset({Kind.EVENT, Kind.MESSAGE, Kind.CARD, Kind.FILE})
SYNCED: Final = frozenset({Kind.CALENDAR, Kind.INBOX, Kind.ADDRESSBOOK, Kind.PLAIN})

_COLLECTION: Final = xml.empty(D("collection"))
_TYPES: Final = {
    Kind.ROOT: _COLLECTION,
    Kind.HOME: _COLLECTION + xml.empty(D("principal")),
    Kind.CALENDAR: _COLLECTION + xml.empty(C("calendar")),
    Kind.INBOX: _COLLECTION + xml.empty(C("schedule-inbox")),
    Kind.OUTBOX: _COLLECTION + xml.empty(C("schedule-outbox")),
    Kind.ADDRESSBOOK: _COLLECTION + xml.empty(CR("addressbook")),
    Kind.PLAIN: _COLLECTION,
}
EXTENSIONS: Final = {Kind.CALENDAR: ".ics", Kind.ADDRESSBOOK: ".vcf", Kind.PLAIN: ""}
"""Collections to which members may be posted, and how the names of those end."""
_RESOURCES: Final = uuid.UUID("3f1d8c38-9d0f-4a0c-8d3e-0c0f6a0e7f11")
_COLLECTION_TYPE: Final = "text/calendar; charset=utf-8"


def http_date(when: datetime) -> str:
    """An HTTP-date (RFC 9110 §5.6.7)."""
    return format_datetime(when, usegmt=True)


def content_type(resource: ObjectResource) -> str:
    """The media type of a resource as GET sends it (RFC 4791 §5.1.1, RFC 5545 §8.1)."""
    stored = resource.stored
    if resource.kind in {Kind.EVENT, Kind.MESSAGE}:
        component = f"; component={stored.component}" if stored.component else ""
        return f"text/calendar; charset=utf-8{component}"
    if resource.kind is Kind.CARD:
        return "text/vcard; charset=utf-8"
    return stored.content_type


def collection_etag(resource: CollectionResource) -> str:
    """The entity tag of what GET on a collection sends: another one after each change."""
    return f'"{resource.collection.id}-{resource.collection.revision}"'


def _created(_: DavRequest, resource: CollectionResource | ObjectResource) -> str:
    made = resource.stored if isinstance(resource, ObjectResource) else resource.collection
    return made.created.strftime("%Y-%m-%dT%H:%M:%SZ")


def _modified(_: DavRequest, resource: CollectionResource | ObjectResource) -> str:
    made = resource.stored if isinstance(resource, ObjectResource) else resource.collection
    return http_date(made.modified)


def _display_name(_: DavRequest, resource: Home | CollectionResource) -> str | None:
    if isinstance(resource, Home):
        return xml.escape(resource.owner.display_name)
    name = resource.collection.display_name
    return None if name is None else xml.escape(name)


def _set_display_name(draft: Draft, element: Element | None) -> None:
    draft.display_name = None if element is None else "".join(element.itertext())


def _resource_type(_: DavRequest, resource: Resource) -> str:
    return _TYPES.get(resource.kind, "")


def _etag(request: DavRequest, resource: ObjectResource | CollectionResource) -> str:
    if isinstance(resource, ObjectResource):
        return shown.etag_of(request, resource)
    return collection_etag(resource)


def _length(request: DavRequest, resource: ObjectResource) -> str:
    return str(shown.size_of(request, resource))


def _media_type(_: DavRequest, resource: ObjectResource) -> str:
    return xml.escape(content_type(resource))


def _owner(request: DavRequest, resource: Home | CollectionResource | ObjectResource) -> str:
    return request.href(resource.owner.path)


def _supported_reports(_: DavRequest, resource: Resource) -> str:
    return _REPORTS[resource.kind]


_REPORTS: Final = {
    kind: "".join(
        xml.wrap(D("supported-report"), xml.wrap(D("report"), xml.empty(report.name)))
        for report in REPORT_TABLE
        if kind in report.on
    )
    for kind in Kind
}


def _sync_token(request: DavRequest, resource: CollectionResource) -> str:
    return str(sync_token(request, resource.collection))


def _current_user(request: DavRequest, _: Resource) -> str:
    principal = request.actor.principal
    return xml.empty(D("unauthenticated")) if principal is None else request.href(principal.path)


def _add_member(request: DavRequest, resource: CollectionResource) -> str:
    where = f"{xml.quote_path(request.prefix + resource.path)}?action=add-member"
    return xml.text(D("href"), where)


def _principal_collection_set(request: DavRequest, _: Resource) -> str:
    return request.href("/")


def _alternate_uris(_: DavRequest, resource: Home) -> str:
    return "".join(_uri(address) for address in resource.owner.addresses)


def _uri(address: CalendarUserAddress | str) -> str:
    return xml.text(D("href"), address)


def principals(request: DavRequest, found: list[Principal]) -> str:
    """The hrefs of those principals that the actor may know of."""
    return "".join(request.href(p.path) for p in found if may_know(request, p))


def _members(request: DavRequest, resource: Home) -> str | None:
    if resource.owner.kind is not CalendarUserType.GROUP:
        return None
    return principals(request, request.txn.directory.members(resource.owner))


def _membership(request: DavRequest, resource: Home) -> str:
    return principals(request, request.txn.directory.groups_of(resource.owner))


def _resource_id(request: DavRequest, resource: Home | CollectionResource | ObjectResource) -> str:
    match resource:
        case Home(owner):
            return _uri(f"urn:uuid:{owner.uuid}")
        case CollectionResource(_, collection):
            name = f"{request.txn.sync_epoch}/collection/{collection.id}"
        case ObjectResource(_, _, stored):
            name = f"{request.txn.sync_epoch}/object/{stored.id}"
    return _uri(f"urn:uuid:{uuid.uuid5(_RESOURCES, name)}")


TABLE: Final = (
    Property(D("resourcetype"), ANY, _resource_type, "4918 §15.9", allprop=True),
    Property(
        D("displayname"),
        COLLECTIONS,
        _display_name,
        "4918 §15.2",
        set=_set_display_name,
        allprop=True,
    ),
    Property(D("displayname"), HOMES, _display_name, "4918 §15.2", allprop=True),
    Property(D("creationdate"), COLLECTIONS | OBJECTS, _created, "4918 §15.1", allprop=True),
    Property(D("getlastmodified"), COLLECTIONS | OBJECTS, _modified, "4918 §15.7", allprop=True),
    Property(D("getetag"), COLLECTIONS | OBJECTS, _etag, "4918 §15.6", allprop=True),
    Property(D("getcontenttype"), OBJECTS, _media_type, "4918 §15.5", allprop=True),
    Property(D("getcontenttype"), CALENDARS, lambda _, __: _COLLECTION_TYPE, "4918 §15.5", allprop=True),
    Property(D("getcontentlength"), OBJECTS, _length, "4918 §15.4", allprop=True),
    Property(D("supported-report-set"), ANY, _supported_reports, "3253 §3.1.5"),
    Property(D("owner"), HOMES | COLLECTIONS | OBJECTS, _owner, "3744 §5.1"),
    Property(D("supported-privilege-set"), ANY, acl.supported_privilege_set, "3744 §5.3"),
    Property(D("current-user-privilege-set"), ANY, acl.current_user_privilege_set, "3744 §5.4"),
    Property(D("acl"), HOMES | COLLECTIONS | OBJECTS, acl.acl, "3744 §5.5"),
    Property(D("acl-restrictions"), HOMES | COLLECTIONS | OBJECTS, acl.acl_restrictions, "3744 §5.6"),
    Property(D("inherited-acl-set"), HOMES | COLLECTIONS | OBJECTS, lambda _, __: "", "3744 §5.7"),
    Property(D("principal-collection-set"), ANY, _principal_collection_set, "3744 §5.8"),
    Property(D("alternate-URI-set"), HOMES, _alternate_uris, "3744 §4.1"),
    Property(D("principal-URL"), HOMES, _owner, "3744 §4.2"),
    Property(D("group-member-set"), HOMES, _members, "3744 §4.3"),
    Property(D("group-membership"), HOMES, _membership, "3744 §4.4"),
    Property(D("current-user-principal"), ANY, _current_user, "5397 §3"),
    Property(D("resource-id"), HOMES | COLLECTIONS | OBJECTS, _resource_id, "5842 §3.1"),
    Property(D("add-member"), frozenset(EXTENSIONS), _add_member, "5995 §3.2.1"),
    Property(D("sync-token"), SYNCED, _sync_token, "6578 §4"),
)
