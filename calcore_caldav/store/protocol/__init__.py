# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rest of the program knows of the database: values and the protocols of a transaction.

The only part of this room that the rules and the doors import. Every instant is an aware UTC `datetime`,
every range half-open.
"""

from calcore_caldav.store.protocol.actor import NOBODY, SYSTEM, Actor
from calcore_caldav.store.protocol.directory import Directory
from calcore_caldav.store.protocol.rows import (
    BookingRows,
    CancellationRows,
    CollectionRows,
    InstanceRows,
    JobRows,
    ObjectRows,
)
from calcore_caldav.store.protocol.sync_token import SyncToken
from calcore_caldav.store.protocol.transaction import Clock, Store, Transaction
from calcore_caldav.store.protocol.values import (
    Booking,
    Change,
    Collection,
    CollectionKind,
    CollectionProps,
    Grant,
    InstanceRow,
    Job,
    Removal,
    StoredObject,
    Token,
)

__all__ = [
    "NOBODY",
    "SYSTEM",
    "Actor",
    "Booking",
    "BookingRows",
    "CancellationRows",
    "Change",
    "Clock",
    "Collection",
    "CollectionKind",
    "CollectionProps",
    "CollectionRows",
    "Directory",
    "Grant",
    "InstanceRow",
    "InstanceRows",
    "Job",
    "JobRows",
    "ObjectRows",
    "Removal",
    "Store",
    "StoredObject",
    "SyncToken",
    "Token",
    "Transaction",
]
