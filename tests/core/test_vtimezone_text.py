# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written of a zone is read as that zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calcore_caldav.core.vtimezone_text import vtimezone
from calcore_caldav.core.vtimezones import read_vtimezone

ZONES = [
    "Europe/Paris",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Asia/Jerusalem",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Pacific/Apia",
    "Etc/GMT+5",
    "UTC",
]


@pytest.mark.parametrize("tzid", ZONES)
def test_offsets_agree(tzid):
    component = vtimezone(tzid)
    assert component.value("TZID") == tzid
    written, zone = read_vtimezone(component), ZoneInfo(tzid)
    assert written is not None
    at = datetime(2025, 1, 1, tzinfo=UTC)
    while at.year < 2037:
        assert at.astimezone(written).utcoffset() == at.astimezone(zone).utcoffset(), at
        at += timedelta(hours=37)


def test_rules_are_short_where_there_are_rules():
    text = vtimezone("Europe/Paris").to_bytes().decode()
    assert text.count("BEGIN:") == 3
    assert "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU" in text
    assert "DTSTART:19700329T020000" in text
