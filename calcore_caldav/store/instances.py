# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the instance index: which objects, which busy time, in a window.

The range scan over `instances` is bounded by the longest instance of the collection. What the index does
not hold, because it lies beyond the range in which an object was indexed, is expanded from the object; so
every answer is exact, wherever the window lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as AnyOf
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select

from calcore_caldav.core.calobject import ComponentKind
from calcore_caldav.core.freebusy import BusyPeriod, FreeBusyType
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period, TimeRange, from_epoch, to_epoch
from calcore_caldav.store import index
from calcore_caldav.store.header import HEADER, IN_COLLECTION, PLACED, instant, placed, stored_in
from calcore_caldav.store.objects import SqlObjectRows
from calcore_caldav.store.protocol import Collection, InstanceRow, StoredObject
from calcore_caldav.store.schema import collections, instances, objects
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement
from calcore_caldav.store.windows import ASKED, Bounds, WindowStatement, bounds

EXTEND_STEP_DAYS: Final = 30
"""An object is indexed further when its index is so old."""
EXPANSION_LIMIT: Final = 100_000
"""Instances of one object that an answer may hold."""
_TYPES: Final = tuple(FreeBusyType)
_ZONE_SLACK: Final = timedelta(days=2)
_TASKS: Final = tuple(kind.value for kind in ComponentKind if kind is not ComponentKind.VEVENT)


@lru_cache(maxsize=16384)
def _rid(start_ts: int, name: str) -> RecurrenceId:
    return RecurrenceId(from_epoch(start_ts)) if name == index.UNMOVED else RecurrenceId.parse(name)


def _overlapping(max_span: ColumnElement[int], asked: Bounds = ASKED) -> ColumnElement[bool]:
    # TimeRange.overlaps; the first condition only bounds the scan.
    return and_(
        instances.c.start_ts >= asked.since - max_span,
        instances.c.start_ts < asked.until_ceil,
        or_(instances.c.end_ts > asked.since, instances.c.start_ts >= asked.since_ceil),
    )


def _reaching() -> ColumnElement[bool]:
    return and_(
        objects.c.indexed_until.is_not(None),
        or_(objects.c.indexed_until < bindparam("until_ceil"), objects.c.indexed_from > bindparam("since")),
        or_(objects.c.first_start.is_(None), objects.c.first_start < bindparam("until_ceil")),
        or_(objects.c.last_end.is_(None), objects.c.last_end >= bindparam("since")),
    )


_SPAN = (
    select(collections.c.max_span).where(collections.c.id == bindparam("collection_id_")).scalar_subquery()
)
_HIT = and_(instances.c.collection_id == bindparam("collection_id_"), _overlapping(_SPAN))
_OBJECTS = Statement(
    select(*HEADER).where(objects.c.id.in_(select(instances.c.object_id).where(_HIT))).order_by(objects.c.id)
)
_FLOATING = Statement(select(instances.c.object_id).where(_HIT, instances.c.floating).distinct())
_BY_IDS = Statement(select(*HEADER).where(objects.c.id.in_(bindparam("ids", expanding=True))), "ids")
_REACHING = Statement(select(*HEADER).where(IN_COLLECTION, _reaching()).order_by(objects.c.id))
_OTHERS = Statement(
    select(*HEADER).where(
        IN_COLLECTION,
        objects.c.component.in_(bindparam("kinds", expanding=True)),
        or_(objects.c.first_start.is_(None), objects.c.first_start < bindparam("until_ceil")),
        or_(objects.c.last_end.is_(None), objects.c.last_end >= bindparam("since")),
    ),
    "kinds",
)


_ROW = (
    instances.c.object_id,
    instances.c.start_ts,
    instances.c.recurrence_id,
    instances.c.end_ts,
    instances.c.fbtype,
    instances.c.floating,
    instances.c.collection_id,
)


def _across(asked: Bounds) -> Select[*tuple[Any, ...]]:
    # A table of their own, and first: else the database may well read all instances up to a window's end.
    places = (
        select(collections.c.id, collections.c.max_span)
        .where(collections.c.id.in_(bindparam("ids", expanding=True)))
        .cte("places")
        .prefix_with("MATERIALIZED")
    )
    return select(*_ROW).where(
        instances.c.collection_id == places.c.id, _overlapping(places.c.max_span, asked)
    )


_ROWS = WindowStatement(_across, "ids")
_BUSY = WindowStatement(lambda asked: _across(asked).where(instances.c.fbtype > 0), "ids")
_REACHING_ACROSS = Statement(
    PLACED.where(objects.c.collection_id.in_(bindparam("ids", expanding=True)), _reaching()),
    "ids",
)
_IDS_OF_UID = Statement(select(objects.c.id).where(objects.c.uid == bindparam("uid_")))
_TO_EXTEND = Statement(
    PLACED.where(objects.c.indexed_at <= bindparam("before"))
    .order_by(objects.c.indexed_at)
    .limit(bindparam("most"))
)
_COUNTS = Statement(
    select(objects.c.collection_id, func.count())
    .where(objects.c.content_type == "text/calendar")
    .group_by(objects.c.collection_id)
)


class SqlInstanceRows:
    """See protocol.InstanceRows."""

    __slots__ = ("_objects", "_session")

    def __init__(self, session: Session, object_rows: SqlObjectRows) -> None:
        self._session = session
        self._objects = object_rows

    def objects_in_range(
        self,
        collection: Collection,
        window: TimeRange,
        kinds: AnyOf[str] = (),
        *,
        zone: tzinfo | None = None,
    ) -> list[StoredObject]:
        found: dict[int, StoredObject] = {}
        if not kinds or "VEVENT" in kinds:
            place = index.place_of(self._session, collection.id)
            found = self._events(collection, window, place, zone or place.zone)
        others = [kind for kind in _TASKS if not kinds or kind in kinds]
        if others:
            asked = bounds(window)
            rows = self._session.sql.listed(
                _OTHERS,
                others,
                collection_id_=collection.id,
                since=asked.since,
                until_ceil=asked.until_ceil,
            )
            found |= {row[0]: stored_in(collection.path, row) for row in rows}
        return [*found.values()]

    def _events(
        self, collection: Collection, window: TimeRange, place: index.Place, zone: tzinfo
    ) -> dict[int, StoredObject]:
        sql, path, near = self._session.sql, collection.path, window
        rows = sql.all(_OBJECTS, collection_id_=collection.id, **bounds(window)._asdict())
        doubtful: list[Row] = []
        if zone != place.zone:
            # Rows of floating instances are in the collection's zone: their objects are asked themselves.
            near = TimeRange(
                None if window.start is None else window.start - _ZONE_SLACK,
                None if window.end is None else window.end + _ZONE_SLACK,
            )
            hits = sql.all(_FLOATING, collection_id_=collection.id, **bounds(near)._asdict())
            floating = {object_id for (object_id,) in hits}
            rows = [row for row in rows if row[0] not in floating]
            doubtful += sql.listed(_BY_IDS, sorted(floating))
        found = {row[0]: stored_in(path, row) for row in rows}
        wide = bounds(near)
        doubtful += sql.all(
            _REACHING, collection_id_=collection.id, since=wide.since, until_ceil=wide.until_ceil
        )
        for row in doubtful:
            if row[0] not in found:
                stored = stored_in(path, row)
                if self._happens(stored, window, zone):
                    found[stored.id] = stored
        return found

    def _happens(self, stored: StoredObject, window: TimeRange, zone: tzinfo) -> bool:
        recurrence = self._objects.parsed(stored).recurrence(zone)
        return next(iter(recurrence.between(window)), None) is not None

    def busy(
        self, collections: Sequence[Collection], window: Period, *, ignore_uid: str | None = None
    ) -> list[BusyPeriod]:
        ignored = self._ids_of_uid(ignore_uid)
        periods = [
            BusyPeriod(instant(row[1]), instant(row[3]), _TYPES[row[4]])
            for row in self._across(_BUSY, collections, [window])
            if row[4] and row[0] not in ignored
        ]
        periods.sort()
        return periods

    def rows(self, collections: Sequence[Collection], *windows: Period) -> list[InstanceRow]:
        found = [
            InstanceRow(
                object_id=row[0],
                collection_id=row[6],
                rid=_rid(row[1], row[2]) if row[2] else None,
                start=instant(row[1]),
                end=instant(row[3]),
                fbtype=_TYPES[row[4]],
                floating=bool(row[5]),
            )
            for row in self._across(_ROWS, collections, windows)
        ]
        found.sort(key=lambda row: (row.start, row.end, row.object_id))
        return found

    def _ids_of_uid(self, uid: str | None) -> frozenset[int]:
        if uid is None:
            return frozenset()
        return frozenset(id_ for (id_,) in self._session.sql.all(_IDS_OF_UID, uid_=uid))

    def _across(
        self, statement: WindowStatement, collections: Sequence[Collection], windows: Sequence[Period]
    ) -> Iterator[Row]:
        if not windows:
            return
        sql, ids = self._session.sql, [*{collection.id for collection in collections}]
        whole = bounds(Period(min(w.start for w in windows), max(w.end for w in windows)))
        reaching = [
            placed(row)
            for row in sql.listed(_REACHING_ACROSS, ids, since=whole.since, until_ceil=whole.until_ceil)
        ]
        expanded = frozenset(stored.id for stored in reaching)
        for row in statement.rows(sql, [*map(bounds, windows)], ids):
            if row[0] not in expanded:
                yield row
        if reaching:
            where = {place.collection_id: place for place in index.places(self._session, ids)}
        for stored in reaching:
            place = where[stored.collection_id]
            obj = self._objects.parsed(stored)
            for window in windows:
                for made in index.expand(obj, place, TimeRange(*window), EXPANSION_LIMIT):
                    yield (stored.id, *made, stored.collection_id)

    def extend(self, now: datetime, limit: int) -> int:
        before = to_epoch(now) - 86400 * EXTEND_STEP_DAYS
        due = self._session.sql.all(_TO_EXTEND, before=before, most=limit)
        for row in due:
            stored = placed(row)
            place = index.place_of(self._session, stored.collection_id)
            index.rewrite(self._session, place, stored.id, self._objects.parsed(stored))
        return len(due)

    def reindex(self, progress: Callable[[int, int], None], collection: Collection | None = None) -> None:
        counts: dict[int, int] = dict(self._session.sql.all(_COUNTS))
        ids = [*counts] if collection is None else [collection.id]
        total, before = sum(counts.get(id_, 0) for id_ in ids), 0
        progress(0, total)
        for id_ in ids:
            for done in index.rewrite_collection(self._session, id_):
                progress(before + done, total)
            before += counts.get(id_, 0)
