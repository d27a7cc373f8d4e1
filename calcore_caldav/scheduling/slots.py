# SPDX-License-Identifier: GPL-3.0-or-later
"""How many bookings a room holds at a time, and in which slot each of them is: sweep lines over periods."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate, pairwise

from calcore_caldav.core.times import Period


def union(periods: Iterable[Period]) -> list[Period]:
    """The same time as sorted, disjoint periods; touching ones are joined, empty ones dropped."""
    joined: list[Period] = []
    for period in sorted(p for p in periods if p.start < p.end):
        if joined and period.start <= joined[-1].end:
            joined[-1] = Period(joined[-1].start, max(period.end, joined[-1].end))
        else:
            joined.append(period)
    return joined


def full_at(periods: Iterable[Period], within: Period, concurrency: int) -> datetime | None:
    """The first instant in `within` at which `concurrency` of the periods overlap; None: never.

    With a concurrency of 0 there is no limit.
    """
    if not concurrency:
        return None
    steps: list[tuple[datetime, int]] = []
    for start, end in periods:
        if start < within.end and end > within.start and start < end:
            steps.extend(((max(start, within.start), 1), (end, -1)))
    depth = 0
    # At one instant ends count before starts: periods are half-open.
    for instant, step in sorted(steps):
        depth += step
        if depth >= concurrency:
            return instant
    return None


def assign(
    periods: Iterable[Period], taken: Sequence[tuple[Period, int]], concurrency: int
) -> list[tuple[Period, int]]:
    """A slot for each of `periods` such that no two periods in one slot overlap.

    Slots below `concurrency` are used as far as they are free. A period that fits into none of them as a
    whole is split where others begin or end: wherever fewer than `concurrency` overlap, each piece
    finds its slot. What is booked beyond that (overruled, always accepted) gets slots above.
    """
    booked = sorted(taken)
    starts = [period.start for period, _ in booked]
    # Greatest end so far: whatever stands before the first one beyond a start has ended by then.
    ends = list(accumulate((period.end for period, _ in booked), max))
    assigned: list[tuple[Period, int]] = []
    for period in union(periods):
        near = booked[bisect_right(ends, period.start) : bisect_left(starts, period.end)]
        rivals = [b for b in near if b[0].end > period.start]
        slot = _lowest_free(period, rivals) if rivals else 0
        if concurrency and slot >= concurrency:
            cuts = {t for (start, end), _ in rivals for t in (start, end) if period.start < t < period.end}
            edges = sorted({period.start, period.end} | cuts)
            pieces = [Period(a, b) for a, b in pairwise(edges)]
            assigned.extend(_rejoined((piece, _lowest_free(piece, rivals)) for piece in pieces))
        else:
            assigned.append((period, slot))
    return assigned


def _lowest_free(period: Period, rivals: Iterable[tuple[Period, int]]) -> int:
    used = {slot for (start, end), slot in rivals if start < period.end and end > period.start}
    return next(slot for slot in range(len(used) + 1) if slot not in used)


def _rejoined(pieces: Iterable[tuple[Period, int]]) -> list[tuple[Period, int]]:
    joined: list[tuple[Period, int]] = []
    for period, slot in pieces:
        if joined and joined[-1][1] == slot and joined[-1][0].end == period.start:
            joined[-1] = (Period(joined[-1][0].start, period.end), slot)
        else:
            joined.append((period, slot))
    return joined
