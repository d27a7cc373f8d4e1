# SPDX-License-Identifier: GPL-3.0-or-later
"""A CalDAV client without a network: it calls the WSGI application, and reads multistatus answers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

NAMESPACES = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "ICAL": "http://apple.com/ns/ical/",
    "CR": "urn:ietf:params:xml:ns:carddav",
}
KINDS = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
FOR_ANYTHING = (
    "<C:mkcalendar><D:set><D:prop><C:supported-calendar-component-set>"
    + "".join(f'<C:comp name="{kind}"/>' for kind in KINDS)
    + "</C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>"
)
"""The body of a MKCALENDAR for a calendar that takes each kind of object."""
DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())


def clark(name: str) -> str:
    """ "D:getetag" in Clark notation; what is in Clark notation stays."""
    if name.startswith("{"):
        return name
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


@dataclass(frozen=True)
class Reply:
    """What the server answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def xml(self) -> Element:
        return fromstring(self.body)

    @property
    def error(self) -> str | None:
        """Clark name of the only element in DAV:error; None where there is none."""
        if "xml" not in self.headers.get("content-type", "") or self.xml.tag != "{DAV:}error":
            return None
        (element,) = self.xml
        return element.tag

    @property
    def properties(self) -> dict[str, dict[str, tuple[int, Element]]]:
        """{href: {Clark name: (status, element)}} of a multistatus; hrefs are decoded."""
        assert self.status == 207, (self.status, self.body)
        found: dict[str, dict[str, tuple[int, Element]]] = {}
        for response in self.xml.findall("{DAV:}response"):
            of_href = found.setdefault(unquote(response.findtext("{DAV:}href") or ""), {})
            for stat in response.findall("{DAV:}propstat"):
                status = int((stat.findtext("{DAV:}status") or "").split()[1])
                for element in stat.iterfind("{DAV:}prop/*"):
                    of_href[element.tag] = (status, element)
        return found

    @property
    def statuses(self) -> dict[str, int]:
        """{href: status} of the responses of a multistatus that have a status only."""
        return {
            unquote(r.findtext("{DAV:}href") or ""): int((r.findtext("{DAV:}status") or "").split()[1])
            for r in self.xml.findall("{DAV:}response")
            if r.find("{DAV:}status") is not None
        }


class DavClient:
    """Somebody's client; `user` None sends no credentials."""

    def __init__(
        self, application: Callable[..., Iterable[bytes]], user: str | None, password: str = "secret"
    ) -> None:
        self.application = application
        self.user = user
        self.password = password

    def request(
        self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """`path` is decoded, with an optional query."""
        data = body.encode() if isinstance(body, str) else body
        target, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": target.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        if self.user is not None:
            credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            environ["HTTP_AUTHORIZATION"] = f"Basic {credentials}"
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
        answer: list[Any] = []
        parts = self.application(environ, lambda status, found: answer.extend((status, found)))
        found = b"".join(parts)
        return Reply(int(answer[0].split()[0]), {k.lower(): v for k, v in answer[1]}, found)

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, headers=_headers(headers))

    def put(self, path: str, body: bytes | str, **headers: str) -> Reply:
        return self.request("PUT", path, body, {"Content-Type": "text/calendar", **_headers(headers)})

    def delete(self, path: str, **headers: str) -> Reply:
        return self.request("DELETE", path, headers=_headers(headers))

    def propfind(
        self, path: str, *names: str, depth: int | str = 0, **headers: str
    ) -> dict[str, dict[str, tuple[int, Element]]]:
        """{href: {Clark name: (status, element)}}."""
        return self.xml("PROPFIND", path, propfind(*names), depth, **headers).properties

    def prop(self, path: str, name: str) -> Element | None:
        """A property's element; None where the resource doesn't have it."""
        status, element = self.propfind(path, name)[path][clark(name)]
        return element if status == 200 else None

    def report(self, path: str, body: str, depth: int | str = 1) -> dict[str, dict[str, tuple[int, Element]]]:
        """{href: {Clark name: (status, element)}}; `body` uses the prefixes of NAMESPACES."""
        return self.xml("REPORT", path, body, depth).properties

    def xml(self, method: str, path: str, body: str, depth: int | str | None = 0, **headers: str) -> Reply:
        """A request whose body is XML that uses the prefixes of NAMESPACES."""
        root, rest = body.split(">", 1) if not body.split(">", 1)[0].endswith("/") else (body[:-2], None)
        text = f"{root} {DECLARED}>{rest}" if rest is not None else f"{root} {DECLARED}/>"
        sent = {"Content-Type": "application/xml; charset=utf-8", **_headers(headers)}
        if depth is not None:
            sent["Depth"] = str(depth)
        return self.request(method, path, text, sent)


def propfind(*names: str) -> str:
    """The body of a PROPFIND for properties like "D:getetag" or in Clark notation."""
    return "<D:propfind>" + prop(*names) + "</D:propfind>"


def prop(*names: str) -> str:
    """A DAV:prop with the names."""
    inner = "".join(
        f'<X:{name[1:].partition("}")[2]} xmlns:X="{name[1:].partition("}")[0]}"/>'
        if name.startswith("{")
        else f"<{name}/>"
        for name in names
    )
    return f"<D:prop>{inner}</D:prop>"


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in given.items()}


def hrefs(element: Element | None) -> list[str]:
    """The decoded DAV:hrefs inside an element."""
    assert element is not None
    return [unquote(h.text or "") for h in element.iter("{DAV:}href")]
