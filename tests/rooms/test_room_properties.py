# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever organizers, managers and time do: bookings, calendars and answers agree with each other."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from room_office import NOW, Corridor, event

from calcore_caldav.scheduling import room_check
from calcore_caldav.scheduling.room_check import Trouble
from calcore_caldav.store.protocol import SYSTEM

POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["automatic", "approval", "accept-if-free", "decline-if-busy"]),
        "concurrency": st.integers(1, 3),
        "buffer_after": st.sampled_from(["15m", "1h"]),
        "horizon": st.sampled_from(["3d", "30d", "180d"]),
        "horizon_action": st.sampled_from(["truncate", "decline", "unlimited"]),
        "recurring": st.sampled_from(["partial", "all-or-nothing", "no"]),
        "override": st.just("none"),
        "manual_wins": st.booleans(),
        "max_duration": st.just("30d"),
        "past_grace": st.just("1h"),
    },
)
RULES = st.sampled_from(
    [
        (),
        ("RRULE:FREQ=DAILY;COUNT=4",),
        ("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260304T100000Z"),
        ("RRULE:FREQ=WEEKLY",),
    ]
)
STARTS = st.integers(0, 24 * 3 * 2).map(lambda half: NOW + timedelta(minutes=30 * half))
UIDS = st.sampled_from(["a", "b", "c"])
STEPS = st.one_of(
    st.tuples(st.just("put"), UIDS, STARTS, RULES, st.sampled_from([0.5, 1, 3, 26, 200])),
    st.tuples(st.just("delete"), UIDS),
    st.tuples(st.just("overrule"), UIDS, st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 24, 100])),
    st.tuples(st.just("walk-in"), STARTS),
)


@settings(max_examples=40, deadline=None)
@given(POLICIES, st.lists(STEPS, min_size=2, max_size=9))
# Booked in two pieces, the first of which is over.
@example({}, [("wait", 1), ("put", "a", NOW, (), 1), ("walk-in", NOW + timedelta(minutes=30))])
# One long time of overlapping dates, the first of which nobody looks at any more.
@example(
    {"concurrency": 2, "max_duration": "30d", "past_grace": "1h"},
    [("put", "a", NOW, ("RRULE:FREQ=DAILY;COUNT=4",), 26), ("wait", 60)],
)
# Kept as two rows, the first of which is over.
@example({"max_duration": "30d"}, [("put", "a", NOW, (), 240), ("wait", 200)])
def test_at_rest_everything_agrees(policy, steps):
    office = Corridor("sqlite://")
    office.set(**policy)
    overruled = False
    for step in steps:
        overruled |= step[0] in {"overrule", "walk-in"}
        _take(office, step)
    office.wait(minutes=5)
    with office.store.write(SYSTEM) as txn:
        findings = room_check.check(txn, txn.directory.by_name("room1"), fix=False, settings=office.settings)
    office.store.close()
    if overruled:
        findings = [f for f in findings if f.trouble is not Trouble.OVERLAP]
    assert findings == []


def _take(office: Corridor, step: tuple) -> None:
    match step:
        case ("put", uid, start, rules, length):
            organizer = {"a": "ann", "b": "bob", "c": "max"}[uid]
            office.put(organizer, event(uid, start, *rules, length=length, organizer=organizer))
        case ("delete", uid):
            organizer = {"a": "ann", "b": "bob", "c": "max"}[uid]
            if office.of(organizer, uid) is not None:
                office.delete(organizer, uid)
        case ("overrule", uid, answer):
            if office.of("room1", uid) is not None:
                office.answer_as("room1", uid, answer, actor="max")
        case ("wait", hours):
            office.wait(hours=hours)
        case ("walk-in", start):
            office.put("room1", event(f"w{start:%d%H%M}", start, organizer=None), actor="max")
