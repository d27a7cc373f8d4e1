# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents say what is."""

import re
import shlex
from pathlib import Path

import pytest

from calcore_caldav.server.cli import _parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [*DOCUMENTS, ROOT / "config" / "calcore.ini", ROOT / "config" / "radicale.ini"]
CALL = re.compile(r"^(?:\$ | {4}|#.*: )?calcore-caldav ([^|&`\n]+)$", re.MULTILINE)
MENTION = re.compile(r"`calcore-caldav ((?:[a-z][a-z-]* ?)+)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def test_readme_starts_with_exactly_two_commands() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    commands = re.findall(r"```sh\n(.*?)\n```", head, re.DOTALL)
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert "calcore-caldav serve --demo" in commands[0]
    assert "pytest" in commands[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_nothing_of_the_machine_it_was_written_on(document: Path) -> None:
    assert not re.search(r"/(work|root|tmp)/[a-z]", document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_are_calls_that_work(page: Path) -> None:
    """Each is understood with all its options; those within a sentence may leave arguments away."""
    text = page.read_text(encoding="utf-8")
    for call in CALL.findall(text):
        arguments = shlex.split(call, comments=True)
        assert _parser(arguments).parse_args(arguments).run
    for mention in MENTION.findall(text):
        arguments = [*mention.split(), "--help"]
        with pytest.raises(SystemExit) as stop:
            _parser(arguments).parse_args(arguments)
        assert stop.value.code == 0, mention


def test_the_readmes_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser(["serve"]).parse_args(["serve", "--help"])
    shown = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?<=`)--[a-z-]+", text)) <= shown
