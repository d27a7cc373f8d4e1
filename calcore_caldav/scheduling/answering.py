# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a room's decision into its copy of an event: PARTSTAT per instance, as Apple's server does it. Pure.

The most frequent answer stands in the master; instances that are answered otherwise become overrides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.itip import sent_by
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.significance import Usual
from calcore_caldav.core.times import format_date_time, parse_date_time
from calcore_caldav.scheduling.policy import BookingPolicy, Keep, Private, Subject
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict

AUTO: Final = "X-CALENDARSERVER-AUTO"
"""Parameter of the room's own ATTENDEE: when the server answered for it (Apple's)."""
REASON: Final = "X-CALCORE-REASON"
"""Property of the room's copy: why, where the answer may be decided again later; its parameter AT says when."""
OCCUPYING: Final = frozenset({PartStat.ACCEPTED, PartStat.TENTATIVE})
"""Answers with which an instance takes the room's time."""

KEPT: Final = Verdict(PartStat.NEEDS_ACTION, Reason.KEPT)
"""The verdict that leaves an instance as it is."""

_OPAQUE: Final = Property("TRANSP", "OPAQUE")
_TRANSPARENT: Final = Property("TRANSP", "TRANSPARENT")
_UNMARKED: Final = frozenset(
    {Reason.FREE, Reason.CONFLICT, Reason.MODE, Reason.MANAGER, Reason.PAST, Reason.KEPT}
)
_REASONS: Final = frozenset(Reason)
_ORDER: Final = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.NEEDS_ACTION, PartStat.DECLINED)
_BODY: Final = frozenset({"DESCRIPTION", "X-ALT-DESC", "COMMENT", "CONTACT", "URL", "CONFERENCE"})
_ATTACHED: Final = frozenset({"ATTACH", "IMAGE"})


@dataclass(frozen=True, slots=True)
class Answered:
    """A copy with a decision in it."""

    copy: CalendarObject
    placed: Mapping[RecurrenceId | None, Verdict]
    """The verdicts by the component that tells them; None: the master, or the only component."""


def answered(
    copy: CalendarObject,
    own: frozenset[CalendarUserAddress],
    instances: Sequence[Instance],
    decision: BookingDecision,
    now: datetime,
) -> Answered:
    """The copy with every decided verdict in it; instances without a verdict keep their answer."""
    components = copy.by_rid()
    placed = {
        rid: verdict for rid, verdict in decision.verdicts.items() if rid in components and verdict.decided
    }
    changed = {
        rid: _with_answer(components[rid], own, v, now, series=rid is None) for rid, v in placed.items()
    }
    master = components.get(None)
    asked = find_attendee(master, own) if master is not None else None
    inherited = [i.rid for i in instances if i.rid is not None and i.rid not in components]
    if master is not None and inherited:
        verdicts = {rid: decision.verdicts.get(rid, KEPT) for rid in inherited}
        common = _common(list(verdicts.values()), decision.beyond)
        if common is not None:
            placed[None], changed[None] = common, _with_answer(master, own, common, now, series=True)
        attendee = find_attendee(changed.get(None, master), own)
        stands = partstat(attendee) if attendee is not None else None
        noted_there = common.reason if common is not None else reason_of(master, own)
        usual: dict[tuple[PartStat, Reason], Usual] = {}
        for rid, verdict in verdicts.items():
            # What waits for the horizon must be told from what was refused for good.
            waits = Reason.HORIZON in {noted_there, verdict.reason} and verdict.reason is not noted_there
            same = verdict.partstat is stands and not waits
            if same or not verdict.decided:
                continue
            # The dates of a series are answered alike: what is written of it is written once.
            alike = (verdict.partstat, verdict.reason)
            if alike not in usual:
                usual[alike] = Usual(_with_answer(master, own, verdict, now, series=False), copy.zones)
            override = usual[alike].override(rid)
            if override is not None:
                placed[rid], changed[rid] = verdict, override
    elif master is not None and asked is not None and partstat(asked) is PartStat.NEEDS_ACTION:
        beyond = decision.beyond
        if beyond is not None and beyond.decided:
            # Each date that is near has an answer of its own: the series speaks of those to come.
            placed[None], changed[None] = beyond, _with_answer(master, own, beyond, now, series=True)
    if not changed:
        return Answered(copy, {})
    kept = [changed.pop(copy.recurrence_id(c), c) for c in copy.components]
    added = sorted(changed.items(), key=lambda pair: pair[0].to_basic() if pair[0] else "")
    return Answered(copy.with_components((*kept, *(component for _, component in added))), placed)


def _common(verdicts: Sequence[Verdict], beyond: Verdict | None) -> Verdict | None:
    """The verdict for the master: that of the instances nobody listed, else the most frequent one.

    None where the master keeps its answer, since some of its instances do.
    """
    decided = [v for v in verdicts if v.decided]
    if not decided or any(v.reason is Reason.KEPT for v in verdicts) or (beyond and not beyond.decided):
        return None
    if beyond is not None:
        return beyond
    count = Counter(v.partstat for v in decided)
    best = max(_ORDER, key=lambda answer: (count[answer], -_ORDER.index(answer)))
    reason = Counter(v.reason for v in decided if v.partstat is best).most_common(1)[0][0]
    return next(v for v in decided if v.partstat is best and v.reason is reason)


def _with_answer(
    component: Component,
    own: frozenset[CalendarUserAddress],
    verdict: Verdict,
    now: datetime,
    *,
    series: bool,
) -> Component:
    answer = verdict.partstat

    def change(prop: Property) -> Property | None:
        if prop.name == REASON:
            return None
        if prop.name != "ATTENDEE" or CalendarUserAddress.parse(prop.value) not in own:
            return prop
        if series and answer is partstat(prop) is PartStat.NEEDS_ACTION:
            return prop
        return _answering(prop, answer, now)

    new = component.map(change).with_property(_OPAQUE if answer in OCCUPYING else _TRANSPARENT)
    return new if verdict.reason in _UNMARKED else new.with_property(_reason(verdict.reason, now))


def overruled(
    before: CalendarObject, after: CalendarObject, own: frozenset[CalendarUserAddress]
) -> CalendarObject:
    """What a manager wrote into the room's calendar, taking time as its answers say.

    TRANSP follows an answer that was changed, where the manager didn't set it too.
    """
    old = before.by_rid()

    def followed(component: Component) -> Component:
        was = old.get(after.recurrence_id(component), before.master)
        answers = [find_attendee(c, own) if c is not None else None for c in (was, component)]
        if was is None or None in answers or was.value("TRANSP") != component.value("TRANSP"):
            return component
        first, second = (partstat(a) for a in answers if a is not None)
        if first is second:
            return component
        return component.with_property(_OPAQUE if second in OCCUPYING else _TRANSPARENT)

    made = tuple(followed(c) for c in after.components)
    return after if made == after.components else after.with_components(made)


def _answering(attendee: Property, answer: PartStat, now: datetime) -> Property:
    new = sent_by(attendee.with_param("PARTSTAT", str(answer)), None)
    if answer is PartStat.NEEDS_ACTION:
        # Spelled out where the series says otherwise.
        return new.with_param("RSVP", "TRUE").without_params(AUTO)
    return new.without_params("RSVP").with_param(AUTO, format_date_time(now))


def _reason(reason: Reason, now: datetime) -> Property:
    return Property(REASON, str(reason), (("AT", (format_date_time(now),)),))


def reason_of(component: Component, own: frozenset[CalendarUserAddress]) -> Reason | None:
    """The reason that was noted with the server's own answer; None: none, or somebody else's answer."""
    noted = component.value(REASON)
    if noted is None or noted not in _REASONS:
        return None
    attendee = find_attendee(component, own)
    if attendee is None:
        return None
    expected = PartStat.TENTATIVE if noted == Reason.PENDING else PartStat.DECLINED
    return Reason(noted) if partstat(attendee) is expected else None


def is_pending(copy: CalendarObject, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether an instance waits for approval."""
    return any(reason_of(c, own) is Reason.PENDING for c in copy.components)


def discreet(
    copy: CalendarObject, policy: BookingPolicy, organizer_name: Callable[[], str], busy: str
) -> CalendarObject:
    """The copy as its policy lets the room's readers see it (subject, body, attachments, private events)."""
    components = tuple(_discreet(c, policy, organizer_name, busy) for c in copy.components)
    return copy if components == copy.components else copy.with_components(components)


def _discreet(
    component: Component, policy: BookingPolicy, organizer_name: Callable[[], str], busy: str
) -> Component:
    private = policy.private is Private.MASK and (component.value("CLASS") or "").strip().upper() in {
        "PRIVATE",
        "CONFIDENTIAL",
    }
    subject = Subject.BUSY if private else policy.subject
    if subject is not Subject.KEEP:
        title = busy if subject is Subject.BUSY else organizer_name()
        component = component.set("SUMMARY", escape_text(title))
    dropped: set[str] = set()
    if private or policy.body is Keep.STRIP:
        dropped |= _BODY
    if private or policy.attachments is Keep.STRIP:
        dropped |= _ATTACHED
    if private:
        dropped |= {"CATEGORIES", "RESOURCES", "GEO"}
    present = dropped & {p.name for p in component.properties}
    return component.without(*present) if present else component


def answered_at(component: Component, own: frozenset[CalendarUserAddress]) -> datetime | None:
    """When the server answered for the room; None: somebody else did, or nobody."""
    attendee, reason = find_attendee(component, own), component.get(REASON)
    value = reason.param("AT") if reason is not None else None
    if value is None and attendee is not None:
        value = attendee.param(AUTO)
    parsed = parse_date_time(value) if value else None
    return parsed if isinstance(parsed, datetime) else None


CHECKED_IN: Final = "X-CALCORE-CHECKED-IN"
RELEASED: Final = "X-CALCORE-RELEASED"
"""Properties of the room's copy that name instances, by RECURRENCE-ID in basic form ("-": the only one)."""


def noted(copy: CalendarObject, name: str) -> frozenset[str]:
    """The instances that a property of the room's copy names."""
    value = copy.components[0].value(name)
    return frozenset(value.split(",")) if value else frozenset()


def with_note(copy: CalendarObject, name: str, rids: Iterable[RecurrenceId | None]) -> CalendarObject:
    """The copy in which a property names further instances."""
    names = noted(copy, name) | {note_of(rid) for rid in rids}
    first, *others = copy.components
    return copy.with_components((first.set(name, ",".join(sorted(names))), *others))


def note_of(rid: RecurrenceId | None) -> str:
    """How a note names an instance."""
    return rid.to_basic() if rid is not None else "-"
