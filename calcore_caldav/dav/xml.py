# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of requests as elements, XML of answers as text.

Names are in Clark notation, "{namespace}local". Answers are strings put together from fragments: their
root declares five prefixes, so that a fragment is a plain string and ten thousand members cost a join.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from calcore_caldav.errors import InvalidRequest

DAV: Final = "DAV:"
CALDAV: Final = "urn:ietf:params:xml:ns:caldav"
CALENDARSERVER: Final = "http://calendarserver.org/ns/"
APPLE: Final = "http://apple.com/ns/ical/"
CARDDAV: Final = "urn:ietf:params:xml:ns:carddav"
NEXTCLOUD: Final = "http://nextcloud.com/ns"
SABRE: Final = "http://sabredav.org/ns"
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

PREFIXES: Final = {DAV: "D", CALDAV: "C", CALENDARSERVER: "CS", APPLE: "ICAL", CARDDAV: "CR"}
_DECLARATIONS: Final = "".join(f' xmlns:{prefix}="{ns}"' for ns, prefix in PREFIXES.items())
_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
_MAX_DEPTH: Final = 64
# Characters that no XML 1.0 document can hold.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL: Final = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What may stand in a path segment as it is (RFC 3986 §3.3), without "&" and "'" which XML would escape.
_PATH_SAFE: Final = "/:@!$()*+,;=~"
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/:@!$()*+,;=~_.-]*").fullmatch
"""Paths that quoting leaves as they are, nearly all."""


def D(local: str) -> str:  # noqa: N802
    """A name of WebDAV (RFC 4918, 3253, 3744, 5397, 5689, 6578)."""
    return f"{{{DAV}}}{local}"


def C(local: str) -> str:  # noqa: N802
    """A name of CalDAV (RFC 4791, 6638, 7809, 7953)."""
    return f"{{{CALDAV}}}{local}"


def CS(local: str) -> str:  # noqa: N802
    """A name of Apple's extensions."""
    return f"{{{CALENDARSERVER}}}{local}"


def NC(local: str) -> str:  # noqa: N802
    """A name of Nextcloud's clients."""
    return f"{{{NEXTCLOUD}}}{local}"


def SB(local: str) -> str:  # noqa: N802
    """A name of SabreDAV's, which Nextcloud's clients ask for, too."""
    return f"{{{SABRE}}}{local}"


def ICAL(local: str) -> str:  # noqa: N802
    """A name of Apple's calendar application."""
    return f"{{{APPLE}}}{local}"


def CR(local: str) -> str:  # noqa: N802
    """A name of CardDAV (RFC 6352)."""
    return f"{{{CARDDAV}}}{local}"


# ---- reading


def parse(body: bytes) -> Element | None:
    """The root of a request body; None for an empty one.

    Raises InvalidRequest where it isn't well-formed, declares entities or nests absurdly.
    """
    if not body.strip():
        return None
    try:
        root: Element = defusedxml.ElementTree.fromstring(body, forbid_dtd=False, forbid_entities=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidRequest(f"the body is not XML: {error}") from None
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise InvalidRequest("the XML of the body is nested too deeply")
        level = [child for element in level for child in element]
    return root


def text_of(element: Element | None) -> str:
    """The character data of an element without white space around it; "" for None."""
    return "" if element is None else (element.text or "").strip()


def hrefs_of(element: Element) -> list[str]:
    """The text of all DAV:href children."""
    return [text_of(child) for child in element.findall(D("href"))]


# ---- writing


def escape(text: str) -> str:
    """Character data; what XML can't hold is left out, carriage returns survive."""
    if not _SPECIAL.search(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _FORBIDDEN.sub("", text).replace("\r", "&#13;")


def _escape_attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")


@lru_cache(maxsize=4096)
def tags(name: str) -> tuple[str, str]:
    """Start tag without its ">", and end tag, of an element."""
    namespace, brace, local = name[1:].rpartition("}") if name[:1] == "{" else ("", "}", name)
    if prefix := PREFIXES.get(namespace):
        return f"<{prefix}:{local}", f"</{prefix}:{local}>"
    if not namespace or not brace:
        return f'<{local} xmlns=""', f"</{local}>"
    return f'<X:{local} xmlns:X="{_escape_attribute(namespace)}"', f"</X:{local}>"


def empty(name: str) -> str:
    """An empty element."""
    return f"{tags(name)[0]}/>"


def wrap(name: str, content: str) -> str:
    """An element around a fragment."""
    start, end = tags(name)
    return f"{start}>{content}{end}" if content else f"{start}/>"


def text(name: str, content: str) -> str:
    """An element with character data."""
    return wrap(name, escape(content))


def serialize(element: Element, lang: str | None = None) -> str:
    """An element as a fragment that stands for itself; `lang` is the xml:lang in scope outside of it."""
    if lang is not None and element.get(LANG) is None:
        element = _copied(element, lang)
    parts: list[str] = []
    _write(element, parts)
    namespaces = {child.tag[1:].partition("}")[0] for child in element.iter() if child.tag[:1] == "{"}
    parts[0] += "".join(f' xmlns:{p}="{ns}"' for ns, p in PREFIXES.items() if ns in namespaces)
    return "".join(parts)


def _copied(element: Element, lang: str) -> Element:
    copy = Element(element.tag, {**element.attrib, LANG: lang})
    copy.text = element.text
    copy.extend(element)
    return copy


def _write(element: Element, parts: list[str]) -> None:
    start, end = tags(element.tag)
    parts.append(start)
    for number, (name, value) in enumerate(element.items()):
        parts.append(_attribute(name, value, number))
    parts.append(">")
    parts.append(escape(element.text or ""))
    for child in element:
        _write(child, parts)
        parts.append(escape(child.tail or ""))
    parts.append(end)


def _attribute(name: str, value: str, number: int) -> str:
    namespace, _, local = name[1:].rpartition("}") if name[:1] == "{" else ("", "", name)
    if not namespace:
        return f' {local}="{_escape_attribute(value)}"'
    if namespace == "http://www.w3.org/XML/1998/namespace":
        return f' xml:{local}="{_escape_attribute(value)}"'
    return f' xmlns:a{number}="{_escape_attribute(namespace)}" a{number}:{local}="{_escape_attribute(value)}"'


def document(name: str, content: str, comment: str = "") -> bytes:
    """A whole answer: the root declares the prefixes; a comment for people may follow it."""
    start, end = tags(name)
    note = f"\n<!-- {escape(comment).replace('--', '- -').rstrip('-')} -->" if comment else ""
    return f"{_HEAD}{start}{_DECLARATIONS}>{content}{end}{note}\n".encode()


def multistatus(responses: Iterable[str], *, sync_token: str | None = None) -> bytes:
    """A 207 body (RFC 4918 §13) of <D:response> fragments."""
    token = "" if sync_token is None else text(D("sync-token"), sync_token)
    return document(D("multistatus"), "".join(responses) + token)


# ---- URLs


def quote_path(path: str) -> str:
    """A decoded path as it stands in a URL."""
    return path if _PLAIN_PATH(path) else quote(path, safe=_PATH_SAFE)


def href(path: str) -> str:
    """DAV:href of a decoded path (prefix included)."""
    return f"<D:href>{quote_path(path)}</D:href>"


def path_in(url: str) -> str | None:
    """The decoded path of an absolute URL or absolute path; None where it is neither."""
    try:
        path = urlsplit(url.strip()).path
        decoded = unquote(path, errors="strict")
    except ValueError:
        return None
    return decoded if decoded.startswith("/") else None
