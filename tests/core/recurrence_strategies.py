# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, zones and events to try recurrence on."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.recurrence import RecurrenceSet
from calcore_caldav.core.times import TimeRange

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Africa/Casablanca",
    "UTC",
]


def some(values, most):
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(str(v) for v in sorted(found))
    )


@st.composite
def rules(draw, *, freqs=("YEARLY", "MONTHLY", "WEEKLY", "DAILY"), times=True, end=False, set_pos=True):
    """A rule's text, without what the RFC forbids and without what dateutil reads otherwise."""
    freq = draw(st.sampled_from(freqs))
    parts = [f"FREQ={freq}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.sampled_from([1, 2, 3, 5, 12]))}")
    if draw(st.integers(0, 2)) == 0:
        parts.append("BYMONTH=" + draw(some(range(1, 13), 4)))
    month = len(parts) > 1 and parts[-1].startswith("BYMONTH")
    if freq != "WEEKLY" and (month or freq != "YEARLY") and draw(st.integers(0, 2)) == 0:
        parts.append("BYMONTHDAY=" + draw(some([1, 2, 13, 15, 28, 29, 30, 31, -1, -2, -15, -31], 3)))
    elif freq == "YEARLY" and draw(st.integers(0, 3)) == 0:
        parts.append("BYYEARDAY=" + draw(some([1, 50, 100, 200, 300, 365, 366, -1, -100, -366], 3)))
    if draw(st.integers(0, 2)) == 0:
        if freq == "MONTHLY" or (freq == "YEARLY" and month):
            ordinals = draw(st.sampled_from([[""], ["1", "2", "-1", "4", "-2"]]))
        elif freq == "YEARLY":
            ordinals = draw(st.sampled_from([[""], ["1", "20", "53", "-1", "-10"]]))
        else:
            ordinals = [""]
        parts.append("BYDAY=" + draw(some([o + d for o in ordinals for d in DAYS], 3)))
    if times and draw(st.integers(0, 4)) == 0:
        parts.append("BYHOUR=" + draw(some([0, 2, 6, 9, 12, 23], 3)))
    if times and draw(st.integers(0, 6)) == 0:
        parts.append("BYMINUTE=" + draw(some([0, 15, 30, 59], 2)))
    if draw(st.integers(0, 3)) == 0:
        parts.append("WKST=" + draw(st.sampled_from(DAYS)))
    if set_pos and any(part.startswith("BY") for part in parts) and draw(st.integers(0, 4)) == 0:
        parts.append("BYSETPOS=" + draw(some([1, 2, 3, -1, -2], 2)))
    if end:
        parts += draw(
            st.sampled_from([[], ["COUNT=1"], ["COUNT=7"], ["COUNT=30"], ["UNTIL=20300615T120000Z"]])
        )
    return ";".join(parts)


starts = st.datetimes(datetime(1995, 1, 1), datetime(2027, 12, 31)).map(
    lambda d: d.replace(minute=d.minute // 15 * 15, second=0, microsecond=0, fold=0)
)


def event(*lines: str, others: tuple[tuple[str, ...], ...] = ()) -> CalendarObject:
    """An object of VEVENTs, each given by its lines; the first is the master."""
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//EN"]
    for component in (lines, *others):
        kind = "VEVENT"
        if component and component[0] in {"VTODO", "VJOURNAL"}:
            kind, component = component[0], component[1:]  # noqa: PLW2901
        text += [f"BEGIN:{kind}", "UID:series", *component, f"END:{kind}"]
    return CalendarObject("\r\n".join([*text, "END:VCALENDAR", ""]).encode())


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)


def starts_of(found: RecurrenceSet, start: datetime | None = None, end: datetime | None = None) -> list[str]:
    """Starts as text, of all instances or those in a window."""
    return [f"{i.start:%Y%m%dT%H%M%S}" for i in found.between(TimeRange(start, end))]
