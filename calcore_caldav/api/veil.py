# SPDX-License-Identifier: GPL-3.0-or-later
"""Events as the caller may see them: who only reads sees of private ones the time."""

from __future__ import annotations

from typing import Final

from calcore_caldav.api.places import Place
from calcore_caldav.api.types import Json
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component
from calcore_caldav.core.privacy import is_private
from calcore_caldav.scheduling.access import tag_of
from calcore_caldav.store.protocol import StoredObject

_UNVEILED: Final = (
    "kind", "etag", "id", "status", "start", "end", "recurringEventId", "originalStartTime", "recurrence",
    "transparency", "eventType",
)  # fmt: skip


def seen(
    event: Json, stored: StoredObject, obj: CalendarObject, component: Component | None, place: Place
) -> Json:
    """An event's JSON for the caller; `component` None: it says its identity only."""
    if place.private:
        return event
    if hidden(obj, component, place):
        event = {key: event[key] for key in _UNVEILED if key in event} | {"visibility": "private"}
    return event | {"etag": tag_of(stored, place.collection, place.held)}


def hidden(obj: CalendarObject, component: Component | None, place: Place) -> bool:
    """Whether the caller may not know what is in a component."""
    return component is not None and not place.private and is_private(component, obj.master)
