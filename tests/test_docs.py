# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents say what is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
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
