# SPDX-License-Identifier: GPL-3.0-or-later
"""Events through the official client: fields, queries, tokens, conditions, roles."""

from __future__ import annotations

import json

import pytest
from googleapiclient.errors import HttpError

from calcore_caldav.store.protocol import SYSTEM

ZONE = "Europe/Paris"


def at(day: int, hour: int, minute: int = 0, month: int = 6):
    return {"dateTime": f"2011-{month:02}-{day:02}T{hour:02}:{minute:02}:00+02:00", "timeZone": ZONE}


def event(day=1, hour=10, **more):
    return {"summary": "Talk", "start": at(day, hour), "end": at(day, hour + 1), **more}


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


def insert(client, body, **more):
    return client.events().insert(calendarId="primary", body=body, **more).execute()


def items(client, **query):
    return client.events().list(calendarId=query.pop("calendarId", "primary"), **query).execute()["items"]


def failure(request):
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


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
    assert answer["error"]["code"] == 400
    assert office.stored("ann") == []


def test_wrong_rules_and_bodies(office):
    status, answer = office.ask(
        "POST", "calendars/primary/events", event(recurrence=["RRULE:FREQ=SOMETIMES"])
    )
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "invalid")
    status, answer = office.ask("POST", "calendars/primary/events", b"{")
    assert (status, answer["error"]["errors"][0]["reason"]) == (400, "parseError")
    status, answer = office.ask("POST", "calendars/primary/events", b" " * 10_000_001)
    assert (status, answer["error"]["errors"][0]["reason"]) == (413, "uploadTooLarge")
    status, answer = office.ask("POST", "calendars/primary/events", event(nonsense={"x": 1}))
    assert status == 200
    assert "nonsense" not in answer


def test_quick_add(ann):
    request = ann.events().quickAdd(calendarId="primary", text="Lunch at noon")
    assert failure(request) == (501, "notImplemented")


def test_windows_words_and_properties(ann):
    insert(ann, event(1, summary="Alpha", extendedProperties={"private": {"k": "1"}}))
    insert(ann, event(2, summary="Beta", description="alphabet", extendedProperties={"shared": {"k": "1"}}))
    insert(ann, event(3, summary="Gamma", iCalUID="gamma@x", attendees=[{"email": "bob@example.com"}]))

    def found(**query):
        return sorted(e["summary"] for e in items(ann, **query))

    assert found(timeMin="2011-06-01T11:00:00+02:00", timeMax="2011-06-03T10:00:00+02:00") == ["Beta"]
    assert found(timeMin="2011-06-01T10:59:59+02:00", timeMax="2011-06-03T10:00:01+02:00") == [
        "Alpha",
        "Beta",
        "Gamma",
    ]
    assert found(q="alpha") == ["Alpha", "Beta"]
    assert found(q="bob@example.com gamma") == ["Gamma"]
    assert found(iCalUID="gamma@x") == ["Gamma"]
    assert found(privateExtendedProperty="k=1") == ["Alpha"]
    assert found(sharedExtendedProperty="k=1") == ["Beta"]
    assert found(privateExtendedProperty=["k=1", "k=2"]) == []
    wrong = ann.events().list(
        calendarId="primary", timeMin="2011-06-02T00:00:00Z", timeMax="2011-06-01T00:00:00Z"
    )
    assert failure(wrong) == (400, "timeRangeEmpty")
    assert failure(ann.events().list(calendarId="primary", timeMin="2011-06-01T00:00:00")) == (400, "invalid")
    assert failure(ann.events().list(calendarId="primary", orderBy="startTime")) == (400, "badRequest")


def test_time_zone_of_the_answer(ann):
    made = insert(ann, event())
    shown = ann.events().get(calendarId="primary", eventId=made["id"], timeZone="Asia/Tokyo").execute()
    assert shown["start"] == {"dateTime": "2011-06-01T17:00:00+09:00", "timeZone": ZONE}


def test_updated_min_and_order(office, ann):
    ids = []
    for day in (3, 1, 2):
        office.tick()
        ids.append(insert(ann, event(day))["id"])
    office.tick()
    ann.events().patch(calendarId="primary", eventId=ids[0], body={"summary": "x"}).execute()
    assert [e["id"] for e in items(ann, orderBy="updated")] == [ids[1], ids[2], ids[0]]
    assert [e["id"] for e in items(ann, updatedMin="2011-05-20T08:00:04Z")] == [ids[0]]
    single = items(ann, singleEvents=True, orderBy="startTime")
    assert [e["id"] for e in single] == [ids[1], ids[2], ids[0]]


@pytest.mark.parametrize("single", [False, True])
def test_pages(ann, single):
    for day in range(1, 8):
        insert(ann, event(day))
    request, seen = ann.events().list(calendarId="primary", maxResults=3, singleEvents=single), []
    while request is not None:
        answer = request.execute()
        seen.append([e["start"]["dateTime"][8:10] for e in answer["items"]])
        last, request = answer, ann.events().list_next(request, answer)
    assert [len(page) for page in seen] == [3, 3, 1]
    assert sorted(day for page in seen for day in page) == [f"0{n}" for n in range(1, 8)]
    assert "nextSyncToken" in last


def test_page_token_of_another_query(ann):
    for day in range(1, 4):
        insert(ann, event(day))
    token = ann.events().list(calendarId="primary", maxResults=1).execute()["nextPageToken"]
    for query in ({"q": "Talk"}, {"singleEvents": True}, {"timeMin": "2011-01-01T00:00:00Z"}):
        request = ann.events().list(calendarId="primary", maxResults=1, pageToken=token, **query)
        assert failure(request) == (400, "invalid")
    assert failure(ann.events().list(calendarId="primary", pageToken="x")) == (400, "invalid")


def test_sync(office, ann):
    first, second = (insert(ann, event(day))["id"] for day in (1, 2))
    series = insert(ann, event(3, recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))["id"]
    token = ann.events().list(calendarId="primary").execute()["nextSyncToken"]
    answer = ann.events().list(calendarId="primary", syncToken=token).execute()
    assert answer["items"] == []
    ann.events().delete(calendarId="primary", eventId=first).execute()
    ann.events().patch(calendarId="primary", eventId=second, body={"summary": "x"}).execute()
    ann.events().delete(calendarId="primary", eventId=f"{series}_20110604T080000Z").execute()
    answer = ann.events().list(calendarId="primary", syncToken=token).execute()
    assert {e["id"]: e["status"] for e in answer["items"]} == {
        first: "cancelled",
        second: "confirmed",
        series: "confirmed",
        f"{series}_20110604T080000Z": "cancelled",
    }
    again = ann.events().list(calendarId="primary", syncToken=answer["nextSyncToken"]).execute()
    assert again["items"] == []
    office.put("ann", "dav.ics", CALDAV)
    new = ann.events().list(calendarId="primary", syncToken=again["nextSyncToken"]).execute()["items"]
    assert [e["status"] for e in new] == ["confirmed", "cancelled", "confirmed"]
    assert new[0]["iCalUID"] == "dav"
    wrong = ann.events().list(calendarId="primary", syncToken=token, q="x")
    assert failure(wrong) == (400, "badRequest")


def test_sync_token_expired(office, ann):
    insert(ann, event(1))
    token = ann.events().list(calendarId="primary").execute()["nextSyncToken"]
    ann.events().delete(calendarId="primary", eventId=insert(ann, event(2))["id"]).execute()
    office.tick(days=40)
    with office.store.write(SYSTEM) as txn:
        txn.objects.prune_tombstones(txn.now)
    for wrong in (token, "nonsense", token[:-4]):
        request = ann.events().list(calendarId="primary", syncToken=wrong)
        assert failure(request) == (410, "fullSyncRequired")
    assert failure(office.client("bob").events().list(calendarId="primary", syncToken=token))[0] == 410


def test_deleted_are_listed_while_remembered(ann):
    id_ = insert(ann, event(1))["id"]
    ann.events().delete(calendarId="primary", eventId=id_).execute()
    assert items(ann) == []
    assert items(ann, showDeleted=True) == [{"kind": "calendar#event", "id": id_, "status": "cancelled"}]
    assert failure(ann.events().get(calendarId="primary", eventId=id_)) == (404, "notFound")


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


def test_move_and_import(ann):
    other = ann.calendars().insert(body={"summary": "Other"}).execute()["id"]
    made = insert(ann, event())
    moved = ann.events().move(calendarId="primary", eventId=made["id"], destination=other).execute()
    assert moved["id"] == made["id"]
    assert items(ann) == []
    assert [e["id"] for e in items(ann, calendarId=other)] == [made["id"]]
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


CALDAV = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:dav
BEGIN:VEVENT
UID:dav
DTSTAMP:20110601T000000Z
DTSTART;TZID=Europe/Paris:20110606T100000
DTEND;TZID=Europe/Paris:20110606T110000
RRULE:FREQ=DAILY;COUNT=4
EXDATE;TZID=Europe/Paris:20110607T100000
SUMMARY:From CalDAV
END:VEVENT
BEGIN:VEVENT
UID:dav
DTSTAMP:20110601T000000Z
RECURRENCE-ID;TZID=Europe/Paris:20110608T100000
DTSTART;TZID=Europe/Paris:20110608T150000
DTEND;TZID=Europe/Paris:20110608T160000
SUMMARY:Moved
END:VEVENT
END:VCALENDAR
"""


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
