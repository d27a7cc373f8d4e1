# SPDX-License-Identifier: GPL-3.0-or-later
"""Event ids, instance ids and calendar ids.

An event's id is its resource's name: `abc12.ics` is `abc12` where that is an id by Google's rules (5 to 1024
characters of base32hex, RFC 4648 §7, in lower case); every other name is written in that alphabet behind a
prefix. So the id of an event that is gone can still be told, and CalDAV and JSON name the same thing.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Final, NamedTuple

from calcore_caldav.core.content import escape_text
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.errors import InvalidCalendarData
from calcore_caldav.store.protocol import Collection, StoredObject, Transaction

ENCODED: Final = "ical0"
"""What ids of names start with that are no ids themselves."""
PRIMARY: Final = "primary"

_ID: Final = re.compile(r"[a-v0-9]{5,1024}")
_SUFFIX: Final = ".ics"
_INSTANCE: Final = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z?)?)")
_LONGEST_NAME: Final = 250


class EventId(NamedTuple):
    """What an `eventId` of a request says."""

    name: str
    """Name of the resource in its calendar."""
    rid: RecurrenceId | None
    """The instance; None: the whole event."""


def is_client_id(text: str) -> bool:
    """Whether a client may choose this id for a new event."""
    return _ID.fullmatch(text) is not None and not text.startswith(ENCODED) and len(text) <= _LONGEST_NAME


def new_id() -> str:
    """A random id of 26 characters, 128 bits."""
    return base32hex(secrets.token_bytes(16))


def base32hex(data: bytes) -> str:
    """`data` in Google's alphabet, without padding."""
    return base64.b32hexencode(data).decode().rstrip("=").lower()


def event_id(name: str) -> str:
    """The id of the resource called `name`."""
    stem = name.removesuffix(_SUFFIX)
    if stem != name and is_client_id(stem):
        return stem
    return ENCODED + base32hex(name.encode())


def resource_name(id_: str) -> str | None:
    """The name of the resource with that id; None where no resource can have it."""
    if is_client_id(id_):
        return id_ + _SUFFIX
    if not id_.startswith(ENCODED):
        return None
    digits = id_[len(ENCODED) :].upper()
    try:
        name = base64.b32hexdecode(digits + "=" * (-len(digits) % 8)).decode()
    except (binascii.Error, ValueError):
        return None
    return name if event_id(name) == id_ else None


def find_by_uid(txn: Transaction, collection: Collection, text: str) -> StoredObject | None:
    """The event of an iCalUID: its UID is that text escaped, or not, where a client forgot to (RFC 5545 §3.3.11)."""
    found = txn.objects.by_uid(collection, escape_text(text))
    return found or txn.objects.by_uid(collection, text)


def instance_id(id_: str, rid: RecurrenceId) -> str:
    """`ID_YYYYMMDDThhmmssZ` or `ID_YYYYMMDD`, by the instance's original start (floating: without the Z)."""
    return f"{id_}_{rid.to_basic()}"


def parse_event_id(text: str) -> EventId | None:
    """What an event or instance id means; None where it is neither."""
    rid: RecurrenceId | None = None
    match = _INSTANCE.fullmatch(text)
    if match is not None:
        text = match.group(1)
        try:
            rid = RecurrenceId.parse(match.group(2))
        except InvalidCalendarData:
            return None
    name = resource_name(text)
    return None if name is None else EventId(name, rid)
