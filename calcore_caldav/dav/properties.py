# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties: rows of tables, and the answer that lists them for any number of resources.

A getter returns the content of the property's element as an XML fragment, or None where the resource
doesn't have it. Which getters a request needs is found out once per kind of resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element

from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.resources import Kind, ObjectResource, Resource, Root
from calcore_caldav.dav.xml import D
from calcore_caldav.errors import InvalidRequest, NotPermitted
from calcore_caldav.scheduling.policy import Mode
from calcore_caldav.store.protocol import Collection

# The resource's class follows from the kinds that the row is for.
Getter = Callable[[DavRequest, Any], str | None]


@dataclass
class Draft:
    """New values of a resource's properties, collected before anything is written."""

    request: DavRequest
    kind: Kind
    path: str
    creating: bool = False
    display_name: str | None = None
    components: tuple[str, ...] = ()
    timezone: str | None = None
    transparent: bool = False
    default_calendar: str | None = None
    """Inbox: path of the calendar that invitations are to go to."""
    mode: Mode | None = None
    """Rooms and resources: how they answer from now on."""
    dead: dict[str, str | None] = field(default_factory=dict)
    """Elements as text; None: removed."""


Setter = Callable[[Draft, Element | None], None]


@dataclass(frozen=True, slots=True)
class Property:
    """One property: where it exists, how it is read, how it is set (None: protected)."""

    name: str
    """Clark name."""
    on: frozenset[Kind]
    get: Getter
    rfc: str
    set: Setter | None = None
    """Called with None to remove it."""
    allprop: bool = False
    """Listed by DAV:allprop (RFC 4918 §14.2)."""


class Properties:
    """All properties of all kinds of resources."""

    def __init__(self, rows: Iterable[Property]) -> None:
        self.rows: tuple[Property, ...] = tuple(rows)
        self._by_kind: dict[Kind, dict[str, Property]] = {
            kind: {row.name: row for row in self.rows if kind in row.on} for kind in Kind
        }

    def of(self, kind: Kind) -> Mapping[str, Property]:
        """The live properties of a kind, by name."""
        return self._by_kind[kind]


class Asked(Enum):
    """What is asked for (RFC 4918 §9.1)."""

    PROP = "prop"
    ALLPROP = "allprop"
    PROPNAME = "propname"


class Wanted(NamedTuple):
    """The properties that a PROPFIND or REPORT asks for."""

    mode: Asked
    names: tuple[str, ...] = ()
    """With ALLPROP: those of DAV:include."""


EVERYTHING: Final = Wanted(Asked.ALLPROP)


_NEEDED: Final = frozenset({D("propfind"), D("acl-principal-prop-set")})


def wanted(root: Element | None) -> Wanted:
    """From a DAV:propfind or a report's root, whichever of prop, allprop, propname it has; None: allprop.

    Raises InvalidRequest where there are several of them, or none where one is needed.
    """
    if root is None:
        return EVERYTHING
    found = [mode for mode in Asked for _ in root.findall(D(mode.value))]
    if len(found) > 1 or (not found and root.tag in _NEEDED):
        raise InvalidRequest("one of prop, allprop and propname is needed")
    mode = found[0] if found else Asked.PROP
    listed = root.find(D("prop" if mode is Asked.PROP else "include"))
    names = () if listed is None else tuple(dict.fromkeys(child.tag for child in listed))
    return Wanted(mode, names)


class _Step(NamedTuple):
    """One property of an answer; `start` lacks its ">"."""

    start: str
    end: str
    get: Getter
    whole: bool
    """Whether `get` returns the element itself."""


class Answer:
    """DAV:response elements for resources, all asked for the same properties (RFC 4918 §14.24)."""

    def __init__(
        self,
        request: DavRequest,
        properties: Properties,
        asked: Wanted,
        values: Mapping[str, Getter] | None = None,
    ) -> None:
        self._request = request
        self._properties = properties
        self._wanted = asked
        self._values = values or {}
        self._steps: dict[Kind, list[_Step]] = {}
        self._dead: dict[int, Mapping[int, Mapping[str, str]]] = {}
        self._silent = request.minimal or asked.mode is not Asked.PROP

    def response(self, resource: Resource) -> str:
        """The DAV:response of one resource."""
        found, missing, refused = self._values_of(resource)
        stats = []
        if found or not (missing or refused):
            stats.append(_propstat(found, "200 OK"))
        if missing:
            stats.append(_propstat(missing, "404 Not Found"))
        if refused:
            stats.append(_propstat(refused, "403 Forbidden"))
        return f"<D:response>{self._request.href(resource.path)}{''.join(stats)}</D:response>"

    def _values_of(self, resource: Resource) -> tuple[list[str], list[str], list[str]]:
        steps = self._steps.get(resource.kind)
        if steps is None:
            steps = self._steps[resource.kind] = self._prepare(resource.kind)
        request, silent = self._request, self._silent
        found: list[str] = []
        missing: list[str] = []
        refused: list[str] = []
        for start, end, get, whole in steps:
            try:
                value = get(request, resource)
            except NotPermitted:
                refused.append(start + "/>")
                continue
            if value is None:
                if not silent:
                    missing.append(start + "/>")
            elif whole:
                found.append(value)
            elif value:
                found.append(f"{start}>{value}{end}")
            else:
                found.append(start + "/>")
        if self._wanted.mode is not Asked.PROP:
            dead = self.dead_of(resource)
            if self._wanted.mode is Asked.ALLPROP:
                found.extend(v for name, v in dead.items() if name not in self._properties.of(resource.kind))
            else:
                live = self._properties.of(resource.kind)
                found.extend(xml.empty(name) for name in dead if name not in live)
            refused = []
        return found, missing, refused

    def _prepare(self, kind: Kind) -> list[_Step]:
        live = self._properties.of(kind)
        names = self._wanted.names
        if self._wanted.mode is Asked.ALLPROP:
            names = tuple(dict.fromkeys([*(n for n, row in live.items() if row.allprop), *names]))
        elif self._wanted.mode is Asked.PROPNAME:
            return [self._name_step(name, row.get) for name, row in live.items()]
        return [self._step(name, live) for name in names]

    def _step(self, name: str, live: Mapping[str, Property]) -> _Step:
        start, end = xml.tags(name)
        if name in self._values:
            return _Step(start, end, self._values[name], whole=False)
        if name in live:
            return _Step(start, end, live[name].get, whole=False)
        return _Step(start, end, lambda _, resource: self.dead_of(resource).get(name), whole=True)

    @staticmethod
    def _name_step(name: str, get: Getter) -> _Step:
        def present(request: DavRequest, resource: Resource) -> str | None:
            return None if get(request, resource) is None else ""

        start, end = xml.tags(name)
        return _Step(start, end, present, whole=False)

    def dead_of(self, resource: Resource) -> Mapping[str, str]:
        """The dead properties of a resource; those of a collection's members are read all at once."""
        if isinstance(resource, Root):
            return {}
        if isinstance(resource, ObjectResource):
            return self._members(resource.collection).get(resource.stored.id, {})
        return self._request.txn.collections.dead_properties(resource.path)

    def _members(self, collection: Collection) -> Mapping[int, Mapping[str, str]]:
        members = self._dead.get(collection.id)
        if members is None:
            members = self._dead[collection.id] = self._request.txn.collections.object_properties(collection)
        return members


def _propstat(values: list[str], status: str) -> str:
    return (
        f"<D:propstat><D:prop>{''.join(values)}</D:prop><D:status>HTTP/1.1 {status}</D:status></D:propstat>"
    )


def missing(request: DavRequest, path: str, status: str = "404 Not Found") -> str:
    """A DAV:response that has a status only."""
    return f"<D:response>{request.href(path)}<D:status>HTTP/1.1 {status}</D:status></D:response>"
