# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of scenarios that are about rooms: policies, what is booked, what rooms answer, what managers do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from office import attendee

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.scheduling import room_jobs
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.scheduling.rebooking import rebook
from calcore_caldav.store.protocol import SYSTEM, Grant

if TYPE_CHECKING:
    from test_scenarios import Scenario


# ---- what administrators and people do


def follows(s: Scenario, room: str, block: list[str]) -> None:
    """A new policy, as `calcore-caldav room set` gives it; `s.without` names a setting that is left out."""
    booking = tomllib.loads("\n".join(block))
    BookingPolicy.from_mapping(booking)
    booking.pop(s.without, None)
    with s.office.store.write(SYSTEM) as txn:
        saved = txn.directory.save(replace(txn.directory.by_name(room), booking=booking))
        rebook(txn, saved, settings=s.office.settings)


def manages(s: Scenario, who: str, room: str) -> None:
    with s.office.store.write(SYSTEM) as txn:
        principal = txn.directory.by_name(room)
        txn.directory.set_grants(principal, None, [Grant(principal.id, None, who, Privilege.ALL)])


def books(
    s: Scenario, who: str, room: str, uid: str | None, start: str, block: list[str] | None = None
) -> None:
    """An event of an hour with nobody but the room, unless the lines below say otherwise."""
    lines = [f"DTSTART:{start}", f"ORGANIZER {who}", f"ATTENDEE {who} ACCEPTED", f"ATTENDEE {room} RSVP=TRUE"]
    more = block or []
    if not any(line.startswith(("DURATION:", "DTEND:")) for line in more):
        lines.append("DURATION:PT1H")
    s.stores(who, uid, [*lines, *more])


def checks_in(s: Scenario, who: str, room: str, uid: str | None, rid: str | None) -> None:
    with s.office.store.write(SYSTEM) as txn:
        at = RecurrenceId.parse(rid) if rid else None
        room_jobs.check_in(txn, txn.directory.by_name(room), uid or "1", at)


def passes(s: Scenario, number: str, unit: str) -> None:
    s.office.tick(**{unit.rstrip("s") + "s": int(number)})
    while s.office.worker.run_due():
        pass
    s.office.upkeep()


# ---- what they hear


def replies(s: Scenario, room: str, who: str, uid: str | None, block: list[str]) -> None:
    """The room's latest REPLY in the inbox, which loses it and those before."""
    found = _replies(s, room, who, uid or "1")
    s.check(found, "there is no REPLY")
    for key, lines in s.blocks(block).items():
        rid = RecurrenceId.parse(key) if key else None
        component = found[-1].by_rid().get(rid)
        s.check(component is not None, f"nothing about {key or 'the whole'}")
        for line in lines:
            _says(s, component, room, line)


def _says(s: Scenario, component: Component, room: str, line: str) -> None:
    """`DECLINED CONFLICT: a sentence`: PARTSTAT, reason in REQUEST-STATUS and COMMENT, what COMMENT says."""
    head, _, sentence = line.partition(": ")
    partstat, _, reason = head.partition(" ")
    told = (component.value("REQUEST-STATUS") or "").split(";")[2:]
    comment = component.text("COMMENT") or ""
    s.check(attendee(component, room).param("PARTSTAT") == partstat, str(attendee(component, room)))
    s.check(told == ([reason] if reason else []), f"the reason is {told}")
    if sentence == "nothing":
        s.check(not comment, f"it says {comment!r}")
    elif sentence.startswith("not "):
        s.check(sentence.removeprefix("not ") not in comment, f"it says {comment!r}")
    else:
        s.check(sentence in comment, f"it says {comment!r}")
        s.check(not comment or not reason or f"[{reason}]" in comment, f"it says {comment!r}")


def silent(s: Scenario, room: str, who: str, uid: str | None) -> None:
    s.check(not _replies(s, room, who, uid or "1"), "there is a REPLY")


def _replies(s: Scenario, room: str, who: str, uid: str) -> list[CalendarObject]:
    found = []
    with s.office.store.write(SYSTEM) as txn:
        box = txn.collections.get(who, "inbox")
        for stored in sorted(txn.objects.all(box), key=lambda row: row.id):
            obj = txn.objects.parsed(stored)
            if obj.uid == uid and obj.method == "REPLY" and attendee(obj.components[0], room) is not None:
                found.append(obj)
                txn.objects.delete(stored)
    return found


def is_booked(s: Scenario, room: str, block: list[str]) -> None:
    """All that the room is booked for, buffers included: `20260112T100000Z/20260112T110000Z`."""
    with s.office.store.read() as txn:
        found = [b.period for b in txn.bookings.all(txn.directory.by_name(room))]
    got = sorted(f"{start:%Y%m%dT%H%M%SZ}/{end:%Y%m%dT%H%M%SZ}" for start, end in found)
    expected = sorted(block)
    s.check(got == ([] if expected == ["nothing"] else expected), f"got {got}")


UID = r"(?: event (\S+?))?"
ROOM_VERBS: list[tuple[str, Callable[..., None]]] = [
    (r"(\w+)'s policy", follows),
    (r"(\w+) manages (\w+)", manages),
    (rf"(\w+) books (\w+){UID} at (\w+)", books),
    (rf"(\w+) checks in to (\w+){UID}(?: at (\w+))?", checks_in),
    (r"(\d+) (minutes?|hours?|days?) pass(?:es)?", passes),
    (rf"(\w+) answers (\w+){UID}", replies),
    (rf"(\w+) says nothing to (\w+){UID}", silent),
    (r"(\w+) is booked", is_booked),
]

SETTING = re.compile(r"^    (\w+) = ", re.MULTILINE)
"""A setting in a scenario's policies."""
