# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendars, the list of them, settings, colours, channels, the OpenAPI document."""

from __future__ import annotations

import pytest
from google_office import failure

from calcore_caldav.api import watch
from calcore_caldav.scheduling.worker import Worker
from calcore_caldav.store.protocol import SYSTEM


def test_calendars(office, ann):
    body = {"summary": "Über", "description": "a <b> & c", "location": "Paris", "timeZone": "Europe/Paris"}
    made = ann.calendars().insert(body=body).execute()
    assert body.items() <= made.items()
    assert ann.calendars().get(calendarId=made["id"]).execute() == made
    with office.store.read() as txn:
        collection = txn.collections.get("ann", made["id"].partition(":")[2])
        dead = txn.collections.dead_properties(collection.path)
    assert collection.display_name == "Über"
    assert "TZID:Europe/Paris" in collection.timezone
    assert "a &lt;b&gt; &amp; c" in dead["{urn:ietf:params:xml:ns:caldav}calendar-description"]
    patched = ann.calendars().patch(calendarId=made["id"], body={"description": None}).execute()
    assert "description" not in patched
    assert patched["summary"] == "Über"
    ann.calendars().update(calendarId=made["id"], body={"summary": "Two"}).execute()
    assert ann.calendars().get(calendarId=made["id"]).execute()["summary"] == "Two"
    ann.calendars().delete(calendarId=made["id"]).execute()
    assert failure(ann.calendars().get(calendarId=made["id"])) == (404, "notFound")
    assert failure(ann.calendars().delete(calendarId="primary")) == (403, "forbidden")
    assert failure(ann.calendars().insert(body={})) == (400, "required")
    wrong = {"summary": "x", "timeZone": "Mars"}
    assert failure(ann.calendars().insert(body=wrong)) == (400, "invalid")


def test_clear(ann):
    day = {"start": {"date": "2011-06-01"}, "end": {"date": "2011-06-02"}}
    ann.events().insert(calendarId="primary", body=day).execute()
    ann.calendars().clear(calendarId="primary").execute()
    assert ann.events().list(calendarId="primary").execute()["items"] == []


def test_calendar_list(office, ann, bob):
    other = ann.calendars().insert(body={"summary": "Other"}).execute()["id"]
    listed = ann.calendarList().list().execute()
    assert [(e["id"], e.get("primary", False)) for e in listed["items"]] == [
        ("ann@example.com", True),
        (other, False),
    ]
    change = {"colorId": "9", "summaryOverride": "Mine", "hidden": True}
    entry = ann.calendarList().patch(calendarId=other, body=change).execute()
    assert (entry["summaryOverride"], entry["backgroundColor"]) == ("Mine", "#7bd148")
    assert len(ann.calendarList().list().execute()["items"]) == 1
    assert len(ann.calendarList().list(showHidden=True).execute()["items"]) == 2
    with office.store.read() as txn:
        dead = txn.collections.dead_properties(f"/ann/{other.partition(':')[2]}/")
    assert "#7bd148" in dead["{http://apple.com/ns/ical/}calendar-color"]
    assert (
        ann.calendarList().list(minAccessRole="owner", maxResults=1).execute()["items"][0]["id"]
        == "ann@example.com"
    )
    bob.calendarList().insert(body={"id": "ann@example.com"}).execute()
    seen = bob.calendarList().list().execute()["items"]
    assert {e["id"]: e["accessRole"] for e in seen} == {
        "bob@example.com": "owner",
        "ann@example.com": "freeBusyReader",
    }
    bob.calendarList().delete(calendarId="ann@example.com").execute()
    assert len(bob.calendarList().list().execute()["items"]) == 1
    assert failure(bob.calendarList().delete(calendarId="primary")) == (403, "forbidden")


def test_the_list_of_calendars_is_kept_in_step(ann, bob):
    def changes(token, **asked):
        answer = bob.calendarList().list(syncToken=token, **asked).execute()
        return {e["id"]: e for e in answer["items"]}, answer.get("nextSyncToken")

    one = bob.calendars().insert(body={"summary": "One"}).execute()["id"]
    two = bob.calendars().insert(body={"summary": "Two"}).execute()["id"]
    bob.calendarList().insert(body={"id": "ann@example.com"}).execute()
    start = bob.calendarList().list().execute()["nextSyncToken"]
    assert changes(start)[0] == {}
    bob.calendarList().patch(calendarId=one, body={"hidden": True}).execute()
    bob.calendars().delete(calendarId=two).execute()
    scope = {"type": "user", "value": "bob@example.com"}
    ann.acl().insert(calendarId="primary", body={"role": "writer", "scope": scope}).execute()
    found, token = changes(start)
    assert {id_: (e.get("hidden"), e.get("deleted"), e.get("accessRole")) for id_, e in found.items()} == {
        one: (True, None, "owner"),
        two: (None, True, None),
        "ann@example.com": (None, None, "writer"),
    }
    assert changes(token)[0] == {}
    # In pages, too: with the first one there is no token yet.
    first = bob.calendarList().list(syncToken=start, maxResults=2).execute()
    assert (len(first["items"]), "nextSyncToken" in first) == (2, False)
    rest, token = changes(start, maxResults=2, pageToken=first["nextPageToken"])
    assert {e["id"] for e in first["items"]} | rest.keys() == found.keys()
    assert changes(token)[0] == {}
    # What changed between two pages is not lost.
    bob.calendarList().patch(calendarId=one, body={"hidden": False}).execute()
    _, token = changes(start, maxResults=2, pageToken=first["nextPageToken"])
    assert failure(bob.calendarList().list(syncToken=token)) == (410, "fullSyncRequired")
    for who, wrong in ((ann, start), (bob, "x"), (bob, start + "x")):
        assert failure(who.calendarList().list(syncToken=wrong)) == (410, "fullSyncRequired")
    assert failure(bob.calendarList().list(syncToken=start, minAccessRole="owner"))[0] == 410


def test_the_list_of_rules_is_kept_in_step(ann):
    def changes(token):
        answer = ann.acl().list(calendarId="primary", syncToken=token).execute()
        return {rule["id"]: rule["role"] for rule in answer["items"]}, answer["nextSyncToken"]

    token = ann.acl().list(calendarId="primary").execute()["nextSyncToken"]
    for role in ("reader", "writer", "none"):
        body = {"role": role, "scope": {"type": "user", "value": "bob@example.com"}}
        ann.acl().insert(calendarId="primary", body=body).execute()
        found, token = changes(token)
        assert found == {"user:bob@example.com": role}
    assert changes(token)[0] == {}
    settings = ann.settings().list().execute()["nextSyncToken"]
    assert ann.settings().list(syncToken=settings).execute()["items"] == []


def test_settings_and_colors(ann):
    settings = {s["id"]: s["value"] for s in ann.settings().list().execute()["items"]}
    assert settings["timezone"] == "UTC"
    assert ann.settings().get(setting="locale").execute()["value"] == "en"
    assert failure(ann.settings().get(setting="nothing")) == (404, "notFound")
    assert len(ann.colors().get().execute()["event"]) == 11


class Webhook:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.status = 200

    def __call__(self, url, headers):
        assert url == "https://example.com/hook"
        assert headers["X-Goog-Channel-Token"] == "secret"
        self.calls.append(
            (headers["X-Goog-Resource-State"], headers["X-Goog-Message-Number"], headers["X-Goog-Channel-ID"])
        )
        if self.status == 0:
            raise OSError("refused")
        return self.status


def test_channels(office, ann):
    hook = Webhook()
    worker = Worker(office.store, office.settings, watch.handlers(office.store, hook))
    body = {"id": "c1", "type": "web_hook", "address": "https://example.com/hook", "token": "secret"}
    channel = ann.events().watch(calendarId="primary", body=body).execute()
    assert channel["id"] == "c1"
    assert failure(ann.events().watch(calendarId="primary", body=body)) == (400, "channelIdNotUnique")

    def rest(**delta):
        office.tick(**(delta or {"seconds": 10}))
        worker.run_due(10)

    rest()
    rest()
    assert hook.calls == [("sync", "1", "c1")]
    rest()
    assert len(hook.calls) == 1
    office.put("ann", "x.ics", EVENT)
    hook.status = 0
    rest()
    hook.status = 500
    rest()
    hook.status = 200
    rest(minutes=1)
    rest()
    assert hook.calls[1:] == [("exists", "2", "c1")] * 3
    stop = {"id": "c1", "resourceId": channel["resourceId"]}
    ann.channels().stop(body=stop).execute()
    office.put("ann", "y.ics", EVENT.replace("UID:x", "UID:y"))
    rest()
    assert len(hook.calls) == 4
    assert failure(ann.channels().stop(body=stop)) == (404, "notFound")
    with office.store.read() as txn:
        assert txn.jobs.next_due() is None


def test_no_change_is_lost_before_the_first_call(office, ann):
    hook = Webhook()
    worker = Worker(office.store, office.settings, watch.handlers(office.store, hook))
    body = {"id": "c1", "type": "web_hook", "address": "https://example.com/hook", "token": "secret"}
    ann.events().watch(calendarId="primary", body=body).execute()
    office.put("ann", "x.ics", EVENT)
    for _ in range(3):
        office.tick(seconds=10)
        worker.run_due(10)
    assert [call[:2] for call in hook.calls] == [("sync", "1"), ("exists", "2")]


def test_channels_expire(office, ann):
    hook = Webhook()
    worker = Worker(office.store, office.settings, watch.handlers(office.store, hook))
    body = {
        "id": "c1",
        "type": "web_hook",
        "address": "https://example.com/hook",
        "token": "secret",
        "params": {"ttl": "60"},
    }
    ann.events().watch(calendarId="primary", body=body).execute()
    office.tick(seconds=61)
    worker.run_due(10)
    assert hook.calls == []
    with office.store.read(SYSTEM) as txn:
        assert txn.jobs.next_due() is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"type": "mail"}, "type"),
        ({"address": "file:///etc/passwd"}, "address"),
        ({"address": "http://"}, "address"),
        ({"token": "a\nb"}, "token"),
        ({"expiration": "1"}, "expiration"),
        ({"expiration": "soon"}, "expiration"),
    ],
)
def test_wrong_channels(office, change, field):
    body = {"id": "c1", "type": "web_hook", "address": "https://example.com/hook"} | change
    status, answer = office.ask("POST", "calendars/primary/events/watch", body)
    assert (status, answer["error"]["errors"][0]["location"]) == (400, field)


def test_log_in_is_needed(office):
    status, answer = office.ask("GET", "colors", user="")
    assert (status, answer["error"]["errors"][0]["reason"]) == (401, "authError")
    assert "Bearer" in office.headers["www-authenticate"]
    assert office.ask("GET", "openapi.json", user="")[0] == 200


EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:dav
BEGIN:VEVENT
UID:x
DTSTAMP:20110601T000000Z
DTSTART:20110606T100000Z
DTEND:20110606T110000Z
END:VEVENT
END:VCALENDAR
"""
