# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar objects from the lines that a test is about."""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.limits import Limits


def obj(*lines: str, component: str = "VEVENT") -> CalendarObject:
    """A calendar object of UID 1; "--" begins a further component of it."""
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", f"BEGIN:{component}", "UID:1"]
    for line in lines:
        text += [f"END:{component}", f"BEGIN:{component}", "UID:1"] if line == "--" else [line]
    body = "\r\n".join([*text, f"END:{component}", "END:VCALENDAR"])
    return CalendarObject.parse(body.encode(), limits=Limits())
