# SPDX-License-Identifier: GPL-3.0-or-later
"""News of a series and of its dates overtake each other: however mails arrive, the newest holds (RFC 5546 §2.1.5)."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from office import MONDAY, Office, answered, attendee, calendar, event

from calcore_caldav.core.attendee import attendee_messages
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.invitation import whole_copy
from calcore_caldav.core.itip import ITipMessage
from calcore_caldav.core.organizer import organizer_messages
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import cancelled, component_at, has_instance, shared
from calcore_caldav.core.timing import timing

CAROL = "carol@elsewhere.example"
OWN = frozenset({CalendarUserAddress(f"mailto:{CAROL}")})
RIDS = [RecurrenceId.parse(f"{day}T100000Z") for day in ("20260112", "20260119", "20260126", "20260202")]
day = st.sampled_from(RIDS)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("rename"), st.sampled_from("AB")),
        st.tuples(st.just("lengthen"), st.sampled_from(["PT1H", "PT2H"])),
        st.tuples(st.just("rename one"), day, st.sampled_from("AXY")),
        st.tuples(st.just("move one"), day, st.sampled_from(["12", "14"])),
        st.tuples(st.just("take out"), day),
        st.tuples(st.just("call off"), day),
        st.tuples(st.just("revert one"), day),
        st.just(("uninvite",)),
        st.just(("invite",)),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=changes, first=st.booleans(), keep=st.booleans(), tidy=st.booleans(), data=st.data())
def test_an_organizer_elsewhere(changes, first, keep, tidy, data):
    """However messages come, even the invitation late, and whether Martijn tidies up: he has what Carol has."""
    text = calendar(event(CAROL, "martijn", organizer="carol", RRULE="FREQ=WEEKLY;COUNT=4"))
    obj = CalendarObject(
        text.replace("mailto:carol@example.com", f"mailto:{CAROL}").replace("\n", "\r\n").encode()
    )
    now, sent, old = MONDAY, [], None
    for change in [None, *changes]:
        new = changed(obj, *change) if change else obj
        now += timedelta(minutes=1)
        plan = organizer_messages(old, new, OWN, now=now)
        sent += plan.messages
        old = obj = plan.stored
    begin, rest = (sent[:1], sent[1:]) if first else ([], sent)
    late = data.draw(st.permutations(rest + data.draw(st.lists(st.sampled_from(rest))) if rest else []))
    note([m.body.body.decode() for m in begin + late])
    office = Office(keep_cancelled=keep)
    try:
        for message in begin + late:
            receive(office, message)
            if tidy:
                delete_cancelled(office)
        copy = office.copy("martijn")
        for rid in RIDS:
            wanted, mine = taking_place(obj, rid), taking_place(copy, rid)
            if wanted is not None and attendee(wanted, "martijn") is None:
                wanted = None
            assert (wanted is None) == (mine is None), rid
            if wanted is not None:
                assert shared(mine) == shared(wanted), rid
                assert timing(mine, copy.zones) == timing(wanted, obj.zones), rid
    finally:
        office.store.close()


def receive(office: Office, message: ITipMessage) -> None:
    sender, recipient = message.sender.email, message.recipient.email.removesuffix("@example.com")
    office.receive(message.method, sender, recipient, message.body)


def delete_cancelled(office: Office) -> None:
    """Martijn's client deletes what is crossed out."""
    copy = office.copy("martijn")
    gone = [rid for rid, c in copy.overrides.items() if cancelled(c)] if copy is not None else []
    if copy is None or not any(map(cancelled, copy.components)):
        return
    left = [c for c in copy.components if not cancelled(c)]
    if not left:
        office.delete("martijn")
    elif copy.master is not None and left[0] is copy.master:
        left[0] = copy.master.adding(*(Property("EXDATE", rid.to_basic()) for rid in gone))
        office.put("martijn", copy.with_components(tuple(left)).body.decode())


def taking_place(obj: CalendarObject | None, rid: RecurrenceId) -> Component | None:
    if obj is None:
        return None
    component = component_at(obj, rid) if has_instance(obj, rid) else None
    return component if component is not None and not cancelled(component) else None


def changed(obj: CalendarObject, verb: str, *args) -> CalendarObject:
    master, overrides = obj.master, dict(obj.overrides)
    rid = args[0] if args else None
    one = component_at(obj, rid) if isinstance(rid, RecurrenceId) and has_instance(obj, rid) else None
    match verb:
        case "rename":
            master = master.set("SUMMARY", args[0])
        case "lengthen":
            master, overrides = master.set("DURATION", args[0]), {}
        case "rename one" if one is not None:
            overrides[rid] = one.set("SUMMARY", args[1])
        case "move one" if one is not None:
            overrides[rid] = one.set("DTSTART", f"{rid.to_basic()[:9]}{args[1]}0000Z")
        case "take out" if one is not None:
            overrides.pop(rid, None)
            master = master.adding(Property("EXDATE", rid.to_basic()))
        case "call off" if one is not None:
            overrides[rid] = one.set("STATUS", "CANCELLED")
        case "revert one":
            overrides.pop(rid, None)
        case "uninvite":
            master = uninvited(master)
            overrides = {rid: uninvited(c) for rid, c in overrides.items()}
        case "invite":
            asked = Property("ATTENDEE", "mailto:martijn@example.com", (("PARTSTAT", ("NEEDS-ACTION",)),))
            master = uninvited(master).adding(asked)
            overrides = {rid: uninvited(c).adding(asked) for rid, c in overrides.items()}
    return obj.with_components((master, *overrides.values()))


def uninvited(component: Component) -> Component:
    return component.map(
        lambda p: None if p.name == "ATTENDEE" and p.value == "mailto:martijn@example.com" else p
    )


answer = st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(st.tuples(answer, st.none() | day), min_size=1, max_size=5), data=st.data())
def test_an_attendee_elsewhere(answers, data):
    """Carol changes her mind; her replies come in any order: Florent has what she said last."""
    office = Office()
    try:
        office.put("florent", calendar(event("florent", CAROL, RRULE="FREQ=WEEKLY;COUNT=4")))
        obj = office.copy("florent")
        copy = whole_copy(obj, OWN)
        now, sent = office.now, []
        for partstat, rid in answers:
            now += timedelta(minutes=1)
            new = CalendarObject(answered(copy, "carol", partstat, rid and rid.to_basic()).encode())
            plan = attendee_messages(copy, new, OWN, now=now)
            sent += plan.messages
            copy = plan.stored
        for message in data.draw(st.permutations(sent + data.draw(st.lists(st.sampled_from(sent))))):
            receive(office, message)
        obj = office.copy("florent")
        for rid in RIDS:
            theirs, mine = (attendee(component_at(o, rid), "carol") for o in (copy, obj))
            assert mine.param("PARTSTAT") == theirs.param("PARTSTAT"), rid
    finally:
        office.store.close()
