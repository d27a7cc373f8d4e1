# SPDX-License-Identifier: GPL-3.0-or-later
"""A meeting that takes place again after it was called off (RFC 5546 §2.1.4, §3.2.2.4)."""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.significance import called_off, highest_sequence
from calcore_caldav.store.protocol import Transaction


def reopened(txn: Transaction, new: CalendarObject) -> CalendarObject:
    """`new` with a SEQUENCE above that of the cancelled copies which people still have (RFC 5546 §2.1.4).

    Their clients, and people elsewhere, would take it for something older than the cancellation otherwise.
    """
    copies = (txn.objects.parsed(stored) for stored in txn.objects.in_all_homes_by_uid(new.uid))
    number = max((highest_sequence(c) + 1 for c in copies if called_off(c)), default=0)
    if highest_sequence(new) >= number:
        return new
    return new.with_components(tuple(c.set("SEQUENCE", str(number)) for c in new.components))
