# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the rows of a database, if anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import bindparam, func, select

from calcore_caldav.core.calobject import CalendarObject, etag_of
from calcore_caldav.core.times import TimeRange, from_epoch
from calcore_caldav.errors import CalcoreError
from calcore_caldav.store import index
from calcore_caldav.store.schema import bodies, bookings, collections, objects, principals
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement
from calcore_caldav.store.windows import EARLIEST, LATEST

_TOTAL = Statement(select(func.count()).select_from(objects))
_SOME = Statement(
    select(
        objects.c.id,
        objects.c.collection_id,
        principals.c.name.label("owner"),
        collections.c.name.label("collection"),
        objects.c.name,
        objects.c.uid,
        objects.c.etag,
        objects.c.size,
        objects.c.component,
        objects.c.content_type,
        objects.c.indexed_from,
        objects.c.indexed_until,
        bodies.c.body,
    )
    .select_from(objects)
    .join(collections, collections.c.id == objects.c.collection_id)
    .join(principals, principals.c.id == collections.c.principal_id)
    .outerjoin(bodies, bodies.c.object_id == objects.c.id)
    .where(objects.c.id > bindparam("after"))
    .order_by(objects.c.id)
    .limit(200)
)
_BOOKINGS = Statement(
    select(principals.c.name, bookings.c.slot, bookings.c.start_ts, bookings.c.end_ts)
    .join(principals, principals.c.id == bookings.c.room_id)
    .order_by(principals.c.name, bookings.c.slot, bookings.c.start_ts)
)


def problems(session: Session, progress: Callable[[int, int], None]) -> Iterator[str]:
    """Sentences; each object is read, hashed, and its instances compared with the index."""
    yield from _overlaps(session)
    total, done, after = int(session.sql.value(_TOTAL)), 0, 0
    places: dict[int, index.Place] = {}
    progress(0, total)
    while rows := session.sql.all(_SOME, after=after):
        for row in rows:
            if row[1] not in places:
                places[row[1]] = index.place_of(session, row[1])
            trouble = _trouble(session, row, places[row[1]])
            if trouble:
                yield f"/{row[2]}/{row[3]}/{row[4]}: {trouble}"
        after, done = rows[-1][0], done + len(rows)
        progress(done, total)


def _overlaps(session: Session) -> Iterator[str]:
    last: Row = ("", 0, 0, 0)
    for row in session.sql.all(_BOOKINGS):
        if row[:2] == last[:2] and row[2] < last[3]:
            yield f"{row[0]}: two bookings overlap at {from_epoch(row[2])} in slot {row[1]}"
        last = row


def _trouble(session: Session, row: Row, place: index.Place) -> str:
    object_id, uid, etag, size, component, content_type, since, until, body = (row[0], *row[5:])
    if body is None:
        return "its bytes are missing"
    if size != len(body) or etag != etag_of(body):
        return "its bytes are not those that were stored"
    if content_type != "text/calendar":
        return ""
    obj = CalendarObject(bytes(body))
    try:
        if obj.uid != uid or obj.kind != component:
            return "its row says another UID or component than its bytes"
        if component != "VEVENT" or not place.indexed:
            return ""
        window = TimeRange(
            None if since in {None, EARLIEST} else from_epoch(since),
            None if until in {None, LATEST} else from_epoch(until),
        )
        truth = frozenset(index.expand(obj, place, window))
    except CalcoreError as error:
        return str(error)
    if index.stored_rows(session, object_id) != truth:
        return "the instance index differs from its instances: calcore-caldav db reindex mends it"
    return ""
