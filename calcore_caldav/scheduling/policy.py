# SPDX-License-Identifier: GPL-3.0-or-later
"""The booking policy of a room or resource: a value, read from the directory's `[principal.booking]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Self

from calcore_caldav.errors import DirectoryError
from calcore_caldav.scheduling import syntax
from calcore_caldav.scheduling.hours import OpeningHours
from calcore_caldav.scheduling.syntax import ZERO


class Mode(StrEnum):
    """Who answers, and what (the first six as Apple's server names them, CS:auto-schedule-mode)."""

    NONE = "none"
    AUTOMATIC = "automatic"
    ACCEPT_ALWAYS = "accept-always"
    DECLINE_ALWAYS = "decline-always"
    ACCEPT_IF_FREE = "accept-if-free"
    DECLINE_IF_BUSY = "decline-if-busy"
    APPROVAL = "approval"


class External(StrEnum):
    """What an organizer from elsewhere may do."""

    REJECT = "reject"
    REQUEST = "request"
    BOOK = "book"


class Recurring(StrEnum):
    """How a series is answered."""

    NO = "no"
    ALL_OR_NOTHING = "all-or-nothing"
    PARTIAL = "partial"


class HorizonAction(StrEnum):
    """What becomes of a series that reaches beyond the horizon."""

    DECLINE = "decline"
    TRUNCATE = "truncate"
    UNLIMITED = "unlimited"


class CapacityRule(StrEnum):
    """What happens when more people are invited than there are seats."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class TimeoutAction(StrEnum):
    """What becomes of a request that nobody decided in time."""

    DECLINE = "decline"
    ACCEPT = "accept"


class Subject(StrEnum):
    """What the room's copy of a meeting is called."""

    KEEP = "keep"
    ORGANIZER = "organizer"
    BUSY = "busy"


class Keep(StrEnum):
    """Whether the room's copy keeps a part of the meeting."""

    KEEP = "keep"
    STRIP = "strip"


class Private(StrEnum):
    """What the room's copy of a private or confidential meeting shows."""

    MASK = "mask"
    KEEP = "keep"


class Response(StrEnum):
    """How much a decline tells; each says what the one before says, and more."""

    NONE = "none"
    REASON = "reason"
    TIME = "time"
    ORGANIZER = "organizer"


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """What a room or resource answers; docs/rooms.md explains each setting. Lengths of time of 0 mean none."""

    mode: Mode = Mode.AUTOMATIC
    auto_accept_group: str = ""
    """Its members get "automatic" whatever the mode is."""

    book: tuple[str, ...] = ("all",)
    request: tuple[str, ...] = ()
    override: tuple[str, ...] = ("managers",)
    external: External = External.REJECT
    quota: timedelta = ZERO
    """Time that one booker may hold per week (Monday to Sunday)."""
    same_organizer_limit: int = 0
    """Future bookings that one booker may have; a series counts once."""
    priority: bool = False
    """Bookers of `override` displace the bookings of others."""

    horizon: timedelta = timedelta(days=180)
    horizon_action: HorizonAction = HorizonAction.TRUNCATE
    lead_time: timedelta = ZERO
    min_duration: timedelta = ZERO
    max_duration: timedelta = timedelta(hours=24)
    hours: OpeningHours | None = None
    buffer_before: timedelta = ZERO
    buffer_after: timedelta = ZERO
    past_grace: timedelta | None = None
    """None: what the installation says (two days)."""

    recurring: Recurring = Recurring.PARTIAL
    max_conflicts: int = 5
    max_conflict_share: float = 1 / 3
    manual_wins: bool = True

    capacity: int = 0
    enforce_capacity: CapacityRule = CapacityRule.WARN
    concurrency: int = 1
    """Meetings at the same time; 0: any number."""
    tentative_blocks: bool = True
    pending_blocks: bool = True
    transparent_blocks: bool = False
    unscheduled_blocks: bool = True

    approvers: tuple[str, ...] = ("managers",)
    approval_timeout: timedelta = timedelta(days=3)
    approval_timeout_action: TimeoutAction = TimeoutAction.DECLINE

    subject: Subject = Subject.KEEP
    body: Keep = Keep.KEEP
    attachments: Keep = Keep.KEEP
    private: Private = Private.MASK
    response: Response = Response.REASON
    alternatives: int = 3

    release: bool = False
    release_before_start: timedelta = timedelta(minutes=10)
    release_min_age: timedelta = timedelta(minutes=30)
    release_max_duration: timedelta = timedelta(hours=3)
    release_exempt: tuple[str, ...] = ()
    """Bookers whose bookings are not released."""
    checkin: timedelta = ZERO
    """Not checked in so long after its start, an instance is released."""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Self:
        """The policy of a directory's table; raises DirectoryError with every mistake in it."""
        values, problems = _read(mapping)
        policy = cls(**values)
        problems += [sentence for broken, sentence in CONTRADICTIONS if broken(policy, mapping)]
        if problems:
            raise DirectoryError(problems)
        return policy

    @classmethod
    def of(cls, mapping: Mapping[str, object]) -> Self:
        """The policy that a stored table means: like `from_mapping`, but what is wrong there gets its default.

        The table was checked when it was stored; an old program's or hand-written one must not keep a
        room from answering.
        """
        values, _ = _read(mapping)
        return cls(**values)

    @property
    def reach(self) -> timedelta:
        """How far ahead instances of endless series are looked at one by one."""
        return self.horizon or NO_HORIZON

    @property
    def names(self) -> frozenset[str]:
        """Names of principals that the policy refers to (not addresses, domains or keywords)."""
        lists = (self.book, self.request, self.override, self.approvers, self.release_exempt)
        listed = (name for names in lists for name in names)
        return frozenset(
            n for n in (*listed, self.auto_accept_group) if n and "@" not in n and n not in KEYWORDS
        )

    def shown(self) -> dict[str, object]:
        """All settings in the form in which the directory would give them."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


NO_HORIZON: Final = timedelta(days=730)
"""How far ahead a room without a horizon looks at endless series, at a time."""

KEYWORDS: Final = frozenset({"all", "managers", "none"})
"""Words in lists of bookers that are not names."""

_MODE_DEFAULTS: Final[Mapping[object, Mapping[str, object]]] = {
    # "Always" means it, unless somebody sets a limit.
    Mode.ACCEPT_ALWAYS: {"horizon": ZERO, "max_duration": ZERO},
}

Contradiction = tuple[Callable[[BookingPolicy, Mapping[str, object]], bool], str]
CONTRADICTIONS: Final[tuple[Contradiction, ...]] = (
    (
        lambda p, _: ZERO < p.max_duration < p.min_duration,
        "min_duration: is longer than max_duration, so nothing could be booked",
    ),
    (
        lambda p, _: ZERO < p.horizon <= p.lead_time,
        "lead_time: is not shorter than the horizon, so nothing could be booked",
    ),
    (
        lambda p, m: (
            p.recurring is not Recurring.PARTIAL and bool({"max_conflicts", "max_conflict_share"} & {*m})
        ),
        "max_conflicts, max_conflict_share: count only with recurring = 'partial'",
    ),
    (
        lambda p, _: p.enforce_capacity is CapacityRule.ENFORCE and not p.capacity,
        "enforce_capacity: needs a capacity",
    ),
    (lambda p, _: p.priority and not p.override, "priority: needs bookers in override"),
    (
        lambda p, _: p.concurrency == 0 and (p.priority or p.buffer_before > ZERO or p.buffer_after > ZERO),
        "concurrency: with 0 (any number) nothing conflicts, so priority and buffers mean nothing",
    ),
    (
        lambda p, m: not p.release and any(key.startswith("release_") for key in m),
        "release_before_start, release_min_age, release_max_duration, release_exempt: need release = true",
    ),
    (
        lambda p, m: (
            bool({"approvers", "approval_timeout", "approval_timeout_action"} & {*m})
            and not (p.mode is Mode.APPROVAL or p.request or p.external is External.REQUEST)
        ),
        "approvers, approval_timeout: nothing needs approval; set mode = 'approval', request or external",
    ),
    (
        lambda p, _: bool(p.request) and "all" in p.book,
        "request: everybody may book without asking; name in book those who may",
    ),
    (
        lambda p, _: "all" in p.override,
        "override: 'all' would mean that no rule counts; leave the rules away instead",
    ),
)


def _read(mapping: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in mapping.items():
        if key not in SETTINGS:
            problems.append(f"{key}: there is no such setting")
            continue
        try:
            values[key] = SETTINGS[key](value)
        except (TypeError, ValueError) as error:
            text = str(error)
            problems.append(f"{key}: {text}" + (f", not {value!r}" if text.startswith("is ") else ""))
    return {**_MODE_DEFAULTS.get(values.get("mode"), {}), **values}, problems


def plain(value: object) -> object:
    """A setting's value as TOML has it."""
    if isinstance(value, timedelta):
        return syntax.shown_duration(value)
    if isinstance(value, float):
        share = Fraction(value).limit_denominator(100)
        return value if share.denominator in {1, 2, 4, 5, 10} else str(share)
    if isinstance(value, OpeningHours):
        return value.text
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return "" if value is None else value


SETTINGS: Final[Mapping[str, Callable[[object], Any]]] = {
    "mode": syntax.one_of(Mode),
    "auto_accept_group": syntax.name,
    "book": syntax.names,
    "request": syntax.names,
    "override": syntax.names,
    "external": syntax.one_of(External),
    "quota": syntax.duration,
    "same_organizer_limit": syntax.count,
    "priority": syntax.flag,
    "horizon": syntax.duration,
    "horizon_action": syntax.one_of(HorizonAction),
    "lead_time": syntax.duration,
    "min_duration": syntax.duration,
    "max_duration": syntax.duration,
    "hours": syntax.opening_hours,
    "buffer_before": syntax.duration,
    "buffer_after": syntax.duration,
    "past_grace": syntax.duration,
    "recurring": syntax.one_of(Recurring),
    "max_conflicts": syntax.count,
    "max_conflict_share": syntax.share,
    "manual_wins": syntax.flag,
    "capacity": syntax.count,
    "enforce_capacity": syntax.one_of(CapacityRule, true=CapacityRule.ENFORCE, false=CapacityRule.OFF),
    "concurrency": syntax.count,
    "tentative_blocks": syntax.flag,
    "pending_blocks": syntax.flag,
    "transparent_blocks": syntax.flag,
    "unscheduled_blocks": syntax.flag,
    "approvers": syntax.names,
    "approval_timeout": syntax.duration,
    "approval_timeout_action": syntax.one_of(TimeoutAction),
    "subject": syntax.one_of(Subject),
    "body": syntax.one_of(Keep),
    "attachments": syntax.one_of(Keep),
    "private": syntax.one_of(Private),
    "response": syntax.one_of(Response),
    "alternatives": syntax.count,
    "release": syntax.flag,
    "release_before_start": syntax.duration,
    "release_min_age": syntax.duration,
    "release_max_duration": syntax.duration,
    "release_exempt": syntax.names,
    "checkin": syntax.duration,
}
"""Every setting with the function that reads it."""


@lru_cache(maxsize=512)
def _cached(items: tuple[tuple[str, object], ...]) -> BookingPolicy:
    return BookingPolicy.of({key: list(v) if isinstance(v, tuple) else v for key, v in items})


def policy_of(booking: Mapping[str, object]) -> BookingPolicy:
    """`BookingPolicy.of`, remembered."""
    try:
        return _cached(
            tuple(sorted((key, tuple(v) if isinstance(v, list) else v) for key, v in booking.items()))
        )
    except TypeError:
        # Something in it cannot be a setting's value, and is not hashable either.
        return BookingPolicy.of(booking)
