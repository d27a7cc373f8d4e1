# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones as clients write them along with an event."""

from __future__ import annotations


def central_european(tzid: str) -> str:
    """A VTIMEZONE of the rules of Paris and Berlin under a name of the client's own, with line feeds."""
    return f"""BEGIN:VTIMEZONE
TZID:{tzid}
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""
