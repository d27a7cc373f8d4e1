# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CANCEL means to invitations that come after it, which it may have overtaken (RFC 5546 §2.1.5)."""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.merge import apply_cancel
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.revision import last_seen, older, revision
from calcore_caldav.core.significance import exdates, without_exdates


def without_ended(invitation: CalendarObject, cancellation: CalendarObject) -> CalendarObject:
    """An invitation in which what a later CANCEL of the same organizer ended is marked so."""
    said = invitation.by_rid()
    later = tuple(
        theirs
        for rid, theirs in cancellation.by_rid().items()
        if (mine := said.get(rid, invitation.master)) is not None and older(revision(mine), revision(theirs))
    )
    if not later:
        return invitation
    return apply_cancel(invitation, cancellation.with_components(later)).stored or invitation


def still_added(addition: CalendarObject, cancellation: CalendarObject) -> CalendarObject | None:
    """What of an ADD a later CANCEL of the same organizer leaves; None: nothing."""
    said = cancellation.by_rid()
    kept = tuple(
        added
        for added in addition.components
        if (start := added.get("DTSTART")) is None
        or (ended := said.get(RecurrenceId.of(addition.zones.value(start)), cancellation.master)) is None
        or not older(revision(added), revision(ended))
    )
    return addition.with_components(kept) if kept else None


def with_dates_back(
    copy: CalendarObject, invitation: CalendarObject, cancellation: CalendarObject
) -> CalendarObject:
    """The receiver's copy as it takes a series of the same organizer that has dates again.

    A date that went with a CANCEL, or was deleted after it, was not declined: news of the series bring it back.
    """
    mine, theirs = copy.master, invitation.master
    if mine is None or theirs is None:
        return copy
    back = {
        rid
        for rid, ended in cancellation.overrides.items()
        if not older(revision(ended), last_seen(mine)) and older(revision(ended), revision(theirs))
    } & exdates(copy)
    if not back:
        return copy
    master = without_exdates(mine, back, copy.zones)
    return copy.with_components(tuple(master if c is mine else c for c in copy.components))
