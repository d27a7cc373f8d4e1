# SPDX-License-Identifier: GPL-3.0-or-later
"""At rest every copy agrees with the organizer's, whatever organizers and attendees did, in whatever order.

And nobody got a message twice: of two people's messages no two that say the same come one after the other.
"""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from office import Office, answered, attendee, calendar, event

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.merge import same_data
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import cancelled, component_at, has_instance, shared, timing
from calcore_caldav.errors import InvalidRequest, SchedulingRefused

DAYS = [f"202601{day}T100000Z" for day in ("12", "19", "26")] + ["20260202T100000Z"]
RIDS = [RecurrenceId.parse(day) for day in DAYS]
GUESTS = ("martijn", "bob", "alice", "room1")
HUMANS = GUESTS[:3]

guest = st.sampled_from(GUESTS)
human = st.sampled_from(HUMANS)
day = st.sampled_from(RIDS)
answer = st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])
organizer_edits = st.one_of(
    st.tuples(st.just("rename"), st.sampled_from(["A", "B", "C"])),
    st.tuples(st.just("move"), st.sampled_from(["PT1H", "PT2H"])),
    st.tuples(st.just("add"), guest),
    st.tuples(st.just("remove"), guest),
    st.tuples(st.just("add one"), guest, day),
    st.tuples(st.just("remove one"), guest, day),
    st.tuples(st.just("rename one"), day, st.sampled_from(["A", "X", "Y"])),
    st.tuples(st.just("move one"), day, st.sampled_from(["120000", "140000"])),
    st.tuples(st.just("cancel one"), day),
    st.tuples(st.just("strike one"), day),
    st.tuples(st.just("revert one"), day),
    st.tuples(st.just("ask"), guest),
    st.tuples(st.just("split"), day),
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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    edits=[
        (("delete one", "martijn", RIDS[0]), 0),
        (("answer", "martijn", "DECLINED"), 0),
        (("answer", "martijn", "ACCEPTED"), 0),
    ],
    at_once=10,
    stale=False,
)
@example(
    edits=[(("answer one", "martijn", "TENTATIVE", RIDS[0]), 0), (("delete", "bob"), 0)],
    at_once=0,
    stale=False,
)
@example(
    edits=[
        (("remove one", "martijn", RIDS[0]), 0),
        (("delete one", "martijn", RIDS[0]), 0),
        (("move", "PT1H"), 0),
    ],
    at_once=0,
    stale=False,
)
@example(edits=[(("strike one", RIDS[1]), 0), (("revert one", RIDS[1]), 0)], at_once=0, stale=False)
@example(
    edits=[(("remove one", "martijn", RIDS[2]), 0), (("revert one", RIDS[2]), 0)], at_once=10, stale=True
)
@example(edits=[(("answer", "martijn", "DECLINED"), 0), (("split", RIDS[2]), 0)], at_once=0, stale=False)
@example(edits=[(("add one", "alice", RIDS[1]), 0), (("split", RIDS[1]), 0)], at_once=10, stale=False)
@given(edits=edits, at_once=st.sampled_from([0, 10]), stale=st.booleans())
def test_copies_agree_at_rest(edits, at_once, stale):
    office = Office(refresh_at_once=at_once)
    note(f"{edits} at_once={at_once} stale={stale}")
    try:
        for who in ("florent", *HUMANS):
            office.make_calendar(who, "other")
        weekly = {"RRULE": "FREQ=WEEKLY;COUNT=4"}
        office.put("florent", calendar(event("florent", "martijn", "bob", "room1", **weekly)))
        seen = look(office, {})
        told = Told(office)
        for edit, which in edits:
            uids = sorted(seen)
            uid = uids[which % len(uids)]
            if edit[0] == "rest":
                office.rest()
                assert not told.news(), "a refresh is silent"
            elif edit[0] == "file":
                _, who, name = edit
                row = office.row(who, uid)
                if row is not None and f"/{name}/" not in row.path:
                    office.transfer(who, name, uid)
                assert not told.news(), "between calendars of a home nobody hears of it"
            elif edit[0] in ATTENDEES_VERBS:
                attend(office, uid, seen, *edit)
            elif edit[0] == "split":
                with suppress(InvalidRequest):
                    office.split("florent", uid, edit[1])
                assert not told.news(), "nobody is asked again"
                seen = look(office, seen)
            else:
                # A client that hasn't looked since its own last change, or one that has.
                obj, tag = (
                    seen[uid]["florent"]
                    if stale
                    else (office.copy("florent", uid), office.tag("florent", uid))
                )
                organize(office, obj, tag, edit)
                seen = look(office, seen)
            told.news()
        office.rest()
        assert not told.news()
        agree(office)
    finally:
        office.store.close()


ATTENDEES_VERBS = {"answer", "answer one", "delete one", "delete", "alarm", "answer late"}
Seen = dict[str, dict[str, tuple[CalendarObject, str | None]]]


def look(office: Office, before: Seen) -> Seen:
    """Each meeting of the organizer as the clients have it now; attendees' older copies stay."""
    found: Seen = {}
    for uid in office.uids("florent"):
        found[uid] = dict(before.get(uid, {}))
        for who in ("florent", *HUMANS):
            obj = office.copy(who, uid)
            if obj is not None and (who == "florent" or who not in found[uid]):
                found[uid][who] = (obj, office.tag(who, uid))
    return found


class Told:
    """What lies in the inboxes, by the two people that each message is between."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.counts = dict.fromkeys(("florent", *GUESTS), 0)
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
                    other = min(one.attendees)
                key = (one.uid, other)
                before = self.last.get(key)
                assert before is None or not same_data(one, before), f"{who} got twice: {one.body.decode()}"
                self.last[key] = one
            found += new
        return found


def attend(office: Office, uid: str, seen: Seen, verb: str, who: str, *args) -> None:
    copy = office.copy(who, uid)
    if copy is None:
        return
    if verb == "delete":
        office.delete(who, uid)
    elif verb == "answer":
        office.put(who, answered(copy, who, args[0]))
    elif verb == "answer late":
        # A client that has only seen the first invitation.
        old = seen[uid].get(who, (copy, None))[0]
        with suppress(SchedulingRefused):
            office.put(who, answered(old, who, args[0]))
    elif verb == "answer one":
        partstat, rid = args
        if has_instance(copy, rid):
            office.put(who, answered(copy, who, partstat, rid.to_basic()))
    elif verb == "delete one":
        (rid,) = args
        if has_instance(copy, rid) and copy.master is not None:
            master = copy.master.adding(Property("EXDATE", rid.to_basic()))
            rest = tuple(c for r, c in copy.overrides.items() if r != rid)
            office.put(who, copy.with_components((master, *rest)).body.decode())
    elif verb == "alarm":
        first, *rest = copy.components
        office.put(who, copy.with_components((first.with_children([ALARM]), *rest)).body.decode())


ALARM = Component("VALARM", [Property("ACTION", "DISPLAY"), Property("TRIGGER", "-PT5M")])


def organize(office: Office, obj: CalendarObject, tag: str | None, edit: tuple) -> None:
    verb, *args = edit
    master = obj.master
    overrides = dict(obj.overrides)

    def invite(component: Component, who: str) -> Component:
        if attendee(component, who) is not None:
            return component
        params = (("PARTSTAT", ("NEEDS-ACTION",)), ("RSVP", ("TRUE",)))
        return component.adding(Property("ATTENDEE", f"mailto:{who}@example.com", params))

    def uninvite(component: Component, who: str) -> Component:
        prop = attendee(component, who)
        return component.map(lambda p: None if p is prop else p) if prop is not None else component

    def at(rid: RecurrenceId) -> Component | None:
        return component_at(obj, rid) if has_instance(obj, rid) else None

    match verb, args:
        case "rename", [text]:
            master = master.set("SUMMARY", text)
        case "move", [duration]:
            master = master.set("DURATION", duration)
            overrides = {}
        case "add", [who]:
            master = invite(master, who)
            overrides = {rid: invite(c, who) for rid, c in overrides.items()}
        case "remove", [who]:
            master = uninvite(master, who)
            overrides = {rid: uninvite(c, who) for rid, c in overrides.items()}
        case "add one", [who, rid] if at(rid) is not None:
            overrides[rid] = invite(at(rid), who)
        case "remove one", [who, rid] if at(rid) is not None:
            overrides[rid] = uninvite(at(rid), who)
        case "rename one", [rid, text] if at(rid) is not None:
            overrides[rid] = at(rid).set("SUMMARY", text)
        case "move one", [rid, hour] if at(rid) is not None:
            overrides[rid] = at(rid).set("DTSTART", f"{rid.to_basic()[:8]}T{hour}Z")
        case "cancel one", [rid] if at(rid) is not None:
            overrides.pop(rid, None)
            master = master.adding(Property("EXDATE", rid.to_basic()))
        case "strike one", [rid] if at(rid) is not None:
            overrides[rid] = at(rid).set("STATUS", "CANCELLED")
        case "revert one", [rid]:
            overrides.pop(rid, None)
        case "organizer's alarm", []:
            master = master.with_children([ALARM])
        case "organizer's answer", [partstat]:
            own = attendee(master, "florent")
            mine = own.with_param("PARTSTAT", partstat)
            master = master.map(lambda p: mine if p is own else p)
        case "ask", [who]:
            prop = attendee(master, who)
            if prop is not None:
                asked = prop.with_param("PARTSTAT", "NEEDS-ACTION")
                master = master.map(lambda p: asked if p is prop else p)
    new = obj.with_components((master, *overrides.values()))
    office.put("florent", new.body.decode(), tag=tag)


def agree(office: Office) -> None:
    uids = office.uids("florent")
    for uid in uids:
        agree_on(office, uid)
    for who in GUESTS:
        for uid in set(office.uids(who)) - set(uids):
            assert all(cancelled(c) for c in office.copy(who, uid).components), f"{who} has {uid} for himself"


def agree_on(office: Office, uid: str) -> None:
    truth = office.copy("florent", uid)
    for who in GUESTS:
        copy = office.copy(who, uid)
        for rid in RIDS:
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
            for other in ("florent", *GUESTS):
                if who == "room1" and other != who:
                    continue
                theirs, ours = attendee(wanted, other), attendee(mine, other)
                assert (theirs is None) == (ours is None), f"{label}: {other}"
                if theirs is not None:
                    assert theirs.param("PARTSTAT") == ours.param("PARTSTAT"), f"{label}: {other}"
