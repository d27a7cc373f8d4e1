# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a room's decision into its copy of an event: PARTSTAT per instance, as Apple's server does it. Pure.

The most frequent answer stands in the master; instances that are answered otherwise become overrides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import sent_by
from calcore_caldav.core.overrides import alone, override_instance
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import Instance, RecurrenceId
from calcore_caldav.core.series import has_periods, is_ranged
from calcore_caldav.core.significance import Usual, cancelled
from calcore_caldav.core.times import format_date_time, parse_date_time
from calcore_caldav.scheduling.request import BookingDecision, Reason, Verdict

AUTO: Final = "X-CALENDARSERVER-AUTO"
"""Parameter of the room's own ATTENDEE: when the server answered for it (Apple's)."""
REASON: Final = "X-CALCORE-REASON"
"""Property of the room's copy: why, where that isn't simple; its parameter AT says when."""
SEVERAL: Final = "SEVERAL"
"""Its value where dates that one component speaks for were refused for different reasons."""
OCCUPYING: Final = frozenset({PartStat.ACCEPTED, PartStat.TENTATIVE})
"""Answers with which an instance takes the room's time."""

KEPT: Final = Verdict(PartStat.NEEDS_ACTION, Reason.KEPT)
"""The verdict that leaves an instance as it is."""

_OPAQUE: Final = Property("TRANSP", "OPAQUE")
_TRANSPARENT: Final = Property("TRANSP", "TRANSPARENT")
_PLAIN_REFUSALS: Final = frozenset({Reason.CONFLICT, Reason.MODE})
"""Noted nowhere, so that a room's calendar is as Apple's server would write it."""
_UNMARKED: Final = frozenset({Reason.FREE, Reason.PAST, Reason.KEPT}) | _PLAIN_REFUSALS
_DECIDED_AGAIN: Final = frozenset({Reason.HORIZON, Reason.PENDING, Reason.CAPACITY})
"""What is noted of a whole series even where it holds for most of its dates only."""
_SETTLED: Final = frozenset({Reason.MANAGER, Reason.RELEASED})
"""What is decided for a series to its end."""
_BY_SOMEBODY: Final = frozenset({PartStat.ACCEPTED, PartStat.DECLINED})
_ANSWERS: Final = {
    Reason.PENDING: frozenset({PartStat.TENTATIVE}),
    Reason.MANAGER: _BY_SOMEBODY,
    Reason.TIMEOUT: _BY_SOMEBODY,
}
"""With which answers a reason may be noted; the others: with DECLINED."""
_DECLINED: Final = frozenset({PartStat.DECLINED})
_REASONS: Final = frozenset(Reason)
_ORDER: Final = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.NEEDS_ACTION, PartStat.DECLINED)


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
    rids = [i.rid for i in instances if i.rid is not None]
    copy = _set_apart(copy, rids, decision)
    if decision.beyond is not None:
        late = [
            rid
            for rid, c in copy.overrides.items()
            if (is_ranged(c) and _late(rid, rids))
            or (rid not in rids and _waits_far_away(copy, rid, own, now))
        ]
        decision = replace(decision, verdicts={**dict.fromkeys(late, decision.beyond), **decision.verdicts})
    writing = _Writing(copy, own, decision, now)
    for head, dates in _by_head(writing.copy, rids).items():
        writing.tell(head, dates)
    writing.tell_series()
    return writing.done()


def _by_head(
    copy: CalendarObject, rids: Iterable[RecurrenceId]
) -> dict[RecurrenceId | None, list[RecurrenceId]]:
    """The dates without a component of their own by the component that speaks for them.

    That is the last before them for a date and all that follow (RANGE=THISANDFUTURE), else the series (None).
    """
    overrides = copy.overrides
    if copy.master is None:
        return {}
    ranged = [rid for rid, c in overrides.items() if is_ranged(c)]
    if not ranged:
        return {None: [rid for rid in rids if rid not in overrides]}
    found: dict[RecurrenceId | None, list[RecurrenceId]] = {None: [], **{rid: [] for rid in sorted(ranged)}}
    for rid in rids:
        if rid not in overrides:
            found[max((r for r in ranged if r < rid), default=None)].append(rid)
    return found


def _set_apart(
    copy: CalendarObject, rids: Sequence[RecurrenceId], decision: BookingDecision
) -> CalendarObject:
    """The copy in which no date is one with those that follow it and are answered otherwise."""
    while (head := _mixed(copy, rids, decision)) is not None:
        copy = alone(copy, head)
    return copy


def _mixed(
    copy: CalendarObject, rids: Sequence[RecurrenceId], decision: BookingDecision
) -> RecurrenceId | None:
    """A date that its component speaks for, and for others that are answered otherwise."""
    heads = _by_head(copy, rids)
    last = next(reversed(heads), None)
    for head, dates in heads.items():
        # What nobody listed comes after all the others.
        beyond = decision.beyond if head == last else None
        if head is None or (not dates and beyond is None) or _late(head, rids):
            continue
        common = _common([decision.verdicts.get(rid, KEPT) for rid in dates], beyond) or KEPT
        mine = decision.verdicts.get(head, KEPT)
        decided = mine.decided or common.decided
        if decided and (mine.partstat, mine.reason) != (common.partstat, common.reason):
            return head
    return None


def _late(head: RecurrenceId, rids: Sequence[RecurrenceId]) -> bool:
    """Whether a date and all that follow come after those that were listed."""
    return bool(rids) and head > max(rids)


def _waits_far_away(
    copy: CalendarObject, rid: RecurrenceId, own: frozenset[CalendarUserAddress], now: datetime
) -> bool:
    """Whether a date that nobody listed awaits an answer, since it was moved to where nobody looks yet."""
    component = copy.overrides[rid]
    attendee = find_attendee(component, own)
    if attendee is None or partstat(attendee) is not PartStat.NEEDS_ACTION or cancelled(component):
        return False
    instance = copy.recurrence().instance(rid)
    return instance is not None and instance.start > now


class _Writing:
    """The copy while the answers are written."""

    def __init__(
        self,
        copy: CalendarObject,
        own: frozenset[CalendarUserAddress],
        decision: BookingDecision,
        now: datetime,
    ) -> None:
        self.copy, self.own, self.decision, self.now = copy, own, decision, now
        self.components = copy.by_rid()
        self.placed = {
            rid: verdict
            for rid, verdict in decision.verdicts.items()
            if rid in self.components and verdict.decided
        }
        self.changed = {
            rid: _with_answer(self.components[rid], own, v, now, series=rid is None)
            for rid, v in self.placed.items()
        }

    def tell(self, head: RecurrenceId | None, dates: Sequence[RecurrenceId]) -> None:
        """Answer the dates that one component speaks for: by that component what they have in common."""
        if not dates:
            return
        verdicts = {rid: self.decision.verdicts.get(rid, KEPT) for rid in dates}
        if head is None:
            common = _common(list(verdicts.values()), self.decision.beyond)
            if common is not None:
                reasons = {v.reason for v in verdicts.values() if v.partstat is common.partstat}
                self._tell_master(common, alike=reasons == {common.reason})
        component = self.components[head]
        attendee = find_attendee(self.changed.get(head, component), self.own)
        stands = partstat(attendee) if attendee is not None else None
        told = self.placed.get(head)
        noted_there = told.reason if told is not None else reason_of(component, self.own)
        usual: dict[tuple[PartStat, Reason], Callable[[RecurrenceId], Component | None]] = {}
        for rid, verdict in verdicts.items():
            # What waits for the horizon must be told from what was refused for good.
            waits = Reason.HORIZON in {noted_there, verdict.reason} and verdict.reason is not noted_there
            same = verdict.partstat is stands and not waits
            if same or not verdict.decided:
                continue
            # The dates of a series are answered alike: what is written of it is written once.
            alike = (verdict.partstat, verdict.reason)
            if alike not in usual:
                usual[alike] = self._override(head, verdict)
            override = usual[alike](rid)
            if override is not None:
                self.placed[rid], self.changed[rid] = verdict, override

    def tell_series(self) -> None:
        """Where each date that is near has an answer of its own, the series speaks of those to come."""
        master, beyond = self.components.get(None), self.decision.beyond
        asked = find_attendee(master, self.own) if master is not None else None
        if None in self.placed or master is None or asked is None or beyond is None or not beyond.decided:
            return
        # What waits for the horizon would be decided, though it was settled for good.
        waits = reason_of(master, self.own) is Reason.HORIZON and beyond.reason in _SETTLED
        if waits or partstat(asked) is PartStat.NEEDS_ACTION:
            self._tell_master(beyond)

    def _tell_master(self, verdict: Verdict, *, alike: bool = True) -> None:
        """`alike`: the reason is that of all dates that are answered so."""
        self.placed[None] = verdict
        told = _with_answer(self.components[None], self.own, verdict, self.now, series=True)
        if not alike and verdict.reason not in _DECIDED_AGAIN:
            told = told.with_property(_reason(SEVERAL, self.now))
        self.changed[None] = told

    def _override(
        self, head: RecurrenceId | None, verdict: Verdict
    ) -> Callable[[RecurrenceId], Component | None]:
        """What makes the overrides with one answer."""
        if head is None and not has_periods(self.components[None]):
            source = _with_answer(self.components[None], self.own, verdict, self.now, series=False)
            return Usual(source, self.copy.zones).override
        return lambda rid: _with_answer(
            override_instance(self.copy, rid), self.own, verdict, self.now, series=False
        )

    def done(self) -> Answered:
        """The copy, and where each verdict stands."""
        if not self.changed:
            return Answered(self.copy, {})
        changed = dict(self.changed)
        kept = [changed.pop(self.copy.recurrence_id(c), c) for c in self.copy.components]
        added = sorted(changed.items(), key=lambda pair: pair[0].to_basic() if pair[0] else "")
        made = self.copy.with_components((*kept, *(component for _, component in added)))
        return Answered(made, self.placed)


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

    An answer that was changed is not the server's any more, even where the client kept the server's marks; TRANSP
    follows it, where the manager didn't set that too.
    """
    old = before.by_rid()

    def unmarked(prop: Property) -> Property | None:
        if prop.name == REASON:
            return None
        mine = prop.name == "ATTENDEE" and CalendarUserAddress.parse(prop.value) in own
        return prop.without_params(AUTO) if mine else prop

    def followed(component: Component) -> Component:
        was = old.get(after.recurrence_id(component), before.master)
        answers = [find_attendee(c, own) if c is not None else None for c in (was, component)]
        if was is None or None in answers:
            return component
        first, second = (partstat(a) for a in answers if a is not None)
        if first is second:
            return component
        made = component.map(unmarked)
        if was.value("TRANSP") != component.value("TRANSP"):
            return made
        return made.with_property(_OPAQUE if second in OCCUPYING else _TRANSPARENT)

    made = tuple(followed(c) for c in after.components)
    return after if made == after.components else after.with_components(made)


def _answering(attendee: Property, answer: PartStat, now: datetime) -> Property:
    new = sent_by(attendee.with_param("PARTSTAT", str(answer)), None)
    if answer is PartStat.NEEDS_ACTION:
        # Spelled out where the series says otherwise.
        return new.with_param("RSVP", "TRUE").without_params(AUTO)
    return new.without_params("RSVP").with_param(AUTO, format_date_time(now))


def _reason(reason: str, now: datetime) -> Property:
    return Property(REASON, reason, (("AT", (format_date_time(now),)),))


def reason_of(component: Component, own: frozenset[CalendarUserAddress]) -> Reason | None:
    """The reason that was noted with the server's own answer; None: none, or somebody else's answer."""
    noted = component.value(REASON)
    if noted is None or noted not in _REASONS:
        return None
    attendee = find_attendee(component, own)
    if attendee is None:
        return None
    reason = Reason(noted)
    return reason if partstat(attendee) in _ANSWERS.get(reason, _DECLINED) else None


def reasons_of(component: Component, own: frozenset[CalendarUserAddress]) -> frozenset[Reason]:
    """What the server's own answer may rest on; nothing where that isn't known, or it is a plain yes."""
    if component.get(REASON) is not None:
        noted = reason_of(component, own)
        return frozenset() if noted is None else frozenset({noted})
    attendee = find_attendee(component, own)
    refused = attendee is not None and partstat(attendee) is PartStat.DECLINED
    return _PLAIN_REFUSALS if refused and answered_at(component, own) is not None else frozenset()


def refused_for_others(component: Component, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether the server may have refused it since the time is somebody else's."""
    return not reasons_of(component, own).isdisjoint({Reason.CONFLICT, Reason.SERIES})


def is_pending(copy: CalendarObject, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether an instance waits for approval."""
    return any(reason_of(c, own) is Reason.PENDING for c in copy.components)


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
