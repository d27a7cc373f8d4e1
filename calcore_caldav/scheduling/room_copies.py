# SPDX-License-Identifier: GPL-3.0-or-later
"""What the calendars of rooms hold of a meeting, and what they answer (RFC 5546 §3.2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from calcore_caldav.core.calobject import CalendarObject, find_attendee
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.itip import ITipMessage, Method, message, reply, success
from calcore_caldav.core.principals import CalendarUserAddress, Principal
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import cancelled, exdates_of, with_exdates
from calcore_caldav.scheduling.rooms import RoomAnswer


def reply_of(now: datetime, room: Principal, copy: CalendarObject, answer: RoomAnswer) -> ITipMessage | None:
    """The REPLY with a room's answer to each component of its copy, and the reasons as COMMENTs."""
    made: list[Component] = []
    sender = room.address
    # Of a long series many dates are told the same.
    said = {text: (Property("COMMENT", escape_text(text)),) for text in {*answer.comments.values()}}
    because = {reason: success(reason) for reason in {"", *answer.reasons.values()}}
    for rid, component in copy.by_rid().items():
        own = find_attendee(component, room.own_addresses)
        if own is None or cancelled(component):
            continue
        sender = CalendarUserAddress.parse(own.value)
        comments = said.get(answer.comments.get(rid, ""), ())
        made.append(reply(component, (own,), comments, because[answer.reasons.get(rid, "")]))
    if not made or copy.organizer is None:
        return None
    body = message(copy, Method.REPLY, made, now)
    return ITipMessage(Method.REPLY, sender, copy.organizer, body)


def without_exdates(mine: CalendarObject | None, theirs: CalendarObject) -> CalendarObject | None:
    """A room's copy without instances taken out, where the series comes anew: a room deletes none itself."""
    if mine is None or mine.master is None or theirs.master is None or mine.master.get("EXDATE") is None:
        return mine
    master = mine.master.without("EXDATE")
    return mine.with_components(tuple(master if c is mine.master else c for c in mine.components))


def without_cancelled(obj: CalendarObject | None) -> CalendarObject | None:
    """A room's copy without what doesn't take place; None: nothing is left.

    A component for all dates from one on (RANGE=THISANDFUTURE) stays: without it they would take place.
    """
    if obj is None:
        return None
    if obj.master is not None and cancelled(obj.master):
        kept: Iterable[Component] = (c for c in obj.overrides.values() if not cancelled(c))
        left = tuple(kept)
        return obj.with_components(left) if left else None
    gone = [rid for rid, c in obj.overrides.items() if cancelled(c) and not is_ranged(c)]
    if not gone:
        return obj
    made = [c for rid, c in obj.by_rid().items() if rid not in gone]
    if obj.master is not None:
        made[made.index(obj.master)] = with_exdates(
            obj.master, set(gone) - exdates_of(obj.master, obj.zones), obj.zones
        )
    return obj.with_components(tuple(made)) if made else None
