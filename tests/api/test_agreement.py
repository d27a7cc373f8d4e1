# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done to a series: JSON shows what CalDAV expands, get shows what list shows, guests see the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from google_office import Office

from calcore_caldav.core.times import TimeRange

EVENTS = "calendars/primary/events"
YEARS = TimeRange(datetime(2010, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))
PEOPLE = ("bob@example.com", "carl@example.com", "room1@example.com")
RULES = ("RRULE:FREQ=DAILY;COUNT=5", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=4")


def timed(day: int, hour: int, zone: str) -> dict:
    start, end = (f"2011-06-{day:02}T{h:02}:00:00" for h in (hour, hour + 1))
    return {
        name: {"date": None, "dateTime": text, "timeZone": zone}
        for name, text in (("start", start), ("end", end))
    }


def dated(day: int) -> dict:
    return {
        name: {"date": f"2011-06-{d:02}", "dateTime": None, "timeZone": None}
        for name, d in (("start", day), ("end", day + 1))
    }


def something(chance: random.Random, instance: str) -> tuple[str, str, dict | None]:
    """A random edit: method, path, body."""
    zone = chance.choice(["Europe/Paris", "America/New_York"])
    edits = [
        ("DELETE", instance, None),
        ("PATCH", instance, {"status": "confirmed", "summary": chance.choice("ABC")}),
        ("PATCH", instance, {"status": "confirmed", **timed(chance.randrange(1, 25), 12, zone)}),
        ("PATCH", "serie", timed(chance.randrange(1, 4), chance.randrange(6, 14), zone)),
        ("PATCH", "serie", dated(2)),
        ("PATCH", "serie", {"recurrence": [chance.choice(RULES)]}),
        ("PATCH", "serie", {"attendees": [{"email": e} for e in chance.sample(PEOPLE, chance.randrange(4))]}),
        ("PATCH", "serie", {"location": chance.choice("LMN")}),
        ("POST", f"{instance}/split", {"summary": "split"}),
    ]
    method, path, body = chance.choice(edits)
    return method, f"{EVENTS}/{path}", body


def expanded(office: Office) -> list[tuple[datetime, datetime]]:
    return sorted(
        (instance.start, instance.end)
        for _, obj in office.stored("ann")
        for instance in obj.recurrence(UTC).between(YEARS)
        if instance.component.value("STATUS") != "CANCELLED"
    )


def instant(moment: dict) -> datetime:
    made = datetime.fromisoformat(moment.get("dateTime") or moment["date"])
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def seen(office: Office, user: str) -> list[dict]:
    return office.ask("GET", EVENTS, user=user, singleEvents="true", maxResults=2500)[1]["items"]


@pytest.mark.parametrize("seed", range(8))
def test_random_edits(seed):
    office, chance = Office(), random.Random(seed)
    first = {"id": "serie", "summary": "S", "recurrence": [RULES[0]], **timed(1, 9, "Europe/Paris")}
    assert office.ask("POST", EVENTS, first | {"attendees": [{"email": PEOPLE[0]}]})[0] == 200
    for _ in range(12):
        there = office.ask("GET", f"{EVENTS}/serie/instances", showDeleted="true")[1].get("items")
        if not there:
            break
        office.tick()
        office.ask(*something(chance, chance.choice(there)["id"]))
        shown = seen(office, "ann")
        assert sorted((instant(e["start"]), instant(e["end"])) for e in shown) == expanded(office)
        for event in shown:
            assert office.ask("GET", f"{EVENTS}/{event['id']}") == (200, event)
        for guest in ("bob", "carl"):
            invited = [
                e for e in shown if f"{guest}@example.com" in {a["email"] for a in e.get("attendees", ())}
            ]
            views = [
                sorted((str(e["start"]), e["summary"], e.get("location", "")) for e in view)
                for view in (invited, seen(office, guest))
            ]
            assert views[0] == views[1]
    office.store.close()
