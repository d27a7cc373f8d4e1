# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav grant`, `revoke`, `grants`: what they print, and what clients may then do."""

from __future__ import annotations

from pathlib import Path

import pytest
from live import Client, serving

from calcore_caldav.server import cli

DIRECTORY = """
[[principal]]
name = "ann"
addresses = ["ann@example.com"]
password = "ann"
[[principal]]
name = "bob"
addresses = ["bob@example.com"]
password = "bob"
[[principal]]
name = "cleo"
addresses = ["cleo@example.com"]
password = "cleo"
[[principal]]
name = "team"
type = "GROUP"
members = ["bob"]
[[principal]]
name = "room1"
type = "ROOM"
managers = ["ann"]
"""
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART:20260105T100000Z\r\nDURATION:PT1H\r\nSUMMARY:Secret\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "office.toml").write_text(DIRECTORY)
    assert (
        cli.main(["directory", "import", str(tmp_path / "office.toml"), "--data", str(tmp_path / "data")])
        == 0
    )
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, capsys):
    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main([*arguments, "--data", str(data)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_levels_are_shown_as_they_were_given(run) -> None:
    assert run("grant", "ann/calendar", "bob", "read") == (0, "bob may read ann/calendar\n", "")
    assert run("grant", "ann", "team", "free-busy")[0] == 0
    assert run("grant", "ann", "everybody", "write")[0] == 0
    shown = "ann\teverybody\twrite\nann\tteam\tfree-busy\nann/calendar\tbob\tread\n"
    assert run("grants", "ann") == (0, shown, "")
    assert "room1\tann\tmanage\n" in run("grants")[1]


def test_a_new_level_takes_the_place_of_the_old_one(run) -> None:
    run("grant", "ann", "bob", "write")
    run("grant", "ann", "bob", "free-busy")
    assert run("grants", "ann")[1] == "ann\tbob\tfree-busy\n"
    assert run("revoke", "ann", "bob")[0] == 0
    assert run("grants", "ann")[1] == ""


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("grant", "nobody", "bob", "read"), 1, "there is no 'nobody'"),
        (("grant", "ann/garden", "bob", "read"), 1, "ann has no calendar 'garden', only calendar"),
        (("grant", "ann", "nobody", "read"), 1, "there is no 'nobody'"),
        (("grant", "ann", "bob", "everything"), 2, "invalid choice"),
        (("revoke", "ann", "bob"), 1, "bob has no grant on ann"),
    ],
)
def test_mistakes_say_what_is_wrong(run, arguments, status, sentence) -> None:
    assert run(*arguments)[0] == status
    assert sentence in run(*arguments)[2]
    assert run("grants", "ann")[1] == ""


def test_an_import_keeps_what_was_granted(run, data: Path) -> None:
    run("grant", "ann", "bob", "write")
    run("grant", "room1", "cleo", "manage")
    file = data.parent / "office.toml"
    assert run("directory", "import", str(file))[0] == 0
    assert run("grants", "ann")[1] == "ann\tbob\twrite\n"
    # The file lists the room's managers: that list is the whole list.
    assert run("grants", "room1")[1] == "room1\tann\tmanage\n"


def test_clients_may_what_was_granted_and_learn_of_nothing_else(run, data: Path) -> None:
    run("grant", "ann/calendar", "team", "read")
    with serving(data) as (_, port), Client(port, "ann") as ann, Client(port, "bob") as bob:
        assert ann("PUT", "/ann/calendar/1.ics", EVENT).status == 201
        assert bob("GET", "/ann/calendar/1.ics").status == 200
        assert bob("PUT", "/ann/calendar/1.ics", EVENT).status == 403
        with Client(port, "cleo") as cleo:
            hidden, missing = cleo("GET", "/ann/calendar/1.ics"), cleo("GET", "/ann/calendar/2.ics")
            assert hidden.status == missing.status
            assert b"Secret" not in hidden.body
            run("grant", "ann/calendar", "cleo", "write")
            assert cleo("PUT", "/ann/calendar/1.ics", EVENT.replace("Secret", "Known")).status == 204
            run("revoke", "ann/calendar", "cleo")
            assert cleo("GET", "/ann/calendar/1.ics").status == hidden.status
