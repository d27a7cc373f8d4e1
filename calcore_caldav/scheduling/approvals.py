# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for approval: the room invites its approvers to what it was asked for, and their answers decide.

That invitation is an event of its own: its organizer is the room, its only attendee the approver, so that any
client can answer it. Its UID is made from the meeting's. It stands in the approvers' calendars for as long as
something waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.invitation import whole_copy
from calcore_caldav.core.itip import SERVER_PARAMS, ITipMessage, Method, message, public
from calcore_caldav.core.merge import same_data
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.significance import with_exdates
from calcore_caldav.scheduling import responses
from calcore_caldav.scheduling.answering import reason_of
from calcore_caldav.scheduling.bookers import managers
from calcore_caldav.scheduling.policy import policy_of
from calcore_caldav.scheduling.request import Reason
from calcore_caldav.scheduling.room_remarks import name_of
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject, Transaction

_PREFIX: Final = "approval"
_BETWEEN: Final = frozenset(SERVER_PARAMS)
_NOT_SHOWN: Final = frozenset({"ATTENDEE", "ORGANIZER", "REQUEST-STATUS", "COMMENT", "TRANSP"})


def approval_uid(room: Principal, uid: str) -> str:
    """The UID of the invitations that ask for the approval of a meeting."""
    return f"{_PREFIX}:{room.name}:{uid}"


def meeting_uid(room: Principal, uid: str) -> str | None:
    """The UID of the meeting that an invitation of that UID asks for; None: it is no such invitation."""
    start = approval_uid(room, "")
    return uid[len(start) :] if uid.startswith(start) else None


def approvers(txn: Transaction, room: Principal, copy: CalendarObject) -> tuple[Principal, ...]:
    """The people whom the policy's `approvers` means; the booker only where there is nobody else."""
    entries = policy_of(room.booking).approvers
    names = {n for entry in entries for n in (managers(txn, room) if entry == "managers" else {entry})}
    found: dict[int, Principal] = {}
    for name in sorted(names):
        someone = txn.directory.by_name(name) or txn.directory.by_address(CalendarUserAddress.parse(name))
        if someone is not None:
            people = txn.directory.expand(someone) if someone.kind is CalendarUserType.GROUP else [someone]
            found.update((p.id, p) for p in people if p.kind is CalendarUserType.INDIVIDUAL)
    others = tuple(p for p in found.values() if copy.organizer not in p.own_addresses)
    return others or tuple(found.values())


def invitations(txn: Transaction, room: Principal, copy: CalendarObject) -> list[ITipMessage]:
    """A REQUEST to each approver for what waits in the room's copy of a meeting."""
    found = ((p, _invitation(txn, room, copy, p)) for p in approvers(txn, room, copy))
    return [
        ITipMessage(Method.REQUEST, room.address, p.address, body) for p, body in found if body is not None
    ]


def tidy(txn: Transaction, room: Principal, uid: str, copy: CalendarObject | None) -> frozenset[int]:
    """Have the approvers' calendars show what still waits; returns the ids of who has something there.

    `copy` None: the room has no such meeting any more.
    """
    asked = {p.id: p for p in approvers(txn, room, copy)} if copy is not None else {}
    found: set[int] = set()
    for stored in txn.objects.in_all_homes_by_uid(approval_uid(room, uid)):
        calendar = txn.collections.by_id(stored.collection_id)
        assert calendar is not None
        if stored.organizer not in room.own_addresses:
            continue
        person = asked.get(calendar.principal_id)
        body = _invitation(txn, room, copy, person) if copy is not None and person is not None else None
        if body is None or person is None:
            _withdraw(txn, calendar, stored)
            continue
        found.add(person.id)
        shown = whole_copy(body, person.own_addresses)
        if not same_data(shown, txn.objects.parsed(stored), but=_BETWEEN):
            txn.objects.put(calendar, stored.name, shown, schedule_tag=stored.schedule_tag)
    return frozenset(found)


def _withdraw(txn: Transaction, calendar: Collection, stored: StoredObject) -> None:
    """Take an invitation out of somebody's calendar and inbox."""
    txn.objects.delete(stored)
    owner = txn.directory.by_id(calendar.principal_id)
    assert owner is not None
    for box in txn.collections.of(owner, CollectionKind.INBOX):
        for item in [item for item in txn.objects.all(box) if item.uid == stored.uid]:
            txn.objects.delete(item)


def _invitation(
    txn: Transaction, room: Principal, copy: CalendarObject, person: Principal
) -> CalendarObject | None:
    """What somebody is asked to approve; None: nothing waits."""
    waiting = [c for c in copy.components if reason_of(c, room.own_addresses) is Reason.PENDING]
    if not waiting:
        return None
    booker = name_of(txn, copy.organizer)
    made = [_asking(c, room, person, booker, copy.uid) for c in waiting]
    if copy.master in waiting:
        at = waiting.index(copy.master)
        settled = [rid for rid, c in copy.overrides.items() if c not in waiting]
        made[at] = with_exdates(made[at], settled, copy.zones)
    return message(copy, Method.REQUEST, made, txn.now)


def _asking(component: Component, room: Principal, person: Principal, booker: str, uid: str) -> Component:
    said = {
        "booker": booker,
        "room": room.display_name or room.name,
        "title": component.text("SUMMARY") or "",
    }
    title = responses.text(person.language, "request", **said).removesuffix(": ")
    how = responses.text(person.language, "decide")
    body = [how, component.text("DESCRIPTION")]
    shown = public(component)
    kept: Iterable[Property] = (p for p in shown.properties if p.name not in _NOT_SHOWN)
    asking = (
        Property("ORGANIZER", room.address, (("CN", (said["room"],)),)),
        Property("ATTENDEE", person.address, (("PARTSTAT", ("NEEDS-ACTION",)), ("RSVP", ("TRUE",)))),
    )
    made = Component(component.name, (*kept, *asking), shown.children)
    return (
        made.set("UID", approval_uid(room, uid))
        .set("SUMMARY", escape_text(title))
        .set("DESCRIPTION", escape_text("\n\n".join(filter(None, body))))
    )
