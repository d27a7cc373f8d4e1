# SPDX-License-Identifier: GPL-3.0-or-later
"""The VTIMEZONE of a zone that is known by its IANA name (RFC 5545 §3.6.5).

What the zone does now is said by yearly rules from 1970 on, as clients do it; a zone whose changes follow no
such rule is described by its changes of a century and a half.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from calcore_caldav.core.content import Component, Property

_FIRST: Final = 1970
_LAST: Final = 2037
_RULED: Final = range(2026, 2037)
"""Years by which it is decided whether changes follow a rule."""
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class _Change(NamedTuple):
    """A change of the offset: its wall clock time before it, and the offsets."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str
    daylight: bool


@lru_cache(maxsize=64)
def vtimezone(tzid: str) -> Component:
    """The VTIMEZONE of an IANA zone. Raises ZoneInfoNotFoundError or ValueError for an unknown name."""
    zone = ZoneInfo(tzid)
    head = [Property("TZID", zone.key)]
    recent = list(_changes(zone, _RULED.start, _RULED.stop))
    if not recent:
        return Component("VTIMEZONE", head, [_fixed(zone)])
    if (rules := _rules(recent)) is not None:
        return Component("VTIMEZONE", head, rules)
    return Component("VTIMEZONE", head, [_fixed(zone), *map(_once, _changes(zone, _FIRST, _LAST))])


def _changes(zone: ZoneInfo, first: int, last: int) -> Iterator[_Change]:
    """All changes of the offset from the beginning of one year to that of another."""
    at, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    while at < end:
        following = at + timedelta(days=1)
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield _change(zone, at, following)
        at = following


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> _Change:
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    now = high.astimezone(zone)
    after = now.utcoffset()
    assert before is not None
    assert after is not None
    return _Change((high + before).replace(tzinfo=None), before, after, now.tzname() or "", bool(now.dst()))


def _rules(recent: list[_Change]) -> list[Component] | None:
    """Two observances with yearly rules, where the changes of all recent years follow them."""
    kinds: dict[tuple[int, timedelta, timedelta, str, bool], list[_Change]] = {}
    for change in recent:
        key = (change.at.month, change.before, change.after, change.name, change.daylight)
        kinds.setdefault(key, []).append(change)
    made = [_ruled(changes) for changes in kinds.values()]
    rules = [rule for rule in made if rule is not None]
    return rules if len(rules) == len(made) == 2 else None


def _ruled(changes: list[_Change]) -> Component | None:
    first = changes[0]
    times = {(c.at.time(), c.at.weekday()) for c in changes}
    if len(changes) != len(_RULED) or len(times) != 1:
        return None
    weeks = {(c.at.day - 1) // 7 + 1 for c in changes}
    last = all((c.at + timedelta(days=7)).month != c.at.month for c in changes)
    if not last and len(weeks) != 1:
        return None
    nth = -1 if last else weeks.pop()
    rule = f"FREQ=YEARLY;BYMONTH={first.at.month};BYDAY={nth}{_DAYS[first.at.weekday()]}"
    start = _nth(first.at.replace(year=_FIRST, day=1), first.at.weekday(), nth)
    return _observance(first, start, Property("RRULE", rule))


def _nth(month: datetime, weekday: int, nth: int) -> datetime:
    """The nth (or last, -1) weekday of the month that begins at `month`."""
    days = [month + timedelta(days=n) for n in range(31)]
    found = [day for day in days if day.month == month.month and day.weekday() == weekday]
    return found[nth if nth < 0 else nth - 1]


def _observance(change: _Change, start: datetime, *more: Property) -> Component:
    return Component(
        "DAYLIGHT" if change.daylight else "STANDARD",
        [
            Property("DTSTART", start.strftime("%Y%m%dT%H%M%S")),
            Property("TZOFFSETFROM", _offset(change.before)),
            Property("TZOFFSETTO", _offset(change.after)),
            Property("TZNAME", change.name),
            *more,
        ],
    )


def _once(change: _Change) -> Component:
    return _observance(change, change.at)


def _fixed(zone: ZoneInfo) -> Component:
    """What holds from the beginning."""
    start = datetime(_FIRST, 1, 1, tzinfo=zone)
    offset = start.utcoffset()
    assert offset is not None
    change = _Change(start.replace(tzinfo=None), offset, offset, start.tzname() or "", daylight=False)
    recent = datetime(_RULED.start, 1, 1, tzinfo=zone)
    if not list(_changes(zone, _RULED.start, _RULED.stop)):
        now = recent.utcoffset()
        assert now is not None
        change = change._replace(before=now, after=now, name=recent.tzname() or "")
    return _observance(change, change.at)


def _offset(offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    text = f"{sign}{seconds // 3600:02}{seconds // 60 % 60:02}"
    return text + (f"{seconds % 60:02}" if seconds % 60 else "")
