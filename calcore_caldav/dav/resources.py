# SPDX-License-Identifier: GPL-3.0-or-later
"""What a URL names: the root, a principal with its calendar home, a collection, or a resource in one.

`locate` never tells more than the actor may know: below a home that the actor can't read, what exists and
what doesn't are refused alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.errors import CalcoreError, InvalidRequest, NotFound, SchedulingRefused, UidConflict
from calcore_caldav.scheduling import access
from calcore_caldav.scheduling.access import privileges, require, visible
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject, SyncToken


class Kind(StrEnum):
    """Kinds of resources; which properties and reports a resource has depends on nothing else."""

    ROOT = "root"
    HOME = "principal"
    CALENDAR = "calendar"
    INBOX = "inbox"
    OUTBOX = "outbox"
    ADDRESSBOOK = "address book"
    PLAIN = "collection"
    EVENT = "calendar object"
    MESSAGE = "inbox item"
    CARD = "vCard"
    FILE = "file"


_COLLECTION_KINDS: Final = {
    CollectionKind.CALENDAR: Kind.CALENDAR,
    CollectionKind.INBOX: Kind.INBOX,
    CollectionKind.OUTBOX: Kind.OUTBOX,
    CollectionKind.ADDRESSBOOK: Kind.ADDRESSBOOK,
    CollectionKind.PLAIN: Kind.PLAIN,
}
_MEMBER_KINDS: Final = {
    CollectionKind.CALENDAR: Kind.EVENT,
    CollectionKind.INBOX: Kind.MESSAGE,
    CollectionKind.OUTBOX: Kind.MESSAGE,
    CollectionKind.ADDRESSBOOK: Kind.CARD,
    CollectionKind.PLAIN: Kind.FILE,
}


@dataclass(frozen=True, slots=True)
class Root:
    """ "/": the collection of all principals."""

    kind: ClassVar = Kind.ROOT
    path: ClassVar = "/"


@dataclass(frozen=True, slots=True)
class Home:
    """A principal, which is its calendar home too."""

    owner: Principal
    kind: ClassVar = Kind.HOME

    @property
    def path(self) -> str:
        """Decoded, without prefix."""
        return self.owner.path


@dataclass(frozen=True, slots=True)
class CollectionResource:
    """A calendar, inbox, outbox, address book or plain collection of a home."""

    owner: Principal
    collection: Collection

    @property
    def kind(self) -> Kind:
        """By the collection's kind."""
        return _COLLECTION_KINDS[self.collection.kind]

    @property
    def path(self) -> str:
        """Decoded, without prefix, with its trailing slash."""
        return self.collection.path


@dataclass(frozen=True, slots=True)
class ObjectResource:
    """A resource in a collection."""

    owner: Principal
    collection: Collection
    stored: StoredObject

    @property
    def kind(self) -> Kind:
        """By the collection's kind."""
        return _MEMBER_KINDS[self.collection.kind]

    @property
    def path(self) -> str:
        """Decoded, without prefix."""
        return self.stored.path


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

Resource = Root | Home | CollectionResource | ObjectResource


def segments_of(path: str) -> list[str]:
    """The segments of a decoded path. Raises InvalidRequest for "." and "..", and for control characters."""
    segments = [segment for segment in path.split("/") if segment]
    if any(segment in {".", ".."} for segment in segments):
        raise InvalidRequest("the path has dot segments")
    if _CONTROL.search(path):
        raise InvalidRequest("the path has control characters")
    return segments


def held(request: DavRequest, owner: Principal, collection: Collection | None = None) -> frozenset[Privilege]:
    """The actor's privileges on a home or collection, looked up once per request."""
    key = (owner.id, 0 if collection is None else collection.id)
    found = request.held.get(key)
    if found is None:
        found = privileges(request.txn, request.actor, owner, collection, settings=request.settings)
        request.held[key] = found
    return found


def held_on(request: DavRequest, resource: Resource) -> frozenset[Privilege]:
    """The actor's privileges on a resource."""
    match resource:
        case Root():
            return _ON_ROOT
        case Home(owner):
            # A principal's properties are for everybody who may know of it; its collections are not.
            return held(request, owner) | _ON_PRINCIPALS
        case CollectionResource(owner, collection) | ObjectResource(owner, collection):
            return held(request, owner, collection)


_ON_ROOT: Final = frozenset({Privilege.READ, Privilege.READ_PRIVILEGES})
_ON_PRINCIPALS: Final = frozenset({Privilege.READ_PRIVILEGES})


def may_know(request: DavRequest, principal: Principal) -> bool:
    """Whether the actor may know that a principal exists."""
    return not principal.hidden or access.may_know(
        request.txn, request.actor, principal, settings=request.settings
    )


def owner_at(request: DavRequest, name: str) -> Principal:
    """The principal whose home has that name. Raises NotFound."""
    owner = request.txn.directory.by_name(name)
    if owner is None or not may_know(request, owner):
        raise NotFound(f"/{name}/")
    return owner


def locate(request: DavRequest, path: str, asking: Privilege = Privilege.READ) -> Resource:
    """The resource at a path without prefix. Raises NotFound, NotPermitted, InvalidRequest.

    A collection is found by who may do anything there, or what they are `asking` for; reading it still needs
    `require_read`. To others it is as if it weren't there.
    """
    segments = segments_of(path)
    if not segments:
        return Root()
    owner = owner_at(request, segments[0])
    if len(segments) == 1:
        return Home(owner)
    collection = request.txn.collections.get(owner.name, segments[1])
    if collection is None:
        require(held(request, owner), Privilege.READ, path)
        raise NotFound(path)
    known = held(request, owner, collection)
    if len(segments) == 2:
        if not visible(known) and asking not in _told(request, owner, collection):
            require(known, Privilege.READ, path)
        return CollectionResource(owner, collection)
    require(known, Privilege.READ, path)
    stored = request.txn.objects.get(collection, segments[2]) if len(segments) == 3 else None
    if stored is None or path.endswith("/"):
        raise NotFound(path)
    return ObjectResource(owner, collection, stored)


def _told(request: DavRequest, owner: Principal, collection: Collection) -> frozenset[Privilege]:
    """The privileges that let the actor know of a collection which it can't see."""
    settings = access.of_calendar(request.settings, owner, collection.name)
    return privileges(request.txn, request.actor, owner, collection, settings=settings)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource may be made or replaced: `collection` None means a member of the home itself."""

    owner: Principal
    collection: Collection | None
    name: str


def place_of(request: DavRequest, path: str) -> Place | None:
    """The place that a path names as a target; None where its parent doesn't exist or is no collection.

    Raises NotFound, NotPermitted: whoever may not see the parent doesn't hear whether it exists.
    """
    segments = segments_of(path)
    if len(segments) < 2:
        return None
    owner = owner_at(request, segments[0])
    collection = None if len(segments) == 2 else request.txn.collections.get(owner.name, segments[1])
    known = held(request, owner, collection)
    if not visible(known):
        require(known, Privilege.READ, path)
    if len(segments) == 2:
        return Place(owner, None, segments[1])
    if collection is None or len(segments) > 3:
        return None
    return Place(owner, collection, segments[2])


def require_read(request: DavRequest, resource: Resource) -> None:
    """Raise NotPermitted or NotFound where the actor may not read a collection or what is in it."""
    if isinstance(resource, CollectionResource | ObjectResource):
        require(held_on(request, resource), Privilege.READ, resource.path)


def sync_token(request: DavRequest, collection: Collection) -> SyncToken:
    """What a collection's state is called: DAV:sync-token and the ctag (RFC 6578 §4)."""
    return SyncToken(request.txn.sync_epoch, collection.id, collection.revision)


def conceal(request: DavRequest, error: SchedulingRefused | UidConflict) -> None:
    """Take the path out of an error where the actor may not read what is there."""
    if error.path is None:
        return
    try:
        require_read(request, locate(request, error.path))
    except CalcoreError:
        error.path = None


def children(request: DavRequest, resource: Resource) -> Iterator[Resource]:
    """The members that the actor may know of, as Depth 1 lists them."""
    match resource:
        case Root():
            yield from _known_homes(request)
        case Home(owner):
            # Simple clients take the first calendar that they find for the one that is meant.
            found = request.txn.collections.of(owner)
            for collection in sorted(found, key=lambda c: c.name != owner.default_calendar):
                if visible(held(request, owner, collection)):
                    yield CollectionResource(owner, collection)
        case CollectionResource(owner, collection):
            for stored in request.txn.objects.all(collection):
                yield ObjectResource(owner, collection, stored)
        case ObjectResource():
            return


def _known_homes(request: DavRequest) -> Iterator[Home]:
    """The actor's own home and those in which somebody gave it something to read."""
    actor = request.actor
    if actor.principal is None:
        return
    directory = request.txn.directory
    if actor.admin:
        yield from map(Home, directory.all())
        return
    grants = directory.grants_to({actor.principal.name, *actor.groups, "DAV:authenticated", "DAV:all"})
    owners = {grant.owner_id for grant in grants if visible({grant.privilege})} | {actor.principal.id}
    known = [owner for owner in map(directory.by_id, owners) if owner is not None]
    yield from map(Home, sorted(known, key=lambda owner: owner.name))
