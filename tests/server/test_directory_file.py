# SPDX-License-Identifier: GPL-3.0-or-later
"""Directory files: every mistake at once, import, export."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Privilege
from calcore_caldav.errors import DirectoryError
from calcore_caldav.server.assembly import open_services
from calcore_caldav.server.directory import parse_directory
from calcore_caldav.server.directory_import import ImportMark, export_directory, import_directory
from calcore_caldav.server.passwords import hash_password
from calcore_caldav.store.protocol import SYSTEM

OFFICE = """\
[[principal]]
name = "ann"
display_name = "Ann \\"Other\\""
addresses = ["Ann@Example.com", "mailto:a.other@example.com"]
password = "secret"
timezone = "Europe/Paris"
language = "fr"

[[principal]]
name = "boss"
password = "boss"
admin = true

[[principal]]
name = "team"
type = "GROUP"
members = ["ann", "boss"]

[[principal]]
name = "room1"
type = "ROOM"
display_name = "Room 1"
addresses = ["room1@example.com"]
managers = ["team"]
readers = ["ann"]
location = { building = "Main", floor = "2", features = ["projector"] }
[principal.booking]
mode = "automatic"
capacity = 8
auto_accept_group = "team"
"""


@pytest.fixture
def services():
    services = open_services("sqlite://")
    yield services
    services.store.close()


def problems(text: str, known: set[str] = frozenset()) -> list[str]:
    with pytest.raises(DirectoryError) as caught:
        parse_directory(text, "d.toml", known)
    return list(caught.value.problems)


def test_all_keys_are_read():
    ann, boss, team, room = parse_directory(OFFICE, "d.toml")
    assert ann.principal.display_name == 'Ann "Other"'
    assert ann.principal.addresses == ("mailto:ann@example.com", "mailto:a.other@example.com")
    assert (ann.principal.timezone, ann.principal.language, ann.password) == ("Europe/Paris", "fr", "secret")
    assert boss.principal.admin
    assert boss.principal.display_name == "boss"
    assert team.members == ("ann", "boss")
    assert team.principal.kind is CalendarUserType.GROUP
    assert (room.managers, room.readers) == (("team",), ("ann",))
    assert room.principal.location.features == ("projector",)
    assert room.principal.booking == {"mode": "automatic", "capacity": 8, "auto_accept_group": "team"}


def test_every_mistake_is_listed_with_its_line():
    text = """\
[[principal]]
name = "ann"
displayname = "Ann"
addresses = ["not an address"]
timezone = "Mars/Olympus"
admin = "yes"
password = ""

[[principal]]
name = "ann"
type = "PERSON"
members = ["ann"]

[[principal]]
type = "ROOM"
managers = ["nobody"]
password_hash = "abc"
location = { city = "Paris" }
[principal.booking]
mode = "sometimes"
no_such_key = 1

[[principal]]
name = "calendar"
booking = { mode = "automatic" }
language = "klingon!"

[other]
"""
    found = problems(text)
    expected = {
        3: "unknown key 'displayname'; is 'display_name' meant?",
        4: "'not an address' is not an e-mail address",
        5: "timezone 'Mars/Olympus'",
        6: "admin must be true or false",
        7: "the password is empty",
        10: "stands in line 2 already",
        11: "type 'PERSON' is none of INDIVIDUAL, GROUP, RESOURCE, ROOM",
        12: "only a GROUP has members",
        14: "a principal needs a name",
        16: "'nobody' in managers is nobody's name",
        17: "password_hash is not an argon2 hash",
        18: "unknown key 'city' in location",
        20: "mode",
        21: "no_such_key",
        24: "the name 'calendar' is reserved",
        25: "only ROOM and RESOURCE can be booked",
        26: "language 'klingon!'",
        28: "'other' is not known here",
    }
    by_line = {int(p.split(":")[1]): p for p in found}
    assert by_line.keys() == expected.keys() - ({16, 15} - by_line.keys())
    for line, words in expected.items():
        if line in by_line:
            assert words in by_line[line], by_line[line]
    assert all(p.startswith("d.toml:") for p in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[principal]]\nname = ann", "d.toml:2: not TOML"),
        ("[principal]\nname = 'ann'", "d.toml:1: write [[principal]] with two pairs"),
        ("[[principal]]\nname = 'a/b'", "may hold letters, digits and . _ - @ only"),
        ("[[principal]]\nname = '.web'", "must not start with a dot"),
        ("[[principal]]\nname = 5", "name must be a string"),
        ("[[principal]]\nname = ''", "the name is empty"),
        ("[[principal]]\nname = 'a'\nmembers = 'b'", "members must be a list of strings"),
        ("[[principal]]\nname = 'a'\nlocation = 'here'", "location must be a table"),
        ("[[principal]]\nname = 'a'\npassword = 5", "password must be a string"),
        ("[[principal]]\nname = 'a'\ndisplay_name = \"a\\u0007b\"", "control character"),
        (
            "[[principal]]\nname='a'\naddresses=['x@y.z']\n[[principal]]\nname='b'\naddresses=['X@Y.z']",
            "d.toml:6: x@y.z is already an address of 'a'",
        ),
        ("[[principal]]\nname='a'\npassword='a'\npassword_hash='" + hash_password("a") + "'", "not both"),
        ("[[principal]]\nname='r'\ntype='ROOM'\nbooking={auto_accept_group='g'}", "'g' in booking is nobody"),
    ],
)
def test_mistakes(text, words):
    assert any(words in problem for problem in problems(text)), problems(text)


def test_names_may_be_known_from_the_database():
    text = "[[principal]]\nname = 'g'\ntype = 'GROUP'\nmembers = ['ann']"
    assert problems(text) == ["d.toml:4: 'ann' in members is nobody's name"]
    assert parse_directory(text, "d.toml", {"ann"})[0].members == ("ann",)


def test_import_and_export_are_inverse(services):
    entries = parse_directory(OFFICE, "d.toml")
    assert import_directory(services, entries) == (4, 0)
    with services.store.read() as txn:
        exported = export_directory(txn)
        assert [m.name for m in txn.directory.members(txn.directory.by_name("team"))] == ["ann", "boss"]
        room = txn.directory.by_name("room1")
        held = {(g.grantee, g.privilege) for g in txn.directory.grants(room)}
        assert held == {("team", Privilege.ALL), ("ann", Privilege.READ)}
        assert txn.collections.get("ann", "calendar")
        assert txn.collections.get("ann", "tasks")
        assert txn.collections.get("room1", "inbox")
        assert not txn.collections.get("room1", "tasks")
    assert "secret" not in exported
    other = open_services("sqlite://")
    import_directory(other, parse_directory(exported, "e.toml"))
    with other.store.read() as txn:
        assert export_directory(txn) == exported
    other.store.close()


def test_a_second_import_updates_and_keeps(services):
    import_directory(services, parse_directory(OFFICE, "d.toml"))
    with services.store.read() as txn:
        ann = txn.directory.by_name("ann")
        before = txn.directory.password_hash(ann)
    changed = OFFICE.replace('"Room 1"', '"Big room"').replace('managers = ["team"]\n', "managers = []\n")
    assert import_directory(services, parse_directory(changed, "d.toml")) == (0, 4)
    with services.store.read() as txn:
        room = txn.directory.by_name("room1")
        assert room.display_name == "Big room"
        assert {g.grantee for g in txn.directory.grants(room)} == {"ann"}
        assert txn.directory.by_name("ann") == ann
        assert txn.directory.password_hash(ann) == before
    only_ann = "[[principal]]\nname = 'ann'\ndisplay_name = 'Ann'"
    import_directory(services, parse_directory(only_ann, "d.toml"))
    with services.store.read() as txn:
        assert txn.directory.password_hash(txn.directory.by_name("ann")) == before
        assert txn.directory.by_name("room1") is not None


def test_a_failing_import_changes_nothing(services):
    import_directory(services, parse_directory(OFFICE, "d.toml"))
    clash = "[[principal]]\nname='new'\n[[principal]]\nname='thief'\naddresses=['room1@example.com']"
    with pytest.raises(DirectoryError):
        import_directory(services, parse_directory(clash, "d.toml"))
    with services.store.read(SYSTEM) as txn:
        assert txn.directory.by_name("new") is None
        owner = txn.directory.by_address(CalendarUserAddress("mailto:room1@example.com"))
        assert owner is not None
        assert owner.name == "room1"


def test_an_unchanged_file_undoes_nothing(services):
    """What `room set`, `user add` and grants changed since stays; who is missing is there again."""
    entries = parse_directory(OFFICE, "d.toml")
    import_directory(services, entries)
    with services.store.write(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        txn.directory.save(replace(room, booking={"mode": "none"}))
        txn.directory.set_grants(room, None, [])
    more = parse_directory(OFFICE + "[[principal]]\nname = 'new'\n", "d.toml")
    assert import_directory(services, more, unchanged=True) == (1, 0)
    with services.store.read(SYSTEM) as txn:
        room = txn.directory.by_name("room1")
        assert room.booking == {"mode": "none"}
        assert txn.directory.grants(room) == []
        assert txn.directory.by_name("new") is not None
    import_directory(services, entries)
    with services.store.read(SYSTEM) as txn:
        assert txn.directory.by_name("room1").booking["mode"] == "automatic"


def test_an_unchanged_file_costs_one_hash(services, tmp_path):
    file = tmp_path / "d.toml"
    file.write_text(OFFICE)
    mark = ImportMark(tmp_path, file)
    assert not mark.is_set()
    import_directory(services, parse_directory(OFFICE, "d.toml"))
    mark.set()
    assert mark.is_set()
    assert "secret" not in (tmp_path / "directory.imported").read_text()
    seen = []
    entries = parse_directory(OFFICE + "[[principal]]\nname = 'new'\npassword = 'x'\n", "d.toml")
    import_directory(services, entries, lambda done, total: seen.append((done, total)), unchanged=True)
    assert seen == [(1, 1)]
    with services.store.read() as txn:
        assert txn.directory.password_hash(txn.directory.by_name("new"))
    file.write_text(OFFICE.replace("secret", "other"))
    assert not ImportMark(tmp_path, file).is_set()
