# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: T201
"""What reading costs, without the network: prints, never fails on a figure.

    python tests/api/measure.py [EVENTS]

A `singleEvents` week of a calendar beside the same week as CalDAV's expand gives it, and one month of the
instances of a daily series of ten years.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

from google_office import Office

from calcore_caldav.core.render import CalendarData, rendered
from calcore_caldav.core.times import TimeRange
from calcore_caldav.store.protocol import SYSTEM

WEEK = TimeRange(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC))
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u{n}\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART:{start:%Y%m%dT%H%M%S}Z\r\nDURATION:PT30M\r\n{rule}SUMMARY:Event {n}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def best(work, times: int = 20) -> float:
    """Milliseconds of processor time of the fastest run: the least disturbed one."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken) * 1000


def main(count: int) -> None:
    office = Office()
    office.now = datetime(2026, 1, 5, tzinfo=UTC)
    with office.store.write(SYSTEM) as txn:
        collection = txn.collections.get("ann", "calendar")
        for n in range(count):
            start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=53 * n)
            rule = "RRULE:FREQ=WEEKLY;COUNT=10\r\n" if n % 20 == 0 else ""
            text = EVENT.format(n=n, start=start, rule=rule)
            office.service.put(txn, collection, f"u{n}.ics", text.encode())
    series = {
        "id": "decade",
        "start": {"dateTime": "2026-01-05T10:00:00", "timeZone": "Europe/Paris"},
        "end": {"dateTime": "2026-01-05T11:00:00", "timeZone": "Europe/Paris"},
        "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20360105T100000Z"],
    }
    assert office.ask("POST", "calendars/primary/events", series)[0] == 200

    def week() -> int:
        query = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-06-08T00:00:00Z"}
        answer = office.ask("GET", "calendars/primary/events", singleEvents="true", maxResults=2500, **query)
        return len(answer[1]["items"])

    def expanded() -> None:
        with office.store.read() as txn:
            collection = txn.collections.get("ann", "calendar")
            for stored in txn.instances.objects_in_range(collection, WEEK, ("VEVENT",)):
                rendered(txn.objects.parsed(stored), CalendarData(expand=WEEK), UTC)

    def month() -> int:
        query = {"timeMin": "2034-06-01T00:00:00Z", "timeMax": "2034-07-01T00:00:00Z"}
        answer = office.ask("GET", "calendars/primary/events/decade/instances", **query)
        return len(answer[1]["items"])

    print(f"week of {count} events, singleEvents: {week()} items, {best(week):.1f} ms")
    print(f"the same week expanded for CalDAV, without its XML: {best(expanded):.1f} ms")
    print(f"a month of a ten-year series: {month()} instances, {best(month):.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
