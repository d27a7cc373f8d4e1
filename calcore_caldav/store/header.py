# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of an object without its body, and the value that it becomes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, select

from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.core.times import from_epoch
from calcore_caldav.store.protocol import StoredObject
from calcore_caldav.store.schema import collections, objects, principals
from calcore_caldav.store.sql import Row

HEADER: Final = (
    objects.c.id,
    objects.c.collection_id,
    objects.c.name,
    objects.c.uid,
    objects.c.component,
    objects.c.etag,
    objects.c.schedule_tag,
    objects.c.organizer,
    objects.c.size,
    objects.c.content_type,
    objects.c.revision,
    objects.c.created,
    objects.c.modified,
)
"""What is selected, in the order that `stored_in` reads."""
IN_COLLECTION: Final = objects.c.collection_id == bindparam("collection_id_")
"""Of one collection, the parameter `collection_id_`."""
PLACED: Final = (
    select(*HEADER, principals.c.name.label("owner"), collections.c.name.label("collection"))
    .select_from(objects)
    .join(collections, collections.c.id == objects.c.collection_id)
    .join(principals, principals.c.id == collections.c.principal_id)
)
"""HEADER with the owner's and the collection's names, which `placed` reads."""

instant = lru_cache(maxsize=16384)(from_epoch)
"""The instant of epoch seconds: rows repeat few of them often."""


def stored_in(path: str, row: Row) -> StoredObject:
    """The object of a HEADER row in the collection at `path`."""
    return StoredObject(
        row[0],
        row[1],
        path + row[2],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        None if row[7] is None else CalendarUserAddress(row[7]),
        row[8],
        row[9],
        row[10],
        instant(row[11]),
        instant(row[12]),
    )


def placed(row: Row) -> StoredObject:
    """The object of a HEADER row that ends with its owner's and its collection's names."""
    return stored_in(f"/{row[13]}/{row[14]}/", row)
