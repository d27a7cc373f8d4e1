# SPDX-License-Identifier: GPL-3.0-or-later
"""Events through the official client: fields, queries, tokens, conditions, roles."""

from __future__ import annotations

import json

import pytest
from googleapiclient.errors import HttpError

from calcore_caldav.store.objects import SqlObjectRows
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


@pytest.mark.parametrize("order", [{}, {"orderBy": "updated"}])
def test_a_page_reads_the_events_that_are_on_it(ann, office, monkeypatch, order):
    """A calendar is read once, however many pages it has."""
    for day in range(1, 21):
        insert(ann, event(day, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"]) if day % 3 == 0 else event(day))
    ann.events().delete(calendarId="primary", eventId=f"{items(ann)[2]['id']}_20110603T080000Z").execute()
    whole = [e["id"] for e in items(ann, **order)]
    assert len(whole) == 21
    read: list[int] = []
    parsed = SqlObjectRows.parsed
    monkeypatch.setattr(
        SqlObjectRows, "parsed", lambda rows, stored: read.append(stored.id) or parsed(rows, stored)
    )
    request, seen, pages = ann.events().list(calendarId="primary", maxResults=4, **order), [], 0
    while request is not None:
        answer = request.execute()
        seen += [e["id"] for e in answer["items"]]
        pages += 1
        request = ann.events().list_next(request, answer)
    assert seen == whole
    # The one after the page says that there is another page; a page may begin with the rest of an event.
    assert len(read) <= 20 + 2 * pages


def test_instances_come_in_order_however_far_they_are(ann):
    """What began before, what lasts for weeks, what comes months later: each once, page by page."""
    days = {"start": {"date": "2011-05-01"}, "end": {"date": "2011-12-01"}}
    insert(ann, {"summary": "Long", **days})
    insert(ann, event(1, summary="Daily", recurrence=["RRULE:FREQ=DAILY;COUNT=60"]))
    insert(ann, {"summary": "Late", "start": at(1, 10, month=9), "end": at(1, 11, month=9)})
    query = {"calendarId": "primary", "singleEvents": True, "timeMin": "2011-06-01T00:00:00Z"}
    for order in ({}, {"orderBy": "startTime"}):
        request, seen = ann.events().list(maxResults=7, **query, **order), []
        while request is not None:
            answer = request.execute()
            seen += [e["summary"] for e in answer["items"]]
            request = ann.events().list_next(request, answer)
        assert seen == ["Long", *["Daily"] * 60, "Late"]


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


def test_syncing_instances(office, ann):
    """What changed of a series comes as the end of the series, and its instances after it."""
    made = insert(ann, event(3, recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    window = {"timeMin": "2011-06-04T00:00:00Z", "timeMax": "2011-06-30T00:00:00Z"}
    token = ann.events().list(calendarId="primary", singleEvents=True, **window).execute()["nextSyncToken"]

    def changes():
        answer = ann.events().list(calendarId="primary", singleEvents=True, syncToken=token).execute()
        return [(e["id"].partition("_")[2], e["status"]) for e in answer["items"]]

    ann.events().delete(calendarId="primary", eventId=f"{made['id']}_20110604T080000Z").execute()
    assert changes() == [
        ("", "cancelled"),
        ("20110604T080000Z", "cancelled"),
        ("20110605T080000Z", "confirmed"),
    ]
    shorter = {"recurrence": ["RRULE:FREQ=DAILY;COUNT=1"]}
    ann.events().patch(calendarId="primary", eventId=made["id"], body=shorter).execute()
    assert changes() == [("", "cancelled"), ("20110604T080000Z", "cancelled")]
    ann.events().patch(calendarId="primary", eventId=made["id"], body={"recurrence": None}).execute()
    assert changes() == [("", "confirmed")]


def test_another_role_begins_anew(ann, bob):
    insert(ann, event(1))
    token = None
    for role in ("reader", "writer", "freeBusyReader"):
        rule = {"role": role, "scope": {"type": "user", "value": "bob@example.com"}}
        ann.acl().insert(calendarId="primary", body=rule).execute()
        if token is not None:
            request = bob.events().list(calendarId="ann@example.com", syncToken=token)
            assert failure(request) == (410, "fullSyncRequired")
        token = bob.events().list(calendarId="ann@example.com").execute().get("nextSyncToken")
    assert token is None


def test_deleted_are_listed_while_remembered(office, ann):
    id_ = insert(ann, event(1))["id"]
    ann.events().delete(calendarId="primary", eventId=id_).execute()
    gone = {"kind": "calendar#event", "id": id_, "status": "cancelled"}
    assert items(ann) == []
    assert items(ann, showDeleted=True) == [gone]
    assert items(ann, showDeleted=True, timeMin="2011-06-01T00:00:00Z") == [gone]
    assert items(ann, updatedMin="2011-05-20T08:00:00.900Z", singleEvents=True) == [gone]
    assert items(ann, updatedMin="2011-05-20T08:00:01Z", showDeleted=True) == []
    office.tick(days=200)
    other = insert(ann, event(2))["id"]
    ann.events().delete(calendarId="primary", eventId=other).execute()
    with office.store.write(SYSTEM) as txn:
        txn.objects.prune_tombstones(txn.now)
    assert [e["id"] for e in items(ann, showDeleted=True)] == [other]
    early = ann.events().list(calendarId="primary", updatedMin="2011-05-20T08:00:00Z")
    assert failure(early) == (410, "updatedMinTooLongAgo")


def test_what_was_deleted_is_known_to_be_gone(office, ann):
    id_ = insert(ann, event(1))["id"]
    ann.events().delete(calendarId="primary", eventId=id_).execute()
    events = ann.events()
    for one in (id_, f"{id_}_20110601T080000Z"):
        got = events.get(calendarId="primary", eventId=one).execute()
        assert got == {"kind": "calendar#event", "id": one, "status": "cancelled"}
        for request in (
            events.delete(calendarId="primary", eventId=one),
            events.patch(calendarId="primary", eventId=one, body={"summary": "x"}),
            events.update(calendarId="primary", eventId=one, body=event(1)),
        ):
            assert failure(request) == (410, "deleted")
    assert failure(events.instances(calendarId="primary", eventId=id_)) == (410, "deleted")
    assert office.stored("ann") == []
    assert insert(ann, event(1, id=id_))["status"] == "confirmed"
    assert failure(office.client("bob").events().get(calendarId="ann@example.com", eventId=id_))[0] == 404


def test_pages_of_instances_while_the_series_changes(ann):
    made = insert(ann, event(1, recurrence=["RRULE:FREQ=DAILY;COUNT=4"]))
    first = ann.events().instances(calendarId="primary", eventId=made["id"], maxResults=2).execute()
    ann.events().patch(calendarId="primary", eventId=made["id"], body={"summary": "New"}).execute()
    token = first["nextPageToken"]
    second = ann.events().instances(calendarId="primary", eventId=made["id"], pageToken=token).execute()
    assert [e["id"][-16:-8] for e in first["items"] + second["items"]] == [f"2011060{n}" for n in range(1, 5)]


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
