# SPDX-License-Identifier: GPL-3.0-or-later
"""libical's recurrences, by Debian's gir1.2-ical-3.0: run by the system's Python, a JSON line in and out.

Each line in is [DTSTART, RECUR, number]; each line out the first starts of that rule, null where libical
refuses it. This file is a program for that Python and holds no test.
"""

from __future__ import annotations

import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib  # noqa: E402


def starts(dtstart: str, rule: str, number: int) -> list[str] | None:
    try:
        iterator = ICalGLib.RecurIterator.new(
            ICalGLib.Recurrence.new_from_string(rule), ICalGLib.Time.new_from_string(dtstart)
        )
    except TypeError:  # NULL
        return None
    found: list[str] = []
    while len(found) < number:
        time = iterator.next()
        if time.is_null_time():
            break
        found.append(time.as_ical_string())
    return found


for line in sys.stdin:
    sys.stdout.write(json.dumps(starts(*json.loads(line))) + "\n")
    sys.stdout.flush()
