# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store's tests work with: a clock that stands still, people, rooms, events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Collection, Store, Transaction


@dataclass
class Clock:
    """Stands still until somebody moves it."""

    now: datetime = field(default=datetime(2026, 1, 15, 12, 0, 0, 250_000, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def url_of(directory: Path) -> str:
    return f"sqlite:///{directory}/calcore.db"


def populate(txn: Transaction) -> None:
    for name, kind, zone in (
        ("ann", CalendarUserType.INDIVIDUAL, "Europe/Paris"),
        ("bob", CalendarUserType.INDIVIDUAL, "America/New_York"),
        ("room1", CalendarUserType.ROOM, "Europe/Paris"),
        ("room2", CalendarUserType.ROOM, "UTC"),
    ):
        txn.directory.provision(txn.directory.save(person(name, kind, zone)))


def person(
    name: str, kind: CalendarUserType = CalendarUserType.INDIVIDUAL, timezone: str = "UTC"
) -> Principal:
    address = CalendarUserAddress.parse(f"{name}@example.com")
    return Principal(0, name, kind, name.title(), (address,), timezone=timezone)


def calendar(txn: Transaction, owner: str = "ann", name: str = "calendar") -> Collection:
    found = txn.collections.get(owner, name)
    assert found is not None
    return found


def principal(txn: Transaction, name: str) -> Principal:
    found = txn.directory.by_name(name)
    assert found is not None
    return found


def event(uid: str, *lines: str, component: str = "VEVENT") -> CalendarObject:
    """An event of these lines; without any it is on 20 January 2026, 9 to 10 o'clock UTC."""
    body = lines or ("DTSTART:20260120T090000Z", "DTEND:20260120T100000Z")
    return CalendarObject(
        "\r\n".join(
            (
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "PRODID:-//calcore//tests//EN",
                f"BEGIN:{component}",
                f"UID:{uid}",
                "DTSTAMP:20260101T000000Z",
                *body,
                f"END:{component}",
                "END:VCALENDAR",
                "",
            )
        ).encode()
    )


def at(text: str) -> datetime:
    """A UTC instant, written 2026-01-20 09:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_SHARED: list[Store] = []


@contextmanager
def undone() -> Iterator[Transaction]:
    """A transaction of a populated store that is rolled back: for properties, which want many of them."""
    if not _SHARED:
        _SHARED.append(open_store("sqlite://", clock=Clock()))
        with _SHARED[0].write(SYSTEM) as txn:
            populate(txn)
    with suppress(_Undo), _SHARED[0].write(SYSTEM) as txn:
        yield txn
        raise _Undo


class _Undo(Exception):
    pass
