# SPDX-License-Identifier: GPL-3.0-or-later
"""A request that was understood: who asks what, in which transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from calcore_caldav.api.problems import invalid
from calcore_caldav.api.schemas import Schema
from calcore_caldav.api.types import Json
from calcore_caldav.scheduling.conditions import Conditions
from calcore_caldav.scheduling.services import Services
from calcore_caldav.store.protocol import Actor, Transaction

_TAG: Final = re.compile(r'\s*(?:W/)?("[^"]*"|\*|[^",\s]+)\s*(?:,|$)')
_TRUTH: Final = {"true": True, "1": True, "": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    schema: Schema
    required: bool = False
    repeated: bool = False
    said: str = ""
    """One sentence for the OpenAPI document."""

    def parse(self, values: list[str]) -> Any:
        """The value of what the query says. Raises ApiProblem naming the parameter."""
        if self.repeated:
            return [self._one(value) for value in values]
        return self._one(values[-1])

    def _one(self, text: str) -> Any:
        kind = self.schema["type"]
        if kind == "boolean":
            if text.lower() not in _TRUTH:
                raise invalid(self.name)
            return _TRUTH[text.lower()]
        if kind == "integer":
            if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) is None or int(text) < self.schema.get(
                "minimum", 0
            ):
                raise invalid(self.name)
            return min(int(text), self.schema.get("maximum", int(text)))
        if "enum" in self.schema and text not in self.schema["enum"]:
            raise invalid(self.name)
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise invalid(self.name)
        return text


@dataclass(frozen=True)
class Call:
    """One request in its transaction."""

    services: Services
    txn: Transaction
    actor: Actor
    path: Mapping[str, str]
    """What stands in the braces of the route."""
    parameters: Mapping[str, Any]
    """Those of the query that the route knows, with their types."""
    body: Json
    headers: Mapping[str, str]
    """Lower-case names."""
    base_url: str
    """https://host/calendar/v3"""
    method: str = "GET"
    sent: frozenset[str] = field(default=frozenset())

    @cached_property
    def conditions(self) -> Conditions:
        """If-Match and If-None-Match."""
        return Conditions(
            if_match=entity_tags(self.headers.get("if-match")),
            if_none_match=entity_tags(self.headers.get("if-none-match")),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is more than 200 with JSON."""

    status: int
    body: Json | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One method of the API; the table of them is in `routes`."""

    id: str
    """As in Google's discovery document, "calendar.events.list" without "calendar."."""
    method: str
    path: str
    """Below /calendar/v3/, with {names}."""
    handle: Callable[[Call], Json | Reply | None]
    """None: 204 without a body."""
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    """Name of the body's schema."""
    answer: str | None = None
    """Name of the answer's schema in the OpenAPI document."""
    writes: bool = False
    """Whether it needs a write transaction."""
    said: str = ""


def entity_tags(header: str | None) -> tuple[str, ...] | None:
    """The tags of an If-Match or If-None-Match; None where there is none (RFC 9110 §13.1)."""
    if header is None:
        return None
    return tuple(tag if tag == "*" or tag[0] == '"' else f'"{tag}"' for tag in _TAG.findall(header))
