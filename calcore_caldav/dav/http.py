# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers as values, and the table from errors to status and precondition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from calcore_caldav import errors
from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav import xml
from calcore_caldav.dav.xml import CR, C, D
from calcore_caldav.scheduling.services import Services
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Actor, Transaction

XML_TYPE: Final = "application/xml; charset=utf-8"


@dataclass(frozen=True)
class DavRequest:
    """One request inside its transaction."""

    method: str
    path: str
    """Decoded, without the prefix, exactly as the client sent it otherwise."""
    prefix: str
    """Path under which a proxy serves us; "" or "/something"."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes
    query: str
    hosts: frozenset[str]
    """What clients call this server, as `authority` writes it."""
    txn: Transaction
    services: Services
    held: dict[tuple[int, int], frozenset[Privilege]] = field(default_factory=dict)
    """Privileges of the actor, by owner and collection, as far as they were looked up."""

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.txn.actor

    @property
    def settings(self) -> SchedulingSettings:
        """The settings of the corridor."""
        return self.services.settings

    def header(self, name: str) -> str | None:
        """A header's value by its lower-case name."""
        return self.headers.get(name)

    @cached_property
    def xml(self) -> Element | None:
        """The root of the body; None without a body. Raises InvalidRequest."""
        return xml.parse(self.body)

    def depth(self, default: str, *allowed: str) -> str:
        """The Depth header, "0", "1" or "infinity" (RFC 4918 §10.2). Raises InvalidRequest."""
        value = (self.header("depth") or default).strip().lower()
        if value not in (allowed or ("0", "1", "infinity")):
            raise errors.InvalidRequest(f"Depth {value!r} makes no sense here")
        return value

    def href(self, path: str) -> str:
        """A DAV:href fragment of a path without prefix."""
        return xml.href(self.prefix + path)

    def path_of(self, url: str) -> str | None:
        """The path, decoded and without prefix, that a URL of this server names; None for any other."""
        parts = urlsplit_or_none(url)
        if parts is None or (parts[0] and parts[0] not in self.hosts):
            return None
        path = xml.path_in(url)
        if path is None or not path.startswith(self.prefix + "/"):
            return None
        return path[len(self.prefix) :]

    @cached_property
    def preferences(self) -> frozenset[str]:
        """Preferences, lower case: "return=minimal", "depth-noroot" (RFC 7240); `Brief: t` is minimal."""
        # Parameters of a preference mean nothing here; before RFC 7240 it was called "return-minimal".
        asked = (p.partition(";")[0].lower() for p in (self.header("prefer") or "").split(","))
        found = {re.sub(r'[\s"]', "", p).replace("return-", "return=") for p in asked}
        if (self.header("brief") or "").strip().lower() == "t":
            found.add("return=minimal")
        return frozenset(found)

    @property
    def minimal(self) -> bool:
        """Whether the client wants to hear of what exists and of what failed only (RFC 8144)."""
        return "return=minimal" in self.preferences


def urlsplit_or_none(url: str) -> tuple[str, str] | None:
    """Authority ("" for a path) and path of a URL; None where it is none."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme not in {"", "http", "https"}:
        return None
    return authority(parts.netloc), parts.path


def authority(text: str) -> str:
    """Host and port, lower case, without a log-in and without a scheme's own port (RFC 3986 §3.2, §6.2.3)."""
    return text.rpartition("@")[2].lower().removesuffix(":80").removesuffix(":443")


@dataclass(frozen=True, slots=True)
class DavResponse:
    """What goes back; `headers` without Content-Type and Content-Length."""

    status: int
    body: bytes | None = None
    content_type: str = XML_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[DavRequest], DavResponse]


class DavError(Exception):
    """An answer that undoes the transaction."""

    def __init__(self, response: DavResponse) -> None:
        super().__init__(response.status)
        self.response = response


class Delegated(Exception):
    """Radicale's own handler is to answer this request."""


def refused(status: int, precondition: str | None = None, content: str = "", detail: str = "") -> DavError:
    """An error with a precondition element (Clark name) in DAV:error (RFC 4918 §16)."""
    if precondition is None:
        return DavError(DavResponse(status, f"{detail}\n".encode(), "text/plain; charset=utf-8"))
    return DavError(
        DavResponse(status, xml.document(D("error"), xml.wrap(precondition, content), comment=detail))
    )


def multistatus(request: DavRequest, body: bytes) -> DavResponse:
    """A 207 answer; says whether a preference was honoured."""
    applied = [p for p in ("return=minimal", "depth-noroot") if p in request.preferences]
    headers = {"Vary": "Brief, Prefer"}
    if applied:
        headers["Preference-Applied"] = ", ".join(applied)
    return DavResponse(HTTPStatus.MULTI_STATUS, body, headers=headers)


def error_of(error: errors.CalcoreError, prefix: str) -> DavError:
    """The answer to an error, by the table."""
    for kind in type(error).__mro__:
        if made := PRECONDITIONS.get(kind):
            return made(error, prefix)
    return refused(HTTPStatus.SERVICE_UNAVAILABLE, detail="The server cannot answer at present.")


def _plain(status: int) -> Callable[[errors.CalcoreError, str], DavError]:
    return lambda error, _: refused(status, detail=str(error))


def _named(status: int, name: str) -> Callable[[errors.CalcoreError, str], DavError]:
    return lambda error, _: refused(status, name, detail=str(error))


def _href(prefix: str, path: str | None) -> str:
    return "" if path is None else xml.href(prefix + path)


def _invalid_data(error: errors.InvalidCalendarData, _: str) -> DavError:
    return refused(HTTPStatus.FORBIDDEN, C(error.precondition), detail=error.detail)


def _invalid_request(error: errors.InvalidRequest, _: str) -> DavError:
    if error.precondition is None:
        return refused(HTTPStatus.BAD_REQUEST, detail=error.detail)
    name = (C if error.caldav else D)(error.precondition)
    return refused(HTTPStatus.FORBIDDEN, name, detail=error.detail)


def _uid_conflict(error: errors.UidConflict, prefix: str) -> DavError:
    name = (C if error.caldav else CR)("no-uid-conflict")
    return refused(HTTPStatus.FORBIDDEN, name, _href(prefix, error.path), str(error))


def _not_permitted(error: errors.NotPermitted, prefix: str) -> DavError:
    name = (C if error.privilege in CALDAV_PRIVILEGES else D)(error.privilege)
    content = xml.wrap(
        D("resource"), xml.href(prefix + error.path) + xml.wrap(D("privilege"), xml.empty(name))
    )
    return refused(HTTPStatus.FORBIDDEN, D("need-privileges"), content, str(error))


def _scheduling(error: errors.SchedulingRefused, prefix: str) -> DavError:
    return refused(HTTPStatus.FORBIDDEN, C(error.precondition), _href(prefix, error.path), error.detail)


def _busy(error: errors.CalcoreError, _: str) -> DavError:
    plain = refused(HTTPStatus.SERVICE_UNAVAILABLE, detail=str(error)).response
    return DavError(DavResponse(plain.status, plain.body, plain.content_type, {"Retry-After": "1"}))


CALDAV_PRIVILEGES: Final = frozenset(
    {
        "read-free-busy",
        "schedule-deliver",
        "schedule-deliver-invite",
        "schedule-deliver-reply",
        "schedule-query-freebusy",
        "schedule-send",
        "schedule-send-invite",
        "schedule-send-reply",
        "schedule-send-freebusy",
    }
)
"""Privileges whose elements are CalDAV's (RFC 4791 §6.1, RFC 6638 §6)."""

PRECONDITIONS: Final[Mapping[type, Callable[..., DavError]]] = {
    errors.InvalidCalendarData: _invalid_data,
    errors.InvalidRequest: _invalid_request,
    errors.UidConflict: _uid_conflict,
    errors.PreconditionFailed: _plain(HTTPStatus.PRECONDITION_FAILED),
    errors.NotFound: _plain(HTTPStatus.NOT_FOUND),
    errors.AlreadyExists: _plain(HTTPStatus.PRECONDITION_FAILED),
    errors.NotPermitted: _not_permitted,
    errors.SchedulingRefused: _scheduling,
    errors.InvalidSyncToken: _named(HTTPStatus.FORBIDDEN, D("valid-sync-token")),
    errors.TooManyInstances: _named(HTTPStatus.FORBIDDEN, C("max-instances")),
    errors.TooManyResults: _named(HTTPStatus.INSUFFICIENT_STORAGE, D("number-of-matches-within-limits")),
    errors.StoreBusy: _busy,
}
"""How each error is answered; an error's nearest class counts."""
