# SPDX-License-Identifier: GPL-3.0-or-later
"""The corridor: every change of calendar data goes through `CalendarService`."""

from __future__ import annotations

from dataclasses import dataclass

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal
from calcore_caldav.store.protocol import (
    Collection,
    CollectionKind,
    CollectionProps,
    StoredObject,
    Transaction,
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditional headers, already parsed; evaluated under the write lock (RFC 9110 §13, RFC 6638 §3.2.10).

    Entity tags keep their quotes; "*" is the tuple ("*",); None: header absent.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_schedule_tag_match: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """What a request says about scheduling."""

    reply: bool = True
    """False: the header Schedule-Reply: F (RFC 6638 §8.1)."""
    silent: bool = False
    """True: store without any scheduling (imports, restores)."""


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a write left behind."""

    stored: StoredObject
    created: bool
    modified: bool
    """The stored bytes differ from the sent ones: no ETag in the answer (RFC 4791 §5.3.4)."""


class CalendarService:
    """All reads that need rules and all writes. Stateless: one per process, shared by threads."""

    def put(
        self,
        txn: Transaction,
        collection: Collection,
        name: str,
        body: bytes | CalendarObject,
        *,
        content_type: str = "text/calendar",
        conditions: Conditions = Conditions(),
        options: ScheduleOptions = ScheduleOptions(),
    ) -> PutResult:
        """Store a resource, with everything it causes (RFC 4791 §5.3.2, RFC 6638 §3)."""
        raise NotImplementedError

    def delete(
        self,
        txn: Transaction,
        stored: StoredObject,
        *,
        conditions: Conditions = Conditions(),
        options: ScheduleOptions = ScheduleOptions(),
    ) -> None:
        """Delete a resource: the organizer's cancels, an attendee's declines (RFC 6638 §3.2.1.3, §3.2.2.3)."""
        raise NotImplementedError

    def copy(
        self,
        txn: Transaction,
        source: StoredObject,
        target: Collection,
        name: str,
        *,
        overwrite: bool,
        conditions: Conditions = Conditions(),
    ) -> PutResult:
        """COPY a resource; raises AlreadyExists without `overwrite`."""
        raise NotImplementedError

    def move(
        self,
        txn: Transaction,
        source: StoredObject,
        target: Collection,
        name: str,
        *,
        overwrite: bool,
        conditions: Conditions = Conditions(),
        options: ScheduleOptions = ScheduleOptions(),
    ) -> PutResult:
        """MOVE a resource; within one home without any message (RFC 6638 §3.2.1)."""
        raise NotImplementedError

    def create_collection(
        self, txn: Transaction, owner: Principal, name: str, kind: CollectionKind, props: CollectionProps
    ) -> Collection:
        """MKCALENDAR, MKCOL."""
        raise NotImplementedError

    def update_collection(self, txn: Transaction, collection: Collection) -> None:
        """Change display name, components, time zone or transparency."""
        raise NotImplementedError

    def delete_collection(
        self, txn: Transaction, collection: Collection, options: ScheduleOptions = ScheduleOptions()
    ) -> None:
        """With all its objects, each deleted as by `delete`."""
        raise NotImplementedError
