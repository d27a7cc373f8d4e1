# SPDX-License-Identifier: GPL-3.0-or-later
"""Real server processes, and a small HTTP client for them."""

from __future__ import annotations

import base64
import http.client
import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
TIMEOUT = 60
SERVE = (sys.executable, "-m", "calcore_caldav.server.cli", "serve")


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.body)


class Client:
    """One user's kept-alive connection."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.headers = {}
        if user is not None:
            credentials = f"{user}:{user if password is None else password}".encode()
            self.headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()

    def __call__(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> Answer:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data.startswith(b"BEGIN:VCALENDAR"):
            named.setdefault("Content-Type", "text/calendar; charset=utf-8")
        elif data.startswith(b"BEGIN:VCARD"):
            named.setdefault("Content-Type", "text/vcard")
        elif data:
            named.setdefault("Content-Type", "application/xml")
        self.connection.request(method, path, data, {**self.headers, **named})
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(
    port: int, user: str | None, method: str, path: str, body: str | bytes = b"", **headers: str
) -> Answer:
    """One request on a connection of its own."""
    with Client(port, user) as client:
        return client(method, path, body, **headers)


class Process:
    """A server process; its output is read line by line, its errors go to a file."""

    def __init__(self, command: Sequence[str], errors: Path, **environment: str) -> None:
        self.errors = errors
        with errors.open("wb") as stream:
            self.popen = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=stream,
                cwd=ROOT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        self.lines: list[str] = []

    def line(self) -> str:
        """The next line of its output; "" at its end."""
        assert self.popen.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.popen.stdout, selectors.EVENT_READ)
            assert selector.select(TIMEOUT), "the server says nothing"
        self.lines.append(self.popen.stdout.readline().decode())
        return self.lines[-1].rstrip("\n")

    def ready(self) -> int:
        """Wait for the ready line; returns the port."""
        while line := self.line():
            if match := re.fullmatch(r"ready http://127\.0\.0\.1:(\d+)/", line):
                return int(match.group(1))
        raise AssertionError(self.errors.read_text())

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        return self.popen.wait(TIMEOUT)

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def close(self) -> None:
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@contextmanager
def serving(data: Path, *options: str, **environment: str) -> Iterator[tuple[Process, int]]:
    """`calcore-caldav serve` on a free port; yields the process and the port."""
    data.mkdir(exist_ok=True)
    workers = () if "--workers" in options else ("--workers", "1")
    command = [*SERVE, "--data", str(data), "--port", "0", *workers, *options]
    process = Process(command, data.parent / "server-errors.txt", **environment)
    try:
        yield process, process.ready()
    finally:
        process.close()
