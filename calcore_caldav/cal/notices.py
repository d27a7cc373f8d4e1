# SPDX-License-Identifier: GPL-3.0-or-later
"""Events about events: what Python code can subscribe to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from calcore_caldav.cal.attendees import Attendee
    from calcore_caldav.cal.events import Event


@dataclass(frozen=True, slots=True)
class EventNotice:
    """Something happened to an event; sent after it is stored."""

    event: Event


@dataclass(frozen=True, slots=True)
class EventCreated(EventNotice):
    """A new event is stored."""


@dataclass(frozen=True, slots=True)
class EventModified(EventNotice):
    """An attribute of an event changed, or its attendees."""


@dataclass(frozen=True, slots=True)
class EventDeleted(EventNotice):
    """An event was deleted; only its `unique_id` may still be asked for."""


@dataclass(frozen=True, slots=True)
class EventParticipationChanged(EventModified):
    """An attendee's participation status changed; None: it was not, or is no longer, invited."""

    attendee: Attendee
    old_status: str | None
    new_status: str | None


_N = TypeVar("_N", bound=EventNotice)
_subscribers: list[tuple[type[EventNotice], Callable[[EventNotice], None]]] = []


def subscribe(kind: type[_N], handler: Callable[[_N], None]) -> None:
    """Call `handler` with every notice of that class, or of a class below it, in this process."""
    _subscribers.append((kind, cast("Callable[[EventNotice], None]", handler)))


def unsubscribe(kind: type[_N], handler: Callable[[_N], None]) -> None:
    """End what `subscribe` began; ValueError where there was no such subscription."""
    _subscribers.remove((kind, cast("Callable[[EventNotice], None]", handler)))


def notify(notice: EventNotice) -> None:
    """Tell those who subscribed; what they raise comes through to the caller."""
    for kind, handler in tuple(_subscribers):
        if isinstance(notice, kind):
            handler(notice)
