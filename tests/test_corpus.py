# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of the corpus: accepted, kept byte for byte, and with the instances that it should have."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calcore_caldav.core import content
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.times import TimeRange
from calcore_caldav.errors import InvalidCalendarData

CORPUS = Path(__file__).parent / "corpus"
EXPECTED = json.loads((CORPUS / "instances.json").read_text())
OTHERS = Path(os.environ.get("CALCORE_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"
TOO_DENSE = {"oddity-secondly"}


def test_every_file_has_its_instances_written_down() -> None:
    assert {path.stem for path in CORPUS.glob("*.ics")} == set(EXPECTED)
    assert len(EXPECTED) >= 150


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_file(name: str) -> None:
    body = (CORPUS / f"{name}.ics").read_bytes()
    if name in TOO_DENSE:
        with pytest.raises(InvalidCalendarData) as caught:
            CalendarObject.parse(body, limits=Limits(), inbox=False)
        assert caught.value.precondition == "max-instances"
    else:
        CalendarObject.parse(body, limits=Limits(), inbox=False)
    obj = CalendarObject(body)
    assert obj.body == obj.calendar.to_bytes() == body
    expected = EXPECTED[name]
    found = obj.recurrence(ZoneInfo(expected["zone"]))
    instances = [
        [
            f"{i.start:%Y%m%dT%H%M%SZ}",
            f"{i.end:%Y%m%dT%H%M%SZ}",
            i.rid.to_basic() if i.rid is not None else None,
            i.all_day,
        ]
        for i in islice(found.between(TimeRange(None, None)), 10)
    ]
    assert instances == expected["instances"]
    assert found.endless == expected["endless"]


@pytest.mark.skipif(not OTHERS.is_dir(), reason="no files of other projects here")
def test_files_of_other_projects_are_read_or_refused() -> None:
    read = 0
    for path in sorted(OTHERS.rglob("*.ics")):
        try:
            calendar = content.parse(path.read_bytes())
        except InvalidCalendarData:
            continue
        objects: dict[str | None, list[Component]] = {}
        for component in calendar.named("VEVENT", "VTODO", "VJOURNAL"):
            objects.setdefault(component.value("UID"), []).append(component)
        for components in objects.values():
            children = (*calendar.named("VTIMEZONE"), *components)
            try:
                found = CalendarObject.from_component(calendar.with_children(children)).recurrence()
            except InvalidCalendarData:
                continue
            starts = [i.start for i in islice(found.between(TimeRange(None, None)), 200)]
            assert starts == sorted(starts)
            first, last = found.bounds
            assert first == (starts[0] if starts else None)
            assert last is None or last >= starts[-1]
            read += 1
    assert read > 1000
