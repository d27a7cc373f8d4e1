# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies, bookings and requests around one Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling.policy import BookingPolicy, HorizonAction, Mode, Recurring
from calcore_caldav.scheduling.request import Booker, BookingRequest, Role, Taken, Wanted

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER = 15 * MINUTE


@st.composite
def periods(draw: st.DrawFn, *, days: int = 3) -> Period:
    start = NOW + draw(st.integers(0, days * 96)) * QUARTER
    return Period(start, start + draw(st.integers(1, 24)) * QUARTER)


def durations(*minutes: int) -> st.SearchStrategy[timedelta]:
    return st.sampled_from(minutes).map(lambda m: m * MINUTE)


@st.composite
def policies(draw: st.DrawFn) -> BookingPolicy:
    return BookingPolicy(
        mode=draw(st.sampled_from([m for m in Mode if m is not Mode.ACCEPT_ALWAYS])),
        concurrency=draw(st.integers(1, 3)),
        buffer_before=draw(durations(0, 0, 10, 30)),
        buffer_after=draw(durations(0, 0, 15)),
        horizon=draw(st.sampled_from([timedelta(0), timedelta(days=1), timedelta(days=180)])),
        horizon_action=draw(st.sampled_from(HorizonAction)),
        lead_time=draw(durations(0, 0, 60)),
        min_duration=draw(durations(0, 0, 30)),
        max_duration=draw(durations(0, 0, 240)),
        recurring=draw(st.sampled_from(Recurring)),
        max_conflicts=draw(st.integers(0, 5)),
        max_conflict_share=draw(st.sampled_from([0, 1 / 3, 1])),
        quota=draw(durations(0, 0, 600)),
    )


@st.composite
def wishes(draw: st.DrawFn) -> list[Wanted]:
    """The instances of one request: distinct starts, overlaps allowed."""
    found = draw(st.lists(periods(), min_size=1, max_size=5, unique_by=lambda p: p.start))
    return [Wanted(RecurrenceId(p.start), p.start, p.end) for p in found]


def request(wanted: list[Wanted], taken: list[Taken] = (), **more: object) -> BookingRequest:
    more.setdefault("booker", Booker(Role.BOOK))
    more.setdefault("recurring", len(wanted) > 1)
    return BookingRequest(wanted=wanted, taken=list(taken), now=NOW, **more)
