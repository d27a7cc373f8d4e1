# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as people and scripts call it: output, exit status, one sentence for each mistake."""

from __future__ import annotations

import io

import pytest

from calcore_caldav.server import cli
from calcore_caldav.server.assembly import open_services
from calcore_caldav.server.login import DirectoryLogin


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(*arguments, stdin=…) -> (status, output, errors) with the data directory tmp_path/data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = cli.main([*arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def login(data) -> DirectoryLogin:
    return DirectoryLogin(open_services(f"sqlite:///{data}/calcore.db"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["serve", "--help"],
        ["directory", "--help"],
        ["directory", "import", "--help"],
        ["user", "add", "--help"],
        ["token", "create", "--help"],
    ],
)
def test_help(run, arguments):
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith("usage: calcore-caldav")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "http"],
        ["serve", "--workers", "0"],
        ["serve", "--nonsense"],
        ["user"],
        ["user", "add"],
        ["token", "create", "ann", "--expires", "never"],
        ["token", "revoke", "x"],
    ],
)
def test_wrong_calls_are_one_sentence_and_status_2(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("calcore-caldav")
    assert err.count("\n") == 1
    assert "--help" in err


def test_user_add_and_change(run, data):
    add = ["user", "add", "ann", "--data", str(data), "--password-stdin"]
    status, out, err = run(*add, "--email", "ann@example.com", "--display-name", "Ann", stdin="secret\n")
    assert (status, out, err) == (0, "ann added\n", "")
    assert login(data).by_password("ann", "secret") == "ann"
    assert login(data).by_password("ann@example.com", "secret") == "ann"
    assert run(*add, stdin="other\n")[1] == "ann changed\n"
    assert login(data).by_password("ann", "secret") is None
    assert login(data).by_password("ann@example.com", "other") == "ann"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["web"], "x\n", "the name 'web' is reserved"),
        (["a/b"], "x\n", "may hold letters"),
        (["ann"], "\n", "the password is empty"),
        (["ann", "--email", "nonsense"], "x\n", "'nonsense' is not an e-mail address"),
    ],
)
def test_user_add_refuses(run, data, arguments, stdin, words):
    status, out, err = run("user", "add", *arguments, "--data", str(data), "--password-stdin", stdin=stdin)
    assert (status, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1


def test_user_add_without_a_terminal_says_what_to_do(run, data):
    status, _, err = run("user", "add", "ann", "--data", str(data))
    assert status == 1
    assert "--password-stdin" in err


def test_an_address_belongs_to_one(run, data):
    add = ["--data", str(data), "--password-stdin", "--email", "ann@example.com"]
    run("user", "add", "ann", *add, stdin="x\n")
    status, _, err = run("user", "add", "bob", *add, stdin="x\n")
    assert status == 1
    assert "ann@example.com" in err


def test_tokens(run, data):
    at = ["--data", str(data)]
    run("user", "add", "ann", *at, "--password-stdin", stdin="x\n")
    status, out, _ = run("token", "create", "ann", "--name", "phone", "--expires", "30", *at)
    token = out.strip()
    assert status == 0
    assert login(data).by_token(token) == "ann"
    _, out, _ = run("token", "list", "ann", *at)
    number, created, expires, name = out.strip().split("\t")
    assert created.startswith("created ")
    assert expires.startswith("expires ")
    assert name == "phone"
    assert token not in out
    assert run("token", "revoke", number, *at) == (0, f"token {number} revoked\n", "")
    assert login(data).by_token(token) is None
    assert run("token", "revoke", number, *at)[0] == 1
    assert run("token", "create", "nobody", *at)[2] == "calcore-caldav: there is no user 'nobody'\n"


def test_directory_import_export_check(run, data, tmp_path):
    at = ["--data", str(data)]
    file = tmp_path / "d.toml"
    file.write_text(
        "[[principal]]\nname = 'ann'\npassword = 'x'\n\n[[principal]]\nname = 'r'\ntype = 'ROOM'\n"
    )
    assert run("directory", "check", str(file), *at)[:2] == (0, f"{file}: 2 principals, no mistakes\n")
    assert not data.exists()
    assert run("directory", "import", str(file), *at)[:2] == (0, "2 created, 0 updated\n")
    assert run("directory", "import", str(file), *at)[:2] == (0, "0 created, 2 updated\n")
    exported = run("directory", "export", *at)[1]
    assert exported.count("[[principal]]") == 2
    copy = tmp_path / "copy.toml"
    assert run("directory", "export", str(copy), *at)[:2] == (0, "")
    assert copy.read_text() == exported
    assert copy.stat().st_mode & 0o077 == 0
    group = tmp_path / "g.toml"
    group.write_text("[[principal]]\nname = 'g'\ntype = 'GROUP'\nmembers = ['ann']\n")
    assert run("directory", "check", str(group), *at)[0] == 0


def test_a_wrong_directory_file_lists_all_mistakes_and_changes_nothing(run, data, tmp_path):
    file = tmp_path / "d.toml"
    file.write_text("[[principal]]\nname = 'web'\n[[principal]]\nname = 'ann'\nadmin = 1\n")
    status, out, err = run("directory", "import", str(file), "--data", str(data))
    assert (status, out) == (1, "")
    assert err == (
        f"{file}:2: the name 'web' is reserved for the server\n{file}:5: admin must be true or false\n"
    )
    assert not data.exists()
    assert run("directory", "import", str(tmp_path / "none.toml"), "--data", str(data))[0] == 1


def test_the_place_is_found_as_documented(run, tmp_path):
    """--database wins over the configuration file, which wins over the XDG data directory."""
    add = ["user", "add", "ann", "--password-stdin"]
    run(*add, stdin="x\n")
    assert (tmp_path / "home" / "calcore-caldav" / "calcore.db").exists()
    config = tmp_path / "c.ini"
    config.write_text(f"[storage]\ndatabase = sqlite:///{tmp_path}/configured.db\n")
    assert run(*add, "--config", str(config), stdin="x\n")[0] == 0
    assert (tmp_path / "configured.db").exists()
    assert (
        run(*add, "--config", str(config), "--database", f"sqlite:///{tmp_path}/named.db", stdin="x\n")[0]
        == 0
    )
    assert (tmp_path / "named.db").exists()
    status, _, err = run(*add, "--config", str(tmp_path / "none.ini"), stdin="x\n")
    assert status == 1
    assert "none.ini cannot be read" in err
    status, _, err = run(*add, "--database", "mysql://x", stdin="x\n")
    assert status == 1
    assert "mysql://x" in err


def test_a_place_that_cannot_be_used(run, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "calcore.db").write_text("this is not a database, and long enough to be sure of it")
    file = tmp_path / "file"
    file.touch()
    for data, words in ((broken, "calcore.db cannot be opened"), (file, "name another with --data")):
        status, out, err = run("directory", "export", "--data", str(data))
        assert (status, out) == (1, "")
        assert words in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("action", ["check", "reindex"])
def test_a_database_that_is_not_there_is_not_made_to_be_looked_at(run, data, action):
    status, out, err = run("db", action, "--data", str(data))
    assert (status, out) == (1, "")
    assert f"there is no database sqlite:///{data}/calcore.db" in err
    assert not data.exists()
