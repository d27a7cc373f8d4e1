# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's filters, evaluated by index and engine instead of its own visitors."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator

from radicale import xmlutils

from calcore_caldav.core.limits import Limits
from calcore_caldav.core.matching import matches
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.query import CalendarQuery, index_hint
from calcore_caldav.dav.decode import decode_query
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.scheduling.access import shown
from calcore_caldav.store.protocol import Collection, CollectionKind, StoredObject, Transaction


def matching(
    txn: Transaction,
    row: Collection,
    filters: list[ET.Element],
    limits: Limits,
    privileges: frozenset[Privilege],
) -> Iterator[tuple[StoredObject, bool]]:
    """Objects that may match Radicale's filters, and whether they do for certain (RFC 4791 §9.7)."""
    query = _query(filters, limits) if row.kind is CollectionKind.CALENDAR else None
    if query is None:
        yield from ((stored, not filters) for stored in txn.objects.all(row))
        return
    hint = index_hint(query)
    if hint.window is not None:
        kinds = (hint.kind,) if hint.kind else ()
        found: Iterable[StoredObject] = txn.instances.objects_in_range(row, hint.window, kinds)
    else:
        found = txn.objects.all(row)
    zone = txn.collections.zone(row)
    for stored in found:
        if hint.kind and stored.component != hint.kind:
            continue
        if hint.uid is not None and not hint.uid.matches(stored.uid):
            continue
        if hint.exact or matches(shown(txn.objects.parsed(stored), row, privileges), query, zone):
            yield stored, True


def _query(filters: list[ET.Element], limits: Limits) -> CalendarQuery | None:
    """The one filter as a value; None where it cannot be meant, and Radicale may say what it thinks of it."""
    if len(filters) != 1:
        return None
    root = ET.Element(xmlutils.make_clark("C:calendar-query"))
    root.append(filters[0])
    try:
        return decode_query(root, limits)
    except InvalidRequest:
        return None
