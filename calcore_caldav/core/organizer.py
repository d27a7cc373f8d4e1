# SPDX-License-Identifier: GPL-3.0-or-later
"""The organizer's side: who has to be told what after a change (RFC 5546 §3.2, RFC 6638 §3.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

from calcore_caldav.core.answers import base_of, sequenced, settle
from calcore_caldav.core.calobject import CalendarObject, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.guests import seen_by
from calcore_caldav.core.itip import (
    Aliases,
    ITipMessage,
    Method,
    ScheduleAgent,
    SchedulingPlan,
    agent,
    attendees,
    cancellation,
    message,
    public,
    server_group,
    unanswered,
)
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence_id import RecurrenceId, Rid
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import (
    cancelled,
    changed,
    component_at,
    exdates,
    has_instance,
    highest_sequence,
    with_exdates,
)
from calcore_caldav.core.timing import relaid

Roster = Mapping[CalendarUserAddress, Property]
_NOBODY: Roster = MappingProxyType({})


def organizer_messages(
    old: CalendarObject | None,
    new: CalendarObject | None,
    own: frozenset[CalendarUserAddress],
    *,
    now: datetime,
    aliases: Aliases = MappingProxyType({}),
    merge_answers: bool = False,
) -> SchedulingPlan:
    """What follows from an organizer's creation, change or deletion (RFC 6638 §3.2.1).

    `new` None, or without ORGANIZER, cancels everything. `aliases` brings addresses of one person together.
    With `merge_answers` answers that came in since the client read the object stay, even where it says
    NEEDS-ACTION (RFC 6638 §3.2.10).
    """
    me = frozenset(aliases.get(a, a) for a in own)
    if new is None or new.organizer is None:
        assert old is not None
        # Two steps on, as Apple's server does: one for the change, one for the end.
        number = highest_sequence(old) + 2
        ended = _Diff(old, old, me, aliases, now, number)
        return SchedulingPlan("organizer", new, tuple(ended.end(who) for who in ended.invited_before))
    forced = _forced(new, aliases)
    settled = settle(old, new, me, aliases, merge_answers=merge_answers)
    diff = _Diff(old, settled, me, aliases, now, highest_sequence(settled))
    affected = [who for who in diff.everybody if who in forced or diff.concerns(who)]
    if old is not None:
        settled = sequenced(old, settled, significant=any(diff.significant(who) for who in affected))
        diff = _Diff(old, settled, me, aliases, now, highest_sequence(settled))
    messages = tuple(m for who in affected for m in diff.messages(who, forced=who in forced))
    return SchedulingPlan("organizer", settled, messages, _reanswered(old, settled, aliases))


@dataclass
class _Diff:
    """Two states of an organizer's object, and what lies between them for each attendee."""

    old: CalendarObject | None
    new: CalendarObject
    own: frozenset[CalendarUserAddress]
    aliases: Aliases
    now: datetime
    number: int
    _bodies: dict[object, CalendarObject] = field(default_factory=dict)
    _public: dict[Rid, Component] = field(default_factory=dict)
    _ended: dict[int, tuple[Component, Component]] = field(default_factory=dict)

    def _roster(self, component: Component | None) -> Roster:
        """Those whom the server has to tell: neither the organizer nor who is told by the client."""
        if component is None:
            return _NOBODY
        return {
            who: prop
            for who, prop in attendees(component, self.aliases).items()
            if who not in self.own and agent(prop) is ScheduleAgent.SERVER and not server_group(prop)
        }

    @cached_property
    def components(self) -> dict[Rid, Component]:
        return self.new.by_rid()

    @cached_property
    def before(self) -> dict[Rid, Component]:
        return {} if self.old is None else self.old.by_rid()

    @cached_property
    def bases(self) -> dict[Rid, Component | None]:
        """What each component was before; overrides that are new were an instance of the master."""
        return {rid: base_of(self.old, rid) for rid in self.components}

    @cached_property
    def rosters(self) -> dict[Rid, Roster]:
        return {rid: self._roster(c) for rid, c in self.components.items()}

    @cached_property
    def base_rosters(self) -> dict[Rid, Roster]:
        return {rid: self._roster(c) for rid, c in self.bases.items()}

    @cached_property
    def rosters_before(self) -> dict[Rid, Roster]:
        return {rid: self._roster(c) for rid, c in self.before.items()}

    @cached_property
    def invited_before(self) -> list[CalendarUserAddress]:
        return _in_order(self.rosters_before.values())

    @cached_property
    def everybody(self) -> list[CalendarUserAddress]:
        return _in_order([*self.rosters.values(), *self.rosters_before.values()])

    @cached_property
    def ranged(self) -> frozenset[Rid]:
        """Components that say, or said, something of all later instances, for which attendees may have some."""
        before = self.old.overrides.items() if self.old is not None else ()
        return frozenset(rid for rid, c in (*self.new.overrides.items(), *before) if is_ranged(c))

    @cached_property
    def rescheduled(self) -> bool:
        """Whether the series itself moved, so that instances of before mean nothing now."""
        return (
            self.old is not None
            and self.old.master is not None
            and self.new.master is not None
            and relaid(self.old.master, self.old.zones, self.new.master, self.new.zones)
        )

    @cached_property
    def changed(self) -> frozenset[Rid]:
        """Components that say something else than before."""
        if self.old is None:
            return frozenset(self.components)
        zones = self.old.zones
        return frozenset(
            rid
            for rid, c in self.components.items()
            if (base := self.bases[rid]) is None or changed(base, zones, c, self.new.zones)
        )

    @cached_property
    def stopped(self) -> frozenset[Rid]:
        """Components that became STATUS:CANCELLED."""
        if self.old is None:
            return frozenset()
        return frozenset(
            rid
            for rid, c in self.components.items()
            if cancelled(c) and (base := self.bases[rid]) is not None and not cancelled(base)
        )

    @cached_property
    def removed(self) -> frozenset[RecurrenceId]:
        """Instances that the organizer took out of the series (EXDATE)."""
        if self.old is None or self.rescheduled:
            return frozenset()
        return frozenset(rid for rid in exdates(self.new) - exdates(self.old) if has_instance(self.old, rid))

    @cached_property
    def reverted(self) -> frozenset[RecurrenceId]:
        """Overrides that are gone without an EXDATE: mostly their instance is still there."""
        if self.old is None or self.new.master is None:
            return frozenset()
        gone = self.old.overrides.keys() - self.new.overrides.keys() - exdates(self.new)
        return frozenset(gone)

    @cached_property
    def reverted_changed(self) -> frozenset[RecurrenceId]:
        """Those of them that differed from the instance that takes their place, or have none."""
        if self.old is None:
            return frozenset()
        zones = self.old.zones
        return frozenset(
            rid
            for rid in self.reverted
            if (after := component_at(self.new, rid)) is None
            or not has_instance(self.new, rid)
            or changed(self.before[rid], zones, after, self.new.zones)
        )

    # ---- for one attendee

    def _lost(self, who: CalendarUserAddress) -> frozenset[Rid]:
        """What is taken from an attendee: instances, or None for the whole."""
        had = {rid for rid, roster in self.rosters_before.items() if who in roster}
        has = {rid for rid, roster in self.rosters.items() if who in roster}
        if had and not has:
            return frozenset({None}) if None in had else frozenset(had)
        if None in had and None not in has:
            return frozenset({None})
        if None in self.stopped and None in has:
            return frozenset({None})
        lost: set[Rid] = {rid for rid in self.stopped if who in self.rosters[rid]}
        if None not in has:
            lost |= had - has
        if self.old is None or self.rescheduled:
            return frozenset(lost)
        for rid in self.components:
            if who in self.base_rosters[rid] and who not in self.rosters[rid]:
                lost.add(rid)
        for rid in self.removed:
            if who in self.rosters_before.get(rid, self.rosters_before.get(None, _NOBODY)):
                lost.add(rid)
        return frozenset(lost)

    def _told(self, who: CalendarUserAddress, *, again: bool = True) -> frozenset[Rid]:
        """The components that an attendee must see again; None means all of theirs.

        With `again` also those where only their answer is wanted anew.
        """
        told: set[Rid] = set()
        for rid, roster in self.rosters.items():
            prop = roster.get(who)
            if prop is None:
                continue
            base = self.base_rosters[rid].get(who)
            reopened = again and base is not None and unanswered(prop) and not unanswered(base)
            if base is None or reopened or rid in self.changed:
                told.add(rid)
        if self.reverted_changed and who in self.rosters.get(None, _NOBODY):
            told.add(None)
        if told & self.ranged:
            told.add(None)
        return frozenset(told)

    def concerns(self, who: CalendarUserAddress) -> bool:
        """Whether anything changed for that attendee."""
        return bool(self._lost(who) or self._told(who))

    def significant(self, who: CalendarUserAddress) -> bool:
        """Whether more changed for that attendee than being asked again."""
        return bool(self._lost(who) or self._told(who, again=False))

    def messages(self, who: CalendarUserAddress, *, forced: bool = False) -> list[ITipMessage]:
        """CANCEL for what is lost, then REQUEST for what is new."""
        lost, told = self._lost(who), self._told(who)
        has = {rid for rid, roster in self.rosters.items() if who in roster}
        found = []
        if lost == {None} and None not in has:
            found.append(self.end(who))
        elif lost:
            found.append(self._message(Method.CANCEL, who, *self._cancellations(who, lost)))
        if forced or (lost & self.removed) or lost & self.ranged:
            told |= {None}
        if None in lost:
            # What goes on although the series ended.
            told |= {rid for rid in has if rid is not None and not cancelled(self.components[rid])}
        if told and has:
            found.append(self._message(Method.REQUEST, who, *self._request(has, told)))
        return found

    def request(self, who: CalendarUserAddress, rids: frozenset[Rid]) -> ITipMessage | None:
        """The REQUEST for some components; None in the set means all that they are invited to."""
        has = {rid for rid, roster in self.rosters.items() if who in roster}
        if not has or (None not in rids and not has & rids):
            return None
        return self._message(Method.REQUEST, who, *self._request(has, rids))

    def end(self, who: CalendarUserAddress) -> ITipMessage:
        """The CANCEL of everything that an attendee was invited to."""
        rids = [rid for rid, roster in self.rosters_before.items() if who in roster]
        made = [self._cancellation(self.before[rid]) for rid in rids]
        return self._message(Method.CANCEL, who, ("end", frozenset(rids)), made)

    def _cancellations(
        self, who: CalendarUserAddress, lost: frozenset[Rid]
    ) -> tuple[object, list[Component]]:
        rids = {rid for rid, roster in self.rosters.items() if who in roster} if None in lost else lost
        made = []
        for rid in sorted(rids, key=_order):
            now_there = self.components.get(rid)
            stopped = now_there is not None and rid in self.stopped
            source = now_there if stopped else (base_of(self.old, rid) or now_there)
            if source is not None:
                made.append(self._cancellation(source))
        return ("cancel", frozenset(rids)), made

    def _cancellation(self, source: Component) -> Component:
        """Made once for all who are told so."""
        found = self._ended.get(id(source))
        if found is None:
            found = self._ended[id(source)] = source, cancellation(source, self.number)
        return found[1]

    def _request(self, has: set[Rid], told: frozenset[Rid]) -> tuple[object, list[Component]]:
        rids = has if None in told else has & told
        hidden = frozenset(self.components.keys() - has - {None}) if None in rids else frozenset()
        made = []
        for rid in sorted(rids, key=_order):
            shown = self._shown(rid)
            if rid is None and hidden:
                shown = with_exdates(shown, (h for h in hidden if h is not None), self.new.zones)
            made.append(shown)
        return (frozenset(rids), hidden), made

    def _shown(self, rid: Rid) -> Component:
        if rid not in self._public:
            self._public[rid] = public(self.components[rid])
        return self._public[rid]

    def _message(
        self, method: Method, who: CalendarUserAddress, key: object, components: list[Component]
    ) -> ITipMessage:
        """Attendees who are told the same get the very same body."""
        seen = [seen_by(c, who, self.own, self.aliases) for c in components]
        veiled = any(shown is not c for shown, c in zip(seen, components, strict=True))
        cached = (method, key, who if veiled else None)
        if cached not in self._bodies:
            source = self.new if method is Method.REQUEST or self.old is None else self.old
            self._bodies[cached] = message(source, method, seen, self.now)
        body = self._bodies[cached]
        assert body.organizer is not None
        return ITipMessage(method, body.organizer, who, body)


def requests(
    obj: CalendarObject,
    recipients: Mapping[CalendarUserAddress, frozenset[Rid]],
    own: frozenset[CalendarUserAddress],
    *,
    now: datetime,
    aliases: Aliases = MappingProxyType({}),
) -> tuple[ITipMessage, ...]:
    """REQUESTs that show each recipient some of their components; None in the set means all of them.

    Who is not invited to any of them gets none.
    """
    me = frozenset(aliases.get(a, a) for a in own)
    diff = _Diff(None, obj, me, aliases, now, highest_sequence(obj))
    return tuple(m for who, rids in recipients.items() if (m := diff.request(who, rids)) is not None)


def _order(rid: Rid) -> tuple[bool, str]:
    return rid is not None, rid.to_basic() if rid else ""


def _in_order(rosters: Iterable[Roster]) -> list[CalendarUserAddress]:
    return list(dict.fromkeys(who for roster in rosters for who in roster))


def _forced(new: CalendarObject, aliases: Aliases) -> frozenset[CalendarUserAddress]:
    """Attendees who are to be told whatever changed (RFC 6638 §7.2)."""
    return frozenset(
        who
        for component in new.components
        for who, prop in attendees(component, aliases).items()
        if (prop.param("SCHEDULE-FORCE-SEND") or "").upper() == "REQUEST"
    )


def _reanswered(old: CalendarObject | None, new: CalendarObject, aliases: Aliases) -> frozenset[Rid]:
    """The components in which somebody who was invited before has another answer, the organizer included.

    The series (None) where that is so of an instance whose override is gone.
    """
    found = {rid for rid, c in new.by_rid().items() if _answered_otherwise(base_of(old, rid), c, aliases)}
    if old is not None and new.master is not None and None not in found:
        gone = old.overrides.keys() - new.overrides.keys() - exdates(new)
        if any(_answered_otherwise(old.overrides[rid], component_at(new, rid), aliases) for rid in gone):
            found.add(None)
    return frozenset(found)


def _answered_otherwise(old: Component | None, new: Component | None, aliases: Aliases) -> bool:
    if old is None or new is None or old.all("ATTENDEE") == new.all("ATTENDEE"):
        return False
    before = attendees(old, aliases)
    return any(
        who in before and partstat(prop) is not partstat(before[who])
        for who, prop in attendees(new, aliases).items()
    )
