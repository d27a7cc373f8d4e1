# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations: what a REQUEST or an ADD makes of the receiver's copy (RFC 5546 §3.2.2, §3.2.4; RFC 6638 §4.1)."""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, find_attendee, partstat
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import SERVER_PARAMS, private
from calcore_caldav.core.merge import MergeResult, Outcome, apart, ended, same_data
from calcore_caldav.core.overrides import alone, of_one
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence_id import RecurrenceId, Rid
from calcore_caldav.core.revision import REVISION, last_seen, older, predates, revision
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import (
    SHARED_PREFIX,
    alike_named,
    called_off,
    cancelled,
    component_at,
    exdates,
    exdates_of,
    has_instance,
    usual_at,
    with_exdates,
    without_exdates,
)
from calcore_caldav.core.timing import relaid


def apply_request(
    existing: CalendarObject | None,
    body: CalendarObject,
    own: frozenset[CalendarUserAddress],
    *,
    in_order: bool = False,
    waiting_is_free: bool = True,
) -> MergeResult:
    """An invitation or its change, merged into the copy of the one whose addresses are `own`.

    What is the receiver's own stays: alarms, TRANSP, categories, private properties, instances deleted after
    they were declined. A copy that waits for an answer is TRANSP:TRANSPARENT where `waiting_is_free`. A message
    with overrides only never touches the master. `in_order`: the sender's messages cannot overtake each other.
    """
    if existing is None:
        return _new_copy(body, own, waiting_is_free=waiting_is_free)
    merge = _Request(existing, body, own, in_order=in_order, waiting_is_free=waiting_is_free)
    components = merge.components()
    if merge.stale == len(body.components):
        return MergeResult(Outcome.IGNORED_STALE, existing)
    made = _with_zones(existing, body, components)
    if same_data(made, existing, but=frozenset({REVISION})):
        return MergeResult(Outcome.UNCHANGED, existing if in_order else made)
    return MergeResult(Outcome.APPLIED, made, frozenset(body.by_rid()))


def whole_copy(
    body: CalendarObject, own: frozenset[CalendarUserAddress], *, waiting_is_free: bool = True
) -> CalendarObject:
    """The copy of a REQUEST with everything in it, declined instances too."""
    calendar = body.calendar.without("METHOD")
    made = (_received(c, None, own, free=waiting_is_free) for c in body.components)
    return CalendarObject.from_component(calendar.with_children((*calendar.named("VTIMEZONE"), *made)))


def _new_copy(
    body: CalendarObject, own: frozenset[CalendarUserAddress], *, waiting_is_free: bool
) -> MergeResult:
    wanted = [c for c in body.components if _own_answer(c, own) is not PartStat.DECLINED]
    if not wanted:
        return MergeResult(Outcome.IGNORED_DECLINED, None)
    if _series_counts(body, own):
        # Of a declined date and all that follow the ones that follow are still there.
        wanted = [c for c in body.components if c is body.master or c in wanted or is_ranged(c)]
    made = [_received(c, None, own, free=waiting_is_free) for c in wanted]
    deleted = [rid for rid, c in body.overrides.items() if body.master in wanted and c not in wanted]
    if deleted and body.master is not None:
        at = wanted.index(body.master)
        made[at] = with_exdates(made[at], deleted, body.zones)
    calendar = body.calendar.without("METHOD").with_children(
        (*(c for c in body.calendar.children if c.name == "VTIMEZONE"), *made)
    )
    return MergeResult(Outcome.CREATED, CalendarObject.from_component(calendar), frozenset(body.by_rid()))


def _series_counts(body: CalendarObject, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether one who has no series gets it: not declined, or needed for dates that follow one not declined."""
    return body.master is not None and any(
        _own_answer(c, own) is not PartStat.DECLINED
        for c in body.components
        if c is body.master or is_ranged(c)
    )


class _Request:
    """One REQUEST on one copy."""

    def __init__(
        self,
        existing: CalendarObject,
        body: CalendarObject,
        own: frozenset[CalendarUserAddress],
        *,
        in_order: bool,
        waiting_is_free: bool,
    ) -> None:
        self.existing, self.body, self.own, self.in_order = existing, body, own, in_order
        self.waiting_is_free = waiting_is_free
        self.stale = 0
        # A component that is new says of the organizer what the others say.
        self.organizer = next((p for c in existing.components if (p := c.get("ORGANIZER")) is not None), None)
        self.deleted = exdates(existing)
        self._set_apart()
        self.moved = (
            existing.master is not None
            and body.master is not None
            and relaid(existing.master, existing.zones, body.master, body.zones)
        )

    def _set_apart(self) -> None:
        """Of a date and all that follow, the first that is deleted doesn't take the others with it."""
        while True:
            ranged = (rid for rid, c in self.body.overrides.items() if is_ranged(c))
            away = next((r for r in ranged if self._declined_away(r, self.body.overrides[r])), None)
            if away is None:
                return
            self.body = alone(self.body, away)

    def components(self) -> tuple[Component, ...]:
        """The components of the copy afterwards."""
        if self.existing.master is not None or _series_counts(self.body, self.own):
            if self.body.master is not None and not self._overtaken(self.body.master, self.existing.master):
                return self._whole(self.body.master)
            self.stale += self.body.master is not None
        found: dict[Rid, Component] = dict(apart(self.existing, self.body).by_rid())
        if self._of_another_series():
            found = {}
        if self.body.master is not None and self.existing.master is None:
            found.update(self._no_longer_told(self.body.master))
        back: set[RecurrenceId] = set()
        for rid, theirs in self.body.overrides.items():
            if self._overtaken(theirs, self.existing.overrides.get(rid)) or self._predates(theirs):
                self.stale += 1
            elif not self._declined_away(rid, theirs):
                found[rid] = self._received(theirs, self._own_at(rid))
                back.add(rid)
        for rid in self._dropped():
            found[rid] = found[rid].set("STATUS", "CANCELLED")
        if found.get(None) is not None:
            found[None] = without_exdates(found[None], back & self.deleted, self.existing.zones)
        return tuple(found.values())

    def _of_another_series(self) -> bool:
        """Whether nothing is left of what the receiver had but cancellations of what had other dates."""
        return called_off(self.existing) and not alike_named(self.existing, self.body.overrides)

    def _no_longer_told(self, series: Component) -> dict[Rid, Component]:
        """Dates of a series that the receiver hasn't: as the series has them now, or cancelled."""
        found: dict[Rid, Component] = {}
        for rid, mine in self.existing.overrides.items():
            if rid not in self.body.overrides and not self._overtaken(series, mine):
                theirs = component_at(self.body, rid) if has_instance(self.body, rid) else None
                found[rid] = ended(mine, series) if theirs is None else self._received(theirs, mine)
        return found

    def _whole(self, theirs: Component) -> tuple[Component, ...]:
        master = self._received(theirs, self.existing.master)
        gone = exdates_of(theirs, self.body.zones)
        found: dict[RecurrenceId, Component] = self._newer(theirs)
        away = set()
        for rid, override in self.body.overrides.items():
            mine = self.existing.overrides.get(rid)
            if self._overtaken(override, mine):
                self.stale += 1
                found[rid] = mine if mine is not None else override
            elif self._declined_away(rid, override):
                away.add(rid)
            else:
                found[rid] = self._received(override, self._own_at(rid))
        if not self.moved:
            for rid, mine in self.existing.overrides.items():
                if rid in found or rid in away:
                    continue
                if cancelled(mine):
                    # Cancelled instances stay visible until their owner removes them.
                    if rid in gone:
                        found[rid] = of_one(mine)
                elif has_instance(self.body, rid) and (kept := self._own_instance(rid, mine)) is not None:
                    found[rid] = kept
            # Where the organizer's copy has all answers, a deletion that it doesn't know as declined was of
            # something else: an instance that the receiver was uninvited from, and now is invited to again.
            away |= {
                rid
                for rid in self.deleted - gone - self.body.overrides.keys()
                if not self.in_order or self._answer_at(rid) is PartStat.DECLINED
            }
        visible = [rid for rid in found if rid in gone]
        master = without_exdates(master, visible, self.body.zones)
        master = with_exdates(master, (rid for rid in away if rid not in gone), self.body.zones)
        order = [rid for rid in self.existing.overrides if rid in found]
        order += [rid for rid in found if rid not in self.existing.overrides]
        return (master, *(found[rid] for rid in order))

    def _dropped(self) -> list[RecurrenceId]:
        """Dates, of one who declined the series, that it doesn't have any more."""
        series = self.body.master
        if series is None or self.existing.master is not None:
            return []
        return [
            rid
            for rid, mine in self.existing.overrides.items()
            if not has_instance(self.body, rid) and not self._overtaken(series, mine)
        ]

    def _received(self, theirs: Component, mine: Component | None) -> Component:
        return _received(theirs, mine, self.own, self.organizer, free=self.waiting_is_free)

    def _overtaken(self, theirs: Component, mine: Component | None) -> bool:
        """Whether the copy knows something newer already (RFC 5546 §2.1.5)."""
        return not self.in_order and mine is not None and older(revision(theirs), last_seen(mine))

    def _predates(self, theirs: Component) -> bool:
        return not self.in_order and predates(theirs, self.existing.master)

    def _newer(self, series: Component) -> dict[RecurrenceId, Component]:
        """Instances of which a later message told than the one that brings the series."""
        if self.in_order:
            return {}
        return {
            rid: mine
            for rid, mine in self.existing.overrides.items()
            if rid not in self.body.overrides and older(revision(series), last_seen(mine))
        }

    def _declined_away(self, rid: RecurrenceId, theirs: Component) -> bool:
        """Whether the receiver declined that instance and deleted it."""
        if _own_answer(theirs, self.own) is not PartStat.DECLINED or rid in self.existing.overrides:
            return False
        return rid in self.deleted or self.existing.master is None

    def _answer_at(self, rid: RecurrenceId) -> PartStat | None:
        """The receiver's answer to a date, as the sender has it."""
        theirs = component_at(self.body, rid)
        return _own_answer(theirs, self.own) if theirs is not None else None

    def _own_at(self, rid: RecurrenceId) -> Component | None:
        return component_at(self.existing, rid)

    def _own_instance(self, rid: RecurrenceId, mine: Component) -> Component | None:
        """An override that the sender doesn't have, for what the receiver changed in it: say, an alarm."""
        usual, fresh = usual_at(self.existing, rid), usual_at(self.body, rid)
        if usual is None or fresh is None or _own_part(mine, self.own) == _own_part(usual, self.own):
            return None
        return self._received(fresh, mine)


def _own_part(component: Component, own: frozenset[CalendarUserAddress]) -> tuple[object, ...]:
    """What a receiver may have changed in a copy, comparable."""
    waiting = _own_answer(component, own) is PartStat.NEEDS_ACTION
    return (
        tuple(p for p in component.properties if _keeps(p.name) and not (waiting and p.name == "TRANSP")),
        tuple(c for c in component.children if c.name == "VALARM"),
    )


_KEPT: Final = frozenset({"CATEGORIES", "COLOR", "COMMENT"})


def _keeps(name: str) -> bool:
    """Whether a property of the copy survives an update (those that the message has too, aside)."""
    if name.startswith(SHARED_PREFIX):
        return False
    return private(name) or name in _KEPT or name.startswith("X-")


def _received(
    theirs: Component,
    mine: Component | None,
    own: frozenset[CalendarUserAddress],
    organizer: Property | None = None,
    *,
    free: bool = True,
) -> Component:
    """A component of a REQUEST as the receiver keeps it; `free`: it takes no time until it is answered."""
    stays = [p for p in mine.properties if _keeps(p.name)] if mine is not None else []
    own_names = {p.name for p in stays if p.name in {"CATEGORIES", "COLOR"} or private(p.name)}
    if mine is not None and _works_on(mine, own) and not cancelled(theirs):
        own_names.add("STATUS")
        stays += mine.all("STATUS")
    sent_names = {p.name for p in theirs.properties}
    stays = [p for p in stays if p.name in own_names or p.name not in sent_names]

    def edited(prop: Property) -> Property | None:
        if prop.name == "ATTENDEE":
            made = prop.without_params(*SERVER_PARAMS)
            return (
                made if CalendarUserAddress.parse(prop.value) not in own else _with_own_marks(made, mine, own)
            )
        if prop.name in own_names or private(prop.name):
            return None
        if prop.name == "ORGANIZER":
            return _kept_params(prop, mine.get("ORGANIZER") if mine is not None else organizer)
        return prop

    made = theirs.map(edited)
    alarms = (c for c in mine.children if c.name == "VALARM") if mine is not None else ()
    others = (c for c in theirs.children if c.name != "VALARM")
    made = Component(made.name, (*made.properties, *stays), (*others, *alarms))
    if free and made.name == "VEVENT" and _own_answer(made, own) is PartStat.NEEDS_ACTION:
        return made.set("TRANSP", "TRANSPARENT")
    return made


def _works_on(mine: Component, own: frozenset[CalendarUserAddress]) -> bool:
    """Whether STATUS of a task says how far its attendee has come (RFC 5546 §3.4.3)."""
    if mine.name != "VTODO" or cancelled(mine):
        return False
    progress = mine.get("COMPLETED") or mine.get("PERCENT-COMPLETE")
    return progress is not None or _own_answer(mine, own) in {PartStat.IN_PROCESS, PartStat.COMPLETED}


def _with_own_marks(
    theirs: Property, mine: Component | None, own: frozenset[CalendarUserAddress]
) -> Property:
    """The receiver's ATTENDEE with the X- parameters of the copy, while the answer stays the same."""
    kept = find_attendee(mine, own) if mine is not None else None
    if kept is None or partstat(kept) is not partstat(theirs):
        return theirs
    for name, values in kept.params:
        if name.startswith("X-") and theirs.param(name) is None:
            theirs = theirs.with_param(name, *values)
    return theirs


def _kept_params(theirs: Property, mine: Property | None) -> Property:
    made = theirs.without_params(*SERVER_PARAMS)
    for name in ("SCHEDULE-AGENT", "SCHEDULE-STATUS"):
        value = mine.param(name) if mine is not None else None
        if value is not None:
            made = made.with_param(name, value)
    return made


def _own_answer(component: Component, own: frozenset[CalendarUserAddress]) -> PartStat | None:
    for prop in component.all("ATTENDEE"):
        if CalendarUserAddress.parse(prop.value) in own:
            return partstat(prop)
    return None


def _with_zones(
    existing: CalendarObject, body: CalendarObject, components: tuple[Component, ...]
) -> CalendarObject:
    """The copy's calendar with other components and every time zone that they name."""
    zones: dict[str | None, Component] = {}
    for calendar in (body.calendar, existing.calendar):
        for zone in calendar.named("VTIMEZONE"):
            zones.setdefault(zone.value("TZID"), zone)
    used = {p.param("TZID") for c in components for part in c.walk() for p in part.properties}
    kept = [zone for tzid, zone in zones.items() if tzid in used or tzid is None]
    return CalendarObject.from_component(existing.calendar.with_children((*kept, *components)))


# ---- ADD


def apply_add(
    existing: CalendarObject | None, body: CalendarObject, own: frozenset[CalendarUserAddress]
) -> MergeResult:
    """Further instances of a series, each an RDATE with its override (RFC 5546 §3.2.4).

    Without the series nothing can be added: the receiver has to ask for it (REFRESH).
    """
    if existing is None or existing.master is None:
        return MergeResult(Outcome.UNKNOWN_UID, existing)
    found: dict[Rid, Component] = dict(existing.by_rid())
    master = existing.master
    touched: set[Rid] = set()
    for theirs in body.components:
        start = theirs.get("DTSTART")
        if start is None or older(revision(theirs), last_seen(master)):
            continue
        rid = RecurrenceId.of(body.zones.value(start))
        if rid in found and older(revision(theirs), last_seen(found[rid])):
            continue
        if not has_instance(existing, rid):
            master = master.adding(Property("RDATE", start.value, start.params))
        override = theirs.with_property(Property("RECURRENCE-ID", start.value, start.params))
        found[rid] = _received(override, component_at(existing, rid), own, existing.master.get("ORGANIZER"))
        touched.add(rid)
    if not touched:
        return MergeResult(Outcome.IGNORED_STALE, existing)
    found[None] = master
    made = _with_zones(existing, body, tuple(found.values()))
    if same_data(made, existing, but=frozenset({REVISION})):
        return MergeResult(Outcome.UNCHANGED, made)
    return MergeResult(Outcome.APPLIED, made, frozenset(touched))
