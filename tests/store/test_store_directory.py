# SPDX-License-Identifier: GPL-3.0-or-later
"""Principals, addresses, groups, grants, passwords, tokens."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from store_world import Clock, calendar, person, principal

from calcore_caldav.core.principals import (
    CalendarUserAddress,
    CalendarUserType,
    Location,
    Principal,
    Privilege,
)
from calcore_caldav.errors import DirectoryError, NotFound
from calcore_caldav.store.protocol import SYSTEM, Grant, Store

A = CalendarUserAddress.parse


def test_everything_of_a_principal_is_kept(store: Store):
    wanted = Principal(
        id=0,
        name="salon",
        kind=CalendarUserType.ROOM,
        display_name="Grand Salon é",
        addresses=(A("Salon@Example.com"), A("mailto:big@example.com")),
        timezone="Europe/Rome",
        language="fr",
        admin=True,
        hidden=True,
        location=Location("Main", "2", ("projector", "wheelchair")),
        booking={"mode": "automatic", "capacity": 8, "nested": {"a": [1]}},
        default_calendar="work",
    )
    with store.write(SYSTEM) as txn:
        saved = txn.directory.save(wanted)
        assert txn.directory.by_name("salon") == saved
    assert saved == replace(wanted, id=saved.id, uuid=saved.uuid)
    assert saved.id > 0
    assert saved.uuid
    with store.read() as txn:
        for found in (
            txn.directory.by_name("salon"),
            txn.directory.by_id(saved.id),
            *(txn.directory.by_address(address) for address in saved.own_addresses),
        ):
            assert found == saved
        assert saved.booking == found.booking
        assert saved in txn.directory.all()


def test_nobody_is_none(store: Store):
    with store.read() as txn:
        assert txn.directory.by_name("nobody") is None
        assert txn.directory.by_id(10**6) is None
        for address in ("mailto:nobody@example.com", "/nobody/", "urn:uuid:1", "tel:1"):
            assert txn.directory.by_address(A(address)) is None


def test_saving_again_updates(store: Store):
    with store.write(SYSTEM) as txn:
        old = principal(txn, "ann")
        saved = txn.directory.save(
            replace(old, id=0, uuid="", display_name="Anna", addresses=(A("a@x.org"),))
        )
        assert (saved.id, saved.uuid) == (old.id, old.uuid)
        assert txn.directory.by_address(old.address) is None
        assert txn.directory.by_address(A("a@x.org")) == saved == principal(txn, "ann")
    with store.read() as txn:
        assert txn.directory.by_address(A("a@x.org")) == saved


def test_what_is_somebody_elses_is_refused_all_at_once(store: Store):
    with store.write(SYSTEM) as txn:
        bob = principal(txn, "bob")
        wanted = replace(
            person("carol"), uuid=bob.uuid, addresses=(A("carol@x.org"), A("ann@example.com"), bob.address)
        )
        with pytest.raises(DirectoryError) as caught:
            txn.directory.save(wanted)
        assert len(caught.value.problems) == 3
        assert txn.directory.by_name("carol") is None
        with pytest.raises(DirectoryError):
            txn.directory.save(replace(person("ann"), id=bob.id))


@pytest.mark.parametrize("name", ["", "calendar", "web", ".well-known", "a/b"])
def test_names_that_cannot_be(store: Store, name: str):
    with store.write(SYSTEM) as txn, pytest.raises(DirectoryError):
        txn.directory.save(person(name))


def test_everybody_by_name(store: Store):
    with store.read() as txn:
        assert [p.name for p in txn.directory.all()] == ["ann", "bob", "room1", "room2"]
        rooms = txn.directory.all(CalendarUserType.ROOM, CalendarUserType.RESOURCE)
        assert [p.name for p in rooms] == ["room1", "room2"]
        assert rooms == [principal(txn, "room1"), principal(txn, "room2")]


def test_a_deleted_principal_takes_everything_along(store: Store):
    with store.write(SYSTEM) as txn:
        ann, bob = principal(txn, "ann"), principal(txn, "bob")
        staff = txn.directory.save(person("staff", CalendarUserType.GROUP))
        txn.directory.set_members(staff, ["ann", "bob"])
        txn.directory.set_grants(ann, None, [Grant(ann.id, None, "bob", Privilege.READ)])
        token = txn.directory.add_token(bob, "phone", "d", None)
        home = txn.collections.get("bob", "calendar")
        assert home is not None
        stored = txn.objects.put_raw(home, "a", b"a", "text/plain", "a")
        txn.directory.delete(bob)
        assert txn.directory.by_name("bob") is None
        assert txn.directory.by_address(bob.address) is None
        assert txn.directory.members(staff) == [ann]
        assert txn.directory.grants(ann) == []
        assert txn.directory.token_by_digest("d") is None
        assert not txn.directory.delete_token(token.id)
        assert txn.collections.get("bob", "calendar") is None
        assert txn.objects.by_id(stored.id) is None
        with pytest.raises(NotFound):
            txn.directory.delete(bob)
        again = txn.directory.save(person("bob"))
        assert again.id > bob.id
        assert again.uuid != bob.uuid


def test_groups_nest_and_may_hold_each_other(store: Store):
    with store.write(SYSTEM) as txn:
        inner = txn.directory.save(person("inner", CalendarUserType.GROUP))
        outer = txn.directory.save(person("outer", CalendarUserType.GROUP))
        txn.directory.set_members(inner, ["bob", "room1", "outer"])
        txn.directory.set_members(outer, ["inner", "ann", "bob"])
        assert [p.name for p in txn.directory.members(outer)] == ["ann", "bob", "inner"]
        assert [p.name for p in txn.directory.expand(outer)] == ["ann", "bob", "room1"]
        assert txn.directory.expand(inner) == txn.directory.expand(outer)
        assert [g.name for g in txn.directory.groups_of(principal(txn, "ann"))] == ["inner", "outer"]
        assert txn.directory.groups_of(principal(txn, "room2")) == []
    with store.write(SYSTEM) as txn:
        txn.directory.set_members(inner, ["bob"])
        assert [g.name for g in txn.directory.groups_of(principal(txn, "ann"))] == ["outer"]
        with pytest.raises(DirectoryError, match="unknown member 'who'"):
            txn.directory.set_members(inner, ["ann", "who"])
        assert [p.name for p in txn.directory.members(inner)] == ["bob"]


def test_grants_of_homes_and_collections(store: Store):
    with store.write(SYSTEM) as txn:
        ann, here = principal(txn, "ann"), calendar(txn)
        home = [Grant(ann.id, None, "bob", Privilege.READ), Grant(ann.id, None, "DAV:all", Privilege.READ)]
        single = [Grant(ann.id, here.id, "staff", Privilege.ALL)]
        txn.directory.set_grants(ann, None, [*home, home[0]])
        txn.directory.set_grants(ann, here.id, single)
        assert txn.directory.grants(ann) == [*home, *single]
        assert txn.directory.grants_to(["staff", "bob", "nobody"]) == [home[0], *single]
        txn.directory.set_grants(ann, None, [])
        assert txn.directory.grants(ann) == single
        txn.collections.delete(here)
        assert txn.directory.grants(ann) == []


def test_passwords(store: Store):
    with store.write(SYSTEM) as txn:
        ann = principal(txn, "ann")
        assert txn.directory.password_hash(ann) is None
        txn.directory.set_password_hash(ann, "$argon2id$…")
        txn.directory.save(replace(ann, display_name="Anna"))
        assert txn.directory.password_hash(ann) == "$argon2id$…"
        txn.directory.set_password_hash(ann, None)
        assert txn.directory.password_hash(ann) is None


def test_tokens_expire(store: Store, clock: Clock):
    with store.write(SYSTEM) as txn:
        ann = principal(txn, "ann")
        soon = txn.now + timedelta(days=1)
        phone = txn.directory.add_token(ann, "phone", "d1", None)
        script = txn.directory.add_token(ann, "script", "d2", soon)
        assert txn.directory.tokens(ann) == [phone, script]
        assert txn.directory.token_by_digest("d2") == script
        assert txn.directory.token_by_digest("d3") is None
        assert txn.directory.tokens(principal(txn, "bob")) == []
    clock.forward(days=1)
    with store.write(SYSTEM) as txn:
        assert txn.directory.token_by_digest("d1") == phone
        assert txn.directory.token_by_digest("d2") is None
        assert txn.directory.delete_token(script.id)
        assert not txn.directory.delete_token(script.id)
        assert txn.directory.tokens(ann) == [phone]


def test_what_was_known_is_forgotten_when_the_directory_changes(store: Store):
    with store.read() as txn:
        assert txn.directory.by_name("carol") is None
        assert txn.directory.by_address(A("carol@example.com")) is None
    with store.write(SYSTEM) as txn:
        carol = txn.directory.save(person("carol"))
    with store.read() as txn:
        assert txn.directory.by_name("carol") == txn.directory.by_address(carol.address) == carol


def test_a_snapshot_keeps_its_directory(store: Store):
    with store.read() as reader:
        assert reader.directory.by_name("ann") is not None
        with store.write(SYSTEM) as txn:
            txn.directory.save(person("carol"))
            txn.directory.delete(principal(txn, "bob"))
        with store.read() as other:
            assert other.directory.by_name("bob") is None
        assert reader.directory.by_name("bob") is not None
        assert reader.directory.by_name("carol") is None


def test_a_rolled_back_change_is_not_remembered(store: Store):
    with pytest.raises(KeyError), store.write(SYSTEM) as txn:
        txn.directory.save(person("carol"))
        assert txn.directory.by_name("carol") is not None
        raise KeyError
    with store.read() as txn:
        assert txn.directory.by_name("carol") is None


def test_known_principals_cost_one_statement_per_transaction(store: Store):
    seen: list[str] = []

    def watch() -> None:
        for connection in store._idle:  # type: ignore[attr-defined]
            connection.set_trace_callback(seen.append)

    def ask() -> None:
        with store.read() as txn:
            ann = txn.directory.by_address(A("mailto:ann@example.com"))
            assert ann is not None
            for _ in range(10):
                txn.directory.by_name("ann")
                txn.directory.by_id(ann.id)
                txn.directory.groups_of(ann)
                txn.directory.grants(ann)

    ask()
    watch()
    ask()
    assert [text for text in seen if text.startswith("SELECT")] == [
        text for text in seen if "directory_revision" in text
    ]
    assert sum(text.startswith("SELECT") for text in seen) == 1
    assert sqlite3.sqlite_version_info >= (3, 35)
