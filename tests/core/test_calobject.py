# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar object resources as values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject, ComponentKind, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Property
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId

LINES = (
    "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VTIMEZONE", "TZID:Europe/Amsterdam", "END:VTIMEZONE",
    "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID;TZID=Europe/Amsterdam:20260106T100000", "DTSTART:20260106T110000Z",
    "ATTENDEE;PARTSTAT=declined:mailto:Bob@example.com", "END:VEVENT",
    "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Europe/Amsterdam:20260105T100000", "RRULE:FREQ=DAILY",
    "ORGANIZER:MAILTO:Ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE;PARTSTAT=X:mailto:bob@example.com",
    "END:VEVENT", "END:VCALENDAR", "",
)  # fmt: skip
BODY = "\r\n".join(LINES).encode()
ANN, BOB = CalendarUserAddress("mailto:ann@example.com"), CalendarUserAddress("mailto:bob@example.com")
TUESDAY = RecurrenceId(datetime(2026, 1, 6, 9, tzinfo=UTC))


@pytest.fixture
def obj():
    return CalendarObject.parse(BODY, limits=Limits())


def test_what_is_read_from_the_bytes(obj):
    assert obj.body is BODY
    assert (obj.uid, obj.kind, obj.method) == ("1", ComponentKind.VEVENT, None)
    assert obj.master is obj.components[1]
    assert dict(obj.overrides) == {TUESDAY: obj.components[0]}
    assert obj.by_rid() == {TUESDAY: obj.components[0], None: obj.components[1]}
    assert obj.organizer == ANN
    assert obj.attendees == {ANN, BOB}
    assert obj.recurrence().instance(TUESDAY).start == datetime(2026, 1, 6, 11, tzinfo=UTC)


def test_equal_bytes_are_equal_objects(obj):
    same, other = CalendarObject(bytes(bytearray(BODY))), CalendarObject(BODY.replace(b"UID:1", b"UID:2"))
    assert obj == same
    assert hash(obj) == hash(same)
    assert obj.etag == same.etag != other.etag
    assert obj.etag.startswith('"')
    assert obj != other
    assert "1" in repr(obj)


def test_an_object_of_components(obj):
    assert CalendarObject.from_component(obj.calendar).body == BODY
    changed = obj.with_components((obj.components[1].set("SUMMARY", "new"),))
    assert [c.name for c in changed.calendar.children] == ["VTIMEZONE", "VEVENT"]
    assert stream.parse(changed.body) == changed.calendar


def test_attendees(obj):
    override, master = obj.components
    assert find_attendee(override, frozenset({ANN})) is None
    assert partstat(find_attendee(override, frozenset({BOB}))) is PartStat.DECLINED
    assert partstat(find_attendee(master, frozenset({ANN, BOB}))) is PartStat.NEEDS_ACTION
    assert partstat(Property.parse("ATTENDEE;PARTSTAT=X:mailto:bob@example.com")) is PartStat.NEEDS_ACTION


def test_a_message_has_a_method():
    assert CalendarObject(b"BEGIN:VCALENDAR\nMETHOD: request\nEND:VCALENDAR").method == "REQUEST"
