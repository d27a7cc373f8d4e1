# SPDX-License-Identifier: GPL-3.0-or-later
"""The corridor: every change of calendar data goes through `CalendarService`, whatever door it came in by.

A change is checked (who may, conditional headers, what a calendar accepts, UIDs), handed to the scheduling
engine, which writes everybody else's copies, and then stored: all of it in the caller's transaction, so that
an error at any point leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.vcard import vcard_uid
from calcore_caldav.errors import (
    AlreadyExists,
    InvalidCalendarData,
    InvalidRequest,
    NotFound,
    NotPermitted,
    SchedulingRefused,
    UidConflict,
)
from calcore_caldav.scheduling import room_agenda, rooms
from calcore_caldav.scheduling.access import BOXES, privileges, require, shown, tag_of, veils
from calcore_caldav.scheduling.answering import overruled
from calcore_caldav.scheduling.conditions import NORMAL, UNCONDITIONAL, Conditions, ScheduleOptions
from calcore_caldav.scheduling.engine import ObjectChange, SchedulingEngine, SchedulingOutcome, lock_keys
from calcore_caldav.scheduling.handover import goes_to_heir, hand_over
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.splitting import Halves, split_meeting
from calcore_caldav.store.protocol import (
    Collection,
    CollectionKind,
    CollectionProps,
    StoredObject,
    Transaction,
)

_SILENT = ScheduleOptions(silent=True)


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a write left behind."""

    stored: StoredObject
    created: bool
    modified: bool
    """The stored bytes differ from the sent ones: no ETag in the answer (RFC 4791 §5.3.4)."""


class CalendarService:
    """All writes. Stateless: one per process, shared by threads."""

    def __init__(self, engine: SchedulingEngine, settings: SchedulingSettings) -> None:
        self.engine = engine
        self.settings = settings

    # ---- objects

    def put(
        self,
        txn: Transaction,
        collection: Collection,
        name: str,
        body: bytes | CalendarObject,
        *,
        content_type: str = "text/calendar",
        conditions: Conditions = UNCONDITIONAL,
        options: ScheduleOptions = NORMAL,
    ) -> PutResult:
        """Store a resource, with everything it causes (RFC 4791 §5.3.2, RFC 6638 §3).

        `body` may be a CalendarObject that was validated already; it keeps its bytes. Raises NotPermitted,
        PreconditionFailed, InvalidCalendarData, UidConflict, SchedulingRefused.
        """
        stored = txn.objects.get(collection, name)
        self._require(txn, collection, Privilege.WRITE_CONTENT if stored else Privilege.BIND, name)
        conditions.check(stored)
        if collection.kind is not CollectionKind.CALENDAR:
            raw = body if isinstance(body, bytes) else body.body
            row = self._put_raw(txn, collection, name, raw, content_type)
            return PutResult(row, stored is None, modified=False)
        new = (
            body
            if isinstance(body, CalendarObject)
            else CalendarObject.parse(body, limits=self.settings.limits)
        )
        if new.kind not in collection.components:
            raise InvalidCalendarData(
                f"{new.kind} in a calendar for {', '.join(collection.components)}",
                "supported-calendar-component",
            )
        change = self._change(txn, collection, name, stored, new, options)
        change = replace(change, merge_answers=conditions.if_schedule_tag_match is not None)
        self._check_uid(txn, change)
        outcome = self._schedule(txn, change, options)
        if outcome.stored is None:
            raise InvalidRequest("scheduling left nothing to store")
        self._check_unique(txn, change, outcome)
        made = outcome.stored
        if change.owner.kind.bookable and change.old is not None:
            made = overruled(change.old, made, change.owner.own_addresses)
        row = txn.objects.put(collection, name, made, schedule_tag=outcome.schedule_tag)
        if change.owner.kind.bookable:
            # Written by a manager: what stands in a room's calendar is booked, whatever its policy says.
            rooms.book(txn, change.owner, row, made, settings=self.settings)
        return PutResult(row, stored is None, modified=made.body != new.body)

    def delete(
        self,
        txn: Transaction,
        stored: StoredObject,
        *,
        conditions: Conditions = UNCONDITIONAL,
        options: ScheduleOptions = NORMAL,
    ) -> None:
        """Delete a resource: the organizer's cancels, an attendee's declines (RFC 6638 §3.2.1.3, §3.2.2.4)."""
        collection = self._collection(txn, stored.collection_id)
        self._require(txn, collection, Privilege.UNBIND, stored.name)
        conditions.check(self._tagged(txn, collection, stored))
        self._delete(txn, collection, stored, options)

    def copy(
        self,
        txn: Transaction,
        source: StoredObject,
        target: Collection,
        name: str,
        *,
        overwrite: bool,
        conditions: Conditions = UNCONDITIONAL,
    ) -> PutResult:
        """COPY a resource; raises AlreadyExists without `overwrite` (RFC 4918 §9.8)."""
        origin = self._collection(txn, source.collection_id)
        self._require(txn, origin, Privilege.READ, source.name)
        conditions.check(self._tagged(txn, origin, source))
        self._check_target(txn, source, target, name, overwrite=overwrite)
        return self.put(txn, target, name, self._seen(txn, origin, source), content_type=source.content_type)

    def move(
        self,
        txn: Transaction,
        source: StoredObject,
        target: Collection,
        name: str,
        *,
        overwrite: bool,
        conditions: Conditions = UNCONDITIONAL,
        options: ScheduleOptions = NORMAL,
    ) -> PutResult:
        """MOVE a resource (RFC 4918 §9.9).

        Between calendars of one home nobody hears of it (RFC 6638 §3.2.1.1). An organizer's meeting that goes
        into somebody else's calendar is theirs from then on; else it is a deletion here, and a creation there.
        """
        origin = self._collection(txn, source.collection_id)
        self._require(txn, origin, Privilege.UNBIND, source.name)
        conditions.check(self._tagged(txn, origin, source))
        if not isinstance(self._seen(txn, origin, source), bytes):
            # It would take the secret along, or lose it.
            raise NotPermitted(Privilege.WRITE_CONTENT.value, source.path)
        existing = self._check_target(txn, source, target, name, overwrite=overwrite)
        same_kind = origin.kind is target.kind and origin.principal_id == target.principal_id
        if existing is not None or not same_kind:
            if goes_to_heir(txn, source, origin, target):
                self._require(txn, target, Privilege.BIND, name)
                row = hand_over(txn, self.engine, source, target, name, mail=options.mail)
                return PutResult(row, existing is None, modified=True)
            body = txn.objects.body(source)
            silent = _SILENT if same_kind else options
            self._delete(txn, origin, source, silent)
            return self.put(txn, target, name, body, content_type=source.content_type, options=options)
        self._require(txn, target, Privilege.BIND, name)
        if source.component and source.component not in target.components:
            raise InvalidCalendarData(
                f"{source.component} in a calendar for {', '.join(target.components)}",
                "supported-calendar-component",
            )
        if (holder := self._holder(txn, target, source.uid)) and holder.id != source.id:
            raise UidConflict(source.uid, holder.path)
        return PutResult(txn.objects.move(source, target, name), created=True, modified=False)

    def split(
        self,
        txn: Transaction,
        stored: StoredObject,
        rid: RecurrenceId,
        uid: str | None = None,
        *,
        conditions: Conditions = UNCONDITIONAL,
    ) -> Halves:
        """Make one series two, from `rid` on: "this and following"; see `splitting.split_meeting`."""
        collection = self._collection(txn, stored.collection_id)
        for privilege in (Privilege.WRITE_CONTENT, Privilege.BIND):
            self._require(txn, collection, privilege, stored.name)
        conditions.check(stored)
        owner = self._owner(txn, collection)
        txn.lock(lock_keys(txn, self._change(txn, collection, stored.name, stored, None, NORMAL)))
        return split_meeting(txn, owner, stored, rid, uid, settings=self.settings)

    # ---- collections

    def create_collection(
        self, txn: Transaction, owner: Principal, name: str, kind: CollectionKind, props: CollectionProps
    ) -> Collection:
        """MKCALENDAR, MKCOL (RFC 4791 §5.3.1, RFC 5689). Raises AlreadyExists."""
        require(
            privileges(txn, txn.actor, owner, settings=self.settings), Privilege.BIND, f"{owner.path}{name}/"
        )
        if kind in BOXES:
            raise NotPermitted(Privilege.BIND.value, f"{owner.path}{name}/")
        return txn.collections.create(owner, name, kind, props)

    def update_collection(self, txn: Transaction, collection: Collection) -> None:
        """Write a collection's display name, components, time zone and transparency."""
        self._require(txn, collection, Privilege.WRITE_PROPERTIES)
        before, owner = self._collection(txn, collection.id), self._owner(txn, collection)
        txn.collections.update(collection)
        if owner.kind.bookable and before.timezone != collection.timezone:
            # All-day and floating bookings are at other times now.
            rebook(txn, owner, settings=self.settings)

    def rename_collection(self, txn: Transaction, collection: Collection, name: str) -> Collection:
        """MOVE of a collection inside its home: invitations follow a default calendar. Raises AlreadyExists."""
        owner = self._owner(txn, collection)
        self._require(txn, collection, Privilege.UNBIND)
        path = f"{owner.path}{name}/"
        require(privileges(txn, txn.actor, owner, settings=self.settings), Privilege.BIND, path)
        if collection.kind in BOXES:
            raise NotPermitted(Privilege.UNBIND.value, collection.path)
        renamed = txn.collections.rename(collection, name)
        if collection.kind is CollectionKind.CALENDAR and collection.name == owner.default_calendar:
            txn.directory.save(replace(owner, default_calendar=name))
        return renamed

    def delete_collection(
        self, txn: Transaction, collection: Collection, options: ScheduleOptions = NORMAL
    ) -> None:
        """With all its objects, each deleted as by `delete`; not a home's inbox, outbox or default calendar."""
        self._require(txn, collection, Privilege.UNBIND)
        owner = self._owner(txn, collection)
        if collection.kind in BOXES:
            raise NotPermitted(Privilege.UNBIND.value, collection.path)
        if collection.kind is CollectionKind.CALENDAR and collection.name == owner.default_calendar:
            raise SchedulingRefused(
                "default-calendar-needed", "invitations go to this calendar", collection.path
            )
        for stored in list(txn.objects.all(collection)):
            self._delete(txn, collection, stored, options)
        txn.collections.delete(collection)

    def set_default_calendar(self, txn: Transaction, owner: Principal, name: str) -> None:
        """Let invitations go to another calendar of the home (RFC 6638 §9.2)."""
        collection = txn.collections.get(owner.name, name)
        if (
            collection is None
            or collection.kind is not CollectionKind.CALENDAR
            or "VEVENT" not in collection.components
        ):
            raise SchedulingRefused(
                "valid-schedule-default-calendar-URL", "not a calendar for events of this home"
            )
        self._require(txn, collection, Privilege.WRITE_PROPERTIES)
        txn.directory.save(replace(owner, default_calendar=name))

    # ---- what the methods above share

    def _put_raw(
        self, txn: Transaction, collection: Collection, name: str, body: bytes, content_type: str
    ) -> StoredObject:
        """Address books and plain collections take what they are given; inbox and outbox nothing."""
        if collection.kind in BOXES:
            raise NotPermitted(Privilege.BIND.value, f"{collection.path}{name}")
        if len(body) > self.settings.limits.max_resource_size:
            raise InvalidCalendarData(f"{len(body)} octets", "max-resource-size")
        uid = vcard_uid(body) if collection.kind is CollectionKind.ADDRESSBOOK else ""
        return txn.objects.put_raw(collection, name, body, content_type, uid)

    def _delete(
        self, txn: Transaction, collection: Collection, stored: StoredObject, options: ScheduleOptions
    ) -> None:
        if collection.kind is CollectionKind.CALENDAR:
            self._schedule(txn, self._change(txn, collection, stored.name, stored, None, options), options)
        txn.objects.delete(stored)

    def _change(
        self,
        txn: Transaction,
        collection: Collection,
        name: str,
        stored: StoredObject | None,
        new: CalendarObject | None,
        options: ScheduleOptions,
    ) -> ObjectChange:
        return ObjectChange(
            owner=self._owner(txn, collection),
            collection=collection,
            name=name,
            stored=stored,
            old=txn.objects.parsed(stored) if stored else None,
            new=new,
            reply=options.reply,
            mail=options.mail,
        )

    def _schedule(
        self, txn: Transaction, change: ObjectChange, options: ScheduleOptions
    ) -> SchedulingOutcome:
        # Before the first write of the change: who books the same room, or changes the same meeting, waits.
        txn.lock(lock_keys(txn, change))
        if change.owner.kind.bookable:
            room_agenda.before_change(txn, change.owner, change.old)
        if options.silent:
            tag = change.stored.schedule_tag if change.stored else None
            return SchedulingOutcome(change.new, tag)
        return self.engine.process(txn, change)

    def _check_uid(self, txn: Transaction, change: ObjectChange) -> None:
        """CALDAV:no-uid-conflict: one UID, one resource of the calendar, for ever (RFC 4791 §5.3.2.1)."""
        assert change.new is not None
        if change.stored is not None and change.stored.uid != change.new.uid:
            raise UidConflict(change.new.uid, change.stored.path)
        holder = self._holder(txn, change.collection, change.new.uid)
        if holder is not None and (change.stored is None or holder.id != change.stored.id):
            raise UidConflict(change.new.uid, holder.path)

    def _check_unique(self, txn: Transaction, change: ObjectChange, outcome: SchedulingOutcome) -> None:
        """A scheduling object's UID stands in one calendar of a home only (RFC 6638 §3.2.4.1)."""
        assert change.new is not None
        for other in txn.objects.in_home_by_uid(change.owner, change.new.uid):
            elsewhere = change.stored is None or other.id != change.stored.id
            if elsewhere and (other.schedule_tag is not None or outcome.schedule_tag is not None):
                raise SchedulingRefused(
                    "unique-scheduling-object-resource",
                    "another calendar of this home holds the meeting",
                    other.path,
                )

    def _check_target(
        self, txn: Transaction, source: StoredObject, target: Collection, name: str, *, overwrite: bool
    ) -> StoredObject | None:
        existing = txn.objects.get(target, name)
        if existing is not None and existing.id == source.id:
            raise InvalidRequest("source and destination are the same resource")
        if existing is not None and not overwrite:
            raise AlreadyExists(existing.path)
        if existing is not None and target.kind is CollectionKind.CALENDAR and existing.uid != source.uid:
            raise UidConflict(source.uid, existing.path)
        return existing

    def _seen(self, txn: Transaction, collection: Collection, stored: StoredObject) -> bytes | CalendarObject:
        """An object as the actor may read it; its bytes where that is the whole."""
        held = self._held(txn, collection)
        if veils(collection, held):
            whole = txn.objects.parsed(stored)
            seen = shown(whole, collection, held)
            if seen is not whole:
                return seen
        return txn.objects.body(stored)

    def _tagged(self, txn: Transaction, collection: Collection, stored: StoredObject) -> StoredObject:
        """With the entity tag that the actor knows."""
        return replace(stored, etag=tag_of(stored, collection, self._held(txn, collection)))

    def _held(self, txn: Transaction, collection: Collection) -> frozenset[Privilege]:
        return privileges(txn, txn.actor, self._owner(txn, collection), collection, settings=self.settings)

    @staticmethod
    def _holder(txn: Transaction, collection: Collection, uid: str) -> StoredObject | None:
        return txn.objects.by_uid(collection, uid) if collection.kind is CollectionKind.CALENDAR else None

    def _require(
        self, txn: Transaction, collection: Collection, privilege: Privilege, name: str = ""
    ) -> None:
        require(self._held(txn, collection), privilege, collection.path + name)

    @staticmethod
    def _owner(txn: Transaction, collection: Collection) -> Principal:
        owner = txn.directory.by_id(collection.principal_id)
        if owner is None:
            raise NotFound(collection.path)
        return owner

    @staticmethod
    def _collection(txn: Transaction, collection_id: int) -> Collection:
        collection = txn.collections.by_id(collection_id)
        if collection is None:
            raise NotFound("its collection")
        return collection
