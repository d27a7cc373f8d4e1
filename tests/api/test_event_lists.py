# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of events through the official client: queries, pages, sync tokens."""

from __future__ import annotations

import pytest
from google_office import CALDAV, at, event, failure, insert, items

from calcore_caldav.store.objects import SqlObjectRows
from calcore_caldav.store.protocol import SYSTEM


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
