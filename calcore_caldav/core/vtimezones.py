# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones that a calendar brings with it: VTIMEZONE (RFC 5545 §3.6.5)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from threading import Lock
from typing import Final, NamedTuple

from calcore_caldav.core.content import Component, split_values
from calcore_caldav.core.moments import DAY, LATEST, parse_date_time, to_epoch, to_local
from calcore_caldav.core.rules import Rule, parse_rule
from calcore_caldav.core.rules_walk import RuleWalk
from calcore_caldav.errors import InvalidCalendarData

_OFFSET: Final = re.compile(r"([+-])?(\d{1,2}):?(\d\d)(?::?(\d\d))?")
_YEARS_AHEAD: Final = 30
_MAX_ONSETS: Final = 20_000
_EXTENDING: Final = Lock()


class _Onset(NamedTuple):
    """From `utc` on (epoch seconds) the offset is `offset`; `local` is the wall clock before the change."""

    utc: int
    before: int
    offset: int
    name: str
    saving: bool


class VTimezone(tzinfo):
    """The zone that a VTIMEZONE describes; its rules are worked out as far as they are asked."""

    def __init__(self, component: Component) -> None:
        self._tzid = component.value("TZID") or ""
        self._observances = [c for c in component.children if c.name in {"STANDARD", "DAYLIGHT"}]
        self._until = 0
        self._onsets: list[_Onset] = []
        self._starts: list[int] = []
        self._extend(to_epoch(datetime(2040, 1, 1, tzinfo=UTC)))
        if not self._onsets:
            raise InvalidCalendarData(f"the VTIMEZONE {self._tzid[:60]!r} says nothing")

    def utcoffset(self, when: datetime | None, /) -> timedelta:
        """The offset; of a time that happens twice the first, of one that is skipped the one before the gap."""
        return timedelta(seconds=self._find(when)[0])

    def dst(self, when: datetime | None, /) -> timedelta:
        """How much of the offset is daylight saving, as far as a VTIMEZONE says it."""
        onset = self._find(when)[1]
        return timedelta(seconds=onset.offset - onset.before) if onset.saving else timedelta(0)

    def tzname(self, when: datetime | None, /) -> str:
        """TZNAME, or the TZID."""
        return self._find(when)[1].name or self._tzid

    def fromutc(self, when: datetime, /) -> datetime:
        """The wall clock of an instant, `fold` set where it is the second of two."""
        utc = to_local(when)
        self._extend(utc)
        position = bisect_right(self._starts, utc)
        onset = self._onsets[max(0, position - 1)]
        offset = onset.offset if position else onset.before
        local = when + timedelta(seconds=offset)
        fold = int(position > 0 and utc - onset.utc < onset.before - onset.offset)
        return local.replace(fold=fold)

    def __repr__(self) -> str:
        return f"VTimezone({self._tzid!r})"

    def _find(self, when: datetime | None) -> tuple[int, _Onset]:
        local = 0 if when is None else to_local(when)
        fold = 0 if when is None else when.fold
        self._extend(local)
        # The last change that lies before this wall clock time whatever offset is used.
        position = bisect_right(self._starts, local + DAY)
        while position:
            onset = self._onsets[position - 1]
            passed = local - onset.utc  # on the clock: what the offset would have to be at the change
            if fold:
                reached = passed >= min(onset.before, onset.offset)
                if onset.before > onset.offset:
                    reached = passed >= onset.offset
            else:
                reached = passed >= max(onset.before, onset.offset)
            if reached:
                return onset.offset, onset
            position -= 1
        first = self._onsets[0]
        return first.before, first

    def _extend(self, until: int) -> None:
        if until <= self._until:
            return
        # Threads share zones. Those that don't extend take no lock: what they see grows at its end only,
        # and in this order.
        with _EXTENDING:
            if until <= self._until:
                return
            until = min(until + _YEARS_AHEAD * 366 * DAY, LATEST) if self._until else until
            onsets: dict[int, _Onset] = {}
            for component in self._observances:
                for onset in _onsets(component, until):
                    onsets[onset.utc] = onset
            self._onsets = sorted(onsets.values())
            self._starts = [onset.utc for onset in self._onsets]
            self._until = until


def _onsets(component: Component, until: int) -> Iterator[_Onset]:
    """When an observance begins (RFC 5545 §3.6.5); nothing where it can't be read."""
    start = component.value("DTSTART")
    before = _seconds(component.value("TZOFFSETFROM"))
    offset = _seconds(component.value("TZOFFSETTO"))
    if start is None or offset is None:
        return
    before = offset if before is None else before
    name, saving = component.text("TZNAME") or "", component.name == "DAYLIGHT"
    try:
        found = _local_onsets(component, to_local(parse_date_time(start)), before, until)
    except InvalidCalendarData:
        return
    for at in found:
        if at <= until:
            yield _Onset(at - before, before, offset, name, saving)


def _local_onsets(component: Component, first: int, before: int, until: int) -> set[int]:
    """Onsets on the wall clock of the time before, whose offset is `before`. Raises InvalidCalendarData."""
    found = {first}
    for prop in component.all("RDATE"):
        for text in split_values(prop.value):
            value = parse_date_time(text.partition("/")[0])
            utc = isinstance(value, datetime) and value.tzinfo is not None
            found.add(to_local(value) + (before if utc else 0))
    for prop in component.all("RRULE"):
        rule = parse_rule(prop.value)
        last = min(_last_local(rule, before), until)
        for number, at in enumerate(RuleWalk(rule, first).walk(first)):
            if at > last or number >= (rule.count or _MAX_ONSETS):
                break
            found.add(at)
    return found


def _last_local(rule: Rule, before: int) -> int:
    """UNTIL of an observance's rule on the wall clock of the time before."""
    if rule.until is None:
        return LATEST
    if not isinstance(rule.until, datetime):
        return to_local(rule.until) + DAY - 1
    return to_local(rule.until) + (before if rule.until.tzinfo is not None else 0)


def _seconds(value: str | None) -> int | None:
    match = None if value is None else _OFFSET.fullmatch(value.strip())
    if match is None:
        return None
    sign, hours, minutes, seconds = match.groups()
    offset = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return None if offset >= DAY else -offset if sign == "-" else offset


@lru_cache(maxsize=256)
def read_vtimezone(component: Component) -> VTimezone | None:
    """The zone of a VTIMEZONE; None where it doesn't describe one."""
    try:
        return VTimezone(component)
    except InvalidCalendarData:
        return None
