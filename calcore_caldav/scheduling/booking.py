# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision of a room: policy, request, busy time and booker in, one verdict per instance out. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import accumulate
from operator import attrgetter
from typing import Final

from calcore_caldav.core.calobject import PartStat
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import slots
from calcore_caldav.scheduling.policy import (
    BookingPolicy,
    CapacityRule,
    HorizonAction,
    Mode,
    Recurring,
)
from calcore_caldav.scheduling.request import (
    BookingDecision,
    BookingRequest,
    Reason,
    Role,
    Taken,
    TakenBy,
    Verdict,
    Wanted,
)
from calcore_caldav.scheduling.syntax import ZERO

_A, _D, _N, _T = PartStat.ACCEPTED, PartStat.DECLINED, PartStat.NEEDS_ACTION, PartStat.TENTATIVE

ANSWERS: Final[Mapping[Mode, tuple[PartStat, PartStat]]] = {
    Mode.NONE: (_N, _N),
    Mode.AUTOMATIC: (_A, _D),
    Mode.ACCEPT_ALWAYS: (_A, _D),
    Mode.DECLINE_ALWAYS: (_D, _D),
    Mode.ACCEPT_IF_FREE: (_A, _N),
    Mode.DECLINE_IF_BUSY: (_N, _D),
    Mode.APPROVAL: (_T, _D),
}
"""What each mode answers where nothing speaks against the booking, and where something does."""
_HOLDING: Final = frozenset({_A, _T})
_WITHOUT_BUFFERS: Final = frozenset({TakenBy.CLOSED, TakenBy.HELD})


def decide(policy: BookingPolicy, request: BookingRequest) -> BookingDecision:
    """The verdict on every wanted instance (docs/rooms.md, "How a room decides").

    Instances that are over, or that were answered before, keep their answer. The others are held against
    the rules one by one; then the series rules look at the whole.
    """
    if request.booker.automatic:
        policy = replace(policy, mode=Mode.AUTOMATIC)
    limited = request.booker.role is not Role.OVERRIDE
    limits = [(reason, rule) for reason, has, rule in _LIMITS if limited and has(policy)]
    busy = _BusyTime(policy, request.taken)
    used = dict(request.booker.used)
    over = request.now - request.past_grace

    def use(wanted: Wanted, verdict: Verdict) -> None:
        if policy.quota and verdict.partstat in _HOLDING:
            week = week_of(wanted.start, request.zone)
            used[week] = used.get(week, ZERO) + (wanted.end - wanted.start)

    wishes = [(w, _kept(policy, w, over)) for w in sorted(request.wanted, key=attrgetter("start", "end"))]
    for wanted, kept in wishes:
        if kept is not None:
            # Held already, also what is later in the week than a date that is asked for.
            use(wanted, kept)
    verdicts: dict[RecurrenceId | None, Verdict] = {}
    for wanted, kept in wishes:
        verdict = verdicts[wanted.rid] = kept or _judge(policy, request, wanted, limits, busy, used)
        if kept is None:
            use(wanted, verdict)
    return _judge_series(policy, request, verdicts)


def week_of(instant: datetime, zone: tzinfo) -> date:
    """The Monday of the week in which an instant lies."""
    day = instant.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def _kept(policy: BookingPolicy, wanted: Wanted, over: datetime) -> Verdict | None:
    if wanted.end <= over:
        return Verdict(wanted.partstat, Reason.PAST)
    if wanted.partstat is not _N and policy.manual_wins:
        return Verdict(wanted.partstat, Reason.KEPT)
    return None


def _judge(
    policy: BookingPolicy,
    request: BookingRequest,
    wanted: Wanted,
    limits: Iterable[tuple[Reason, Rule]],
    busy: _BusyTime,
    used: Mapping[date, timedelta],
) -> Verdict:
    accepted, refused = ANSWERS[policy.mode]
    if accepted is refused:
        return Verdict(accepted, Reason.MODE)
    role = request.booker.role
    if role in _REFUSED:
        return Verdict(refused, _REFUSED[role])
    for reason, rule in limits:
        value = rule(policy, request, wanted, used)
        if value is not None:
            return Verdict(refused, reason, value=value)
    displaces: tuple[Taken, ...] = ()
    if policy.mode is not Mode.ACCEPT_ALWAYS:
        # Who is left to the managers takes nothing from anybody yet.
        displace = policy.priority and role is Role.OVERRIDE and accepted is not _N
        conflict, displaces = busy.conflict(wanted, displace=displace)
        if conflict is not None:
            reason = Reason.HOURS if conflict.by is TakenBy.CLOSED else Reason.CONFLICT
            return Verdict(refused, reason, conflict)
    if role is Role.REQUEST and accepted is _A:
        return Verdict(_T, Reason.PENDING)
    if accepted is _T:
        if role is Role.OVERRIDE:
            return Verdict(_A, Reason.FREE, displaces=displaces)
        return Verdict(_T, Reason.PENDING)
    return Verdict(accepted, Reason.FREE if accepted is _A else Reason.MODE, displaces=displaces)


Rule = Callable[[BookingPolicy, BookingRequest, Wanted, Mapping[date, timedelta]], str | None]
"""None where the instance keeps the rule, else what it was compared with."""


def _horizon(p: BookingPolicy, r: BookingRequest, w: Wanted, _u: Mapping[date, timedelta]) -> str | None:
    return span(p.horizon) if beyond_horizon(p, r.now, w.start) else None


def _lead_time(p: BookingPolicy, r: BookingRequest, w: Wanted, _u: Mapping[date, timedelta]) -> str | None:
    # What a meeting has already it may have: a booking can be cut short at any time.
    return span(p.lead_time) if w.start < r.now + p.lead_time and not w.booked else None


def _duration(p: BookingPolicy, r: BookingRequest, w: Wanted, _u: Mapping[date, timedelta]) -> str | None:
    exact = w.end - w.start
    if p.min_duration <= exact and (not p.max_duration or exact <= p.max_duration):
        return None
    # Or by the clock on the room's wall: a day on which clocks change is a day.
    length = _on_the_wall(w.end, r.zone) - _on_the_wall(w.start, r.zone)
    if p.max_duration and min(exact, length) > p.max_duration:
        return "≤ " + span(p.max_duration)
    return "≥ " + span(p.min_duration) if max(exact, length) < p.min_duration else None


def _on_the_wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _hours(p: BookingPolicy, r: BookingRequest, w: Wanted, _u: Mapping[date, timedelta]) -> str | None:
    return p.hours.text if p.hours is not None and not p.hours.cover(w.start, w.end, r.zone) else None


def _capacity(p: BookingPolicy, _r: BookingRequest, w: Wanted, _u: Mapping[date, timedelta]) -> str | None:
    return f"{w.people} > {p.capacity}" if w.people > p.capacity else None


def _quota(p: BookingPolicy, r: BookingRequest, w: Wanted, used: Mapping[date, timedelta]) -> str | None:
    if p.same_organizer_limit and r.booker.bookings >= p.same_organizer_limit:
        return str(p.same_organizer_limit)
    if not p.quota:
        return None
    week = used.get(week_of(w.start, r.zone), ZERO)
    return span(p.quota) if week + (w.end - w.start) > p.quota else None


_REFUSED: Final[Mapping[Role, Reason]] = {Role.NOBODY: Reason.NOT_ALLOWED, Role.OUTSIDER: Reason.EXTERNAL}
_LIMITS: Final[tuple[tuple[Reason, Callable[[BookingPolicy], object], Rule], ...]] = (
    (Reason.HORIZON, lambda p: p.horizon, _horizon),
    (Reason.LEAD_TIME, lambda p: p.lead_time, _lead_time),
    (Reason.DURATION, lambda p: p.min_duration or p.max_duration, _duration),
    (Reason.HOURS, lambda p: p.hours is not None, _hours),
    (Reason.CAPACITY, lambda p: p.capacity and p.enforce_capacity is CapacityRule.ENFORCE, _capacity),
    (Reason.QUOTA, lambda p: p.quota or p.same_organizer_limit, _quota),
)
"""What bookers with the role `override` may exceed: the reason, whether a policy limits it, the rule."""


def beyond_horizon(policy: BookingPolicy, now: datetime, start: datetime) -> bool:
    """Whether an instance that begins then cannot be booked yet."""
    if not policy.horizon or policy.horizon_action is HorizonAction.UNLIMITED:
        return False
    return start > now + policy.horizon


def span(delta: timedelta) -> str:
    """A length of time for people: "2 d", "90 min"."""
    minutes = int(delta.total_seconds() // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def _judge_series(
    policy: BookingPolicy, request: BookingRequest, verdicts: dict[RecurrenceId | None, Verdict]
) -> BookingDecision:
    accepted, refused = ANSWERS[policy.mode]
    beyond: Verdict | None = None
    if request.endless:
        beyond = _beyond(policy, request)
    if not request.recurring or accepted is refused:
        return BookingDecision(verdicts, beyond)
    asked = {rid: v for rid, v in verdicts.items() if v.decided}
    whole = _refusal_of_series(policy, request, [*verdicts.values(), *([beyond] if beyond else [])])
    if whole is not None:
        refusal = whole._replace(partstat=refused)
        verdicts |= dict.fromkeys(asked, refusal)
        beyond = beyond and refusal
    return BookingDecision(verdicts, beyond)


def _beyond(policy: BookingPolicy, request: BookingRequest) -> Verdict:
    accepted, refused = ANSWERS[policy.mode]
    role = request.booker.role
    if accepted is refused:
        return Verdict(accepted, Reason.MODE)
    if role in _REFUSED:
        return Verdict(refused, _REFUSED[role])
    if role is Role.OVERRIDE:
        return Verdict(_A if accepted is _T else accepted, Reason.FREE)
    if policy.horizon and policy.horizon_action is not HorizonAction.UNLIMITED:
        return Verdict(refused, Reason.HORIZON, value=span(policy.horizon))
    if accepted is _T or (accepted is _A and role is Role.REQUEST):
        return Verdict(_T, Reason.PENDING)
    return Verdict(accepted, Reason.FREE if accepted is _A else Reason.MODE)


def _refusal_of_series(
    policy: BookingPolicy, request: BookingRequest, verdicts: Sequence[Verdict]
) -> Verdict | None:
    """Why the series as a whole is refused, or None."""
    asked = [v for v in verdicts if v.decided]
    limited = request.booker.role is not Role.OVERRIDE
    if policy.recurring is Recurring.NO and limited:
        return next((Verdict(_D, Reason.RECURRING) for _ in asked), None)
    if policy.horizon_action is HorizonAction.DECLINE:
        late = next((v for v in asked if v.reason is Reason.HORIZON), None)
        if late is not None:
            return late
    if any(v.reason is Reason.KEPT for v in verdicts):
        # Only some dates are asked for: each is judged by itself.
        return None
    in_window = [v for v in asked if v.reason is not Reason.HORIZON]
    refusals = [v for v in in_window if v.reason not in {Reason.FREE, Reason.PENDING, Reason.MODE}]
    if policy.recurring is Recurring.ALL_OR_NOTHING and refusals:
        first = refusals[0]
        return Verdict(_D, Reason.SERIES, first.conflict, f"{len(refusals)}/{len(in_window)} {first.reason}")
    conflicts = [v for v in refusals if v.reason is Reason.CONFLICT]
    # One taken date alone is never too large a share, unless none is allowed: Apple's clients expect
    # a series of two to be accepted but for the taken one.
    share = policy.max_conflict_share
    too_large = len(conflicts) > share * len(in_window) + 1e-9 and (len(conflicts) > 1 or share == 0)
    if policy.recurring is Recurring.PARTIAL and (len(conflicts) > policy.max_conflicts or too_large):
        return Verdict(_D, Reason.SERIES, conflicts[0].conflict, f"{len(conflicts)}/{len(in_window)}")
    return None


class _BusyTime:
    """What blocks, padded and sorted, so that an instance finds its rivals by bisection."""

    def __init__(self, policy: BookingPolicy, taken: Sequence[Taken]) -> None:
        blocks = {
            TakenBy.BOOKING: True,
            TakenBy.CLOSED: True,
            TakenBy.HELD: True,
            TakenBy.TENTATIVE: policy.tentative_blocks,
            TakenBy.PENDING: policy.pending_blocks,
            TakenBy.TRANSPARENT: policy.transparent_blocks,
            TakenBy.UNSCHEDULED: policy.unscheduled_blocks,
        }
        self._policy = policy
        # An instant takes no time from others.
        padded = [(padded_period(policy, t), t) for t in taken if blocks[t.by] and t.start < t.end]
        self._taken = sorted(padded, key=lambda pair: pair[0])
        self._starts = [period.start for period, _ in self._taken]
        # Greatest end so far: whatever stands before the first one beyond a start has ended by then.
        self._ends = list(accumulate((period.end for period, _ in self._taken), max))

    def conflict(self, wanted: Wanted, *, displace: bool) -> tuple[Taken | None, tuple[Taken, ...]]:
        """What keeps the instance out, and what it displaces where it is not kept out."""
        if not self._taken:
            return None, ()
        within = padded_period(self._policy, wanted)
        near = self._taken[bisect_right(self._ends, within.start) : bisect_left(self._starts, within.end)]
        rivals = [pair for pair in near if pair[0].end > within.start]
        if not rivals:
            return None, ()
        real = Period(wanted.start, max(wanted.end, wanted.start + timedelta.resolution))
        closed = [
            t for _, t in rivals if t.by is TakenBy.CLOSED and t.start < real.end and t.end > real.start
        ]
        if closed:
            return closed[0], ()
        rivals = [pair for pair in rivals if pair[1].by is not TakenBy.CLOSED]
        displaced: list[Taken] = []
        while (full := self._full_at(rivals, within)) is not None:
            at_fault = [pair for pair in rivals if pair[0].start <= full < pair[0].end]
            victim = next((pair for pair in reversed(at_fault) if displace and pair[1].displaceable), None)
            if victim is None:
                return at_fault[0][1], ()
            rivals.remove(victim)
            displaced.append(victim[1])
        return None, tuple(displaced)

    def _full_at(self, rivals: Sequence[tuple[Period, Taken]], within: Period) -> datetime | None:
        if self._policy.concurrency == 1:
            return slots.full_at((p for p, _ in rivals), within, 1)
        # A meeting whose own dates (or their buffers) overlap is one meeting.
        meetings: dict[str | int, list[Period]] = {}
        for number, (period, use) in enumerate(rivals):
            meetings.setdefault(use.uid or number, []).append(period)
        periods = (period for own in meetings.values() for period in slots.union(own))
        return slots.full_at(periods, within, self._policy.concurrency)


def padded_period(policy: BookingPolicy, use: Wanted | Taken) -> Period:
    """The time for which the room is in use, buffers included; an instant counts as its moment."""
    start, end = use.start, use.end
    if end <= start and not policy.buffer_after:
        end = start + timedelta.resolution
    if isinstance(use, Taken) and use.by in _WITHOUT_BUFFERS:
        return Period(start, end)
    return Period(start - policy.buffer_before, end + policy.buffer_after)
