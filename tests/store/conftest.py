# SPDX-License-Identifier: GPL-3.0-or-later
"""A store with people and rooms in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_world import Clock, populate, url_of

from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import SYSTEM, Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    opened = open_store("sqlite://", clock=clock)
    with opened.write(SYSTEM) as txn:
        populate(txn)
    yield opened
    opened.close()


@pytest.fixture
def file_store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """On a file whose URL other processes can open: see `url_of`."""
    opened = open_store(url_of(tmp_path), clock=clock)
    with opened.write(SYSTEM) as txn:
        populate(txn)
    yield opened
    opened.close()
