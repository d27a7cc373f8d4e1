# SPDX-License-Identifier: GPL-3.0-or-later
"""WebDAV's If header: states that resources must have, or must not (RFC 4918 §10.4, RFC 6578 §5)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.props_dav import collection_etag
from calcore_caldav.dav.resources import (
    CollectionResource,
    ObjectResource,
    locate,
    require_read,
    sync_token,
)
from calcore_caldav.dav.shown import etag_of
from calcore_caldav.errors import InvalidRequest, NotFound, NotPermitted, PreconditionFailed

_PART: Final = re.compile(
    r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<negation>not)\b|<(?P<uri>[^<>\s]+)>|\[(?P<tag>(?:W/)?"[^"]*")\])',
    re.IGNORECASE,
)


class Condition(NamedTuple):
    """One state: an entity tag with its quotes, or the URI of a state token."""

    state: str
    negated: bool


class StateList(NamedTuple):
    """Conditions that hold together for one resource."""

    resource: str | None
    """Its URL; None is the request's."""
    conditions: tuple[Condition, ...]


def parse_if(value: str) -> list[StateList]:
    """The lists of an If header, one of which has to hold. Raises InvalidRequest."""
    lists: list[StateList] = []
    resource: str | None = None
    conditions: list[Condition] | None = None
    negated = False
    value, at = value.strip(), 0
    while at < len(value):
        part = _PART.match(value, at)
        if part is None:
            raise _malformed()
        at = part.end()
        match part.lastgroup, conditions:
            case "open", None:
                conditions = []
            case "close", [*found] if found and not negated:
                lists.append(StateList(resource, tuple(found)))
                conditions = None
            case "negation", [*_] if not negated:
                negated = True
            case "uri", None:
                resource = part["uri"]
            case "uri" | "tag" as kind, [*_]:
                assert conditions is not None
                conditions.append(Condition(part[kind], negated))
                negated = False
            case _:
                raise _malformed()
    if not value.endswith(")"):
        raise _malformed()
    return lists


def check_states(request: DavRequest) -> None:
    """Raise PreconditionFailed where no list of the If header holds, InvalidRequest where it can't be read.

    There are no locks here: no lock token is ever the state of a resource.
    """
    value = request.header("if")
    if value is None:
        return
    known: dict[str | None, frozenset[str]] = {}
    for resource, conditions in parse_if(value):
        if resource not in known:
            known[resource] = _states(request, resource)
        if all((state in known[resource]) is not negated for state, negated in conditions):
            return
    raise PreconditionFailed("If")


def _states(request: DavRequest, url: str | None) -> frozenset[str]:
    """What the actor may read of a resource's state: its entity tag, and a collection's sync token."""
    path = request.path if url is None else request.path_of(url)
    if path is None:
        return frozenset()
    try:
        resource = locate(request, path)
        require_read(request, resource)
    except (NotFound, NotPermitted, InvalidRequest):
        return frozenset()
    match resource:
        case ObjectResource():
            return frozenset({etag_of(request, resource)})
        case CollectionResource(_, collection):
            return frozenset({collection_etag(resource), str(sync_token(request, collection))})
    return frozenset()


def _malformed() -> InvalidRequest:
    return InvalidRequest("the If header is malformed")
