# SPDX-License-Identifier: GPL-3.0-or-later
"""The attendee's side: what an invited calendar user may change, and what the organizer hears of it.

An attendee's copy is the organizer's data with the attendee's own on top. What a client stores is therefore
read for what is the attendee's: the answer, alarms, TRANSP, categories, private properties, deleted
instances. Everything else comes from the copy the server has. An attempt to change when the event is, what
it is, or who takes part is refused (RFC 6638 §3.2.2.1); what a client merely lost is put back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import (
    ITipMessage,
    Method,
    ScheduleAgent,
    SchedulingPlan,
    address,
    agent,
    answered,
    message,
    private,
    sent_by,
)
from calcore_caldav.core.itip import (
    reply as reply_component,
)
from calcore_caldav.core.merge import same_data
from calcore_caldav.core.overrides import alone
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence_id import RecurrenceId, Rid
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import (
    cancelled,
    component_at,
    exdates,
    exdates_of,
    has_instance,
    usual_at,
    with_exdates,
    without_exdates,
)
from calcore_caldav.core.timing import retimed
from calcore_caldav.core.unnamed_dates import overridden_dates, unnamed_dates
from calcore_caldav.errors import SchedulingRefused

Own = frozenset[CalendarUserAddress]

# Texts that only the organizer changes; other ones are put back in silence, since clients lose them.
_FIXED: Final = ("SUMMARY", "LOCATION")
# Values that STATUS and PARTSTAT of tasks share (RFC 5545 §3.2.12, §3.8.1.11).
_PROGRESS: Final = frozenset({"IN-PROCESS", "COMPLETED"})
_OWN: Final = frozenset({"TRANSP", "CATEGORIES", "COLOR", "COMMENT", "COMPLETED", "PERCENT-COMPLETE"})


def attendee_messages(
    old: CalendarObject,
    new: CalendarObject | None,
    own: Own,
    *,
    now: datetime,
    reply: bool = True,
    organizer_object: CalendarObject | None = None,
    actor: CalendarUserAddress | None = None,
) -> SchedulingPlan:
    """What follows from an attendee's change or deletion (RFC 6638 §3.2.2).

    `old` is the copy that the server has; `new` None deletes it, which declines. With `reply` False nobody
    is told of a removal (Schedule-Reply: F). `organizer_object`, where it is of this server, tells which
    instances there are and whether the organizer's event takes up time. `actor`: who answers for the attendee,
    where it isn't themselves. Raises SchedulingRefused.
    """
    if new is None:
        if not reply or all(cancelled(c) for c in old.components):
            return SchedulingPlan("attendee", None)
        return SchedulingPlan("attendee", None, _decline_all(old, own, now, organizer_object, actor))
    change = _Change(old, new, own, organizer_object, actor)
    stored = change.stored()
    prop = next((p for c in new.components if (p := c.get("ORGANIZER")) is not None), None)
    forced = prop is not None and (prop.param("SCHEDULE-FORCE-SEND") or "").upper() == "REPLY"
    answers = change.answers(stored, reply=reply, forced=forced)
    if agent(prop) is not ScheduleAgent.SERVER or not answers:
        return SchedulingPlan("attendee", stored)
    return SchedulingPlan("attendee", stored, (replace(_reply(stored, answers, own, now), forced=forced),))


def refused(detail: str) -> SchedulingRefused:
    """The refusal of a change that attendees may not make (RFC 6638 §3.2.4.4)."""
    return SchedulingRefused("allowed-attendee-scheduling-object-change", detail)


def own_attendee(component: Component, own: Own) -> Property | None:
    """The ATTENDEE of the calendar user whose addresses are `own`."""
    return find_attendee(component, own)


def _decline_all(
    old: CalendarObject,
    own: Own,
    now: datetime,
    organizer_object: CalendarObject | None,
    actor: CalendarUserAddress | None,
) -> tuple[ITipMessage, ...]:
    mine = [(c, p) for c in old.components if (p := own_attendee(c, own)) is not None]
    organizer = next((c.get("ORGANIZER") for c in old.components if c.get("ORGANIZER") is not None), None)
    if (
        not mine
        or agent(organizer) is not ScheduleAgent.SERVER
        or all(partstat(p) is PartStat.DECLINED or cancelled(c) for c, p in mine)
    ):
        return ()
    made = [_declining(c, p, actor) for c, p in mine if not cancelled(c)]
    unseen = overridden_dates(old, organizer_object, own).values()
    made += [_declining(c, p, actor) for c in unseen if (p := own_attendee(c, own)) is not None]
    return (_reply(old, made, own, now),)


def _declining(component: Component, attendee: Property, actor: CalendarUserAddress | None) -> Component:
    """The component with its ATTENDEE `attendee` not coming, as `actor` or the attendee says."""
    away = attendee.with_param("PARTSTAT", PartStat.DECLINED.value).without_params("RSVP")
    away = sent_by(away, actor)
    return component.map(lambda prop: away if prop is attendee else prop)


def _reply(source: CalendarObject, answers: Iterable[Component], own: Own, now: datetime) -> ITipMessage:
    made: list[Component] = []
    sender: CalendarUserAddress | None = None
    for component in answers:
        prop = own_attendee(component, own)
        if prop is None:
            continue
        sender = sender or address(prop)
        delegates = [
            p
            for p in component.all("ATTENDEE")
            if partstat(prop) is PartStat.DELEGATED and _delegated_by(p, own)
        ]
        made.append(reply_component(component, (prop, *delegates), component.all("COMMENT")))
    body = message(source, Method.REPLY, made, now)
    assert sender is not None
    assert body.organizer is not None
    return ITipMessage(Method.REPLY, sender, body.organizer, body)


def _delegated_by(attendee: Property, own: Own) -> bool:
    froms = next((v for n, v in attendee.params if n == "DELEGATED-FROM"), ())
    return any(CalendarUserAddress.parse(v) in own for v in froms)


@dataclass
class _Change:
    """A client's version of an attendee's copy against the server's."""

    old: CalendarObject
    new: CalendarObject
    own: Own
    organizer_object: CalendarObject | None
    actor: CalendarUserAddress | None
    gone: dict[RecurrenceId, Component] = field(default_factory=dict)
    """Instances that the attendee deleted, as they were."""

    def stored(self) -> CalendarObject:
        """The server's copy with what is the attendee's own in the client's."""
        deleted, new = self._deleted(), self.new
        for rid in deleted:
            self.old = alone(self.old, rid)
        old = self.old
        if new.master is not None and old.master is None:
            raise refused("an attendee of some instances cannot make a series of them")
        found: dict[Rid, Component] = {}
        if old.master is not None:
            found[None] = self._master(old.master)
        for rid, mine in old.overrides.items():
            theirs = new.overrides.get(rid)
            if theirs is not None:
                found[rid] = self._overlaid(mine, theirs)
            elif rid in deleted or old.master is None:
                self.gone[rid] = mine
            else:
                found[rid] = mine
        for rid in deleted - self.gone.keys():
            instance = component_at(old, rid)
            if instance is not None:
                self.gone[rid] = instance
        for rid, theirs in new.overrides.items():
            if rid not in old.overrides:
                added = self._added(rid, theirs)
                if added is not None:
                    found[rid] = added
        if old.master is not None and found[None] is not None:
            found[None] = without_exdates(found[None], found.keys() - {None}, old.zones)  # type: ignore[arg-type]
        if not found:
            if not all(cancelled(mine) for mine in self.gone.values()):
                raise refused("nothing of the invitation is left")
            # What is cancelled goes by deleting the resource; a client that lost it otherwise gets it back.
            found, self.gone = dict(old.by_rid()), {}
        made = old.with_components(tuple(found.values()))
        made = CalendarObject.from_component(_calendar(made.calendar, new.calendar))
        return new if same_data(made, new) else made

    def _deleted(self) -> frozenset[RecurrenceId]:
        """Instances that got an EXDATE and were there before."""
        added = exdates(self.new) - exdates(self.old)
        return frozenset(rid for rid in added if has_instance(self.old, rid))

    def _master(self, mine: Component) -> Component:
        theirs = self.new.master
        if theirs is None:
            return mine
        made = self._overlaid(mine, theirs)
        return with_exdates(made, exdates_of(theirs, self.new.zones), self.old.zones)

    def _added(self, rid: RecurrenceId, theirs: Component) -> Component | None:
        """An instance that the attendee answers alone."""
        if rid in exdates(self.new):
            return None
        known = has_instance(self.old, rid) or (
            rid in exdates(self.old)
            and self.organizer_object is not None
            and has_instance(self.organizer_object, rid)
        )
        if known and self.old.master is not None:
            usual = usual_at(self.old, rid)
            if usual is not None:
                return self._overlaid(usual, theirs)
        if cancelled(theirs):
            return None
        raise refused(f"the invitation has no instance {rid.to_basic()}")

    def _overlaid(self, mine: Component, theirs: Component) -> Component:
        """`mine` with what `theirs` may say."""
        self._check(mine, theirs)
        given, asked_of = own_attendee(theirs, self.own), own_attendee(mine, self.own)
        if given is None or asked_of is None:
            raise refused("the attendee's own ATTENDEE is missing")
        given = _as_worked_on(given, asked_of, mine, theirs)
        organizer = theirs.get("ORGANIZER")

        def edited(prop: Property) -> Property | None:
            if prop.name in _OWN or private(prop.name):
                return None
            if prop is asked_of:
                changed = partstat(asked_of) is not partstat(given)
                return sent_by(answered(asked_of, given), self.actor) if changed else prop
            if prop.name == "ORGANIZER" and organizer is not None:
                return _with_agent(prop, organizer)
            if prop.name == "STATUS" and mine.name == "VTODO" and not cancelled(mine):
                return None
            return None if prop.name.startswith("X-") and theirs.get(prop.name) is not None else prop

        taken = [
            p
            for p in theirs.properties
            if p.name in _OWN
            or p.name.startswith("X-")
            or (p.name == "STATUS" and mine.name == "VTODO" and not cancelled(mine))
            or (p.name == "ATTENDEE" and self._is_delegate(p, given, mine))
        ]
        made = mine.map(edited)
        alarms = (c for c in theirs.children if c.name == "VALARM")
        others = (c for c in mine.children if c.name != "VALARM")
        made = Component(made.name, (*made.properties, *taken), (*others, *alarms))
        return self._taking_up_time(made, mine, asked_of, given)

    def _taking_up_time(
        self, made: Component, mine: Component, before: Property, given: Property
    ) -> Component:
        """With the organizer's TRANSP, where the attendee left alone the one that awaited the answer."""
        coming = {PartStat.ACCEPTED, PartStat.TENTATIVE}
        was_waiting = partstat(before) is PartStat.NEEDS_ACTION and partstat(given) in coming
        untouched = _transp(made) == _transp(mine) != "OPAQUE"
        if not was_waiting or not untouched:
            return made
        theirs = None
        if self.organizer_object is not None:
            theirs = component_at(self.organizer_object, self.old.recurrence_id(mine))
        transp = theirs.get("TRANSP") if theirs is not None else None
        return made.with_property(transp) if transp is not None else made.without("TRANSP")

    def _check(self, mine: Component, theirs: Component) -> None:
        old, new = self.old, self.new
        if retimed(mine, old.zones, theirs, new.zones):
            raise refused("only the organizer changes when it takes place")
        for name in _FIXED:
            ours, given = mine.text(name), theirs.text(name)
            if given is not None and " ".join(given.split()) != " ".join((ours or "").split()):
                raise refused(f"only the organizer changes {name}")
        organizer, named = mine.get("ORGANIZER"), theirs.get("ORGANIZER")
        if named is None or organizer is None or address(named) != address(organizer):
            raise refused("ORGANIZER cannot be changed")
        given_own = own_attendee(theirs, self.own)
        invited = {address(p) for p in mine.all("ATTENDEE")} | self.own | {address(organizer)}
        for prop in theirs.all("ATTENDEE"):
            if address(prop) not in invited and not self._is_delegate(prop, given_own, mine):
                raise refused("attendees cannot invite others")

    def _is_delegate(self, prop: Property, given: Property | None, mine: Component) -> bool:
        """Whether an ATTENDEE is the one whom the attendee sends instead (RFC 5546 §3.2.2.3)."""
        if given is None or partstat(given) is not PartStat.DELEGATED or not _delegated_by(prop, self.own):
            return False
        to = next((v for n, v in given.params if n == "DELEGATED-TO"), ())
        named = address(prop) in {CalendarUserAddress.parse(v) for v in to}
        return named and address(prop) not in {address(p) for p in mine.all("ATTENDEE")}

    def answers(self, stored: CalendarObject, *, reply: bool, forced: bool) -> list[Component]:
        """The components with answers that the organizer hasn't got."""
        changed: set[Rid] = set()
        for rid, component in stored.by_rid().items():
            now, before = own_attendee(component, self.own), self._before(rid)
            if now is not None and (forced or before is None or _says(component, now) != before):
                changed.add(rid)
        components = stored.by_rid()
        # An answer to the series, or to one date and all that follow, names all that it means.
        since = min((r for r in changed if r is not None and is_ranged(components[r])), default=None)

        def meant(rid: Rid) -> bool:
            return None in changed or (since is not None and rid is not None and rid > since)

        found = [c for rid, c in components.items() if rid in changed or meant(rid)]
        if None in changed or since is not None:
            deleted = exdates(stored)
            for rid, instance in unnamed_dates(stored, self.organizer_object, self.own).items():
                prop = own_attendee(instance, self.own)
                if prop is not None and rid not in self.gone and meant(rid):
                    away = rid in deleted
                    found.append(_declining(instance, prop, self.actor) if away else instance)
        if reply:
            for mine in self.gone.values():
                prop = own_attendee(mine, self.own)
                if prop is not None and partstat(prop) is not PartStat.DECLINED and not cancelled(mine):
                    found.append(_declining(mine, prop, self.actor))
        return found

    def _before(self, rid: Rid) -> tuple[object, ...] | None:
        if rid is not None and rid in exdates(self.old):
            return None
        component = component_at(self.old, rid)
        prop = own_attendee(component, self.own) if component is not None else None
        return _says(component, prop) if component is not None and prop is not None else None


def _transp(component: Component) -> str:
    return (component.value("TRANSP") or "").strip().upper()


def _as_worked_on(given: Property, asked_of: Property, mine: Component, theirs: Component) -> Property:
    """The answer; of a task that a client merely ticks off, or opens again, the one that says so."""
    before, now = ((c.value("STATUS") or "NEEDS-ACTION").strip().upper() for c in (mine, theirs))
    if mine.name != "VTODO" or before == now or partstat(given) is not partstat(asked_of):
        return given
    if now in _PROGRESS:
        return given.with_param("PARTSTAT", now)
    begun = partstat(given).value in _PROGRESS and now == "NEEDS-ACTION"
    return given.with_param("PARTSTAT", PartStat.ACCEPTED.value) if begun else given


def _says(component: Component, own: Property) -> tuple[object, ...]:
    return partstat(own), own.param("DELEGATED-TO"), tuple(p.text for p in component.all("COMMENT"))


def _with_agent(mine: Property, theirs: Property) -> Property:
    """The server's ORGANIZER with the client's choice of who delivers (RFC 6638 §7.1)."""
    value = theirs.param("SCHEDULE-AGENT")
    if value == mine.param("SCHEDULE-AGENT"):
        return mine
    return mine.with_param("SCHEDULE-AGENT", *([value] if value else []))


def _calendar(mine: Component, theirs: Component) -> Component:
    """The server's calendar with the client's PRODID and private properties."""
    if mine.properties == theirs.properties:
        return mine
    return Component(mine.name, (p for p in theirs.properties if p.name != "METHOD"), mine.children)
