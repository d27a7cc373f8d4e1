# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditional requests (RFC 9110 §13, RFC 6638 §8.3) and what else headers say of a write."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from calcore_caldav.dav.http import DavError, DavRequest, DavResponse
from calcore_caldav.errors import PreconditionFailed
from calcore_caldav.scheduling.conditions import Conditions, ScheduleOptions

_TAG: Final = re.compile(r'(?:W/)?"[^"]*"')


def conditions(request: DavRequest) -> Conditions:
    """The conditions of a write; the corridor checks them under its lock."""
    tag = request.header("if-schedule-tag-match")
    return Conditions(
        if_match=_tags(request.header("if-match")),
        if_none_match=_tags(request.header("if-none-match")),
        if_schedule_tag_match=None if tag is None else tag.strip(),
    )


def _tags(value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if value.strip() == "*":
        return ("*",)
    # A tag without quotes is no tag, and equals none.
    return tuple(_TAG.findall(value)) or (value.strip(),)


def schedule_options(request: DavRequest) -> ScheduleOptions:
    """Schedule-Reply: F leaves the organizer untold (RFC 6638 §8.1)."""
    return ScheduleOptions(reply=(request.header("schedule-reply") or "T").strip().upper() != "F")


def check_unmodified(request: DavRequest, modified: datetime | None) -> None:
    """Raise PreconditionFailed unless If-Unmodified-Since holds; an If-Match overrides it (§13.1.4)."""
    since = _date(request.header("if-unmodified-since"))
    if since is not None and request.header("if-match") is None and (modified is None or modified > since):
        raise PreconditionFailed("If-Unmodified-Since")


def check_etag(request: DavRequest, etag: str) -> None:
    """Raise PreconditionFailed unless the conditions hold for something whose entity tag is `etag`."""
    asked = conditions(request)
    if asked.if_match is not None and asked.if_match != ("*",) and etag not in asked.if_match:
        raise PreconditionFailed("If-Match")
    if asked.if_none_match is not None and _listed(etag, asked.if_none_match):
        raise PreconditionFailed("If-None-Match")


def check_read(request: DavRequest, etag: str, modified: datetime) -> None:
    """Evaluate the conditions of a GET or HEAD in the order of RFC 9110 §13.2.2.

    Raises PreconditionFailed, or DavError with 304 where the client has it already.
    """
    asked = conditions(request)
    if asked.if_match is not None and asked.if_match != ("*",) and etag not in asked.if_match:
        raise PreconditionFailed("If-Match")
    check_unmodified(request, modified)
    if asked.if_none_match is not None:
        if _listed(etag, asked.if_none_match):
            raise _not_modified(etag)
        return
    since = _date(request.header("if-modified-since"))
    if since is not None and modified <= since:
        raise _not_modified(etag)


def _listed(etag: str, tags: tuple[str, ...]) -> bool:
    """The weak comparison (§8.8.3.2)."""
    return tags == ("*",) or etag in {tag.removeprefix("W/") for tag in tags}


def _not_modified(etag: str) -> DavError:
    return DavError(DavResponse(HTTPStatus.NOT_MODIFIED, headers={"ETag": etag}))


def _date(value: str | None) -> datetime | None:
    """An HTTP-date; a recipient ignores an invalid one (§13.1.3)."""
    if value is None:
        return None
    try:
        parsed = parsedate_to_datetime(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
