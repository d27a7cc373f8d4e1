# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones by name, and the offsets of a zone day by day (RFC 5545 §3.2.19, §3.6.5, RFC 7808)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from calcore_caldav.core.content import Component
from calcore_caldav.core.moments import DAY, EARLIEST, LATEST, from_local, to_local
from calcore_caldav.core.vtimezones import read_vtimezone

_OFFSET_NAME: Final = re.compile(
    r"\(?(?:GMT|UTC|UT)?\s*([+-])(\d{1,2})(?:[:.]?(\d\d))?\)?(?:\s.*)?", re.IGNORECASE
)
_DESCRIPTION: Final = re.compile(r"\((?:GMT|UTC)(?:[+-]\d\d?[:.]?\d\d)?\)\s*(.+)", re.IGNORECASE)
_CACHED_DAYS: Final = 50_000


class Offsets:
    """UTC offsets of a zone, remembered per day: conversions between wall clock and UTC in whole seconds.

    A wall clock time that happens twice is the first of the two, one that is skipped counts with the offset
    before the gap (RFC 5545 §3.3.5).
    """

    __slots__ = ("days", "zone")

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.days: dict[int, int | None] = {}

    def utc(self, local: int) -> int:
        """Epoch seconds of seconds on the wall clock."""
        day = local // DAY
        offset = self.days.get(day)
        if offset is None:
            offset = self.uniform(day)
            if offset is None:
                offset = self._at(local)
        return local - offset

    def local(self, utc: int) -> int:
        """Seconds on the wall clock of epoch seconds."""
        offset = self.days.get(utc // DAY)
        if offset is not None and (utc + offset) // DAY == utc // DAY:
            return utc + offset
        instant = datetime.fromtimestamp(min(max(utc, EARLIEST), LATEST), UTC)
        return utc + to_local(instant.astimezone(self.zone)) - to_local(instant)

    def uniform(self, day: int) -> int | None:
        """The offset of a whole day of the wall clock; None where it changes."""
        if day in self.days:
            return self.days[day]
        begin, end = self._at(day * DAY), self._at((day + 1) * DAY)
        same = begin == end == self._at((day + 1) * DAY, fold=1) == self._at(day * DAY, fold=1)
        if len(self.days) >= _CACHED_DAYS:
            self.days.clear()
        offset = self.days[day] = begin if same else None
        return offset

    def _at(self, local: int, *, fold: int = 0) -> int:
        wall = from_local(min(max(local, EARLIEST), LATEST)).replace(fold=fold, tzinfo=self.zone)
        offset = wall.utcoffset()
        return 0 if offset is None else offset.days * DAY + offset.seconds


@lru_cache(maxsize=256)
def offsets_of(zone: tzinfo) -> Offsets:
    """The offsets of a zone."""
    return Offsets(zone)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Lower case to the name as IANA writes it."""
    listed = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in [*listed, "UTC"]}


@lru_cache(maxsize=1024)
def known_zone(tzid: str) -> tzinfo | None:
    """The IANA zone that a TZID names, in any case, by alias, at the end of a path, or as Windows calls it."""
    name = tzid.strip().strip('"').replace(" ", "_").lower()
    parts = [part for part in name.split("/") if part]
    for first in range(len(parts)):
        rest = "/".join(parts[first:])
        if rest in _names() and (first == 0 or "/" in rest or rest in {"utc", "gmt"}):
            return UTC if rest in {"utc", "etc/utc", "z", "zulu"} else ZoneInfo(_names()[rest])
    windows = _windows().get(tzid.strip().strip('"').lower())
    return None if windows is None else ZoneInfo(windows)


@lru_cache(maxsize=1)
def _windows() -> dict[str, str]:
    # Imported when the first unknown name is met: the package takes longer to load than all the rest.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415

    return {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}


def fixed_zone(tzid: str) -> tzinfo | None:
    """The offset that a name like "GMT+0100", "(UTC-05:00) Eastern Time" or "UTC" says."""
    match = _OFFSET_NAME.fullmatch(tzid.strip())
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset >= timedelta(days=1):
        return None
    return timezone(-offset if sign == "-" else offset)


def find_zone(tzid: str, calendar: Component) -> tzinfo | None:
    """The zone that a TZID means in `calendar`; None where nothing says it.

    A known name is that zone, whatever the VTIMEZONE says: those that clients send are often outdated. An
    unknown one is the VTIMEZONE's location or rules, or what the name says of its offset.
    """
    known = known_zone(tzid)
    if known is not None:
        return known
    for component in calendar.children:
        if component.name == "VTIMEZONE" and (component.text("TZID") or "").strip('" ') == tzid.strip('" '):
            location = component.text("X-LIC-LOCATION")
            known = known_zone(location) if location else None
            found = known or read_vtimezone(component)
            if found is not None:
                return found
    return _described_zone(tzid)


def _described_zone(tzid: str) -> tzinfo | None:
    """Names that describe a zone: "(UTC+01:00) Amsterdam, Berlin", "GMT+0100"."""
    match = _DESCRIPTION.fullmatch(tzid.strip())
    if match is not None:
        for city in re.split(r"\s*[,/;]\s*", match[1]):
            found = _cities().get(city.strip().replace(" ", "_").lower())
            if found is not None:
                return ZoneInfo(found)
    return fixed_zone(tzid)


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    return {
        name.rpartition("/")[2].lower(): name
        for name in _names().values()
        if name.count("/") and not name.startswith(("Etc/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/"))
    }
