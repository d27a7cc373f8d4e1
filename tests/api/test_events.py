# SPDX-License-Identifier: GPL-3.0-or-later
"""Events through the official client: fields, conditions, moving and importing, batches."""

from __future__ import annotations

import json

import pytest
from google_office import CALDAV, ZONE, at, event, failure, insert, items

FULL = event(
    description="Two lines,\nwith; signs \\ and ünïcode",
    location="Main street 1",
    status="tentative",
    transparency="transparent",
    visibility="private",
    colorId="11",
    attendees=[
        {"email": "bob@example.com", "optional": True, "comment": "late", "additionalGuests": 2},
        {"email": "eve@elsewhere.net", "displayName": "Eve"},
    ],
    reminders={
        "useDefault": False,
        "overrides": [{"method": "popup", "minutes": 10}, {"method": "email", "minutes": 1440}],
    },
    extendedProperties={"private": {"key": "väl:ue"}, "shared": {"a b": "1,2"}},
    source={"url": "https://example.com/a?b=c", "title": "Page"},
    attachments=[{"fileUrl": "https://example.com/f.pdf", "title": "F", "mimeType": "application/pdf"}],
    conferenceData={
        "conferenceId": "abc",
        "entryPoints": [{"entryPointType": "video", "uri": "https://x/y"}],
    },
    guestsCanInviteOthers=False,
    guestsCanModify=True,
    guestsCanSeeOtherGuests=False,
    anyoneCanAddSelf=True,
    eventType="focusTime",
    focusTimeProperties={"chatStatus": "doNotDisturb"},
    gadget={"title": "old"},
)


def test_every_field_round_trips(ann):
    made = insert(ann, FULL, supportsAttachments=True, conferenceDataVersion=1)
    got = ann.events().get(calendarId="primary", eventId=made["id"]).execute()
    assert got == made
    for name, value in FULL.items():
        if name == "attendees":
            for wanted, shown in zip(value, got[name], strict=True):
                assert wanted.items() <= shown.items()
        else:
            assert got[name] == value, name
    assert got["organizer"] == {"email": "ann@example.com", "displayName": "Ann", "self": True}


def test_an_update_with_what_was_got_changes_no_octet(office, ann):
    made = insert(ann, FULL)
    before = office.text("ann")
    again = ann.events().update(calendarId="primary", eventId=made["id"], body=made).execute()
    assert again == made
    assert office.text("ann") == before


def test_what_json_does_not_know_survives(office, ann):
    office.put(
        "ann",
        "x.ics",
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-OURS:1\nBEGIN:VEVENT\nUID:x\nDTSTAMP:20110601T000000Z\n"
        "DTSTART:20110601T080000Z\nDURATION:PT1H\nSUMMARY:Old\nX-THING;A=b:c\nCATEGORIES:one,two\nGEO:1;2\n"
        "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:d\nTRIGGER;VALUE=DATE-TIME:20110601T000000Z\nEND:VALARM\n"
        "END:VEVENT\nEND:VCALENDAR\n",
    )
    (shown,) = items(ann)
    assert shown["end"] == {"dateTime": "2011-06-01T09:00:00Z", "timeZone": "UTC"}
    ann.events().patch(calendarId="primary", eventId=shown["id"], body={"summary": "New"}).execute()
    text = office.text("ann")
    for line in (
        "X-OURS:1",
        "X-THING;A=b:c",
        "CATEGORIES:one,two",
        "GEO:1;2",
        "DURATION:PT1H",
        "SUMMARY:New",
    ):
        assert f"{line}\n" in text
    assert "TRIGGER;VALUE=DATE-TIME:20110601T000000Z" in text


def test_all_day_and_ids(ann):
    body = {"id": "abc123", "start": {"date": "2011-06-01"}, "end": {"date": "2011-06-03"}}
    made = insert(ann, body)
    assert made["id"] == "abc123"
    assert (made["start"], made["end"]) == (body["start"], body["end"])
    assert failure(ann.events().insert(calendarId="primary", body=body)) == (409, "duplicate")
    assert failure(ann.events().insert(calendarId="primary", body=body | {"id": "ABC"})) == (400, "invalid")
    weekly = insert(ann, body | {"id": "repeats", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})
    found = ann.events().instances(calendarId="primary", eventId=weekly["id"]).execute()["items"]
    assert [(i["id"], i["start"], i["end"]) for i in found] == [
        ("repeats_20110601", {"date": "2011-06-01"}, {"date": "2011-06-03"}),
        ("repeats_20110608", {"date": "2011-06-08"}, {"date": "2011-06-10"}),
    ]


@pytest.mark.parametrize(
    ("body", "reason", "location"),
    [
        ({"end": at(1, 10)}, "required", "start"),
        ({"start": at(1, 10)}, "required", "end"),
        ({"start": at(1, 10), "end": at(1, 9)}, "timeRangeEmpty", "end"),
        ({"start": at(1, 10), "end": {"date": "2011-06-01"}}, "invalid", "end"),
        ({"start": {"dateTime": "soon"}, "end": at(1, 9)}, "invalid", "start.dateTime"),
        ({"start": {"dateTime": "2011-06-01T10:00:00"}, "end": at(1, 11)}, "required", "start.timeZone"),
        ({"start": at(1, 10) | {"timeZone": "Mars/North"}, "end": at(1, 11)}, "invalid", "start.timeZone"),
        (event(status="perhaps"), "invalid", "status"),
        (event(attendees=[{"email": "nobody"}]), "invalid", "attendees[0].email"),
        (event(attendees=[{}]), "required", "attendees[0].email"),
        (event(attendees={"email": "x"}), "invalid", "attendees"),
        (event(recurrence=["FREQ=DAILY"]), "invalid", "recurrence[0]"),
        (event(recurrence=["DTSTART:20110601"]), "invalid", "recurrence[0]"),
        (event(summary=3), "invalid", "summary"),
        (event(recurrence=["RRULE:FREQ=SOMETIMES"]), "invalid", "recurrence"),
        (event(recurrence=["RRULE:FREQ=DAILY", "EXDATE:never"]), "invalid", "recurrence"),
        (event(recurrence=["EXDATE;TZID=Mars/North:20110601T100000"]), "invalid", "recurrence[0]"),
        (event(recurrence=["RRULE:FREQ=SECONDLY"]), "invalid", "recurrence"),
        (event(attendees=[{"email": f"n{n}@example.com"} for n in range(1001)]), "invalid", "attendees"),
        ({"start": {"date": "1800-01-01"}, "end": {"date": "1800-01-02"}}, "invalid", "start"),
        (
            {
                "start": {"dateTime": "2011-06-01T10:00:00Z"},
                "end": {"dateTime": "2011-06-01T11:00:00Z"},
                "recurrence": ["RRULE:FREQ=DAILY"],
            },
            "required",
            "start.timeZone",
        ),
    ],
)
def test_wrong_fields_are_named(office, body, reason, location):
    status, answer = office.ask("POST", "calendars/primary/events", body)
    error = answer["error"]["errors"][0]
    assert (status, error["reason"], error["location"]) == (400, reason, location)
    assert error["locationType"] == "field"
    assert answer["error"]["code"] == 400
    assert office.stored("ann") == []


def test_wrong_bodies(office):
    status, answer = office.ask("POST", "calendars/primary/events", b"{")
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "parseError")
    status, answer = office.ask("POST", "calendars/primary/events", b" " * 10_000_001)
    assert (status, answer["error"]["errors"][0]["reason"]) == (413, "uploadTooLarge")
    status, answer = office.ask("POST", "calendars/primary/events", event(nonsense={"x": 1}))
    assert status == 200
    assert "nonsense" not in answer


def test_an_update_to_a_series_needs_a_zone(office, ann):
    id_ = insert(ann, event())["id"]
    body = {name: {"dateTime": at(1, hour)["dateTime"]} for name, hour in (("start", 10), ("end", 11))}
    path, rule = f"calendars/primary/events/{id_}", {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    status, answer = office.ask("PUT", path, body | rule)
    assert (status, answer["error"]["errors"][0]["location"]) == (400, "start.timeZone")
    assert office.ask("PUT", path, body)[0] == 200
    assert office.ask("PATCH", path, rule)[0] == 200


def test_quick_add(ann):
    request = ann.events().quickAdd(calendarId="primary", text="Lunch at noon")
    assert failure(request) == (501, "notImplemented")


def test_time_zone_of_the_answer(ann):
    made = insert(ann, event())
    shown = ann.events().get(calendarId="primary", eventId=made["id"], timeZone="Asia/Tokyo").execute()
    assert shown["start"] == {"dateTime": "2011-06-01T17:00:00+09:00", "timeZone": ZONE}


def test_conditions(office, ann):
    made = insert(ann, event())
    path = f"calendars/primary/events/{made['id']}"
    assert office.ask("GET", path, headers={"If-None-Match": made["etag"]})[0] == 304
    assert office.ask("GET", path, headers={"If-None-Match": '"x"'})[0] == 200
    for method, body in (("PATCH", {"summary": "x"}), ("PUT", made), ("DELETE", None)):
        status, answer = office.ask(method, path, body, headers={"If-Match": '"other"'})
        assert (status, answer["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert office.ask("PATCH", path, {"summary": "x"}, headers={"If-Match": made["etag"]})[0] == 200
    assert office.ask("PATCH", path, {"summary": "y"}, headers={"If-Match": made["etag"]})[0] == 412
    listed = "calendars/primary/events"
    office.ask("GET", listed)
    assert office.ask("GET", listed, headers={"If-None-Match": office.headers["etag"]})[0] == 304


def test_a_meeting_moved_to_a_colleague_is_theirs(ann, bob):
    guests = [{"email": "ann@example.com", "responseStatus": "accepted"}, {"email": "bob@example.com"}]
    made = insert(ann, event(attendees=guests))
    refused = failure(
        ann.events().move(calendarId="primary", eventId=made["id"], destination="bob@example.com")
    )
    assert refused[0] in {403, 404}
    rule = {"role": "writer", "scope": {"type": "user", "value": "ann@example.com"}}
    bob.acl().insert(calendarId="primary", body=rule).execute()
    moved = (
        ann.events().move(calendarId="primary", eventId=made["id"], destination="bob@example.com").execute()
    )
    assert moved["organizer"]["email"] == "bob@example.com"
    (mine,), (theirs,) = items(ann), items(bob)
    assert {e["iCalUID"] for e in (mine, theirs)} == {made["iCalUID"]}
    assert mine["organizer"]["email"] == theirs["organizer"]["email"] == "bob@example.com"
    answers = {a["email"]: a["responseStatus"] for a in mine["attendees"]}
    assert answers == {"ann@example.com": "accepted", "bob@example.com": "accepted"}
    assert {e["status"] for e in (mine, theirs)} == {"confirmed"}


def test_move_and_import(ann):
    other = ann.calendars().insert(body={"summary": "Other"}).execute()["id"]
    made = insert(ann, event())
    moved = ann.events().move(calendarId="primary", eventId=made["id"], destination=other).execute()
    assert moved["id"] == made["id"]
    assert items(ann) == []
    assert [e["id"] for e in items(ann, other)] == [made["id"]]
    body = event(
        2,
        iCalUID="imported",
        organizer={"email": "eve@elsewhere.net"},
        attendees=[{"email": "bob@example.com"}],
    )
    imported = ann.events().import_(calendarId="primary", body=body).execute()
    assert imported["iCalUID"] == "imported"
    assert imported["organizer"] == {"email": "eve@elsewhere.net"}
    again = ann.events().import_(calendarId="primary", body=body | {"summary": "Twice"}).execute()
    assert (again["id"], again["summary"]) == (imported["id"], "Twice")
    assert failure(ann.events().import_(calendarId="primary", body=event())) == (400, "required")


def test_a_series_is_imported_with_its_exceptions(office, ann):
    """One line of a listing after the other: an exception doesn't take the place of its series."""
    ann.calendars().patch(calendarId="primary", body={"timeZone": ZONE}).execute()
    other = ann.calendars().insert(body={"summary": "Other", "timeZone": ZONE}).execute()["id"]
    for number, text in enumerate((CALDAV, CALDAV.replace(";TZID=Europe/Paris", ""))):
        office.put("ann", f"series{number}.ics", text.replace("UID:dav", f"UID:dav{number}"))
        uid = f"dav{number}"
        lines = items(ann, iCalUID=uid)
        for line in lines:
            body = {k: v for k, v in line.items() if k != "id"} | {"iCalUID": uid}
            ann.events().import_(calendarId=other, body=body).execute()
        wanted, found = (
            [(e["start"], e["summary"]) for e in items(ann, calendar, iCalUID=uid, singleEvents=True)]
            for calendar in ("primary", other)
        )
        assert len(wanted) == 3
        assert found == wanted
    body = event(3, iCalUID="dav0", originalStartTime=at(20, 10))
    assert failure(ann.events().import_(calendarId=other, body=body)) == (400, "invalid")
    assert len(items(ann, other, iCalUID="dav0", singleEvents=True)) == 3


def test_uids_are_any_text(office, ann):
    """iCalUID is the text that UID holds, whatever has to be escaped in it."""
    for uid in ("a,b;c\\d", "plain@example.com"):
        made = ann.events().import_(calendarId="primary", body=event(1, iCalUID=uid)).execute()
        again = ann.events().import_(calendarId="primary", body=event(2, iCalUID=uid)).execute()
        assert (made["iCalUID"], again["id"]) == (uid, made["id"])
        assert [e["id"] for e in items(ann, iCalUID=uid)] == [made["id"]]
    office.put("ann", "raw.ics", CALDAV.replace("UID:dav", "UID:not,escaped"))
    assert items(ann, iCalUID="not,escaped", singleEvents=True)[0]["iCalUID"] == "not,escaped"


def test_an_imported_organizer_has_an_address(office):
    body = event(1, iCalUID="x", organizer={"email": "a@example.com\nSUMMARY:Other"})
    status, answer = office.ask("POST", "calendars/primary/events/import", body)
    assert (status, answer["error"]["errors"][0]["location"]) == (400, "organizer.email")
    assert office.stored("ann") == []


def test_import_tells_nobody(office, ann, bob):
    body = event(2, iCalUID="quiet", attendees=[{"email": "bob@example.com"}])
    ann.events().import_(calendarId="primary", body=body).execute()
    assert items(bob) == []


def test_partial_answers(ann):
    insert(ann, event())
    answer = ann.events().list(calendarId="primary", fields="items(id,start/timeZone),summary").execute()
    assert set(answer) == {"items", "summary"}
    assert answer["items"][0]["start"] == {"timeZone": ZONE}
    assert set(answer["items"][0]) == {"id", "start"}
    assert failure(ann.events().list(calendarId="primary", fields="items(")) == (400, "invalid")


def test_batch(office, ann):
    results = {}

    def callback(id_, answer, error):
        results[id_] = error.status_code if error else answer.get("summary", answer)

    batch = ann.new_batch_http_request(callback=callback)
    batch.add(ann.events().insert(calendarId="primary", body=event(summary="Ä")), request_id="one")
    batch.add(ann.events().get(calendarId="primary", eventId="nothing"), request_id="two")
    batch.add(ann.colors().get(fields="kind"), request_id="three")
    batch.execute(http=office.wire("ann"))
    assert results == {"one": "Ä", "two": 404, "three": {"kind": "calendar#colors"}}
    assert len(items(ann)) == 1


def test_no_batch(office):
    wire = office.wire("ann")
    response, content = wire.request(
        "http://calendar.test/batch/calendar/v3", "POST", "x", {"content-type": "text/plain"}
    )
    assert response.status == 400
    assert json.loads(content)["error"]["code"] == 400


def test_unknown_paths_and_methods(office):
    for method, path, status in (
        ("GET", "nothing", 404),
        ("PUT", "calendars/primary/events", 405),
        ("GET", "calendars/nobody@example.com/events", 404),
        ("GET", "calendars/ann:nothing", 404),
    ):
        got, answer = office.ask(method, path)
        assert got == status
        assert answer["error"]["errors"][0]["reason"]
