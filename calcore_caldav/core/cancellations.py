# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CANCEL means to invitations that come after it, which it may have overtaken (RFC 5546 §2.1.5)."""

from __future__ import annotations

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.merge import apply_cancel, ended
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.revision import last_seen, older, revision
from calcore_caldav.core.series import is_ranged
from calcore_caldav.core.significance import exdates, without_exdates


def without_ended(invitation: CalendarObject, cancellation: CalendarObject) -> CalendarObject:
    """An invitation in which what a later CANCEL of the same organizer ended is marked so."""
    said = invitation.by_rid()
    found = {rid: _after(mine, cancellation, rid) for rid, mine in said.items()}
    made = invitation
    if any(found[rid] is not mine for rid, mine in said.items()):
        made = invitation.with_components(tuple(found.values()))
    others = tuple(
        theirs
        for rid, theirs in cancellation.overrides.items()
        if (rid not in said or is_ranged(theirs))
        and invitation.master is not None
        and older(revision(invitation.master), revision(theirs))
    )
    if not others:
        return made
    return apply_cancel(made, cancellation.with_components(others)).stored or made


def _after(mine: Component, cancellation: CalendarObject, rid: RecurrenceId | None) -> Component:
    """One component of an invitation, marked where the CANCEL names it or ends everything, later."""
    theirs = cancellation.by_rid().get(rid, cancellation.master)
    return ended(mine, theirs) if theirs is not None and older(revision(mine), revision(theirs)) else mine


def still_added(addition: CalendarObject, cancellation: CalendarObject) -> CalendarObject | None:
    """What of an ADD a later CANCEL of the same organizer leaves; None: nothing."""
    said = cancellation.by_rid()
    kept = tuple(
        added
        for added in addition.components
        if (start := added.get("DTSTART")) is None
        or (over := said.get(RecurrenceId.of(addition.zones.value(start)), cancellation.master)) is None
        or not older(revision(added), revision(over))
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
        for rid, over in cancellation.overrides.items()
        if not older(revision(over), last_seen(mine)) and older(revision(over), revision(theirs))
    } & exdates(copy)
    if not back:
        return copy
    master = without_exdates(mine, back, copy.zones)
    return copy.with_components(tuple(master if c is mine else c for c in copy.components))
