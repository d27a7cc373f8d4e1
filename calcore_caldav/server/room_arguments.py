# SPDX-License-Identifier: GPL-3.0-or-later
"""What the arguments of `calcore-caldav room` mean."""

from __future__ import annotations

import argparse
import tomllib
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.core.principals import Principal
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import TimeRange
from calcore_caldav.errors import CalcoreError, InvalidCalendarData

if TYPE_CHECKING:
    from calcore_caldav.store.protocol import Transaction


def find_room(txn: Transaction, name: str) -> Principal:
    """The room or resource of that name. Raises CalcoreError."""
    room = txn.directory.by_name(name)
    if room is None or not room.kind.bookable:
        raise CalcoreError(
            f"there is no room or resource called {name!r}; see calcore-caldav room list, with the --data or"
            " --config that the server has"
        )
    return room


def find_instance(txn: Transaction, room: Principal, uid: str, text: str | None) -> RecurrenceId | None:
    """The RECURRENCE-ID that is meant: as it stands in the event, or the day or time in the room's zone.

    None asks for none. Raises CalcoreError.
    """
    from calcore_caldav.scheduling.availability import zone_of
    from calcore_caldav.scheduling.rooms import stored_copy

    if text is None:
        return None
    try:
        given = RecurrenceId.parse(text)
    except InvalidCalendarData:
        raise CalcoreError(f"{text!r} is no RECURRENCE-ID such as 20260302T100000Z or 20260302") from None
    stored, zone = stored_copy(txn, room, uid), zone_of(txn, room)
    if stored is None or (isinstance(given.value, datetime) and given.value.tzinfo is not None):
        return given
    recurrence = txn.objects.parsed(stored).recurrence(zone)
    found = recurrence.instance(given)
    if found is not None:
        return found.rid
    timed = isinstance(given.value, datetime)
    first = given.value if isinstance(given.value, datetime) else datetime.combine(given.value, time())
    start = first.replace(tzinfo=zone)
    end = start + (timedelta(minutes=1) if timed else timedelta(days=1))
    there = [i.rid for i in recurrence.between(TimeRange(start, end)) if start <= i.start < end]
    # A meeting that happens once has no RECURRENCE-ID: its day means all of it.
    return there[0] if len(there) == 1 else given


def instant(text: str, zone: str) -> datetime:
    """A time as ISO 8601 writes it, in UTC; without an offset it is one of the IANA `zone`. Raises CalcoreError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise CalcoreError(f"{text!r} is no time such as 2026-03-02T10:00") from None
    try:
        there = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError):
        raise CalcoreError(f"there is no time zone {zone!r}: name one such as Europe/Paris") from None
    try:
        return there.astimezone(UTC)
    except OverflowError:
        raise CalcoreError(f"{text!r} is out of reach") from None


def seat_count(text: str) -> int:
    """A number of seats. Raises ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seats")
    return int(text)


def assignment(text: str) -> tuple[str, str]:
    """SETTING=VALUE in its parts. Raises ArgumentTypeError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form SETTING=VALUE")
    return key.strip(), value.strip()


def setting_value(key: str, text: str) -> object:
    """The value of a setting as the directory file would have it; lists may be written with commas."""
    from calcore_caldav.scheduling import syntax
    from calcore_caldav.scheduling.policy import SETTINGS

    if SETTINGS.get(key) is syntax.names and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
