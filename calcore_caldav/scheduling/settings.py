# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the corridor, values that the server's configuration fills in."""

from __future__ import annotations

from dataclasses import dataclass, field

from calcore_caldav.core.limits import Limits


@dataclass(frozen=True, slots=True)
class SchedulingSettings:
    """What an installation may choose; every default is what Apple's server does or what the RFC says."""

    limits: Limits = field(default_factory=Limits)
    everybody_reads_free_busy: bool = True
    """Whether each user may query the free/busy time of each other user and room."""
    refresh_limit: int = 50
    """Attendees see each other's answers up to this number of attendees."""
    refresh_at_once: int = 10
    """Up to this number of attendees the answer itself shows them; above, the worker does, for many answers at
    a time."""
    refresh_delay: int = 1
    """Seconds in which answers are collected before the other attendees are told."""
    waiting_is_free: bool = True
    """Invitations take no time until they are answered; else they take it from the start."""
    keep_cancelled: bool = True
    """What is cancelled stays in people's calendars, marked so, until they delete it; else it goes by itself."""
    answer_items: bool = True
    """Whether each answer leaves an item in the organizer's inbox; a comment always does."""
    mail: bool = False
    """Whether a mail gateway delivers to external attendees."""
    inbox_days: int = 14
    """Inbox items are deleted after so many days; 0: never."""
    history_days: int = 180
    """Deleted members are remembered for so many days; clients that were away for longer start their
    synchronisation anew. 0: for ever."""
    private_webhooks: bool = True
    """Whether webhooks may be on this machine and in private networks."""
    past_days: int = 2
    """Rooms leave instances alone that ended longer ago (Apple's rule)."""
