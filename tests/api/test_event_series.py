# SPDX-License-Identifier: GPL-3.0-or-later
"""Series and their exceptions through the official client."""

from __future__ import annotations

import pytest
from google_office import CALDAV, at, event, insert, items


def test_moving_a_series_takes_its_exceptions_along(ann):
    made = insert(ann, event(1, recurrence=["RRULE:FREQ=DAILY;COUNT=4"]))
    moved, gone = (f"{made['id']}_2011060{n}T080000Z" for n in (2, 3))
    ann.events().patch(calendarId="primary", eventId=moved, body={"summary": "Exception"}).execute()
    ann.events().delete(calendarId="primary", eventId=gone).execute()
    change = {"start": at(1, 12), "end": at(1, 13)}
    ann.events().patch(calendarId="primary", eventId=made["id"], body=change).execute()
    found = (
        ann.events().instances(calendarId="primary", eventId=made["id"], showDeleted=True).execute()["items"]
    )
    assert [(i["id"].partition("_")[2], i["status"], i.get("summary")) for i in found] == [
        ("20110601T100000Z", "confirmed", "Talk"),
        ("20110602T100000Z", "confirmed", "Exception"),
        ("20110603T100000Z", "cancelled", None),
        ("20110604T100000Z", "confirmed", "Talk"),
    ]


def test_exceptions_follow_the_series(office, ann, bob):
    """What an exception does not say otherwise is the series' own: its time, texts, guests, reminders."""
    made = insert(ann, event(1, recurrence=["RRULE:FREQ=DAILY;COUNT=3"], location="Here"))
    renamed, moved = (f"{made['id']}_2011060{n}T080000Z" for n in (2, 3))
    ann.events().patch(calendarId="primary", eventId=renamed, body={"summary": "Renamed"}).execute()
    ann.events().patch(
        calendarId="primary", eventId=moved, body={"start": at(3, 16), "end": at(3, 17)}
    ).execute()
    change = {
        "summary": "New",
        "location": "There",
        "start": at(1, 12),
        "end": at(1, 14),
        "attendees": [{"email": "bob@example.com"}],
        "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 7}]},
    }
    ann.events().patch(calendarId="primary", eventId=made["id"], body=change).execute()
    found = ann.events().instances(calendarId="primary", eventId=made["id"]).execute()["items"]
    assert [(i["summary"], i["start"]["dateTime"][8:13], i["end"]["dateTime"][8:13]) for i in found] == [
        ("New", "01T12", "01T14"),
        ("Renamed", "02T12", "02T14"),
        ("New", "03T16", "03T17"),
    ]
    for instance in found:
        assert instance["location"] == "There"
        assert [a["email"] for a in instance["attendees"]] == ["bob@example.com"]
        assert instance["reminders"] == change["reminders"]
    guests = items(bob, singleEvents=True, orderBy="startTime")
    assert [e["summary"] for e in guests] == ["New", "Renamed", "New"]
    nobody = {"attendees": []}
    ann.events().patch(calendarId="primary", eventId=made["id"], body=nobody).execute()
    assert "ATTENDEE" not in office.text("ann")
    assert items(bob, singleEvents=True) == []


def test_this_and_future_follows_the_series(office, ann):
    text = CALDAV.replace("RECURRENCE-ID;TZID", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID")
    office.put("ann", "dav01.ics", text.replace("EXDATE;TZID=Europe/Paris:20110607T100000\n", ""))
    change = {"location": "There", "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
    ann.events().patch(calendarId="primary", eventId="dav01", body=change).execute()
    assert "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Paris:20110608T100000\n" in office.text("ann")
    earlier = {"start": at(6, 9), "end": at(6, 10)}
    ann.events().patch(calendarId="primary", eventId="dav01", body=earlier).execute()
    found = ann.events().instances(calendarId="primary", eventId="dav01").execute()["items"]
    assert [(i["id"], i["start"]["dateTime"][8:13], i["location"]) for i in found] == [
        ("dav01_20110606T070000Z", "06T09", "There"),
        ("dav01_20110607T070000Z", "07T09", "There"),
        ("dav01_20110608T070000Z", "08T15", "There"),
        ("dav01_20110609T070000Z", "09T15", "There"),
        ("dav01_20110610T070000Z", "10T15", "There"),
    ]


def test_a_series_that_becomes_all_day_keeps_its_exceptions(office, ann):
    made = insert(ann, event(1, recurrence=["RRULE:FREQ=DAILY;COUNT=4"]))
    for number, body in ((2, {"summary": "Exception"}), (3, {"status": "cancelled"})):
        id_ = f"{made['id']}_2011060{number}T080000Z"
        ann.events().patch(calendarId="primary", eventId=id_, body=body).execute()

    def found():
        answer = ann.events().instances(calendarId="primary", eventId=made["id"], showDeleted=True).execute()
        return [(i["id"].partition("_")[2], i.get("summary")) for i in answer["items"]]

    day = {"start": {"date": "2011-06-11"}, "end": {"date": "2011-06-12"}}
    ann.events().patch(calendarId="primary", eventId=made["id"], body=day).execute()
    dates = [("20110611", "Talk"), ("20110612", "Exception"), ("20110613", None), ("20110614", "Talk")]
    assert found() == dates
    text = office.text("ann")
    assert "RECURRENCE-ID;VALUE=DATE:20110612\nDTSTART;VALUE=DATE:20110612\n" in text.replace(
        "SUMMARY:Exception\n", ""
    )
    assert "EXDATE;VALUE=DATE:20110613\n" in text
    time = {"start": at(1, 10), "end": at(1, 11)}
    ann.events().patch(calendarId="primary", eventId=made["id"], body=time).execute()
    assert found() == [(f"2011060{n}T080000Z", summary) for n, (_, summary) in enumerate(dates, 1)]


def test_zones_of_other_programs_stay(office, ann):
    """Names that are no IANA zones are understood or not, and stay as they are."""
    for n, zone in enumerate(("Romance Standard Time", "Made up")):
        text = CALDAV.replace("Europe/Paris", zone).replace("UID:dav", f"UID:named{n}")
        office.put("ann", f"named{n}.ics", text)
        ann.events().patch(calendarId="primary", eventId=f"named{n}", body={"summary": "New"}).execute()
        assert f"DTSTART;TZID={zone}:20110606T100000\n" in office.text("ann", f"named{n}")


def test_what_caldav_wrote(office, ann):
    office.put("ann", "Some Name 1.ics", CALDAV)
    listed = items(ann)
    master = listed[0]
    assert master["recurrence"] == ["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=Europe/Paris:20110607T100000"]
    assert {e["id"].rpartition("_")[2]: e["status"] for e in listed[1:]} == {
        "20110607T080000Z": "cancelled",
        "20110608T080000Z": "confirmed",
    }
    single = items(ann, singleEvents=True, orderBy="startTime")
    assert [e["start"]["dateTime"] for e in single] == [
        "2011-06-06T10:00:00+02:00",
        "2011-06-08T15:00:00+02:00",
        "2011-06-09T10:00:00+02:00",
    ]
    assert ann.events().get(calendarId="primary", eventId=master["id"]).execute() == master
    ann.events().patch(calendarId="primary", eventId=single[1]["id"], body={"location": "Here"}).execute()
    text = office.text("ann")
    assert text.count("BEGIN:VEVENT") == 2
    assert "LOCATION:Here" in text
    assert "RECURRENCE-ID;TZID=Europe/Paris:20110608T100000" in text


@pytest.mark.parametrize("named", ["RECURRENCE-ID;VALUE=DATE:20110608", "RECURRENCE-ID:20110608T100000"])
def test_an_exception_named_in_another_form_than_the_series(office, ann, named):
    """A date for that day's instance, a time without its zone: JSON shows it as CalDAV expands it."""
    written = CALDAV.replace("RECURRENCE-ID;TZID=Europe/Paris:20110608T100000", named)
    office.put("ann", "named1.ics", written)
    single = items(ann, singleEvents=True, orderBy="startTime")
    assert [(e["id"], e["start"]["dateTime"][:16], e["summary"]) for e in single] == [
        ("named1_20110606T080000Z", "2011-06-06T10:00", "From CalDAV"),
        ("named1_20110608T080000Z", "2011-06-08T15:00", "Moved"),
        ("named1_20110609T080000Z", "2011-06-09T10:00", "From CalDAV"),
    ]
    ann.events().patch(calendarId="primary", eventId=single[1]["id"], body={"location": "Here"}).execute()
    text = office.text("ann")
    assert text.count("BEGIN:VEVENT") == 2
    assert "LOCATION:Here" in text
    assert named in text


def test_an_exception_that_is_excluded_too_is_there(office, ann):
    """Where a client wrote an EXDATE and an exception for one date, no line says that it was cancelled."""
    office.put("ann", "both1.ics", CALDAV.replace("20110607T100000", "20110608T100000"))
    dates = ann.events().instances(calendarId="primary", eventId="both1", showDeleted=True).execute()["items"]
    assert [(e["start"]["dateTime"][8:13], e["status"]) for e in dates] == [
        ("06T10", "confirmed"),
        ("07T10", "confirmed"),
        ("08T15", "confirmed"),
        ("09T10", "confirmed"),
    ]
    assert [e["status"] for e in items(ann)] == ["confirmed", "confirmed"]
    moved = dates[2]
    assert ann.events().update(calendarId="primary", eventId=moved["id"], body=moved).execute() == moved


def test_floating_series_in_the_calendars_zone(office, ann):
    """Hours of a DURATION are exact (RFC 5545 §3.3.6); an instance is found by the start that is shown."""
    ann.calendars().patch(calendarId="primary", body={"timeZone": "Europe/Paris"}).execute()
    floating = CALDAV.replace(";TZID=Europe/Paris", "").replace("201106", "201103").replace("0306T", "0324T")
    floating = floating.replace("0308T", "0326T").replace("DTEND:20110326T160000", "DURATION:P1DT1H")
    floating = floating.replace("20110326T150000", "20110326T020000")
    office.put("ann", "float1.ics", floating)
    moved = items(ann, singleEvents=True)[-2]
    assert (moved["start"]["dateTime"], moved["end"]["dateTime"]) == (
        "2011-03-26T02:00:00+01:00",
        "2011-03-27T04:00:00+02:00",
    )
    assert ann.events().get(calendarId="primary", eventId=moved["id"]).execute() == moved
    original = moved["originalStartTime"]["dateTime"]
    assert original == "2011-03-26T10:00:00+01:00"
    found = ann.events().instances(calendarId="primary", eventId="float1", originalStart=original).execute()
    assert found["items"] == [moved]
