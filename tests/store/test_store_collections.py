# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections, their properties, and the dead properties of resources."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from store_world import Clock, calendar, principal

from calcore_caldav.errors import AlreadyExists, NotFound
from calcore_caldav.store.protocol import SYSTEM, CollectionKind, CollectionProps, Store

TOKYO = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//calcore//tests//EN
BEGIN:VTIMEZONE
TZID:Asia/Tokyo
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
END:STANDARD
END:VTIMEZONE
END:VCALENDAR
"""


def test_people_and_rooms_are_provisioned(store: Store):
    with store.read() as txn:
        homes = {
            name: {c.name: (c.kind, c.components) for c in txn.collections.of(principal(txn, name))}
            for name in ("ann", "room1")
        }
    assert homes["ann"]["calendar"] == (CollectionKind.CALENDAR, ("VEVENT",))
    assert homes["ann"]["tasks"] == (CollectionKind.CALENDAR, ("VTODO",))
    assert homes["ann"]["inbox"][0] is CollectionKind.INBOX
    assert homes["ann"]["outbox"][0] is CollectionKind.OUTBOX
    assert set(homes["room1"]) == {"calendar", "inbox", "outbox"}


def test_provisioning_again_changes_nothing(store: Store):
    with store.write(SYSTEM) as txn:
        before = txn.collections.of(principal(txn, "ann"))
        txn.directory.provision(principal(txn, "ann"))
        assert txn.collections.of(principal(txn, "ann")) == before


def test_a_new_collection_has_what_was_asked_for(store: Store, clock: Clock):
    props = CollectionProps("Büro", ("VEVENT", "VTODO"), TOKYO, transparent=True, dead={"{x}color": "<c/>"})
    with store.write(SYSTEM) as txn:
        made = txn.collections.create(principal(txn, "ann"), "büro", CollectionKind.CALENDAR, props)
    with store.read() as txn:
        found = txn.collections.get("ann", "büro")
        assert found == made == txn.collections.by_id(made.id)
        assert txn.collections.dead_properties("/ann/büro/") == {"{x}color": "<c/>"}
    assert found.path == "/ann/büro/"
    assert (found.display_name, found.components, found.timezone) == ("Büro", ("VEVENT", "VTODO"), TOKYO)
    assert found.transparent
    assert found.created == found.modified == clock.now.replace(microsecond=0)


def test_a_taken_name_is_refused(store: Store):
    with store.write(SYSTEM) as txn, pytest.raises(AlreadyExists):
        txn.collections.create(principal(txn, "ann"), "calendar", CollectionKind.CALENDAR, CollectionProps())


def test_collections_of_some_kinds(store: Store):
    with store.read() as txn:
        ann = principal(txn, "ann")
        kinds = CollectionKind.INBOX, CollectionKind.OUTBOX
        assert [c.name for c in txn.collections.of(ann)] == ["calendar", "inbox", "outbox", "tasks"]
        assert [c.name for c in txn.collections.of(ann, *kinds)] == ["inbox", "outbox"]
        assert txn.collections.get("ann", "nothing") is None
        assert txn.collections.get("nobody", "calendar") is None
        assert txn.collections.by_id(10**6) is None


def test_an_update_is_a_change(store: Store, clock: Clock):
    with store.read() as txn:
        before = calendar(txn)
    clock.forward(hours=1)
    with store.write(SYSTEM) as txn:
        wanted = replace(before, display_name=None, components=("VEVENT", "VTODO"), transparent=True)
        txn.collections.update(wanted)
    with store.read() as txn:
        after = calendar(txn)
    assert after == replace(wanted, revision=before.revision + 1, modified=after.modified)
    assert after.modified > before.modified


def test_an_update_of_nothing_is_refused(store: Store):
    with store.write(SYSTEM) as txn, pytest.raises(NotFound):
        txn.collections.update(replace(calendar(txn), id=10**6))


def test_the_zone_is_the_calendars_or_its_owners(store: Store):
    with store.write(SYSTEM) as txn:
        assert txn.collections.zone(calendar(txn)) == ZoneInfo("Europe/Paris")
        assert txn.collections.zone(calendar(txn, "bob")) == ZoneInfo("America/New_York")
        for text, zone in ((TOKYO, "Asia/Tokyo"), ("nonsense", "Europe/Paris")):
            txn.collections.update(replace(calendar(txn), timezone=text))
            assert txn.collections.zone(calendar(txn)) == ZoneInfo(zone)


def test_touching_counts_once_in_a_transaction(store: Store):
    with store.write(SYSTEM) as txn:
        found = calendar(txn)
        assert txn.collections.touch(found.id) == txn.collections.touch(found.id) == found.revision + 1
    with store.write(SYSTEM) as txn:
        assert txn.collections.touch(found.id) == found.revision + 2


def test_a_deleted_collection_takes_everything_along(store: Store):
    with store.write(SYSTEM) as txn:
        found = calendar(txn)
        stored = txn.objects.put_raw(found, "a", b"a", "text/plain", "a")
        txn.collections.set_dead_property("/ann/calendar/a", "{x}p", "<p/>")
        txn.collections.set_dead_property("/ann/calendar/", "{x}p", "<p/>")
        txn.collections.delete(found)
        assert txn.objects.by_id(stored.id) is None
        assert txn.collections.get("ann", "calendar") is None
        assert txn.collections.dead_properties("/ann/calendar/") == {}
        again = txn.collections.create(
            principal(txn, "ann"), "calendar", CollectionKind.CALENDAR, CollectionProps()
        )
        assert again.id > found.id
        assert txn.collections.dead_properties("/ann/calendar/") == {}
        assert txn.objects.count(again) == 0


@pytest.mark.parametrize("path", ["/ann/", "/ann/calendar/", "/ann/calendar/a b/c.ics"])
def test_dead_properties_of_each_kind_of_resource(store: Store, path: str):
    with store.write(SYSTEM) as txn:
        txn.objects.put_raw(calendar(txn), "a b/c.ics", b"a", "text/plain", "a")
        assert txn.collections.dead_properties(path) == {}
        txn.collections.set_dead_property(path, "{x}p", "<p xmlns='x'>1</p>")
        txn.collections.set_dead_property(path, "{x}q", "<q/>")
        txn.collections.set_dead_property(path, "{x}p", "<p xmlns='x'>2</p>")
        assert txn.collections.dead_properties(path) == {"{x}p": "<p xmlns='x'>2</p>", "{x}q": "<q/>"}
    with store.write(SYSTEM) as txn:
        txn.collections.set_dead_property(path, "{x}q", None)
        txn.collections.set_dead_property(path, "{x}never", None)
    with store.read() as txn:
        assert txn.collections.dead_properties(path) == {"{x}p": "<p xmlns='x'>2</p>"}


@pytest.mark.parametrize("path", ["/nobody/", "/ann/nothing/", "/ann/calendar/nothing", "/ann/nothing/a"])
def test_what_is_not_there_has_no_properties(store: Store, path: str):
    with store.write(SYSTEM) as txn:
        assert txn.collections.dead_properties(path) == {}
        with pytest.raises(NotFound):
            txn.collections.set_dead_property(path, "{x}p", "<p/>")


def test_dead_properties_move_and_go_with_their_object(store: Store):
    with store.write(SYSTEM) as txn:
        stored = txn.objects.put_raw(calendar(txn), "a", b"a", "text/plain", "a")
        txn.collections.set_dead_property(stored.path, "{x}p", "<p/>")
        moved = txn.objects.move(stored, calendar(txn, "bob"), "b")
        assert txn.collections.dead_properties("/ann/calendar/a") == {}
        assert txn.collections.dead_properties("/bob/calendar/b") == {"{x}p": "<p/>"}
        found = txn.collections.object_properties(calendar(txn, "bob"))
        assert {key: dict(value) for key, value in found.items()} == {stored.id: {"{x}p": "<p/>"}}
        txn.objects.put_raw(calendar(txn, "bob"), "b", b"other", "text/plain", "a")
        assert txn.collections.dead_properties("/bob/calendar/b") == {"{x}p": "<p/>"}
        txn.objects.delete(moved)
        txn.objects.put_raw(calendar(txn, "bob"), "b", b"new", "text/plain", "a")
        assert txn.collections.dead_properties("/bob/calendar/b") == {}
