# SPDX-License-Identifier: GPL-3.0-or-later
"""What a room's copy of a meeting shows to those who look at the room: its subject, body, attachments. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, escape_text
from calcore_caldav.core.privacy import is_private
from calcore_caldav.scheduling.policy import BookingPolicy, Keep, Private, Subject

_BODY: Final = frozenset({"DESCRIPTION", "X-ALT-DESC", "COMMENT", "CONTACT", "URL", "CONFERENCE"})
_ATTACHED: Final = frozenset({"ATTACH", "IMAGE"})


def discreet(
    copy: CalendarObject,
    policy: BookingPolicy,
    organizer_name: Callable[[], str],
    busy: str,
    series: Component | None = None,
) -> CalendarObject:
    """The copy as its policy lets the room's readers see it (subject, body, attachments, private events).

    `series`: of what messages about single dates of it don't say.
    """
    series = copy.master or series
    components = tuple(_discreet(c, series, policy, organizer_name, busy) for c in copy.components)
    return copy if components == copy.components else copy.with_components(components)


def _discreet(
    component: Component,
    series: Component | None,
    policy: BookingPolicy,
    organizer_name: Callable[[], str],
    busy: str,
) -> Component:
    private = policy.private is Private.MASK and is_private(component, series)
    subject = Subject.BUSY if private else policy.subject
    if subject is not Subject.KEEP:
        title = busy if subject is Subject.BUSY else organizer_name()
        component = component.set("SUMMARY", escape_text(title))
    dropped: set[str] = set()
    if private or policy.body is Keep.STRIP:
        dropped |= _BODY
    if private or policy.attachments is Keep.STRIP:
        dropped |= _ATTACHED
    if private:
        dropped |= {"CATEGORIES", "RESOURCES", "GEO"}
    present = dropped & {p.name for p in component.properties}
    return component.without(*present) if present else component
