# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements, compiled once, run on a driver's connection.

A `Statement` is SQLAlchemy Core, written once for every database. What runs is its text, straight on the
driver's cursor: a fifth of the cost of running it through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect

from calcore_caldav.errors import StoreError

Row = tuple[Any, ...]

_MOST: Final = 512
"""Longer value lists are cut. Lists are compiled for powers of two; shorter ones repeat their last value."""


class Compiled:
    """What a statement is for a driver: its text, and how its parameters are handed over."""

    __slots__ = ("_constants", "_places", "text")

    def __init__(self, compiled: Any, constants: dict[str, Any]) -> None:
        self.text = str(compiled)
        self._constants = constants
        names: Sequence[str] = compiled.positiontup or ()
        # For drivers that take them by place: SQLite's takes names too, and looks each up among all of them.
        places = itemgetter(*names) if len(names) > 1 else _few(names)
        self._places = places if compiled.positional else None

    def bound(self, parameters: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them, those included that the statement brings along."""
        merged = {**self._constants, **parameters} if self._constants else parameters
        return merged if self._places is None else self._places(merged)


def _few(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if not names:
        return lambda _: ()
    name = names[0]
    return lambda parameters: (parameters[name],)


class Statement:
    """A Core statement, compiled once for each dialect and length of its value list.

    `values` names its expanding bind parameter, if it has one.
    """

    __slots__ = ("_compiled", "_core", "values")

    def __init__(self, core: ClauseElement, values: str = "") -> None:
        self._core = core
        self._compiled: dict[tuple[str, int], Compiled] = {}
        self.values = values

    def compiled(self, dialect: Dialect, size: int = 0) -> Compiled:
        """What it is for that dialect, with so many values."""
        key = (dialect.name, size)
        if key not in self._compiled:
            compiled: Any = self._core.compile(dialect=dialect)
            bound = compiled.params
            constants = {name: bound[name] for bind, name in compiled.bind_names.items() if not bind.required}
            if size:  # the compiler wants values to expand; what the others are doesn't matter
                core = self._core.params(
                    {**dict.fromkeys(bound, 0), **constants, self.values: [*range(size)]}
                )
                compiled = core.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            self._compiled[key] = Compiled(compiled, constants)
        return self._compiled[key]


Cursor = Any
"""A DB-API cursor; the drivers' types have nothing in common."""


class Sql:
    """Runs statements in one transaction, which the first of them begins.

    `begin` returns a cursor inside a new transaction. Whatever the driver raises becomes what `translate`
    makes of it.
    """

    __slots__ = ("_begin", "_cursor", "_dialect", "_errors", "_translate", "writable")

    def __init__(
        self,
        dialect: Dialect,
        begin: Callable[[], Cursor],
        errors: type[Exception],
        translate: Callable[[Exception], StoreError],
        *,
        writable: bool,
    ) -> None:
        self._dialect = dialect
        self._begin = begin
        self._errors = errors
        self._translate = translate
        self._cursor: Cursor | None = None
        self.writable = writable

    @property
    def cursor(self) -> Cursor:
        """The cursor; begins the transaction."""
        if self._cursor is None:
            self._cursor = self._begin()
        return self._cursor

    @property
    def begun(self) -> bool:
        """Whether anything ran yet."""
        return self._cursor is not None

    def _execute(self, statement: Statement, parameters: dict[str, Any], size: int = 0) -> Cursor:
        compiled = statement.compiled(self._dialect, size)
        cursor = self._cursor or self.cursor
        try:
            cursor.execute(compiled.text, compiled.bound(parameters))
        except self._errors as error:
            raise self._translate(error) from error
        return cursor

    def all(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows."""
        rows: list[Row] = self._execute(statement, parameters).fetchall()
        return rows

    def first(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row, or None."""
        row: Row | None = self._execute(statement, parameters).fetchone()
        return row

    def value(self, statement: Statement, **parameters: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self._execute(statement, parameters).fetchone()
        return None if row is None else row[0]

    def listed(self, statement: Statement, values: Sequence[Any], **parameters: Any) -> Iterator[Row]:
        """All rows of a statement with a value list, which is cut in pieces; in no order."""
        for start in range(0, len(values), _MOST):
            piece = values[start : start + _MOST]
            size = 1 << (len(piece) - 1).bit_length()
            padded = [*piece, *([piece[-1]] * (size - len(piece)))]
            bound = {f"{statement.values}_{i}": value for i, value in enumerate(padded, 1)}
            yield from self._execute(statement, bound | parameters, size).fetchall()

    def run(self, statement: Statement, **parameters: Any) -> int:
        """The number of rows that a change hit."""
        self.require_writable()
        hit: int = self._execute(statement, parameters).rowcount
        return hit

    def insert(self, statement: Statement, **parameters: Any) -> int:
        """The value that a changing statement returns (RETURNING)."""
        self.require_writable()
        value: int = self._execute(statement, parameters).fetchall()[0][0]
        return value

    def many(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a change once for each row."""
        self.require_writable()
        compiled = statement.compiled(self._dialect)
        try:
            self.cursor.executemany(compiled.text, [*map(compiled.bound, rows)])
        except self._errors as error:
            raise self._translate(error) from error

    def driver(self, text: str) -> list[Row]:
        """Run a text that every database understands alike (SAVEPOINT and its kin)."""
        try:
            self.cursor.execute(text)
        except self._errors as error:
            raise self._translate(error) from error
        return []

    def require_writable(self) -> None:
        """Raises StoreError in a read transaction."""
        if not self.writable:
            raise StoreError("a read transaction cannot change anything")
