# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting properties: PROPPATCH, and the properties of MKCALENDAR and MKCOL, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple
from xml.etree.ElementTree import Element

from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavError, error_of
from calcore_caldav.dav.properties import Draft, Setter
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.props_caldav import CHECKED
from calcore_caldav.dav.xml import LANG, D
from calcore_caldav.errors import CalcoreError


class Refusal(NamedTuple):
    """Why a property was not set."""

    status: int
    error: str
    """The content of DAV:error, a fragment; may be empty."""


class Outcome(NamedTuple):
    """One property of a request and what became of it."""

    name: str
    refusal: Refusal | None


class Instruction(NamedTuple):
    """One property to set (`element`) or remove (None)."""

    name: str
    element: Element | None
    lang: str | None
    """xml:lang in scope outside of the element."""


_PROTECTED = Refusal(HTTPStatus.FORBIDDEN, xml.empty(D("cannot-modify-protected-property")))


def instructions(root: Element) -> list[Instruction]:
    """The DAV:set and DAV:remove of a propertyupdate, mkcol or mkcalendar, in order (RFC 4918 §14.19)."""
    found = []
    for action in root:
        if action.tag not in {D("set"), D("remove")}:
            continue
        for prop in action.findall(D("prop")):
            lang = prop.get(LANG) or action.get(LANG) or root.get(LANG)
            for element in prop:
                removed = action.tag == D("remove")
                found.append(Instruction(element.tag, None if removed else element, lang))
    return found


def draft_all(
    draft: Draft, asked: Iterable[Instruction], ignored: frozenset[str] = frozenset()
) -> list[Outcome]:
    """Put all new values into the draft; those refused are in the outcome."""
    live = PROPERTIES.of(draft.kind)
    outcomes = []
    for name, element, lang in asked:
        refusal: Refusal | None = None
        if name in ignored:
            pass
        elif name in live and live[name].set is None:
            refusal = _PROTECTED
        else:
            try:
                _draft(draft, live[name].set if name in live else None, Instruction(name, element, lang))
            except CalcoreError as error:
                refusal = _refusal(error_of(error, draft.request.prefix))
            except DavError as error:
                refusal = _refusal(error)
        outcomes.append(Outcome(name, refusal))
    return outcomes


def _draft(draft: Draft, set_live: Setter | None, asked: Instruction) -> None:
    name, element, lang = asked
    if set_live is not None:
        set_live(draft, element)
        return
    if element is not None and name in CHECKED:
        CHECKED[name](element)
    draft.dead[name] = None if element is None else xml.serialize(element, lang)


def _refusal(error: DavError) -> Refusal:
    root = xml.parse(error.response.body or b"") if "xml" in error.response.content_type else None
    content = "" if root is None else "".join(xml.serialize(child) for child in root)
    return Refusal(error.response.status, content)


def failed(outcomes: Iterable[Outcome]) -> bool:
    """Whether one of them was refused, so that none may be set."""
    return any(outcome.refusal is not None for outcome in outcomes)


def propstats(outcomes: list[Outcome]) -> str:
    """DAV:propstat elements: all 200, or the refusals with 424 for the rest (RFC 4918 §9.2)."""
    rest = Refusal(HTTPStatus.FAILED_DEPENDENCY, "") if failed(outcomes) else Refusal(HTTPStatus.OK, "")
    groups: dict[Refusal, dict[str, None]] = {}
    for name, refusal in outcomes:
        groups.setdefault(refusal or rest, {})[name] = None
    return "".join(
        xml.wrap(
            D("propstat"),
            xml.wrap(D("prop"), "".join(xml.empty(name) for name in names))
            + f"<D:status>HTTP/1.1 {int(group.status)} {HTTPStatus(group.status).phrase}</D:status>"
            + (xml.wrap(D("error"), group.error) if group.error else ""),
        )
        for group, names in groups.items()
    )
