# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that import-linter cannot say."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "calcore_caldav").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
RADICALE_SEAMS = re.compile(
    r"^(plugins/|calcore_caldav/(dav/application|server/)|calcore_caldav/dav/carddav)"
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_file_says_licence_and_purpose(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_radicale_and_sql_stay_in_their_rooms(path: Path) -> None:
    modules = {module.split(".")[0] for module in imports(ast.parse(path.read_text(encoding="utf-8")))}
    if "radicale" in modules:
        assert RADICALE_SEAMS.match(name(path))
    if {"sqlalchemy", "sqlite3", "alembic"} & modules:
        assert name(path).startswith("calcore_caldav/store/")


def test_top_level_is_fixed() -> None:
    allowed = {
        "pyproject.toml", "calcore_caldav", "plugins", "config", "tests", "README.md", "docs", "noxfile.py",
        "CHANGELOG.md", "build", "dist",
    }  # fmt: skip
    found = {
        p.name for p in ROOT.iterdir() if not p.name.startswith(".") and not p.name.endswith(".egg-info")
    }
    assert found <= allowed


def test_modules_have_telling_names() -> None:
    vague = {"utils", "helpers", "common", "misc", "util", "tools"}
    assert not [name(p) for p in SOURCES if p.stem in vague]


def test_test_modules_are_found_by_one_name_each() -> None:
    """Tests import each other by file name, whatever the working directory: `pytest` alone runs them all."""
    modules = [p for p in (ROOT / "tests").rglob("*.py") if p.name != "conftest.py"]
    assert len({p.name for p in modules}) == len(modules)
    for path in (ROOT / "tests").rglob("*.py"):
        found = {module.split(".")[0] for module in imports(ast.parse(path.read_text(encoding="utf-8")))}
        assert not {"tests", "conftest"} & found, name(path)
