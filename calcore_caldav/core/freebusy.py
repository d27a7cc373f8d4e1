# SPDX-License-Identifier: GPL-3.0-or-later
"""Busy time (RFC 4791 §7.10, RFC 5545 §3.2.9, §3.6.4, RFC 5546 §3.3, RFC 7953)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from calcore_caldav.core.content import Component
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import Period


class FreeBusyType(IntEnum):
    """FBTYPE; the greater one wins where two overlap (RFC 5545 §3.2.9). Numbers are stored in the index."""

    FREE = 0
    BUSY_TENTATIVE = 1
    BUSY = 2
    BUSY_UNAVAILABLE = 3


class BusyPeriod(NamedTuple):
    """Half-open [start, end) in UTC with its type."""

    start: datetime
    end: datetime
    fbtype: FreeBusyType


def instance_type(component: Component, own: frozenset[CalendarUserAddress]) -> FreeBusyType:
    """How an instance counts for its owner, whose addresses are `own`.

    TRANSP, STATUS and the owner's own PARTSTAT decide: declined, cancelled and transparent instances are
    free, tentative ones BUSY-TENTATIVE.
    """
    raise NotImplementedError


def merge_periods(periods: Iterable[BusyPeriod]) -> list[BusyPeriod]:
    """Sorted, disjoint, neighbours of one type joined; where types overlap the greater wins."""
    raise NotImplementedError


def free_periods(busy: Iterable[BusyPeriod], within: Period) -> list[Period]:
    """The gaps between busy periods inside `within`, sorted."""
    raise NotImplementedError
