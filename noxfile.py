# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: `nox -s check test compat bench`; `.ci/run` runs the same commands."""

import os
from pathlib import Path

import nox

nox.options.sessions = ["check", "test"]
nox.options.default_venv_backend = "venv"

SHARED = Path(os.environ.get("CALCORE_SHARED", Path(__file__).parent.parent / "shared"))


@nox.session
def check(session: nox.Session) -> None:
    """Lint, format, types, import contracts."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def test(session: nox.Session) -> None:
    """All tests."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def compat(session: nox.Session) -> None:
    """The public CalDAV scripts, compared with the floor in tests/conformance.txt."""
    session.install("-e", ".")
    runner = SHARED / "conformance" / "run.py"
    # Two scripts ask to be ignored as a whole, which the runner takes badly.
    excluded = ["--exclude", "implicitbatchrefresh", "--exclude", "implicitcopymove"]
    session.run("python", str(runner), "--floor", "tests/conformance.txt", *excluded, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """A short benchmark against vanilla Radicale, and how long rooms take; prints only."""
    session.install("-e", ".")
    session.run("python", "tests/bench.py", "--bench", str(SHARED / "bench"), *session.posargs)
    session.run("python", "tests/bench_rooms.py")
