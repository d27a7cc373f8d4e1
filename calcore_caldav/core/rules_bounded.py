# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule of a series with its end, UNTIL or COUNT (RFC 5545 §3.3.10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Final

from calcore_caldav.core.moments import DAY, LATEST, to_epoch, to_local
from calcore_caldav.core.rules import Frequency, Rule, parse_rule
from calcore_caldav.core.rules_walk import RuleWalk
from calcore_caldav.core.spans import Moment
from calcore_caldav.core.zones import Offsets

_LAST_DAYS: Final = (8, 40, 400, 1600)


class BoundedRule:
    """A rule with its end."""

    __slots__ = ("_counted", "_last", "_last_utc", "rule", "text", "walk")

    def __init__(self, text: str, moment: Moment) -> None:
        self.text = text
        self.rule = rule = parse_rule(text)
        self.walk = RuleWalk(rule, moment.local, dates=moment.all_day)
        self._last, self._last_utc = _read_until(rule, moment)
        self._counted = rule.count is None

    @property
    def last(self) -> int:
        """No start is later on the wall clock."""
        if not self._counted:
            self._counted = True
            assert self.rule.count is not None
            # DTSTART is always the first of COUNT, though the rule may not yield it.
            number = self.rule.count - (self.walk.first(self.walk.start) != self.walk.start)
            found = self.walk.nth(number) if number > 0 else self.walk.start - 1
            self._last = min(self._last, LATEST if found is None else found)
        return self._last

    def keys(self, since: int, moment: Moment) -> Iterator[int]:
        """Keys of the starts from a wall clock time on."""
        if not moment.floating:
            return self._instants(since, self.last, moment.offsets)
        found = takewhile(self.last.__ge__, self.walk.walk(since))
        return (local // DAY for local in found) if moment.all_day else found

    def _instants(self, since: int, last: int, offsets: Offsets) -> Iterator[int]:
        last_utc = self._last_utc
        known, uniform = offsets.days, offsets.uniform
        # Where the clock is changed, the order on the wall may not be the order of the instants.
        changing: list[int] = []
        for local in self.walk.walk(since):
            if local > last:
                break
            day = local // DAY
            offset = known.get(day)
            if offset is None:
                offset = uniform(day)
            if offset is None:
                changing.append(offsets.utc(local))
                continue
            utc = local - offset
            if changing:
                if utc <= max(changing):
                    # What was skipped at the end of a day, or a whole day, is in the next one.
                    changing.append(utc)
                    continue
                yield from (utc for utc in sorted({*changing}) if utc <= last_utc)
                changing = []
            if utc > last_utc:
                return
            yield utc
        yield from (utc for utc in sorted({*changing}) if utc <= last_utc)

    def last_start(self) -> int:
        """The last start on the wall clock; an upper bound where finding it would be long."""
        last = self.last
        if self.rule.count is None and self.rule.freq >= Frequency.DAILY and last < LATEST:
            for days in _LAST_DAYS:
                found = None
                for local in self.walk.walk(last - days * DAY):
                    if local > last:
                        break
                    found = local
                if found is not None:
                    return found
        return last


def _read_until(rule: Rule, moment: Moment) -> tuple[int, int]:
    """(last wall clock, last instant) that UNTIL allows.

    UNTIL ought to have DTSTART's form; what clients write instead: a date means to the end of that day, a
    time without a zone is DTSTART's wall clock, Z is ignored in floating and all-day series.
    """
    until = rule.until
    if until is None:
        return LATEST, LATEST
    local = to_local(until)
    if moment.all_day or not isinstance(until, datetime):
        return local // DAY * DAY + DAY - 1, LATEST
    if moment.floating or until.tzinfo is None:
        return local, LATEST
    instant = to_epoch(until)
    return min(moment.offsets.local(instant) + DAY, LATEST), instant
