# SPDX-License-Identifier: GPL-3.0-or-later
"""Taken slots of rooms and resources."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select

from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import Period, from_epoch, to_epoch
from calcore_caldav.store.protocol import Booking, StoredObject
from calcore_caldav.store.schema import LONGEST_BOOKING, bookings
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement
from calcore_caldav.store.windows import Bounds, WindowStatement, bounds

_BOOKING = select(bookings.c.object_id, bookings.c.start_ts, bookings.c.end_ts, bookings.c.slot)
_ALL = Statement(
    _BOOKING.where(bookings.c.room_id == bindparam("room_id_")).order_by(bookings.c.start_ts, bookings.c.slot)
)

_HELD = Statement(
    _BOOKING.where(
        bookings.c.object_id == bindparam("object_id_"), bookings.c.room_id == bindparam("room_id_")
    ).order_by(bookings.c.start_ts)
)


def _within(asked: Bounds) -> Select[*tuple[Any, ...]]:
    return _BOOKING.where(
        bookings.c.room_id == bindparam("room_id_"),
        bookings.c.start_ts > asked.since - LONGEST_BOOKING,
        bookings.c.start_ts < asked.until_ceil,
        bookings.c.end_ts > asked.since,
    )


_OF = WindowStatement(_within)
_CLEAR = Statement(
    delete(bookings).where(
        bookings.c.object_id == bindparam("object_id_"), bookings.c.room_id == bindparam("room_id_")
    )
)
_INSERT = Statement(insert(bookings))


class SqlBookingRows:
    """See protocol.BookingRows."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, room: Principal, *windows: Period) -> list[Booking]:
        found = _OF.rows(self._session.sql, [*map(bounds, windows)], room_id_=room.id)
        return [_booking(row) for row in sorted(found, key=itemgetter(1, 3))]

    def replace(self, room: Principal, stored: StoredObject, bookings: Iterable[tuple[Period, int]]) -> None:
        rows = [
            {"room_id": room.id, "slot": slot, "start_ts": start, "end_ts": end, "object_id": stored.id}
            for period, slot in bookings
            for start, end in _pieces(to_epoch(period.start), to_epoch(period.end))
        ]
        with self._session.savepoint():
            self._session.sql.run(_CLEAR, object_id_=stored.id, room_id_=room.id)
            if rows:
                self._session.sql.many(_INSERT, rows)

    def discard(self, room: Principal, *, keep: Iterable[int]) -> None:
        kept = frozenset(keep)
        for object_id in {booking.object_id for booking in self.all(room)} - kept:
            self._session.sql.run(_CLEAR, object_id_=object_id, room_id_=room.id)

    def all(self, room: Principal) -> list[Booking]:
        return [_booking(row) for row in self._session.sql.all(_ALL, room_id_=room.id)]

    def held(self, room: Principal, stored: StoredObject) -> list[Period]:
        found = self._session.sql.all(_HELD, object_id_=stored.id, room_id_=room.id)
        return [_booking(row).period for row in found]


def _pieces(start: int, end: int) -> list[tuple[int, int]]:
    starts = range(start, end, LONGEST_BOOKING)
    return [(at, min(at + LONGEST_BOOKING, end)) for at in starts]


def _booking(row: Row) -> Booking:
    return Booking(row[0], Period(from_epoch(row[1]), from_epoch(row[2])), row[3])
