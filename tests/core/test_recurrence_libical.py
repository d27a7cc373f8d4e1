# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules against libical, which Apple's, GNOME's and Cyrus's calendars were built on (Debian's gir1.2-ical-3.0)."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from recurrence_strategies import rules, starts

from calcore_caldav.core.moments import format_date_time, from_local, to_local
from calcore_caldav.core.rules import Frequency, Rule, parse_rule
from calcore_caldav.core.rules_walk import RuleWalk

NUMBER = 25
PROGRAM = ["/usr/bin/python3", str(Path(__file__).parent / "libical_oracle.py")]


class Libical:
    """libical in a process of its own: the first starts of a rule, None where it refuses it."""

    def __init__(self, process):
        self._process = process

    def starts(self, start: str, text: str, number: int) -> list[str] | None:
        self._process.stdin.write(json.dumps([start, text, number]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def libical():
    try:
        process = subprocess.Popen(
            PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        pytest.skip("there is no /usr/bin/python3")
    with process:
        process.stdin.write('["20260101T000000", "FREQ=DAILY;COUNT=1", 1]\n')
        with suppress(BrokenPipeError):
            process.stdin.flush()
        if process.stdout.readline() != '["20260101T000000"]\n':
            error = process.stderr.read()
            assert "gi" in error or "ICalGLib" in error, error
            pytest.skip("libical for Python is not installed (Debian: gir1.2-ical-3.0 and python3-gi)")
        yield Libical(process)
        process.stdin.close()


def is_read_right_by_libical(rule: Rule, *, from_start: bool) -> bool:
    """Whether libical 3.0.16 has no bug here; its later releases, and RFC 5545, agree with us on the rest.

    `from_start`: the rule yields DTSTART.
    """
    limits = rule.by_month or rule.by_month_day or rule.by_year_day or rule.by_day or rule.by_hour
    times = rule.by_hour or rule.by_minute or rule.by_second
    # Positions count days, not starts, and only in months and years (fixed with the cases of 2024).
    if rule.by_set_pos and (times or rule.freq < Frequency.MONTHLY):
        return False
    # Days counted from the end of the month are left out of daily and shorter rules.
    if any(day < 0 for day in rule.by_month_day) and rule.freq < Frequency.WEEKLY:
        return False
    # A DTSTART that is not of the rule makes it miss the first period.
    if rule.freq == Frequency.WEEKLY and rule.interval > 1 and not from_start:
        return False
    # INTERVAL beside hours or days that are left out (libical's issue 1230).
    return rule.freq >= Frequency.DAILY or not (limits or times) or (rule.interval == 1 and from_start)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a rule says enough as it is; shrinking would take minutes
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(
    rules(freqs=("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")), starts, st.integers(0, NUMBER), st.data()
)
def test_agrees_with_libical(libical, text: str, start: datetime, passed: int, data) -> None:
    rule, local = parse_rule(text), to_local(start)
    walk = RuleWalk(rule, local)
    ours = [*islice(walk.walk(local), NUMBER)]
    # Where a rule ends or yields little, libical looks for more for seconds.
    assume(len(ours) == NUMBER and from_local(ours[-1]).year < 2070)
    assume(is_read_right_by_libical(rule, from_start=ours[0] == local))
    theirs = libical.starts(format_date_time(start), text, NUMBER)
    assume(theirs is not None)
    assert [format_date_time(from_local(at)) for at in ours] == theirs, (start, text)
    # A window that begins at, or anywhere after, one of them.
    since = (local if passed == 0 else ours[passed - 1]) + data.draw(st.integers(0, 40 * 86400))
    after = [at for at in ours if at >= since]
    assert [*islice(walk.walk(since), len(after))] == after, (start, text, since)
