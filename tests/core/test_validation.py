# SPDX-License-Identifier: GPL-3.0-or-later
"""What a calendar accepts, and which precondition the rest violates (RFC 4791 §4.1, §5.3.2.1)."""

from __future__ import annotations

import pytest

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.limits import Limits
from calcore_caldav.errors import InvalidCalendarData

LIMITS = Limits(max_attendees=3, max_resource_size=100_000)


def body(*lines: str, component: str = "VEVENT") -> bytes:
    """A VCALENDAR with one component; "--" begins another one, "^" sets lines of the calendar itself."""
    head = [line[1:] for line in lines if line.startswith("^")]
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *head, f"BEGIN:{component}"]
    for line in lines:
        if line.startswith("--"):
            text += [f"END:{component}", f"BEGIN:{line[2:] or component}"]
            component = line[2:] or component
        elif not line.startswith("^"):
            text.append(line)
    return "\r\n".join([*text, f"END:{component}", "END:VCALENDAR", ""]).encode()


EVENT = ("UID:1", "DTSTAMP:20260101T000000Z", "DTSTART:20260105T100000Z")


@pytest.mark.parametrize(
    "data",
    [
        body(*EVENT),
        body("UID:1", "DTSTART:20260105T100000Z"),
        body(*EVENT, "DTEND:20260105T100000Z"),
        body(*EVENT, "CREATED:00001231T000000Z", "LAST-MODIFIED:yesterday"),
        body(*EVENT, "DTSTAMP:20260101T000000Z", "SUMMARY:a", "SUMMARY:b"),
        body(*EVENT, "DTEND:20260105T110000Z", "DURATION:PT1H"),
        body(*EVENT, "DTEND;VALUE=DATE:20060711"),
        body(*EVENT, "DTEND:20260105T095959Z"),
        body(*EVENT, "SUMMARY:a\x0bb\x1f", "X-ODD;P=\x0c:\x7f"),
        body(*EVENT, "DTEND;TZID=Nowhere/Land:20260105T100000"),
        body(*EVENT, "DTEND;TZID=Europe/Amsterdam:20260105T103000"),
        body(*EVENT, "BEGIN:VALARM", "ACKNOWLEDGED:20260105T100000Z", "TRIGGER:-PT5M", "END:VALARM"),
        body("UID:1", "DTSTART;TZID=Europe/Amsterdam:20260105T100000", "DTEND:20260105T100000Z"),
        body("UID:1", "DTSTART:20260105", "DTEND;VALUE=DATE:20260105"),
        body("UID:1", "DTSTART;VALUE=DATE:20260105", "DURATION:P1DT"),
        body(*EVENT, "STATUS:SOMETIMES", "TRANSP:YES", "SEQUENCE: 3"),
        body(*EVENT, "BEGIN:VALARM", "TRIGGER:230000", "END:VALARM"),
        body("UID:1", component="VTODO"),
        body("UID:1", "DUE:20260105T100000Z", component="VTODO"),
        body("UID:1", "DTSTART:20260105T100000", "DUE;VALUE=DATE:20260105", component="VTODO"),
        body("UID:1", component="VJOURNAL"),
        body("UID:1", "FREEBUSY:20260105T100000Z/PT1H,20260106T100000Z/20260106T110000Z", component="VFREEBUSY"),
        body(*EVENT, "--X-OTHER", "X-A:1"),
        body(*EVENT, "DTSTART:20260105T100000Z"),
        body(*EVENT).replace(b"VERSION:2.0\r\nPRODID:-//test//EN\r\n", b""),
    ],
)  # fmt: skip
def test_accepted(data):
    assert CalendarObject.parse(data, limits=LIMITS).body == data


@pytest.mark.parametrize(
    ("data", "precondition", "detail"),
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n", "supported-calendar-data", "VCARD"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "valid-calendar-data", "VEVENT is not VCALENDAR"),
        (body(*EVENT).replace(b"2.0", b"1.0"), "supported-calendar-data", "line 2: VERSION"),
        (body(*EVENT, "^CALSCALE:HEBREW"), "valid-calendar-data", "line 4: CALSCALE"),
        (body(*EVENT, "^METHOD:PUBLISH"), "valid-calendar-object-resource", "line 4: METHOD"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR", "valid-calendar-object-resource", "is needed"),
        (body("TZID:x", component="VTIMEZONE"), "valid-calendar-object-resource", "is needed"),
        (body(component="X-OTHER"), "supported-calendar-component", "X-OTHER"),
        (body("DTSTART:20260105T100000Z"), "valid-calendar-object-resource", "line 4: VEVENT has no UID"),
        (body("UID: ", "DTSTART:20260105"), "valid-calendar-object-resource", "no UID"),
        (body(*EVENT, "--", "UID:2", "DTSTART:20260105"), "valid-calendar-object-resource", "line 10: UID: '2'"),
        (body(*EVENT, "--VTODO", "UID:1"), "valid-calendar-object-resource", "VTODO beside VEVENT"),
        (body(*EVENT, "--", *EVENT), "valid-calendar-object-resource", "second one without RECURRENCE-ID"),
        (
            body(*EVENT, "--", *EVENT, "RECURRENCE-ID:20260105T100000Z", "--", *EVENT,
                 "RECURRENCE-ID;TZID=Europe/Amsterdam:20260105T110000"),
            "valid-calendar-object-resource", "RECURRENCE-ID twice",
        ),
        (body("UID:1"), "valid-calendar-data", "line 4: VEVENT has no DTSTART"),
        (body(*EVENT, "DTSTART:20260106T100000Z"), "valid-calendar-data", "line 8: DTSTART: is there twice"),
        (body("UID:1", "DTSTART:20260231T100000Z"), "valid-calendar-data", "line 6: DTSTART: no such date"),
        (body("UID:1", "DTSTART:tomorrow"), "valid-calendar-data", "line 6: DTSTART: not a date"),
        (
            body(*EVENT, "BEGIN:VALARM", "ACKNOWLEDGED:20260105T100000", "TRIGGER:-PT5M", "END:VALARM"),
            "valid-calendar-data", "line 9: ACKNOWLEDGED: not a UTC date-time",
        ),
        (body(*EVENT, "DURATION:1 hour"), "valid-calendar-data", "line 8: DURATION: not a duration"),
        (body(*EVENT, "SEQUENCE:one"), "valid-calendar-data", "line 8: SEQUENCE: not a number"),
        (body("UID:1", "COMPLETED:done", component="VTODO"), "valid-calendar-data", "line 6: COMPLETED"),
        (body("UID:1", "FREEBUSY:20260105T100000Z", component="VFREEBUSY"), "valid-calendar-data", "not a period"),
        (body(*EVENT, "EXDATE:20260105T100000Z,never"), "valid-calendar-data", "line 8: EXDATE"),
        (body(*EVENT, "ATTENDEE;CN=x:"), "valid-calendar-data", "line 8: ATTENDEE: an address"),
        (body("UID:1", "DTSTART:18991231T000000Z"), "min-date-time", "line 6: DTSTART: before 1900"),
        (body("UID:1", "DTSTART:22000101T000001Z"), "max-date-time", "line 6: DTSTART: after 2200"),
        (body("UID:1", "DTSTART;TZID=Asia/Tokyo:00010101T000000"), "min-date-time", "line 6"),
        (body("UID:1", "DTSTART;TZID=America/New_York:99991231T235959"), "max-date-time", "line 6"),
        (body(*EVENT, *["ATTENDEE:mailto:a@example.com"] * 4), "max-attendees-per-instance", "line 4: VEVENT has 4"),
        (body(*EVENT, "DESCRIPTION:" + "x" * 100_000), "max-resource-size", "octets"),
    ],
)  # fmt: skip
def test_refused(data, precondition, detail):
    with pytest.raises(InvalidCalendarData, match=detail) as refused:
        CalendarObject.parse(data, limits=LIMITS)
    assert refused.value.precondition == precondition


@pytest.mark.parametrize(
    ("data", "precondition", "detail"),
    [
        (body("UID:1", "DTSTART:20260105T100000Z", "RRULE:FREQ=NEVER"), "valid-calendar-data", "line 7: RRULE"),
        (body(*EVENT, "RRULE:FREQ=SECONDLY"), "max-instances", "line 8: RRULE: more than"),
        (body(*EVENT, "RRULE:FREQ=MINUTELY;COUNT=100000"), "max-instances", "line 8: RRULE"),
        (body(*EVENT, "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12"), "max-instances", "line 8: RRULE"),
    ],
)  # fmt: skip
def test_rules_are_refused(data, precondition, detail):
    with pytest.raises(InvalidCalendarData, match=detail) as refused:
        CalendarObject.parse(data, limits=LIMITS)
    assert refused.value.precondition == precondition


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=DAILY;COUNT=20000", "FREQ=HOURLY;COUNT=2000", "FREQ=DAILY;BYHOUR=9,17"]
)
def test_long_series_are_fine(rule):
    assert CalendarObject.parse(body(*EVENT, f"RRULE:{rule}"), limits=LIMITS).recurrence().recurring


def test_an_itip_message_has_a_method_and_may_lack_a_start():
    data = body("UID:1", "^METHOD:CANCEL")
    assert CalendarObject.parse(data, limits=LIMITS, inbox=True).method == "CANCEL"
