# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error of the package, in one tree.

Errors carry data, never a protocol's status code; each door maps the classes to its own answers.

    CalcoreError
    ├─ InvalidCalendarData      the bytes are not a calendar object resource (RFC 4791 §5.3.2.1)
    ├─ InvalidRequest           the request itself makes no sense (unknown filter, wrong time range …)
    ├─ UnsupportedValue         a filter, collation or data type that is not supported (RFC 4791 §7.5, §9.6)
    ├─ UidConflict              another resource already has this UID
    ├─ PreconditionFailed       If-Match, If-None-Match, If-Schedule-Tag-Match
    ├─ NotFound
    ├─ AlreadyExists
    ├─ NotPermitted             a privilege is missing (RFC 3744 §7.1.1)
    ├─ SchedulingRefused        a precondition of RFC 6638 §3.2.4 does not hold
    ├─ InvalidSyncToken         RFC 6578 §3.2
    ├─ TooManyInstances         more instances than a limit allows
    ├─ TooManyResults           more matches than a limit allows (DAV:number-of-matches-within-limits)
    ├─ DirectoryError           a directory file or a principal is wrong; lists all mistakes
    ├─ ConfigurationError       a setting is wrong
    └─ StoreError
       ├─ StoreBusy             the database stayed locked
       ├─ SchemaMismatch        the database is of another version of the program
       └─ BookingConflict       the no-overlap constraint refused a booking
"""

from __future__ import annotations

from collections.abc import Sequence


class CalcoreError(Exception):
    """Root of all errors of this package; `str()` is one sentence for a person."""


class InvalidCalendarData(CalcoreError):
    """The data cannot be stored in a calendar.

    `precondition` is the local name of the CalDAV precondition (RFC 4791 §5.3.2.1), for instance
    "valid-calendar-data", "valid-calendar-object-resource", "supported-calendar-component",
    "supported-calendar-data", "max-resource-size", "min-date-time", "max-date-time", "max-instances",
    "max-attendees-per-instance". `detail` names the property and the line.
    """

    def __init__(self, detail: str, precondition: str = "valid-calendar-data") -> None:
        super().__init__(detail)
        self.detail = detail
        self.precondition = precondition


class InvalidRequest(CalcoreError):
    """A request that is well-formed XML or JSON but makes no sense.

    `precondition` is the local name of a CalDAV (`caldav=True`) or WebDAV precondition, or None for a bare
    400.
    """

    def __init__(self, detail: str, precondition: str | None = None, *, caldav: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.precondition = precondition
        self.caldav = caldav


class UnsupportedValue(InvalidRequest):
    """A filter, collation or calendar-data type that this server doesn't support (always a precondition)."""


class UidConflict(CalcoreError):
    """Another resource has this UID; `path` is its absolute path without prefix (RFC 4791 §5.3.2.1).

    None where it is not to be told. `caldav` False: it is a vCard's (RFC 6352 §6.3.2.1).
    """

    def __init__(self, uid: str, path: str | None, *, caldav: bool = True) -> None:
        super().__init__(uid, path)
        self.uid = uid
        self.path = path
        self.caldav = caldav

    def __str__(self) -> str:
        return f"UID {self.uid!r} is already used by {self.path or 'another resource'}"


class PreconditionFailed(CalcoreError):
    """A conditional header does not hold; `header` names it."""

    def __init__(self, header: str) -> None:
        super().__init__(f"{header} does not hold")
        self.header = header


class NotFound(CalcoreError):
    """Nothing is there (or the actor may not know that something is)."""


class AlreadyExists(CalcoreError):
    """Something is there already."""


class NotPermitted(CalcoreError):
    """The actor lacks `privilege` (a local DAV: or CALDAV: name) on `path` (RFC 3744 §7.1.1)."""

    def __init__(self, privilege: str, path: str) -> None:
        super().__init__(f"the privilege {privilege!r} on {path} is needed")
        self.privilege = privilege
        self.path = path


class SchedulingRefused(CalcoreError):
    """A scheduling precondition does not hold (RFC 6638 §3.2.4).

    `precondition` is one of "allowed-organizer-scheduling-object-change",
    "allowed-attendee-scheduling-object-change", "same-organizer-in-all-components",
    "unique-scheduling-object-resource", "organizer-allowed", "attendee-allowed",
    "default-calendar-needed", "valid-schedule-default-calendar-URL".
    `path` is the conflicting resource's path, where the RFC wants its href.
    """

    def __init__(self, precondition: str, detail: str, path: str | None = None) -> None:
        super().__init__(detail)
        self.precondition = precondition
        self.detail = detail
        self.path = path


class InvalidSyncToken(CalcoreError):
    """The sync token is not of this collection, or its history was pruned (DAV:valid-sync-token)."""


class TooManyInstances(CalcoreError):
    """An expansion yields more than `limit` instances."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} instances")
        self.limit = limit


class TooManyResults(CalcoreError):
    """A query matches more than `limit` resources."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} matches")
        self.limit = limit


class DirectoryError(CalcoreError):
    """A directory file or principal is wrong; `problems` are sentences, each with file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ConfigurationError(CalcoreError):
    """A setting is wrong; the sentence says which and what to do."""


class StoreError(CalcoreError):
    """The database refused."""


class StoreBusy(StoreError):
    """Another writer held the database longer than the time-out; try again."""


class SchemaMismatch(StoreError):
    """The database was written by another version of the program."""


class BookingConflict(StoreError):
    """The no-overlap constraint refused a booking: the slot is taken."""
