# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a process: start, signals, death of its parts, exit status."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from live import SERVE, Client, Process, ask, serving
from office_day import DIRECTORY, Person, meeting, monday

from calcore_caldav.server.cli import main


@pytest.fixture
def directory(tmp_path) -> str:
    file = tmp_path / "office.toml"
    file.write_text(DIRECTORY)
    return str(file)


@pytest.fixture
def fails(tmp_path):
    """fails(*options) -> what a server that doesn't start says on standard error; its status must be 1."""

    def run(*options: str, status: int = 1) -> str:
        process = Process([*SERVE, "--data", str(tmp_path / "data"), *options], tmp_path / "errors.txt")
        assert process.line() == ""
        assert process.wait() == status
        process.close()
        return process.errors.read_text()

    return run


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return True
    return False


def eventually(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline


def begin_put(port: int, path: str, body: bytes) -> socket.socket:
    """A PUT that is being worked on: its body is waited for."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(
        f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Ym9iOmJvYg==\r\nContent-Type: text/calendar\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(body[:100])
    return connection


def test_it_serves_with_nothing_but_defaults(tmp_path, directory):
    """XDG data directory, loopback; one line of output."""
    process = Process(
        [*SERVE, "--port", "0", "--directory", directory],
        tmp_path / "errors.txt",
        XDG_DATA_HOME=str(tmp_path / "home"),
    )
    try:
        port = process.ready()
        with Client(port) as client:
            health = client("GET", "/healthz")
            assert (health.status, json.loads(health.body)) == (200, {"status": "ok"})
            assert client("PROPFIND", "/", Depth="0").status == 401
    finally:
        process.close()
    assert process.popen.returncode == 0
    assert process.lines == [f"ready http://127.0.0.1:{port}/\n"]
    assert process.errors.read_text() == ""
    data = tmp_path / "home" / "calcore-caldav"
    assert (data / "calcore.db").exists()
    assert data.stat().st_mode & 0o077 == 0


def test_the_file_counts_only_when_it_changed(tmp_path, directory, capsys):
    """What an administrator set since stays at the next start."""
    file, data = Path(directory), tmp_path / "data"

    def shown() -> list[str]:
        with serving(data, "--directory", directory):
            assert main(["room", "show", "room1", "--data", str(data)]) == 0
        return [line.split()[2] for line in capsys.readouterr().out.splitlines() if line.startswith("mode ")]

    assert shown() == ["automatic"]
    assert main(["room", "set", "room1", "mode=none", "--data", str(data)]) == 0
    assert shown() == ["none"]
    file.write_text(file.read_text() + "\n# changed\n")
    assert shown() == ["automatic"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_finished(tmp_path, directory, number):
    body = meeting("flight", "bob", [], monday(1, 9)).encode()
    with serving(tmp_path / "data", "--directory", directory, "--workers", "1") as (process, port):
        idle = Client(port, "bob")
        assert idle("GET", "/healthz").status == 200
        connection = begin_put(port, "/bob/calendar/flight.ics", body)
        process.signal(number)
        connection.sendall(body[100:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 201")
        assert process.wait() == 0
        connection.close()
        idle.close()
    with serving(tmp_path / "data") as (_, port), Client(port, "bob") as bob:
        assert b"UID:flight" in bob("GET", "/bob/calendar/flight.ics").body


def test_a_request_that_never_ends_does_not_hold_it(tmp_path, directory):
    with serving(tmp_path / "data", "--directory", directory, "--workers", "1") as (process, port):
        connection = begin_put(port, "/bob/calendar/endless.ics", b"x" * 1000)
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        connection.close()


def test_ctrl_c_in_a_terminal(tmp_path, directory):
    """The terminal sends SIGINT to every process of the group."""
    with serving(tmp_path / "data", "--directory", directory, "--workers", "2") as (process, port):
        with Client(port, "bob") as bob:
            assert bob("GET", "/healthz").status == 200
        os.killpg(process.popen.pid, signal.SIGINT)
        assert process.wait() == 0
        assert process.errors.read_text() == ""


def test_a_dead_worker_is_replaced(tmp_path, directory):
    with serving(tmp_path / "data", "--directory", directory, "--workers", "2") as (process, port):
        for _ in range(3):
            first = process.children()
            assert len(first) == 2
            os.kill(first[0], signal.SIGKILL)
            eventually(lambda dead=first[0]: dead not in process.children() and len(process.children()) == 2)
            assert ask(port, "bob", "PROPFIND", "/bob/", Depth="0").status == 207
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


def test_sighup_replaces_the_workers_and_reads_the_configuration_anew(tmp_path, directory):
    config = tmp_path / "c.ini"
    config.write_text("[auth]\nrealm = Old\n")
    options = ("--directory", directory, "--workers", "2", "--config", str(config))
    with serving(tmp_path / "data", *options) as (process, port):
        before = set(process.children())
        config.write_text("[auth]\nrealm = New\n")
        process.signal(signal.SIGHUP)
        eventually(lambda: len(process.children()) == 2 and not before & set(process.children()))
        assert ask(port, None, "PROPFIND", "/", Depth="0").headers["WWW-Authenticate"] == 'Basic realm="New"'
        assert process.errors.read_text() == ""


def test_other_authentication_types_make_principals(tmp_path):
    """Whom Radicale's own types let in has a home from the first request on."""
    config = tmp_path / "c.ini"
    config.write_text("[auth]\ntype = none\n")
    with serving(tmp_path / "data", "--config", str(config)) as (_, port), Client(port, "dora") as dora:
        assert dora("PUT", "/dora/calendar/a.ics", meeting("a", "dora", [], monday(1, 9))).status == 201
        assert dora("PROPFIND", "/dora/inbox/", Depth="0").status == 207
        assert ask(port, "web", "PROPFIND", "/web/", Depth="0").status == 401
        assert ask(port, "dora", "PROPFIND", "/emil/", Depth="0").status in {403, 404}


def test_workers_end_with_their_parent(tmp_path, directory):
    with serving(tmp_path / "data", "--directory", directory, "--workers", "2") as (process, port):
        workers = process.children()
        process.signal(signal.SIGKILL)
        eventually(lambda: all(gone(pid) for pid in workers))
        # A process counts as gone with its first thread; the others hold the socket a moment longer.
        eventually(lambda: refused(port))


def test_the_port_is_in_use(fails):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        error = fails("--port", str(other.getsockname()[1]))
    assert "cannot be used" in error
    assert "--port" in error
    assert error.count("\n") == 1


def test_two_servers_do_not_share_a_port(tmp_path, directory, fails):
    with serving(tmp_path / "one", "--directory", directory) as (_, port):
        assert "cannot be used" in fails("--port", str(port))


def test_a_wrong_directory_file_stops_the_start(tmp_path, fails):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[[principal]]\nname = 'web'\n[[principal]]\nname = 'ann'\nadmin = 1\n")
    assert fails("--directory", str(wrong)).splitlines() == [
        f"{wrong}:2: the name 'web' is reserved for the server",
        f"{wrong}:5: admin must be true or false",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[storage]\ninbox_days = many\n", "[storage] inbox_days = many: must be a number of days"),
        ("[storage]\nno_such_option = 1\n", "unknown option in [storage]: no_such_option"),
        ("[nonsense]\na = 1\n", "Invalid section 'nonsense'"),
        ("[storage]\ntype = multifilesystem\n", "[storage] type = multifilesystem"),
        ("[server]\nhosts = a:1, b:2\n", "[server] hosts names several addresses"),
        ("[server]\nssl = True\ncertificate = /nowhere.pem\n", "[server] certificate = /nowhere.pem cannot"),
        ("[auth]\ntype = no.such.module\n", "no.such.module"),
        ("no section", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path, fails, text, words):
    config = tmp_path / "c.ini"
    config.write_text(text)
    error = fails("--port", "0", "--config", str(config))
    assert words in error
    assert error.count("\n") == 1, error


def test_configuration_files_are_radicales(tmp_path, directory):
    config = tmp_path / "c.ini"
    config.write_text(
        "[auth]\nrealm = Our calendars\n[server]\nmax_content_length = 20000\nmax_resource_size = 5000\n"
        "[headers]\nX-Greeting = hello\n[storage]\nmax_attendees = 2\n"
    )
    with (
        serving(tmp_path / "data", "--directory", directory, "--config", str(config)) as (_, port),
        Client(port, "bob") as bob,
    ):
        asked = ask(port, None, "PROPFIND", "/bob/", Depth="0")
        assert asked.headers["WWW-Authenticate"] == 'Basic realm="Our calendars"'
        # Pages of other sites use the JSON API where these headers let them.
        question = {"Access_Control_Request_Method": "GET", "Origin": "https://cal.example"}
        settings = "/calendar/v3/users/me/settings"
        preflight = ask(port, None, "OPTIONS", settings, **question)
        assert (preflight.status, preflight.text) == (200, "")
        read, refused = ask(port, "bob", "GET", settings), ask(port, None, "GET", settings)
        assert (read.status, refused.status) == (200, 401)
        health, malformed = (
            ask(port, None, "GET", "/healthz"),
            ask(port, None, "GET", "/", Authorization="Basic !!!"),
        )
        for reply in (asked, preflight, read, refused, health, malformed):
            assert reply.headers.get_all("X-Greeting") == ["hello"]
        assert ask(port, None, "GET", "/", Authorization="Basic !!!").headers["WWW-Authenticate"] == (
            'Basic realm="Our calendars"'
        )
        large = meeting("large", "bob", [], monday(1, 9), "COMMENT:" + "x" * 6000)
        refused = bob("PUT", "/bob/calendar/large.ics", large)
        assert refused.status == 403
        assert "max-resource-size" in refused.text
        assert bob("PUT", "/bob/calendar/huge.ics", large * 5).status == 413
        many = bob(
            "PUT", "/bob/calendar/many.ics", meeting("many", "bob", ["carol", "martijn"], monday(1, 9))
        )
        assert many.status == 403
        assert "max-attendees-per-instance" in many.text


def test_the_demo(tmp_path, fails):
    data = tmp_path / "demo"
    accounts: list[list[str]] = []
    for _ in range(2):
        with serving(data, "--demo") as (process, port):
            accounts.append(process.lines[:-1])
            bob = Person(port, "bob")
            bob.client = Client(port, "bob", "demo")
            series = next(obj for obj in bob.copies().values() if b"Vertrieb" in obj.body)
            bob.client.close()
    told = "".join(accounts[0])
    assert accounts[0] == accounts[1]
    for name in (
        "florent",
        "martijn",
        "bob",
        "anna",
        "sofia",
        "lee",
        "aquarium",
        "library",
        "attic",
        "projector",
    ):
        assert name in told
    answers = [
        prop.param("PARTSTAT")
        for component in series.components
        for prop in component.all("ATTENDEE")
        if "aquarium" in prop.value
    ]
    assert sorted(answers) == ["ACCEPTED", "DECLINED"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    assert "holds something else" in fails("--demo", "--data", str(other))
    assert [p.name for p in other.iterdir()] == ["letter.txt"]
    assert "leave --database" in fails("--demo", "--database", "sqlite:///x.db")
