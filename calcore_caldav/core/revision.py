# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two messages about the same is the newer one (RFC 5546 §2.1.5).

Messages from elsewhere may overtake each other. SEQUENCE and, where that is equal, DTSTAMP tell; of what was
taken in last both are therefore remembered: of the organizer's message at ORGANIZER in the attendee's copy,
whose DTSTAMP is the attendee's to change, and of each attendee's answer at their ATTENDEE in the organizer's.
"""

from __future__ import annotations

from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.core.significance import sequence

Revision = tuple[int, str]
"""SEQUENCE and DTSTAMP; "" where there is no DTSTAMP."""

REVISION: Final = "X-CALCORE-REVISION"
"""Parameter of ORGANIZER or ATTENDEE: the SEQUENCE and DTSTAMP of the last message of that calendar user."""


def revision(component: Component) -> Revision:
    """The revision that a component of a message is."""
    return sequence(component), (component.value("DTSTAMP") or "").strip()


def older(one: Revision, other: Revision) -> bool:
    """Whether `one` was overtaken by `other`; a missing DTSTAMP decides nothing."""
    return one[0] < other[0] or (one[0] == other[0] and stamped_before(one, other))


def stamped_before(one: Revision, other: Revision) -> bool:
    """Whether `one` was written before `other`, as far as DTSTAMP tells."""
    return "" != one[1] < other[1]


def noted(prop: Property | None) -> Revision | None:
    """The revision that was remembered at an ORGANIZER or ATTENDEE."""
    found = next((vs for name, vs in prop.params if name == REVISION), ()) if prop is not None else ()
    return (int(found[0]), found[1]) if len(found) == 2 and found[0].isdecimal() else None


def with_revision(prop: Property, seen: Revision) -> Property:
    """An ORGANIZER or ATTENDEE at which a revision is remembered."""
    return prop if noted(prop) == seen else prop.with_param(REVISION, str(seen[0]), seen[1])


def last_seen(component: Component) -> Revision:
    """The organizer's revision that a component of an attendee's copy is from."""
    return noted(component.get("ORGANIZER")) or revision(component)


def predates(theirs: Component, series: Component | None) -> bool:
    """Whether the series was sent anew after a message about one instance, which it therefore contained.

    SEQUENCE alone doesn't tell: organizers may count each instance by itself.
    """
    if series is None:
        return False
    ours, seen = revision(theirs), last_seen(series)
    return ours[0] < seen[0] and stamped_before(ours, seen)


def with_revisions(copy: CalendarObject, body: CalendarObject) -> CalendarObject:
    """An attendee's copy in which the revisions of a message are remembered, where it was taken from that."""
    said = body.by_rid()

    def remembering(rid: RecurrenceId | None, component: Component) -> Component:
        theirs, organizer = said.get(rid, body.master), component.get("ORGANIZER")
        if theirs is None or organizer is None or revision(theirs) != revision(component):
            return component
        return component.with_property(with_revision(organizer, revision(theirs)))

    return copy.with_components(tuple(remembering(rid, c) for rid, c in copy.by_rid().items()))
