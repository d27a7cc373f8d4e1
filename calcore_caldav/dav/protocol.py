# SPDX-License-Identifier: GPL-3.0-or-later
"""What is spoken, written down from the tables themselves: `python -m calcore_caldav.dav.protocol`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from calcore_caldav.dav import xml
from calcore_caldav.dav.application import MESSAGES, METHODS
from calcore_caldav.dav.capabilities import CAPABILITIES
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.props_caldav import STORED_AS_SENT
from calcore_caldav.dav.report_table import REPORTS
from calcore_caldav.dav.resources import Kind
from calcore_caldav.dav.xml import CR, CS, C, D


class Precondition(NamedTuple):
    """An element that DAV:error may hold."""

    name: str
    status: int
    rfc: str
    meaning: str


_F: Final = HTTPStatus.FORBIDDEN
PRECONDITIONS: Final = (
    Precondition(D("need-privileges"), _F, "3744 §7.1.1", "a privilege is missing; which, and where"),
    Precondition(D("no-ace-conflict"), _F, "3744 §8.1.1", "entries are granted, not protected or inherited"),
    Precondition(D("grant-only"), _F, "3744 §8.1.1", "nothing is denied"),
    Precondition(D("no-invert"), _F, "3744 §8.1.1", "who is granted something is named"),
    Precondition(D("not-supported-privilege"), _F, "3744 §8.1.1", "not a privilege of this collection"),
    Precondition(D("recognized-principal"), _F, "3744 §8.1.1", "nobody is there"),
    Precondition(D("allowed-principal"), _F, "3744 §8.1.1", "a person, a group, or everybody"),
    Precondition(D("propfind-finite-depth"), _F, "4918 §9.1", "Depth 0 and 1 are answered"),
    Precondition(D("cannot-modify-protected-property"), _F, "4918 §16", "the server sets this property"),
    Precondition(D("resource-must-be-null"), _F, "4791 §5.3.1", "something is there; 405 for MKCOL"),
    Precondition(D("valid-resourcetype"), _F, "5689 §3.3", "calendar, addressbook or collection"),
    Precondition(D("supported-report"), _F, "3253 §3.6", "not a report of this resource"),
    Precondition(D("valid-sync-token"), _F, "6578 §3.2", "begin again without a token"),
    Precondition(
        D("sync-traversal-supported"), _F, "6578 §3.3", "the members of a collection, not of its collections"
    ),
    Precondition(
        D("number-of-matches-within-limits"), HTTPStatus.INSUFFICIENT_STORAGE, "4791 §7.8", "too many matches"
    ),
    Precondition(C("calendar-collection-location-ok"), _F, "4791 §5.3.1", "homes hold calendars"),
    Precondition(C("supported-calendar-data"), _F, "4791 §5.3.2.1, §7.8", "text/calendar 2.0"),
    Precondition(C("valid-calendar-data"), _F, "4791 §5.3.2.1", "the data is not valid iCalendar"),
    Precondition(
        C("valid-calendar-object-resource"),
        _F,
        "4791 §4.1, §5.3.2.1",
        "one UID, no METHOD, one component type",
    ),
    Precondition(
        C("supported-calendar-component"), _F, "4791 §5.3.2.1", "not a component type of this calendar"
    ),
    Precondition(C("no-uid-conflict"), _F, "4791 §5.3.2.1", "the UID is taken; by which resource"),
    Precondition(C("max-resource-size"), _F, "4791 §5.3.2.1", "too large"),
    Precondition(C("min-date-time"), _F, "4791 §5.3.2.1, §7.8", "too early"),
    Precondition(C("max-date-time"), _F, "4791 §5.3.2.1, §7.8", "too late"),
    Precondition(C("max-instances"), _F, "4791 §5.3.2.1", "recurs too often"),
    Precondition(C("max-attendees-per-instance"), _F, "4791 §5.3.2.1", "too many attendees"),
    Precondition(C("valid-filter"), _F, "4791 §7.8", "the filter makes no sense"),
    Precondition(C("supported-filter"), _F, "4791 §7.8", "the filter names something unknown"),
    Precondition(C("supported-collation"), _F, "4791 §7.5.1", "an unknown collation"),
    Precondition(C("valid-timezone"), _F, "7809 §5.2", "an unknown time zone"),
    Precondition(C("valid-scheduling-message"), _F, "6638 §5.1", "not a free/busy request"),
    Precondition(C("organizer-allowed"), _F, "6638 §3.2.4.2, §5.1", "the organizer is somebody else"),
    Precondition(C("attendee-allowed"), _F, "6638 §3.2.4", "the attendee can't be invited so"),
    Precondition(
        C("allowed-organizer-scheduling-object-change"), _F, "6638 §3.2.4.3", "not the organizer's to change"
    ),
    Precondition(
        C("allowed-attendee-scheduling-object-change"), _F, "6638 §3.2.4.4", "not an attendee's to change"
    ),
    Precondition(
        C("same-organizer-in-all-components"), _F, "6638 §3.2.4.2", "one organizer in all components"
    ),
    Precondition(
        C("unique-scheduling-object-resource"), _F, "6638 §3.2.4.1", "the home has this meeting; where"
    ),
    Precondition(C("default-calendar-needed"), _F, "6638 §9.2", "invitations go to this calendar"),
    Precondition(
        C("valid-schedule-default-calendar-URL"), _F, "6638 §9.2", "a calendar for events of this home"
    ),
    Precondition(C("supported-rscale"), _F, "7529 §4", "a calendar scale that is not supported"),
    Precondition(C("valid-rid-parameter"), _F, "caldav-recursplit", "the query names no instance"),
    Precondition(CS("valid-split"), _F, "caldav-recursplit", "the series can't be split there"),
    Precondition(CR("supported-address-data"), _F, "6352 §5.1", "text/vcard"),
    Precondition(CR("no-uid-conflict"), _F, "6352 §6.3.2.1", "the UID is taken; by which card"),
    Precondition(CR("valid-address-data"), _F, "6352 §5.1", "not a vCard"),
)
"""Every precondition that an answer can name; nothing else is in its DAV:error."""

REQUEST_HEADERS: Final[Mapping[str, str]] = {
    "Authorization": "9110 §11.6.2: Basic (password or app password) or Bearer",
    "Depth": "4918 §10.2: 0 and 1",
    "Destination": "4918 §10.3",
    "Overwrite": "4918 §10.6",
    "If-Match": "9110 §13.1.1, RFC 4791 §5.3.4",
    "If-None-Match": "9110 §13.1.2",
    "If-Modified-Since": "9110 §13.1.3",
    "If-Unmodified-Since": "9110 §13.1.4",
    "If-Schedule-Tag-Match": "6638 §8.3",
    "If": "4918 §10.4: entity tags, and sync tokens of collections (6578 §5); no lock is ever held",
    "Schedule-Reply": "6638 §8.1",
    "Prefer": "8144 §2, §3: return=minimal, return=representation, depth-noroot",
    "Brief": "Apple and Microsoft: t is return=minimal",
    "Accept-Encoding": "9110 §12.5.3: gzip",
    "Content-Encoding": "9110 §8.4: gzip",
}
RESPONSE_HEADERS: Final[Mapping[str, str]] = {
    "DAV": "4918 §10.1; with OPTIONS, and PROPFIND of the home sets",
    "Allow": "9110 §10.2.1",
    "ETag": "9110 §8.8.3; after a PUT only where the stored octets are the sent ones",
    "Last-Modified": "9110 §8.8.2",
    "Location": "9110 §10.2.2",
    "Content-Location": "9110 §8.7, RFC 8144 §3: with a representation that was preferred",
    "Content-Security-Policy": "W3C: sandbox, with the files of plain collections; X-Content-Type-Options too",
    "Schedule-Tag": "6638 §8.2",
    "Preference-Applied": "7240 §3",
    "Vary": "9110 §12.5.5",
    "WWW-Authenticate": "9110 §11.6.1: one constant realm",
    "Retry-After": "9110 §10.2.3: with 503",
}


_PREFIXES: Final = {**xml.PREFIXES, xml.NEXTCLOUD: "NC", xml.SABRE: "SB"}
"""The last one is not declared in answers: few properties have it."""


def protocol_page() -> str:
    """The page `docs/protocol.md`."""
    sections = [
        "# What is spoken",
        (
            "Written by `python -m calcore_caldav.dav.protocol` from the tables that the server runs on."
            " Numbers are those of RFCs."
        ),
        "Prefixes: "
        + ", ".join(f"`{prefix}` is `{namespace}`" for namespace, prefix in _PREFIXES.items())
        + ".",
        "## Methods",
        _table(("method", "RFC"), ((f"`{name}`", m.rfc) for name, m in METHODS.items())),
        "Messages that may be posted to an outbox, besides free/busy queries:",
        _table(("METHOD", "RFC"), ((f"`{name}`", m.rfc) for name, m in MESSAGES.items())),
        "## The DAV header",
        _table(("token", "RFC"), ((f"`{token}`", rfc) for token, rfc in CAPABILITIES.items())),
        "## Properties",
        _table(
            ("property", "of", "", "RFC"),
            (
                (_name(row.name), _kinds(row.on), "" if row.set is None else "can be set", row.rfc)
                for row in PROPERTIES.rows
            ),
        ),
        "Kept as they are sent, like every property that is not in the table (dead properties, RFC 4918 §4):",
        _table(("property", "RFC"), ((_name(name), rfc) for name, rfc in STORED_AS_SENT.items())),
        "## Reports",
        _table(
            ("report", "on", "RFC"), ((_name(row.name), _kinds(row.on), row.rfc) for row in REPORTS.values())
        ),
        "## Preconditions",
        _table(
            ("element", "status", "meaning", "RFC"),
            ((_name(p.name), str(int(p.status)), p.meaning, p.rfc) for p in PRECONDITIONS),
        ),
        "## Headers of requests",
        _table(("header", "RFC"), ((f"`{name}`", rfc) for name, rfc in REQUEST_HEADERS.items())),
        "## Headers of answers",
        _table(("header", "RFC"), ((f"`{name}`", rfc) for name, rfc in RESPONSE_HEADERS.items())),
    ]
    return "\n\n".join(sections) + "\n"


def _name(name: str) -> str:
    namespace, _, local = name[1:].partition("}")
    return f"`{_PREFIXES[namespace]}:{local}`"


def _kinds(kinds: frozenset[Kind]) -> str:
    return "everything" if kinds == frozenset(Kind) else ", ".join(k.value for k in Kind if k in kinds)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(protocol_page(), end="")  # noqa: T201
