# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as JSON has them (RFC 3339), and as iCalendar has them (RFC 5545 §3.3.4, §3.3.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from calcore_caldav.api.problems import invalid, required
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.times import TimezoneResolver, format_date_time, parse_duration

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(?:([Zz])|([+-])(\d\d):(\d\d))?"
)
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z"})


def parse_time(text: str, location: str) -> datetime:
    """An RFC 3339 time; naive where it has no offset. Raises ApiProblem naming `location`."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise invalid(location)
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups()
    try:
        made = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59))
        if fraction:
            made += timedelta(seconds=float(fraction))
        if zulu:
            return made.replace(tzinfo=UTC)
        if sign is None:
            return made
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset >= timedelta(days=1):
            raise invalid(location)
        # The detour over UTC refuses what lies outside of datetime's years.
        return ((made - offset) if sign == "+" else (made + offset)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid(location) from None


def parse_instant(text: str, location: str) -> datetime:
    """An RFC 3339 time with its offset, in UTC. Raises ApiProblem."""
    made = parse_time(text, location)
    if made.tzinfo is None:
        raise invalid(location, f"{location} needs a time zone offset, like 2011-06-03T10:00:00Z")
    return made


def parse_zone(name: str, location: str) -> tzinfo:
    """An IANA zone. Raises ApiProblem."""
    if name in _UTC_NAMES:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise invalid(location, f"Invalid time zone definition: {name[:60]}") from None


def format_instant(instant: datetime) -> str:
    """UTC with milliseconds, as `created` and `updated` have it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}Z"


def format_time(instant: datetime) -> str:
    """Seconds and the offset; "Z" for UTC."""
    text = instant.replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "Z" if zone_name(instant.tzinfo) in _UTC_NAMES else text


def zone_name(zone: tzinfo | None) -> str | None:
    """The IANA name of a zone; None where it has none."""
    if zone is UTC:
        return "UTC"
    return getattr(zone, "key", None)


def to_json(value: datetime | date, calendar_zone: tzinfo, shown_in: tzinfo | None) -> dict[str, str]:
    """`start`, `end`, `originalStartTime`: {"date"} or {"dateTime", "timeZone"}.

    Times are shown in their own zone, or in the one that was asked for; floating ones happen in the
    calendar's.
    """
    if not isinstance(value, datetime):
        return {"date": value.isoformat()}
    if value.tzinfo is None:
        value = value.replace(tzinfo=calendar_zone)
    name = zone_name(value.tzinfo) or zone_name(calendar_zone)
    shown = value if shown_in is None else value.astimezone(shown_in)
    made = {"dateTime": format_time(shown)}
    if name is not None:
        made["timeZone"] = name
    return made


def from_json(
    name: str, value: Mapping[str, Any], calendar_zone: tzinfo, location: str, *, recurring: bool
) -> Property:
    """DTSTART or DTEND of an EventDateTime. Raises ApiProblem naming the field."""
    if (day := value.get("date")) is not None:
        if value.get("dateTime") is not None:
            raise invalid(location, f"{location} has both date and dateTime", kind="field")
        match = _DATE.fullmatch(day)
        try:
            parsed = date(*map(int, match.groups())) if match else None
        except ValueError:
            parsed = None
        if parsed is None:
            raise invalid(f"{location}.date", kind="field")
        return Property(name, format_date_time(parsed), (("VALUE", ("DATE",)),))
    if (text := value.get("dateTime")) is None:
        raise required(f"{location}.dateTime", f"Missing {location} time.", kind="field")
    moment = parse_time(text, f"{location}.dateTime").replace(microsecond=0)
    zone_text = value.get("timeZone")
    if zone_text is None and recurring:
        raise required(
            f"{location}.timeZone", f"Missing time zone definition for {location} time.", kind="field"
        )
    zone = calendar_zone if zone_text is None else parse_zone(zone_text, f"{location}.timeZone")
    if moment.tzinfo is None:
        if zone_text is None:
            raise required(
                f"{location}.timeZone", f"Missing time zone definition for {location} time.", kind="field"
            )
        moment = moment.replace(tzinfo=zone)
    key = getattr(zone, "key", None)
    try:
        local = moment.astimezone(zone)
        if zone is UTC or key is None or key in _UTC_NAMES or local.fold:
            # The second of two equal local times has no name but that in UTC.
            return Property(name, format_date_time(moment.astimezone(UTC)))
    except OverflowError:
        raise invalid(f"{location}.dateTime", kind="field") from None
    return Property(name, format_date_time(local.replace(tzinfo=None, fold=0)), (("TZID", (key,)),))


def span(
    component: Component, zones: TimezoneResolver, zone: tzinfo
) -> tuple[datetime | date, datetime | date] | None:
    """Start and end of a component as written (RFC 5545 §3.6.1), floating ones in `zone`; None without DTSTART."""
    start_prop = component.get("DTSTART")
    if start_prop is None:
        return None
    start = zones.value(start_prop)
    if (end_prop := component.get("DTEND")) is not None:
        end = zones.value(end_prop)
        if isinstance(end, datetime) is isinstance(start, datetime):
            return start, end
    if (duration := component.get("DURATION")) is not None:
        return start, after(start, parse_duration(duration.value), zone)
    return start, start if isinstance(start, datetime) else start + timedelta(days=1)


def after(start: datetime | date, length: timedelta, zone: tzinfo) -> datetime | date:
    """`start` plus a duration: days by the calendar, the rest exactly (RFC 5545 §3.3.6); floating ones in `zone`."""
    if not isinstance(start, datetime):
        return start + (length or timedelta(days=1))
    days = timedelta(days=length.days)
    place = start.tzinfo or zone
    moved = (start + days).replace(tzinfo=place)
    end = (moved.astimezone(UTC) + (length - days)).astimezone(place)
    return end if start.tzinfo is not None else end.replace(tzinfo=None)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant at which a day begins in `zone`, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
