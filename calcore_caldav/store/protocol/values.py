# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store keeps, as values: collections and their objects, changes, bookings, grants, jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import CalendarUserAddress, Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period


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
