# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer or a cancellation makes of the receiver's object (RFC 5546 §3.2.3, §3.2.5).

Invitations are merged by `core.invitation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import (
    SERVER_PARAMS,
    Aliases,
    answered,
    asked,
    attendees,
    values,
    with_attendees,
    with_values,
)
from calcore_caldav.core.overrides import alone
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.revision import (
    REVISION,
    last_seen,
    noted,
    older,
    predates,
    revision,
    with_revision,
)
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import Usual, component_at, exdates, has_instance, sequence, usual_at
from calcore_caldav.core.timing import timing

Rid = RecurrenceId | None


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
    found: dict[Rid, Component] = {}
    for rid, mine in existing.by_rid().items():
        theirs = component_at(body, rid)
        given = attendees(theirs, {}) if theirs is not None else {}
        found[rid] = with_attendees(
            mine,
            {
                who: answered(prop, given[who])
                for who, prop in attendees(mine, {}).items()
                if who not in own and who in given and partstat(prop) is not partstat(given[who])
            },
            {},
        )
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
    found: dict[Rid, Component] = dict(existing.by_rid())
    touched: set[Rid] = set()
    stale = 0
    deleted = exdates(existing)
    if body.master is not None:
        if existing.master is not None and not in_order and _overtaken(body.master, existing.master):
            return MergeResult(Outcome.IGNORED_STALE, existing)
        for rid, mine in found.items():
            theirs = body.overrides.get(rid, body.master) if rid else body.master
            if not in_order and _overtaken(theirs, mine):
                stale += 1
                continue
            found[rid] = ended(mine, theirs)
            touched.add(rid)
    else:
        for rid, theirs in body.overrides.items():
            if rid in deleted:
                continue
            component = component_at(existing, rid)
            if component is None or not has_instance(existing, rid):
                continue
            if not in_order and (
                _overtaken(theirs, component)
                if rid in existing.overrides
                else predates(theirs, existing.master)
            ):
                stale += 1
                continue
            found[rid] = ended(component, theirs)
            touched.add(rid)
            if is_ranged(theirs):
                found[rid] = found[rid].map(
                    lambda p: p.with_param("RANGE", "THISANDFUTURE") if p.name == "RECURRENCE-ID" else p
                )
                if in_order:
                    continue
                later = (r for r in existing.overrides if r > rid and r not in body.overrides)
                found.update({r: ended(found[r], theirs) for r in later})
    if not touched:
        return MergeResult(Outcome.IGNORED_STALE if stale else Outcome.UNCHANGED, existing)
    made = existing.with_components(tuple(found.values()))
    if same_data(made, existing):
        return MergeResult(Outcome.UNCHANGED, existing if in_order else made)
    return MergeResult(Outcome.APPLIED, made, frozenset(touched))


def apart(existing: CalendarObject, body: CalendarObject) -> CalendarObject:
    """The receiver's object, in which dates that a message is about are not one with all that follow them."""
    for rid, theirs in body.overrides.items():
        if not is_ranged(theirs):
            existing = alone(existing, rid)
    return existing


def _overtaken(theirs: Component, mine: Component) -> bool:
    return older(revision(theirs), last_seen(mine))


def ended(mine: Component, theirs: Component) -> Component:
    """A component of a receiver's copy as a CANCEL leaves it."""
    """A component of a copy as it stays when `theirs` says that it doesn't take place (RFC 5546 §3.2.5)."""
    made = mine.set("STATUS", "CANCELLED").set("SEQUENCE", str(max(sequence(mine), sequence(theirs))))
    stamp, organizer = theirs.get("DTSTAMP"), made.get("ORGANIZER")
    if organizer is not None:
        actor = values(theirs.get("ORGANIZER"), "SENT-BY")
        made = made.with_property(with_values(organizer, "SENT-BY", actor))
    return made.with_property(stamp) if stamp is not None else made


# ---- REPLY


def apply_reply(
    existing: CalendarObject | None,
    body: CalendarObject,
    *,
    aliases: Aliases = MappingProxyType({}),
    in_order: bool = False,
) -> MergeResult:
    """An attendee's answers, merged into the organizer's object, per instance (RFC 5546 §3.2.3).

    An answer to an instance without an override makes one. Answers to what has been rescheduled since are
    ignored, and those that a later one overtook; those that only crossed an update that left the time alone
    count. Who is not invited doesn't come in. `in_order`: the sender's messages cannot overtake each other,
    so that the answer given to the series already needs no override.
    """
    if existing is None:
        return MergeResult(Outcome.UNKNOWN_UID, None)
    existing = apart(existing, body)
    found: dict[Rid, Component] = dict(existing.by_rid())
    touched: set[Rid] = set()
    delegates: list[CalendarUserAddress] = []
    strangers = stale = 0
    usual: Usual | None = None
    ranged = any(is_ranged(c) for c in existing.overrides.values())
    for rid, theirs in sorted(body.by_rid().items(), key=lambda item: item[0] is not None):
        if rid is not None and rid not in found and not has_instance(existing, rid):
            stale += 1
            continue
        component = found.get(rid)
        if component is None and rid is not None and None in found:
            # From the master as this very message left it.
            if ranged:
                component = usual_at(existing.with_components(tuple(found.values())), rid)
            else:
                usual = usual or Usual(found[None], existing.zones)
                component = usual.override(rid)
        if component is None:
            stale += 1
            continue
        answers = attendees(theirs, aliases)
        invited = attendees(component, aliases)
        answer = next(
            ((w, p) for w, p in answers.items() if p.param("DELEGATED-FROM") is None),
            next(iter(answers.items()), None),
        )
        if answer is None or answer[0] not in invited:
            strangers += 1
            continue
        who, given = answer
        before = invited[who]
        # An instance without an override was not answered by itself so far.
        seen = noted(before) if rid in found else None
        overtaken = not in_order and seen is not None and older(revision(theirs), seen)
        if overtaken or _out_of_date(theirs, body, component, existing):
            stale += 1
            continue
        if in_order and rid is not None and rid not in found and partstat(before) is partstat(given):
            continue
        after = _told(before, given, theirs, in_order=in_order)
        made = with_attendees(component, {who: after}, aliases)
        for new, prop in answers.items():
            if new != who and new not in invited and prop.param("DELEGATED-FROM") is not None:
                made = made.adding(asked(prop.without_params(*SERVER_PARAMS)))
                delegates.append(new)
        if partstat(after) is not partstat(before) or len(made.properties) != len(component.properties):
            touched.add(rid)
        found[rid] = made
        if rid is None:
            for other in _not_told(existing, body, who, before, given, aliases):
                prop = attendees(found[other], aliases)[who]
                seen = noted(prop)
                if in_order or seen is None or not older(revision(theirs), seen):
                    after = _told(prop, given, theirs, in_order=in_order)
                    found[other] = with_attendees(found[other], {who: after}, aliases)
                    touched.add(other)
    if not touched and strangers and strangers == len(body.components):
        return MergeResult(Outcome.PARTY_CRASHER, existing)
    if stale and stale + strangers == len(body.components):
        return MergeResult(Outcome.IGNORED_STALE, existing)
    made_object = existing.with_components(tuple(found.values()))
    if same_data(made_object, existing):
        return MergeResult(Outcome.UNCHANGED, existing)
    if not touched and same_data(made_object, existing, but=frozenset({REVISION})):
        return MergeResult(Outcome.UNCHANGED, made_object)
    return MergeResult(Outcome.APPLIED, made_object, frozenset(touched), tuple(dict.fromkeys(delegates)))


def _told(before: Property, given: Property, theirs: Component, *, in_order: bool) -> Property:
    """The organizer's ATTENDEE after an answer; which answer it was matters where they may overtake."""
    after = answered(before, given).with_param("SCHEDULE-STATUS", given_status(theirs))
    return after if in_order and noted(before) is None else with_revision(after, revision(theirs))


def _not_told(
    existing: CalendarObject,
    body: CalendarObject,
    who: CalendarUserAddress,
    before: Property,
    given: Property,
    aliases: Aliases,
) -> list[RecurrenceId]:
    """Overrides that an answer to the series means too, though it doesn't name them.

    Those that exist for others' answers only, which the attendee need not have seen: same time, same answer
    as to the series so far. Where that was one already, the very same: it came with the same message.
    """
    master = existing.master
    if master is None:
        return []
    first = partstat(before) is PartStat.NEEDS_ACTION or partstat(given) is PartStat.DECLINED
    if not first and noted(before) is None:
        return []
    found = []
    changing_nothing = Usual(master, existing.zones)
    ranged = any(is_ranged(c) for c in existing.overrides.values())
    for rid, override in existing.overrides.items():
        prop = attendees(override, aliases).get(who)
        usual = usual_at(existing, rid) if ranged else changing_nothing.override(rid)
        if (
            rid not in body.overrides
            and prop is not None
            and partstat(prop) is partstat(before)
            and (first or noted(prop) == noted(before))
            and usual is not None
            and timing(usual, existing.zones) == timing(override, existing.zones)
        ):
            found.append(rid)
    return found


def given_status(theirs: Component) -> str:
    """The codes of a REPLY's REQUEST-STATUS, for SCHEDULE-STATUS (RFC 6638 §4.1)."""
    codes = [p.value.split(";")[0].strip() for p in theirs.all("REQUEST-STATUS")]
    return ",".join(codes) or "2.0"


def _out_of_date(theirs: Component, body: CalendarObject, mine: Component, existing: CalendarObject) -> bool:
    """Whether an answer is to a time that isn't the time any more."""
    if sequence(theirs) >= sequence(mine):
        return False
    return theirs.get("DTSTART") is None or timing(theirs, body.zones) != timing(mine, existing.zones)
