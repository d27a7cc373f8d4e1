# SPDX-License-Identifier: GPL-3.0-or-later
"""The outermost WSGI function: what no request may do to the application behind it."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.login import BEARER, Bearer, TokenLogin, is_malformed

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

API: Final = ("/calendar/v3/", "/batch/calendar/v3")
"""Paths of the JSON API."""
_CHUNK: Final = 1 << 16
_TEXT: Final = "text/plain; charset=utf-8"
_CODINGS: Final = frozenset({"br", "compress", "deflate", "gzip", "x-compress", "x-gzip", "zstd"})
"""Encodings that change the octets (RFC 9110 §8.4); what else clients put there is a character set."""
_GZIP: Final = frozenset({"gzip", "x-gzip"})

_OF_FORMS: Final = frozenset({"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""Types of bodies that any page may have a browser POST anywhere, unasked (Fetch standard, §2.2.2)."""


class Refusal(NamedTuple):
    """An answer given before the application sees the request."""

    status: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()


class Entrance:
    """Answers what Radicale would stumble over: malformed log-ins, broken paths, endless or short bodies.

    And what a page of somebody else sends in the name of who is logged in with a browser.

    Also `/healthz`, and bearer tokens. Everything else goes to the application, with the path as Unicode,
    the body unpacked, its length known and never more than `max_body` octets of it; requests of the JSON API
    to that. `headers` go out with what is not the application's answer, which has them by itself (Radicale's
    section `[headers]`); who asks whether a page may use the JSON API gets nothing but these (Fetch, CORS).
    """

    def __init__(
        self,
        application: Application,
        api: Application,
        services: Services,
        login: TokenLogin,
        *,
        max_body: int,
        realm: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._application = application
        self._api = api
        self._services = services
        self._login = login
        self._max_body = max_body
        self._realm = realm.replace("\\", "").replace('"', "")
        self._headers = tuple((headers or {}).items())

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI call."""
        answering = self._adding(start_response)
        refusal = self._path(environ)
        if refusal is None and environ["PATH_INFO"] == "/healthz":
            return self._health(answering)
        to_api = refusal is None and environ["PATH_INFO"].startswith(API)
        if to_api and _is_preflight(environ):
            return _answer(answering, "200 OK", b"", _TEXT, ())
        if refusal is None:
            refusal = self._authorization(environ)
            if refusal is not None and to_api:
                # It says so itself, in JSON.
                environ["HTTP_AUTHORIZATION"], refusal = "", None
        refusal = refusal or self._page(environ) or self._body(environ)
        if refusal is not None:
            return _answer(answering, refusal.status, refusal.detail.encode(), _TEXT, refusal.headers)
        return self._api(environ, answering) if to_api else self._application(environ, start_response)

    def _adding(self, start_response: StartResponse) -> StartResponse:
        """The same with the configured headers, in place of what is called so already."""
        if not self._headers:
            return start_response
        names = {name.lower() for name, _ in self._headers}

        def answering(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [header for header in headers if header[0].lower() not in names]
            return start_response(status, [*kept, *self._headers], *rest)

        return answering

    @staticmethod
    def _path(environ: Environ) -> Refusal | None:
        """PEP 3333 passes octets as latin-1; Radicale wants the text that they are."""
        try:
            path = environ.get("PATH_INFO", "").encode("latin-1").decode()
        except UnicodeError:
            return Refusal("400 Bad Request", "The path is not UTF-8.")
        if "\0" in path:
            return Refusal("400 Bad Request", "The path contains a NUL.")
        environ["PATH_INFO"] = path
        return None

    def _authorization(self, environ: Environ) -> Refusal | None:
        """Refuse what Radicale would answer with 500, and resolve bearer tokens."""
        scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "basic":
            if is_malformed(environ["HTTP_AUTHORIZATION"]):
                return self._unauthorized("The Authorization header is malformed.")
            # The scheme's name is case-insensitive (RFC 9110 §11.1), which Radicale does not know.
            environ["HTTP_AUTHORIZATION"] = "Basic " + rest.strip()
        elif scheme.lower() == "bearer":
            name = self._login.by_token(rest.strip())
            if name is None:
                return self._unauthorized("The token is unknown or has expired.")
            environ[BEARER] = Bearer(name)
            del environ["HTTP_AUTHORIZATION"]
        elif scheme:
            return self._unauthorized("Use Basic or Bearer authentication.")
        return None

    @staticmethod
    def _page(environ: Environ) -> Refusal | None:
        """Refuse what a page of another origin POSTs with a browser's remembered password."""
        media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        origin = environ.get("HTTP_ORIGIN", "").lower().partition("://")[2]
        ours = {environ.get(name, "").lower() for name in ("HTTP_HOST", "HTTP_X_FORWARDED_HOST")}
        if environ["REQUEST_METHOD"] == "POST" and media_type in _OF_FORMS and "HTTP_ORIGIN" in environ:
            return None if origin in ours - {""} else Refusal("403 Forbidden", "Sent by another site's page.")
        return None

    def _unauthorized(self, detail: str) -> Refusal:
        return Refusal("401 Unauthorized", detail, (("WWW-Authenticate", f'Basic realm="{self._realm}"'),))

    def _body(self, environ: Environ) -> Refusal | None:
        """Know the body and its length; a body that breaks off must not be taken for a whole one."""
        named = [coding.strip().lower() for coding in environ.get("HTTP_CONTENT_ENCODING", "").split(",")]
        codings = [coding for coding in named if coding in _CODINGS]
        if len(codings) > 1 or not _GZIP.issuperset(codings):
            return Refusal(
                "415 Unsupported Media Type",
                "The only Content-Encoding is gzip.",
                (("Accept-Encoding", "gzip"),),
            )
        stated = environ.get("CONTENT_LENGTH")
        # In HTTP/2 a body needs neither; its end is marked by the frames (RFC 9113 §8.1.1).
        framed = environ.get("SERVER_PROTOCOL", "") not in {"", "HTTP/1.0", "HTTP/1.1"}
        if not stated and not framed and "HTTP_TRANSFER_ENCODING" not in environ:
            environ["CONTENT_LENGTH"] = "0"
            environ["wsgi.input"] = io.BytesIO()
            return None
        if stated and not stated.isdecimal():
            return Refusal("400 Bad Request", "The Content-Length is malformed.")
        length = int(stated) if stated else None
        if length is not None and length > self._max_body:
            return self._too_large()
        body = _read(environ["wsgi.input"], self._max_body if length is None else length)
        if body is None:
            return self._too_large()
        if length is not None and len(body) < length:
            return Refusal("400 Bad Request", "The body ended early.")
        if codings:
            del environ["HTTP_CONTENT_ENCODING"]
            try:
                with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                    body = packed.read(self._max_body + 1)
            except (OSError, EOFError, zlib.error):
                return Refusal("400 Bad Request", "The body is not what gzip makes.")
            if len(body) > self._max_body:
                return self._too_large()
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        return None

    def _too_large(self) -> Refusal:
        return Refusal(
            "413 Content Too Large",
            f"At most {self._max_body} octets are accepted.",
            (("Connection", "close"),),
        )

    def _health(self, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._services.store.ping()
        except (CalcoreError, OSError) as error:
            state, answer = "503 Service Unavailable", {"status": "error", "detail": str(error)}
        else:
            state, answer = "200 OK", {"status": "ok"}
        body = json.dumps(answer).encode()
        return _answer(start_response, state, body, "application/json", (("Cache-Control", "no-store"),))


def _read(stream: Any, limit: int) -> bytes | None:
    """The whole body; None where it is longer than `limit`."""
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        part: bytes = stream.read(min(_CHUNK, limit + 1 - size))
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return None


def _is_preflight(environ: Environ) -> bool:
    """Whether a browser asks, before a page's request and without log-in, if that is allowed."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _answer(
    start_response: StartResponse,
    status: str,
    body: bytes,
    content_type: str,
    headers: Iterable[tuple[str, str]],
) -> list[bytes]:
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers])
    return [body]
