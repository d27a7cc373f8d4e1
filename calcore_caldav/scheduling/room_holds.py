# SPDX-License-Identifier: GPL-3.0-or-later
"""Which times a room holds for a meeting whose new ones wait for approval. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from calcore_caldav.core.calobject import CalendarObject, PartStat
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType, free_periods
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period, TimeRange
from calcore_caldav.core.timing import relaid
from calcore_caldav.scheduling.answering import OCCUPYING, reason_of
from calcore_caldav.scheduling.booking import padded_period
from calcore_caldav.scheduling.inquiry import Inquiry
from calcore_caldav.scheduling.policy import BookingPolicy
from calcore_caldav.scheduling.request import Reason, Wanted


def times_given_up(
    room: Principal,
    policy: BookingPolicy,
    previous: CalendarObject,
    copy: CalendarObject,
    inquiry: Inquiry,
    final: Mapping[RecurrenceId | None, PartStat],
) -> list[Period]:
    """The times of a meeting that changed which it doesn't hold while its new ones wait.

    Those that were never granted, and those of dates that are cancelled or refused now.
    """
    before, after, own = previous.master, copy.master, room.own_addresses
    others = before is not None and after is not None and relaid(before, previous.zones, after, copy.zones)
    now, recurrence = inquiry.request.now, previous.recurrence(inquiry.request.zone)
    coming = TimeRange(now, now + policy.reach if recurrence.endless else None)
    found: list[Period] = []
    for i in recurrence.between(coming):
        waited = reason_of(i.component, own) is Reason.PENDING
        # The dates of a series that is moved as a whole have other names now.
        gone = not others and final.get(i.rid) not in OCCUPYING
        if waited or gone:
            found.append(padded_period(policy, Wanted(i.rid, i.start, i.end)))
    return found


def times_held(booked: Iterable[Period], given_up: Iterable[Period]) -> list[Period]:
    """What stays booked. Dates that touch are booked as one, and long ones in pieces that are none of theirs."""
    gone = [BusyPeriod(start, end, FreeBusyType.BUSY) for start, end in given_up]
    return [left for period in booked for left in free_periods(gone, period)]
