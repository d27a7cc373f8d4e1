# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins share while a request runs: its transaction, and the bytes that the client sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from calcore_caldav.errors import CalcoreError
from calcore_caldav.scheduling.services import Services
from calcore_caldav.store.protocol import NOBODY, Transaction

_current: Final[ContextVar[Transaction | None]] = ContextVar("transaction", default=None)
_recorded: Final[ContextVar[RecordedBody | None]] = ContextVar("body", default=None)


def current() -> Transaction:
    """The transaction of the storage lock that is held."""
    txn = _current.get()
    if txn is None:
        raise RuntimeError("the storage was used without its lock")
    return txn


@contextmanager
def holding(txn: Transaction) -> Iterator[None]:
    """While this runs, `current` is that transaction."""
    token = _current.set(txn)
    try:
        yield
    finally:
        _current.reset(token)


def held() -> Transaction | None:
    """The transaction of the lock, where one is held."""
    return _current.get()


@contextmanager
def reading(services: Services) -> Iterator[Transaction]:
    """The held transaction, or a short one of its own."""
    txn = _current.get()
    if txn is not None:
        yield txn
        return
    with services.store.read(NOBODY) as short:
        yield short


@contextmanager
def undoing_failures(txn: Transaction) -> Iterator[None]:
    """A change that fails leaves nothing behind, and Radicale hears of it as a ValueError.

    Radicale answers an error from inside its lock by returning: the transaction would be committed with
    half of the change in it.
    """
    try:
        with txn.savepoint():
            yield
    except CalcoreError as error:
        raise ValueError(str(error)) from error


class RecordedBody:
    """A WSGI input that remembers what was read: Radicale hands the storage its own rendering only."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._parts: list[bytes] = []

    def read(self, *args: int) -> bytes:
        """Read on."""
        part: bytes = self._stream.read(*args)
        self._parts.append(part)
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def body(self) -> bytes:
        """What was read so far."""
        return b"".join(self._parts)


def record_body(environ: dict[str, Any]) -> None:
    """Remember the body of this thread's request, where it is one that stores something."""
    if environ.get("REQUEST_METHOD") != "PUT":
        _recorded.set(None)
        return
    body = environ["wsgi.input"] = RecordedBody(environ["wsgi.input"])
    _recorded.set(body)


def sent_body() -> bytes | None:
    """What the client sent, where it was recorded."""
    recorded = _recorded.get()
    return recorded.body if recorded else None
