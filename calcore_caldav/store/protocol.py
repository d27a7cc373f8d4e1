# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rest of the program knows of the database: values and the protocols of a transaction.

The only module of this room that others import. Every instant is an aware UTC `datetime`, every range
half-open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Collection as AnyOf
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.errors import InvalidSyncToken

T = TypeVar("T")
Clock = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""


class CollectionKind(StrEnum):
    """What a collection is."""

    CALENDAR = "calendar"
    INBOX = "inbox"
    OUTBOX = "outbox"
    ADDRESSBOOK = "addressbook"
    PLAIN = "collection"
    """A WebDAV collection without a type (RFC 4918)."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of a principal's home."""

    id: int
    principal_id: int
    owner: str
    """The principal's name: first path segment."""
    name: str
    """Second path segment, decoded."""
    kind: CollectionKind
    display_name: str | None
    components: tuple[str, ...]
    """Component types that it accepts (CALDAV:supported-calendar-component-set)."""
    timezone: str | None
    """The text of CALDAV:calendar-timezone: a VCALENDAR with a VTIMEZONE; None: the owner's zone."""
    transparent: bool
    """CALDAV:schedule-calendar-transp: does not count for free/busy."""
    revision: int
    """Grows with every change: ctag and sync token."""
    created: datetime
    modified: datetime

    @property
    def path(self) -> str:
        """URL path without prefix, decoded, with a trailing slash."""
        return f"/{self.owner}/{self.name}/"


class CollectionProps(NamedTuple):
    """Properties of a new collection; `dead` maps Clark names ("{ns}local") to XML elements as text."""

    display_name: str | None = None
    components: tuple[str, ...] = ("VEVENT", "VTODO", "VJOURNAL")
    timezone: str | None = None
    transparent: bool = False
    dead: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A resource in a collection: the row without its body."""

    id: int
    collection_id: int
    path: str
    """URL path without prefix, decoded."""
    name: str
    """Last path segment, decoded."""
    uid: str
    component: str
    """"VEVENT", "VTODO", …; "VCARD" in address books; "" in plain collections."""
    etag: str
    """Quoted, strong."""
    schedule_tag: str | None
    """Quoted; None: not a scheduling object resource (RFC 6638 §3.2.10)."""
    organizer: CalendarUserAddress | None
    size: int
    content_type: str
    """ "text/calendar", "text/vcard" or what a client sent to a plain collection."""
    revision: int
    created: datetime
    modified: datetime


class InstanceRow(NamedTuple):
    """A row of the instance index."""

    object_id: int
    collection_id: int
    rid: RecurrenceId | None
    start: datetime
    end: datetime
    fbtype: FreeBusyType
    floating: bool


class Change(NamedTuple):
    """One line of a sync-collection answer (RFC 6578 §3.2)."""

    name: str
    stored: StoredObject | None
    """None: removed."""
    revision: int


class Removal(NamedTuple):
    """A resource that is gone."""

    name: str
    at: datetime


class Booking(NamedTuple):
    """A slot of a room or resource that is taken."""

    object_id: int
    period: Period
    """Buffers included."""
    slot: int
    """0 … concurrency-1."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege given to somebody on a home or on one of its collections (RFC 3744)."""

    owner_id: int
    collection_id: int | None
    """None: the whole home, with inbox and outbox."""
    grantee: str
    """A principal's name, or "DAV:authenticated" or "DAV:all"."""
    privilege: Privilege


@dataclass(frozen=True, slots=True)
class Job:
    """Work that a committed transaction left to be done (transactional outbox)."""

    id: int
    kind: str
    payload: Mapping[str, object]
    created: datetime
    not_before: datetime
    attempts: int
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token or app password; its secret is known to its holder only."""

    id: int
    principal_id: int
    name: str
    created: datetime
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the principal that logged in, with the groups it belongs to."""

    principal: Principal | None
    """None: the program itself (jobs, command line) or nobody; see `system`."""
    groups: frozenset[str] = frozenset()
    """Names of the groups that the principal is in, nested ones included."""
    system: bool = False
    """The program itself: may do everything."""

    @property
    def name(self) -> str:
        """The principal's name; "" for the program itself and for nobody."""
        return self.principal.name if self.principal else ""

    @property
    def admin(self) -> bool:
        """Whether every privilege is given."""
        return self.system or (self.principal is not None and self.principal.admin)


SYSTEM = Actor(None, system=True)
NOBODY = Actor(None)


class CollectionRows(Protocol):
    """Collections and their properties."""

    def get(self, owner: str, name: str) -> Collection | None: ...
    def by_id(self, collection_id: int) -> Collection | None: ...
    def of(self, owner: Principal, *kinds: CollectionKind) -> list[Collection]:
        """All of a home, ordered by name; with `kinds` only those."""

    def zone(self, collection: Collection) -> tzinfo:
        """The zone in which its floating and all-day times happen: its own, else its owner's."""

    def create(self, owner: Principal, name: str, kind: CollectionKind, props: CollectionProps) -> Collection:
        """Raises AlreadyExists."""

    def update(self, collection: Collection) -> None:
        """Write display name, components, time zone and transparency; bumps the revision.

        A changed time zone rebuilds the floating rows of the instance index.
        """

    def rename(self, collection: Collection, name: str) -> Collection:
        """Give it another place in its home; id, contents and sync tokens stay. Raises AlreadyExists."""

    def delete(self, collection: Collection) -> None:
        """With everything in it; a new collection of that name gets other sync tokens."""

    def touch(self, collection_id: int) -> int:
        """Bump the revision (once per transaction) and return it."""

    def dead_properties(self, path: str) -> dict[str, str]:
        """Clark name to XML element text, of the resource at `path` (a home, collection or object)."""

    def object_properties(self, collection: Collection) -> Mapping[int, Mapping[str, str]]:
        """Dead properties of all objects of a collection that have any, by object id: for listings."""

    def set_dead_property(self, path: str, name: str, xml: str | None) -> None:
        """None removes it. Moved and deleted with the resource by the rows that move or delete it."""


class ObjectRows(Protocol):
    """Resources of collections, with the instance index, sync history and parsed-object cache."""

    def get(self, collection: Collection, name: str) -> StoredObject | None: ...
    def by_id(self, object_id: int) -> StoredObject | None: ...
    def by_uid(self, collection: Collection, uid: str) -> StoredObject | None: ...
    def in_home_by_uid(self, owner: Principal, uid: str) -> list[StoredObject]:
        """Those in calendars (not in the inbox)."""

    def in_all_homes_by_uid(self, uid: str) -> list[StoredObject]:
        """Those in any calendar of anybody (not in inboxes)."""

    def body(self, stored: StoredObject) -> bytes: ...
    def bodies(self, stored: Sequence[StoredObject]) -> dict[int, bytes]:
        """By object id; one statement per few hundred."""

    def parsed(self, stored: StoredObject) -> CalendarObject:
        """Through the cache (keyed by ETag)."""

    def all(self, collection: Collection) -> Iterator[StoredObject]:
        """Ordered by name."""

    def named(self, collection: Collection, names: Sequence[str]) -> dict[str, StoredObject]: ...
    def count(self, collection: Collection) -> int: ...
    def put(
        self, collection: Collection, name: str, obj: CalendarObject, *, schedule_tag: str | None
    ) -> StoredObject:
        """Insert or replace; writes the instance index, bumps the revision, clears the name's tombstone.

        Raises UidConflict where another object of the (non-inbox) collection has the UID.
        """

    def put_raw(
        self, collection: Collection, name: str, body: bytes, content_type: str, uid: str
    ) -> StoredObject:
        """Like `put`, for vCards and for plain collections: no index."""

    def delete(self, stored: StoredObject) -> None:
        """Leaves a tombstone; bookings and index rows go with it."""

    def move(self, stored: StoredObject, collection: Collection, name: str) -> StoredObject:
        """Keeps id, ETag and dead properties; tombstone in the old place. The target must not exist."""

    def changes_since(
        self,
        collection: Collection,
        revision: int,
        *,
        removed_since: int | None = None,
        after: tuple[int, str] = (-1, ""),
        limit: int | None = None,
    ) -> list[Change]:
        """Ordered by revision and name; at most `limit` of those behind `after`, such a pair.

        `removed_since`: another revision for what was removed; nothing is since 0. Raises InvalidSyncToken
        where the history before was pruned.
        """

    def removed(self, collection: Collection, name: str | None = None) -> list[Removal]:
        """What is gone and not yet forgotten, in that order; with `name` only that."""

    def forgetful(self, collection: Collection) -> bool:
        """Whether removals were forgotten already."""

    def prune_tombstones(self, before: datetime) -> int: ...


class InstanceRows(Protocol):
    """The instance index. Beyond its horizon, series are expanded by the caller's hand in `busy` alike."""

    def objects_in_range(
        self,
        collection: Collection,
        window: TimeRange,
        kinds: AnyOf[str] = (),
        *,
        zone: tzinfo | None = None,
    ) -> list[StoredObject]:
        """Objects of which some instance overlaps the window, beyond the horizon too; `kinds` empty: all.

        Exact for events. Of all other components, those that may match: RFC 4791 §9.9 looks at more than
        their span. Floating and all-day instances happen in `zone`; None: in the collection's own.
        """

    def busy(
        self, collections: Sequence[Collection], window: Period, *, ignore_uid: str | None = None
    ) -> list[BusyPeriod]:
        """Unmerged busy periods overlapping the window, unclipped, ordered by start; FREE rows left out."""

    def rows(self, collections: Sequence[Collection], *windows: Period) -> list[InstanceRow]:
        """All rows (FREE ones too) overlapping the windows, ordered by start, beyond the horizon too.

        A row that overlaps several windows is there for each of them.
        """

    def extend(self, now: datetime, limit: int) -> int:
        """Index further what the rolling horizon has come to; returns how many objects were extended."""

    def reindex(self, progress: Callable[[int, int], None], collection: Collection | None = None) -> None:
        """Rebuild every row, or those of one collection; `progress(done, total)`."""


class BookingRows(Protocol):
    """Taken slots of rooms and resources; no two overlap in one slot (enforced by the database)."""

    def of(self, room: Principal, *windows: Period) -> list[Booking]:
        """Those that overlap the windows, by start; one that overlaps several is there for each of them.

        Bookings longer than a day come in pieces.
        """

    def replace(self, room: Principal, stored: StoredObject, bookings: Iterable[tuple[Period, int]]) -> None:
        """The bookings (period, slot) of one object, instead of those it had. Raises BookingConflict."""

    def all(self, room: Principal) -> list[Booking]: ...


class Directory(Protocol):
    """Principals, addresses, groups, grants, passwords, tokens."""

    def by_name(self, name: str) -> Principal | None: ...
    def by_id(self, principal_id: int) -> Principal | None: ...
    def by_address(self, address: CalendarUserAddress) -> Principal | None:
        """By any of its addresses: `mailto:`, path or `urn:uuid:`."""

    def all(self, *kinds: CalendarUserType) -> list[Principal]:
        """Ordered by name."""

    def save(self, principal: Principal) -> Principal:
        """Insert (id 0) or update by name; returns it with id and uuid. Raises DirectoryError for an
        address or name that is somebody else's.
        """

    def provision(self, principal: Principal) -> None:
        """Create the collections that every principal of its kind has, where missing: `calendar`, `tasks`
        (people), `inbox`, `outbox`.
        """

    def delete(self, principal: Principal) -> None: ...
    def members(self, group: Principal) -> list[Principal]:
        """Direct members, by name."""

    def set_members(self, group: Principal, names: Sequence[str]) -> None: ...
    def expand(self, group: Principal) -> list[Principal]:
        """All people, rooms and resources of a group, nested groups expanded (cycles are harmless)."""

    def groups_of(self, principal: Principal) -> list[Principal]:
        """All groups that hold it, directly or through others."""

    def grants(self, owner: Principal) -> list[Grant]: ...
    def grants_to(self, grantees: AnyOf[str]) -> list[Grant]: ...
    def set_grants(self, owner: Principal, collection_id: int | None, grants: Sequence[Grant]) -> None:
        """Replaces the grants of that home or collection."""

    def password_hash(self, principal: Principal) -> str | None: ...
    def set_password_hash(self, principal: Principal, password_hash: str | None) -> None: ...
    def add_token(self, principal: Principal, name: str, digest: str, expires: datetime | None) -> Token: ...
    def token_by_digest(self, digest: str) -> Token | None:
        """Not an expired one."""

    def tokens(self, principal: Principal) -> list[Token]: ...
    def delete_token(self, token_id: int) -> bool: ...


class JobRows(Protocol):
    """The transactional outbox: work to be done after commit, at least once, by whoever leases it."""

    def add(
        self,
        kind: str,
        payload: Mapping[str, object],
        *,
        dedupe: str | None = None,
        not_before: datetime | None = None,
    ) -> None:
        """With `dedupe`, a waiting job of that key is replaced (payload, the earlier not_before kept)."""

    def lease(self, kinds: AnyOf[str], now: datetime, seconds: int) -> Job | None:
        """The next due job, hidden from others for `seconds`; None where nothing is due."""

    def done(self, job: Job) -> None: ...
    def fail(self, job: Job, error: str, retry_at: datetime) -> None: ...
    def next_due(self) -> datetime | None: ...


class CancellationRows(Protocol):
    """CANCELs from elsewhere, kept for invitations that they overtook (RFC 5546 §2.1.5)."""

    def add(self, recipient: Principal, sent: CalendarObject) -> None:
        """The same one is remembered only once."""

    def of(self, recipient: Principal, uid: str) -> list[CalendarObject]:
        """In the order in which they came, whoever sent them."""

    def prune(self, before: datetime) -> int: ...


class Transaction(Protocol):
    """One snapshot (read) or one atomic change (write) of the database, by one actor."""

    actor: Actor
    now: datetime
    """The instant of its start: DTSTAMPs and modification times of everything in it."""
    writable: bool
    sync_epoch: str
    """Random per database: sync tokens of another database are not ours."""
    collections: CollectionRows
    objects: ObjectRows
    instances: InstanceRows
    bookings: BookingRows
    directory: Directory
    jobs: JobRows
    cancellations: CancellationRows

    def lock(self, keys: Iterable[str]) -> None:
        """Serialise with other writers on these keys ("uid:…", "room:…"); the order is fixed inside."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo everything inside on an exception, and let it pass."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Called once the change is durable; never on a rollback."""


class Store(Protocol):
    """A database."""

    clock: Clock

    def read(self, actor: Actor = NOBODY) -> AbstractContextManager[Transaction]:
        """One snapshot for everything inside; the first statement begins it."""

    def write(self, actor: Actor) -> AbstractContextManager[Transaction]:
        """Commit on normal exit, rollback on any exception. Raises StoreBusy."""

    def ping(self) -> None:
        """Raises StoreError where the database does not answer."""

    def problems(self, progress: Callable[[int, int], None]) -> Iterator[str]:
        """What is wrong with the data, as sentences; `progress(done, total)`. Reads everything."""

    def close(self) -> None: ...


class SyncToken(NamedTuple):
    """DAV:sync-token, also the ctag (RFC 6578 §4)."""

    epoch: str
    collection_id: int
    revision: int
    position: str = ""
    """Where a limited answer stopped among the changes since `revision`; "" after a complete one."""

    def __str__(self) -> str:
        rest = f":{self.position}" if self.position else ""
        return f"urn:x-calcore:sync:{self.epoch}:{self.collection_id}:{self.revision}{rest}"

    @classmethod
    def parse(cls, text: str) -> SyncToken:
        """Raises InvalidSyncToken."""
        parts = text.strip().split(":")
        if len(parts) not in {6, 7} or parts[:3] != ["urn", "x-calcore", "sync"]:
            raise InvalidSyncToken("not a sync token of this server")
        try:
            return cls(parts[3], int(parts[4]), int(parts[5]), parts[6] if len(parts) == 7 else "")
        except ValueError:
            raise InvalidSyncToken("not a sync token of this server") from None


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of a store."""

    index_ahead_days: int = 730
    """How far ahead of now instances are indexed."""
    index_behind_days: int = 366
    """Series are indexed from this long before now; earlier ranges expand the few series that need it."""
    parsed_cache_bytes: int = 32_000_000
    busy_timeout: float = 10.0
    """Seconds that a writer waits for another."""
    options: Mapping[str, str] = field(default_factory=dict)
