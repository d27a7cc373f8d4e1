# SPDX-License-Identifier: GPL-3.0-or-later
"""CalCore's Python API over the server's store, corridor, scheduling and rooms.

The manual is docs/calcore.md. The spelling is CalCore's (camelCase), in this package only.
"""

from calcore_caldav.cal.attendees import (
    Attendee,
    DirectoryAttendeeSource,
    SimpleAttendeeSource,
    acceptIfPossible,
)
from calcore_caldav.cal.calendars import Calendar
from calcore_caldav.cal.criteria import SearchCriteria
from calcore_caldav.cal.database import MemoryStorage, SQLStorage
from calcore_caldav.cal.events import Event, Occurrence
from calcore_caldav.cal.manager import StorageManager
from calcore_caldav.cal.notices import (
    EventCreated,
    EventDeleted,
    EventModified,
    EventNotice,
    EventParticipationChanged,
    subscribe,
    unsubscribe,
)
from calcore_caldav.cal.problems import (
    CalError,
    InvalidAttendee,
    InvalidEvent,
    NotStored,
    ReadOnlyStorage,
    UnboundedPeriod,
    UnknownAttendee,
    UnknownEvent,
    UnknownStorage,
)
from calcore_caldav.cal.text import ICalendarStorage

__all__ = [
    "Attendee",
    "CalError",
    "Calendar",
    "DirectoryAttendeeSource",
    "Event",
    "EventCreated",
    "EventDeleted",
    "EventModified",
    "EventNotice",
    "EventParticipationChanged",
    "ICalendarStorage",
    "InvalidAttendee",
    "InvalidEvent",
    "MemoryStorage",
    "NotStored",
    "Occurrence",
    "ReadOnlyStorage",
    "SQLStorage",
    "SearchCriteria",
    "SimpleAttendeeSource",
    "StorageManager",
    "UnboundedPeriod",
    "UnknownAttendee",
    "UnknownEvent",
    "UnknownStorage",
    "acceptIfPossible",
    "subscribe",
    "unsubscribe",
]
