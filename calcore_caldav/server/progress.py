# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Self, TextIO

_WIDTH = 30


class Progress:
    """Call it with (done, total); nothing is shown for work that is over soon."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._shown = False
        self._next = time.monotonic() + (1 if self._stream.isatty() else 10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._stream.isatty():
            self._stream.write("\n")

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if now < self._next:
            return
        self._shown = True
        if self._stream.isatty():
            filled = _WIDTH * done // max(total, 1)
            bar = "#" * filled + "." * (_WIDTH - filled)
            self._stream.write(f"\r{self._what} [{bar}] {done}/{total}")
            self._next = now + 0.1
        else:
            self._stream.write(f"{self._what}: {done} of {total}\n")
            self._next = now + 10
        self._stream.flush()
