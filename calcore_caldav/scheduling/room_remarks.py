# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms say with their answers: the reason, who is in the way, and which other rooms are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import responses
from calcore_caldav.scheduling.booking import beyond_horizon
from calcore_caldav.scheduling.finder import other_rooms
from calcore_caldav.scheduling.inquiry import Inquiry
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.scheduling.request import Reason, Verdict, Wanted
from calcore_caldav.store.protocol import Transaction


def name_of(txn: Transaction, address: CalendarUserAddress | None) -> str:
    """How people call somebody."""
    if address is None:
        return ""
    principal = txn.directory.by_address(address)
    return principal.display_name if principal is not None else address.email or str(address)


_MOST_SUGGESTIONS: Final = 5
"""Alternatives are looked for in so many comments of one reply."""
_SUGGESTED: Final = frozenset({Reason.CONFLICT, Reason.HOURS, Reason.CAPACITY, Reason.SERIES})


def comments_on(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    inquiry: Inquiry,
    placed: Mapping[RecurrenceId | None, Verdict],
) -> dict[RecurrenceId | None, str]:
    """The COMMENT of each component of the reply, in the booker's language; none where nothing is to say."""
    language = inquiry.booker.language if inquiry.booker is not None else room.language
    wanted = {w.rid: w for w in inquiry.request.wanted}
    if not wanted:
        return {}
    # The master of a series speaks for its first instance.
    first = next(iter(wanted.values()))
    refused = {
        rid: _dates(policy, inquiry, placed, rid) or [first]
        for rid, verdict in placed.items()
        if verdict.partstat is PartStat.DECLINED and verdict.reason in _SUGGESTED
    }
    rooms = _alternatives(txn, room, policy, dict(islice(refused.items(), _MOST_SUGGESTIONS)), inquiry)
    comments: dict[RecurrenceId | None, str] = {}
    for rid, verdict in placed.items():
        instance = wanted.get(rid, first)
        holder = verdict.conflict.organizer if verdict.conflict is not None else None
        comments[rid] = responses.comment(
            policy,
            verdict,
            instance,
            language=language,
            zone=inquiry.request.zone,
            organizer=name_of(txn, holder),
            alternatives=rooms.get(rid, ()),
        )
    return {rid: text for rid, text in comments.items() if text}


def _dates(
    policy: BookingPolicy,
    inquiry: Inquiry,
    placed: Mapping[RecurrenceId | None, Verdict],
    rid: RecurrenceId | None,
) -> list[Wanted]:
    """The dates that a component of the reply speaks of: the master of all that have none, and can be booked yet."""
    now = inquiry.request.now
    return [
        w
        for w in inquiry.request.wanted
        if w.rid == rid
        or (rid is None and w.rid not in placed and w.end > now and not beyond_horizon(policy, now, w.start))
    ]


def _alternatives(
    txn: Transaction,
    room: Principal,
    policy: BookingPolicy,
    refused: Mapping[RecurrenceId | None, Sequence[Wanted]],
    inquiry: Inquiry,
) -> dict[RecurrenceId | None, list[str]]:
    """Names of rooms that are free instead, by the component of the reply that says it."""
    if not refused or not policy.alternatives:
        return {}
    found = other_rooms(
        txn,
        room,
        [
            [Period(w.start, max(w.end, w.start + timedelta.resolution)) for w in dates]
            for dates in refused.values()
        ],
        capacity=max(w.people for dates in refused.values() for w in dates) if policy.capacity else 0,
        names=inquiry.names,
        booker=inquiry.booker,
        recurring=inquiry.request.recurring,
        most=policy.alternatives,
    )
    return {rid: [r.display_name for r in rooms] for rid, rooms in zip(refused, found, strict=True)}
