# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lines of a scenario are read (see tests/scenarios/README.md)."""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property

MASTER = ""


def steps(text: str) -> list[tuple[int, str, list[str]]]:
    """(line number, step, indented lines below it)."""
    found: list[tuple[int, str, list[str]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("  #")[0].rstrip()
        if not line or line.startswith("#"):
            continue
        if line.startswith(" "):
            found[-1][2].append(line.strip())
        else:
            found.append((number, line, []))
    return found


def blocks(lines: list[str]) -> dict[str, list[str]]:
    """The lines of the whole ("") and, after `at RECURRENCE-ID`, those of single instances."""
    found: dict[str, list[str]] = {}
    key = MASTER
    for line in lines:
        if line.startswith("at "):
            key = line[3:].strip()
            found.setdefault(key, [])
        else:
            found.setdefault(key, []).append(line)
    return found


def prop_of(line: str) -> str:
    """`ATTENDEE bob ACCEPTED RSVP=TRUE` as a content line; other lines as they are."""
    words = line.split()
    if words[0] not in {"ATTENDEE", "ORGANIZER"}:
        return line
    mail = (
        words[1]
        if ":" in words[1]
        else f"mailto:{words[1]}"
        if "@" in words[1]
        else f"mailto:{words[1]}@example.com"
    )
    params = [w if "=" in w else f"PARTSTAT={w}" for w in words[2:]]
    return ";".join([words[0], *params]) + f":{mail}"


def hands(who: str) -> tuple[str, str]:
    """`alice for martijn`: whose calendar it is, and who acts there."""
    actor, _, owner = who.partition(" for ")
    return owner or actor, actor


def with_alarm(component: Component, block: list[str]) -> Component:
    """The component with the alarm that the lines describe instead of its own, if they do; they are taken out."""
    if "BEGIN:VALARM" not in block:
        return component
    begin, end = block.index("BEGIN:VALARM"), block.index("END:VALARM")
    alarm = Component("VALARM", [Property.parse(line) for line in block[begin + 1 : end]])
    del block[begin : end + 1]
    return component.with_children([alarm])


def edited(component: Component, line: str) -> Component:
    without = line.startswith("without ")
    text = prop_of(line.removeprefix("without "))
    prop = Property.parse(text if ":" in text else text + ":")
    if prop.name == "ATTENDEE":
        kept = component.map(lambda p: None if p.name == "ATTENDEE" and p.value == prop.value else p)
        return kept if without else kept.adding(prop)
    if without:
        return component.without(prop.name)
    return component.adding(prop) if prop.name == "EXDATE" else component.with_property(prop)


def written(method: str, block: list[str]) -> CalendarObject:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//scenario//EN", f"METHOD:{method}"]
    for rid, props in blocks(block).items():
        kind = "VEVENT"
        stamp = [] if any(p.startswith("DTSTAMP") for p in props) else ["DTSTAMP:20260104T000000Z"]
        uid = [] if any(p.startswith("UID") for p in props) else ["UID:1"]
        lines += [f"BEGIN:{kind}", *uid, *stamp]
        lines += [f"RECURRENCE-ID:{rid}"] if rid else []
        lines += [prop_of(p) for p in props]
        lines.append(f"END:{kind}")
    lines += ["END:VCALENDAR", ""]
    return CalendarObject("\r\n".join(lines).encode())
