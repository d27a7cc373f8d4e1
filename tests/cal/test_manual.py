# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/calcore.md, run as it stands: in memory, and on a database file."""

import doctest
from pathlib import Path

import pytest

from calcore_caldav import cal

MANUAL = Path(__file__).parents[2] / "docs" / "calcore.md"


def memory(tmp_path: Path):
    return cal.MemoryStorage


def file(tmp_path: Path):
    return lambda name: cal.SQLStorage(f"sqlite:///{tmp_path}/{name}.db", name)


@pytest.mark.parametrize("kind", [memory, file])
def test_manual(kind, tmp_path: Path) -> None:
    made = []

    def new_storage(name: str) -> cal.SQLStorage:
        made.append(kind(tmp_path)(name))
        return made[-1]

    options = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    test = doctest.DocTestParser().get_doctest(
        MANUAL.read_text(encoding="utf-8"), {"new_storage": new_storage}, MANUAL.name, str(MANUAL), 0
    )
    result = doctest.DocTestRunner(optionflags=options).run(test)
    for storage in made:
        storage.close()
    assert result.attempted > 150
    assert result.failed == 0
