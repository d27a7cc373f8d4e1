# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync history: from every token that is still valid, a client comes to what is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import Clock, calendar, principal, undone

from calcore_caldav.errors import InvalidSyncToken
from calcore_caldav.store import history
from calcore_caldav.store.protocol import (
    SYSTEM,
    Change,
    CollectionKind,
    CollectionProps,
    Store,
    SyncToken,
    Transaction,
)

NAMES = "abcd"
OPERATIONS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(("put", "delete", "move")), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        min_size=1,
        max_size=3,
    ),
    max_size=8,
)


def change(txn: Transaction, verb: str, name: str, other: str, serial: int) -> None:
    here = calendar(txn)
    found = txn.objects.get(here, name)
    if verb == "put":
        txn.objects.put_raw(here, name, b"%d" % serial, "text/plain", "")
    elif found and verb == "delete":
        txn.objects.delete(found)
    elif found and verb == "move" and txn.objects.get(here, other) is None:
        txn.objects.move(found, here, other)


def listing(txn: Transaction) -> dict[str, str]:
    return {stored.name: stored.etag for stored in txn.objects.all(calendar(txn))}


def replayed(txn: Transaction, known: dict[str, str], revision: int) -> dict[str, str]:
    after = dict(known)
    for name, stored, _ in txn.objects.changes_since(calendar(txn), revision):
        if stored is None:
            after.pop(name, None)
        else:
            after[name] = stored.etag
    return after


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_every_token_leads_to_the_same_listing(batches: Sequence[Sequence[tuple[str, str, str]]]):
    with undone() as txn:
        tokens: list[tuple[int, dict[str, str]]] = [(0, {}), (calendar(txn).revision, listing(txn))]
        serial = 0
        for batch in batches:
            # As in a transaction of its own: the revision grows once.
            txn._session.revisions.clear()  # type: ignore[attr-defined]
            for verb, name, other in batch:
                serial += 1
                change(txn, verb, name, other, serial)
            tokens.append((calendar(txn).revision, listing(txn)))
        final = listing(txn)
        for revision, known in tokens:
            assert replayed(txn, known, revision) == final
            changes = txn.objects.changes_since(calendar(txn), revision)
            assert [c.revision for c in changes] == sorted(c.revision for c in changes)
            assert len({c.name for c in changes}) == len(changes)
            assert all(c.revision > revision for c in changes)
            for limit in (1, 3):
                assert in_parts(txn, revision, limit) == changes


def in_parts(txn: Transaction, revision: int, limit: int) -> list[Change]:
    """The changes since a revision, put together from parts."""
    found: list[Change] = []
    after = (-1, "")
    while part := txn.objects.changes_since(calendar(txn), revision, after=after, limit=limit):
        assert len(part) <= limit
        found += part
        after = (part[-1].revision, part[-1].name)
    return found


def test_a_part_of_the_changes_costs_a_part(store: Store, monkeypatch):
    """However many there are: a large calendar is read in parts by clients that ask so."""
    with store.write(SYSTEM) as txn:
        for number in range(30):
            change(txn, "put", str(number), "", number)
        made: list[str] = []
        stored_in = history.stored_in
        monkeypatch.setattr(
            history, "stored_in", lambda path, row: made.append(row[2]) or stored_in(path, row)
        )
        assert len(in_parts(txn, 0, 5)) == 30
        assert len(made) == 30


def test_nothing_new_is_nothing(store: Store):
    with store.write(SYSTEM) as txn:
        change(txn, "put", "a", "", 1)
        assert txn.objects.changes_since(calendar(txn), calendar(txn).revision) == []


def test_a_first_sync_tells_of_no_removals(store: Store):
    with store.write(SYSTEM) as txn:
        change(txn, "put", "a", "", 1)
        change(txn, "put", "b", "", 2)
        change(txn, "delete", "a", "", 3)
        assert [c.name for c in txn.objects.changes_since(calendar(txn), 0)] == ["b"]


def test_a_revision_that_is_still_to_come_is_refused(store: Store):
    with store.read() as txn, pytest.raises(InvalidSyncToken):
        txn.objects.changes_since(calendar(txn), calendar(txn).revision + 1)


def test_a_deleted_collections_tokens_are_refused(store: Store):
    with store.write(SYSTEM) as txn:
        old = calendar(txn)
        txn.collections.delete(old)
        with pytest.raises(InvalidSyncToken):
            txn.objects.changes_since(old, old.revision)
        new = txn.collections.create(
            principal(txn, "ann"), "calendar", CollectionKind.CALENDAR, CollectionProps()
        )
        tokens = [SyncToken(txn.sync_epoch, c.id, c.revision) for c in (old, new)]
        assert str(tokens[0]) != str(tokens[1])


def test_pruned_history_makes_older_tokens_invalid(store: Store, clock: Clock):
    revisions = []
    for number, verb in enumerate(("put", "delete", "put", "delete", "put")):
        with store.write(SYSTEM) as txn:
            change(txn, verb, f"{number // 2}", "", number)
            revisions.append(calendar(txn).revision)
        clock.forward(days=1)
    with store.write(SYSTEM) as txn:
        gone = txn.objects.removed(calendar(txn))
        assert [removal.name for removal in gone] == ["0", "1"]
        assert gone[1].at - gone[0].at == timedelta(days=2)
        assert not txn.objects.forgetful(calendar(txn))
        assert txn.objects.prune_tombstones(txn.now - timedelta(days=3)) == 1
        assert txn.objects.prune_tombstones(txn.now - timedelta(days=3)) == 0
    with store.read() as txn:
        here = calendar(txn)
        with pytest.raises(InvalidSyncToken):
            txn.objects.changes_since(here, revisions[0])
        assert [c.name for c in txn.objects.changes_since(here, revisions[1])] == ["1", "2"]
        assert [c.name for c in txn.objects.changes_since(here, 0)] == ["2"]
        assert txn.objects.removed(here) == txn.objects.removed(here, "1") == gone[1:]
        assert txn.objects.removed(here, "0") == txn.objects.removed(here, "2") == []
        assert txn.objects.forgetful(here)


def test_two_databases_have_two_epochs(store: Store, file_store: Store):
    with store.read() as one, file_store.read() as other:
        assert one.sync_epoch != other.sync_epoch
        assert one.sync_epoch
