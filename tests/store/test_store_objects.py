# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of collections."""

from __future__ import annotations

from datetime import timedelta

import pytest
from store_world import Clock, at, calendar, event, principal

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import Period
from calcore_caldav.errors import AlreadyExists, NotFound, UidConflict
from calcore_caldav.store.cache import ParsedCache
from calcore_caldav.store.protocol import (
    SYSTEM,
    Collection,
    CollectionKind,
    CollectionProps,
    Store,
    StoredObject,
    Transaction,
)

ORGANIZED = (
    "DTSTART:20260120T090000Z",
    "DTEND:20260120T100000Z",
    "ORGANIZER;CN=Ann:MAILTO:Ann@Example.com",
    "ATTENDEE:mailto:bob@example.com",
)


def put(txn: Transaction, name: str, obj: CalendarObject, owner: str = "ann") -> StoredObject:
    return txn.objects.put(calendar(txn, owner), name, obj, schedule_tag=None)


def addressbook(txn: Transaction) -> Collection:
    props = CollectionProps(components=())
    return txn.collections.create(principal(txn, "ann"), "contacts", CollectionKind.ADDRESSBOOK, props)


def test_everything_of_an_object_is_kept(store: Store, clock: Clock):
    obj = event("u1", *ORGANIZED)
    with store.write(SYSTEM) as txn:
        here = calendar(txn)
        stored = txn.objects.put(here, "é 1.ics", obj, schedule_tag='"tag"')
        assert stored.path == "/ann/calendar/é 1.ics"
        assert (stored.uid, stored.component, stored.etag) == ("u1", "VEVENT", obj.etag)
        assert (stored.schedule_tag, stored.size) == ('"tag"', len(obj.body))
        assert stored.organizer == CalendarUserAddress("mailto:ann@example.com")
        assert stored.content_type == "text/calendar"
        assert stored.created == stored.modified == clock.now.replace(microsecond=0)
    with store.read() as txn:
        assert txn.objects.get(here, "é 1.ics") == stored
        assert txn.objects.by_id(stored.id) == stored
        assert txn.objects.by_uid(here, "u1") == stored
        assert txn.objects.in_home_by_uid(principal(txn, "ann"), "u1") == [stored]
        assert txn.objects.body(stored) == obj.body
        assert [*txn.objects.all(here)] == [stored]
        assert calendar(txn).revision == stored.revision == here.revision + 1


def test_what_is_not_there(store: Store):
    with store.write(SYSTEM) as txn:
        here = calendar(txn)
        stored = put(txn, "a.ics", event("a"))
        txn.objects.delete(stored)
        assert txn.objects.get(here, "a.ics") is None
        assert txn.objects.by_id(stored.id) is None
        assert txn.objects.by_uid(here, "a") is None
        assert txn.objects.named(here, ["a.ics"]) == {}
        assert txn.objects.named(here, []) == txn.objects.bodies([]) == {}
        assert txn.objects.bodies([stored]) == {}
        with pytest.raises(NotFound):
            txn.objects.body(stored)
        with pytest.raises(NotFound):
            txn.objects.delete(stored)


def test_replacing_keeps_id_and_creation(store: Store, clock: Clock):
    with store.write(SYSTEM) as txn:
        old = put(txn, "a.ics", event("a"))
    clock.forward(minutes=5)
    with store.write(SYSTEM) as txn:
        new = put(txn, "a.ics", event("a", *ORGANIZED))
    assert (new.id, new.created) == (old.id, old.created)
    assert new.modified == old.modified + timedelta(minutes=5)
    assert new.revision == old.revision + 1
    assert new.etag != old.etag
    with store.read() as txn:
        assert txn.objects.body(old) == event("a", *ORGANIZED).body
        assert txn.objects.count(calendar(txn)) == 1


def test_a_calendar_has_each_uid_once(store: Store):
    with store.write(SYSTEM) as txn:
        put(txn, "a.ics", event("a"))
        with pytest.raises(UidConflict) as caught:
            put(txn, "b.ics", event("a"))
        assert caught.value.path == "/ann/calendar/a.ics"
        put(txn, "b.ics", event("b"))
        with pytest.raises(UidConflict):
            put(txn, "b.ics", event("a"))
        put(txn, "b.ics", event("c"))
        put(txn, "a.ics", event("a", *ORGANIZED))
        assert txn.objects.count(calendar(txn)) == 2


def test_an_inbox_may_hold_a_uid_twice(store: Store):
    with store.write(SYSTEM) as txn:
        inbox = calendar(txn, "ann", "inbox")
        one = txn.objects.put(inbox, "1.ics", event("a"), schedule_tag=None)
        txn.objects.put(inbox, "2.ics", event("a"), schedule_tag=None)
        mine = put(txn, "a.ics", event("a"))
        his = put(txn, "a.ics", event("a"), "bob")
        assert txn.objects.by_uid(inbox, "a") == one
        assert txn.objects.in_home_by_uid(principal(txn, "ann"), "a") == [mine]
        assert txn.objects.in_all_homes_by_uid("a") == [mine, his]
        assert txn.objects.in_all_homes_by_uid("b") == []


def test_vcards_and_files_keep_their_bytes(store: Store):
    body = b"BEGIN:VCARD\nVERSION:3.0\nUID:c1\nFN:\xc3\xa9\nEND:VCARD\n\x00\xff"
    with store.write(SYSTEM) as txn:
        contacts = addressbook(txn)
        stored = txn.objects.put_raw(contacts, "c.vcf", body, "text/vcard", "c1")
        assert (stored.component, stored.content_type) == ("VCARD", "text/vcard")
        assert txn.objects.body(stored) == body
        with pytest.raises(UidConflict):
            txn.objects.put_raw(contacts, "d.vcf", body, "text/vcard", "c1")
        plain = txn.collections.create(
            principal(txn, "ann"), "files", CollectionKind.PLAIN, CollectionProps(components=())
        )
        for name in "ab":
            txn.objects.put_raw(plain, name, b"", "application/octet-stream", "")
        assert [s.component for s in txn.objects.all(plain)] == ["", ""]


def test_listings_are_ordered_by_name(store: Store):
    names = ["b", "a", "Z", "é", "10", "9", "a b"]
    with store.write(SYSTEM) as txn:
        for name in names:
            put(txn, name, event(name))
        assert [s.name for s in txn.objects.all(calendar(txn))] == sorted(names)
        found = txn.objects.named(calendar(txn), ["é", "Z", "nothing", "é"])
        assert {name: s.uid for name, s in found.items()} == {"é": "é", "Z": "Z"}


def test_long_lists_of_names_and_bodies(store: Store):
    with store.write(SYSTEM) as txn:
        here = calendar(txn)
        stored = [txn.objects.put_raw(here, f"{n}", b"%d" % n, "text/plain", f"{n}") for n in range(1300)]
        assert len(txn.objects.named(here, [s.name for s in stored])) == 1300
        bodies = txn.objects.bodies(stored)
        assert [bodies[s.id] for s in stored] == [b"%d" % n for n in range(1300)]


def test_a_parsed_object_is_shared(store: Store):
    with store.write(SYSTEM) as txn:
        obj = event("a")
        stored = put(txn, "a.ics", obj)
        assert txn.objects.parsed(stored) is obj
        raw = txn.objects.put_raw(calendar(txn), "b.ics", event("b").body, "text/calendar", "b")
    with store.read() as one, store.read() as two:
        assert one.objects.parsed(stored) is obj
        assert one.objects.parsed(raw) is two.objects.parsed(raw)
        assert one.objects.parsed(raw).uid == "b"


def test_the_cache_forgets_what_was_used_least_recently():
    objects = [event(f"u{number}") for number in range(30)]
    cost = 8 * len(objects[10].body) + 500
    cache = ParsedCache(10 * cost)
    for obj in objects[10:20]:
        cache.add(obj)
    assert cache.get(objects[10].etag) is objects[10]
    cache.add(objects[20])
    cache.add(objects[20])
    assert cache.get(objects[11].etag) is None
    assert cache.get(objects[10].etag) is objects[10]
    assert len(cache) == 10
    assert cache.size <= cache.capacity
    cache.add(event("big", "X-LONG:" + "x" * 10_000))
    assert len(cache) == 10


def test_a_move_keeps_everything_but_the_place(store: Store):
    with store.write(SYSTEM) as txn:
        old = put(txn, "a.ics", event("a", *ORGANIZED))
        revision = calendar(txn).revision
    with store.write(SYSTEM) as txn:
        moved = txn.objects.move(old, calendar(txn, "bob"), "b.ics")
        assert moved.path == "/bob/calendar/b.ics"
        assert (moved.id, moved.etag, moved.created) == (old.id, old.etag, old.created)
        assert txn.objects.get(calendar(txn), "a.ics") is None
        assert txn.objects.get(calendar(txn, "bob"), "b.ics") == moved
        assert calendar(txn).revision == revision + 1
        window = Period(at("2026-01-20 00:00"), at("2026-01-21 00:00"))
        assert txn.instances.rows([calendar(txn)], window) == []
        assert [row.object_id for row in txn.instances.rows([calendar(txn, "bob")], window)] == [old.id]


def test_a_rename_leaves_a_tombstone(store: Store):
    with store.write(SYSTEM) as txn:
        old = put(txn, "a.ics", event("a"))
    with store.write(SYSTEM) as txn:
        moved = txn.objects.move(old, calendar(txn), "b.ics")
        changes = txn.objects.changes_since(calendar(txn), old.revision)
        assert {change.name: change.stored for change in changes} == {"a.ics": None, "b.ics": moved}


def test_a_move_to_where_it_cannot_be(store: Store):
    with store.write(SYSTEM) as txn:
        old = put(txn, "a.ics", event("a"))
        put(txn, "b.ics", event("b"))
        put(txn, "c.ics", event("a"), "bob")
        with pytest.raises(AlreadyExists):
            txn.objects.move(old, calendar(txn), "b.ics")
        with pytest.raises(UidConflict):
            txn.objects.move(old, calendar(txn, "bob"), "a.ics")
        assert txn.objects.get(calendar(txn), "a.ics") == old
