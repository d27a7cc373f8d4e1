# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of the corpus: accepted, kept byte for byte, and with the instances that it should have.

As a value, and through the server: found by its times, expanded, and in the owner's free/busy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from client import FOR_ANYTHING, DavClient, clark

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import parse_period
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.times import TimeRange, TimezoneResolver
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


Span = tuple[datetime, datetime]
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_through_the_server(ann: DavClient, name: str) -> None:
    body = (CORPUS / f"{name}.ics").read_bytes()
    calendar, path = f"/ann/{name}/", f"/ann/{name}/object.ics"
    zone = ZoneInfo(EXPECTED[name]["zone"])
    assert ann.xml("MKCALENDAR", calendar, FOR_ANYTHING).status == 201
    set_zone = f"<D:set><D:prop><C:calendar-timezone-id>{zone.key}</C:calendar-timezone-id></D:prop></D:set>"
    patched = ann.xml("PROPPATCH", calendar, f"<D:propertyupdate>{set_zone}</D:propertyupdate>").properties
    assert patched[calendar][clark("C:calendar-timezone-id")][0] == 200
    put = ann.put(path, body)
    if name in TOO_DENSE:
        assert (put.status, put.error) == (403, clark("C:max-instances"))
        assert ann.get(path).status == 404
        return
    assert put.status == 201, put.text
    assert ann.get(path).body == body
    spans = [(utc(start), utc(end)) for start, end, _, _ in EXPECTED[name]["instances"]]
    if not spans:
        assert not find(ann, calendar, "VEVENT", (utc("19000101T000000Z"), utc("21000101T000000Z")), zone)
        return
    obj = CalendarObject(body)
    first, last = spans[0][0] - SECOND, spans[-1][0] + SECOND
    assert not find(ann, calendar, obj.kind, (first - timedelta(weeks=520), first), zone)
    found = find(ann, calendar, obj.kind, (first, last), zone)[: len(spans)]
    assert [start for start, _ in found] == [start for start, _ in spans]
    rids = [rid for _, _, rid, _ in EXPECTED[name]["instances"]]
    assert sorted(c.value("RECURRENCE-ID") or "" for _, c in found) == sorted(rid or "" for rid in rids)
    taken = [span for span, (_, c) in zip(spans, found, strict=True) if takes_time(c)]
    assert busy(ann, calendar, (first, last)) == union(taken, last)


def utc(basic: str) -> datetime:
    return datetime.strptime(basic, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def window(element: str, span: Span) -> str:
    start, end = (f"{at:%Y%m%dT%H%M%SZ}" for at in span)
    return f'<C:{element} start="{start}" end="{end}"/>'


def find(
    ann: DavClient, calendar: str, kind: str, span: Span, zone: ZoneInfo
) -> list[tuple[datetime, Component]]:
    """The instances that the server finds in a span, by start."""
    answer = ann.report(
        calendar,
        f"<C:calendar-query><D:prop><C:calendar-data>{window('expand', span)}</C:calendar-data></D:prop>"
        f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{kind}">{window("time-range", span)}'
        f"</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
    )
    texts = [of[clark("C:calendar-data")][1].text or "" for of in answer.values()]
    components = [c for text in texts for c in stream.parse(text.encode()).named(kind)]
    return sorted(((start_of(c, zone), c) for c in components), key=lambda pair: pair[0])


def start_of(component: Component, zone: ZoneInfo) -> datetime:
    """The instant at which an expanded component starts: UTC, floating or a date."""
    text = component.value("DTSTART") or component.value("DUE") or ""
    if text.endswith("Z"):
        return utc(text)
    local = datetime.strptime(text, "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")
    return local.replace(tzinfo=zone).astimezone(UTC)


def takes_time(component: Component) -> bool:
    return (
        component.name == "VEVENT"
        and component.value("TRANSP") != "TRANSPARENT"
        and component.value("STATUS") != "CANCELLED"
    )


def busy(ann: DavClient, calendar: str, span: Span) -> list[Span]:
    reply = ann.xml(
        "REPORT", calendar, f"<C:free-busy-query>{window('time-range', span)}</C:free-busy-query>", 1
    )
    assert reply.status == 200
    (answer,) = stream.parse(reply.body).named("VFREEBUSY")
    texts = [text for p in answer.all("FREEBUSY") for text in p.value.split(",")]
    return union((parse_period(text, TimezoneResolver(answer, UTC)) for text in texts), span[1])


def union(spans: Iterable[Span], end: datetime) -> list[Span]:
    """What the spans cover before an end, as apart as can be."""
    covered: list[Span] = []
    for start, stop in sorted((start, min(stop, end)) for start, stop in spans if start < stop):
        if covered and start <= covered[-1][1]:
            covered[-1] = (covered[-1][0], max(covered[-1][1], stop))
        else:
            covered.append((start, stop))
    return covered


@pytest.mark.skipif(not OTHERS.is_dir(), reason="no files of other projects here")
def test_files_of_other_projects_are_read_or_refused() -> None:
    read = 0
    for path in sorted(OTHERS.rglob("*.ics")):
        try:
            calendar = stream.parse(path.read_bytes())
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
