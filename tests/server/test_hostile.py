# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that make no sense, byte by byte to the real server: refused with the reason, and nothing changes."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from live import serving
from office_day import DIRECTORY, monday, stamp

BOB = "Basic " + base64.b64encode(b"bob:bob").decode()
CALENDAR = "text/calendar; charset=utf-8"
XML = "application/xml"
BODY_LIMIT = 400_000
SIZE_LIMIT = 100_000


class Refusal(NamedTuple):
    status: int
    error: str | None
    """The local name of the precondition."""


class Server:
    """Bob's and everybody's view of a server, through sockets."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, method: str, target: bytes | str, body: bytes | str = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; the target goes out as it is."""
        data = body.encode() if isinstance(body, str) else body
        sent = {
            "Host": "localhost",
            "Connection": "close",
            "Authorization": BOB,
            "Content-Length": str(len(data)),
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = target.encode() if isinstance(target, str) else target
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(method.encode() + b" " + path + b" HTTP/1.1\r\n" + head.encode() + b"\r\n")
            # It may answer before it has read everything.
            with contextlib.suppress(OSError):
                connection.sendall(data)
            answer = b""
            while block := connection.recv(65536):
                answer += block
        first, _, rest = answer.partition(b"\r\n")
        lines, _, content = rest.partition(b"\r\n\r\n")
        named = dict(line.split(": ", 1) for line in lines.decode("latin-1").split("\r\n"))
        return int(first.split()[1]), {k.lower(): v for k, v in named.items()}, content

    def refusal(self, *request: str | bytes, **headers: str) -> Refusal:
        status, found, body = self.ask(*request, **headers)
        error = None
        if "xml" in found.get("content-type", "") and status != 207:
            root = ET.fromstring(body)
            assert root.tag == "{DAV:}error"
            error = root[0].tag.rpartition("}")[2]
        return Refusal(status, error)

    def state(self) -> list[str]:
        """Every tag of everybody's collections and objects."""
        found = []
        for who in ("bob", "carol", "room1"):
            login = "Basic " + base64.b64encode(f"{who}:{who}".encode()).decode()
            for name in ("", "calendar/", "inbox/", "tasks/"):
                _, _, body = self.ask(
                    "PROPFIND",
                    f"/{who}/{name}",
                    '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:sync-token/></D:prop></D:propfind>',
                    Authorization=login,
                    Depth="1",
                )
                found.append(body.decode())
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "office.toml").write_text(DIRECTORY)
    (folder / "c.ini").write_text(
        f"[server]\nmax_content_length = {BODY_LIMIT}\nmax_resource_size = {SIZE_LIMIT}\n"
    )
    options = ("--directory", str(folder / "office.toml"), "--config", str(folder / "c.ini"))
    with serving(folder / "data", *options) as (_, port):
        server = Server(port)
        assert (
            server.ask("PUT", "/bob/calendar/there.ics", invitation("there"), Content_Type=CALENDAR)[0] == 201
        )
        yield server


def invitation(uid: str | None, *lines: str, hour: int = 9, kind: str = "VEVENT", method: str = "") -> str:
    """An event that would be in three calendars if it were accepted."""
    return "\r\n".join(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//test//EN",
            *([f"METHOD:{method}"] if method else []),
            f"BEGIN:{kind}",
            *([f"UID:{uid}"] if uid else []),
            "DTSTAMP:20260101T000000Z",
            f"DTSTART:{stamp(monday(2, hour))}",
            "ORGANIZER:mailto:bob@example.com",
            *(f"ATTENDEE:mailto:{who}@example.com" for who in ("bob", "carol", "room1")),
            *lines,
            f"END:{kind}",
            "END:VCALENDAR",
            "",
        ]
    )


TWO_UIDS = invitation("a").replace(
    "END:VCALENDAR", "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20270101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR"
)
MANY = ",".join(str(n) for n in range(60))
OBJECTS = {
    "nothing": ("", "valid-calendar-data"),
    "not iCalendar": ("Dear calendar, tomorrow at nine?", "valid-calendar-data"),
    "not text": (bytes(range(256)), "valid-calendar-data"),
    "cut off": (invitation("a")[:150], "valid-calendar-data"),
    "a vCard": ("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nEND:VCARD\r\n", "supported-calendar-data"),
    "two UIDs": (TWO_UIDS, "valid-calendar-object-resource"),
    "no UID": (invitation(None), "valid-calendar-object-resource"),
    "METHOD": (invitation("a", method="REQUEST"), "valid-calendar-object-resource"),
    "wrong component": (invitation("a", kind="VTODO"), "supported-calendar-component"),
    "duplicate UID": (invitation("there", hour=10), "no-uid-conflict"),
    "over the size limit": (invitation("a", "COMMENT:" + "x" * SIZE_LIMIT), "max-resource-size"),
    "too many attendees": (
        invitation("a", *(f"ATTENDEE:mailto:a{n}@x.org" for n in range(1000))),
        "max-attendees-per-instance",
    ),
    "before time began": (invitation("a").replace("DTSTART:20", "DTSTART:10"), "min-date-time"),
    "after it ends": (invitation("a").replace("DTSTART:20", "DTSTART:40"), "max-date-time"),
    "each second for ever": (invitation("a", "RRULE:FREQ=SECONDLY"), "max-instances"),
    "millions counted": (invitation("a", "RRULE:FREQ=SECONDLY;COUNT=99999999"), "max-instances"),
    "millions in one day": (
        invitation("a", f"RRULE:FREQ=DAILY;BYMINUTE={MANY};BYSECOND={MANY}"),
        "max-instances",
    ),
    "no such rule": (invitation("a", "RRULE:FREQ=SOMETIMES"), "valid-calendar-data"),
    "another calendar": (invitation("a", "RRULE:RSCALE=HEBREW;FREQ=YEARLY"), "supported-rscale"),
    "nested": ("BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 5000, "valid-calendar-data"),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_what_is_no_calendar_object(server: Server, case: str) -> None:
    body, precondition = OBJECTS[case]
    before = server.state()
    for target in ("/bob/calendar/new.ics", "/bob/calendar/there.ics"):
        if case == "duplicate UID" and target.endswith("there.ics"):
            continue
        assert server.refusal("PUT", target, body, Content_Type=CALENDAR) == (403, precondition)
    assert server.state() == before


def test_other_types_and_more_than_any_request_may_hold(server: Server) -> None:
    before = server.state()
    target = "/bob/calendar/new.ics"
    assert server.refusal("PUT", target, invitation("a"), Content_Type="text/html") == (
        403,
        "supported-calendar-data",
    )
    assert server.refusal("PUT", target, "x" * (BODY_LIMIT + 1), Content_Type=CALENDAR).status == 413
    assert server.refusal("PUT", target, Content_Length="-1").status == 400
    assert server.refusal("PUT", target, Content_Length="many").status == 400
    assert server.state() == before


BOMB = "".join(
    ['<!DOCTYPE a [<!ENTITY e0 "lol">', *(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12)), "]>"]
)
DOCUMENTS = {
    "cut off": '<D:propfind xmlns:D="DAV:"><D:prop>',
    "no XML": "Which properties are there?",
    "no namespace": "<D:propfind/>",
    "billions of laughs": f'{BOMB}<D:propfind xmlns:D="DAV:">&e12;</D:propfind>',
    "a file of the server": '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a xmlns="DAV:">&e;</a>',
    "a document type of elsewhere": '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a xmlns="DAV:"/>',
    "nested": "<a>" * 20_000 + "</a>" * 20_000,
    "another encoding": "<?xml version='1.0' encoding='utf-32'?><a/>",
}


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR", "MKCOL"])
@pytest.mark.parametrize("case", DOCUMENTS)
def test_xml_that_cannot_be_read(server: Server, case: str, method: str) -> None:
    before = server.state()
    target = "/bob/new/" if method.startswith("MK") else "/bob/calendar/"
    refused = server.refusal(method, target, DOCUMENTS[case], Content_Type=XML, Depth="0")
    assert refused in {(400, None), (403, "supported-report")}
    assert server.state() == before


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!",
        "Basic Ym9i",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"bob:wrong").decode(),
        "Basic " + base64.b64encode(b":bob").decode(),
        "Basic " + base64.b64encode(b"../bob:bob").decode(),
        "Bearer",
        "Bearer calcore_nonsense",
        "Digest username=bob",
        "\xff",
        "x" * 5000,
    ],
)
def test_log_ins_that_are_none(server: Server, value: str) -> None:
    before = server.state()
    for method in ("PUT", "GET", "DELETE"):
        status, headers, _ = server.ask(method, "/bob/calendar/there.ics", Authorization=value)
        assert status == 401
        assert headers["www-authenticate"].startswith("Basic ")
    assert server.state() == before


@pytest.mark.parametrize(
    ("target", "read", "written"),
    [
        ("/bob/calendar/nothing.ics", 404, None),
        ("/bob/nothing/x.ics", 404, 409),
        ("/nobody/calendar/x.ics", 404, 404),
        ("/bob/calendar/deeper/x.ics", 404, 409),
        ("/carol/../bob/calendar/there.ics", 400, 400),
        ("/carol/%2e%2e/bob/calendar/there.ics", 400, 400),
        ("/carol/%2E./bob/calendar/there.ics", 400, 400),
        ("/bob/calendar/./there.ics", 400, 400),
        ("/../../../../etc/passwd", 400, 400),
        ("/bob/calendar/a%00b", 400, 400),
        ("/bob/calendar/%ff%fe.ics", 400, 400),
        ("/bob/calendar/a%0d%0ab.ics", 400, 400),
        ("/bob/calendar/..%5c..%5cx.ics", 404, None),
        ("/bob/calendar/..%2f..%2fx.ics", 400, 400),
    ],
)
def test_paths_to_nowhere(server: Server, target: str, read: int, written: int | None) -> None:
    before = server.state()
    for method in ("GET", "DELETE", "PROPFIND"):
        assert server.refusal(method, target, Depth="0").status == read, method
    if written is not None:
        refused = server.refusal("PUT", target, invitation("a"), Content_Type=CALENDAR)
        assert refused.status == written
    assert server.state() == before


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"/bob/calendar/d%C3%A9j%C3%A0%20vu.ics", "/bob/calendar/d%C3%A9j%C3%A0%20vu.ics"),
        (b"/bob/calendar/%E6%97%A5%E6%9C%AC.ics", "/bob/calendar/%E6%97%A5%E6%9C%AC.ics"),
        (b"/bob/calendar/100%25.ics", "/bob/calendar/100%25.ics"),
        (b"/bob/calendar/%61%2Eics", "/bob/calendar/a.ics"),
        (b"/bob/calendar/a%3Fb%23c.ics", "/bob/calendar/a%3Fb%23c.ics"),
    ],
)
def test_names_beyond_ascii(server: Server, sent: bytes, answered: str) -> None:
    body = invitation(None, f"UID:{sent.decode()}")
    assert server.ask("PUT", sent, body, Content_Type=CALENDAR)[0] == 201
    try:
        assert server.ask("GET", sent)[0] == server.ask("GET", answered)[0] == 200
        _, _, listed = server.ask("PROPFIND", "/bob/calendar/", Depth="1")
        assert f"<D:href>{answered}</D:href>" in listed.decode()
    finally:
        assert server.ask("DELETE", sent)[0] == 204
