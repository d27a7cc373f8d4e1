# SPDX-License-Identifier: GPL-3.0-or-later
"""What a door needs, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Services:
    """One per process, built by the composition root, shared by threads."""

    store: Store
    calendar: CalendarService
    settings: SchedulingSettings
