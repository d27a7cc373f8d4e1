# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on the protocol is the tables', and no request brings the server down."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from client import clark
from dav_server import Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calcore_caldav.dav.application import METHODS
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.protocol import PRECONDITIONS, protocol_page
from calcore_caldav.dav.report import DELEGATED, HANDLERS
from calcore_caldav.dav.report_table import REPORTS
from calcore_caldav.server.assembly import close_services

KNOWN = {p.name for p in PRECONDITIONS}


def test_the_page_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "protocol.md"
    assert page.read_text() == protocol_page(), (
        "run: python -m calcore_caldav.dav.protocol > docs/protocol.md"
    )


def test_every_row_names_its_source():
    rows = [*PROPERTIES.rows, *REPORTS.values(), *METHODS.values()]
    assert all(row.rfc for row in rows)
    assert set(REPORTS) == set(HANDLERS) | DELEGATED


# ---- any request whatever


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    yield Server(tmp_path_factory.mktemp("fuzz"))
    close_services()


NAMES = st.sampled_from(
    ["alice", "bob", "erin", "room1", "team", "nobody", ".web", ".", "..", "", "é", "a\x07"]
)
SECOND = st.sampled_from(["calendar", "tasks", "inbox", "outbox", "new", "plain", "..", "", "x y"])
THIRD = st.sampled_from(["1.ics", "2.ics", "%41", "ø.ics", "", ".", "a/b"])
PATHS = st.one_of(
    st.builds("/{}/{}/{}".format, NAMES, SECOND, THIRD),
    st.builds("/{}/{}/".format, NAMES, SECOND),
    st.builds("/{}/".format, NAMES),
    st.text(st.characters(codec="utf-8", exclude_characters="?\x00"), max_size=20).map("/{}".format),
)
EVENTS = st.sampled_from(
    [
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\n"
        b"DTSTART:20260105T100000Z\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:%s@example.com\r\n"
        b"%sEND:VEVENT\r\nEND:VCALENDAR\r\n" % (uid, who, more)
        for uid in (b"a", b"b")
        for who in (b"bob", b"room1", b"team", b"nobody")
        for more in (
            b"",
            b"RRULE:FREQ=DAILY\r\n",
            b"RRULE:FREQ=WEEKLY;UNTIL=1\r\n",
            b"METHOD:X\r\n",
            b"DTEND:9\r\n",
        )
    ]
    + [
        b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nDTSTART:x\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    ]
)
LOCAL = st.sampled_from(
    [name.rpartition("}")[2] for name in [*REPORTS, *(row.name for row in PROPERTIES.rows)]]
    + [
        "prop",
        "allprop",
        "propname",
        "include",
        "propertyupdate",
        "set",
        "remove",
        "mkcol",
        "mkcalendar",
        "filter",
        "comp-filter",
        "prop-filter",
        "param-filter",
        "text-match",
        "time-range",
        "is-not-defined",
        "timezone",
        "calendar-data",
        "comp",
        "expand",
        "limit",
        "nresults",
        "limit-recurrence-set",
        "limit-freebusy-set",
        "href",
        "sync-level",
        "property",
        "match",
        "property-search",
        "self",
        "owner",
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["name", "namespace", "start", "end", "test", "collation", "negate-condition", "xml:lang", "context"]
    ),
    st.sampled_from(
        [
            "VCALENDAR",
            "VEVENT",
            "SUMMARY",
            "20260101T000000Z",
            "20250101T000000Z",
            "x",
            "",
            "i;octet",
            "yes",
            "DAV:",
        ]
    ),
    max_size=3,
)
TEXTS = st.sampled_from(
    [
        "",
        "1",
        "infinite",
        "/alice/calendar/1.ics",
        "/..",
        "http://[",
        "mailto:x",
        "99999999999999999999",
        "&amp;",
        "é",
    ]
)


def element(prefix: str, local: str, attributes: dict[str, str], text: str, children: list[str]) -> str:
    given_ = "".join(f' {k}="{v}"' for k, v in attributes.items())
    return f"<{prefix}:{local}{given_}>{text}{''.join(children)}</{prefix}:{local}>"


ELEMENTS = st.recursive(
    st.builds(element, st.sampled_from("DC"), LOCAL, ATTRIBUTES, TEXTS, st.just([])),
    lambda inner: st.builds(
        element, st.sampled_from(["D", "C", "CS"]), LOCAL, ATTRIBUTES, TEXTS, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
XML = ELEMENTS.map(
    lambda text: text.replace(
        ">",
        ' xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/">',
        1,
    ).encode()
)
VALUES = {
    "Depth": ["0", "1", "infinity", "2", ""],
    "Destination": [
        "/alice/calendar/2.ics",
        "/bob/calendar/1.ics",
        "http://x/",
        "",
        "/..",
        "http://[",
        "/alice/new/",
        "\xff",
    ],
    "Overwrite": ["T", "F", "x"],
    "If-Match": ["*", '"x"', "x", "", 'W/"y", "z"'],
    "If-None-Match": ["*", '"x"', ""],
    "If-Modified-Since": ["x", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 99 Jan 99999 00:00:00 GMT"],
    "If-Unmodified-Since": ["", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 0000 00:00:00 +9999"],
    "If-Schedule-Tag-Match": ['"x"', "*", ""],
    "Content-Type": ["text/calendar", "application/xml", "", ";;;", "text/vcard"],
    "Prefer": ["return=minimal", "return=representation", ",;="],
    "Brief": ["t", "f"],
    "Schedule-Reply": ["F", "T", "x"],
    "Accept-Encoding": ["gzip", "*"],
}
HEADERS = st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from([*METHODS, "LOCK", "SEARCH"]),
    path=PATHS,
    headers=HEADERS,
    body=st.one_of(st.just(b""), XML, EVENTS, st.binary(max_size=40)),
    user=st.sampled_from(["alice", "bob", "boss", None]),
)
def test_no_request_makes_an_error_of_the_server(office, method, path, headers, body, user):
    reply = office.client(user).request(method, path, body, headers)
    assert reply.status < 500 or reply.status in {502, 507}, (reply.status, reply.body)
    if reply.body and reply.headers.get("content-type", "").startswith("application/xml"):
        if reply.headers.get("content-encoding") == "gzip":
            reply = replace(reply, body=gzip.decompress(reply.body))
        root = reply.xml
        if root.tag == clark("D:error"):
            assert [e.tag for e in root] == [reply.error]
            assert reply.error in KNOWN
