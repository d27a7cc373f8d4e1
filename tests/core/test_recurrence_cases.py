# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules whose starts are known, from libical's own tests: every one, as a whole and from any start on."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from recurrence_strategies import event

from calcore_caldav.core.moments import DAY, from_local, parse_date_time, to_local
from calcore_caldav.core.rules_bounded import BoundedRule
from calcore_caldav.core.spans import Moment

_TOKEN = re.compile(r"(?P<date>\d*)(?:\.\.(?P<last>\d+)(?:/(?P<step>\d+))?)?(?:T(?P<time>\d+))?")
CASES = [
    tuple(part.strip() for part in line.split(" | "))
    for line in (Path(__file__).parent / "recurrence_cases.txt").read_text(encoding="ascii").splitlines()
    if line and not line.startswith("#")
]


def listed(start: str, tokens: str) -> list[int]:
    """The starts of a case in seconds on the wall clock."""
    date, _, time = start.rstrip("Z").partition("T")
    found = []
    for token in tokens.split():
        match = _TOKEN.fullmatch(token)
        assert match, token
        date = date[: 8 - len(match["date"])] + match["date"]
        time = match["time"].ljust(6, "0") if match["time"] else time
        last = date[: 8 - len(match["last"])] + match["last"] if match["last"] else date
        while date <= last:
            found.append(to_local(parse_date_time(f"{date}T{time}" if time else date)))
            if date == last:
                break
            date = f"{from_local(found[-1]) + timedelta(days=int(match['step'] or 1)):%Y%m%d}"
    return found


def bounded(start: str, text: str) -> tuple[BoundedRule, Moment]:
    series = event(f"DTSTART:{start}", f"RRULE:{text}").recurrence().series
    return series.rules[0], series.moment


@pytest.mark.parametrize(("start", "text", "tokens"), CASES)
def test_known_starts(start: str, text: str, tokens: str) -> None:
    expected = listed(start, tokens)
    rule, moment = bounded(start, text)

    def walked(since: int, number: int | None) -> list[int]:
        if rule.rule.count is not None:  # where DTSTART isn't a start, RecurrenceSet counts it
            return [*islice(rule.walk.walk(since), number)]
        return [key * DAY if moment.all_day else key for key in rule.keys(since, moment)]

    assert walked(moment.local, len(expected)) == expected
    assert rule.rule.count in {None, len(expected)}
    for passed in range(1, len(expected), max(1, len(expected) // 8)):
        assert walked(expected[passed - 1] + 1, len(expected) - passed) == expected[passed:]
