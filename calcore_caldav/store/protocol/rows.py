# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction does with collections, objects, instances, bookings, jobs and cancellations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Collection as AnyOf
from datetime import datetime, tzinfo
from typing import Protocol

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import BusyPeriod
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.store.protocol.values import (
    Booking,
    Change,
    Collection,
    CollectionKind,
    CollectionProps,
    InstanceRow,
    Job,
    Removal,
    StoredObject,
)


class CollectionRows(Protocol):
    """Collections and their properties."""

    def get(self, owner: str, name: str) -> Collection | None:
        """The collection at /owner/name/."""

    def by_id(self, collection_id: int) -> Collection | None:
        """The collection of that id."""

    def of(self, owner: Principal, *kinds: CollectionKind) -> list[Collection]:
        """All of a home, ordered by name; with `kinds` only those."""

    def zone(self, collection: Collection) -> tzinfo:
        """The zone in which its floating and all-day times happen: its own, else its owner's."""

    def create(self, owner: Principal, name: str, kind: CollectionKind, props: CollectionProps) -> Collection:
        """Make a collection. Raises AlreadyExists."""

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
        """Clark name to XML element text, of the home, collection or object at `path`; {} where nothing is."""

    def object_properties(self, collection: Collection) -> Mapping[int, Mapping[str, str]]:
        """Dead properties of all objects of a collection that have any, by object id: for listings."""

    def set_dead_property(self, path: str, name: str, xml: str | None) -> None:
        """Set a property of what is at `path`; None removes it. Raises NotFound.

        Moved and deleted with the resource by the rows that move or delete it.
        """


class ObjectRows(Protocol):
    """Resources of collections, with the instance index, sync history and parsed-object cache."""

    def get(self, collection: Collection, name: str) -> StoredObject | None:
        """The object of that name."""

    def by_id(self, object_id: int) -> StoredObject | None:
        """The object of that id, wherever it is."""

    def by_uid(self, collection: Collection, uid: str) -> StoredObject | None:
        """The object of that UID; the oldest one in collections where there can be several."""

    def in_home_by_uid(self, owner: Principal, uid: str) -> list[StoredObject]:
        """Those in calendars (not in the inbox)."""

    def in_all_homes_by_uid(self, uid: str) -> list[StoredObject]:
        """Those in any calendar of anybody (not in inboxes)."""

    def body(self, stored: StoredObject) -> bytes:
        """Its bytes. Raises NotFound where it was deleted in the meantime."""

    def bodies(self, stored: Sequence[StoredObject]) -> dict[int, bytes]:
        """Their bytes by object id; one statement per few hundred."""

    def parsed(self, stored: StoredObject) -> CalendarObject:
        """What its bytes say, through the cache (keyed by ETag)."""

    def all(self, collection: Collection) -> Iterator[StoredObject]:
        """All of a collection, ordered by name."""

    def named(self, collection: Collection, names: Sequence[str]) -> dict[str, StoredObject]:
        """Those of these names that there are."""

    def count(self, collection: Collection) -> int:
        """How many objects the collection holds."""

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
        """Leaves a tombstone; bookings and index rows go with it. Raises NotFound."""

    def move(self, stored: StoredObject, collection: Collection, name: str) -> StoredObject:
        """Keeps id, ETag and dead properties; tombstone in the old place.

        Raises AlreadyExists where the target does, UidConflict where its collection has the UID.
        """

    def changes_since(
        self,
        collection: Collection,
        revision: int,
        *,
        removed_since: int | None = None,
        after: tuple[int, str] = (-1, ""),
        limit: int | None = None,
    ) -> list[Change]:
        """What changed since a revision, ordered by revision and name; since 0, everything that is there.

        `after` is a pair of revision and name: only what is behind it, at most `limit` changes.
        `removed_since`: another revision for what was removed; nothing is since 0. Raises InvalidSyncToken
        where the history before was pruned, or for a revision that is still to come.
        """

    def removed(self, collection: Collection, name: str | None = None) -> list[Removal]:
        """What is gone and not yet forgotten, in that order; with `name` only that."""

    def forgetful(self, collection: Collection) -> bool:
        """Whether removals were forgotten already."""

    def prune_tombstones(self, before: datetime) -> int:
        """Forget removals before an instant: older sync tokens become invalid. Returns how many."""


class InstanceRows(Protocol):
    """The instance index. What it does not hold is expanded from the objects: every answer is exact."""

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
        """The bookings (period, slot) of one object, instead of those it had.

        Raises BookingConflict, and then it has those that it had.
        """

    def discard(self, room: Principal, *, keep: Iterable[int]) -> None:
        """Drop those of objects of other ids than these, whether the objects exist or not: to repair."""

    def all(self, room: Principal) -> list[Booking]:
        """All bookings of a room, by start."""

    def held(self, room: Principal, stored: StoredObject) -> list[Period]:
        """What a room holds for one object, by start."""


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
        """Work for after the commit. `payload` is what JSON can hold.

        With `dedupe`, a waiting job of that key is replaced (payload, the earlier not_before kept). A job
        that somebody works on is not waiting: the new one comes after it.
        """

    def lease(self, kinds: AnyOf[str], now: datetime, seconds: int) -> Job | None:
        """The next due job, hidden from others for `seconds`; None where nothing is due.

        Its `attempts` count this one.
        """

    def done(self, job: Job) -> None:
        """It is finished: forget it."""

    def fail(self, job: Job, error: str, retry_at: datetime) -> None:
        """It did not work: try again at `retry_at`."""

    def next_due(self) -> datetime | None:
        """When the next job, leased ones included, may run; None where there is none."""


class CancellationRows(Protocol):
    """CANCELs from elsewhere, kept for invitations that they overtook (RFC 5546 §2.1.5)."""

    def add(self, recipient: Principal, sent: CalendarObject) -> None:
        """Remember a CANCEL; the same one only once."""

    def of(self, recipient: Principal, uid: str) -> list[CalendarObject]:
        """What is remembered for a recipient of one UID, in the order in which it came, whoever sent it."""

    def prune(self, before: datetime) -> int:
        """Forget what came before an instant; returns how many."""
