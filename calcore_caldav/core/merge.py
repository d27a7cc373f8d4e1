# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message makes of the receiver's object; here a cancellation (RFC 5546 §3.2.5), and others' answers.

Invitations are merged by `core.invitation`, replies by `core.replies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import (
    answered,
    attendees,
    values,
    with_attendees,
    with_values,
)
from calcore_caldav.core.overrides import alone
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence_id import Rid
from calcore_caldav.core.revision import (
    last_seen,
    older,
    predates,
    revision,
)
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import component_at, exdates, has_instance, sequence


class Outcome(StrEnum):
    """What became of a message."""

    CREATED = "created"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """It said nothing that the copy didn't say already."""
    IGNORED_STALE = "ignored-stale"
    """It was overtaken (RFC 5546 §2.1.5)."""
    IGNORED_DECLINED = "ignored-declined"
    """The receiver declined and deleted it, and nothing asks again."""
    UNKNOWN_UID = "unknown-uid"
    PARTY_CRASHER = "party-crasher"
    """A reply of somebody who was not invited (RFC 5546 §3.2.3)."""


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The receiver's copy after a message."""

    outcome: Outcome
    stored: CalendarObject | None
    """None where there is still no copy. Of what is UNCHANGED DTSTAMP may be a later one."""
    changed: frozenset[Rid] = frozenset()
    """The instances that a message changed; None is the whole."""
    delegates: tuple[CalendarUserAddress, ...] = ()
    """Who was named by a REPLY to come instead, and isn't invited yet (RFC 5546 §3.2.2.3)."""


_BOOKKEEPING: Final = frozenset({"DTSTAMP", "LAST-MODIFIED", "CREATED"})


def same_data(one: CalendarObject, other: CalendarObject, *, but: frozenset[str] = frozenset()) -> bool:
    """Whether two objects differ in nothing but order, DTSTAMP, modification times and the parameters `but`."""
    if len(one.components) != len(other.components):
        return False
    mine, theirs = one.by_rid(), other.by_rid()
    return (
        mine.keys() == theirs.keys()
        and _same_properties(one.calendar, other.calendar, but)
        and all(_same(component, theirs[rid], but) for rid, component in mine.items())
    )


def _same(one: Component, other: Component, but: frozenset[str]) -> bool:
    if one is other:
        return True
    if one.name != other.name or len(one.children) != len(other.children):
        return False
    unmatched = list(other.children)
    for child in one.children:
        found = next((c for c in unmatched if _same(child, c, but)), None)
        if found is None:
            return False
        unmatched.remove(found)
    return _same_properties(one, other, but)


def _same_properties(one: Component, other: Component, but: frozenset[str]) -> bool:
    mine, theirs = (frozenset(p for p in c.properties if p.name not in _BOOKKEEPING) for c in (one, other))
    if {(p.name, p.value) for p in mine} != {(p.name, p.value) for p in theirs}:
        return False
    # Of hundreds of attendees only those are looked at that differ.
    telling = {(p.name, p.value) for p in mine ^ theirs}

    def said(props: frozenset[Property]) -> set[object]:
        return {
            (p.name, p.value, frozenset(v for v in p.params if v[0] not in but))
            for p in props
            if (p.name, p.value) in telling
        }

    return said(mine) == said(theirs)


def apply_answers(
    existing: CalendarObject, body: CalendarObject, own: frozenset[CalendarUserAddress]
) -> MergeResult:
    """The copy with the other attendees' answers as a REQUEST has them, and nothing else of it."""
    found: dict[Rid, Component] = dict(existing.by_rid())
    for rid in dict.fromkeys((*found, *body.overrides)):
        mine, theirs = found.get(rid), component_at(body, rid)
        if mine is None and rid is not None and has_instance(existing, rid):
            # Answered otherwise than the series, and one with it so far.
            mine = component_at(existing, rid)
        if mine is None or theirs is None:
            continue
        given = attendees(theirs, {})
        new = {
            who: answered(prop, given[who])
            for who, prop in attendees(mine, {}).items()
            if who not in own and who in given and partstat(prop) is not partstat(given[who])
        }
        if new:
            found[rid] = with_attendees(mine, new, {})
    made = existing.with_components(tuple(found.values()))
    if same_data(made, existing):
        return MergeResult(Outcome.UNCHANGED, existing)
    return MergeResult(Outcome.APPLIED, made, frozenset(found))


# ---- CANCEL


def apply_cancel(
    existing: CalendarObject | None, body: CalendarObject, *, in_order: bool = False
) -> MergeResult:
    """A cancellation: of everything, or of the instances that the message names (RFC 5546 §3.2.5).

    Cancelled components stay in the copy with STATUS:CANCELLED; instances that the receiver deleted stay so.
    `in_order`: the sender's messages cannot overtake each other.
    """
    if existing is None:
        return MergeResult(Outcome.UNKNOWN_UID, None)
    existing = apart(existing, body)
    gone, stale = (_whole_ended if body.master is not None else _dates_ended)(
        existing, body, in_order=in_order
    )
    if not gone:
        return MergeResult(Outcome.IGNORED_STALE if stale else Outcome.UNCHANGED, existing)
    made = existing.with_components(tuple((existing.by_rid() | gone).values()))
    if same_data(made, existing):
        return MergeResult(Outcome.UNCHANGED, existing if in_order else made)
    named = gone.keys() if body.master is not None else gone.keys() & body.overrides.keys()
    return MergeResult(Outcome.APPLIED, made, frozenset(named))


Ended = tuple[dict[Rid, Component], bool]
"""The components of a copy that a CANCEL ends, as they stay, and whether others were not, since it was overtaken."""


def _whole_ended(existing: CalendarObject, body: CalendarObject, *, in_order: bool) -> Ended:
    """By a CANCEL of everything."""
    master = body.master
    assert master is not None
    if not in_order and existing.master is not None and _overtaken(master, existing.master):
        return {}, True
    gone: dict[Rid, Component] = {}
    standing = existing.by_rid()
    for rid, mine in standing.items():
        theirs = body.overrides.get(rid, master) if rid else master
        if in_order or not _overtaken(theirs, mine):
            gone[rid] = ended(mine, theirs)
    return gone, len(gone) < len(standing)


def _dates_ended(existing: CalendarObject, body: CalendarObject, *, in_order: bool) -> Ended:
    """By a CANCEL of some dates, or of one and all that follow."""
    deleted, overrides = exdates(existing), existing.overrides
    gone: dict[Rid, Component] = {}
    stale = False
    for rid, theirs in body.overrides.items():
        mine = component_at(existing, rid) if rid not in deleted else None
        if mine is None or not has_instance(existing, rid):
            continue
        if not in_order and (
            _overtaken(theirs, mine) if rid in overrides else predates(theirs, existing.master)
        ):
            stale = True
            continue
        gone[rid] = ended(mine, theirs)
        if is_ranged(theirs):
            gone[rid] = gone[rid].map(_ranged)
            if not in_order:
                later = (r for r in overrides if r > rid and r not in body.overrides)
                gone |= {r: ended(gone.get(r, overrides[r]), theirs) for r in later}
    return gone, stale


def _ranged(prop: Property) -> Property:
    return prop.with_param("RANGE", "THISANDFUTURE") if prop.name == "RECURRENCE-ID" else prop


def apart(existing: CalendarObject, body: CalendarObject) -> CalendarObject:
    """The receiver's object, in which dates that a message is about are not one with all that follow them."""
    for rid, theirs in body.overrides.items():
        if not is_ranged(theirs):
            existing = alone(existing, rid)
    return existing


def _overtaken(theirs: Component, mine: Component) -> bool:
    return older(revision(theirs), last_seen(mine))


def ended(mine: Component, theirs: Component) -> Component:
    """A component of a copy as it stays when `theirs` says that it doesn't take place (RFC 5546 §3.2.5)."""
    made = mine.set("STATUS", "CANCELLED").set("SEQUENCE", str(max(sequence(mine), sequence(theirs))))
    stamp, organizer = theirs.get("DTSTAMP"), made.get("ORGANIZER")
    if organizer is not None:
        actor = values(theirs.get("ORGANIZER"), "SENT-BY")
        made = made.with_property(with_values(organizer, "SENT-BY", actor))
    return made.with_property(stamp) if stamp is not None else made
