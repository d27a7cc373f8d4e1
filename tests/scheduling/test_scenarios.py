# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations written down: each tests/scenarios/*.itip is carried out line by line (see its README)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from office import Office, answered, attendee
from scenario_rooms import ROOM_VERBS
from scenario_text import MASTER, blocks, edited, hands, prop_of, steps, with_alarm, written

from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import Method
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import component_at, has_instance
from calcore_caldav.errors import CalcoreError, NotPermitted, UidConflict
from calcore_caldav.server.settings import OPTIONS
from calcore_caldav.store.protocol import CollectionKind

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.itip"))


SECTIONS = {
    "5546": (
        "2.1.5", "3.2.1", "3.2.2", "3.2.2.1", "3.2.2.2", "3.2.2.3", "3.2.2.4", "3.2.2.5", "3.2.2.6",
        "3.2.2.7", "3.2.3", "3.2.4", "3.2.5", "3.2.6", "3.2.7", "3.2.8", "3.4",
    ),
    "6638": (
        "2.2", "3.2.1.1", "3.2.1.2", "3.2.1.3", "3.2.2.1", "3.2.2.2", "3.2.2.3", "3.2.2.4", "3.2.3",
        "3.2.4", "3.2.4.1", "3.2.5", "3.2.6", "3.2.7", "3.2.8", "3.2.9", "3.2.10", "4.1", "4.3", "7.1",
    ),
}  # fmt: skip
"""The sections of RFC 5546 and RFC 6638 that say what a conversation does."""


def test_every_section_has_a_conversation():
    shown = {"-".join(path.stem.split("-")[:2]) for path in SCENARIOS}
    assert not {f"{rfc}-{number}" for rfc, numbers in SECTIONS.items() for number in numbers} - shown


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_scenario(path: Path):
    Scenario(path.name).run(path.read_text())


class Scenario:
    def __init__(self, name: str, *, without: str = "") -> None:
        self.name = name
        self.without = without
        self.office = Office()
        self.error: CalcoreError | None = None
        self.tags: dict[str, str | None] = {}

    def run(self, text: str) -> None:
        try:
            for number, line, block in steps(text):
                self.where = f"{self.name}:{number}: {line}"
                self.step(line, block)
            assert self.error is None, f"{self.where}: refused: {self.error}"
        finally:
            self.office.store.close()

    def step(self, line: str, block: list[str]) -> None:
        for pattern, act in VERBS:
            match = re.fullmatch(pattern, line)
            if match is not None:
                if act is not refused and self.error is not None:
                    pytest.fail(f"{self.where}: the step before was refused: {self.error}")
                try:
                    act(self, *match.groups(), block) if block else act(self, *match.groups())
                except CalcoreError as error:
                    self.error = error
                return
        pytest.fail(f"{self.where}: not understood")

    def check(self, condition: object, message: str) -> None:
        assert condition, f"{self.where}: {message}"

    def blocks(self, lines: list[str]) -> dict[str, list[str]]:
        return blocks(lines)

    def stores(self, who: str, uid: str | None, lines: list[str]) -> None:
        stores(self, who, None, uid, None, None, lines)


# ---- what people do


def stores(
    s: Scenario,
    who: str,
    kind: str | None,
    uid: str | None,
    calendar: str | None,
    method: str | None,
    block: list[str],
) -> None:
    kind = kind or "VEVENT"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//scenario//EN"]
    lines += [f"METHOD:{method}"] if method else []
    for rid, props in blocks(block).items():
        lines += [f"BEGIN:{kind}", f"UID:{uid or '1'}", "DTSTAMP:20260101T000000Z"]
        lines += [f"RECURRENCE-ID:{rid}"] if rid else []
        lines += [prop_of(p) for p in props]
        lines.append(f"END:{kind}")
    lines += ["END:VCALENDAR", ""]
    owner, actor = hands(who)
    s.office.put(owner, "\n".join(lines), actor=actor, **({"calendar": calendar} if calendar else {}))


def changes(
    s: Scenario, who: str, uid: str | None, rid: str | None, stale: str | None, block: list[str]
) -> None:
    owner, actor = hands(who)
    obj = s.office.copy(owner, uid or "1")
    s.check(obj is not None, "there is nothing to change")
    at = RecurrenceId.parse(rid) if rid else None
    component = component_at(obj, at)
    component = with_alarm(component, block)
    for line in block:
        component = edited(component, line)
    rest = tuple(c for r, c in obj.by_rid().items() if r != at)
    new = obj.with_components((component, *rest) if at is None else (*rest, component))
    s.office.put(owner, new.body.decode(), actor=actor, tag=s.tags.get(who) if stale else None)


def answers(s: Scenario, who: str, partstat: str, uid: str | None, rid: str | None) -> None:
    owner, actor = hands(who)
    copy = s.office.copy(owner, uid or "1")
    s.check(copy is not None, f"{owner} has no copy")
    s.office.put(owner, answered(copy, owner, partstat, rid), actor=actor)


def deletes(s: Scenario, who: str, uid: str | None, quiet: str | None) -> None:
    owner, actor = hands(who)
    s.office.delete(owner, uid or "1", actor=actor, reply=quiet is None)


def appoints(s: Scenario, who: str, delegate: str) -> None:
    s.office.appoint(who, delegate)


def makes_calendar(s: Scenario, who: str, kind: str, name: str) -> None:
    s.office.make_calendar(who, name, CollectionKind.PLAIN if kind == "folder" else CollectionKind.CALENDAR)


def deletes_calendar(s: Scenario, who: str, name: str, quiet: str | None) -> None:
    s.office.delete_calendar(who, name, reply=quiet is None)


def moves(s: Scenario, who: str, verb: str, uid: str | None, source: str | None, calendar: str) -> None:
    owner, _, name = calendar.rpartition("'s ")
    s.office.transfer(who, name, uid or "1", source=source, copy=verb == "copies", to=owner or who)


def deletes_instance(s: Scenario, who: str, rid: str, uid: str | None) -> None:
    obj = s.office.copy(who, uid or "1")
    gone = RecurrenceId.parse(rid)
    rest = [c for r, c in obj.by_rid().items() if r != gone]
    if obj.master is not None:
        rest[rest.index(obj.master)] = obj.master.adding(Property("EXDATE", rid))
    s.office.put(who, obj.with_components(tuple(rest)).body.decode())


def reads(s: Scenario, who: str) -> None:
    s.tags[who] = s.office.tag(who)


def configured(s: Scenario, block: list[str]) -> None:
    text = dict(line.split(" = ") for line in block)
    s.office.configure(**{name: OPTIONS[name].read(value) for name, value in text.items()})


def time_passes(s: Scenario) -> None:
    s.office.rest()


def sends(s: Scenario, who: str, method: str, to: str, block: list[str]) -> None:
    """A message from outside, as mail would bring it."""
    s.office.receive(Method(method), who, to, written(method, block))


def posts(s: Scenario, who: str, method: str, block: list[str]) -> None:
    """A message that a client puts into its outbox."""
    owner, actor = hands(who)
    s.posted = {str(p.recipient): p.status for p in s.office.post(owner, written(method, block), actor)}


def hears(s: Scenario, status: str, of: str) -> None:
    found = s.posted.get(f"mailto:{of if '@' in of else of + '@example.com'}")
    s.check(found == status, f"it heard {found}")


# ---- what they see


def refused(s: Scenario, who: str, precondition: str) -> None:
    s.check(s.error is not None, f"nothing was refused to {who}")
    found = {UidConflict: "no-uid-conflict", NotPermitted: "need-privileges"}.get(type(s.error), "")
    found = getattr(s.error, "precondition", getattr(s.error, "header", found))
    s.check(found == precondition, f"refused with {found}: {s.error}")
    s.error = None


def receives(s: Scenario, who: str, methods: str) -> None:
    expected = [] if methods == "nothing" else sorted(methods.split(", "))
    got = sorted(s.office.methods(who))
    s.check(got == expected, f"got {got}")


def is_sent(s: Scenario, who: str, method: str, block: list[str]) -> None:
    """One message, which says exactly of these instances what stands below."""
    new = s.office.inbox(who)
    s.check([str(o.method) for o in new] == [method], f"got {[str(o.method) for o in new]}")
    s.office.methods(who)
    there = {rid.to_basic() if rid else MASTER for rid in new[0].by_rid()}
    wanted = blocks(block)
    s.check(there == set(wanted), f"it is about {sorted(there)}")
    for key, lines in wanted.items():
        for line in lines:
            matches(s, new[0].by_rid()[RecurrenceId.parse(key) if key else None], line)


def is_also(s: Scenario, who: str, mail: str) -> None:
    s.office.rename(who, mail)


def prefers_calendar(s: Scenario, who: str, name: str) -> None:
    s.office.prefer_calendar(who, name)


def is_in(s: Scenario, who: str, uid: str | None, calendar: str) -> None:
    row = s.office.row(who, uid or "1")
    s.check(row is not None, f"{who} has no copy")
    s.check(f"/{calendar}/" in row.path, f"it is at {row.path}")


def has_nothing(s: Scenario, who: str, uid: str | None) -> None:
    s.check(s.office.copy(who, uid or "1") is None, "there is something")


def has(s: Scenario, who: str, uid: str | None, block: list[str]) -> None:
    obj = s.office.copy(who, uid or "1")
    s.check(obj is not None, f"{who} has no copy")
    for key, lines in blocks(block).items():
        rid = RecurrenceId.parse(key) if key else None
        here = obj.master if rid is None else (component_at(obj, rid) if has_instance(obj, rid) else None)
        if lines == ["nothing"]:
            s.check(here is None, f"{key or 'the series'} is there")
            continue
        s.check(here is not None, f"{key or 'the series'} isn't there")
        for line in lines:
            matches(s, here, line)


def matches(s: Scenario, component: Component, line: str) -> None:
    words = line.split()
    if words[0] == "no":
        if words[1] == "ATTENDEE":
            s.check(attendee(component, words[2]) is None, f"{words[2]} is there")
        elif words[1].startswith("V"):
            s.check(not component.named(words[1]), f"{words[1]} is there")
        else:
            s.check(component.get(words[1]) is None, f"{component.get(words[1])} is there")
    elif words[0] in {"ATTENDEE", "ORGANIZER"}:
        if words[0] == "ORGANIZER":
            prop = component.get("ORGANIZER")
        else:
            prop = next(
                (
                    p
                    for p in component.all("ATTENDEE")
                    if re.search(rf"(^|:){words[1]}(@example.com)?$", p.value)
                ),
                None,
            )
        s.check(prop is not None, f"no {words[0]} {words[1]}")
        for word in words[2:]:
            name, _, value = word.rpartition("=")
            name = name or ("SCHEDULE-STATUS" if word[0].isdigit() else "PARTSTAT")
            found = prop.param(name) or ("NEEDS-ACTION" if name == "PARTSTAT" else "none")
            s.check(found == value, f"{words[1]}: {name} is {found}")
    elif words[0] == "VALARM":
        triggers = [alarm.value("TRIGGER") for alarm in component.named("VALARM")]
        s.check(triggers == words[1:] or (triggers and not words[1:]), f"alarms at {triggers}")
    else:
        name, _, value = line.partition(":")
        s.check(component.value(name) == value, f"{name} is {component.value(name)!r}")


def same_tag(s: Scenario, who: str, changed: str) -> None:
    same = s.office.tag(who) == s.tags[who]
    s.check(same == (changed == "the same"), f"the schedule tag is {'the same' if same else 'new'}")


UID = r"(?: event (\S+))?"
WHO = r"(\w+(?: for \w+)?)"
VERBS: list[tuple[str, Callable[..., None]]] = [
    (rf"{WHO} stores(?: a (VTODO|VEVENT))?{UID}(?: in (\w+))?(?: by ([A-Z]+))?", stores),
    (rf"{WHO} changes{UID}(?: at (\w+))?( unless it changed)?", changes),
    (rf"{WHO} answers ([A-Z-]+){UID}(?: at (\w+))?", answers),
    (r"(\w+) deletes the instance (\w+)(?: of event (\S+))?", deletes_instance),
    (r"(\w+) deletes the calendar (\w+)( quietly)?", deletes_calendar),
    (rf"{WHO} deletes{UID}( quietly)?", deletes),
    (r"(\w+) makes the (calendar|folder) (\w+)", makes_calendar),
    (rf"(\w+) (moves|copies){UID}(?: from (\w+))? to ((?:\w+'s )?\w+)", moves),
    (r"(\w+) appoints (\w+)", appoints),
    (r"(\w+) reads", reads),
    (r"(\S+) mails ([A-Z]+) to (\w+)", sends),
    (rf"{WHO} posts ([A-Z]+)", posts),
    (r"(?:\w+) hears (\S+) of (\S+)", hears),
    (r"the server's settings", configured),
    (r"time passes", time_passes),
    (r"(\S+) is refused: (\S+)", refused),
    (r"(\w+) receives invitations in (\w+)", prefers_calendar),
    (r"(\w+) receives (.+)", receives),
    (r"(\w+) is sent ([A-Z]+)", is_sent),
    (r"(\w+) is also (\S+)", is_also),
    (rf"(\w+) has it{UID} in (\w+)", is_in),
    (rf"(\w+) has nothing{UID}", has_nothing),
    (rf"(\w+) has{UID}", has),
    (r"(\w+)'s schedule tag is (the same|new)", same_tag),
    *ROOM_VERBS,
]
