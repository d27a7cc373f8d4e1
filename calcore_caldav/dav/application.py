# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's Application with our handlers: the one place that knows the shape of its methods.

Radicale authenticates, answers under "/.web" and for CardDAV queries; everything else is ours. Each request
is one transaction, and an error is always a rollback: errors become answers outside of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from radicale import httputils, pathutils, types
from radicale.app import Application
from radicale.config import Configuration

from calcore_caldav.dav import aces, collections, methods, outbox, report, split
from calcore_caldav.dav.capabilities import DAV_HEADER
from calcore_caldav.dav.http import DavError, DavRequest, DavResponse, Delegated, Handler, authority, error_of
from calcore_caldav.dav.if_header import check_states
from calcore_caldav.dav.resources import conceal
from calcore_caldav.errors import CalcoreError, PreconditionFailed, SchedulingRefused, UidConflict
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.posting import KINDS
from calcore_caldav.scheduling.services import Services
from calcore_caldav.store.protocol import NOBODY

_PATH: Final = "calcore.path"
_TYPE: Final = "calcore.content-type"
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Method(NamedTuple):
    """One method: who answers it, whether it writes, and where it is defined."""

    handler: Handler
    writes: bool
    rfc: str


def options(_: DavRequest) -> DavResponse:
    """OPTIONS: the same for every URL, existing or not."""
    return DavResponse(HTTPStatus.OK, headers={"DAV": DAV_HEADER, "Allow": ", ".join(METHODS)})


METHODS: Final[Mapping[str, Method]] = {
    "OPTIONS": Method(options, writes=False, rfc="9110 §9.3.7"),
    "GET": Method(methods.get, writes=False, rfc="9110 §9.3.1"),
    "HEAD": Method(methods.get, writes=False, rfc="9110 §9.3.2"),
    "PUT": Method(methods.put, writes=True, rfc="4791 §5.3.2"),
    "DELETE": Method(methods.delete, writes=True, rfc="4918 §9.6"),
    "COPY": Method(methods.copy, writes=True, rfc="4918 §9.8"),
    "MOVE": Method(methods.move, writes=True, rfc="4918 §9.9"),
    "POST": Method(outbox.post, writes=False, rfc="6638 §5"),
    "PROPFIND": Method(collections.propfind, writes=False, rfc="4918 §9.1"),
    "PROPPATCH": Method(collections.proppatch, writes=True, rfc="4918 §9.2"),
    "MKCALENDAR": Method(collections.mkcalendar, writes=True, rfc="4791 §5.3.1"),
    "MKCOL": Method(collections.mkcol, writes=True, rfc="5689 §3"),
    "ACL": Method(aces.acl, writes=True, rfc="3744 §8.1"),
    "REPORT": Method(report.report, writes=False, rfc="3253 §3.6"),
}

ACTIONS: Final[Mapping[str, Method]] = {
    "add-member": Method(methods.add_member, writes=True, rfc="5995 §3.2"),
    "split": Method(split.post, writes=True, rfc="caldav-recursplit"),
}
"""POST ?action=NAME on a collection or object."""

MESSAGES: Final[Mapping[str, Method]] = {
    method.value: Method(outbox.send, writes=True, rfc=kind.rfc) for method, kind in KINDS.items()
}
"""POST to the outbox of a message of this METHOD; the other messages follow from changes of objects."""

_RadicaleMethod = Callable[..., types.WSGIResponse]


def radicale_method(name: str) -> _RadicaleMethod:
    """`do_NAME` in Radicale 3.9's shape around the handler of a method."""
    method = METHODS[name]

    def do(
        self: CalDAVApplication,
        environ: types.WSGIEnviron,
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> types.WSGIResponse:
        theirs = getattr(super(CalDAVApplication, self), f"do_{name}", None)
        if theirs is not None and _is_radicales(name, path):
            answer: types.WSGIResponse = theirs(environ, base_prefix, path, user, user_groups, request_info)
            return answer
        if not user and not _is_preflight(name, environ):
            return httputils.NOT_ALLOWED
        body = _read_body(environ)
        try:
            response = self.answer(name, method, environ, (base_prefix, path), user, body)
        except Delegated:
            environ["wsgi.input"] = io.BytesIO(body)
            assert theirs is not None
            answer = theirs(environ, base_prefix, path, user, user_groups, request_info)
        else:
            answer = _as_radicale_wants(response)
        return answer

    return do


def _as_radicale_wants(response: DavResponse) -> types.WSGIResponse:
    headers = dict(response.headers)
    if response.body is not None:
        headers["Content-Type"] = response.content_type
    elif response.status not in _BODILESS:
        headers["Content-Length"] = "0"
    return response.status, headers, response.body, None


def _handled(method: Method, request: DavRequest) -> DavResponse:
    try:
        check_states(request)
        return method.handler(request)
    except (SchedulingRefused, UidConflict) as error:
        conceal(request, error)
        raise
    except PreconditionFailed:
        if (there := methods.conflict(request)) is None:
            raise
        raise DavError(there) from None


def _path_as_sent(environ: types.WSGIEnviron, prefix: str, path: str) -> str:
    """The path before Radicale tidied it; a proxy's prefix is off where Radicale took it off `path`."""
    sent: str = environ[_PATH]
    stripped = bool(prefix) and pathutils.sanitize_path(environ["PATH_INFO"]) == prefix + path
    return sent.removeprefix(prefix) if stripped else sent


def _is_radicales(name: str, path: str) -> bool:
    """What Radicale answers itself: its web pages, at whose entrance a browser arrives at the root."""
    return path.startswith("/.") or (path == "/" and name in {"GET", "HEAD"})


def _is_preflight(name: str, environ: types.WSGIEnviron) -> bool:
    """A browser asks without credentials whether a page of another origin may call us (Fetch standard)."""
    return name == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _action(query: str) -> str:
    return next((part[7:] for part in query.split("&") if part.startswith("action=")), "")


def _read_body(environ: types.WSGIEnviron) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _headers(environ: types.WSGIEnviron) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    if environ[_TYPE]:
        headers["content-type"] = environ[_TYPE]
    return headers


def _hosts(environ: types.WSGIEnviron) -> frozenset[str]:
    """What clients call this server: what this one addressed, and what a proxy says that it addressed.

    Not every proxy passes the Host on, and some tell the port apart from it.
    """
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
    return _names(host, environ.get("HTTP_X_FORWARDED_HOST", ""), environ.get("HTTP_X_FORWARDED_PORT", ""))


@lru_cache(maxsize=64)
def _names(*told: str) -> frozenset[str]:
    host, forwarded, port = (text.split(",")[0].strip() for text in told)
    names = {host, forwarded} - {""}
    return frozenset(map(authority, names | {f"{name}:{port}" for name in names if port}))


class CalDAVApplication(Application):  # type: ignore[misc]
    """Radicale's WSGI application, with scheduling, ACL and exact data in place of its own handlers."""

    def __init__(self, configuration: Configuration, services: Services) -> None:
        super().__init__(configuration)
        self._services = services

    def answer(
        self,
        name: str,
        method: Method,
        environ: types.WSGIEnviron,
        place: tuple[str, str],
        user: str,
        body: bytes,
    ) -> DavResponse:
        """The answer to a request of somebody who is logged in (or, for OPTIONS, of anybody).

        `place` is the prefix under which we are served, and the path without it as Radicale tidied it.
        """
        store, (prefix, path) = self._services.store, place
        query = environ.get("QUERY_STRING", "")
        if name == "POST":
            method = ACTIONS.get(_action(query)) or MESSAGES.get(outbox.itip_method(body), method)
        try:
            with store.write(NOBODY) if method.writes else store.read() as txn:
                txn.actor = actor_of(txn, user)
                request = DavRequest(
                    method=name,
                    path=_path_as_sent(environ, prefix, path),
                    prefix=prefix,
                    headers=_headers(environ),
                    body=body,
                    query=query,
                    hosts=_hosts(environ),
                    txn=txn,
                    services=self._services,
                )
                return _handled(method, request)
        except DavError as error:
            return error.response
        except CalcoreError as error:
            return error_of(error, prefix).response

    def _handle_request(self, environ: types.WSGIEnviron) -> tuple[str, list[tuple[str, str]], Any]:
        """Keep path and type as they were sent; say that the encoding of the answer was negotiated."""
        path = environ.get("PATH_INFO", "") or "/"
        environ[_PATH] = path
        environ[_TYPE] = environ.get("CONTENT_TYPE", "")
        # Radicale reads credentials, too, in the character set that the body's type names.
        environ["CONTENT_TYPE"] = environ[_TYPE].partition(";")[0]
        if not path.isprintable():
            # Radicale refuses joiners and direction marks, which are letters of some names.
            environ["PATH_INFO"] = quote(path)
        status, headers, answers = super()._handle_request(environ)
        if status.startswith("405"):
            # What is there may be had by other methods (RFC 9110 §15.5.6).
            others = (name for name in METHODS if name != environ["REQUEST_METHOD"])
            headers = [*headers, ("Allow", ", ".join(others))]
        if answers or status.startswith("304"):
            vary = next((value for name, value in headers if name == "Vary"), None)
            headers = [(name, value) for name, value in headers if name != "Vary"]
            headers.append(("Vary", f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"))
        return status, headers, answers


for _name in METHODS:
    setattr(CalDAVApplication, f"do_{_name}", radicale_method(_name))
