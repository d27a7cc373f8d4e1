# SPDX-License-Identifier: GPL-3.0-or-later
"""Report bodies as values: one golden pair per shape, one row per mistake (RFC 4791 §7.8, §9.7 to §9.9)."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calcore_caldav.core.limits import Limits
from calcore_caldav.core.query import CalendarQuery, CompFilter
from calcore_caldav.core.times import TimeRange
from calcore_caldav.dav import xml
from calcore_caldav.dav.decode import (
    decode_calendar_data,
    decode_query,
    decode_sync,
    decode_time_range,
    decode_timezone,
)
from calcore_caldav.dav.xml import C, D
from calcore_caldav.errors import InvalidRequest, UnsupportedValue

JANUARY = 'start="20260101T000000Z" end="20260201T000000Z"'
GOLDEN = Path(__file__).parent / "golden"
LIMITS = Limits()
NAMESPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:X="urn:x"'


def plain(value):
    """A value as JSON, what is as by default left out."""
    if is_dataclass(value):
        made = {"": type(value).__name__} if isinstance(value, CalendarQuery) else {}
        for field in fields(value):
            item = getattr(value, field.name)
            if item != field.default:
                made[field.name] = plain(item)
        return made
    if isinstance(value, TimeRange):
        return "/".join("" if side is None else f"{side:%Y%m%dT%H%M%SZ}" for side in value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, tzinfo) else value


def decoded(body: bytes):
    root = xml.parse(body)
    if root.tag == D("sync-collection"):
        return {"sync": plain(decode_sync(root))}
    values = {
        "query": decode_query(root, LIMITS) if root.tag == C("calendar-query") else None,
        "data": decode_calendar_data(root, LIMITS),
        "zone": decode_timezone(root),
    }
    return {name: plain(value) for name, value in values.items() if value is not None}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.xml")), ids=lambda path: path.stem)
def test_golden(path):
    assert decoded(path.read_bytes()) == json.loads(path.with_suffix(".json").read_text())


def query(inner: str, rest: str = "") -> xml.Element:
    return xml.parse(
        f"<C:calendar-query {NAMESPACES}><C:filter>{inner}</C:filter>{rest}</C:calendar-query>".encode()
    )


def event(inner: str) -> str:
    return f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{inner}</C:comp-filter></C:comp-filter>'


def prop(inner: str, name: str = "SUMMARY") -> str:
    return event(f'<C:prop-filter name="{name}">{inner}</C:prop-filter>')


@pytest.mark.parametrize(
    ("inner", "precondition"),
    [
        ("", "valid-filter"),
        ('<C:comp-filter name="VEVENT"/>', "valid-filter"),
        ('<C:comp-filter name="VCALENDAR"/><C:comp-filter name="VCALENDAR"/>', "valid-filter"),
        ("<C:comp-filter/>", "valid-filter"),
        (event('<C:comp-filter name="VTODO"/>'), "valid-filter"),
        ('<C:comp-filter name="VCALENDAR"><C:comp-filter name="VALARM"/></C:comp-filter>', "valid-filter"),
        (event('<C:time-range start="20260101T000000Z"/>').replace("VEVENT", "VTIMEZONE"), "valid-filter"),
        (event("<C:is-not-defined/><C:is-not-defined/>"), "valid-filter"),
        (event('<C:is-not-defined/><C:prop-filter name="UID"/>'), "valid-filter"),
        (event('<C:time-range start="20260101T000000Z"/><C:time-range start="20260101T000000Z"/>'), "valid-filter"),
        (event('<C:time-range start="20260102T000000Z" end="20260101T000000Z"/>'), "valid-filter"),
        (event('<C:time-range start="20260101T000000Z" end="20260101T000000Z"/>'), "valid-filter"),
        (event('<C:time-range start="20260101T000000"/>'), "valid-filter"),
        (event('<C:time-range start="20260101"/>'), "valid-filter"),
        (event('<C:time-range start="20260231T000000Z"/>'), "valid-filter"),
        (event('<C:time-range start="tomorrow"/>'), "valid-filter"),
        (event("<C:time-range/>"), None),
        (event('<C:time-range start="18990101T000000Z"/>'), "min-date-time"),
        (event('<C:time-range end="22010101T000000Z"/>'), "max-date-time"),
        (event("<C:param-filter name='X'/>"), "valid-filter"),
        (event("<X:fuzzy/>"), "supported-filter"),
        (prop('<C:time-range start="20260101T000000Z"/>'), "valid-filter"),
        (prop('<C:time-range start="20260101T000000Z"/><C:text-match>x</C:text-match>', "DTSTART"), "valid-filter"),
        (prop("<C:text-match>x</C:text-match><C:text-match>y</C:text-match>"), "valid-filter"),
        (prop('<C:text-match collation="i;klingon">x</C:text-match>'), "supported-collation"),
        (prop('<C:text-match match-type="sounds-like">x</C:text-match>'), "supported-filter"),
        (prop('<C:text-match negate-condition="perhaps">x</C:text-match>'), "valid-filter"),
        (prop("<C:param-filter/>"), "valid-filter"),
        (event('<C:prop-filter name="UID" test="some"/>'), "valid-filter"),
    ],
)  # fmt: skip
def test_filters_that_make_no_sense(inner, precondition):
    with pytest.raises(InvalidRequest) as refused:
        decode_query(query(inner), LIMITS)
    assert refused.value.precondition == precondition
    assert refused.value.caldav


def test_an_unsupported_value_is_not_a_mistake():
    with pytest.raises(UnsupportedValue):
        decode_query(query(prop('<C:text-match collation="i;klingon">x</C:text-match>')), LIMITS)


def test_a_query_needs_its_filter():
    with pytest.raises(InvalidRequest) as refused:
        decode_query(xml.parse(f"<C:calendar-query {NAMESPACES}/>".encode()), LIMITS)
    assert refused.value.precondition == "valid-filter"


@pytest.mark.parametrize(
    ("attributes", "inner", "precondition"),
    [
        ('content-type="application/calendar+xml"', "", "supported-calendar-data"),
        ('version="1.0"', "", "supported-calendar-data"),
        ("", '<C:comp name="VEVENT"/>', None),
        ("", '<C:comp name="VCALENDAR"/><C:comp name="VCALENDAR"/>', None),
        ("", '<C:expand start="20260101T000000Z"/>', None),
        ("", '<C:expand start="20260101T000000Z" end="20250101T000000Z"/>', "valid-filter"),
        ("", '<C:expand start="18000101T000000Z" end="20250101T000000Z"/>', "min-date-time"),
        (
            "",
            f"<C:expand {JANUARY}/><C:limit-recurrence-set {JANUARY}/>",
            None,
        ),
    ],
)
def test_calendar_data_that_cannot_be_served(attributes, inner, precondition):
    rest = f"<D:prop><C:calendar-data {attributes}>{inner}</C:calendar-data></D:prop>"
    with pytest.raises(InvalidRequest) as refused:
        decode_calendar_data(query("", rest), LIMITS)
    assert refused.value.precondition == precondition


def test_no_calendar_data_is_asked_for():
    assert decode_calendar_data(query("", "<D:prop><D:getetag/></D:prop>"), LIMITS) is None
    assert decode_calendar_data(query("", "<D:allprop/>"), LIMITS) is None


ZONE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VTIMEZONE
TZID:Europe/Amsterdam
END:VTIMEZONE
END:VCALENDAR"""


@pytest.mark.parametrize(
    ("element", "precondition"),
    [
        ("<C:timezone-id>Nowhere/Land</C:timezone-id>", "valid-timezone"),
        ("<C:timezone-id>../etc/passwd</C:timezone-id>", "valid-timezone"),
        ("<C:timezone-id/>", "valid-timezone"),
        ("<C:timezone>CET</C:timezone>", "valid-calendar-data"),
        ("<C:timezone/>", "valid-calendar-data"),
        (f"<C:timezone>{ZONE.replace('TZID:Europe/Amsterdam', 'X:1')}</C:timezone>", "valid-calendar-data"),
        (f"<C:timezone>{ZONE.replace('VERSION:2.0', 'X:1')}</C:timezone>", "valid-calendar-data"),
        (f"<C:timezone>{ZONE.replace('VTIMEZONE', 'VEVENT')}</C:timezone>", "valid-calendar-data"),
    ],
)
def test_zones_that_do_not_exist(element, precondition):
    with pytest.raises(InvalidRequest) as refused:
        decode_timezone(query("", element))
    assert refused.value.precondition == precondition


def test_a_zone_of_the_request():
    zone = decode_timezone(query("", f"<C:timezone><![CDATA[\n{ZONE}\n]]></C:timezone>"))
    assert datetime(2026, 7, 1, 12, tzinfo=zone).astimezone(UTC).hour == 10
    assert decode_timezone(query("")) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<D:sync-token/><D:sync-level>2</D:sync-level>",
        "<D:sync-token/><D:limit/>",
        "<D:sync-token/><D:limit><D:nresults>0</D:nresults></D:limit>",
        "<D:sync-token/><D:limit><D:nresults>many</D:nresults></D:limit>",
        "<D:sync-token/><D:limit><D:nresults>-1</D:nresults></D:limit>",
    ],
)
def test_syncs_that_make_no_sense(body):
    with pytest.raises(InvalidRequest) as refused:
        decode_sync(xml.parse(f'<D:sync-collection xmlns:D="DAV:">{body}</D:sync-collection>'.encode()))
    assert refused.value.precondition is None


def test_ranges_of_free_busy_are_closed():
    with pytest.raises(InvalidRequest):
        decode_time_range(xml.parse(b'<time-range start="20260101T000000Z"/>'), LIMITS, closed=True)


def test_an_empty_filter_is_everything():
    assert decode_query(query('<C:comp-filter name="VCALENDAR"/>'), LIMITS) == CalendarQuery(
        CompFilter("VCALENDAR")
    )


TAGS = [
    C(n) for n in (
        "filter", "comp-filter", "prop-filter", "param-filter", "time-range", "text-match", "is-not-defined", "comp", "prop",
        "allprop", "allcomp", "expand", "limit-recurrence-set", "calendar-data", "timezone", "timezone-id", "x",
    )
] + [D(n) for n in ("prop", "sync-token", "sync-level", "limit", "nresults", "href")]  # fmt: skip
TEXTS = [
    "",
    "VCALENDAR",
    "VEVENT",
    "VALARM",
    "SUMMARY",
    "DTSTART",
    "20260101T000000Z",
    "20260201T000000Z",
    "yes",
    "1",
    "é\u0663",
]
trees = st.recursive(
    st.builds(
        lambda tag, attributes, text: (tag, attributes, text, []),
        st.sampled_from(TAGS),
        st.dictionaries(st.sampled_from(["name", "start", "end", "test", "collation", "version"]), st.sampled_from(TEXTS), max_size=2),
        st.sampled_from(TEXTS),
    ),
    lambda inner: st.builds(
        lambda tag, name, children: (tag, {"name": name}, "", children),
        st.sampled_from(TAGS), st.sampled_from(TEXTS), st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


def built(tree) -> xml.Element:
    tag, attributes, text, children = tree
    element = xml.Element(tag, attributes)
    element.text = text
    element.extend(built(child) for child in children)
    return element


@given(
    st.lists(trees, max_size=3),
    st.sampled_from([decode_sync, decode_timezone, decode_query, decode_calendar_data]),
)
def test_whatever_is_asked_is_understood_or_refused(children, decode):
    root = xml.Element(C("calendar-query"))
    root.extend(built(tree) for tree in children)
    try:
        decode(root, LIMITS) if decode in (decode_query, decode_calendar_data) else decode(root)
    except InvalidRequest:
        return
