# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers in an organizer's object: whose they are and when they fall (RFC 6638 §3.2.1, §3.2.8)."""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import (
    Aliases,
    ScheduleAgent,
    agent,
    asked,
    attendees,
    server_group,
    unanswered,
    values,
    with_attendees,
    with_values,
)
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.revision import REVISION
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import component_at, exdates, has_instance, highest_sequence, sequence
from calcore_caldav.core.timing import gained, recurs, relaid, timing

# What ATTENDEE says of the messages to and from the attendee; the organizer's clients may lose it.
_ANSWERS: Final = ("SCHEDULE-STATUS", "SENT-BY", REVISION)
FORCE: Final = "SCHEDULE-FORCE-SEND"
_DELEGATION: Final = ("DELEGATED-TO", "DELEGATED-FROM")


def base_of(old: CalendarObject | None, rid: RecurrenceId | None) -> Component | None:
    """What an instance was in the old state: its override, or the master's instance."""
    if old is None:
        return None
    if rid is None or rid in old.overrides:
        return component_at(old, rid)
    return component_at(old, rid) if rid not in exdates(old) else None


def settle(
    old: CalendarObject | None,
    new: CalendarObject,
    own: frozenset[CalendarUserAddress],
    aliases: Aliases,
    *,
    merge_answers: bool,
) -> CalendarObject:
    """The organizer's object with the answers that are the attendees' own (RFC 6638 §3.2.1, §3.2.8).

    An organizer may ask again (NEEDS-ACTION) and nothing else; who is new is asked; where the time changed
    everybody is. Overrides that only hold an attendee's answer come back where the client dropped them.
    """
    masters = (old.master, old.zones, new.master, new.zones) if old and old.master and new.master else None
    moved = masters is not None and relaid(*masters)
    # Of dates only, or of dates and times: only what is laid out alike can be compared date by date.
    extended = masters is not None and not moved and gained(*masters)
    made: list[Component] = []
    for rid, component in new.by_rid().items():
        base = base_of(old, rid)
        reset = (
            moved
            or (extended and rid is None)
            or (
                old is not None
                and base is not None
                and (
                    timing(base, old.zones) != timing(component, new.zones)
                    # The dates that follow move to where this one is, or back.
                    or (rid in old.overrides and is_ranged(base) != is_ranged(component))
                )
            )
        )
        before = attendees(base, aliases) if base is not None else {}
        made.append(
            with_attendees(
                component,
                {
                    who: prop.without_params(FORCE)
                    if who in own
                    else _settled(prop, before.get(who), reset=reset, merge_answers=merge_answers)
                    for who, prop in attendees(component, aliases).items()
                },
                aliases,
            )
        )
    same = all(a is b for a, b in zip(made, new.components, strict=True))
    edited = new if same else new.with_components(tuple(made))
    if old is None or moved or edited.master is None or not recurs(edited.master):
        return edited
    gone, out = old.overrides.keys() - edited.overrides.keys(), exdates(edited)
    back = exdates(old) - edited.overrides.keys()
    made = [
        c
        for rid in sorted((gone | back) - out)
        if has_instance(edited, rid)
        and (c := _kept_answers(None if rid in back else old, edited, rid, own, aliases)) is not None
    ]
    return edited.with_components((*edited.components, *made)) if made else edited


def _settled(prop: Property, base: Property | None, *, reset: bool, merge_answers: bool) -> Property:
    if agent(prop) is not ScheduleAgent.SERVER:
        return prop.without_params(FORCE)
    if server_group(prop):
        return prop
    made = prop.without_params(FORCE)
    for name in _ANSWERS:
        made = with_values(made, name, values(base, name))
    for name in _DELEGATION:
        made = with_values(made, name, values(base, name) or values(made, name))
    if base is None or reset:
        return asked(made)
    if unanswered(base) or (unanswered(made) and not merge_answers):
        return asked(made)
    if partstat(made) is not partstat(base):
        made = made.with_param("PARTSTAT", partstat(base).value).without_params("RSVP")
    return made


def _kept_answers(
    old: CalendarObject | None,
    new: CalendarObject,
    rid: RecurrenceId,
    own: frozenset[CalendarUserAddress],
    aliases: Aliases,
) -> Component | None:
    """The override that an instance needs for its answers, which the client dropped.

    `old` None: the instance takes place again, for which nobody has answered (RFC 6638 §3.2.8).
    """
    instance = component_at(new, rid)
    if instance is None:
        return None
    before = old.overrides[rid] if old is not None else None
    reset = old is None or before is None or timing(before, old.zones) != timing(instance, new.zones)
    answers = attendees(before, aliases) if before is not None else {}
    wanted: dict[CalendarUserAddress, Property] = {}
    for who, prop in attendees(instance, aliases).items():
        if who in own or agent(prop) is not ScheduleAgent.SERVER or server_group(prop):
            continue
        if reset:
            if not unanswered(prop):
                wanted[who] = asked(prop)
        elif who in answers and partstat(answers[who]) is not partstat(prop):
            made = prop.with_param("PARTSTAT", partstat(answers[who]).value)
            wanted[who] = asked(made) if unanswered(made) else made.without_params("RSVP")
    return with_attendees(instance, wanted, aliases) if wanted else None


def sequenced(old: CalendarObject, new: CalendarObject, *, significant: bool) -> CalendarObject:
    """SEQUENCE as it has to be, for clients that forget it (RFC 5546 §2.1.4).

    It grows with every change that is told, in all components, and never falls.
    """
    low = [
        c
        for rid, c in new.by_rid().items()
        if sequence(c) < (floor := sequence(base_of(old, rid) or c)) or (significant and sequence(c) <= floor)
    ]
    if not low:
        return new
    number = max(highest_sequence(old) + (1 if significant else 0), highest_sequence(new))
    return new.with_components(
        tuple(c if sequence(c) == number else c.set("SEQUENCE", str(number)) for c in new.components)
    )
