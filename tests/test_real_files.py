# SPDX-License-Identifier: GPL-3.0-or-later
"""What real clients and services wrote, through the server: kept byte for byte, or refused with a reason.

The files are other projects' collections of reported problems; they lie beside the repository, if anywhere.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from client import FOR_ANYTHING, KINDS, DavClient, Reply, clark

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.errors import InvalidCalendarData

ROOT = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("CALCORE_SHARED", ROOT.parent / "shared")) / "corpus"
FILES = sorted(CORPUS.rglob("*.ics"))
BROKEN = {
    "america_new_york": "DTSTART: is there twice",
    "america_new_york_forward_reference": "DTSTART: is there twice",
    "bad_rrule_missing_until_event": "there is no rule part 'UNTL'",
    "broken_dtstart": "not a date or date-time: 'INVALID-DATE'",
    "invalid_duration": "a duration too long",
    "issue_1081_invalid_rrule_freq": "FREQ can't be",
    "issue_1081_invalid_start_and_end": "not a date or date-time: 'INVALID-DATE'",
    "issue_1081_invalid_start_valid_end": "not a date or date-time: 'INVALID-DATE'",
    "issue_132_swapped_start_and_end": "is already used by",
    "issue_464_invalid_rdate": "not a date or date-time: '199709T180000Z'",
    "issue_464_invalid_rdate-2": "not a date or date-time: '199709T180000Z'",
    "multiple_timezones": "RDATE: not a date or date-time",
    "pacific_fiji": "DTSTART: is there twice",
    "pacific_fiji-3": "DTSTART: is there twice",
    "rfc_7529": "is not supported",
}
"""Files with objects that can't be given a meaning, and what is said of them."""

pytestmark = pytest.mark.skipif(not FILES, reason="no files of other projects here")


def objects(body: bytes) -> list[bytes]:
    """One body for each UID, without METHOD, as clients import a file; what can't be read stays whole.

    An event alone is put into a calendar.
    """
    try:
        calendar = stream.parse(body)
    except InvalidCalendarData:
        return [body]
    if calendar.name in KINDS:
        return [CalendarObject.from_component(Component("VCALENDAR", (), (calendar,))).body]
    by_uid: dict[tuple[str, str | None], list[Component]] = {}
    for child in calendar.children:
        if child.name != "VTIMEZONE":
            by_uid.setdefault((child.name, child.value("UID")), []).append(child)
    if calendar.name != "VCALENDAR" or not by_uid:
        return [body]
    bare = calendar.without("METHOD")
    return [
        CalendarObject.from_component(bare.with_children((*calendar.named("VTIMEZONE"), *found))).body
        for found in by_uid.values()
    ]


def is_no_object(body: bytes) -> bool:
    """Not a calendar with events of one UID, each with a start and each instance once."""
    try:
        calendar = stream.parse(body)
    except InvalidCalendarData:
        return True
    found = calendar.named(*KINDS)
    instances = [c.value("RECURRENCE-ID") for c in found]
    return (
        calendar.name != "VCALENDAR"
        or not found
        or any(not c.value("UID") for c in found)
        or any(c.name == "VEVENT" and not c.value("DTSTART") for c in found)
        or len(set(instances)) < len(instances)
    )


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_file(ann: DavClient, file: Path) -> None:
    home = f"/ann/{file.parent.name}-{file.stem}/"
    assert ann.xml("MKCALENDAR", home, FOR_ANYTHING).status == 201
    whole = file.read_bytes()
    bodies = objects(whole)
    for number, body in enumerate(bodies):
        path = f"{home}{number}.ics"
        put = ann.put(path, body)
        if put.status == 403:
            assert put.error is not None
            assert is_no_object(body) or BROKEN.get(file.stem, "nothing") in put.text, put.text
            assert ann.get(path).status == 404
            continue
        assert put.status == 201, put.body
        got = ann.get(path)
        assert got.body == body
        assert got.headers["etag"] == put.headers["etag"]
        check_reports(ann, home, path, body)
    if bodies != [whole]:
        assert_answered(ann.put(f"{home}whole.ics", whole))


def assert_answered(reply: Reply) -> None:
    """Stored, or refused with a precondition."""
    assert reply.status == 201 or (reply.status == 403 and reply.error is not None), reply


def check_reports(ann: DavClient, home: str, path: str, body: bytes) -> None:
    """The object expanded, and its busy time, in the eight weeks from its first date."""
    obj = CalendarObject(body)
    starts = [(c.value("DTSTART") or c.value("DUE") or "").strip()[:8] for c in obj.components]
    first = datetime.strptime(min(filter(None, starts), default="20260101"), "%Y%m%d")
    window = " ".join(
        f'{name}="{at:%Y%m%dT%H%M%SZ}"'
        for name, at in (("start", first - timedelta(days=1)), ("end", first + timedelta(weeks=8)))
    )
    answer = ann.report(
        home,
        f"<C:calendar-query><D:prop><C:calendar-data><C:expand {window}/></C:calendar-data></D:prop>"
        f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{obj.kind}"><C:time-range {window}/>'
        f"</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>",
    )
    # Somewhere else may be what recurs but was cancelled at first; what has no start may be nowhere.
    assert path in answer or obj.kind != "VEVENT" or any(c.get("EXDATE") for c in obj.components)
    if path in answer:
        status, data = answer[path][clark("C:calendar-data")]
        assert status == 200
        expanded = stream.parse((data.text or "").encode())
        assert expanded.named(obj.kind)
        assert not [c for c in expanded.children if c.name == "VTIMEZONE" or c.get("RRULE")]
    busy = ann.xml("REPORT", home, f"<C:free-busy-query><C:time-range {window}/></C:free-busy-query>", 1)
    assert busy.status == 200
    assert stream.parse(busy.body).named("VFREEBUSY")


def test_nearly_all_is_kept() -> None:
    bodies = [body for file in FILES for body in objects(file.read_bytes())]
    assert sum(map(is_no_object, bodies)) < len(bodies) / 6
