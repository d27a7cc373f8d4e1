# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever organizers, managers and time do: bookings, calendars and answers agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice

from hypothesis import example, given, note, settings
from hypothesis import strategies as st
from room_office import NOW, Corridor, event

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.overrides import cancel_instance, with_override
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.significance import component_at
from calcore_caldav.core.times import Period, format_date_time, parse_date_time
from calcore_caldav.errors import InvalidRequest
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
        "override": st.sampled_from([["none"], ["bob"]]),
        "manual_wins": st.booleans(),
        "max_duration": st.just("30d"),
        "past_grace": st.just("1h"),
        "buffer_before": st.just("30m"),
        "lead_time": st.just("2h"),
        "hours": st.just("mon-fri 08:00-18:00"),
        "quota": st.just("6h"),
        "same_organizer_limit": st.just(1),
        "priority": st.just(True),
        "approval_timeout": st.just("2h"),
        "max_conflicts": st.integers(0, 2),
        "request": st.just(["bob"]),
        "book": st.just(["ann", "max"]),
        "tentative_blocks": st.booleans(),
        "pending_blocks": st.booleans(),
    },
)
DAILY = ("RRULE:FREQ=DAILY;COUNT=4",)
RULES = st.sampled_from(
    [
        (),
        DAILY,
        ("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260304T100000Z"),
        ("RRULE:FREQ=WEEKLY",),
    ]
)
STARTS = st.integers(0, 24 * 3 * 2).map(lambda half: NOW + timedelta(minutes=30 * half))
UIDS = st.sampled_from(["a", "b", "c"])
DATES = st.integers(0, 4)
HOURS = st.sampled_from([-2, 1, 24])
STEPS = st.one_of(
    st.tuples(st.just("put"), UIDS, STARTS, RULES, st.sampled_from([0.5, 1, 3, 26, 200])),
    st.tuples(st.just("delete"), UIDS),
    st.tuples(st.just("overrule"), UIDS, st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 24, 100])),
    st.tuples(st.just("walk-in"), STARTS),
    st.tuples(st.just("rename"), UIDS),
    st.tuples(st.just("leave out"), UIDS),
    st.tuples(st.just("move"), UIDS, HOURS),
    st.tuples(st.just("move one"), UIDS, DATES, HOURS),
    st.tuples(st.just("move rest"), UIDS, DATES, HOURS),
    st.tuples(st.just("strike one"), UIDS, DATES),
    st.tuples(st.just("cut one"), UIDS, DATES),
    st.tuples(st.just("restore one"), UIDS, DATES),
    st.tuples(st.just("add one"), UIDS, STARTS),
    st.tuples(st.just("status"), UIDS, st.sampled_from(["TENTATIVE", "CONFIRMED", "CANCELLED"])),
    st.tuples(st.just("decide"), UIDS, st.sampled_from(["ACCEPTED", "DECLINED"])),
    st.tuples(st.just("split"), UIDS, DATES),
    st.tuples(st.just("overrule one"), UIDS, DATES, st.sampled_from(["ACCEPTED", "DECLINED"])),
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
# A manager accepts what the horizon declined: it takes the time from then on.
@example({}, [("put", "a", NOW, ("RRULE:FREQ=WEEKLY",), 1), ("overrule", "a", "ACCEPTED"), ("wait", 100)])
# Of one date and all that follow, moved together, only the first is in another's way.
@example({}, [("put", "a", NOW, (), 0.5), ("put", "b", NOW, DAILY, 3), ("move rest", "b", 0, -2)])
# Kept as two rows, the first of which is over.
@example({"max_duration": "30d"}, [("put", "a", NOW, (), 240), ("wait", 200)])
def test_at_rest_everything_agrees(policy, steps):
    note(f"{policy} {steps}")
    office = Corridor("sqlite://")
    office.set(**policy)
    overruled = False
    for step in steps:
        overruled |= step[0] in {"overrule", "overrule one", "walk-in"}
        _take(office, step)
    office.wait(minutes=5)
    with office.store.write(SYSTEM) as txn:
        findings = room_check.check(txn, txn.directory.by_name("room1"), fix=False, settings=office.settings)
    office.store.close()
    if overruled:
        findings = [f for f in findings if f.trouble is not Trouble.OVERLAP]
    assert findings == []


ORGANIZERS = {"a": "ann", "b": "bob", "c": "max", "d": "ann"}
EVENTS = st.tuples(STARTS, RULES, st.sampled_from([0.5, 1, 3, 26]))


@settings(max_examples=30, deadline=None)
@given(POLICIES, st.lists(STEPS, max_size=6), EVENTS)
def test_a_booking_that_is_given_back_leaves_everything_as_it_was(policy, steps, booking):
    with opened(policy) as office:
        for step in steps:
            _take(office, step)
        before = state(office)
        office.put("ann", invitation("d", booking))
        office.delete("ann", "d")
        assert state(office) == before


@settings(max_examples=30, deadline=None)
@given(POLICIES, st.lists(STEPS, min_size=1, max_size=6), UIDS)
# Every date within the horizon has an answer of its own: the series speaks of those to come.
@example(
    {"horizon": "3d", "hours": "mon-fri 08:00-18:00", "override": "none", "max_duration": "30d"},
    [("wait", 124), ("put", "b", NOW + timedelta(hours=42), ("RRULE:FREQ=WEEKLY",), 200), ("wait", 24)],
    "b",
)
def test_deciding_anew_what_was_decided_anew_changes_nothing(policy, steps, uid):
    with opened(policy) as office:
        for step in steps:
            _take(office, step)
        if office.of(ORGANIZERS[uid], uid) is None:
            return
        ask_anew(office, uid)
        once = state(office)
        ask_anew(office, uid)
        assert state(office) == once


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(
        [{"mode": "accept-always"}, {"mode": "decline-always"}, {"mode": "none"}, {"concurrency": 0}]
    ),
    st.fixed_dictionaries(dict.fromkeys("abc", EVENTS)),
    st.permutations("abc"),
)
def test_where_nothing_is_in_the_way_of_anything_the_order_does_not_matter(policy, events, order):
    def answers(uids) -> dict[str, dict[str, str]]:
        with opened(policy) as office:
            for uid in uids:
                office.put(ORGANIZERS[uid], invitation(uid, events[uid]))
            return {uid: office.seen(ORGANIZERS[uid], uid) for uid in "abc"}

    assert answers(order) == answers("abc")


@settings(max_examples=20, deadline=None)
@given(POLICIES, st.lists(st.integers(0, 40), min_size=3, max_size=3, unique=True), st.permutations("abc"))
def test_the_order_of_meetings_that_do_not_meet_does_not_matter(policy, slots, order):
    starts = {uid: NOW + timedelta(hours=3 * slot) for uid, slot in zip("abc", slots, strict=True)}

    def answers(uids) -> dict[str, dict[str, str]]:
        with opened(policy) as office:
            for uid in uids:
                office.put(ORGANIZERS[uid], invitation(uid, (starts[uid], (), 1)))
            return {uid: office.seen(ORGANIZERS[uid], uid) for uid in "abc"}

    assert answers(order) == answers("abc")


@contextmanager
def opened(policy: dict) -> Iterator[Corridor]:
    office = Corridor("sqlite://")
    office.set(**policy)
    try:
        yield office
    finally:
        office.store.close()


def invitation(uid: str, booking: tuple) -> CalendarObject:
    start, rules, length = booking
    return event(uid, start, *rules, length=length, organizer=ORGANIZERS[uid])


def ask_anew(office: Corridor, uid: str) -> None:
    """The organizer invites the room once more, to every date."""
    copy = office.of(ORGANIZERS[uid], uid)
    room = office.room().own_addresses

    def asked(prop: Property) -> Property:
        mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in room
        return prop.with_param("PARTSTAT", "NEEDS-ACTION") if mine else prop

    office.put(ORGANIZERS[uid], copy.with_components(tuple(c.map(asked) for c in copy.components)))


def state(office: Corridor) -> dict[str, object]:
    """What is booked, and what everybody sees of the room's answers."""
    seen: dict[str, object] = {"booked": sorted(office.bookings())}
    for who in ("room1", "ann", "bob", "max"):
        for uid in "abcd":
            if office.of(who, uid) is not None:
                told = office.seen(who, uid)
                # A date that says what its series says anyway says nothing.
                seen[f"{uid} at {who}"] = {r: p for r, p in told.items() if not r or p != told.get("")}
    return seen


def date_of(obj: CalendarObject | None, nth: int) -> Component | None:
    """The component of the nth date of a series."""
    if obj is None or obj.master is None or obj.master.get("RRULE") is None:
        return None
    rule = obj.recurrence().between(Period(NOW, NOW + timedelta(days=60)))
    found = next(islice(rule, nth, None), None)
    return None if found is None or found.rid is None else component_at(obj, found.rid)


def answered(component: Component, office: Corridor, answer: str) -> Component:
    room = office.room().own_addresses

    def change(prop: Property) -> Property:
        mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in room
        return prop.with_param("PARTSTAT", answer) if mine else prop

    return component.map(change)


def moved(component: Component, hours: int) -> Component:
    def later(prop: Property) -> Property:
        if prop.name not in {"DTSTART", "DTEND"}:
            return prop
        return prop.with_value(format_date_time(parse_date_time(prop.value) + timedelta(hours=hours)))

    return component.map(later)


def lasting(component: Component) -> timedelta:
    return parse_date_time(component.value("DTEND")) - parse_date_time(component.value("DTSTART"))


def renamed(obj: CalendarObject) -> CalendarObject:
    return obj.with_components(tuple(c.set("SUMMARY", "Renamed") for c in obj.components))


def moved_whole(obj: CalendarObject, hours: int) -> CalendarObject | None:
    return obj.with_components((moved(obj.master, hours),)) if obj.master is not None else None


def edit_one(change: Callable[..., Component]) -> Callable[..., CalendarObject | None]:
    def edit(obj: CalendarObject, nth: int, *args: object) -> CalendarObject | None:
        one = date_of(obj, nth)
        return with_override(obj, change(one, *args)) if one is not None else None

    return edit


def cut(obj: CalendarObject, nth: int) -> CalendarObject | None:
    one = date_of(obj, nth)
    return cancel_instance(obj, obj.recurrence_id(one), keep=False) if one is not None else None


def restored(obj: CalendarObject, nth: int) -> CalendarObject | None:
    one = date_of(obj, nth)
    left = tuple(c for c in obj.components if one is None or c is not one)
    return obj.with_components(left) if len(left) < len(obj.components) else None


def one_more(obj: CalendarObject, start: datetime) -> CalendarObject | None:
    if obj.master is None or not obj.recurrence().recurring:
        return None
    more = obj.master.adding(Property("RDATE", format_date_time(start)))
    return obj.with_components(tuple(more if c is obj.master else c for c in obj.components))


def with_status(obj: CalendarObject, status: str) -> CalendarObject:
    return obj.with_components(tuple(c.set("STATUS", status) for c in obj.components))


def following(component: Component, hours: int) -> Component:
    rid = component.get("RECURRENCE-ID")
    return moved(component, hours).with_property(rid.with_param("RANGE", "THISANDFUTURE"))


def without_room(component: Component) -> Component:
    return component.map(lambda p: None if p.name == "ATTENDEE" and "room1" in p.value else p)


EDITS = {
    "rename": renamed,
    "leave out": lambda obj: obj.with_components(tuple(without_room(c) for c in obj.components)),
    "move": moved_whole,
    "move one": edit_one(moved),
    "move rest": edit_one(following),
    "strike one": edit_one(lambda c: c.set("STATUS", "CANCELLED")),
    "cut one": cut,
    "add one": one_more,
    "status": with_status,
    "restore one": restored,
}


def _take(office: Corridor, step: tuple) -> None:
    match step:
        case ("put", uid, start, rules, length):
            office.put(ORGANIZERS[uid], invitation(uid, (start, rules, length)))
        case ("delete", uid):
            if office.of(ORGANIZERS[uid], uid) is not None:
                office.delete(ORGANIZERS[uid], uid)
        case ("overrule", uid, answer):
            if office.of("room1", uid) is not None:
                office.answer_as("room1", uid, answer, actor="max")
        case ("decide", uid, answer):
            if office.of("max", f"approval:room1:{uid}") is not None:
                office.answer_as("max", f"approval:room1:{uid}", answer)
        case ("wait", hours):
            office.wait(hours=hours)
        case ("overrule one", uid, nth, answer):
            copy = office.of("room1", uid)
            one = date_of(copy, nth)
            if one is not None:
                office.put("room1", with_override(copy, answered(one, office, answer)), actor="max")
        case (verb, uid, *args) if verb in EDITS:
            copy = office.of(ORGANIZERS[uid], uid)
            made = EDITS[verb](copy, *args) if copy is not None else None
            if made is not None:
                office.put(ORGANIZERS[uid], made)
        case ("split", uid, nth):
            one = date_of(office.of(ORGANIZERS[uid], uid), nth)
            # The halves of a series whose dates overlap each other would overlap, too.
            if one is not None and lasting(one) <= timedelta(days=1):
                with suppress(InvalidRequest):
                    office.split(ORGANIZERS[uid], uid, one)
        case ("walk-in", start):
            office.put("room1", event(f"w{start:%d%H%M}", start, organizer=None), actor="max")
