# SPDX-License-Identifier: GPL-3.0-or-later
"""What a calendar accepts (RFC 4791 §5.2.5 to §5.2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one calendar object resource; each is also a property of the calendar."""

    max_resource_size: int = 10_000_000
    """Octets (CALDAV:max-resource-size)."""
    max_instances: int = 3000
    """Instances that one object may yield in a window of an expansion (CALDAV:max-instances)."""
    max_attendees: int = 1000
    """ATTENDEE properties of one instance (CALDAV:max-attendees-per-instance)."""
    min_date_time: datetime = datetime(1900, 1, 1, tzinfo=UTC)
    """CALDAV:min-date-time: nothing may start before."""
    max_date_time: datetime = datetime(2200, 1, 1, tzinfo=UTC)
    """CALDAV:max-date-time: nothing may start after (endless series may run into it)."""
    max_results: int = 10_000
    """Resources that one query may match (DAV:number-of-matches-within-limits)."""
