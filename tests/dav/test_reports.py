# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar reports on a real store (RFC 4791 §7.8 to §7.10, RFC 6578)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import stored_periods
from calcore_caldav.core.limits import Limits
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.core.stream import parse
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.report import DELEGATED, HANDLERS
from calcore_caldav.dav.report_table import REPORTS
from calcore_caldav.dav.resources import locate
from calcore_caldav.dav.xml import D
from calcore_caldav.errors import InvalidRequest, InvalidSyncToken, TooManyResults
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.services import Services
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import (
    SYSTEM,
    Actor,
    CollectionKind,
    CollectionProps,
    Grant,
)

NAMESPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'


class Desk:
    """A store with two people, and reports on it."""

    def __init__(self, **limits) -> None:
        self.now = datetime(2026, 1, 5, 8, tzinfo=UTC)
        self.store = open_store("sqlite://", clock=self.clock)
        settings = SchedulingSettings(limits=Limits(**limits))
        self.services = Services(self.store, CalendarService(SchedulingEngine(settings), settings), settings)
        with self.store.write(SYSTEM) as txn:
            for name in ("ann", "bob"):
                saved = txn.directory.save(
                    Principal(
                        0,
                        name,
                        CalendarUserType.INDIVIDUAL,
                        name,
                        (CalendarUserAddress(f"mailto:{name}@x.org"),),
                    )
                )
                txn.directory.provision(saved)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def put(
        self, name: str, *lines: str, component: str = "VEVENT", calendar: str = "calendar", who: str = "ann"
    ) -> str:
        text = ["BEGIN:VCALENDAR", "VERSION:2.0", f"BEGIN:{component}", f"UID:{name}"]
        for line in lines:
            text += [f"END:{component}", f"BEGIN:{component}", f"UID:{name}"] if line == "--" else [line]
        body = "\r\n".join([*text, f"END:{component}", "END:VCALENDAR", ""])
        with self.store.write(SYSTEM) as txn:
            collection = txn.collections.get(who, calendar)
            txn.objects.put(collection, f"{name}.ics", CalendarObject(body.encode()), schedule_tag=None)
        return body

    def delete(self, name: str, calendar: str = "calendar") -> None:
        with self.store.write(SYSTEM) as txn:
            collection = txn.collections.get("ann", calendar)
            txn.objects.delete(txn.objects.get(collection, f"{name}.ics"))

    def collection(self, name: str, kind: CollectionKind = CollectionKind.CALENDAR, **props) -> None:
        with self.store.write(SYSTEM) as txn:
            txn.collections.create(txn.directory.by_name("ann"), name, kind, CollectionProps(**props))

    def ask(self, path: str, body: str, *, depth: str | None = "1", who: str = "ann"):
        with self.store.read(SYSTEM) as txn:
            actor = Actor(txn.directory.by_name(who))
        with self.store.read(actor) as txn:
            headers = {} if depth is None else {"depth": depth}
            hosts = frozenset({"localhost"})
            request = DavRequest(
                "REPORT", path, "/dav", headers, body.encode(), "", hosts, txn, self.services
            )
            root = request.xml
            return HANDLERS[root.tag](request, locate(request, path), root)

    def report(self, path: str, body: str, **rest) -> dict[str, dict[str, str] | str]:
        """Href to property texts, or to the status of the whole; calendar-data with line ends as sent."""
        response = self.ask(path, body, **rest)
        assert response.status == 207
        answers: dict[str, dict[str, str] | str] = {}
        for element in xml.parse(response.body).findall(D("response")):
            href = unquote(xml.text_of(element.find(D("href")))).removeprefix("/dav")
            if (status := element.find(D("status"))) is not None:
                answers[href] = status.text.split()[1]
                continue
            answers[href] = {
                prop.tag.rpartition("}")[2]: (prop.text or "").replace("\n", "\r\n")
                for stat in element.findall(D("propstat"))
                if " 200 " in stat.findtext(D("status"))
                for prop in stat.find(D("prop"))
            }
        return answers

    def names(self, path: str, body: str, **rest) -> list[str]:
        return sorted(
            href.rpartition("/")[2].removesuffix(".ics") for href in self.report(path, body, **rest)
        )

    def sync(self, token: str = "", limit: int | None = None, path: str = "/ann/calendar/"):
        """({name: "200" or "404"}, truncated, new token)."""
        nresults = f"<D:limit><D:nresults>{limit}</D:nresults></D:limit>" if limit else ""
        body = (
            f"<D:sync-collection {NAMESPACES}><D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>"
            f"{nresults}<D:prop><D:getetag/></D:prop></D:sync-collection>"
        )
        response = self.ask(path, body, depth="0")
        root = xml.parse(response.body)
        found = {}
        for element in root.findall(D("response")):
            status = element.find(D("status"))
            found[unquote(element.findtext(D("href"))).rpartition("/")[2]] = (
                "200" if status is None else status.text[9:12]
            )
        truncated = found.pop("", None)
        if truncated is not None:
            assert truncated == "507"
            assert root.find(f".//{D('error')}/{D('number-of-matches-within-limits')}") is not None
        return (
            {name.removesuffix(".ics"): status for name, status in found.items()},
            truncated == "507",
            root.findtext(D("sync-token")),
        )


def query(inner: str = "", kind: str = "VEVENT", data: str = "<C:calendar-data/>", rest: str = "") -> str:
    return (
        f"<C:calendar-query {NAMESPACES}><D:prop><D:getetag/>{data}</D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="{kind}">{inner}</C:comp-filter></C:comp-filter>'
        f"</C:filter>{rest}</C:calendar-query>"
    )


def between(start: str, end: str = "") -> str:
    closing = f' end="{end}"' if end else ""
    return f'<C:time-range start="{start}"{closing}/>'


WEEK = between("20260105T000000Z", "20260112T000000Z")
CALENDAR = "/ann/calendar/"


@pytest.fixture
def desk():
    made = Desk()
    made.put("lunch", "DTSTART:20260106T120000Z", "DTEND:20260106T130000Z", "SUMMARY:Lunch & <more>")
    made.put("later", "DTSTART:20260206T120000Z", "DTEND:20260206T130000Z")
    made.put("daily", "DTSTART:20251201T090000Z", "DURATION:PT30M", "RRULE:FREQ=DAILY", "SUMMARY:Standup")
    made.put("todo", "SUMMARY:Some day", component="VTODO")
    yield made
    made.store.close()


def test_a_time_range_of_the_calendar_is_one_of_whatever_happens_in_it(desk):
    """python-caldav's search, where it is told a time and no type."""
    desk.put("due", "DUE:20260107T120000Z", component="VTODO")
    desk.put("done", "DTSTART:20251001T120000Z", "DUE:20251007T120000Z", component="VTODO")
    desk.put("diary", "DTSTART:20260108T120000Z", component="VJOURNAL")

    def found(inner: str, test: str = "") -> list[str]:
        asked = f'<C:comp-filter name="VCALENDAR"{test}>{inner}</C:comp-filter>'
        body = f"<C:calendar-query {NAMESPACES}><D:prop><D:getetag/></D:prop><C:filter>{asked}</C:filter>"
        return desk.names(CALENDAR, f"{body}</C:calendar-query>")

    # A task without dates is at any time (RFC 4791 §9.9).
    assert found(WEEK) == ["daily", "diary", "due", "lunch", "todo"]
    assert found(between("20260201T000000Z")) == ["daily", "later", "todo"]
    assert found(f'{WEEK}<C:comp-filter name="VTODO"/>') == ["due", "todo"]
    lunch = f'<C:comp-filter name="VEVENT">{text_match("SUMMARY", "lunch")}</C:comp-filter>'
    assert found(WEEK + lunch) == ["lunch"]
    either = lunch + '<C:comp-filter name="VTODO"/>'
    assert found(between("20260201T000000Z") + either, ' test="anyof"') == ["todo"]


def text_match(name: str, text: str) -> str:
    return f'<C:prop-filter name="{name}"><C:text-match>{text}</C:text-match></C:prop-filter>'


def test_the_whole_object_comes_back(desk):
    body = desk.put(
        "odd", "DTSTART:20260107T120000Z", "SUMMARY:é \\, ]]> & <x>", "X-LONG:" + "x" * 60, " folded"
    )
    found = desk.report(CALENDAR, query(WEEK))
    assert found["/ann/calendar/odd.ics"]["calendar-data"] == body
    assert found["/ann/calendar/odd.ics"]["getetag"] == CalendarObject(body.encode()).etag
    assert sorted(found) == [f"/ann/calendar/{name}.ics" for name in ("daily", "lunch", "odd")]


def test_a_byte_order_mark_and_folds_inside_characters_are_not_returned(desk):
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:bom\nDTSTART:20260107T120000Z\nSUMMARY:é\nEND:VEVENT\nEND:VCALENDAR\n"
    for body in (b"\xef\xbb\xbf" + text.encode(), text.encode().replace(b"\xc3", b"\xc3\r\n ")):
        with desk.store.write(SYSTEM) as txn:
            calendar = txn.collections.get("ann", "calendar")
            txn.objects.put(calendar, "bom.ics", CalendarObject(body), schedule_tag=None)
        found = desk.report(CALENDAR, multiget("/dav/ann/calendar/bom.ics"))
        assert found["/ann/calendar/bom.ics"]["calendar-data"] == text.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (query(), ["daily", "later", "lunch"]),
        (query(kind="VTODO"), ["todo"]),
        (query(WEEK, kind="VTODO"), ["todo"]),
        (query(between("20260201T000000Z")), ["daily", "later"]),
        (query(between("20300101T000000Z", "20300102T000000Z")), ["daily"]),
        (
            query(f'{WEEK}<C:prop-filter name="SUMMARY"><C:text-match>LUNCH</C:text-match></C:prop-filter>'),
            ["lunch"],
        ),
        (query('<C:prop-filter name="UID"><C:text-match>late</C:text-match></C:prop-filter>'), ["later"]),
        (query('<C:prop-filter name="SUMMARY"><C:is-not-defined/></C:prop-filter>'), ["later"]),
        (query(kind="VJOURNAL"), []),
        (query("<C:is-not-defined/>"), ["todo"]),
    ],
)
def test_filters(desk, body, names):
    assert desk.names(CALENDAR, body) == names


def test_depth(desk):
    assert desk.names(CALENDAR, query(), depth="0") == []
    assert desk.names(CALENDAR, query(), depth=None) == ["daily", "later", "lunch"]
    assert desk.names(CALENDAR, query(), depth="infinity") == ["daily", "later", "lunch"]
    assert desk.names("/ann/", query(), depth="0") == []
    assert desk.names("/ann/", query(), depth="1") == ["daily", "later", "lunch"]
    desk.collection("work")
    desk.put("elsewhere", "DTSTART:20260106T120000Z", calendar="work")
    assert desk.names("/ann/", query(WEEK), depth="infinity") == ["daily", "elsewhere", "lunch"]
    assert desk.names("/ann/calendar/lunch.ics", query(WEEK), depth="0") == ["lunch"]
    assert desk.names("/ann/calendar/later.ics", query(WEEK), depth="0") == []


def test_only_etags_are_asked_for(desk):
    found = desk.report(CALENDAR, query(WEEK, data=""))
    assert all(set(props) == {"getetag"} for props in found.values())


def test_an_expanded_week(desk):
    data = '<C:calendar-data><C:expand start="20260106T000000Z" end="20260108T000000Z"/></C:calendar-data>'
    found = desk.report(CALENDAR, query(WEEK, data=data))
    daily = parse(found["/ann/calendar/daily.ics"]["calendar-data"].encode())
    assert [c.value("RECURRENCE-ID") for c in daily.children] == ["20260106T090000Z", "20260107T090000Z"]
    assert all(c.get("RRULE") is None for c in daily.children)


def test_the_zone_of_the_request_and_of_the_calendar(desk):
    desk.put("holiday", "DTSTART;VALUE=DATE:20260402")
    night = between("20260401T160000Z", "20260401T170000Z")
    tokyo = "<C:timezone-id>Asia/Tokyo</C:timezone-id>"
    assert "holiday" not in desk.names(CALENDAR, query(night))
    assert "holiday" in desk.names(CALENDAR, query(night, rest=tokyo))
    text = "".join(f"{line}\n" for line in (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VTIMEZONE", "TZID:Asia/Tokyo", "END:VTIMEZONE", "END:VCALENDAR",
    ))  # fmt: skip
    desk.collection("tokyo", timezone=text)
    desk.put("there", "DTSTART;VALUE=DATE:20260402", calendar="tokyo")
    assert desk.names("/ann/tokyo/", query(night)) == ["there"]
    alarmed = f'{night}<C:prop-filter name="DTSTART"/>'
    assert desk.names("/ann/tokyo/", query(alarmed)) == ["there"]


def test_more_than_the_limit_is_refused_not_cut():
    desk = Desk(max_results=2, max_instances=3)
    for number in range(2):
        desk.put(str(number), "DTSTART:20260105T120000Z", "RRULE:FREQ=DAILY")
    assert desk.names(CALENDAR, query()) == ["0", "1"]
    data = '<C:calendar-data><C:expand start="20260106T000000Z" end="20260206T000000Z"/></C:calendar-data>'
    with pytest.raises(TooManyResults):
        desk.ask(CALENDAR, query(data=data))
    desk.put("2", "DTSTART:20260105T120000Z")
    with pytest.raises(TooManyResults):
        desk.ask(CALENDAR, query())
    with pytest.raises(TooManyResults):
        desk.ask(CALENDAR, multiget("/dav/1", "/dav/2", "/dav/3"))
    desk.store.close()


def multiget(*hrefs: str, data: str = "<C:calendar-data/>") -> str:
    listed = "".join(xml.text(D("href"), href) for href in hrefs)
    return (
        f"<C:calendar-multiget {NAMESPACES}><D:prop><D:getetag/>{data}</D:prop>{listed}</C:calendar-multiget>"
    )


def test_multiget(desk):
    desk.collection("work")
    desk.put("a b%é", "DTSTART:20260106T120000Z", calendar="work")
    found = desk.report(
        CALENDAR,
        multiget(
            "/dav/ann/calendar/lunch.ics", "/dav/ann/work/a%20b%25%C3%A9.ics", "http://localhost/dav/ann/calendar/daily.ics",
            "/dav/ann/calendar/none.ics", "/dav/ann/nowhere/x.ics", "/dav/ann/calendar/", "/elsewhere/x.ics",
            "http://example.org/dav/ann/calendar/lunch.ics", "/dav/nobody/calendar/x.ics", "/dav/ann/calendar/../calendar/lunch.ics",
        ),
    )  # fmt: skip
    assert {href: answer if isinstance(answer, str) else "200" for href, answer in found.items()} == {
        "/ann/calendar/lunch.ics": "200",
        "/ann/work/a b%é.ics": "200",
        "/ann/calendar/daily.ics": "200",
        "/ann/calendar/none.ics": "404",
        "/ann/nowhere/x.ics": "404",
        "/ann/calendar/": "404",
        "/elsewhere/x.ics": "404",
        "http://example.org/dav/ann/calendar/lunch.ics": "404",
        "/nobody/calendar/x.ics": "404",
        "/ann/calendar/../calendar/lunch.ics": "404",
    }
    assert next(iter(found)) == "/ann/calendar/lunch.ics"
    assert "Lunch & <more>" in found["/ann/calendar/lunch.ics"]["calendar-data"]


def test_multiget_tells_nothing_of_what_may_not_be_read(desk):
    desk.put("secret", "DTSTART:20260106T120000Z", who="bob")
    hrefs = ("/dav/bob/calendar/secret.ics", "/dav/bob/calendar/none.ics")
    assert set(desk.report(CALENDAR, multiget(*hrefs)).values()) == {"404"}
    with desk.store.write(SYSTEM) as txn:
        bob = txn.directory.by_name("bob")
        calendar = txn.collections.get("bob", "calendar")
        txn.directory.set_grants(bob, calendar.id, [Grant(bob.id, calendar.id, "ann", Privilege.BIND)])
    assert set(desk.report(CALENDAR, multiget(*hrefs)).values()) == {"403"}
    with desk.store.write(SYSTEM) as txn:
        txn.directory.set_grants(bob, calendar.id, [Grant(bob.id, calendar.id, "ann", Privilege.READ)])
    found = desk.report(CALENDAR, multiget(*hrefs))
    assert isinstance(found["/bob/calendar/secret.ics"], dict)
    assert found["/bob/calendar/none.ics"] == "404"


def test_multiget_needs_hrefs(desk):
    with pytest.raises(InvalidRequest):
        desk.ask(CALENDAR, multiget())


def busy(desk, path: str, start: str, end: str, **rest) -> list[str]:
    body = f'<C:free-busy-query {NAMESPACES}><C:time-range start="{start}" end="{end}"/></C:free-busy-query>'
    response = desk.ask(path, body, **rest)
    assert (response.status, response.content_type) == (200, "text/calendar; charset=utf-8")
    calendar = parse(response.body)
    assert calendar.get("METHOD") is None
    (component,) = calendar.children
    # Both are required (RFC 5545 §3.6.4).
    assert component.value("UID")
    assert component.value("DTSTAMP")
    assert (component.value("DTSTART"), component.value("DTEND")) == (start, end)
    periods = sorted(stored_periods(component, TimezoneResolver(calendar, UTC)))
    return [f"{p.fbtype.param} {p.start:%dT%H%M}/{p.end:%dT%H%M}" for p in periods]


def test_free_busy(desk):
    desk.put("maybe", "DTSTART:20260106T123000Z", "DURATION:PT1H", "STATUS:TENTATIVE")
    desk.put("free", "DTSTART:20260106T150000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT")
    day = ("20260106T000000Z", "20260106T123000Z")
    expected = ["BUSY 06T0900/06T0930", "BUSY 06T1200/06T1230"]
    assert busy(desk, CALENDAR, *day) == expected
    assert busy(desk, "/ann/", *day, depth="infinity") == expected
    assert busy(desk, CALENDAR, "20260106T120000Z", "20260106T160000Z") == [
        "BUSY 06T1200/06T1300",
        "BUSY-TENTATIVE 06T1230/06T1330",
    ]


def test_free_busy_of_stored_free_busy_and_availability(desk):
    desk.collection("all", components=("VEVENT", "VFREEBUSY", "VAVAILABILITY"))
    desk.put(
        "fb", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260106T100000Z/PT1H", component="VFREEBUSY", calendar="all"
    )
    desk.put(
        "hours", "BEGIN:AVAILABLE", "UID:x", "DTSTART:20260101T080000Z", "DTEND:20260101T160000Z", "RRULE:FREQ=DAILY",
        "END:AVAILABLE", component="VAVAILABILITY", calendar="all",
    )  # fmt: skip
    desk.put("late", "DTSTART:20260106T153000Z", "DURATION:PT1H", calendar="all")
    assert busy(desk, "/ann/all/", "20260106T060000Z", "20260106T200000Z") == [
        "BUSY-UNAVAILABLE 06T0600/06T0800",
        "BUSY-TENTATIVE 06T1000/06T1100",
        "BUSY 06T1530/06T1630",
        "BUSY-UNAVAILABLE 06T1630/06T2000",
    ]


def test_availability_and_free_busy_without_an_end(desk):
    """They go on, or say themselves when they are (RFC 7953 §3.1, RFC 4791 §9.9)."""
    desk.collection("all", components=("VFREEBUSY", "VAVAILABILITY"))
    desk.put(
        "fb",
        "DTSTART:20251201T000000Z",
        "FREEBUSY:20260106T100000Z/PT1H",
        component="VFREEBUSY",
        calendar="all",
    )
    desk.put(
        "hours", "DTSTART:20251201T000000Z", "BEGIN:AVAILABLE", "UID:x", "DTSTART:20260101T080000Z",
        "DTEND:20260101T160000Z", "RRULE:FREQ=DAILY", "END:AVAILABLE", component="VAVAILABILITY", calendar="all",
    )  # fmt: skip
    assert busy(desk, "/ann/all/", "20260106T060000Z", "20260106T200000Z") == [
        "BUSY-UNAVAILABLE 06T0600/06T0800",
        "BUSY 06T1000/06T1100",
        "BUSY-UNAVAILABLE 06T1600/06T2000",
    ]


def test_transparent_calendars_do_not_count_for_the_home(desk):
    desk.collection("birthdays", transparent=True)
    desk.put("birthday", "DTSTART;VALUE=DATE:20270110", calendar="birthdays")
    day = ("20270110T100000Z", "20270110T200000Z")
    assert busy(desk, "/ann/", *day) == []
    assert busy(desk, "/ann/birthdays/", *day) == ["BUSY 10T1000/10T2000"]


def test_free_busy_needs_a_range(desk):
    for inner in ("", between("20260106T000000Z"), WEEK * 2):
        with pytest.raises(InvalidRequest):
            desk.ask(CALENDAR, f"<C:free-busy-query {NAMESPACES}>{inner}</C:free-busy-query>")


def test_sync_follows_changes(desk):
    everything, truncated, token = desk.sync()
    assert everything == dict.fromkeys(["daily", "later", "lunch", "todo"], "200")
    assert not truncated
    assert desk.sync(token) == ({}, False, token)
    desk.put("lunch", "DTSTART:20260107T120000Z")
    desk.put("new", "DTSTART:20260107T120000Z")
    desk.delete("later")
    desk.put("brief", "DTSTART:20260107T120000Z")
    desk.delete("brief")
    desk.delete("todo")
    desk.put("todo", "SUMMARY:Again", component="VTODO")
    changes, _, after = desk.sync(token)
    assert {n: s for n, s in changes.items() if n != "brief"} == {
        "lunch": "200", "new": "200", "later": "404", "todo": "200",
    }  # fmt: skip
    assert changes.get("brief", "404") == "404"
    assert desk.sync(after)[0] == {}


def resumed(desk, token: str = "", limit: int = 2, between_parts=None) -> tuple[dict[str, str], str]:
    """All parts of a limited synchronisation, as a client puts them together."""
    state: dict[str, str] = {}
    for part in range(100):
        changes, truncated, token = desk.sync(token, limit)
        assert len(changes) <= limit
        state |= changes
        if not truncated:
            return state, token
        if between_parts is not None:
            between_parts(part)
    raise AssertionError


def test_a_limited_sync_resumes_to_the_end(desk):
    state, token = resumed(desk, limit=1)
    assert sorted(state) == ["daily", "later", "lunch", "todo"]
    assert token == desk.sync()[2]


def test_a_limited_sync_of_one_big_change(desk):
    _, _, token = desk.sync()
    with desk.store.write(SYSTEM) as txn:
        collection = txn.collections.get("ann", "calendar")
        for number in range(7):
            body = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:n{number}\r\nDTSTART:20260101\r\nEND:VEVENT\r\nEND:VCALENDAR"
            txn.objects.put(
                collection, f"n {number}:,%.ics", CalendarObject(body.encode()), schedule_tag=None
            )
    for limit in (1, 2, 3, 6, 7, 8):
        state, after = resumed(desk, token, limit)
        assert sorted(state) == [f"n {number}:,%" for number in range(7)]
        assert after == desk.sync()[2]


def test_changes_during_a_limited_sync_are_not_lost(desk):
    def meanwhile(part: int) -> None:
        if part == 0:
            desk.delete("lunch")
            desk.put("later", "DTSTART:20260208T120000Z")
            desk.put("new", "DTSTART:20260107T120000Z")

    state, _ = resumed(desk, limit=1, between_parts=meanwhile)
    assert {name for name, status in state.items() if status == "200"} == {"daily", "later", "new", "todo"}
    desk.put("one", "DTSTART:20260107T120000Z")
    _, token = resumed(desk)
    desk.put("two", "DTSTART:20260107T120000Z")
    desk.put("three", "DTSTART:20260107T120000Z")

    def then(part: int) -> None:
        if part == 0:
            desk.delete("two")

    state, _ = resumed(desk, token, 1, then)
    assert state == {"two": "404", "three": "200"}


def test_tokens_that_are_not_ours(desk):
    _, _, token = desk.sync()
    desk.collection("other")
    bad = [
        "x",
        "urn:x-calcore:sync:a:b:c",
        token + "0000",
        token + ":x",
        token + ":all,x,y",
        desk.sync(path="/ann/other/")[2],
    ]
    epoch = token.split(":")[3]
    bad.append(token.replace(epoch, "0" * len(epoch)))
    for text in bad:
        with pytest.raises(InvalidSyncToken):
            desk.sync(text)


def test_tokens_of_a_forgotten_history(desk):
    _, _, token = desk.sync()
    desk.delete("lunch")
    desk.put("new", "DTSTART:20260107T120000Z")
    with desk.store.write(SYSTEM) as txn:
        txn.objects.prune_tombstones(desk.now + timedelta(days=1))
    with pytest.raises(InvalidSyncToken):
        desk.sync(token)
    state, _ = resumed(desk, limit=1)
    assert sorted(state) == ["daily", "later", "new", "todo"]


def test_sync_with_calendar_data_and_wrong_depth(desk):
    body = (
        f"<D:sync-collection {NAMESPACES}><D:sync-token/><D:sync-level>1</D:sync-level>"
        "<D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>"
    )
    assert "Standup" in desk.report(CALENDAR, body)["/ann/calendar/daily.ics"]["calendar-data"]
    with pytest.raises(InvalidRequest):
        desk.ask(CALENDAR, body, depth="infinity")
    with pytest.raises(InvalidRequest):
        desk.ask("/ann/", body)


def test_every_report_has_its_handler():
    assert set(HANDLERS) | DELEGATED == set(REPORTS)
