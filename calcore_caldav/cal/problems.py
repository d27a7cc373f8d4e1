# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a call; each is also the built-in exception that CalCore raised."""

from __future__ import annotations

from calcore_caldav.errors import CalcoreError


class CalError(CalcoreError):
    """Root of this package's errors; the others of `calcore_caldav.errors` pass through as they are."""


class UnknownAttendee(CalError, KeyError):
    """No attendee has this id."""

    __str__ = CalcoreError.__str__


class InvalidAttendee(CalError, ValueError):
    """An attendee that cannot be: its id is taken or is no name, or its policy, zone or address makes no sense."""


class UnknownEvent(CalError, KeyError):
    """No event has this id."""

    __str__ = CalcoreError.__str__


class UnknownStorage(CalError, KeyError):
    """No storage has this id, or the manager has none at all."""

    __str__ = CalcoreError.__str__


class InvalidEvent(CalError, ValueError):
    """An event's attributes, or a period, make no sense: an end before the start, an unknown status or role."""


class UnboundedPeriod(CalError, ValueError):
    """Occurrences were asked for without a start or an end: there could be infinitely many."""


class ReadOnlyStorage(CalError, TypeError):
    """The storage of this event can't be written."""


class NotStored(CalError):
    """The event was deleted."""
