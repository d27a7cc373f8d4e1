# SPDX-License-Identifier: GPL-3.0-or-later
"""At rest every copy agrees with the organizer's, whatever organizers and attendees did, in whatever order.

And nobody got a message twice: of two people's messages no two that say the same come one after the other.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from office import Office, answered, attendee, calendar, event
from zones import central_european

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.merge import same_data
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import (
    cancelled,
    component_at,
    exdates,
    has_instance,
    shared,
    without_exdates,
)
from calcore_caldav.core.timing import timing
from calcore_caldav.errors import InvalidRequest, SchedulingRefused
from calcore_caldav.scheduling.groups import members_changed
from calcore_caldav.store.protocol import SYSTEM

DAYS = ("20260112", "20260119", "20260126", "20260202")


class Form(NamedTuple):
    """How a series says when it takes place."""

    start: str
    """DTSTART with its parameters."""
    instance: str
    """How its instances are named, after the day."""
    lengths: tuple[str, str] = ("PT1H", "PT2H")
    zone: str = ""

    def rid(self, day: int) -> RecurrenceId:
        return RecurrenceId.parse(DAYS[day] + self.instance)


FORMS = {
    "UTC": Form("DTSTART:20260112T100000Z", "T100000Z"),
    "zone": Form(
        "DTSTART;TZID=Europe/Paris:20260112T110000",
        "T100000Z",
        zone=central_european("Europe/Paris").rstrip(),
    ),
    "floating": Form("DTSTART:20260112T100000", "T100000"),
    "all day": Form("DTSTART;VALUE=DATE:20260112", "", lengths=("P1D", "P2D")),
}
GUESTS = ("martijn", "bob", "alice", "room1")
HUMANS = GUESTS[:3]

guest = st.sampled_from([*GUESTS, "team"])
human = st.sampled_from(HUMANS)
day = st.integers(0, 3)
answer = st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])
organizer_edits = st.one_of(
    st.tuples(st.just("rename"), st.sampled_from(["A", "B", "C"])),
    st.tuples(st.just("move"), st.integers(0, 1)),
    st.tuples(st.just("add"), guest),
    st.tuples(st.just("remove"), guest),
    st.tuples(st.just("add one"), guest, day),
    st.tuples(st.just("remove one"), guest, day),
    st.tuples(st.just("rename one"), day, st.sampled_from(["A", "X", "Y"])),
    st.tuples(st.just("move one"), day, st.integers(1, 2)),
    st.tuples(st.just("cancel one"), day),
    st.tuples(st.just("strike one"), day),
    st.tuples(st.just("restore one"), day),
    st.tuples(st.just("revert one"), day),
    st.tuples(st.just("end after"), st.integers(2, 4)),
    st.tuples(st.just("ask"), guest),
    st.tuples(st.just("split"), day),
    st.tuples(st.just("cut"), day),
    st.tuples(st.just("team"), st.sets(human)),
    st.tuples(st.just("rename rest"), day, st.sampled_from(["A", "X", "Y"])),
    st.tuples(st.just("move rest"), day, st.integers(1, 2)),
    st.tuples(st.just("organizer's alarm")),
    st.tuples(st.just("organizer's answer"), answer),
)
attendee_edits = st.one_of(
    st.tuples(st.just("answer"), human, answer),
    st.tuples(st.just("answer one"), human, answer, day),
    st.tuples(st.just("delete one"), human, day),
    st.tuples(st.just("delete"), human),
    st.tuples(st.just("alarm"), human),
    st.tuples(st.just("answer late"), human, answer),
)
moves = st.tuples(
    st.just("file"), st.sampled_from(["florent", *HUMANS]), st.sampled_from(["calendar", "other"])
)
edits = st.lists(
    st.tuples(st.one_of(organizer_edits, attendee_edits, moves, st.just(("rest",))), st.integers(0, 2)),
    max_size=12,
)


def story(*edits: tuple, at_once: int = 10, stale: str = "", keep: bool = True):
    return example(
        edits=[(edit, 0) for edit in edits],
        at_once=at_once,
        stale=stale,
        keep=keep,
        form="UTC",
        kind="VEVENT",
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@story(("delete one", "martijn", 0), ("answer", "martijn", "DECLINED"), ("answer", "martijn", "ACCEPTED"))
@story(("answer one", "martijn", "TENTATIVE", 0), ("delete", "bob"), at_once=0)
@story(("remove one", "martijn", 0), ("delete one", "martijn", 0), ("move", 1), at_once=0)
@story(("strike one", 1), ("revert one", 1), at_once=0)
@story(("remove one", "martijn", 2), ("revert one", 2), stale="its tag")
@story(("answer", "martijn", "DECLINED"), ("split", 2), at_once=0)
@story(("add one", "alice", 1), ("split", 1))
@story(("add one", "martijn", 0), ("organizer's answer", "DECLINED"), ("revert one", 0))
@story(("answer", "martijn", "DECLINED"), ("ask", "martijn"))
@story(("answer", "bob", "DECLINED"), ("delete one", "bob", 0), ("answer", "bob", "ACCEPTED"))
@story(("delete", "martijn"), ("move one", 1, 1), ("cut", 1), at_once=0)
# One date and all that follow (RANGE=THISANDFUTURE).
@story(("rename rest", 0, "A"), ("delete", "martijn"), ("move one", 1, 1), at_once=0)
@story(("answer", "martijn", "DECLINED"), ("rename rest", 0, "A"), ("delete one", "martijn", 0), at_once=0)
@story(("answer", "martijn", "DECLINED"), ("delete one", "martijn", 1), ("move rest", 0, 1), at_once=0)
@story(("move rest", 1, 1), ("move one", 2, 1), ("answer one", "martijn", "ACCEPTED", 1))
@story(("move rest", 1, 1), ("move one", 0, 1), at_once=0)
@story(("add one", "martijn", 1), ("rename rest", 0, "A"), ("answer one", "martijn", "ACCEPTED", 0))
@story(("move rest", 0, 1), ("rename", "A"), ("move", 0), at_once=0)
@story(("move rest", 0, 1), ("cancel one", 1), ("move", 0), at_once=0)
@story(("move one", 1, 1), ("delete", "martijn"), ("revert one", 1), ("cut", 1), at_once=0)
# A client that never looked again.
@story(
    ("cancel one", 0),
    ("answer late", "bob", "DECLINED"),
    ("restore one", 0),
    ("answer", "bob", "ACCEPTED"),
    keep=False,
)
@given(
    edits=edits,
    at_once=st.sampled_from([0, 10]),
    stale=st.sampled_from(["", "its tag", "no tag", "the first"]),
    keep=st.booleans(),
    form=st.sampled_from(sorted(FORMS)),
    kind=st.sampled_from(["VEVENT", "VTODO"]),
)
def test_copies_agree_at_rest(edits, at_once, stale, keep, form, kind):
    note(f"{edits} at_once={at_once} stale={stale} keep={keep} form={form} kind={kind}")
    office = Office(refresh_at_once=at_once, keep_cancelled=keep)
    try:
        Meetings(office, FORMS[form], kind).go(edits, stale=stale)
    finally:
        office.store.close()


class Meetings:
    """One series, and what becomes of it."""

    def __init__(self, office: Office, form: Form, kind: str) -> None:
        self.office, self.form = office, form
        # Rooms have no use for tasks.
        self.guests = GUESTS if kind == "VEVENT" else HUMANS
        for who in ("florent", *HUMANS):
            office.make_calendar(who, "other")
        invited = [who for who in ("florent", "martijn", "bob", "room1") if who in ("florent", *self.guests)]
        weekly = event(
            *invited, DTSTART=None, DURATION=form.lengths[0], RRULE="FREQ=WEEKLY;COUNT=4", extra=form.start
        )
        text = calendar(*filter(None, [form.zone, weekly])).replace("VEVENT", kind)
        self.calendar = "calendar" if kind == "VEVENT" else "tasks"
        office.put("florent", text, calendar=self.calendar)
        self.seen: Seen = {}
        self.look()
        self.first = {uid: seen["florent"][0] for uid, seen in self.seen.items()}

    def go(self, edits: list[tuple[tuple, int]], *, stale: str) -> None:
        office = self.office
        told = Told(office, self.guests)
        for (verb, *args), which in edits:
            uids = sorted(self.seen)
            uid = uids[which % len(uids)]
            if verb == "rest":
                office.rest()
                assert not told.news(), "a refresh is silent"
            elif verb == "file":
                who, name = args
                row = office.row(who, uid)
                name = self.calendar if name == "calendar" else name
                if row is not None and f"/{name}/" not in row.path:
                    office.transfer(who, name, uid)
                assert not told.news(), "between calendars of a home nobody hears of it"
            elif verb in ATTENDEES_VERBS:
                self.attend(uid, verb, *args)
            elif verb == "split":
                with suppress(InvalidRequest):
                    office.split("florent", uid, self.form.rid(*args))
                assert not told.news(), "nobody is asked again"
                self.look()
            elif verb == "team":
                set_team(office, *sorted(args[0]))
                office.rest()
                self.look()
            elif verb == "cut":
                self.cut(uid, *args)
                self.look()
            else:
                self.organize(uid, verb, args, stale=stale)
                self.look()
            told.news()
        office.rest()
        assert not told.news()
        self.agree()

    def look(self) -> None:
        """Each meeting of the organizer as the clients have it now; attendees' older copies stay."""
        found: Seen = {}
        for uid in self.office.uids("florent"):
            found[uid] = dict(self.seen.get(uid, {}))
            for who in ("florent", *HUMANS):
                obj = self.office.copy(who, uid)
                if obj is not None and (who == "florent" or who not in found[uid]):
                    found[uid][who] = (obj, self.office.tag(who, uid))
        self.seen = found

    def attend(self, uid: str, verb: str, who: str, *args) -> None:
        office = self.office
        copy = office.copy(who, uid)
        if copy is None:
            return
        if verb == "delete":
            office.delete(who, uid)
        elif verb == "answer":
            office.put(who, answered(copy, who, args[0]))
        elif verb == "answer late":
            # A client that has only seen the first invitation.
            old = self.seen[uid].get(who, (copy, None))[0]
            with suppress(SchedulingRefused):
                office.put(who, answered(old, who, args[0]))
        elif verb == "answer one":
            partstat, rid = args[0], self.form.rid(args[1])
            if has_instance(copy, rid):
                office.put(who, answered(copy, who, partstat, rid.to_basic()))
        elif verb == "delete one":
            rid = self.form.rid(*args)
            if has_instance(copy, rid) and copy.master is not None:
                master = copy.master.adding(exdate(copy, rid))
                rest = tuple(c for r, c in copy.overrides.items() if r != rid)
                office.put(who, copy.with_components((master, *rest)).body.decode())
        elif verb == "alarm":
            first, *rest = copy.components
            office.put(who, copy.with_components((first.with_children([ALARM]), *rest)).body.decode())

    def organize(self, uid: str, verb: str, args: list, *, stale: str) -> None:
        # A client that hasn't looked since its own last change, or never since it stored the meeting; or one
        # that has.
        obj, tag = self.seen[uid]["florent"]
        if not stale:
            obj, tag = self.office.copy("florent", uid), self.office.tag("florent", uid)
        elif stale == "no tag":
            tag = None
        elif stale == "the first":
            obj, tag = self.first.get(uid, obj), None
        if args and args[0] == "room1" and "room1" not in self.guests:
            return
        master = obj.master
        overrides = dict(obj.overrides)
        rid = (
            self.form.rid(args[-1] if verb in {"add one", "remove one"} else args[0]) if verb in ONE else None
        )
        one = component_at(obj, rid) if rid is not None and has_instance(obj, rid) else None
        match verb, args:
            case "rename", [text]:
                master = master.set("SUMMARY", text)
            case "move", [length]:
                master = master.set("DURATION", self.form.lengths[length])
                overrides = {}
            case "add", [who]:
                master = invite(master, who)
                overrides = {rid: invite(c, who) for rid, c in overrides.items()}
            case "remove", [who]:
                master = uninvite(master, who)
                overrides = {rid: uninvite(c, who) for rid, c in overrides.items()}
            case "add one", [who, _] if one is not None:
                overrides[rid] = invite(one, who)
            case "remove one", [who, _] if one is not None:
                overrides[rid] = uninvite(one, who)
            case "rename one", [_, text] if one is not None:
                overrides[rid] = one.set("SUMMARY", text)
            case "move one", [_, steps] if one is not None:
                overrides[rid] = later(one, steps)
            case "rename rest", [_, text] if one is not None:
                overrides[rid] = following(one.set("SUMMARY", text))
            case "move rest", [_, steps] if one is not None:
                overrides[rid] = following(later(one, steps))
            case "cancel one", [_] if one is not None:
                overrides.pop(rid, None)
                master = master.adding(exdate(obj, rid))
            case "strike one", [_] if one is not None:
                overrides[rid] = one.set("STATUS", "CANCELLED")
            case "restore one", [_] if rid in exdates(obj):
                master = without_exdates(master, {rid}, obj.zones)
            case "revert one", [_]:
                overrides.pop(rid, None)
            case "organizer's alarm", []:
                master = master.with_children([ALARM])
            case "organizer's answer", [partstat]:
                own = attendee(master, "florent")
                mine = own.with_param("PARTSTAT", partstat)
                master = master.map(lambda p: mine if p is own else p)
            case "end after", [number]:
                master = master.set("RRULE", f"FREQ=WEEKLY;COUNT={number}")
            case "ask", [who]:
                prop = attendee(master, who)
                if prop is not None:
                    asked = prop.with_param("PARTSTAT", "NEEDS-ACTION")
                    master = master.map(lambda p: asked if p is prop else p)
        new = obj.with_components((master, *overrides.values()))
        ranged = any(is_ranged(c) for c in overrides.values())
        # Other people than the series has are refused there.
        with suppress(SchedulingRefused) if ranged else nullcontext():
            self.office.put("florent", new.body.decode(), tag=tag)

    def cut(self, uid: str, at: int) -> None:
        """This and all following dates apart, as most clients do it: a series that ends, and a new one."""
        obj, new_uid = self.office.copy("florent", uid), f"{uid}-{at}"
        rid, rule, start = self.form.rid(at), obj.master.value("RRULE") or "", obj.master.get("DTSTART")
        past = at - DAYS.index(start.value[:8])
        total = int(rule.partition("COUNT=")[2].partition(";")[0] or 0)
        if not 0 < past < total or self.office.row("florent", new_uid) is not None:
            return
        ended = obj.master.set("RRULE", f"FREQ=WEEKLY;COUNT={past}")
        going = obj.master.set("RRULE", f"FREQ=WEEKLY;COUNT={total - past}")
        going = going.with_property(start.with_value(DAYS[at] + start.value[8:]))
        before = [c for r, c in obj.overrides.items() if r < rid]
        after = [c for r, c in obj.overrides.items() if r >= rid]
        if any(is_ranged(c) for c in before):
            return
        self.office.put("florent", obj.with_components((ended, *before)).body.decode())
        new = obj.with_components(tuple(c.set("UID", new_uid) for c in (going, *after)))
        self.office.put("florent", new.body.decode(), calendar=self.calendar)

    def agree(self) -> None:
        uids = self.office.uids("florent")
        for uid in uids:
            for who in self.guests:
                self.agree_on(uid, who)
        for who in self.guests:
            for uid in set(self.office.uids(who)) - set(uids):
                obj = self.office.copy(who, uid)
                assert all(cancelled(c) for c in obj.components), f"{who} has {uid} for himself"

    def agree_on(self, uid: str, who: str) -> None:
        truth, copy = self.office.copy("florent", uid), self.office.copy(who, uid)
        for rid in map(self.form.rid, range(4)):
            wanted = component_at(truth, rid) if has_instance(truth, rid) else None
            invited = wanted is not None and attendee(wanted, who) is not None and not cancelled(wanted)
            mine = component_at(copy, rid) if copy is not None and has_instance(copy, rid) else None
            here = mine is not None and not cancelled(mine)
            label = f"{who} {rid.to_basic()}"
            if not invited:
                assert not here, f"{label}: still there"
                continue
            own = attendee(wanted, who).param("PARTSTAT")
            if not here:
                assert own == "DECLINED", f"{label}: missing"
                continue
            assert shared(mine) == shared(wanted), label
            assert timing(mine, copy.zones) == timing(wanted, truth.zones), label
            for other in ("florent", *self.guests):
                if who == "room1" and other != who:
                    continue
                theirs, ours = attendee(wanted, other), attendee(mine, other)
                assert (theirs is None) == (ours is None), f"{label}: {other}"
                if theirs is not None:
                    assert theirs.param("PARTSTAT") == ours.param("PARTSTAT"), f"{label}: {other}"


ONE = {
    "restore one",
    "rename rest",
    "move rest",
    "add one",
    "remove one",
    "rename one",
    "move one",
    "cancel one",
    "strike one",
    "revert one",
}
ATTENDEES_VERBS = {"answer", "answer one", "delete one", "delete", "alarm", "answer late"}
Seen = dict[str, dict[str, tuple[CalendarObject, str | None]]]


class Told:
    """What lies in the inboxes, by the two people that each message is between."""

    def __init__(self, office: Office, guests: tuple[str, ...]) -> None:
        self.office = office
        self.counts = dict.fromkeys(("florent", *guests), 0)
        self.last: dict[tuple[str, str], CalendarObject] = {}
        self.news()

    def news(self) -> list[CalendarObject]:
        """The messages since the last look; fails where one says what the one before it said."""
        found = []
        for who in self.counts:
            new = self.office.inbox(who)[self.counts[who] :]
            self.counts[who] += len(new)
            for one in new:
                other = who
                if who == "florent":
                    other = min(one.attendees).email.partition("@")[0]
                key = (one.uid, other)
                before = self.last.get(key)
                assert before is None or not same_data(one, before), f"{who} got twice: {one.body.decode()}"
                self.last[key] = one
            found += new
        return found


def set_team(office: Office, *names: str) -> None:
    with office.store.write(SYSTEM) as txn:
        team = txn.directory.by_name("team")
        txn.directory.set_members(team, names)
        members_changed(txn, team)


ALARM = Component("VALARM", [Property("ACTION", "DISPLAY"), Property("TRIGGER", "-PT5M")])


def exdate(obj: CalendarObject, rid: RecurrenceId) -> Property:
    named = component_at(obj, rid).get("RECURRENCE-ID")
    return Property("EXDATE", named.value, named.params)


def invite(component: Component, who: str) -> Component:
    if attendee(component, who) is not None:
        return component
    params = (("PARTSTAT", ("NEEDS-ACTION",)), ("RSVP", ("TRUE",)))
    return component.adding(Property("ATTENDEE", f"mailto:{who}@example.com", params))


def uninvite(component: Component, who: str) -> Component:
    prop = attendee(component, who)
    return component.map(lambda p: None if p is prop else p) if prop is not None else component


def following(component: Component) -> Component:
    """The component as that of its date and all that follow (RFC 5545 §3.2.13)."""
    rid = component.get("RECURRENCE-ID")
    return component.with_property(rid.with_param("RANGE", "THISANDFUTURE"))


def later(component: Component, steps: int) -> Component:
    """Some hours after its original start, or days where it takes days."""
    start = component.get("DTSTART")
    text = component.value("RECURRENCE-ID")
    if len(text) == 8:
        return component.with_property(start.with_value(str(int(text) + steps)))
    return component.with_property(start.with_value(f"{text[:9]}{int(text[9:11]) + 2 * steps:02}{text[11:]}"))
