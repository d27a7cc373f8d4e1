# SPDX-License-Identifier: GPL-3.0-or-later
"""Several windows of time asked for by one statement: a series asks for each of its dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, bindparam, column, values

from calcore_caldav.core.times import Period, TimeRange, to_epoch
from calcore_caldav.store.sql import Row, Sql, Statement

EARLIEST: Final = -(1 << 62)
LATEST: Final = 1 << 62
_MOST: Final = 64
"""Windows in a statement. Statements are made for powers of two; what is left over are empty windows."""


class Bounds(NamedTuple):
    """A window in whole seconds: rows lie on whole seconds, windows need not. As values, or in a statement."""

    since: Any
    since_ceil: Any
    until_ceil: Any


_NAMES: Final = {
    size: [f"asked_{name}_{number}" for number in range(size) for name in Bounds._fields]
    for size in (1 << power for power in range(_MOST.bit_length()))
}
EMPTY: Final = Bounds(LATEST, LATEST, EARLIEST)
ASKED: Final = Bounds(*(bindparam(name) for name in Bounds._fields))
"""The one window of a statement for one."""


def bounds(window: TimeRange | Period) -> Bounds:
    """A window's bounds."""
    since = EARLIEST if window.start is None else to_epoch(window.start)
    return Bounds(
        since,
        since if window.start is None or not window.start.microsecond else since + 1,
        LATEST if window.end is None else to_epoch(window.end) + bool(window.end.microsecond),
    )


class WindowStatement:
    """A statement that is asked with any number of windows; a row that overlaps several comes for each.

    `make` makes it from the bounds to compare with: those of a table that holds the windows asked for, which
    is joined, so that each window is a search of its own in the index.
    """

    __slots__ = ("_made", "_make", "_values")

    def __init__(self, make: Callable[[Bounds], Select[*tuple[Any, ...]]], values: str = "") -> None:
        self._make = make
        self._made: dict[int, Statement] = {}
        self._values = values

    def rows(
        self, sql: Sql, windows: Sequence[Bounds], values: Sequence[Any] = (), **parameters: Any
    ) -> Iterator[Row]:
        """Its rows, in no order."""
        for first in range(0, len(windows), _MOST):
            piece = windows[first : first + _MOST]
            size = 1 << (len(piece) - 1).bit_length()
            padded = chain(*piece, *[EMPTY] * (size - len(piece)))
            bound = dict(zip(_NAMES[size], padded, strict=True))
            statement = self.statement(size)
            if self._values:
                yield from sql.listed(statement, values, **bound, **parameters)
            else:
                yield from sql.all(statement, **bound, **parameters)

    def statement(self, size: int) -> Statement:
        """The one for so many windows."""
        if size not in self._made:
            columns = (column(name, BigInteger) for name in Bounds._fields)
            windows = values(*columns, name="asked").data(
                [
                    tuple(bindparam(f"asked_{name}_{number}") for name in Bounds._fields)
                    for number in range(size)
                ]
            )
            self._made[size] = Statement(self._make(Bounds(*windows.cte("asked").c)), self._values)
        return self._made[size]
