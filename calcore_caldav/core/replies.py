# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attendee's REPLY makes of the organizer's object (RFC 5546 §3.2.3)."""

from __future__ import annotations

from types import MappingProxyType

from calcore_caldav.core.calobject import CalendarObject, PartStat, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import SERVER_PARAMS, Aliases, answered, asked, attendees, with_attendees
from calcore_caldav.core.merge import MergeResult, Outcome, apart, same_data
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence_id import RecurrenceId, Rid
from calcore_caldav.core.revision import REVISION, Revision, noted, older, revision, with_revision
from calcore_caldav.core.significance import Usual, has_instance, irregular, sequence, usual_at
from calcore_caldav.core.timing import timing


def apply_reply(
    existing: CalendarObject | None,
    body: CalendarObject,
    *,
    aliases: Aliases = MappingProxyType({}),
    in_order: bool = False,
) -> MergeResult:
    """An attendee's answers, merged into the organizer's object, per instance.

    An answer to an instance without an override makes one. Answers to what has been rescheduled since are
    ignored, and those that a later one overtook; those that only crossed an update that left the time alone
    count. Who is not invited doesn't come in. `in_order`: the sender's messages cannot overtake each other,
    so that the answer given to the series already needs no override.
    """
    if existing is None:
        return MergeResult(Outcome.UNKNOWN_UID, None)
    merging = _Merging(apart(existing, body), body, aliases, in_order=in_order)
    # The series first: overrides are made from it as this very message leaves it.
    for rid, theirs in sorted(body.by_rid().items(), key=lambda item: item[0] is not None):
        merging.take(rid, theirs)
    return merging.result()


class _Merging:
    """The organizer's object while a REPLY is merged into it."""

    def __init__(
        self, existing: CalendarObject, body: CalendarObject, aliases: Aliases, *, in_order: bool
    ) -> None:
        self.existing, self.body, self.aliases, self.in_order = existing, body, aliases, in_order
        self.found: dict[Rid, Component] = existing.by_rid()
        self.touched: set[Rid] = set()
        self.delegates: list[CalendarUserAddress] = []
        self.strangers = self.stale = 0
        self._irregular = irregular(existing)
        self._usual: Usual | None = None
        self._written: dict[tuple[int, int, str, Revision], tuple[Property, Property, Property]] = {}

    def take(self, rid: Rid, theirs: Component) -> None:
        """Merge what one component of the message says."""
        component = self._component(rid)
        if component is None:
            self.stale += 1
            return
        answers = attendees(theirs, self.aliases)
        invited = attendees(component, self.aliases)
        who = _sender(answers)
        if who is None or who not in invited:
            self.strangers += 1
            return
        before, given = invited[who], answers[who]
        # An instance without an override was not answered by itself so far.
        overtaken = rid in self.found and self._overtaken(before, theirs)
        if overtaken or _out_of_date(theirs, self.body, component, self.existing):
            self.stale += 1
            return
        if self.in_order and rid not in self.found and partstat(before) is partstat(given):
            return
        after = self._told(before, given, theirs)
        made = with_attendees(component, {who: after}, self.aliases)
        for new, prop in answers.items():
            if new != who and new not in invited and prop.param("DELEGATED-FROM") is not None:
                made = made.adding(asked(prop.without_params(*SERVER_PARAMS)))
                self.delegates.append(new)
        if partstat(after) is not partstat(before) or len(made.properties) != len(component.properties):
            self.touched.add(rid)
        self.found[rid] = made
        if rid is None:
            self._tell_overrides(who, before, given, theirs)

    def _component(self, rid: Rid) -> Component | None:
        """What the object says of that instance, or of the series; None where it has it not."""
        if rid is None or rid in self.found:
            return self.found.get(rid)
        if None not in self.found or not has_instance(self.existing, rid):
            return None
        if self._irregular:
            return usual_at(self.existing.with_components(tuple(self.found.values())), rid)
        self._usual = self._usual or Usual(self.found[None], self.existing.zones)
        return self._usual.override(rid)

    def _overtaken(self, before: Property, theirs: Component) -> bool:
        seen = noted(before)
        return not self.in_order and seen is not None and older(revision(theirs), seen)

    def _told(self, before: Property, given: Property, theirs: Component) -> Property:
        """The organizer's ATTENDEE after an answer; which answer it was matters where they may overtake."""
        status, sent = given_status(theirs), revision(theirs)
        # The dates of a series mostly share their properties: what is made of them is made once. By identity,
        # since that is quick; they stay alive in the value.
        alike = id(before), id(given), status, sent
        if alike not in self._written:
            after = answered(before, given).with_param("SCHEDULE-STATUS", status)
            if not self.in_order or noted(before) is not None:
                after = with_revision(after, sent)
            self._written[alike] = before, given, after
        return self._written[alike][2]

    def _tell_overrides(
        self, who: CalendarUserAddress, before: Property, given: Property, theirs: Component
    ) -> None:
        """Write the answer to the series into the overrides that it means too."""
        for rid in self._not_told(who, before, given):
            prop = attendees(self.found[rid], self.aliases)[who]
            if not self._overtaken(prop, theirs):
                after = self._told(prop, given, theirs)
                self.found[rid] = with_attendees(self.found[rid], {who: after}, self.aliases)
                self.touched.add(rid)

    def _not_told(self, who: CalendarUserAddress, before: Property, given: Property) -> list[RecurrenceId]:
        """Overrides that an answer to the series means too, though it doesn't name them.

        Those that exist for others' answers only, which the attendee need not have seen: same time, same answer
        as to the series so far. Where that was one already, the very same: it came with the same message.
        """
        existing, master = self.existing, self.existing.master
        if master is None:
            return []
        first = partstat(before) is PartStat.NEEDS_ACTION or partstat(given) is PartStat.DECLINED
        if not first and noted(before) is None:
            return []
        told = []
        changing_nothing = Usual(master, existing.zones)
        for rid, override in existing.overrides.items():
            prop = attendees(override, self.aliases).get(who)
            if (
                rid not in self.body.overrides
                and prop is not None
                and partstat(prop) is partstat(before)
                and (first or noted(prop) == noted(before))
                and (usual := usual_at(existing, rid) if self._irregular else changing_nothing.override(rid))
                and timing(usual, existing.zones) == timing(override, existing.zones)
            ):
                told.append(rid)
        return told

    def result(self) -> MergeResult:
        """What became of the message."""
        existing, said = self.existing, len(self.body.components)
        if not self.touched and self.strangers and self.strangers == said:
            return MergeResult(Outcome.PARTY_CRASHER, existing)
        if self.stale and self.stale + self.strangers == said:
            return MergeResult(Outcome.IGNORED_STALE, existing)
        made = existing.with_components(tuple(self.found.values()))
        if same_data(made, existing):
            return MergeResult(Outcome.UNCHANGED, existing)
        if not self.touched and same_data(made, existing, but=frozenset({REVISION})):
            return MergeResult(Outcome.UNCHANGED, made)
        delegates = tuple(dict.fromkeys(self.delegates))
        return MergeResult(Outcome.APPLIED, made, frozenset(self.touched), delegates)


def _sender(answers: dict[CalendarUserAddress, Property]) -> CalendarUserAddress | None:
    """Whose answer it is: a delegate may stand beside who delegated to them."""
    own = (who for who, prop in answers.items() if prop.param("DELEGATED-FROM") is None)
    return next(own, next(iter(answers), None))


def given_status(theirs: Component) -> str:
    """The codes of a REPLY's REQUEST-STATUS, for SCHEDULE-STATUS (RFC 6638 §4.1)."""
    codes = [p.value.split(";")[0].strip() for p in theirs.all("REQUEST-STATUS")]
    return ",".join(codes) or "2.0"


def _out_of_date(theirs: Component, body: CalendarObject, mine: Component, existing: CalendarObject) -> bool:
    """Whether an answer is to a time that isn't the time any more."""
    if sequence(theirs) >= sequence(mine):
        return False
    return theirs.get("DTSTART") is None or timing(theirs, body.zones) != timing(mine, existing.zones)
