# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/google-api.md: its examples run, its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

from google_office import HOST
from googleapiclient.discovery import build

from calcore_caldav.api.fields import FIELDS
from calcore_caldav.api.routes import ROUTES

MANUAL = (Path(__file__).parents[2] / "docs" / "google-api.md").read_text(encoding="utf-8")


def test_examples(office) -> None:
    """All but the first, which connects to a server."""
    blocks = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    endpoint = {"api_endpoint": f"{HOST}/calendar/v3/"}
    assert "api_endpoint" in blocks[0]
    service = build("calendar", "v3", http=office.wire("ann"), client_options=endpoint)
    names = {"service": service}
    assert len(blocks) > 6
    for block in blocks[1:]:
        office.tick()
        exec(compile(block, "google-api.md", "exec"), names)


def test_tables_are_complete() -> None:
    for route in ROUTES:
        assert re.search(rf"\b{route.id.partition('.')[2]}\b", MANUAL), route.id
    for field in FIELDS:
        assert f"`{field.name}" in MANUAL, field.name
