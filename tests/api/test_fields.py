# SPDX-License-Identifier: GPL-3.0-or-later
"""Each field of an event: what JSON wrote CalDAV reads, and what CalDAV wrote JSON shows."""

from __future__ import annotations

import json

import pytest
from google_office import discovery

START, END = "2011-06-01T10:00:00+02:00", "2011-06-01T11:00:00+02:00"
PARIS = "Europe/Paris"


def kept(value: object) -> str:
    """JSON text as iCalendar TEXT."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")


VIDEO = {"conferenceId": "abc", "entryPoints": [{"entryPointType": "video", "uri": "https://x.example/y"}]}
FIELDS = [
    ("summary", "Lunch; with, all \\ of us", ["SUMMARY:Lunch\\; with\\, all \\\\ of us"]),
    ("description", "One\nTwo — ünï", ["DESCRIPTION:One\\nTwo — ünï"]),
    ("location", "Main street 1", ["LOCATION:Main street 1"]),
    ("status", "tentative", ["STATUS:TENTATIVE"]),
    ("transparency", "transparent", ["TRANSP:TRANSPARENT"]),
    ("visibility", "public", ["CLASS:PUBLIC"]),
    ("visibility", "private", ["CLASS:PRIVATE"]),
    ("visibility", "confidential", ["CLASS:CONFIDENTIAL"]),
    ("colorId", "11", ["COLOR:crimson"]),
    ("colorId", "99", ["X-CALCORE-JSON-COLOR-ID:99"]),
    ("sequence", 7, ["SEQUENCE:7"]),
    ("iCalUID", "seven@example.com", ["UID:seven@example.com"]),
    ("start", {"dateTime": START, "timeZone": PARIS}, ["DTSTART;TZID=Europe/Paris:20110601T100000"]),
    ("end", {"dateTime": END, "timeZone": PARIS}, ["DTEND;TZID=Europe/Paris:20110601T110000"]),
    ("end", {"dateTime": "2011-06-01T09:00:00Z", "timeZone": "UTC"}, ["DTEND:20110601T090000Z"]),
    (
        "recurrence",
        [
            "RRULE:FREQ=DAILY;COUNT=9",
            "RDATE;TZID=Europe/Paris:20110801T100000",
            "EXDATE;TZID=Europe/Paris:20110602T100000",
        ],
        [
            "RRULE:FREQ=DAILY;COUNT=9",
            "RDATE;TZID=Europe/Paris:20110801T100000",
            "EXDATE;TZID=Europe/Paris:20110602T100000",
        ],
    ),
    (
        "source",
        {"url": "https://example.com/a?b=c", "title": "Page"},
        ["URL:https://example.com/a?b=c", "X-CALCORE-JSON-SOURCE-TITLE:Page"],
    ),
    (
        "attachments",
        [{"fileUrl": "https://example.com/f.pdf", "title": "F", "mimeType": "application/pdf"}],
        ["ATTACH;FMTTYPE=application/pdf;FILENAME=F:https://example.com/f.pdf"],
    ),
    (
        "extendedProperties",
        {"private": {"key": "väl:ue"}, "shared": {"a b": "1,2"}},
        ["X-CALCORE-JSON-PROPERTY;X-KEY=key:väl:ue", "X-JSON-PROPERTY;X-KEY=a b:1\\,2"],
    ),
    (
        "reminders",
        {"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
        ["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT10M", "DESCRIPTION:Reminder", "END:VALARM"],
    ),
    ("reminders", {"useDefault": False}, ["X-CALCORE-JSON-REMINDERS:NONE"]),
    ("guestsCanInviteOthers", False, ["X-JSON-GUESTS-CAN-INVITE-OTHERS:FALSE"]),
    ("guestsCanModify", True, ["X-JSON-GUESTS-CAN-MODIFY:TRUE"]),
    ("guestsCanSeeOtherGuests", False, ["X-JSON-GUESTS-CAN-SEE-OTHER-GUESTS:FALSE"]),
    ("anyoneCanAddSelf", True, ["X-JSON-ANYONE-CAN-ADD-SELF:TRUE"]),
    ("endTimeUnspecified", True, ["X-JSON-END-TIME-UNSPECIFIED:TRUE"]),
    ("privateCopy", True, ["X-JSON-PRIVATE-COPY:TRUE"]),
    ("conferenceData", VIDEO, [f"X-JSON-CONFERENCE-DATA:{kept(VIDEO)}"]),
    ("hangoutLink", "https://x.example/y", [f"X-JSON-HANGOUT-LINK:{kept('https://x.example/y')}"]),
    ("eventType", "focusTime", [f"X-JSON-EVENT-TYPE:{kept('focusTime')}"]),
    ("eventLabelId", "3", [f"X-CALCORE-JSON-EVENT-LABEL-ID:{kept('3')}"]),
    ("gadget", {"title": "old"}, [f"X-JSON-GADGET:{kept({'title': 'old'})}"]),
    *(
        (f"{name}Properties", {"a": ["b"]}, [f"X-JSON-{prop}-PROPERTIES:{kept({'a': ['b']})}"])
        for name, prop in (
            ("birthday", "BIRTHDAY"),
            ("focusTime", "FOCUS-TIME"),
            ("outOfOffice", "OUT-OF-OFFICE"),
            ("workingLocation", "WORKING-LOCATION"),
        )
    ),
]
ATTENDEES = [
    ({"displayName": "Eve"}, ";CN=Eve"),
    ({"responseStatus": "accepted"}, ";PARTSTAT=ACCEPTED"),
    ({"responseStatus": "declined"}, ";PARTSTAT=DECLINED"),
    ({"responseStatus": "tentative"}, ";PARTSTAT=TENTATIVE"),
    ({"optional": True}, ";ROLE=OPT-PARTICIPANT"),
    ({"resource": True}, ";CUTYPE=RESOURCE"),
    ({"comment": "late, again"}, ';X-RESPONSE-COMMENT="late, again"'),
    ({"additionalGuests": 2}, ";X-NUM-GUESTS=2"),
]
READ_ONLY = {
    "kind", "etag", "id", "created", "updated", "creator", "organizer", "recurringEventId", "originalStartTime",
    "attendees", "attendeesOmitted",
}  # fmt: skip
"""Not in the tables above: what the server says, and what the other tests are about."""
ABSENT = {"htmlLink", "locked"}


def event(**more):
    return {
        "id": "abc12",
        "iCalUID": "u",
        "start": {"dateTime": START, "timeZone": PARIS},
        "end": {"dateTime": END, "timeZone": PARIS},
        **more,
    }


def calendar(*lines: str) -> str:
    """What a CalDAV client writes."""
    given = {line.partition(":")[0].partition(";")[0] for line in lines}
    usual = {
        "UID": "UID:u",
        "DTSTART": f"DTSTART;TZID={PARIS}:20110601T100000",
        "DTEND": f"DTEND;TZID={PARIS}:20110601T110000",
    }
    text = [line for name, line in usual.items() if name not in given] + [*lines]
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "DTSTAMP:20110501T000000Z"]
    return "\n".join([*head, *text, "END:VEVENT", "END:VCALENDAR", ""])


@pytest.mark.parametrize(("name", "value", "lines"), FIELDS)
def test_what_json_wrote_caldav_reads(office, name, value, lines):
    status, made = office.ask("POST", "calendars/primary/events", event(**{name: value}))
    assert (status, made[name]) == (200, value)
    stored = office.text("ann").split("\n")
    assert [line for line in stored if line in lines] == sorted(lines, key=stored.index)


@pytest.mark.parametrize(("name", "value", "lines"), FIELDS)
def test_what_caldav_wrote_json_shows(office, name, value, lines):
    office.put("ann", "abc12.ics", calendar(*lines))
    status, shown = office.ask("GET", "calendars/primary/events/abc12")
    assert (status, shown[name]) == (200, value)
    before = office.text("ann")
    status, again = office.ask("PUT", "calendars/primary/events/abc12", shown)
    assert (status, again[name], office.text("ann")) == (200, value, before)


@pytest.mark.parametrize(("fields", "params"), ATTENDEES)
def test_attendees(office, fields, params):
    guest = {"email": "eve@elsewhere.net", **fields}
    body = event(iCalUID="imported", attendees=[guest], organizer={"email": "ann@example.com"})
    status, made = office.ask("POST", "calendars/primary/events/import", body)
    assert status == 200
    assert guest.items() <= made["attendees"][0].items()
    (line,) = (line for line in office.text("ann").split("\n") if line.startswith("ATTENDEE"))
    assert params in line
    office.put(
        "bob",
        "abc12.ics",
        calendar("ORGANIZER:mailto:eve@elsewhere.net", f"ATTENDEE{params}:mailto:bob@example.com"),
    )
    shown = office.ask("GET", "calendars/primary/events/abc12", user="bob")[1]["attendees"][0]
    assert fields.items() <= shown.items()


def test_every_field_of_googles_document_is_accounted_for():
    document = json.loads(discovery())["schemas"]["Event"]["properties"]
    assert {name for name, _, _ in FIELDS} | READ_ONLY | ABSENT == {*document}
