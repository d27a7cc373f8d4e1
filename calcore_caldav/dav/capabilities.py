# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says it can do (RFC 4918 §10.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CAPABILITIES: Final[Mapping[str, str]] = {
    "1": "4918 §18.1",
    "3": "4918 §18.3",
    "access-control": "3744 §7.2",
    "calendar-access": "4791 §5.1",
    "calendar-auto-schedule": "6638 §2",
    "calendar-availability": "7953 §7",
    "calendar-query-extended": "Apple",
    "calendarserver-group-attendee": "Apple",
    "calendarserver-recurrence-split": "Apple",
    "addressbook": "6352 §6.1",
    "extended-mkcol": "5689 §3.1",
    "calendarserver-principal-property-search": "Apple",
    "calendarserver-principal-search": "Apple",
}
"""Tokens of the DAV header; "1" comes first, as clients expect."""

DAV_HEADER: Final = ", ".join(CAPABILITIES)
