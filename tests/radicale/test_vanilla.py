# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmodified Radicale, as its own process, with our plugins on our database."""

from __future__ import annotations

import socket
import sys
import time

import pytest
from live import ROOT, TIMEOUT, Client, Process, ask
from office_day import DIRECTORY, meeting, monday, office_day

from calcore_caldav.server import cli


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vanilla")
    directory = folder / "office.toml"
    directory.write_text(DIRECTORY)
    database = f"sqlite:///{folder}/calcore.db"
    assert cli.main(["directory", "import", str(directory), "--database", database]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = Process(
        [
            *(sys.executable, "-m", "radicale"),
            *("--config", str(ROOT / "config" / "radicale.ini")),
            *("--hosts", f"127.0.0.1:{port}"),
            *("--storage-database", database),
        ],
        folder / "errors.txt",
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.close()


def _wait_for(port: int, process: Process) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and process.popen.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        return
    raise AssertionError(process.errors.read_text())


def test_a_day_at_the_office(port):
    office_day(port)


def test_client_bytes_are_kept(port):
    """Radicale would store its own rendering."""
    body = (
        "BEGIN:VCALENDAR\r\nPRODID:-//Odd//EN\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nuid:bytes\r\n"
        'DTSTAMP:20260101T000000Z\r\nX-Odd;Foo="a,b":c\\,d\r\nDTSTART:20260105T090000Z\r\nSUMMARY:Fo\r\n ld\r\n'
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    with Client(port, "bob") as bob:
        put = bob("PUT", "/bob/calendar/bytes.ics", body)
        got = bob("GET", "/bob/calendar/bytes.ics")
    assert put.status == 201
    assert got.text == body
    assert got.headers["ETag"] == put.headers["ETag"]


def test_a_failing_write_leaves_nothing_behind(port):
    """Radicale returns its error from inside the lock, which then ends as if all were well."""
    with Client(port, "bob") as bob, Client(port, "martijn") as martijn:
        before = bob("PROPFIND", "/bob/calendar/", Depth="1").body
        inbox = martijn("PROPFIND", "/martijn/calendar/", Depth="1").body
        # The organizer is somebody else: scheduling refuses it, after Radicale took it.
        foreign = meeting("foreign", "martijn", ["carol"], monday(5, 9)).replace("carol@", "nobody@")
        assert bob("PUT", "/bob/calendar/foreign.ics", foreign).status == 400
        assert bob("GET", "/bob/calendar/foreign.ics").status == 404
        clash = meeting("clash", "bob", ["martijn"], monday(5, 9))
        assert bob("PUT", "/bob/calendar/one.ics", clash).status == 201
        assert bob("PUT", "/bob/calendar/two.ics", clash).status == 409
        assert bob("DELETE", "/bob/calendar/one.ics").status == 200
        assert bob("PROPFIND", "/bob/calendar/", Depth="1").body.count(b"<response>") == before.count(
            b"<response>"
        )
        assert b"foreign" not in martijn("PROPFIND", "/martijn/calendar/", Depth="1").body
        assert inbox


VCARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//iOS 17.5//EN\r\nN:Müller;Jörg;;;\r\nFN:Jörg Müller\r\n"
    "item1.EMAIL;type=INTERNET;type=pref:joerg@example.com\r\nitem1.X-ABLabel:_$!<Other>!$_\r\n"
    'NOTE:two\\nlines\\, and a fold\r\n ed one\r\nX-ODD;p="q":z\r\nREV:2026-01-01T00:00:00Z\r\n'
    "UID:card-1\r\nEND:VCARD\r\n"
)


def test_address_books_byte_for_byte(port):
    with Client(port, "carol") as carol:
        made = carol(
            "MKCOL",
            "/carol/contacts/",
            '<D:mkcol xmlns:D="DAV:" xmlns:R="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype>'
            "<D:collection/><R:addressbook/></D:resourcetype><D:displayname>People</D:displayname>"
            "</D:prop></D:set></D:mkcol>",
        )
        assert made.status == 201
        put = carol("PUT", "/carol/contacts/joerg.vcf", VCARD)
        assert put.status == 201
        got = carol("GET", "/carol/contacts/joerg.vcf")
        assert got.text == VCARD
        assert got.headers["Content-Type"].startswith("text/vcard")
        found = carol(
            "REPORT",
            "/carol/contacts/",
            '<R:addressbook-query xmlns:D="DAV:" xmlns:R="urn:ietf:params:xml:ns:carddav"><D:prop><D:getetag/>'
            '<R:address-data/></D:prop><R:filter><R:prop-filter name="FN"><R:text-match>müller</R:text-match>'
            "</R:prop-filter></R:filter></R:addressbook-query>".encode(),
            Depth="1",
        )
        assert found.status == 207
        data = next(found.xml.iter("{urn:ietf:params:xml:ns:carddav}address-data"))
        assert (data.text or "").replace("\r\n", "\n") == VCARD.replace("\r\n", "\n")
        assert carol("DELETE", "/carol/contacts/joerg.vcf").status == 200
        assert carol("GET", "/carol/contacts/joerg.vcf").status == 404


def test_sync_and_properties(port):
    sync = '<D:sync-collection xmlns:D="DAV:"><D:sync-token>{}</D:sync-token><D:prop><D:getetag/></D:prop></D:sync-collection>'
    token = "{DAV:}sync-token"
    with Client(port, "carol") as carol:
        assert carol("MKCALENDAR", "/carol/plans/").status == 201
        first = carol("REPORT", "/carol/plans/", sync.format(""), Depth="1")
        assert carol("PUT", "/carol/plans/a.ics", meeting("plan", "carol", [], monday(6, 9))).status == 201
        second = carol("REPORT", "/carol/plans/", sync.format(first.xml.findtext(token)), Depth="1")
        assert "/carol/plans/a.ics" in second.text
        assert carol("DELETE", "/carol/plans/a.ics").status == 200
        third = carol("REPORT", "/carol/plans/", sync.format(second.xml.findtext(token)), Depth="1")
        assert "404" in third.text
        assert carol("REPORT", "/carol/plans/", sync.format("nonsense"), Depth="1").status == 403
        patch = (
            '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Plans</D:displayname>'
            '<X:color xmlns:X="urn:x">red &amp; blue</X:color></D:prop></D:set></D:propertyupdate>'
        )
        assert carol("PROPPATCH", "/carol/plans/", patch).status == 207
        ask = '<D:propfind xmlns:D="DAV:"><D:prop><D:displayname/><X:color xmlns:X="urn:x"/></D:prop></D:propfind>'
        properties = carol("PROPFIND", "/carol/plans/", ask, Depth="0").xml
        assert properties.find(".//{DAV:}displayname").text == "Plans"
        assert properties.find(".//{urn:x}color").text == "red & blue"
        assert carol("DELETE", "/carol/plans/").status == 200
        assert carol("PROPFIND", "/carol/plans/", ask, Depth="0").status == 404


RENAME = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Mine</D:displayname></D:prop></D:set>'
    "</D:propertyupdate>"
)


def test_others_calendars_are_closed(port):
    with Client(port, "carol") as carol, Client(port, "bob") as bob:
        assert bob("PUT", "/bob/calendar/own.ics", meeting("own", "bob", [], monday(7, 9))).status == 201
        assert carol("GET", "/bob/calendar/own.ics").status == 403
        assert carol("PUT", "/bob/calendar/x.ics", meeting("x", "carol", [], monday(7, 9))).status == 403
        assert carol("DELETE", "/bob/calendar/own.ics").status == 403
        assert carol("PUT", "/room1/calendar/x.ics", meeting("x", "carol", [], monday(7, 9))).status == 403
        assert (
            carol("PUT", "/carol/calendar/mine.ics", meeting("mine", "carol", [], monday(7, 9))).status == 201
        )
        host = f"http://127.0.0.1:{port}"
        for target in ("/bob/calendar/mine.ics", "/room1/calendar/mine.ics"):
            assert carol("MOVE", "/carol/calendar/mine.ics", Destination=host + target).status == 403
        assert (
            carol("MOVE", "/bob/calendar/own.ics", Destination=f"{host}/carol/calendar/x.ics").status == 403
        )
        assert carol("DELETE", "/carol/calendar/mine.ics").status == 200
        assert carol("PROPPATCH", "/room1/calendar/", RENAME).status == 403
        assert carol("MKCALENDAR", "/bob/new/").status == 403
        assert ask(port, "carol2", "GET", "/carol/calendar/").status == 401
        assert ask(port, None, "PROPFIND", "/", Depth="0").status == 401


def test_a_whole_calendar_is_replaced(port):
    one, two = (meeting(uid, "carol", [], monday(8, 9)) for uid in ("w1", "w2"))
    inner = [text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")] for text in (one, two)]
    whole = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{}END:VCALENDAR\r\n"
    with Client(port, "carol") as carol:
        assert carol("PUT", "/carol/import/", whole.format("".join(inner))).status == 201
        listed = carol("PROPFIND", "/carol/import/", Depth="1").text
        assert "/carol/import/w1.ics" in listed
        assert "/carol/import/w2.ics" in listed
        assert carol("PUT", "/carol/import/", whole.format(inner[1])).status == 201
        listed = carol("PROPFIND", "/carol/import/", Depth="1").text
        assert "/carol/import/w1.ics" not in listed
        assert "/carol/import/w2.ics" in listed
        exported = carol("GET", "/carol/import/").text
        assert "UID:w2" in exported


def test_the_status_page(port):
    page = ask(port, None, "GET", "/.web")
    assert page.status == 200
    assert f"http://127.0.0.1:{port}/" in page.text
    assert "running" in page.text
