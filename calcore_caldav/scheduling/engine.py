# SPDX-License-Identifier: GPL-3.0-or-later
"""Implicit scheduling: what a change of a scheduling object resource causes (RFC 6638 §3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from calcore_caldav.core import brought, guests
from calcore_caldav.core.answers import base_of
from calcore_caldav.core.attendee import attendee_messages
from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.invitation import whole_copy
from calcore_caldav.core.itip import ITipMessage, Method, ScheduleAgent, SchedulingPlan, agent
from calcore_caldav.core.organizer import organizer_messages, requests
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence_id import Rid
from calcore_caldav.core.significance import called_off
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.scheduling import approvals, room_jobs, room_returns
from calcore_caldav.scheduling.delivery import EVERYTHING, Delivery, new_tag
from calcore_caldav.scheduling.people import People, acting_for, signed
from calcore_caldav.scheduling.reopening import reopened
from calcore_caldav.scheduling.roles import (
    Role,
    check_bystander,
    check_components,
    check_delegates,
    check_transition,
    role_of,
    with_organizer,
)
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.statuses import Status, with_organizer_status, with_statuses
from calcore_caldav.store.protocol import SYSTEM, Collection, StoredObject, Transaction


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change that somebody asks for: create (no old), change, or delete (no new)."""

    owner: Principal
    """Owner of the home that the object is in; whose addresses decide the role."""
    collection: Collection
    name: str
    stored: StoredObject | None
    old: CalendarObject | None
    new: CalendarObject | None
    reply: bool = True
    """False: Schedule-Reply: F, an attendee's removal is not told to the organizer (RFC 6638 §8.1); a room's is."""
    mail: bool = True
    """False: nothing is sent to people of other servers."""
    merge_answers: bool = False
    """If-Schedule-Tag-Match held: answers that came in meanwhile are kept (RFC 6638 §3.2.10)."""


@dataclass(frozen=True, slots=True)
class SchedulingOutcome:
    """What is to be stored for the one who asked; everybody else's copies are written already."""

    stored: CalendarObject | None
    """None on delete. Equal to `change.new` where scheduling changed nothing."""
    schedule_tag: str | None
    """None: not a scheduling object resource."""


def lock_keys(txn: Transaction, change: ObjectChange) -> set[str]:
    """What a change has to be serialised on: the UID, and the rooms that may be asked or are written to."""
    people = People(txn)
    keys: set[str] = {f"room:{change.owner.name}"} if change.owner.kind.bookable else set()
    for obj in (change.old, change.new):
        if obj is not None:
            keys.add(f"uid:{obj.uid}")
            if obj.organizer is not None:
                for room in people.rooms({*obj.attendees, obj.organizer}):
                    asked = approvals.meeting_uid(room, obj.uid)
                    keys |= {f"room:{room.name}"} | ({f"uid:{asked}"} if asked is not None else set())
    return keys


class SchedulingEngine:
    """Executes implicit scheduling on a transaction."""

    def __init__(self, settings: SchedulingSettings) -> None:
        self.settings = settings

    def process(self, txn: Transaction, change: ObjectChange) -> SchedulingOutcome:
        """Check the change, deliver its messages to local users, queue the others, answer for rooms.

        Raises SchedulingRefused. Doesn't write the changed object itself: the corridor does.
        """
        before, after = role_of(change.old, change.owner), role_of(change.new, change.owner)
        if before is Role.NONE and after is Role.NONE:
            check_bystander(change.owner, change.old, change.new, People(txn))
            return SchedulingOutcome(change.new, None)
        people = People(txn)
        people.learn(change.old, change.new)
        if change.new is not None and after is Role.ORGANIZER:
            change = replace(change, new=with_organizer(change.new))
        if change.new is not None and after is not Role.NONE:
            check_components(change.new)
        check_transition(change.owner, change.old, change.new, people)
        run = _Run(txn, self.settings, people, change)
        if before is Role.ORGANIZER or after is Role.ORGANIZER:
            return run.organizer()
        return run.attendee()


class _Run:
    """One change being carried out."""

    def __init__(
        self, txn: Transaction, settings: SchedulingSettings, people: People, change: ObjectChange
    ) -> None:
        self.txn, self.settings, self.people, self.change = txn, settings, people, change
        self.owner = change.owner
        self.own = change.owner.own_addresses
        mail = settings.mail and change.mail
        self.delivery = Delivery(txn, replace(settings, mail=mail), people)

    # ---- organizer

    def organizer(self) -> SchedulingOutcome:
        """Tell the attendees, let rooms answer, write down what became of it (RFC 6638 §3.2.1)."""
        change = self.change
        new = change.new
        scheduled = new is not None and role_of(new, self.owner) is Role.ORGANIZER
        if scheduled and new is not None:
            new = signed(self.txn, self.owner, self.people.completed(new, self.owner))
        old = change.old if role_of(change.old, self.owner) is Role.ORGANIZER else None
        if old is None and new is not None:
            new = reopened(self.txn, new)
        if old is not None:
            # What is cancelled is cancelled by who does it now.
            old = signed(self.txn, self.owner, old)
        plan = organizer_messages(
            old,
            new if scheduled else None,
            self.own,
            now=self.txn.now,
            aliases=self.people.aliases,
            merge_answers=change.merge_answers,
        )
        statuses: dict[CalendarUserAddress, str] = {}
        current = self._rooms(plan, statuses)
        told = self._updated(plan, current)
        for sent in told:
            statuses[sent.recipient] = self.delivery.invite(sent)
        if current is None:
            return SchedulingOutcome(new, None)
        self._silent_refresh(plan, current, told)
        stored = with_statuses(current, statuses, self.people.aliases)
        return SchedulingOutcome(stored, new_tag())

    def _rooms(self, plan: SchedulingPlan, statuses: dict[CalendarUserAddress, str]) -> CalendarObject | None:
        """Rooms first: what they answer goes into everybody's copy, that of the next room too."""
        current = plan.stored
        for who, messages in _by_recipient(plan.messages).items():
            room = self.people.find(who)
            if room is None or not room.kind.bookable:
                continue
            uid = messages[0].body.uid
            copy = self.delivery.copy_of(room, uid)
            if copy is not None and not self._reachable(copy, messages[0]):
                statuses[who] = Status.REFUSED
                continue
            statuses[who] = Status.DELIVERED
            before = room_returns.held(self.txn, room, copy)
            if current is None or not self._requests(current, {who: EVERYTHING}):
                self.delivery.unbook(room, messages[-1])
                room_returns.offer(self.txn, room, uid, self.owner, before)
                continue
            rids = self._for_room(room, messages, plan, current)
            request = next(iter(self._requests(current, {who: rids})), None) if rids else None
            answer = self.delivery.book(room, [m for m in messages if m.method is Method.CANCEL], request)
            room_returns.offer(self.txn, room, uid, self.owner, before)
            if answer is not None:
                merged = self.delivery.merge(current, answer, self.owner)
                if merged.stored is not current:
                    current = merged.stored
                    del statuses[who]
        return current

    def _for_room(
        self, room: Principal, messages: list[ITipMessage], plan: SchedulingPlan, current: CalendarObject
    ) -> frozenset[Rid]:
        """The components that a room has to see: all of a series that an override was taken from."""
        rids: frozenset[Rid] = frozenset()
        old = self.change.old
        for sent in messages:
            if sent.method is Method.REQUEST:
                rids |= self._rids(sent.body, plan, current)
            elif (
                old is not None
                and sent.body.overrides.keys() & old.overrides.keys()
                and find_attendee(current.master or current.components[0], room.own_addresses) is not None
            ):
                return EVERYTHING
        return rids

    def _reachable(self, copy: StoredObject, sent: ITipMessage) -> bool:
        """Whether what a home has with the message's UID isn't somebody else's meeting."""
        mine = self.txn.objects.parsed(copy)
        return called_off(mine) or not self.delivery.foreign(mine, sent.body)

    def _updated(self, plan: SchedulingPlan, current: CalendarObject | None) -> list[ITipMessage]:
        """The messages to people, REQUESTs with the answers that rooms gave meanwhile."""
        people = [
            sent
            for sent in plan.messages
            if (who := self.people.find(sent.recipient)) is None or not who.kind.bookable
        ]
        if current is None or current is plan.stored:
            return people
        wanted = {
            s.recipient: self._rids(s.body, plan, current) for s in people if s.method is Method.REQUEST
        }
        fresh = {s.recipient: s for s in self._requests(current, wanted)}
        return [fresh.get(s.recipient, s) if s.method is Method.REQUEST else s for s in people]

    def _rids(self, body: CalendarObject, plan: SchedulingPlan, current: CalendarObject) -> frozenset[Rid]:
        if body.master is not None:
            return EVERYTHING
        return frozenset(body.by_rid()) | _touched(plan.stored, current)

    def _requests(
        self, current: CalendarObject, wanted: dict[CalendarUserAddress, frozenset[Rid]]
    ) -> tuple[ITipMessage, ...]:
        return requests(current, wanted, self.own, now=self.txn.now, aliases=self.people.aliases)

    def _silent_refresh(
        self, plan: SchedulingPlan, current: CalendarObject, sent: Iterable[ITipMessage]
    ) -> None:
        """Attendees whom no message told of it see what rooms answered and who was asked again all the same."""
        asked = [s for s in sent if s.method is Method.REQUEST]
        people = {s.recipient for s in asked}
        rooms = [s for s in plan.messages if s.method is Method.REQUEST and s.recipient not in people]
        others = {self.people.aliases.get(who, who) for who in current.attendees - self.own}
        if len(rooms) == 1 and _covers(rooms[0].body, plan.reanswered):
            # The only room that was asked knows its own answer.
            others.discard(rooms[0].recipient)
        answers = plan.reanswered | _touched(plan.stored, current) if others else frozenset()
        if answers and others - {s.recipient for s in asked if _covers(s.body, answers)}:
            self.delivery.refresh(current, self.owner, answers)

    # ---- attendee

    def attendee(self) -> SchedulingOutcome:
        """Check what an attendee changed and tell the organizer of the answer (RFC 6638 §3.2.2)."""
        change = self.change
        new, old = change.new, change.old
        if new is not None and role_of(new, self.owner) is not Role.ATTENDEE:
            return SchedulingOutcome(new, None)
        named = (new if new is not None else old) if old is None else old
        assert named is not None
        assert named.organizer is not None
        if new is not None and _agent(new) is not ScheduleAgent.SERVER:
            # The client sees to everything (RFC 6638 §3.2.2.3).
            return SchedulingOutcome(new, new_tag())
        organizer = self.people.find(named.organizer)
        theirs = self._organizer_object(organizer, named.uid)
        if new is not None:
            served = old is not None and role_of(old, self.owner) is Role.ATTENDEE
            served = served and _agent(old) is ScheduleAgent.SERVER
            old = self._invitation(new, old if served else None, organizer, theirs)
        assert old is not None
        new = self.people.spelled(new, old) if new is not None else None
        wish = guests.wished(theirs, old, new) if theirs is not None and new is not None else None
        if wish is not None and organizer is not None:
            theirs, old = self._changed_for_all(organizer, wish)
        check_delegates(old, new, self.people)
        plan = attendee_messages(
            old,
            new,
            self.own,
            now=self.txn.now,
            # Whoever has a room must hear that it is given to others.
            reply=change.reply or self.owner.kind.bookable,
            organizer_object=theirs,
            actor=acting_for(self.txn, self.owner),
        )
        stored = plan.stored
        for sent in plan.messages:
            status = room_jobs.decide_as_asked(self.txn, sent, settings=self.settings)
            status = status or self.delivery.answer(sent)
            if stored is not None:
                stored = with_organizer_status(stored, status)
        if stored is not None and organizer is None and not plan.messages:
            stored = self._undeliverable(stored, named.organizer)
        return SchedulingOutcome(stored, None if stored is None else new_tag())

    def _changed_for_all(
        self, organizer: Principal, wish: CalendarObject
    ) -> tuple[CalendarObject, CalendarObject]:
        """Change the organizer's object, who lets guests do so; returns it, and the guest's copy of it."""
        stored = self.delivery.copy_of(organizer, wish.uid)
        assert stored is not None
        collection = self.txn.collections.by_id(stored.collection_id)
        assert collection is not None
        old = self.txn.objects.parsed(stored)
        change = ObjectChange(organizer, collection, stored.name, stored, old, wish, mail=self.change.mail)
        # The organizer said so beforehand; nobody acts for anybody.
        actor, self.txn.actor = self.txn.actor, SYSTEM
        try:
            outcome = SchedulingEngine(self.settings).process(self.txn, change)
        finally:
            self.txn.actor = actor
        assert outcome.stored is not None
        self.txn.objects.put(collection, stored.name, outcome.stored, schedule_tag=outcome.schedule_tag)
        copy = self.delivery.copy_of(self.owner, wish.uid)
        assert copy is not None
        return outcome.stored, self.txn.objects.parsed(copy)

    def _undeliverable(self, stored: CalendarObject, organizer: CalendarUserAddress) -> CalendarObject:
        """The copy that says why the server will not be able to answer (RFC 6638 §3.2.2.2)."""
        status = self.delivery.obstacle(organizer)
        return stored if status is None else with_organizer_status(stored, status)

    def _organizer_object(self, organizer: Principal | None, uid: str) -> CalendarObject | None:
        if organizer is None:
            return None
        stored = self.delivery.copy_of(organizer, uid)
        obj = self.txn.objects.parsed(stored) if stored is not None else None
        return obj if obj is not None and obj.organizer in organizer.own_addresses else None

    def _invitation(
        self,
        new: CalendarObject,
        old: CalendarObject | None,
        organizer: Principal | None,
        theirs: CalendarObject | None,
    ) -> CalendarObject:
        """What the attendee was invited to: the copy, or what the client stores itself (RFC 6638 §3.2.2.2).

        An organizer of this server must know of it; one of another server sent it by mail.
        """
        if organizer is None:
            if old is not None and not brought.newer(old, new):
                return old
            return new if brought.over(new, self.txn.now) else brought.as_sent(new, old, self.own)
        if old is not None:
            return old
        if theirs is not None:
            self.people.learn(theirs)
            found = requests(
                theirs,
                {self.owner.address: EVERYTHING},
                organizer.own_addresses,
                now=self.txn.now,
                aliases=self.people.aliases,
            )
            if found:
                free = self.delivery.settings.waiting_is_free
                return whole_copy(found[0].body, self.own, waiting_is_free=free)
        raise SchedulingRefused("attendee-allowed", "the organizer has no such invitation")


def _agent(obj: CalendarObject | None) -> ScheduleAgent:
    """Who tells the organizer."""
    components = obj.components if obj is not None else ()
    return agent(next((p for c in components if (p := c.get("ORGANIZER")) is not None), None))


def _by_recipient(messages: Iterable[ITipMessage]) -> dict[CalendarUserAddress, list[ITipMessage]]:
    found: dict[CalendarUserAddress, list[ITipMessage]] = {}
    for sent in messages:
        found.setdefault(sent.recipient, []).append(sent)
    return found


def _covers(body: CalendarObject, rids: frozenset[Rid]) -> bool:
    """Whether a REQUEST shows its receiver all that these components say to them."""
    return body.master is not None or rids <= body.by_rid().keys()


def _touched(before: CalendarObject | None, after: CalendarObject) -> frozenset[Rid]:
    """The components that rooms' answers changed."""
    if before is after:
        return frozenset()
    return frozenset(rid for rid, c in after.by_rid().items() if base_of(before, rid) != c)
