# SPDX-License-Identifier: GPL-3.0-or-later
"""How settings are written: functions that read one kind of value each, or raise ValueError with a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from calcore_caldav.core.times import parse_duration
from calcore_caldav.errors import InvalidCalendarData
from calcore_caldav.scheduling.hours import OpeningHours

ZERO: Final = timedelta(0)
LONGEST: Final = timedelta(days=36525)
"""No length of time is longer than a century."""
_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def duration(value: object) -> timedelta:
    """A length of time: "30m", "1h30m", "180d", "2w", an RFC 5545 duration, or 0."""
    if value == 0 and not isinstance(value, bool):
        return ZERO
    if isinstance(value, str):
        text = value.strip().lower().replace(" ", "")
        match = _DURATION.fullmatch(text)
        try:
            if match is not None and text:
                weeks, days, hours, minutes = (int(g or 0) for g in match.groups())
                parsed = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
            else:
                parsed = parse_duration(text.upper())
        except (InvalidCalendarData, OverflowError):
            parsed = -timedelta.resolution
        if ZERO <= parsed <= LONGEST:
            return parsed
    raise ValueError("is a length of time (0: none) such as '30m', '2h', '180d' or 'PT1H30M'")


def shown_duration(delta: timedelta) -> str | int:
    """A length of time as `duration` reads it: "180d", "1h30m"; 0 for none."""
    days, minutes = delta.days, delta.seconds // 60
    parts = ((days, "d"), (minutes // 60, "h"), (minutes % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or 0


def count(value: object) -> int:
    """A whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000:
        return value
    raise ValueError("is a whole number, 0 or more")


def flag(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise ValueError("is true or false")


def share(value: object) -> float:
    """A part of the whole: 0.25, "1/3", "25%"."""
    if isinstance(value, str):
        above, slash, below = value.partition("/")
        try:
            if slash:
                value = int(above) / int(below)
            elif value.endswith("%"):
                value = float(value[:-1]) / 100
        except (ValueError, ZeroDivisionError):
            value = -1
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("is a share from 0 to 1, such as 0.25, '1/3' or '25%'")


def names(value: object) -> tuple[str, ...]:
    """Names, addresses, "@domain" or keywords; "none" alone is nobody."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Iterable):
        items = list(value)
        if all(isinstance(item, str) and item.strip() for item in items):
            names = tuple(dict.fromkeys(str(item).strip() for item in items))
            return () if names == ("none",) else names
    raise ValueError("is a list of names of people and groups, addresses, '@domain', 'all' or 'managers'")


def name(value: object) -> str:
    """One name, or ""."""
    if isinstance(value, str):
        return value.strip()
    raise ValueError("is the name of a group")


def opening_hours(value: object) -> OpeningHours | None:
    """Opening hours; "" is always open."""
    if not isinstance(value, str):
        raise TypeError("is text such as 'mon-fri 08:00-18:00; sat 09:00-12:00'")
    return OpeningHours.parse(value) if value.strip() else None


def one_of(kind: type[StrEnum], **aliases: object) -> Callable[[object], StrEnum]:
    """Reads a word of `kind`; `aliases` are the words that true and false mean."""

    def read(value: object) -> StrEnum:
        if isinstance(value, bool):
            value = aliases.get(str(value).lower(), value)
        if isinstance(value, str) and value.strip().lower() in frozenset(kind):
            return kind(value.strip().lower())
        raise ValueError(f"is one of {', '.join(kind)}")

    return read
