# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that the instance index holds of an object, and writing them.

Single events are indexed wherever they lie. Series are indexed within a window around now; an object whose
instances reach beyond it remembers in which range its rows are complete, and queries that leave the range
expand it (see `instances`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.freebusy import instance_type
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.recurrence import Occurrence, RecurrenceSet
from calcore_caldav.core.times import TimeRange, format_date_time, from_epoch, to_epoch
from calcore_caldav.errors import InvalidCalendarData
from calcore_caldav.store import homes
from calcore_caldav.store.likeness import same_times
from calcore_caldav.store.principals import owner_of, zone_of
from calcore_caldav.store.protocol import CollectionKind
from calcore_caldav.store.schema import bodies, collections, instances, objects
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Statement
from calcore_caldav.store.windows import EARLIEST, LATEST

ROWS_PER_OBJECT: Final = 5000
"""A rule that repeats more often is indexed up to there only."""
_GOING_ON: Final = frozenset({"VAVAILABILITY", "VFREEBUSY"})
_ZONE_SLACK: Final = timedelta(days=2)
"""More than any two time zones are apart: bounds of tasks hold whatever zone is asked with."""

_ROW = (
    instances.c.start_ts,
    instances.c.recurrence_id,
    instances.c.end_ts,
    instances.c.fbtype,
    instances.c.floating,
)
_ROWS = Statement(select(*_ROW).where(instances.c.object_id == bindparam("object_id_")))
_DELETE = Statement(delete(instances).where(instances.c.object_id == bindparam("object_id_")))
_DELETE_ROW = Statement(
    delete(instances).where(
        instances.c.collection_id == bindparam("collection_id_"),
        instances.c.start_ts == bindparam("start_ts_"),
        instances.c.object_id == bindparam("object_id_"),
        instances.c.recurrence_id == bindparam("recurrence_id_"),
    )
)
_INSERT = Statement(insert(instances))
_WIDEN = Statement(
    update(collections)
    .where(collections.c.id == bindparam("id_"), collections.c.max_span < bindparam("span"))
    .values(max_span=bindparam("span"))
)
_SET_INDEXED = Statement(
    update(objects)
    .where(objects.c.id == bindparam("id_"))
    .values(
        first_start=bindparam("first_start"),
        last_end=bindparam("last_end"),
        indexed_from=bindparam("indexed_from"),
        indexed_until=bindparam("indexed_until"),
        indexed_at=bindparam("indexed_at"),
    )
)
_PLACES = Statement(
    select(collections.c.id, collections.c.principal_id, collections.c.timezone, collections.c.kind).where(
        collections.c.id.in_(bindparam("ids", expanding=True))
    ),
    "ids",
)
_IN_COLLECTION = Statement(
    select(objects.c.id, objects.c.etag, bodies.c.body)
    .join(bodies)
    .where(
        objects.c.collection_id == bindparam("collection_id_"),
        objects.c.id > bindparam("after"),
        objects.c.content_type == "text/calendar",
    )
    .order_by(objects.c.id)
    .limit(200)
)


UNMOVED: Final = "="
"""The recurrence_id of instances that begin at their original start, most of all: as short as can be."""


class IndexRow(NamedTuple):
    """A row of the instance index, without the ids; times in epoch seconds."""

    start_ts: int
    recurrence_id: str
    end_ts: int
    fbtype: int
    floating: bool


@dataclass(frozen=True, slots=True)
class Place:
    """What a collection adds to the meaning of the objects in it."""

    collection_id: int
    zone: tzinfo
    own: frozenset[CalendarUserAddress]
    """Addresses of its owner, whose free/busy time it is."""
    indexed: bool
    """Calendars are; in inboxes, queries expand the few items."""


class Time(NamedTuple):
    """A row of the instance index but for its type, which depends on whose calendar it is in."""

    start_ts: int
    recurrence_id: str
    end_ts: int
    floating: bool
    component: int
    """Which of the object's components supplies the type."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """All that the index knows of an object; see the table `objects`."""

    first_start: int | None = None
    last_end: int | None = None
    indexed_from: int | None = None
    indexed_until: int | None = None
    indexed_at: int | None = None
    times: Sequence[Time] = ()


def place_of(session: Session, collection_id: int) -> Place:
    """The place of objects in a collection."""
    found = homes.by_id(session, collection_id)
    assert found is not None
    return _place(session, found.id, found.principal_id, found.timezone, found.kind)


def places(session: Session, collection_ids: list[int]) -> Iterator[Place]:
    """The places of objects in collections."""
    for row in {*session.sql.listed(_PLACES, collection_ids)}:
        yield _place(session, *row)


def _place(session: Session, collection_id: int, principal_id: int, timezone: str | None, kind: str) -> Place:
    owner = owner_of(session, principal_id)
    return Place(
        collection_id, zone_of(timezone, owner), owner.own_addresses, kind == CollectionKind.CALENDAR
    )


def expand(obj: CalendarObject, place: Place, window: TimeRange, limit: int | None = None) -> list[IndexRow]:
    """The rows of an object's instances that overlap a window, ordered by start.

    Raises TooManyInstances beyond `limit`.
    """
    recurrence = obj.recurrence(place.zone)
    return rows_of(obj, place, _times(obj, recurrence, recurrence.occurrences(window, limit=limit)))


def rows_of(obj: CalendarObject, place: Place, times: Sequence[Time]) -> list[IndexRow]:
    """The rows of an object that happens then."""
    if not times:
        return []
    types = [int(instance_type(component, place.own)) for component in obj.components]
    return [
        IndexRow(start, rid, end, types[component], floating)
        for start, rid, end, floating, component in times
    ]


def _times(obj: CalendarObject, recurrence: RecurrenceSet, found: Iterable[Occurrence]) -> list[Time]:
    numbers = {id(component): number for number, component in enumerate(obj.components)}
    absolute = recurrence.absolute
    made = []
    for one in found:
        source = one.source
        number = numbers[id(source.component)]
        name = UNMOVED if absolute and one.key == one.start else _name(recurrence, one)
        made.append(Time(one.start, name, one.end, source.moment.floating, number))
    return made


def _name(recurrence: RecurrenceSet, found: Occurrence) -> str:
    rid = recurrence.rid(found)
    if rid is None:
        return ""
    basic = rid.to_basic()
    return UNMOVED if basic == format_date_time(from_epoch(found.start)) else basic


def index(session: Session, obj: CalendarObject, place: Place) -> Indexed:
    """What the index is to know of an object."""
    if obj.kind != "VEVENT":
        return _index_task(obj, place)
    if not place.indexed:
        # Complete nowhere, bounds not known: messages in an inbox are few and looked at themselves.
        return Indexed(indexed_from=session.now_ts, indexed_until=session.now_ts)
    # One meeting is written into the calendars of all who are invited.
    before = session.indexed
    if before is None or before[1] != place.zone or not same_times(before[0], obj):
        before = session.indexed = obj, place.zone, _index_event(session, obj, place)
    return before[2]


def _index_event(session: Session, obj: CalendarObject, place: Place) -> Indexed:
    recurrence = obj.recurrence(place.zone)
    first, last = (None if bound is None else to_epoch(bound) for bound in recurrence.bounds)
    if first is None:
        return Indexed()
    if not recurrence.recurring:
        always = recurrence.occurrences(TimeRange(None, None))
        return Indexed(first, last, times=_times(obj, recurrence, always))
    settings = session.shared.settings
    since = session.now_ts - 86400 * settings.index_behind_days
    until = session.now_ts + 86400 * settings.index_ahead_days
    window = TimeRange(from_epoch(since), from_epoch(until))
    found = [*islice(recurrence.occurrences(window), ROWS_PER_OBJECT + 1)]
    whole = since <= first and last is not None and last < until
    if len(found) > ROWS_PER_OBJECT:
        until, whole = max(since, found[-1].start), False
    times = _times(obj, recurrence, (one for one in found if one.start < until and until > since))
    if whole:
        return Indexed(first, last, times=times)
    return Indexed(
        first,
        last,
        EARLIEST if first >= since else since,
        LATEST if last is not None and last < until else until,
        session.now_ts,
        times,
    )


def _index_task(obj: CalendarObject, place: Place) -> Indexed:
    """No rows, since filters on tasks and journal entries look at more than a span; bounds where all have a
    start, and an end without which they go on (RFC 7953 §3.1) or say their times elsewhere (RFC 4791 §9.9).
    """
    if any(component.get("DTSTART") is None for component in obj.components):
        return Indexed()
    if obj.kind in _GOING_ON and any(not any(map(c.get, ("DTEND", "DURATION"))) for c in obj.components):
        return Indexed()
    first, last = obj.recurrence(place.zone).bounds
    return Indexed(
        None if first is None else to_epoch(first - _ZONE_SLACK),
        None if first is None or last is None else to_epoch(last + _ZONE_SLACK),
    )


def write(session: Session, place: Place, object_id: int, rows: Iterable[IndexRow], *, fresh: bool) -> None:
    """Make `rows` the rows of an object; `fresh`: it has none yet."""
    had = frozenset[IndexRow]() if fresh else stored_rows(session, object_id)
    wanted = frozenset(rows)
    if gone := had - wanted:
        session.sql.many(
            _DELETE_ROW,
            [
                {
                    "collection_id_": place.collection_id,
                    "start_ts_": row.start_ts,
                    "object_id_": object_id,
                    "recurrence_id_": row.recurrence_id,
                }
                for row in gone
            ],
        )
    if new := sorted(wanted - had):  # in the order of the table: neighbours share a page
        session.sql.many(
            _INSERT,
            [
                {
                    "collection_id": place.collection_id,
                    "start_ts": start_ts,
                    "object_id": object_id,
                    "recurrence_id": recurrence_id,
                    "end_ts": end_ts,
                    "fbtype": fbtype,
                    "floating": floating,
                }
                for start_ts, recurrence_id, end_ts, fbtype, floating in new
            ],
        )
        span = max(row.end_ts - row.start_ts for row in new)
        session.sql.run(_WIDEN, id_=place.collection_id, span=span)


def stored_rows(session: Session, object_id: int) -> frozenset[IndexRow]:
    """The rows that an object has."""
    found = session.sql.all(_ROWS, object_id_=object_id)
    return frozenset(IndexRow(row[0], row[1], row[2], row[3], bool(row[4])) for row in found)


def clear(session: Session, object_id: int) -> None:
    """Remove an object's rows."""
    session.sql.run(_DELETE, object_id_=object_id)


def rewrite(session: Session, place: Place, object_id: int, obj: CalendarObject) -> None:
    """Index an object anew that is stored already."""
    try:
        made = index(session, obj, place)
    except InvalidCalendarData:
        # An older version of the program took it. It must not stop the others; `db check` tells of it.
        made = Indexed()
    write(session, place, object_id, rows_of(obj, place, made.times), fresh=False)
    session.sql.run(
        _SET_INDEXED,
        id_=object_id,
        first_start=made.first_start,
        last_end=made.last_end,
        indexed_from=made.indexed_from,
        indexed_until=made.indexed_until,
        indexed_at=made.indexed_at,
    )


def rewrite_collection(session: Session, collection_id: int) -> Iterator[int]:
    """Index all objects of a collection anew; yields the number done so far, after each few hundred."""
    place = place_of(session, collection_id)
    after, done = 0, 0
    while found := session.sql.all(_IN_COLLECTION, collection_id_=collection_id, after=after):
        for object_id, etag, body in found:
            obj = session.shared.parsed.get(etag) or CalendarObject(bytes(body))
            rewrite(session, place, object_id, obj)
        after = found[-1][0]
        done += len(found)
        yield done
