# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide "Recurring events", example by example, with the official client."""

from __future__ import annotations

import pytest
from googleapiclient.errors import HttpError

APPOINTMENT = {
    "summary": "Appointment",
    "location": "Somewhere",
    "start": {"dateTime": "2011-06-03T10:00:00.000-07:00", "timeZone": "America/Los_Angeles"},
    "end": {"dateTime": "2011-06-03T10:25:00.000-07:00", "timeZone": "America/Los_Angeles"},
    "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20110701T170000Z"],
    "attendees": [{"email": "bob@example.com"}],
}


@pytest.fixture
def series(ann):
    return ann.events().insert(calendarId="primary", body=APPOINTMENT).execute()


def starts(answer):
    return [item["start"]["dateTime"] for item in answer["items"]]


def test_create(office, series):
    assert series["kind"] == "calendar#event"
    assert series["recurrence"] == APPOINTMENT["recurrence"]
    assert series["start"] == {"dateTime": "2011-06-03T10:00:00-07:00", "timeZone": "America/Los_Angeles"}
    text = office.text("ann")
    assert "DTSTART;TZID=America/Los_Angeles:20110603T100000\n" in text
    assert "RRULE:FREQ=WEEKLY;UNTIL=20110701T170000Z\n" in text
    assert "BEGIN:VTIMEZONE" in text
    assert "SUMMARY:Appointment" in office.text("bob")


def test_instances(ann, series):
    instances = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()
    assert [i["id"] for i in instances["items"]] == [
        f"{series['id']}_{day}T170000Z" for day in (20110603, 20110610, 20110617, 20110624, 20110701)
    ]
    for item in instances["items"]:
        assert "recurrence" not in item
        assert item["recurringEventId"] == series["id"]
        assert item["originalStartTime"] == item["start"]


def test_list_shows_masters_and_exceptions(ann, series):
    assert [e["id"] for e in ann.events().list(calendarId="primary").execute()["items"]] == [series["id"]]
    instance = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()["items"][1]
    instance["summary"] = "Longer"
    ann.events().update(calendarId="primary", eventId=instance["id"], body=instance).execute()
    listed = ann.events().list(calendarId="primary").execute()["items"]
    assert [e["id"] for e in listed] == [series["id"], instance["id"]]
    single = ann.events().list(calendarId="primary", singleEvents=True, orderBy="startTime").execute()
    assert [e["summary"] for e in single["items"]] == ["Appointment", "Longer", *["Appointment"] * 3]
    assert all("recurrence" not in e for e in single["items"])


def test_cancel_one(office, ann, bob, series):
    instances = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()
    instance = instances["items"][0]
    instance["status"] = "cancelled"
    office.tick()
    updated = ann.events().update(calendarId="primary", eventId=instance["id"], body=instance).execute()
    assert updated["updated"] > instance["updated"]
    assert updated["status"] == "cancelled"
    left = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()
    assert len(left["items"]) == 4
    every = ann.events().instances(calendarId="primary", eventId=series["id"], showDeleted=True).execute()
    assert [e["status"] for e in every["items"]] == ["cancelled", *["confirmed"] * 4]
    assert every["items"][0]["id"] == instance["id"]
    assert every["items"][0]["originalStartTime"] == instance["originalStartTime"]
    got = ann.events().get(calendarId="primary", eventId=instance["id"]).execute()
    assert got["status"] == "cancelled"
    single = ann.events().list(calendarId="primary", singleEvents=True).execute()["items"]
    assert len(single) == 4
    deleted = ann.events().list(calendarId="primary", singleEvents=True, showDeleted=True).execute()["items"]
    assert [e["id"] for e in deleted if e["status"] == "cancelled"] == [instance["id"]]
    assert "EXDATE;TZID=America/Los_Angeles:20110603T100000\n" in office.text("ann")
    guest = bob.events().list(calendarId="primary", singleEvents=True).execute()["items"]
    assert len(guest) == 4


def test_cancelled_instances_survive_a_new_rule(office, ann, series):
    id_ = f"{series['id']}_20110610T170000Z"
    ann.events().delete(calendarId="primary", eventId=id_).execute()
    other = f"{series['id']}_20110617T170000Z"
    ann.events().patch(calendarId="primary", eventId=other, body={"location": "There"}).execute()
    assert office.text("ann").count("CANCELLED-INSTANCES") == 1
    body = APPOINTMENT | {"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20110617T170000Z"]}
    changed = ann.events().update(calendarId="primary", eventId=series["id"], body=body).execute()
    assert changed["recurrence"] == body["recurrence"]
    left = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()
    assert starts(left) == ["2011-06-03T10:00:00-07:00", "2011-06-17T10:00:00-07:00"]
    back = ann.events().patch(calendarId="primary", eventId=id_, body={"status": "confirmed"}).execute()
    assert back["status"] == "confirmed"
    assert len(ann.events().instances(calendarId="primary", eventId=series["id"]).execute()["items"]) == 3


def test_move_one(ann, bob, series):
    id_ = f"{series['id']}_20110610T170000Z"
    instance = ann.events().get(calendarId="primary", eventId=id_).execute()
    instance["start"]["dateTime"] = "2011-06-11T15:00:00-07:00"
    instance["end"]["dateTime"] = "2011-06-11T15:25:00-07:00"
    moved = ann.events().update(calendarId="primary", eventId=id_, body=instance).execute()
    assert moved["id"] == id_
    assert moved["originalStartTime"]["dateTime"] == "2011-06-10T10:00:00-07:00"
    instances = ann.events().instances(calendarId="primary", eventId=series["id"]).execute()
    assert starts(instances)[1] == "2011-06-11T15:00:00-07:00"
    assert instances["items"][1]["originalStartTime"]["dateTime"] == "2011-06-10T10:00:00-07:00"
    found = (
        ann.events()
        .instances(calendarId="primary", eventId=series["id"], originalStart="2011-06-10T10:00:00-07:00")
        .execute()
    )
    assert [i["id"] for i in found["items"]] == [id_]
    guest = bob.events().list(calendarId="primary", singleEvents=True).execute()
    assert "2011-06-11T15:00:00-07:00" in starts(guest)


def test_all_following_in_two_calls(office, ann, series):
    later = f"{series['id']}_20110624T170000Z"
    ann.events().patch(calendarId="primary", eventId=later, body={"summary": "Exception"}).execute()
    trimmed = APPOINTMENT | {"recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20110617T065959Z"]}
    ann.events().update(calendarId="primary", eventId=series["id"], body=trimmed).execute()
    following = APPOINTMENT | {
        "location": "Somewhere else",
        "start": {"dateTime": "2011-06-17T10:00:00.000-07:00", "timeZone": "America/Los_Angeles"},
        "end": {"dateTime": "2011-06-17T10:25:00.000-07:00", "timeZone": "America/Los_Angeles"},
    }
    ann.events().insert(calendarId="primary", body=following).execute()
    single = ann.events().list(calendarId="primary", singleEvents=True, orderBy="startTime").execute()
    assert [(e["start"]["dateTime"][:10], e["location"]) for e in single["items"]] == [
        ("2011-06-03", "Somewhere"),
        ("2011-06-10", "Somewhere"),
        ("2011-06-17", "Somewhere else"),
        ("2011-06-24", "Somewhere else"),
        ("2011-07-01", "Somewhere else"),
    ]
    guest = office.client("bob").events().list(calendarId="primary", singleEvents=True, orderBy="startTime")
    assert [e["location"] for e in guest.execute()["items"]] == [e["location"] for e in single["items"]]


def test_split_in_one_call(office, ann, series):
    """Later exceptions, cancellations and answers stay as they were."""
    moved, gone = (f"{series['id']}_{day}T170000Z" for day in ("20110624", "20110701"))
    ann.events().patch(calendarId="primary", eventId=moved, body={"summary": "Exception"}).execute()
    ann.events().delete(calendarId="primary", eventId=gone).execute()
    id_ = f"{series['id']}_20110617T170000Z"
    status, halves = office.ask(
        "POST", f"calendars/primary/events/{id_}/split", {"location": "Somewhere else"}
    )
    assert status == 200
    assert halves["after"]["id"] == series["id"]
    assert halves["before"]["id"] != series["id"]
    assert len(halves["before"]["recurrence"]) == 1
    assert halves["after"]["location"] == "Somewhere else"
    single = ann.events().list(calendarId="primary", singleEvents=True, orderBy="startTime").execute()
    assert [(e["start"]["dateTime"][:10], e["summary"]) for e in single["items"]] == [
        ("2011-06-03", "Appointment"),
        ("2011-06-10", "Appointment"),
        ("2011-06-17", "Appointment"),
        ("2011-06-24", "Exception"),
    ]
    after = ann.events().instances(calendarId="primary", eventId=halves["after"]["id"], showDeleted=True)
    assert [e["status"] for e in after.execute()["items"]] == ["confirmed", "confirmed", "cancelled"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("{}_20110604T170000Z", 404), ("{}_20110603", 404), ("nosuchevent", 404), ("{}_2011", 404)],
)
def test_no_such_instance(ann, series, path, status):
    with pytest.raises(HttpError) as caught:
        ann.events().get(calendarId="primary", eventId=path.format(series["id"])).execute()
    assert caught.value.status_code == status
    assert caught.value.error_details[0]["reason"] == "notFound"
