# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that come as they are, by mail or posted by a client: every method of RFC 5546 §3.2.

Who sent it has been made sure of before; what it says is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.cancellations import still_added, with_dates_back, without_ended
from calcore_caldav.core.invitation import apply_add
from calcore_caldav.core.itip import ITipMessage, Method, message, refresh
from calcore_caldav.core.merge import MergeResult, Outcome, apply_cancel
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.revision import with_revisions
from calcore_caldav.core.significance import called_off, cancelled, well_named
from calcore_caldav.errors import SchedulingRefused
from calcore_caldav.scheduling.delivery import EVERYTHING, Delivery
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Transaction


def receive(txn: Transaction, sent: ITipMessage, settings: SchedulingSettings) -> Outcome:
    """Process one message to a calendar user of this server; returns what became of it.

    Raises SchedulingRefused where the recipient isn't of this server, or the sender speaks for somebody else.
    """
    delivery = Delivery(txn, settings)
    delivery.people.learn(sent.body)
    recipient = delivery.people.find(sent.recipient)
    if recipient is None:
        raise SchedulingRefused("recipient-exists", "there is no such calendar user here")
    _check_sender(sent)
    # As a change of the meeting would: see `engine.lock_keys`.
    rooms = delivery.people.rooms({*sent.body.attendees, sent.recipient})
    txn.lock({f"uid:{sent.body.uid}", *(f"room:{room.name}" for room in rooms)})
    known = _known(delivery, sent, recipient)
    if known is not None and sent.body.master is None and not called_off(known):
        named = tuple(well_named(c, known) for c in sent.body.components)
        if named != sent.body.components:
            sent = replace(sent, body=sent.body.with_components(named))
    return _METHODS[sent.method](delivery, sent, recipient)


def _check_sender(sent: ITipMessage) -> None:
    """The organizer's messages come from the organizer, an attendee's from an attendee (RFC 5546 §6.1.1)."""
    theirs = {Method.PUBLISH, Method.REQUEST, Method.CANCEL, Method.ADD, Method.DECLINECOUNTER}
    if sent.method in theirs:
        allowed = sent.body.organizer == sent.sender
    else:
        allowed = any(find_attendee(c, frozenset({sent.sender})) is not None for c in sent.body.components)
    if not allowed:
        raise SchedulingRefused(
            "organizer-allowed", "the sender doesn't speak for the one whose message it is"
        )


def _request(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """An invitation; what was cancelled after it was sent is over, however late it comes."""
    existing = _known(delivery, sent, recipient)
    if delivery.foreign(existing, sent.body):
        if not called_off(existing):
            raise SchedulingRefused(
                "unique-scheduling-object-resource", "another organizer's event has the UID"
            )
        existing = None
    as_sent = sent.body
    for cancellation in _cancellations(delivery, sent, recipient):
        if existing is not None:
            existing = with_dates_back(existing, sent.body, cancellation)
        sent = replace(sent, body=without_ended(sent.body, cancellation))
    ended = tuple(c for c in sent.body.overrides.values() if cancelled(c))
    if ended:
        delivery.txn.cancellations.add(recipient, sent.body.with_components(ended))
    over = all(cancelled(c) for c in sent.body.components)
    if over and (existing is None or sent.body is not as_sent):
        return Outcome.IGNORED_STALE
    result = delivery.request(existing, sent.body, recipient, in_order=False)
    if result.outcome in {Outcome.IGNORED_STALE, Outcome.IGNORED_DECLINED}:
        return result.outcome
    if recipient.kind.bookable:
        answer = delivery.book(recipient, (), sent)
        if answer is not None:
            delivery.external(answer)
        return result.outcome
    return _stored(delivery, sent, recipient, result)


def _cancel(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    delivery.txn.cancellations.add(recipient, sent.body)
    existing = _known(delivery, sent, recipient)
    if existing is None or not delivery.same_organizer(existing, sent.body):
        return Outcome.UNKNOWN_UID
    result = apply_cancel(existing, sent.body)
    if recipient.kind.bookable:
        if result.outcome is Outcome.APPLIED:
            delivery.book(recipient, (sent,), None)
        return result.outcome
    return _stored(delivery, sent, recipient, result)


def _add(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """Further dates of a series; who doesn't know the series asks for it (RFC 5546 §3.2.4)."""
    existing = _known(delivery, sent, recipient)
    if existing is not None and not delivery.same_organizer(existing, sent.body):
        return Outcome.UNKNOWN_UID
    for cancellation in _cancellations(delivery, sent, recipient):
        body = still_added(sent.body, cancellation)
        if body is None:
            return Outcome.IGNORED_STALE
        sent = replace(sent, body=body)
    result = apply_add(existing, sent.body, recipient.own_addresses)
    if result.outcome is Outcome.UNKNOWN_UID:
        _ask_for_all(delivery, sent, recipient)
    if not recipient.kind.bookable or result.outcome is not Outcome.APPLIED or result.stored is None:
        return _stored(delivery, sent, recipient, result)
    answer = delivery.book(recipient, (), replace(sent, method=Method.REQUEST, body=result.stored))
    if answer is not None:
        delivery.external(answer)
    return result.outcome


def _known(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> CalendarObject | None:
    """The recipient's copy of the meeting."""
    stored = delivery.copy_of(recipient, sent.body.uid)
    return delivery.txn.objects.parsed(stored) if stored is not None else None


def _invited(delivery: Delivery, sent: ITipMessage, meeting: CalendarObject) -> bool:
    """Whether the sender is among the attendees, by any address."""
    delivery.people.learn(meeting)
    delivery.people.find(sent.sender)
    aliases = delivery.people.aliases
    return aliases[sent.sender] in {aliases[who] for who in meeting.attendees}


def _cancellations(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> list[CalendarObject]:
    """What the sender cancelled so far of the meeting."""
    known = delivery.txn.cancellations.of(recipient, sent.body.uid)
    return [one for one in known if delivery.same_organizer(one, sent.body)]


def _ask_for_all(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> None:
    """Send a REFRESH to an organizer elsewhere, who then sends the whole (RFC 5546 §3.2.6)."""
    component = sent.body.components[0]
    own = find_attendee(component, recipient.own_addresses)
    if own is None:
        return
    body = message(sent.body, Method.REFRESH, (refresh(component, own),), delivery.txn.now)
    body = CalendarObject.from_component(body.calendar.with_children(body.components))
    delivery.external(ITipMessage(Method.REFRESH, sent.recipient, sent.sender, body))


def _stored(delivery: Delivery, sent: ITipMessage, recipient: Principal, result: MergeResult) -> Outcome:
    if result.stored is None or result.outcome not in {Outcome.CREATED, Outcome.APPLIED, Outcome.UNCHANGED}:
        return result.outcome
    stored = delivery.copy_of(recipient, sent.body.uid)
    copy = with_revisions(result.stored, sent.body)
    if result.outcome is not Outcome.UNCHANGED:
        delivery.keep(recipient, stored, copy)
        delivery.to_inbox(recipient, sent.body)
    elif stored is not None and copy.body != delivery.txn.objects.body(stored):
        # The same again, sent later: what was sent between the two is old now.
        delivery.remember(stored, copy)
    return result.outcome


def _reply(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    stored = delivery.copy_of(recipient, sent.body.uid)
    existing = delivery.txn.objects.parsed(stored) if stored is not None else None
    if stored is None or existing is None or existing.organizer not in recipient.own_addresses:
        return Outcome.UNKNOWN_UID
    return delivery.take_answer(stored, existing, sent, recipient, in_order=False).outcome


def _refresh(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """Somebody wants to see the whole again: who is invited gets a REQUEST (RFC 5546 §3.2.6)."""
    existing = _known(delivery, sent, recipient)
    if existing is None or existing.organizer not in recipient.own_addresses:
        return Outcome.UNKNOWN_UID
    if not _invited(delivery, sent, existing):
        return Outcome.PARTY_CRASHER
    delivery.deliver_requests(existing, recipient, {sent.sender: EVERYTHING})
    return Outcome.APPLIED


def _publish(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """Something to know of, which asks for nothing: a person may keep it (RFC 5546 §3.2.1)."""
    if not recipient.kind.bookable:
        delivery.to_inbox(recipient, sent.body)
    return Outcome.UNCHANGED


def _counter(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """A proposal is the organizer's to decide on, who invites anew or declines it (RFC 5546 §3.2.7)."""
    existing = _known(delivery, sent, recipient)
    if existing is None or existing.organizer not in recipient.own_addresses:
        return Outcome.UNKNOWN_UID
    delivery.to_inbox(recipient, sent.body)
    return Outcome.UNCHANGED if _invited(delivery, sent, existing) else Outcome.PARTY_CRASHER


def _decline_counter(delivery: Delivery, sent: ITipMessage, recipient: Principal) -> Outcome:
    """The invitation stands as it was; the attendee is shown that (RFC 5546 §3.2.8)."""
    existing = _known(delivery, sent, recipient)
    if existing is None or not delivery.same_organizer(existing, sent.body):
        return Outcome.UNKNOWN_UID
    if not recipient.kind.bookable:
        delivery.to_inbox(recipient, sent.body)
    return Outcome.UNCHANGED


_METHODS: Final[Mapping[Method, Callable[[Delivery, ITipMessage, Principal], Outcome]]] = MappingProxyType(
    {
        Method.PUBLISH: _publish,
        Method.REQUEST: _request,
        Method.REPLY: _reply,
        Method.CANCEL: _cancel,
        Method.ADD: _add,
        Method.REFRESH: _refresh,
        Method.COUNTER: _counter,
        Method.DECLINECOUNTER: _decline_counter,
    }
)
