# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to when something takes place (RFC 6638 §3.2.8).

Compared is what is meant, not how it is written: clients write zones under other names, rules in another order,
COUNT as UNTIL.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

from calcore_caldav.core.content import Component
from calcore_caldav.core.moments import DAY
from calcore_caldav.core.rules import Frequency, Rule
from calcore_caldav.core.series import Series
from calcore_caldav.core.times import TimezoneResolver, parse_duration

RULES: Final = frozenset({"RRULE", "RDATE", "EXRULE"})
"""What makes a component recur, EXDATEs aside."""

_CLOCK_DAYS: Final = 4 * 366
"""For so many days two zones have to agree to be the same clock."""
_MOST: Final = 1000
"""More dates than these are not compared one by one."""

Timing = tuple[object, ...]


def timing(component: Component, zones: TimezoneResolver) -> Timing:
    """When a component takes place, comparable whatever way it was written: start, end."""
    start_prop = component.get("DTSTART")
    end_prop = component.get("DTEND") or component.get("DUE")
    start = zones.value(start_prop) if start_prop else None
    end = zones.value(end_prop) if end_prop else None
    if end is None and start is not None:
        duration = component.value("DURATION")
        if duration is not None:
            span = parse_duration(duration)
            end = (zones.instant(start) if isinstance(start, datetime) and start.tzinfo else start) + span
        else:
            end = start if isinstance(start, datetime) else start + timedelta(days=1)
    return _comparable(start, zones), _comparable(end, zones)


def _comparable(value: datetime | date | None, zones: TimezoneResolver) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return zones.instant(value)
    return value


def recurs(master: Component) -> bool:
    """Whether a component has rules or dates of recurrence."""
    return any(p.name in RULES for p in master.properties)


def retimed(old: Component, old_zones: TimezoneResolver, new: Component, new_zones: TimezoneResolver) -> bool:
    """Whether anything about time, duration or recurrence changed, EXDATEs aside."""
    return (
        relaid(old, old_zones, new, new_zones)
        or gained(old, old_zones, new, new_zones)
        or gained(new, new_zones, old, old_zones)
    )


def relaid(old: Component, old_zones: TimezoneResolver, new: Component, new_zones: TimezoneResolver) -> bool:
    """Whether time, duration or pattern changed, so that the dates of before mean nothing now.

    A series that merely begins to have more dates, or stops to have some, is laid out as before.
    """
    if timing(old, old_zones) != timing(new, new_zones):
        return True
    if recurs(old) != recurs(new):
        return True
    if not recurs(old) or _as_written(old, old_zones, new, new_zones):
        return False
    before, after = Series.read(old, old_zones), Series.read(new, new_zones)
    if before is None or after is None:
        return _rules(old) != _rules(new)
    return not _alike(before, after)


def gained(old: Component, old_zones: TimezoneResolver, new: Component, new_zones: TimezoneResolver) -> bool:
    """Whether a series that is laid out as before has dates that it hadn't (RFC 6638 §3.2.8), EXDATEs aside."""
    if not (recurs(old) and recurs(new)) or _as_written(old, old_zones, new, new_zones):
        return False
    before, after = Series.read(old, old_zones), Series.read(new, new_zones)
    if before is None or after is None:
        return False
    known = set(before.dates)
    if any(key not in known and not before.yields(key) for key in after.dates):
        return True
    if before.endless or _ends(before) == _ends(after):
        return False
    since = min((bounded.last for bounded in before.rules), default=before.moment.local) - 2 * DAY
    for bounded in after.rules:
        later = list(islice(bounded.keys(since, after.moment), _MOST))
        if len(later) == _MOST or any(not before.yields(key) and key not in known for key in later):
            return True
    return False


def _as_written(
    old: Component, old_zones: TimezoneResolver, new: Component, new_zones: TimezoneResolver
) -> bool:
    """Whether the rules are as they were to the letter, and of the same zone."""
    return _rules(old) == _rules(new) and _zone(old, old_zones) is _zone(new, new_zones)


def _zone(component: Component, zones: TimezoneResolver) -> tzinfo | None:
    start = component.get("DTSTART")
    value = zones.value(start) if start is not None else None
    return value.tzinfo if isinstance(value, datetime) else None


def _rules(component: Component) -> list[tuple[object, ...]]:
    return [(p.name, p.value, p.params) for p in component.properties if p.name in RULES]


def _alike(before: Series, after: Series) -> bool:
    """Whether two series with the same first date are laid out alike, wherever they end."""
    return (
        _patterns(before) == _patterns(after)
        and _excluding(before) == _excluding(after)
        and all(before.period(key) == after.period(key) for key in {*before.dates} & {*after.dates})
        and _same_clock(before, after)
    )


def _patterns(series: Series) -> list[str]:
    return sorted(repr(replace(_plain(b.rule), count=None, until=None)) for b in series.rules)


def _ends(series: Series) -> list[str]:
    return sorted(repr(_plain(b.rule)) for b in series.rules)


def _excluding(series: Series) -> list[str]:
    return sorted(repr(_plain(b.rule)) for b in series.excluding)


def _plain(rule: Rule) -> Rule:
    """The rule without a WKST that says nothing (RFC 5545 §3.3.10)."""
    weekly = rule.freq is Frequency.WEEKLY and (rule.interval > 1 or rule.by_set_pos)
    return rule if weekly or rule.by_week_no else replace(rule, week_start=0)


def _same_clock(before: Series, after: Series) -> bool:
    """Whether wall clock times of two series are the same instants, as far as either goes."""
    ours, theirs = before.moment.offsets, after.moment.offsets
    if before.floating or ours is theirs:
        return True
    first = before.moment.local
    if after.moment.local != first:
        return False
    last = max((bounded.last for series in (before, after) for bounded in series.rules), default=first)
    days = range(first, min(last, first + _CLOCK_DAYS * DAY) + 1, DAY)
    return all(ours.utc(local) == theirs.utc(local) for local in days)
