# SPDX-License-Identifier: GPL-3.0-or-later
"""What events.list asks for: its window, its filters, and whether an event fits them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from calcore_caldav.api.fields import OWN, PREFIX
from calcore_caldav.api.moments import parse_instant
from calcore_caldav.api.problems import ApiProblem, invalid
from calcore_caldav.core.content import Component
from calcore_caldav.core.times import TimeRange

_SEARCHED: Final = ("SUMMARY", "DESCRIPTION", "LOCATION")
_CONTRADICT_SYNC: Final = (
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax",
    "updatedMin",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """What events.list asks for."""

    window: TimeRange
    single: bool
    deleted: bool
    order: str | None
    words: tuple[str, ...]
    uid: str | None
    updated_min: datetime | None
    private: tuple[str, ...]
    shared: tuple[str, ...]
    types: frozenset[str]
    since: int | None = None
    """Revision of the sync token; None: not an incremental listing."""

    @property
    def by_start(self) -> bool:
        """Whether instances can be given in the order in which they happen, a page at a time."""
        return not self.deleted and self.updated_min is None and self.order != "updated"

    @property
    def filtered(self) -> bool:
        """Whether each event has to be looked into."""
        return bool(self.words or self.private or self.shared or self.types)

    def fits(self, component: Component) -> bool:
        """Whether the event has the words and properties that are searched for."""
        if self.types and _event_type(component) not in self.types:
            return False
        if self.words:
            texts = [component.text(name) or "" for name in _SEARCHED]
            for prop in component.properties:
                if prop.name in {"ATTENDEE", "ORGANIZER"}:
                    texts += [prop.value, prop.param("CN") or ""]
            text = "\n".join(texts).casefold()
            if not all(word in text for word in self.words):
                return False
        # Several of one kind: any of them for one name, all names.
        return _has(component, OWN + "PROPERTY", self.private) and _has(
            component, PREFIX + "PROPERTY", self.shared
        )


def query_of(parameters: Mapping[str, Any], *, details: bool) -> Query:
    """The query of the parameters. Raises ApiProblem for those that contradict each other."""
    window = window_of(parameters)
    single = bool(parameters.get("singleEvents")) or not details
    order = parameters.get("orderBy")
    if order == "startTime" and not single:
        raise ApiProblem(
            400,
            "badRequest",
            "The requested ordering is not available for the particular query.",
            location="orderBy",
        )
    if "syncToken" in parameters:
        for name in _CONTRADICT_SYNC:
            if name in parameters:
                raise ApiProblem(400, "badRequest", f"Sync token cannot be used with {name}.", location=name)
    updated = parameters.get("updatedMin")
    for name in ("privateExtendedProperty", "sharedExtendedProperty"):
        if any("=" not in pair for pair in parameters.get(name, ())):
            raise invalid(name, f"{name} is given as name=value")
    return Query(
        window=window,
        single=single,
        deleted=bool(parameters.get("showDeleted")),
        order=order,
        words=tuple((parameters.get("q") or "").casefold().split()) if details else (),
        uid=parameters.get("iCalUID"),
        # The store knows the second of a change.
        updated_min=None if updated is None else parse_instant(updated, "updatedMin").replace(microsecond=0),
        private=tuple(parameters.get("privateExtendedProperty", ())) if details else (),
        shared=tuple(parameters.get("sharedExtendedProperty", ())) if details else (),
        types=frozenset(parameters.get("eventTypes", ())) if details else frozenset(),
    )


def window_of(parameters: Mapping[str, Any]) -> TimeRange:
    """TimeMin and timeMax. Raises ApiProblem (400 timeRangeEmpty) where nothing lies between them."""
    start, end = (
        None if parameters.get(name) is None else parse_instant(parameters[name], name)
        for name in ("timeMin", "timeMax")
    )
    if start is not None and end is not None and start >= end:
        raise ApiProblem(400, "timeRangeEmpty", "The specified time range is empty.", location="timeMax")
    return TimeRange(start, end)


def _has(component: Component, prop_name: str, wanted: Iterable[str]) -> bool:
    pairs = [tuple(pair.split("=", 1)) for pair in wanted]
    if not pairs:
        return True
    there = {(prop.param("X-KEY") or "", prop.text) for prop in component.all(prop_name)}
    return all(pair in there for pair in pairs)


def _event_type(component: Component) -> str:
    text = component.text(PREFIX + "EVENT-TYPE")
    return text.strip('"') if text else "default"
