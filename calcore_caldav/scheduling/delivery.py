# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery of messages: into the inboxes and calendars of this server, or to the queue for others.

Everything happens in the caller's transaction (RFC 6638 §4).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Final, TypeGuard

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.invitation import apply_request
from calcore_caldav.core.itip import ITipMessage, Method
from calcore_caldav.core.merge import MergeResult, Outcome, apply_answers, apply_cancel
from calcore_caldav.core.organizer import requests
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence_id import Rid
from calcore_caldav.core.replies import apply_reply
from calcore_caldav.core.significance import called_off
from calcore_caldav.scheduling import approvals, room_agenda, rooms
from calcore_caldav.scheduling.people import People
from calcore_caldav.scheduling.policy import Mode, policy_of
from calcore_caldav.scheduling.room_copies import reply_of, without_cancelled, without_exdates
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.statuses import Status, with_organizer_status, with_statuses
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject, Transaction

EVERYTHING: Final[frozenset[Rid]] = frozenset({None})
REFRESH_JOB: Final = "refresh"
MAIL_JOB: Final = "imip"


@dataclass(frozen=True, slots=True)
class Answered:
    """An organizer's object after a REPLY."""

    stored: CalendarObject
    result: MergeResult


def new_tag() -> str:
    """A schedule tag that no object had before (RFC 6638 §3.2.10)."""
    return f'"{secrets.token_hex(12)}"'


class Delivery:
    """Delivers the messages of one change."""

    def __init__(self, txn: Transaction, settings: SchedulingSettings, people: People | None = None) -> None:
        self.txn = txn
        self.settings = settings
        self.people = people if people is not None else People(txn)

    # ---- to attendees

    def invite(self, sent: ITipMessage) -> str:
        """Deliver a REQUEST or CANCEL to somebody who isn't a room; returns the SCHEDULE-STATUS."""
        recipient = self.people.find(sent.recipient)
        if recipient is None:
            return self.external(sent)
        copy = self.copy_of(recipient, sent.body.uid)
        existing = self.txn.objects.parsed(copy) if copy is not None else None
        if self.foreign(existing, sent.body):
            if sent.method is not Method.REQUEST or not called_off(existing):
                return Status.REFUSED
            existing = None
        if sent.method is Method.CANCEL:
            result = apply_cancel(existing, sent.body, in_order=True)
        else:
            result = self.request(existing, sent.body, recipient, in_order=True)
        if result.outcome in {Outcome.IGNORED_DECLINED, Outcome.UNKNOWN_UID}:
            return Status.DELIVERED
        changed = result.stored if result.outcome is not Outcome.UNCHANGED else None
        if changed is not None and not self.keep(recipient, copy, changed):
            return Status.REFUSED
        self.to_inbox(recipient, sent.body)
        return Status.DELIVERED

    def request(
        self, existing: CalendarObject | None, body: CalendarObject, person: Principal, *, in_order: bool
    ) -> MergeResult:
        """A REQUEST merged into the copy of a person."""
        free = self.settings.waiting_is_free
        return apply_request(existing, body, person.own_addresses, in_order=in_order, waiting_is_free=free)

    def book(
        self, room: Principal, ended: Iterable[ITipMessage], request: ITipMessage | None
    ) -> ITipMessage | None:
        """Give a room or resource its messages, which it answers at once; returns its REPLY.

        A room has no use for seeing what doesn't take place: cancelled instances leave its calendar.
        """
        body = request.body if request is not None else None
        uid = next(m.body.uid for m in (*ended, request) if m is not None)
        copy = self.copy_of(room, uid)
        existing = self.txn.objects.parsed(copy) if copy is not None else None
        room_agenda.before_change(self.txn, room, existing)
        if body is not None and self.foreign(existing, body):
            existing = None
        left = existing
        for sent in ended:
            left = without_cancelled(apply_cancel(left, sent.body, in_order=True).stored)
        if body is not None:
            result = apply_request(without_exdates(left, body), body, room.own_addresses, in_order=True)
            left = without_cancelled(result.stored)
        if left is None:
            if copy is not None:
                self.txn.objects.delete(copy)
            return None
        sender = left.organizer or room.address
        answer = rooms.answer(self.txn, room, left, existing, sender=sender, settings=self.settings)
        return self.write_answer(room, copy, answer, body if answer.inbox else None)

    def unbook(self, room: Principal, sent: ITipMessage) -> None:
        """Take from a room what it isn't invited to any more; one that doesn't answer itself is told."""
        copy = self.copy_of(room, sent.body.uid)
        if copy is None:
            return
        room_agenda.before_change(self.txn, room, self.txn.objects.parsed(copy))
        if policy_of(room.booking).mode is Mode.NONE:
            self.invite(sent)
        else:
            self.txn.objects.delete(copy)

    def write_answer(
        self,
        room: Principal,
        stored: StoredObject | None,
        answer: rooms.RoomAnswer,
        asked: CalendarObject | None = None,
    ) -> ITipMessage | None:
        """Put a room's decision into its calendar; the REPLY is for the caller to deliver."""
        copy = with_organizer_status(answer.copy, Status.DELIVERED) if answer.answered else answer.copy
        for lost in answer.displaced:
            room_reply(self.txn, room, lost.stored, lost.answer, settings=self.settings)
        row = self.store(room, stored, copy)
        if row is None:
            return None
        self.txn.bookings.replace(room, row, answer.bookings)
        if asked is not None:
            self.to_inbox(room, rooms.shown(self.txn, room, asked, copy.master))
        if answer.pending:
            for sent in approvals.invitations(self.txn, room, copy):
                self.invite(sent)
        return reply_of(self.txn.now, room, copy, answer) if answer.answered else None

    def external(self, sent: ITipMessage) -> str:
        """Queue a message for somebody of another server (RFC 6638 §3.2.9)."""
        if (obstacle := self.obstacle(sent.recipient)) is not None:
            return obstacle
        self.txn.jobs.add(
            MAIL_JOB,
            {
                "method": sent.method.value,
                "sender": sent.sender,
                "recipient": sent.recipient,
                "body": sent.body.body.decode(),
            },
        )
        return Status.PENDING

    def obstacle(self, who: CalendarUserAddress) -> str | None:
        """Why messages don't reach somebody of another server (RFC 6638 §3.2.9); None: they do."""
        if who.email is None or "@" not in who.email:
            return Status.INVALID_USER
        return None if self.settings.mail else Status.NO_SERVICE

    # ---- to the organizer

    def answer(self, sent: ITipMessage) -> str:
        """Deliver a REPLY; returns the SCHEDULE-STATUS for the attendee's ORGANIZER."""
        organizer = self.people.find(sent.recipient)
        if organizer is None:
            return self.external(sent)
        stored = self.copy_of(organizer, sent.body.uid)
        if stored is None:
            return Status.REFUSED
        existing = self.txn.objects.parsed(stored)
        if existing.organizer not in organizer.own_addresses:
            return Status.REFUSED
        result = self.take_answer(stored, existing, sent, organizer, in_order=True)
        return Status.REFUSED if result.outcome is Outcome.PARTY_CRASHER else Status.DELIVERED

    def take_answer(
        self,
        stored: StoredObject,
        existing: CalendarObject,
        sent: ITipMessage,
        organizer: Principal,
        *,
        in_order: bool,
    ) -> MergeResult:
        """Write a REPLY into the organizer's object, whose schedule tag stays (RFC 6638 §3.2.10)."""
        answered = self.merge(existing, sent, organizer, in_order=in_order)
        if answered.result.delegates:
            answered = self._with_delegates(answered, organizer)
        if answered.stored is not existing:
            self._put(stored, answered.stored, stored.schedule_tag)
            if answered.result.changed:
                self.after_answer(stored, answered, organizer)
        return answered.result

    def merge(
        self, existing: CalendarObject, sent: ITipMessage, organizer: Principal, *, in_order: bool = True
    ) -> Answered:
        """An organizer's object with a REPLY in it, and the inbox item; the object isn't written.

        `in_order`: the attendee's messages cannot overtake each other.
        """
        self.people.learn(existing, sent.body)
        result = apply_reply(existing, sent.body, aliases=self.people.aliases, in_order=in_order)
        # A comment is news even where the answer itself is not, unless it is the same message again.
        new = in_order or result.stored is not existing
        said = new and any(c.get("COMMENT") is not None for c in sent.body.components)
        news = result.outcome is Outcome.APPLIED and self.settings.answer_items
        told = result.outcome in {Outcome.APPLIED, Outcome.UNCHANGED} and (said or sent.forced)
        if news or told or result.outcome is Outcome.PARTY_CRASHER:
            self.to_inbox(organizer, sent.body)
        return Answered(result.stored or existing, result)

    def _with_delegates(self, answered: Answered, organizer: Principal) -> Answered:
        """The object with what became of inviting those who are to come instead (RFC 5546 §3.2.2.3)."""
        obj = self.people.completed(answered.stored, organizer)
        statuses = self.deliver_requests(obj, organizer, dict.fromkeys(answered.result.delegates, EVERYTHING))
        return replace(answered, stored=with_statuses(obj, statuses, self.people.aliases))

    def after_answer(self, stored: StoredObject, answered: Answered, organizer: Principal) -> None:
        """What follows from an answer: the others see it, rooms may be released."""
        obj = answered.stored
        self.show_answers(stored, obj, organizer)
        room_agenda.after_reply(self.txn, obj, organizer, settings=self.settings)

    # ---- the other attendees

    def show_answers(self, stored: StoredObject, obj: CalendarObject, organizer: Principal) -> None:
        """Show the attendees each other's answers: small meetings at once, larger ones by the worker.

        Many answers make one job, so that N answers of N people cost what a few updates cost.
        """
        if len(obj.attendees) <= self.settings.refresh_at_once:
            self.refresh(obj, organizer)
            return
        if len(obj.attendees) > self.settings.refresh_limit:
            return
        self.txn.jobs.add(
            REFRESH_JOB,
            {"object": stored.id},
            dedupe=f"{REFRESH_JOB}:{stored.id}",
            not_before=self.txn.now + timedelta(seconds=self.settings.refresh_delay),
        )

    def refresh(self, obj: CalendarObject, organizer: Principal, rids: frozenset[Rid] = EVERYTHING) -> None:
        """Show all attendees of this server the organizer's object as it is: no inbox item, same tag."""
        self.people.learn(obj)
        recipients = {
            self.people.aliases[who]: rids
            for who in sorted(obj.attendees)
            if (person := self.people.find(who)) is not None and person.id != organizer.id
        }
        for sent in self._requests(obj, organizer, recipients):
            person = self.people.find(sent.recipient)
            if person is None:
                continue
            copy = self.copy_of(person, obj.uid)
            if copy is None:
                continue
            existing = self.txn.objects.parsed(copy)
            if not self.same_organizer(existing, obj):
                continue
            if person.kind.bookable:
                # A room's policy may hide what the message shows.
                result = apply_answers(existing, sent.body, person.own_addresses)
            else:
                result = self.request(existing, sent.body, person, in_order=True)
            if result.outcome is Outcome.APPLIED and result.stored is not None:
                left = self.kept(result.stored)
                if left is not None:
                    self._put(copy, left, copy.schedule_tag)

    def deliver_requests(
        self,
        obj: CalendarObject,
        organizer: Principal,
        recipients: Mapping[CalendarUserAddress, frozenset[Rid]],
    ) -> dict[CalendarUserAddress, str]:
        """Invite some people to an organizer's object as it is; returns their SCHEDULE-STATUS."""
        return {sent.recipient: self.invite(sent) for sent in self._requests(obj, organizer, recipients)}

    def _requests(
        self,
        obj: CalendarObject,
        organizer: Principal,
        recipients: Mapping[CalendarUserAddress, frozenset[Rid]],
    ) -> tuple[ITipMessage, ...]:
        standing = {self.people.aliases.get(who, who): rids for who, rids in recipients.items()}
        return requests(obj, standing, organizer.own_addresses, now=self.txn.now, aliases=self.people.aliases)

    # ---- rows

    def copy_of(self, person: Principal, uid: str) -> StoredObject | None:
        """The resource of a home that a message of that UID is about."""
        found = self.txn.objects.in_home_by_uid(person, uid)
        return next((s for s in found if s.schedule_tag is not None), found[0] if found else None)

    def foreign(self, mine: CalendarObject | None, theirs: CalendarObject) -> TypeGuard[CalendarObject]:
        """Whether what a person has with that UID is of another organizer.

        An invitation takes its place where that was called off: so a meeting gets a new organizer (RFC 5546
        §3.2.2.4).
        """
        return mine is not None and not self.same_organizer(mine, theirs)

    def same_organizer(self, mine: CalendarObject, theirs: CalendarObject) -> bool:
        """Whether two objects are of one organizer, whatever way the address is spelled."""
        if mine.organizer is None or theirs.organizer is None:
            return False
        self.people.find(mine.organizer)
        self.people.find(theirs.organizer)
        return self.people.aliases[mine.organizer] == self.people.aliases[theirs.organizer]

    def store(self, person: Principal, copy: StoredObject | None, obj: CalendarObject) -> StoredObject | None:
        """Write somebody's copy, a new one into the default calendar; None where no calendar takes it."""
        if copy is not None:
            return self._put(copy, obj, new_tag())
        calendar = self.default_calendar(person, obj.kind)
        if calendar is None:
            return None
        name = f"{secrets.token_hex(16)}.ics"
        return self.txn.objects.put(calendar, name, obj, schedule_tag=new_tag())

    def kept(self, obj: CalendarObject) -> CalendarObject | None:
        """What a person's calendar keeps of a copy; None: nothing, all of it is cancelled."""
        return obj if self.settings.keep_cancelled else without_cancelled(obj)

    def keep(self, person: Principal, copy: StoredObject | None, obj: CalendarObject) -> bool:
        """Write a person's copy, or delete what is wholly cancelled; False where no calendar takes it."""
        left = self.kept(obj)
        if left is not None:
            return self.store(person, copy, left) is not None
        if copy is not None:
            self.txn.objects.delete(copy)
        return True

    def remember(self, stored: StoredObject, obj: CalendarObject) -> None:
        """Write a copy in which only the server's bookkeeping changed: its schedule tag stays."""
        self._put(stored, obj, stored.schedule_tag)

    def _put(self, stored: StoredObject, obj: CalendarObject, tag: str | None) -> StoredObject:
        collection = self.txn.collections.by_id(stored.collection_id)
        assert collection is not None
        return self.txn.objects.put(collection, stored.name, obj, schedule_tag=tag)

    def default_calendar(self, person: Principal, kind: str) -> Collection | None:
        """Where new invitations go (RFC 6638 §9.2): the default calendar, or one that takes the kind.

        Who has no calendar left gets the first ones again.
        """
        found = self._calendar_for(person, kind)
        if found is None:
            self.txn.directory.provision(person)
            found = self._calendar_for(person, kind)
        return found

    def _calendar_for(self, person: Principal, kind: str) -> Collection | None:
        found = [c for c in self.txn.collections.of(person, CollectionKind.CALENDAR) if kind in c.components]
        default = (c for c in found if c.name == person.default_calendar)
        return next(default, found[0] if found else None)

    def to_inbox(self, person: Principal, body: CalendarObject) -> None:
        """Leave the message for clients that look for it (RFC 6638 §2.2); twice the same is one item."""
        inbox = next(iter(self.txn.collections.of(person, CollectionKind.INBOX)), None)
        if inbox is not None:
            self.txn.objects.put(inbox, f"{sha256(body.body).hexdigest()[:32]}.ics", body, schedule_tag=None)


def room_reply(
    txn: Transaction,
    room: Principal,
    stored: StoredObject,
    answer: rooms.RoomAnswer,
    *,
    settings: SchedulingSettings,
) -> None:
    """Carry out a later decision of a room on an event in its calendar, and tell the organizer."""
    room_agenda.before_change(txn, room, txn.objects.parsed(stored))
    delivery = Delivery(txn, settings)
    sent = delivery.write_answer(room, stored, answer)
    if sent is not None:
        delivery.answer(sent)
