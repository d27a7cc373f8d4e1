# SPDX-License-Identifier: GPL-3.0-or-later
"""events.list: which events a query asks for, in an order that pages can be cut from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.identifiers import event_id, find_by_uid
from calcore_caldav.api.moments import to_json
from calcore_caldav.api.people import Frame
from calcore_caldav.api.places import Place
from calcore_caldav.api.query import Query
from calcore_caldav.api.resource import (
    When,
    busy_json,
    cancelled_instances,
    cancelled_json,
    component_of,
    deleted_json,
    exception_json,
    instance_json,
    is_cancelled,
    series_json,
)
from calcore_caldav.api.tokens import PageToken
from calcore_caldav.api.types import Json
from calcore_caldav.api.veil import hidden, seen
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.times import Period, TimeRange, to_epoch
from calcore_caldav.core.timing import recurs
from calcore_caldav.store.protocol import StoredObject

AHEAD: Final = timedelta(days=730)
"""How far singleEvents goes where no timeMax is given."""
_STRIDE: Final = timedelta(days=14)
"""How far the first look goes; each following one goes twice as far."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a listing, not yet rendered."""

    key: tuple[Any, ...]
    """Unique in its listing, and what it is sorted by."""
    render: Callable[[], Json]


def list_items(
    call: Call, place: Place, query: Query, frame: Frame, page: PageToken | None
) -> Iterable[Item]:
    """The items of a query in their order; those before a page may be left out. Raises InvalidSyncToken."""
    listing = _Listing(call, place, query, frame)
    if not place.details:
        items = listing.busy()
    elif query.since is not None:
        items = listing.changes(query.since)
    elif query.single and query.by_start:
        return listing.by_start()
    elif query.single:
        items = listing.singles()
    else:
        return listing.whole(page)
    return sorted(items, key=_key_of)


def _key_of(item: Item) -> tuple[Any, ...]:
    return item.key


class _Listing:
    def __init__(self, call: Call, place: Place, query: Query, frame: Frame) -> None:
        self.txn, self.place, self.query, self.frame = call.txn, place, query, frame

    # ---- the three kinds of listings

    def whole(self, page: PageToken | None) -> Iterator[Item]:
        """Single events, recurring ones, and exceptions in order; events before the page are not read."""
        yield from sorted(self._tombstones(), key=_key_of)
        for stored in sorted(self._objects(self.query.window), key=self._order):
            if self._old(stored) or (page is not None and page.has_passed(self._order(stored))):
                continue
            obj = self.txn.objects.parsed(stored)
            yield from sorted(self._parts(stored, obj), key=_key_of)

    def _order(self, stored: StoredObject) -> tuple[Any, ...]:
        """What the keys of an object's items begin with in a listing of whole events."""
        return self._key(stored, None, None)[:3]

    def singles(self) -> Iterator[Item]:
        """Every instance, and no recurring event; cancelled and deleted ones where they are wanted."""
        query, txn = self.query, self.txn
        window = self._bounded()
        yield from self._happening(window)
        if query.deleted or query.updated_min is not None:
            for stored in self._objects(TimeRange(None, window.end)):
                if not self._old(stored):
                    yield from self._cancelled(stored, txn.objects.parsed(stored), window)
        yield from self._tombstones()

    def by_start(self) -> Iterator[Item]:
        """Every instance in order: who wants the first ten does not wait for two years of them."""
        window, length = self._bounded(), _STRIDE
        start = window.start
        while start < window.end:
            end = min(window.end, start + length)
            found = self._happening(Period(start, end), begun=start > window.start)
            yield from sorted(found, key=_key_of)
            start, length = end, length * 2

    def _happening(self, window: Period, *, begun: bool = False) -> Iterator[Item]:
        """What happens in a window; with `begun` only what begins in it."""
        objects = {stored.id: stored for stored in self._objects(TimeRange(*window))}
        for row in self.txn.instances.rows([self.place.collection], window):
            stored = objects.get(row.object_id)
            if stored is None or self._old(stored) or (begun and row.start < window.start):
                continue
            if row.rid is None:
                yield from self._single(stored, row.start)
            else:
                yield from self._instance(stored, When(row.rid, row.start, row.end))

    def busy(self) -> Iterator[Item]:
        """Busy time and nothing else, for readers of free/busy time."""
        window = self._bounded()
        secret = self.txn.sync_epoch
        zone = self.frame.shown_in or self.frame.zone
        objects = {
            s.id: s
            for s in self.txn.instances.objects_in_range(
                self.place.collection, TimeRange(*window), ("VEVENT",)
            )
        }
        for row in self.txn.instances.rows([self.place.collection], window):
            stored = objects.get(row.object_id)
            if stored is None or row.fbtype is FreeBusyType.FREE:
                continue
            start, end = (to_json(at.astimezone(zone), zone, None) for at in (row.start, row.end))
            made = busy_json(secret, stored, start, end, row.rid)
            yield Item((to_epoch(row.start), made["id"]), partial(dict, made))

    def changes(self, since: int) -> Iterator[Item]:
        """What happened since a sync token: changed events whole, removed and cancelled ones as such."""
        for change in self.txn.objects.changes_since(self.place.collection, since):
            stored = change.stored
            if stored is None:
                yield self._tombstone(change.name)
            elif stored.component == "VEVENT":
                yield from self._changed(stored)

    # ---- what they share

    def _objects(self, window: TimeRange) -> Iterable[StoredObject]:
        txn, collection = self.txn, self.place.collection
        if self.query.uid is not None:
            found = find_by_uid(txn, collection, self.query.uid)
            objects: Iterable[StoredObject] = [] if found is None else [found]
        elif window == (None, None):
            objects = txn.objects.all(collection)
        else:
            return txn.instances.objects_in_range(collection, window, ("VEVENT",))
        return [stored for stored in objects if stored.component == "VEVENT"]

    def _bounded(self) -> Period:
        """The window with both ends: two years ahead, and as early as events may be."""
        limits = (
            datetime(1900, 1, 1, tzinfo=UTC),
            max(self.txn.now, self.query.window.start or self.txn.now) + AHEAD,
        )
        return Period(self.query.window.start or limits[0], self.query.window.end or limits[1])

    def _old(self, stored: StoredObject) -> bool:
        return self.query.updated_min is not None and stored.modified < self.query.updated_min

    def _parts(self, stored: StoredObject, obj: CalendarObject) -> Iterator[Item]:
        """The object's main event, its exceptions, and its cancelled instances."""
        query, zone = self.query, self.frame.zone
        recurring = obj.master is None or recurs(obj.master) or bool(obj.overrides)
        if obj.master is not None and self._shown(obj.master) and self._fits(obj, obj.master):
            yield self._item(stored, obj, obj.master, None, partial(series_json, stored, obj, self.frame))
        if not recurring:
            return
        window = query.window
        for rid, component in obj.overrides.items():
            if is_cancelled(component) or not self._fits(obj, component):
                continue
            instance = obj.recurrence(zone).instance(rid) if window != (None, None) else None
            if instance is None or window.overlaps(instance.start, instance.end):
                yield self._item(
                    stored,
                    obj,
                    component,
                    rid,
                    partial(exception_json, stored, obj, rid, self.frame),
                )
        # Without singleEvents Google lists cancelled instances always: clients need them.
        yield from self._cancelled(stored, obj, window)

    def _cancelled(
        self, stored: StoredObject, obj: CalendarObject, window: TimeRange | Period
    ) -> Iterator[Item]:
        if self.query.filtered:
            return
        for rid in cancelled_instances(obj):
            at = instant_of(rid, self.frame.zone)
            if (window[1] is None or at < window[1]) and (window[0] is None or at >= window[0]):
                yield self._item(
                    stored,
                    obj,
                    None,
                    rid,
                    partial(cancelled_json, stored, obj, rid, self.frame),
                    at,
                )

    def _single(self, stored: StoredObject, start: datetime) -> Iterator[Item]:
        def render() -> Json:
            return seen(series_json(stored, obj, self.frame), stored, obj, obj.master, self.place)

        obj = self.txn.objects.parsed(stored)
        if obj.master is not None and self._shown(obj.master) and self._fits(obj, obj.master):
            yield Item(self._key(stored, None, start), render)

    def _instance(self, stored: StoredObject, when: When) -> Iterator[Item]:
        txn = self.txn

        def render() -> Json:
            obj = txn.objects.parsed(stored)
            made = instance_json(stored, obj, when, self.frame)
            return seen(made, stored, obj, component_of(obj, when.rid), self.place)

        obj = txn.objects.parsed(stored)
        component = component_of(obj, when.rid)
        if component is not None and not is_cancelled(component) and self._fits(obj, component):
            yield Item(self._key(stored, when.rid, when.start), render)

    def _changed(self, stored: StoredObject) -> Iterator[Item]:
        obj = self.txn.objects.parsed(stored)
        if not self.query.single or (obj.master is not None and not recurs(obj.master) and not obj.overrides):
            yield from self._parts(stored, obj)
            return
        window = self._bounded()
        # Which of its instances a client has, nobody knows: they go together, and what is left comes after.
        yield self._tombstone(stored.name)
        for instance in obj.recurrence(self.frame.zone).between(TimeRange(*window)):
            if instance.rid is not None:
                yield from self._instance(stored, When(instance.rid, instance.start, instance.end))
        yield from self._cancelled(stored, obj, window)

    def _tombstones(self) -> Iterator[Item]:
        """Deleted events, as long as the calendar's history remembers them; of their times it knows nothing."""
        query = self.query
        if query.filtered or query.uid is not None or not (query.deleted or query.updated_min is not None):
            return
        for removal in self.txn.objects.removed(self.place.collection):
            if query.updated_min is None or removal.at >= query.updated_min:
                yield self._tombstone(removal.name)

    @staticmethod
    def _tombstone(name: str) -> Item:
        return Item((0, 0, 0, name), lambda: deleted_json(event_id(name)))

    def _item(
        self,
        stored: StoredObject,
        obj: CalendarObject,
        component: Component | None,
        rid: RecurrenceId | None,
        render: Callable[[], Json],
        at: datetime | None = None,
    ) -> Item:
        return Item(self._key(stored, rid, at), lambda: seen(render(), stored, obj, component, self.place))

    def _key(self, stored: StoredObject, rid: RecurrenceId | None, at: datetime | None) -> tuple[Any, ...]:
        if self.query.order == "updated":
            first = to_epoch(stored.modified)
        else:
            first = to_epoch(at) if at is not None and self.query.single else 0
        return (1, first, stored.id, rid.to_basic() if rid is not None else "")

    def _shown(self, master: Component) -> bool:
        return self.query.deleted or self.query.since is not None or not is_cancelled(master)

    def _fits(self, obj: CalendarObject, component: Component) -> bool:
        """Whether the event has what is searched for, and may be seen to have it."""
        query = self.query
        return not query.filtered or (not hidden(obj, component, self.place) and query.fits(component))


def instant_of(rid: RecurrenceId, zone: tzinfo) -> datetime:
    """When the instance would begin; floating and all-day ones in `zone`."""
    value = rid.value
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)
