# SPDX-License-Identifier: GPL-3.0-or-later
"""Content lines: what is read is written back; what is made can be read (RFC 5545 §3.1, RFC 6868)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calcore_caldav.core import content, stream
from calcore_caldav.core.content import Component, Property
from calcore_caldav.errors import InvalidCalendarData

ALPHABET = "ab XYZ09-_=/é€😀\t\u2028;:,\"\\^'nN"
values = st.text(ALPHABET, max_size=100).filter(lambda v: v == v.strip())
names = st.sampled_from(["X-A", "X-B-C", "SUMMARY", "ATTENDEE", "DTSTART", "CN", "X-9", "ITEM1.X_Y"])
texts = st.text(ALPHABET + "\n", max_size=60)


def calendar(*lines: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""]).encode()


@st.composite
def properties(draw: st.DrawFn) -> Property:
    made = Property(draw(names), draw(values))
    for name in draw(st.lists(names, max_size=3, unique=True)):
        made = made.with_param(name, *draw(st.lists(texts, min_size=1, max_size=3)))
    return made


components = st.recursive(
    st.builds(Component, st.just("X-INNER"), st.lists(properties(), max_size=4)),
    lambda inner: st.builds(
        Component, st.just("X-OUTER"), st.lists(properties(), max_size=3), st.lists(inner, max_size=2)
    ),
    max_leaves=4,
)


@given(components)
def test_what_is_written_is_read_and_written_the_same(component):
    body = component.to_bytes()
    read = stream.parse(body)
    assert read == component
    assert read.to_bytes() == body
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))


@given(properties())
def test_a_changed_property_keeps_its_params(prop):
    read = stream.parse(calendar(prop.folded())).properties[0]
    changed = read.with_value("new")
    assert stream.parse(calendar(changed.folded())).properties[0] == changed
    assert changed.params == prop.params


@given(texts)
def test_text_and_params_survive(text):
    prop = Property("SUMMARY", content.escape_text(text)).with_param("X-P", text)
    read = stream.parse(calendar(prop.folded())).properties[0]
    assert read.text == text
    assert read.param("X-P") == text


@given(st.lists(texts, min_size=1, max_size=5))
def test_multi_valued_text(items):
    value = ",".join(content.escape_text(i) for i in items)
    assert [content.unescape_text(v) for v in content.split_values(value)] == items


@given(st.binary(max_size=200) | st.lists(st.sampled_from([
    b"BEGIN:VCALENDAR", b"END:VCALENDAR", b"BEGIN:VEVENT", b"END:VEVENT", b"\r\n", b"\n", b" ", b"\t", b":", b";",
    b'"', b"A=", b"X", b"\xc3", b"\xa9", b"\r",
]), max_size=30).map(b"".join))  # fmt: skip
def test_anything_is_read_or_refused(body):
    try:
        component = stream.parse(body)
    except InvalidCalendarData:
        return
    assert stream.parse(component.to_bytes()).to_bytes() == component.to_bytes()


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("last", [b"", b"\r\n", b"\n\n \n"])
def test_line_ends(end, last):
    body = calendar("DESCRIPTION:one", "  two").rstrip()
    read = stream.parse(body.replace(b"\r\n", end) + last)
    assert read.value("DESCRIPTION") == "one two"
    assert read.to_bytes() == body + b"\r\n"


def test_a_fold_inside_a_character():
    body = "BEGIN:VCALENDAR\r\nSUMMARY:é\r\nX-A:b\r\nEND:VCALENDAR\r\n".encode().replace(
        b"\xc3", b"\xc3\r\n "
    )
    assert stream.parse(body).text("SUMMARY") == "é"


def test_long_lines_are_folded_between_characters():
    for text in ("x" * 400, "é" * 200, "😀" * 100, "a" * 74 + "é" + "b" * 80):
        folded = content.fold(f"SUMMARY:{text}")
        assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
        assert folded.replace("\r\n ", "") == f"SUMMARY:{text}"


@pytest.mark.parametrize(
    ("line", "param", "value"),
    [
        ('ATTENDEE;CN="Doe, Jane: \'x\'";RSVP=TRUE:mailto:j@example.com', "Doe, Jane: 'x'", "mailto:j@example.com"),
        ("ATTENDEE;CN=George ^'Babe^' Ruth^n^^:mailto:g@example.com", 'George "Babe" Ruth\n^', "mailto:g@example.com"),
        ('ATTENDEE;CN=John "Jack" Smith;X=1:mailto:j@example.com', 'John "Jack" Smith', "mailto:j@example.com"),
        ('ATTENDEE;RSVP;CN=A "b;c" d:mailto:j@example.com', 'A "b;c" d', "mailto:j@example.com"),
        ('ATTENDEE;CN="open:mailto:j@example.com', '"open', "mailto:j@example.com"),
        ("ATTENDEE;CN=:mailto:j@example.com", "", "mailto:j@example.com"),
        ("attendee;cn=x:mailto:j@example.com", "x", "mailto:j@example.com"),
    ],
)  # fmt: skip
def test_params_as_clients_write_them(line, param, value):
    read = stream.parse(calendar(line))
    prop = read.properties[0]
    assert (prop.name, prop.param("CN"), prop.value) == ("ATTENDEE", param, value)
    assert read.to_bytes() == calendar(line)
    edited = stream.parse(calendar(prop.with_param("PARTSTAT", "ACCEPTED").folded())).properties[0]
    assert (edited.param("CN"), edited.param("PARTSTAT"), edited.value) == (param, "ACCEPTED", value)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "empty"),
        (b"hello", "line 1: text before BEGIN"),
        (calendar("nonsense"), "line 2: not a content line"),
        (calendar("SUMMARY:a\x00b"), "line 2: a NUL character"),
        (calendar("SUMMARY:a\xe9").decode().encode("latin-1"), "line 2: not UTF-8"),
        (calendar("BEGIN:VEVENT"), "line 3: 'END:VCALENDAR' where END:VEVENT is due"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT", "VCALENDAR has no END"),
        (calendar() + calendar(), "line 3: text after the end"),
        (calendar("DESCRIPTION:a", " b", " c", ";:"), "line 5: not a content line"),
        (b"BEGIN:A\n" * 1000, "line 11: components nested"),
    ],
)
def test_refusals_name_the_line(body, detail):
    with pytest.raises(InvalidCalendarData, match=detail) as refused:
        stream.parse(body)
    assert refused.value.precondition == "valid-calendar-data"


def test_ten_megabytes_in_one_line():
    body = calendar("ATTACH:" + "\r\n ".join(["A" * 74] * 140_000))
    read = stream.parse(body)
    assert len(read.value("ATTACH")) == 74 * 140_000
    assert read.to_bytes() == body


def test_editing_leaves_the_other_lines_as_they_are():
    body = calendar("x-lower;p=1:v", "DESCRIPTION:one tw", " o", "SUMMARY:old")
    edited = stream.parse(body).set("SUMMARY", "new")
    assert edited.to_bytes() == body.replace(b"SUMMARY:old", b"SUMMARY:new")
    assert stream.parse(body).with_all("X-LOWER", ()).to_bytes() == body.replace(b"x-lower;p=1:v\r\n", b"")


def test_params_are_set_in_place_and_removed():
    prop = Property.parse("ATTENDEE;A=1;B=2;C=3:x")
    assert str(prop.with_param("B", "9")) == "ATTENDEE;A=1;B=9;C=3:x"
    assert str(prop.with_param("D", "a,b")) == 'ATTENDEE;A=1;B=2;C=3;D="a,b":x'
    assert str(prop.with_param("A")) == "ATTENDEE;B=2;C=3:x"
    assert prop.without_params("X") is prop
    assert str(prop.without_params("A", "C")) == "ATTENDEE;B=2:x"
