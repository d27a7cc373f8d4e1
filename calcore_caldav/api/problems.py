# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in Google's shape: a status, a reason, a sentence, and the field or parameter that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from calcore_caldav import errors
from calcore_caldav.api.fields import FIELDS


class ApiProblem(Exception):  # it is an answer, not a failure of the program
    """An answer other than success; `location` names what is wrong, `kind` says where it stands."""

    def __init__(
        self, status: int, reason: str, message: str, *, location: str = "", kind: str = "parameter"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.location = location
        self.kind = kind

    def to_json(self) -> dict[str, Any]:
        """{"error": {"code", "message", "errors": [{"domain", "reason", "message", …}]}}."""
        item = {"domain": _DOMAINS.get(self.reason, "global"), "reason": self.reason, "message": self.message}
        if self.location:
            item |= {"locationType": self.kind, "location": self.location}
        return {"error": {"errors": [item], "code": self.status, "message": self.message}}


_DOMAINS: Final = {
    "timeRangeEmpty": "calendar",
    "forbiddenForNonOrganizer": "calendar",
    "fullSyncRequired": "calendar",
    "updatedMinTooLongAgo": "calendar",
    "cannotChangeOwnAcl": "calendar",
    "malformedContentId": "batch",
}


def invalid(location: str, message: str = "", *, kind: str = "") -> ApiProblem:
    """400: a field or parameter has a wrong value. What stands below something else is a field."""
    kind = kind or ("field" if "." in location else "parameter")
    return ApiProblem(
        400, "invalid", message or f"Invalid value for: {location}", location=location, kind=kind
    )


def required(location: str, message: str = "", *, kind: str = "parameter") -> ApiProblem:
    """400: a field or parameter is missing."""
    return ApiProblem(
        400, "required", message or f"Required value is missing: {location}", location=location, kind=kind
    )


def not_found() -> ApiProblem:
    """404: there is no such thing, or the caller may not know of it."""
    return ApiProblem(404, "notFound", "Not Found")


def deleted() -> ApiProblem:
    """410: it was there, and is gone."""
    return ApiProblem(410, "deleted", "Resource has been deleted")


def forbidden(message: str = "Forbidden") -> ApiProblem:
    """403: a privilege is missing."""
    return ApiProblem(403, "forbidden", message)


def full_sync_required() -> ApiProblem:
    """410: the sync token is too old or was never valid: start again without one."""
    return ApiProblem(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        location="syncToken",
    )


def _not_calendar_data(error: errors.InvalidCalendarData) -> ApiProblem:
    """400 naming the field that the property in the sentence was made of; JSON has no lines to count."""
    sentence = _LINE.sub("", error.detail)
    name = sentence.partition(":")[0]
    location = _FIELD_OF.get(name) or _FIELD_OF.get(error.precondition, "")
    return ApiProblem(400, "invalid", sentence, location=location, kind="field")


_LINE: Final = re.compile(r"^line \d+: ")
_FIELD_OF: Final = {prop: field.name for field in FIELDS for prop in field.properties} | {
    "DTSTART": "start",
    "DTEND": "end",
    "RRULE": "recurrence",
    "EXRULE": "recurrence",
    "RDATE": "recurrence",
    "EXDATE": "recurrence",
    "ATTENDEE": "attendees",
    "max-attendees-per-instance": "attendees",
    "ORGANIZER": "organizer",
    "UID": "iCalUID",
}


def _refused(error: errors.SchedulingRefused) -> ApiProblem:
    if error.precondition == "allowed-attendee-scheduling-object-change":
        return ApiProblem(
            403, "forbiddenForNonOrganizer", f"Only the organizer may change this: {error.detail}"
        )
    if error.precondition == "unique-scheduling-object-resource":
        return ApiProblem(409, "duplicate", f"The meeting is in another calendar: {error.detail}")
    return ApiProblem(403, "forbidden", f"{error.detail} ({error.precondition})")


_TABLE: Final[dict[type[errors.CalcoreError], Callable[[Any], ApiProblem]]] = {
    errors.InvalidCalendarData: _not_calendar_data,
    errors.UnsupportedValue: lambda e: ApiProblem(400, "invalid", e.detail),
    errors.InvalidRequest: lambda e: ApiProblem(400, "badRequest", e.detail),
    errors.UidConflict: lambda e: ApiProblem(409, "duplicate", "The requested identifier already exists."),  # noqa: ARG005
    errors.AlreadyExists: lambda e: ApiProblem(409, "duplicate", "The requested identifier already exists."),  # noqa: ARG005
    errors.PreconditionFailed: lambda e: ApiProblem(
        412, "conditionNotMet", "Precondition Failed", location=e.header, kind="header"
    ),
    errors.NotFound: lambda e: not_found(),  # noqa: ARG005
    errors.NotPermitted: lambda e: forbidden(f"The privilege {e.privilege!r} is needed."),
    errors.SchedulingRefused: _refused,
    errors.InvalidSyncToken: lambda e: full_sync_required(),  # noqa: ARG005
    errors.TooManyInstances: lambda e: ApiProblem(
        400, "timeRangeTooLong", f"More than {e.limit} instances: ask for a shorter time."
    ),
    errors.TooManyResults: lambda e: ApiProblem(400, "badRequest", f"More than {e.limit} matches."),
    errors.DirectoryError: lambda e: ApiProblem(400, "invalid", str(e)),
    errors.StoreBusy: lambda e: ApiProblem(503, "backendError", "Busy: try again."),  # noqa: ARG005
    errors.BookingConflict: lambda e: ApiProblem(409, "conflict", "The room was taken meanwhile: try again."),  # noqa: ARG005
}


def problem_of(error: errors.CalcoreError) -> ApiProblem:
    """The answer for an error of the program; the nearest class in the table decides."""
    for cls in type(error).__mro__:
        if cls in _TABLE:
            return _TABLE[cls](error)
    return ApiProblem(500, "backendError", "Backend Error")


def status_line(status: int) -> str:
    """The status with its phrase."""
    return f"{status} {HTTPStatus(status).phrase}"
