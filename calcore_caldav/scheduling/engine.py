# SPDX-License-Identifier: GPL-3.0-or-later
"""Implicit scheduling: what a change of a scheduling object resource causes (RFC 6638 §3)."""

from __future__ import annotations

from dataclasses import dataclass

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import Collection, StoredObject, Transaction


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change that somebody asks for: create (no old), change, or delete (no new)."""

    owner: Principal
    """Owner of the home that the object is in; whose addresses decide the role."""
    collection: Collection
    name: str
    stored: StoredObject | None
    old: CalendarObject | None
    new: CalendarObject | None
    reply: bool = True
    """False: Schedule-Reply: F, an attendee's removal is not told to the organizer (RFC 6638 §8.1)."""
    merge_answers: bool = False
    """If-Schedule-Tag-Match held: answers that came in meanwhile are kept (RFC 6638 §3.2.10)."""


@dataclass(frozen=True, slots=True)
class SchedulingOutcome:
    """What is to be stored for the one who asked; everybody else's copies are written already."""

    stored: CalendarObject | None
    """None on delete. Equal to `change.new` where scheduling changed nothing."""
    schedule_tag: str | None
    """None: not a scheduling object resource."""


class SchedulingEngine:
    """Executes implicit scheduling on a transaction."""

    def __init__(self, settings: SchedulingSettings) -> None:
        self.settings = settings

    def process(self, txn: Transaction, change: ObjectChange) -> SchedulingOutcome:
        """Check the change, deliver its messages to local users, queue the others, answer for rooms.

        Raises SchedulingRefused. Doesn't write the changed object itself: the corridor does.
        """
        raise NotImplementedError
