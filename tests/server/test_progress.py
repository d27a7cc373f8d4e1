# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of long work."""

from __future__ import annotations

import io

import pytest

from calcore_caldav.server import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def work(stream: io.StringIO, clock: list[float], seconds: float) -> str:
    with progress.Progress("objects", stream) as shown:
        for done in range(1, 101):
            clock[0] += seconds / 100
            shown(done, 100)
    return stream.getvalue()


def test_quick_work_shows_nothing(clock):
    assert work(io.StringIO(), clock, 0.5) == ""
    assert work(Terminal(), clock, 0.5) == ""


def test_lines_where_there_is_no_terminal(clock):
    assert work(io.StringIO(), clock, 25).splitlines() == [f"objects: {n} of 100" for n in (40, 80)]
    clock[0] = 0
    assert work(io.StringIO(), clock, 9) == ""


def test_a_bar_on_a_terminal(clock):
    shown = work(Terminal(), clock, 25)
    assert shown.startswith("\robjects [#.............................] 4/100\robjects [")
    assert shown.endswith("\robjects [##############################] 100/100\n")
    assert shown.count("\n") == 1
