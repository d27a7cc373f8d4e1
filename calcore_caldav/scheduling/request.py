# SPDX-License-Identifier: GPL-3.0-or-later
"""What a booking decision is made of: request, busy time and booker going in, verdicts coming out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final, NamedTuple

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import RecurrenceId


class Reason(StrEnum):
    """Why an instance got its answer; the machine-readable code in COMMENT and REQUEST-STATUS."""

    FREE = "FREE"
    """Nothing speaks against it."""
    MODE = "MODE"
    """The room's mode answers so, or leaves it to its managers."""
    CONFLICT = "CONFLICT"
    HOURS = "HOURS"
    HORIZON = "HORIZON"
    LEAD_TIME = "LEAD-TIME"
    DURATION = "DURATION"
    CAPACITY = "CAPACITY"
    NOT_ALLOWED = "NOT-ALLOWED"
    EXTERNAL = "EXTERNAL"
    QUOTA = "QUOTA"
    RECURRING = "RECURRING"
    """The room takes no series."""
    SERIES = "SERIES"
    """Too many dates of the series are taken (or one, where all or nothing is asked)."""
    PENDING = "PENDING"
    """Held until a manager decides."""
    MANAGER = "MANAGER"
    """Decided by a manager."""
    TIMEOUT = "TIMEOUT"
    """No manager decided in time."""
    DISPLACED = "DISPLACED"
    """A booking with priority took the slot."""
    RELEASED = "RELEASED"
    """Given back: everybody declined, or nobody checked in."""
    PAST = "PAST"
    """Over: left alone."""
    KEPT = "KEPT"
    """Answered before: left alone."""


_LEFT_ALONE: Final = frozenset({Reason.PAST, Reason.KEPT})


class Role(StrEnum):
    """What a booker may do with a room."""

    OVERRIDE = "override"
    BOOK = "book"
    REQUEST = "request"
    NOBODY = "nobody"
    OUTSIDER = "outsider"
    """Not of this server, and the policy rejects those."""


class TakenBy(StrEnum):
    """What takes a room's time."""

    BOOKING = "booking"
    TENTATIVE = "tentative"
    PENDING = "pending"
    TRANSPARENT = "transparent"
    UNSCHEDULED = "unscheduled"
    CLOSED = "closed"
    """By the room's published availability."""
    HELD = "held"
    """Booked without an event: the old time of one whose new time is not granted yet."""


class Taken(NamedTuple):
    """Time at which the room is not free: [start, end) in UTC, without buffers."""

    start: datetime
    end: datetime
    by: TakenBy = TakenBy.BOOKING
    uid: str = ""
    rid: RecurrenceId | None = None
    organizer: CalendarUserAddress | None = None
    displaceable: bool = False
    """Whether a booking with priority may take its place."""


class Wanted(NamedTuple):
    """One instance that the room is invited to: [start, end) in UTC."""

    rid: RecurrenceId | None
    start: datetime
    end: datetime
    partstat: PartStat = PartStat.NEEDS_ACTION
    """The room's answer as it stands; only NEEDS-ACTION is decided."""
    people: int = 0
    booked: bool = False
    """Whether it lies within what the same meeting has booked."""


@dataclass(frozen=True, slots=True)
class Booker:
    """Who books, as far as the decision cares."""

    role: Role = Role.BOOK
    automatic: bool = False
    """A member of the auto_accept_group."""
    bookings: int = 0
    """Other future bookings of this room that the booker has."""
    used: Mapping[date, timedelta] = field(default_factory=dict)
    """Time booked elsewhere in this room, by the Monday of the week."""


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """Everything that a decision depends on, besides the policy."""

    wanted: Sequence[Wanted]
    taken: Sequence[Taken]
    booker: Booker
    now: datetime
    zone: tzinfo = UTC
    """The room's."""
    recurring: bool = False
    endless: bool = False
    """There are more instances than `wanted` lists: all of them are beyond the horizon."""
    past_grace: timedelta = timedelta(days=2)


class Verdict(NamedTuple):
    """The answer to one instance."""

    partstat: PartStat
    reason: Reason
    conflict: Taken | None = None
    value: str = ""
    """What the rule compared with, for people: "24 h", "8 seats"."""
    displaces: tuple[Taken, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the engine decided it now (rather than leaving it as it stood)."""
        return self.reason not in _LEFT_ALONE


@dataclass(frozen=True, slots=True)
class BookingDecision:
    """The answers to a request."""

    verdicts: Mapping[RecurrenceId | None, Verdict]
    beyond: Verdict | None = None
    """The answer to the instances that were not listed; None where there are none."""

    @property
    def decided(self) -> bool:
        """Whether anything was decided."""
        return any(v.decided for v in self.verdicts.values())
