# SPDX-License-Identifier: GPL-3.0-or-later
"""What identifies an instance (RFC 5545 §3.8.4.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from calcore_caldav.core.moments import format_date_time, parse_date_time


class RecurrenceId(NamedTuple):
    """Identity of an instance: its original start (RFC 5545 §3.8.4.4).

    `value` is a UTC date-time, a naive date-time (floating series), or a date (all-day series). Used as
    index key, in iTIP, as suffix of JSON instance ids, and by the Python API.
    """

    value: datetime | date

    @classmethod
    def of(cls, value: datetime | date, like: datetime | date | None = None) -> RecurrenceId:
        """From a date, naive or aware value; aware ones are normalised to UTC.

        `like`: the series' DTSTART, whose form the value is read in: clients write dates, and times without zone.
        """
        value = value if like is None else _in_form_of(like, value)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return cls(value.astimezone(UTC))
        return cls(value)

    @classmethod
    def parse(cls, text: str) -> RecurrenceId:
        """From the basic form, "20260105T090000Z", "20260105T090000" or "20260105"."""
        return cls.of(parse_date_time(text))

    def to_basic(self) -> str:
        """ "20260105T090000Z", floating "20260105T090000", or "20260105"."""
        return format_date_time(self.value)

    # By basic form: chronological within one series, and defined where clients mix dates and times.

    def __lt__(self, other: tuple[datetime | date, ...], /) -> bool:
        return self.to_basic() < format_date_time(other[0])

    def __le__(self, other: tuple[datetime | date, ...], /) -> bool:
        return self.to_basic() <= format_date_time(other[0])

    def __gt__(self, other: tuple[datetime | date, ...], /) -> bool:
        return self.to_basic() > format_date_time(other[0])

    def __ge__(self, other: tuple[datetime | date, ...], /) -> bool:
        return self.to_basic() >= format_date_time(other[0])


def _in_form_of(like: datetime | date, value: datetime | date) -> datetime | date:
    if not isinstance(like, datetime):
        return value.date() if isinstance(value, datetime) else value
    if not isinstance(value, datetime):
        return datetime.combine(value, like.timetz())
    return value.replace(tzinfo=like.tzinfo) if None in {value.tzinfo, like.tzinfo} else value


Rid = RecurrenceId | None
"""Which component of an object: that of one instance, or (None) the master or the only one."""
