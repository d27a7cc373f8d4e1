# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that no change of a calendar can say, posted by a client: REFRESH, COUNTER and DECLINECOUNTER.

RFC 6638 has the server send what follows from a changed object. An attendee who proposes another time, or
wants to see the whole again, changes nothing, and neither does an organizer who refuses a proposal
(RFC 5546 §3.2.6 to §3.2.8): these go out as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.itip import ITipMessage, Method, address, message, public, sent_by
from calcore_caldav.core.merge import Outcome
from calcore_caldav.core.principals import CalendarUserAddress, Principal, Privilege
from calcore_caldav.errors import InvalidRequest, SchedulingRefused
from calcore_caldav.scheduling.delivery import Delivery
from calcore_caldav.scheduling.inbound import receive
from calcore_caldav.scheduling.people import acting_for
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.scheduling.statuses import Status
from calcore_caldav.store.protocol import Transaction


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a message to one recipient."""

    recipient: CalendarUserAddress
    status: str
    """A code of RFC 5546 §3.6."""


def post(
    txn: Transaction, owner: Principal, body: CalendarObject, settings: SchedulingSettings
) -> list[Posted]:
    """Send a message from the outbox of `owner` to whom it is meant for: the organizer, or the attendees it names.

    Raises InvalidRequest where it is no such message, SchedulingRefused where its sender isn't in the meeting.
    """
    method = next((m for m in KINDS if m.value == body.method), None)
    if method is None:
        raise InvalidRequest(f"{body.method} is not posted", "valid-scheduling-message")
    delivery = Delivery(txn, settings)
    delivery.people.learn(body)
    sender, recipients = KINDS[method].parties(delivery, owner, body)
    actor = acting_for(txn, owner)
    made = message(body, method, (_signed(c, owner, actor) for c in body.components), txn.now)
    return [Posted(who, _sent(delivery, ITipMessage(method, sender, who, made))) for who in recipients]


def _signed(component: Component, owner: Principal, actor: CalendarUserAddress | None) -> Component:
    def edited(prop: Property) -> Property:
        if prop.name not in {"ORGANIZER", "ATTENDEE"} or address(prop) not in owner.own_addresses:
            return prop
        return sent_by(prop, actor)

    return public(component).map(edited)


def _sent(delivery: Delivery, sent: ITipMessage) -> str:
    if delivery.people.find(sent.recipient) is None:
        return delivery.external(sent)
    outcome = receive(delivery.txn, sent, delivery.settings)
    return Status.REFUSED if outcome is Outcome.UNKNOWN_UID else Status.SUCCESS


def _to_organizer(
    delivery: Delivery, owner: Principal, body: CalendarObject
) -> tuple[CalendarUserAddress, list[CalendarUserAddress]]:
    """From one who is invited, by the organizer whom the message names (RFC 5546 §3.2.6, §3.2.7)."""
    own = [find_attendee(c, owner.own_addresses) for c in body.components]
    if body.organizer is None or None in own:
        raise InvalidRequest(
            "it names the ORGANIZER and the attendee who sends it", "valid-scheduling-message"
        )
    copy = delivery.copy_of(owner, body.uid)
    mine = delivery.txn.objects.parsed(copy) if copy is not None else None
    invited = mine is not None and not mine.attendees.isdisjoint(owner.own_addresses)
    if mine is None or not invited or not delivery.same_organizer(mine, body):
        raise SchedulingRefused("attendee-allowed", "the organizer has not invited the one who sends it")
    return next(address(p) for p in own if p is not None), [body.organizer]


def _to_attendees(
    delivery: Delivery, owner: Principal, body: CalendarObject
) -> tuple[CalendarUserAddress, list[CalendarUserAddress]]:
    """From the organizer to those whose proposal it was (RFC 5546 §3.2.8)."""
    copy = delivery.copy_of(owner, body.uid)
    mine = delivery.txn.objects.parsed(copy) if copy is not None else None
    if body.organizer not in owner.own_addresses or mine is None or mine.organizer not in owner.own_addresses:
        raise SchedulingRefused("organizer-allowed", "only the organizer of a meeting refuses proposals")
    delivery.people.learn(mine)
    invited = {delivery.people.aliases[who] for who in mine.attendees}
    recipients = list(dict.fromkeys(address(p) for c in body.components for p in c.all("ATTENDEE")))
    strangers = [who for who in recipients if delivery.people.aliases[who] not in invited]
    if strangers or not recipients:
        raise InvalidRequest("it names attendees of the meeting", "valid-scheduling-message")
    assert body.organizer is not None
    return body.organizer, recipients


Parties = Callable[
    [Delivery, Principal, CalendarObject], tuple[CalendarUserAddress, list[CalendarUserAddress]]
]
"""Who sends a message, and to whom it goes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One method that may be posted."""

    parties: Parties
    privilege: Privilege
    """What the outbox asks for (RFC 6638 §6.2)."""
    rfc: str


KINDS: Final[Mapping[Method, Kind]] = MappingProxyType(
    {
        Method.REFRESH: Kind(_to_organizer, Privilege.SCHEDULE_SEND_REPLY, "5546 §3.2.6"),
        Method.COUNTER: Kind(_to_organizer, Privilege.SCHEDULE_SEND_REPLY, "5546 §3.2.7"),
        Method.DECLINECOUNTER: Kind(_to_attendees, Privilege.SCHEDULE_SEND_INVITE, "5546 §3.2.8"),
    }
)
"""The methods that may be posted."""
