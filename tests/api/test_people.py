# SPDX-License-Identifier: GPL-3.0-or-later
"""Meetings, rooms, guests, roles: what others see and may do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google_office import HOST, Office, failure, insert, items

from calcore_caldav.core.principals import Privilege
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.store.protocol import SYSTEM, Grant

DAY = "2011-06-01"


def event(hour=10, *emails, **more):
    return {
        "summary": "Talk",
        "start": {"dateTime": f"{DAY}T{hour:02}:00:00Z", "timeZone": "Europe/Paris"},
        "end": {"dateTime": f"{DAY}T{hour + 1:02}:00:00Z", "timeZone": "Europe/Paris"},
        "attendees": [{"email": email} for email in emails],
        **more,
    }


def answers(shown):
    return {a["email"].partition("@")[0]: a["responseStatus"] for a in shown.get("attendees", ())}


def test_invitation_and_answer(office, ann, bob):
    made = insert(ann, event(10, "bob@example.com"))
    (copy,) = items(bob)
    assert copy["iCalUID"] == made["iCalUID"]
    assert copy["organizer"] == {"email": "ann@example.com", "displayName": "Ann"}
    me = next(a for a in copy["attendees"] if a.get("self"))
    assert me["responseStatus"] == "needsAction"
    me["responseStatus"] = "accepted"
    bob.events().patch(
        calendarId="primary", eventId=copy["id"], body={"attendees": copy["attendees"]}
    ).execute()
    assert answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())["bob"] == "accepted"


def test_one_answer_with_the_others_left_out(office, ann, bob):
    made = insert(ann, event(10, "bob@example.com", "carl@example.com"))
    (copy,) = items(bob, maxAttendees=1)
    assert copy["attendeesOmitted"]
    assert [a["email"] for a in copy["attendees"]] == ["bob@example.com"]
    change = {
        "attendeesOmitted": True,
        "attendees": [{"email": "bob@example.com", "responseStatus": "tentative"}],
    }
    bob.events().patch(calendarId="primary", eventId=copy["id"], body=change).execute()
    seen = answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())
    assert seen == {"bob": "tentative", "carl": "needsAction"}


def test_rooms_answer(ann, office):
    first = insert(ann, event(10, "room1@example.com"))
    room = first["attendees"][0]
    assert (room["responseStatus"], room["resource"]) == ("accepted", True)
    second = insert(office.client("bob"), event(10, "room1@example.com", "room2@example.com"))
    assert answers(second) == {"room1": "declined", "room2": "accepted"}
    # Nobody else can say that a room has accepted.
    second["attendees"][0]["responseStatus"] = "accepted"
    again = office.client("bob").events().update(calendarId="primary", eventId=second["id"], body=second)
    assert answers(again.execute())["room1"] == "declined"


def test_who_is_there_checks_in(ann, bob, office):
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.directory.save(replace(room, booking={"checkin": "15m"}))
        txn.directory.set_grants(room, None, [Grant(room.id, None, "dora", Privilege.ALL)])
    series = event(10, "room1@example.com", "bob@example.com", recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    made = insert(ann, series)
    (copy,) = items(bob)
    (booked,) = items(office.client("dora"), "room1@example.com")

    def check_in(who, calendar, event_id):
        http = office.wire(who)
        uri = f"{HOST}/calendar/v3/calendars/{calendar}/events/{event_id}/checkIn"
        answer, content = http.request(uri, "POST")
        return int(answer["status"]), json.loads(content)

    told = (200, {"kind": "calendar#checkIn", "rooms": ["room1@example.com"]})
    assert check_in("ann", "primary", f"{made['id']}_20110601T100000Z") == told
    assert check_in("bob", "primary", f"{copy['id']}_20110602T100000Z") == told
    assert check_in("dora", "room1@example.com", f"{booked['id']}_20110603T100000Z") == told
    assert check_in("ann", "primary", made["id"])[0] == 400
    assert check_in("ann", "primary", f"{made['id']}_20110609T100000Z")[0] == 404
    # Who does not take part does not say so, and a meeting without a room needs nobody.
    assert check_in("carl", "room1@example.com", f"{booked['id']}_20110604T100000Z")[0] == 404
    assert check_in("ann", "primary", insert(ann, event(20))["id"])[0] == 400
    for day in (1, 2, 3, 4):
        office.now = datetime(2011, 6, day, 10, 20, tzinfo=UTC)
        office.rest()
    kept = {
        e["originalStartTime"]["dateTime"][8:10]: answers(e)["room1"]
        for e in items(ann, singleEvents=True)
        if e.get("recurringEventId")
    }
    assert kept == {"01": "accepted", "02": "accepted", "03": "accepted", "04": "declined"}


def test_an_approver_decides(ann, bob, office):
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.directory.save(replace(room, booking={"mode": "approval", "approvers": ["bob"]}))
    made = insert(ann, event(10, "room1@example.com"))
    assert answers(made) == {"room1": "tentative"}
    (asked,) = items(bob)
    assert asked["summary"] == "Ann asks for Room1: Talk"
    me = {"email": "bob@example.com", "responseStatus": "accepted"}
    bob.events().patch(calendarId="primary", eventId=asked["id"], body={"attendees": [me]}).execute()
    assert answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute()) == {
        "room1": "accepted"
    }
    office.rest()
    assert items(bob) == []


def test_managers_answer_for_a_room_in_its_calendar(ann, office):
    with office.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.directory.set_grants(room, None, [Grant(room.id, None, "dora", Privilege.ALL)])
    insert(office.client("bob"), event(10, "room1@example.com"))
    made = insert(ann, event(10, "room1@example.com"))
    assert answers(made) == {"room1": "declined"}
    dora = office.client("dora")
    (asked,) = [e for e in items(dora, "room1@example.com") if answers(e) == {"room1": "declined"}]
    said = [p | {"responseStatus": "accepted"} if p.get("self") else p for p in asked["attendees"]]
    changed = dora.events().patch(
        calendarId="room1@example.com", eventId=asked["id"], body={"attendees": said}
    )
    assert answers(changed.execute()) == {"room1": "accepted"}
    seen = ann.events().get(calendarId="primary", eventId=made["id"]).execute()
    assert answers(seen) == {"room1": "accepted"}


def test_rooms_follow_instances_and_splits(ann, office):
    body = event(10, "room1@example.com", recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    made = insert(ann, body)
    assert answers(made) == {"room1": "accepted"}
    moved = f"{made['id']}_20110602T100000Z"
    change = {"start": {"dateTime": "2011-06-02T15:00:00Z"}, "end": {"dateTime": "2011-06-02T16:00:00Z"}}
    ann.events().patch(calendarId="primary", eventId=moved, body=change).execute()
    path = f"calendars/primary/events/{made['id']}_20110603T100000Z/split"
    status, halves = office.ask("POST", path, {"summary": "Second half"})
    assert status == 200
    assert answers(halves["after"]) == {"room1": "accepted"}
    query = {
        "timeMin": "2011-06-01T00:00:00Z",
        "timeMax": "2011-06-08T00:00:00Z",
        "items": [{"id": "room1@example.com"}],
    }
    busy = ann.freebusy().query(body=query).execute()["calendars"]["room1@example.com"]["busy"]
    assert [b["start"] for b in busy] == [
        "2011-06-01T10:00:00Z",
        "2011-06-02T15:00:00Z",
        "2011-06-03T10:00:00Z",
        "2011-06-04T10:00:00Z",
    ]


def test_guests_may_not_change_the_meeting(ann, bob):
    insert(ann, event(10, "bob@example.com", guestsCanInviteOthers=False))
    (copy,) = items(bob)
    request = bob.events().patch(calendarId="primary", eventId=copy["id"], body={"summary": "Mine"})
    assert failure(request) == (403, "forbiddenForNonOrganizer")
    more = {"attendees": [*copy["attendees"], {"email": "carl@example.com"}]}
    request = bob.events().patch(calendarId="primary", eventId=copy["id"], body=more)
    assert failure(request) == (403, "forbiddenForNonOrganizer")


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Mine"},
        {"description": None},
        {"location": "Elsewhere"},
        {"conferenceData": {"conferenceId": "x"}},
        {"attachments": [{"fileUrl": "https://example.com/x"}]},
        {"start": {"dateTime": f"{DAY}T09:00:00Z"}},
    ],
)
def test_what_guests_may_not_change_is_refused_by_name(ann, bob, change):
    insert(ann, event(10, "bob@example.com", description="Ours"))
    (copy,) = items(bob)
    request = bob.events().patch(calendarId="primary", eventId=copy["id"], body=change)
    assert failure(request) == (403, "forbiddenForNonOrganizer")
    own = {"colorId": "3", "reminders": {"useDefault": False}, "transparency": "transparent"}
    kept = bob.events().patch(calendarId="primary", eventId=copy["id"], body=own).execute()
    assert (kept["colorId"], kept["description"]) == ("3", "Ours")


def caldav_change(office, user, *replacements):
    """What a CalDAV client stores that changed some lines."""
    ((row, obj),) = office.stored(user)
    text = obj.body.decode().replace("\r\n ", "").replace("\r\n", "\n")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    office.put(user, row.name, text)


def test_guests_can_modify_through_caldav(office, ann, bob):
    body = event(10, "bob@example.com", "room1@example.com", guestsCanModify=True, description="Ours")
    made = insert(ann, body)
    caldav_change(
        office,
        "bob",
        ("SUMMARY:Talk", "SUMMARY:Bob's"),
        ("DESCRIPTION:Ours\n", ""),
        ("T120000", "T150000"),
        ("T130000", "T160000"),
        ("PARTSTAT=NEEDS-ACTION;RSVP=TRUE", "PARTSTAT=ACCEPTED"),
        ("ATTENDEE;CN=Bob", "ATTENDEE:mailto:carl@example.com\nATTENDEE;CN=Bob"),
    )
    seen = ann.events().get(calendarId="primary", eventId=made["id"]).execute()
    assert (seen["summary"], seen["start"]["dateTime"]) == ("Bob's", f"{DAY}T15:00:00+02:00")
    assert seen["description"] == "Ours"
    assert seen["organizer"]["self"]
    assert answers(seen) == {"bob": "accepted", "room1": "accepted", "carl": "needsAction"}
    assert items(office.client("carl"))[0]["summary"] == items(bob)[0]["summary"] == "Bob's"
    assert "SENT-BY" not in office.text("ann")
    busy = {
        "timeMin": f"{DAY}T00:00:00Z",
        "timeMax": f"{DAY}T23:00:00Z",
        "items": [{"id": "room1@example.com"}],
    }
    (booked,) = ann.freebusy().query(body=busy).execute()["calendars"]["room1@example.com"]["busy"]
    assert booked["start"] == f"{DAY}T13:00:00Z"


def test_guests_can_modify_one_instance_through_caldav(office, ann, bob):
    body = event(
        10, "bob@example.com", guestsCanModify=True, recurrence=["RRULE:FREQ=DAILY;COUNT=3"], summary="Series"
    )
    made = insert(ann, body)
    exception = (
        "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20110601T000000Z\nSUMMARY:Once\n"
        "RECURRENCE-ID;TZID=Europe/Paris:20110602T120000\nDTSTART;TZID=Europe/Paris:20110602T140000\n"
        "DTEND;TZID=Europe/Paris:20110602T150000\nORGANIZER:mailto:ann@example.com\n"
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\nEND:VEVENT\nEND:VCALENDAR"
    )
    caldav_change(office, "bob", ("END:VCALENDAR", exception.format(uid=made["iCalUID"])))
    found = ann.events().instances(calendarId="primary", eventId=made["id"]).execute()["items"]
    assert [(i["summary"], i["start"]["dateTime"][8:13]) for i in found] == [
        ("Series", "01T12"),
        ("Once", "02T14"),
        ("Series", "03T12"),
    ]


def test_without_leave_caldav_guests_change_nothing(office, ann, bob):
    insert(ann, event(10, "bob@example.com"))
    for change in (
        ("SUMMARY:Talk", "SUMMARY:Mine"),
        ("ATTENDEE;CN=Bob", "ATTENDEE:mailto:x@y.z\nATTENDEE;CN=Bob"),
    ):
        with pytest.raises(SchedulingRefused):
            caldav_change(office, "bob", change)
    assert items(ann)[0]["summary"] == "Talk"


def test_guests_can_invite_others(office, ann, bob):
    made = insert(ann, event(10, "bob@example.com"))
    (copy,) = items(bob)
    more = {"attendees": [*copy["attendees"], {"email": "carl@example.com"}]}
    bob.events().patch(calendarId="primary", eventId=copy["id"], body=more).execute()
    assert "carl" in answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())
    assert len(items(office.client("carl"))) == 1
    office.rest()
    (copy,) = items(bob)
    gone = {"attendees": [a for a in copy["attendees"] if a.get("self")]}
    request = bob.events().patch(calendarId="primary", eventId=copy["id"], body=gone)
    assert failure(request) == (403, "forbiddenForNonOrganizer")


def test_guests_can_modify(ann, bob):
    made = insert(ann, event(10, "bob@example.com", guestsCanModify=True))
    (copy,) = items(bob)
    changed = bob.events().patch(calendarId="primary", eventId=copy["id"], body={"summary": "Ours"}).execute()
    assert changed["summary"] == "Ours"
    assert ann.events().get(calendarId="primary", eventId=made["id"]).execute()["summary"] == "Ours"


def test_guests_who_cannot_see_each_other(ann, bob):
    made = insert(ann, event(10, "bob@example.com", "carl@example.com", guestsCanSeeOtherGuests=False))
    (copy,) = items(bob)
    assert [a["email"] for a in copy["attendees"]] == ["bob@example.com"]
    copy["attendees"][0]["responseStatus"] = "accepted"
    bob.events().update(calendarId="primary", eventId=copy["id"], body=copy).execute()
    seen = answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())
    assert seen == {"bob": "accepted", "carl": "needsAction"}


def test_hidden_guests_are_hidden_at_every_door():
    """The copies that CalDAV shows and the mail that goes out name nobody else; rooms count everybody."""
    office = Office(mail=True)
    ann, bob = office.client("ann"), office.client("bob")
    emails = ("bob@example.com", "carl@example.com", "room1@example.com", "eve@elsewhere.net")
    made = insert(ann, event(10, *emails, guestsCanSeeOtherGuests=False))

    def named(text):
        return {line.rpartition("mailto:")[2] for line in text.split("\n") if line.startswith("ATTENDEE")}

    assert named(office.text("bob")) == {"bob@example.com"}
    assert named(office.text("carl")) == {"carl@example.com"}
    assert named(office.text("room1")) == named(office.text("ann")) == set(emails)
    with office.store.write(SYSTEM) as txn:
        mail = txn.jobs.lease(["imip"], office.now, 60).payload["body"].replace("\r\n ", "")
    assert named(mail.replace("\r\n", "\n")) == {"eve@elsewhere.net"}
    (copy,) = items(bob)
    copy["attendees"][0]["responseStatus"] = "accepted"
    bob.events().update(calendarId="primary", eventId=copy["id"], body=copy).execute()
    seen = answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())
    assert (seen["bob"], seen["carl"]) == ("accepted", "needsAction")
    assert named(office.text("carl")) == {"carl@example.com"}
    ann.events().patch(
        calendarId="primary", eventId=made["id"], body={"guestsCanSeeOtherGuests": True}
    ).execute()
    assert named(office.text("bob")) == set(emails)
    office.store.close()


def test_private_properties_stay_private(ann, bob, office):
    extended = {"private": {"secret": "1"}, "shared": {"common": "2"}}
    insert(
        ann, event(10, "bob@example.com", extendedProperties=extended, conferenceData={"conferenceId": "c"})
    )
    (copy,) = items(bob)
    assert copy["extendedProperties"] == {"shared": {"common": "2"}}
    assert copy["conferenceData"] == {"conferenceId": "c"}
    assert "secret" not in office.text("bob")


def test_deleting_an_invitation_declines(ann, bob):
    made = insert(ann, event(10, "bob@example.com", "carl@example.com"))
    (copy,) = items(bob)
    bob.events().delete(calendarId="primary", eventId=copy["id"]).execute()
    assert answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())["bob"] == "declined"


def test_readers_of_free_busy_see_nothing_else(office, ann, bob):
    secret = event(10, summary="Secret", recurrence=["RRULE:FREQ=DAILY;COUNT=3"], attendees=[])
    made = insert(ann, secret)
    insert(ann, event(15, summary="Free", transparency="transparent"))
    answer = bob.events().list(calendarId="ann@example.com").execute()
    assert answer["accessRole"] == "freeBusyReader"
    assert [(e["start"]["dateTime"], e["end"]["dateTime"]) for e in answer["items"]] == [
        (f"2011-06-0{n}T10:00:00Z", f"2011-06-0{n}T11:00:00Z") for n in (1, 2, 3)
    ]
    for item in answer["items"]:
        assert set(item) == {"kind", "etag", "id", "status", "visibility", "start", "end"}
        assert made["id"] not in item["id"]
        assert item["etag"] != made["etag"]
    assert failure(bob.events().get(calendarId="ann@example.com", eventId=made["id"])) == (404, "notFound")
    search = bob.events().list(calendarId="ann@example.com", q="Secret").execute()["items"]
    other = bob.events().list(calendarId="ann@example.com", q="Nothing").execute()["items"]
    assert len(search) == len(other) == 3
    request = bob.events().patch(calendarId="ann@example.com", eventId=made["id"], body={"summary": "x"})
    assert failure(request) == (404, "notFound")


def test_a_calendar_that_is_not_shared_looks_like_none(office):
    """Everybody sees when Ann is busy, but not which calendars she has."""
    hidden = office.ask("POST", "calendars", {"summary": "Hidden"})[1]["id"]
    missing = hidden[:-4] + "none"
    made = office.ask(
        "POST",
        f"calendars/{hidden}/events",
        {"id": "secret1", "start": {"date": "2011-06-03"}, "end": {"date": "2011-06-04"}},
    )
    assert made[0] == 200
    paths = (
        "calendars/{}", "calendars/{}/acl", "calendars/{}/acl/user:bob", "calendars/{}/clear",
        "calendars/{}/events", "calendars/{}/events/import", "calendars/{}/events/secret1",
        "calendars/{}/events/secret1/instances", "calendars/{}/events/watch", "users/me/calendarList/{}",
    )  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            body = {"id": "secret1"} if method in {"POST", "PUT", "PATCH"} else None
            of_hidden, of_missing = (
                office.ask(method, path.format(id_), body, user="bob") for id_ in (hidden, missing)
            )
            assert of_hidden == of_missing, (method, path)
            assert of_hidden[0] in {400, 404, 405}, (method, path)


def test_without_any_permission_nothing_is_there(office):
    closed = Office(everybody_reads_free_busy=False)
    assert failure(closed.client("bob").events().list(calendarId="ann@example.com")) == (404, "notFound")
    closed.store.close()


def test_roles(ann, bob):
    made = insert(ann, event(10, summary="Open"))
    hidden = insert(ann, event(12, summary="Hidden", visibility="private", description="text"))
    rule = {"role": "reader", "scope": {"type": "user", "value": "bob@example.com"}}
    given = ann.acl().insert(calendarId="primary", body=rule).execute()
    assert given["id"] == "user:bob@example.com"
    assert [r["role"] for r in ann.acl().list(calendarId="primary").execute()["items"]] == ["owner", "reader"]
    seen = {e["id"]: e.get("summary") for e in items(bob, "ann@example.com")}
    assert seen == {made["id"]: "Open", hidden["id"]: None}
    assert failure(
        bob.events().patch(calendarId="ann@example.com", eventId=made["id"], body={"summary": "x"})
    ) == (403, "forbidden")
    assert failure(bob.acl().list(calendarId="ann@example.com"))[0] == 403
    listed = bob.calendarList().list().execute()["items"]
    assert {e["id"]: e["accessRole"] for e in listed} == {
        "bob@example.com": "owner",
        "ann@example.com": "reader",
    }
    ann.acl().patch(calendarId="primary", ruleId=given["id"], body={"role": "writer"}).execute()
    assert items(bob, "ann@example.com", q="Hidden")[0]["description"] == "text"
    new = insert(bob, event(14), "ann@example.com")
    assert new["creator"] == {"email": "bob@example.com"}
    assert new["organizer"]["email"] == "ann@example.com"
    assert ann.acl().get(calendarId="primary", ruleId=given["id"]).execute()["role"] == "writer"
    ann.acl().delete(calendarId="primary", ruleId=given["id"]).execute()
    assert failure(ann.acl().get(calendarId="primary", ruleId=given["id"])) == (404, "notFound")
    assert [e["id"] for e in bob.calendarList().list().execute()["items"]] == ["bob@example.com"]
    wrong = {"role": "none", "scope": {"type": "user", "value": "ann@example.com"}}
    assert failure(ann.acl().insert(calendarId="primary", body=wrong)) == (403, "cannotChangeOwnAcl")
    nobody = {"role": "reader", "scope": {"type": "user", "value": "x@example.com"}}
    assert failure(ann.acl().insert(calendarId="primary", body=nobody)) == (400, "invalid")


def test_grants_of_caldav_are_roles(office, ann, bob):
    with office.store.write(SYSTEM) as txn:
        owner = txn.directory.by_name("ann")
        txn.directory.set_grants(owner, None, [Grant(owner.id, None, "team", Privilege.READ)])
    rules = ann.acl().list(calendarId="primary").execute()["items"]
    assert {r["id"]: r["role"] for r in rules} == {
        "user:ann@example.com": "owner",
        "group:team@example.com": "reader",
    }
    assert bob.events().list(calendarId="ann@example.com").execute()["accessRole"] == "reader"


def test_free_busy_of_people_rooms_and_groups(ann, bob):
    insert(ann, event(10, "room1@example.com", "bob@example.com"))
    insert(bob, event(11))
    query = {
        "timeMin": f"{DAY}T00:00:00Z",
        "timeMax": f"{DAY}T23:00:00Z",
        "timeZone": "Europe/Paris",
        "items": [{"id": "room1@example.com"}, {"id": "team@example.com"}, {"id": "nobody@example.com"}],
    }
    answer = ann.freebusy().query(body=query).execute()
    assert answer["groups"] == {"team@example.com": {"calendars": ["bob@example.com", "carl@example.com"]}}
    busy = answer["calendars"]
    assert busy["room1@example.com"]["busy"] == [
        {"start": f"{DAY}T12:00:00+02:00", "end": f"{DAY}T13:00:00+02:00"}
    ]
    assert [b["start"] for b in busy["bob@example.com"]["busy"]] == [f"{DAY}T13:00:00+02:00"]
    assert busy["carl@example.com"]["busy"] == []
    assert busy["nobody@example.com"]["errors"][0]["reason"] == "notFound"
    assert failure(ann.freebusy().query(body=query | {"timeMax": query["timeMin"]})) == (
        400,
        "timeRangeEmpty",
    )


def test_limits_of_free_busy(ann):
    query = {
        "timeMin": f"{DAY}T00:00:00Z",
        "timeMax": f"{DAY}T23:00:00Z",
        "items": [{"id": name} for name in ("team@example.com", "ann@example.com", "room1@example.com")],
    }

    def answer(**limits):
        made = ann.freebusy().query(body=query | limits).execute()
        reasons = {
            id_: entry["errors"][0]["reason"]
            for part in ("calendars", "groups")
            for id_, entry in made[part].items()
            if "errors" in entry
        }
        return [*made["calendars"]], reasons

    everybody = [f"{name}@example.com" for name in ("bob", "carl", "ann", "room1")]
    assert answer(groupExpansionMax=2, calendarExpansionMax=4) == (everybody, {})
    assert answer(groupExpansionMax=1) == (everybody[2:], {"team@example.com": "groupTooBig"})
    too_many = dict.fromkeys(everybody[3:], "tooManyCalendarsRequested")
    assert answer(calendarExpansionMax=3) == (everybody, too_many)


@pytest.mark.parametrize(
    ("updates", "mails"), [({}, 1), ({"sendUpdates": "externalOnly"}, 1), ({"sendUpdates": "none"}, 0)]
)
def test_send_updates(updates, mails):
    office = Office(mail=True)
    body = event(10, "bob@example.com", "eve@elsewhere.net", "room1@example.com")
    made = office.client("ann").events().insert(calendarId="primary", body=body, **updates).execute()
    assert answers(made)["room1"] == "accepted"
    assert len(items(office.client("bob"))) == 1
    sent = 0
    with office.store.write(SYSTEM) as txn:
        while txn.jobs.lease(["imip"], office.now, 60) is not None:
            sent += 1
    assert sent == mails
    office.store.close()


def test_a_guest_leaves_without_telling(ann, bob):
    made = insert(ann, event(10, "bob@example.com", "carl@example.com"))
    (copy,) = items(bob)
    bob.events().delete(calendarId="primary", eventId=copy["id"], sendUpdates="none").execute()
    assert (
        answers(ann.events().get(calendarId="primary", eventId=made["id"]).execute())["bob"] == "needsAction"
    )
