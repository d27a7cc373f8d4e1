# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms say with their answers: the reason, who is in the way, and which other rooms are free."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import responses
from calcore_caldav.scheduling.finder import free_rooms
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
    comments: dict[RecurrenceId | None, str] = {}
    suggestions = 0
    for rid, verdict in placed.items():
        # The master of a series speaks for its first instance.
        instance = wanted.get(rid) or next(iter(wanted.values()), None)
        if instance is None:
            continue
        rooms: list[str] = []
        refused = verdict.partstat is PartStat.DECLINED and verdict.reason in _SUGGESTED
        if refused and policy.alternatives and suggestions < _MOST_SUGGESTIONS:
            suggestions += 1
            rooms = _alternatives(txn, room, policy, instance, inquiry)
        holder = verdict.conflict.organizer if verdict.conflict is not None else None
        comments[rid] = responses.comment(
            policy,
            verdict,
            instance,
            language=language,
            zone=inquiry.request.zone,
            organizer=name_of(txn, holder),
            alternatives=rooms,
        )
    return {rid: text for rid, text in comments.items() if text}


def _alternatives(
    txn: Transaction, room: Principal, policy: BookingPolicy, wanted: Wanted, inquiry: Inquiry
) -> list[str]:
    found = free_rooms(
        txn,
        [Period(wanted.start, max(wanted.end, wanted.start + timedelta.resolution))],
        capacity=wanted.people if policy.capacity else 0,
        building=room.location.building,
        kinds=(room.kind,),
        names=inquiry.names,
        settings=inquiry.settings,
    )
    return [r.display_name for r in found if r.id != room.id][: policy.alternatives]
