# SPDX-License-Identifier: GPL-3.0-or-later
"""Taken slots of rooms and resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import Period, from_epoch, to_epoch
from calcore_caldav.store.protocol import Booking, StoredObject
from calcore_caldav.store.schema import bookings, objects
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

LONGEST: Final = 86400
"""Seconds; longer bookings are kept as several rows, each beginning where the one before ends."""

_BOOKING = select(bookings.c.object_id, bookings.c.start_ts, bookings.c.end_ts, bookings.c.slot)
_OF_ROOM = _BOOKING.where(bookings.c.room_id == bindparam("room_id_")).order_by(
    bookings.c.start_ts, bookings.c.slot
)
_ALL = Statement(_OF_ROOM)
# No row is longer than `LONGEST`, so the index on (room, end) bounds the range on both sides.
_WITHIN = _OF_ROOM.where(
    bookings.c.end_ts > bindparam("since"),
    bookings.c.end_ts < bindparam("until") + LONGEST,
    bookings.c.start_ts < bindparam("until"),
)
_OF = Statement(_WITHIN)
_OF_OTHERS = Statement(
    _WITHIN.where(bookings.c.object_id.not_in(select(objects.c.id).where(objects.c.uid == bindparam("uid_"))))
)
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

    def of(self, room: Principal, window: Period, *, ignore_uid: str | None = None) -> list[Booking]:
        """The bookings that overlap a window, by start; without those of one UID."""
        since, until = to_epoch(window.start), to_epoch(window.end)
        if ignore_uid is None:
            found = self._session.sql.all(_OF, room_id_=room.id, since=since, until=until)
        else:
            found = self._session.sql.all(
                _OF_OTHERS, room_id_=room.id, since=since, until=until, uid_=ignore_uid
            )
        return [_booking(row) for row in found]

    def replace(self, room: Principal, stored: StoredObject, bookings: Iterable[tuple[Period, int]]) -> None:
        """The bookings (period, slot) of one object, instead of those it had.

        Raises BookingConflict, and then it has those that it had.
        """
        rows = [
            {"room_id": room.id, "slot": slot, "start_ts": start, "end_ts": end, "object_id": stored.id}
            for period, slot in bookings
            for start, end in _pieces(to_epoch(period.start), to_epoch(period.end))
        ]
        with self._session.savepoint():
            self._session.sql.run(_CLEAR, object_id_=stored.id, room_id_=room.id)
            if rows:
                self._session.sql.many(_INSERT, rows)

    def all(self, room: Principal) -> list[Booking]:
        """All bookings of a room, by start."""
        return [_booking(row) for row in self._session.sql.all(_ALL, room_id_=room.id)]


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        yield start, start + LONGEST
        start += LONGEST
    yield start, end


def _booking(row: Row) -> Booking:
    return Booking(row[0], Period(from_epoch(row[1]), from_epoch(row[2])), row[3])
