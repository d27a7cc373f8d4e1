# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports about principals (RFC 3253 §3.8, RFC 3744 §9, Apple's calendarserver-principal-search)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import unescape
from http import HTTPStatus
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.core.query import Collation, MatchType, TextMatch
from calcore_caldav.dav import props_rooms, xml
from calcore_caldav.dav.acl import grantees
from calcore_caldav.dav.http import DavRequest, DavResponse, multistatus
from calcore_caldav.dav.properties import Answer, Asked, Getter, Wanted, missing, wanted
from calcore_caldav.dav.property_table import PROPERTIES
from calcore_caldav.dav.report_table import ReportHandler
from calcore_caldav.dav.resources import (
    Home,
    Kind,
    Resource,
    Root,
    children,
    locate,
    may_know,
    require_read,
)
from calcore_caldav.dav.xml import CS, SB, C, D
from calcore_caldav.errors import InvalidRequest, NotFound, NotPermitted, TooManyResults

_HREF: Final = re.compile(r"<D:href[^>]*>([^<]*)</D:href>")


# ---- expand-property


class _Budget:
    """How many resources an answer may still hold."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooManyResults(self.limit)


def expand_property(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """DAV:expand-property: the resources behind a property's hrefs, with properties of their own."""
    require_read(request, resource)
    budget = _Budget(request.settings.limits.max_results)
    responses = []
    if request.depth("0", "0", "1", "infinity") == "1":
        responses = [_expanded(request, child, root, budget) for child in children(request, resource)]
    return multistatus(request, xml.multistatus([_expanded(request, resource, root, budget), *responses]))


def _expanded(request: DavRequest, resource: Resource, spec: Element, budget: _Budget) -> str:
    budget.spend()
    names: list[str] = []
    values: dict[str, Getter] = {}
    for prop in spec.findall(D("property")):
        name = f"{{{prop.get('namespace', xml.DAV)}}}{prop.get('name', '')}"
        if not re.fullmatch(r"[^\W\d][\w.-]*", prop.get("name", "")):
            raise InvalidRequest("a property without a name")
        names.append(name)
        if prop.find(D("property")) is not None and name in PROPERTIES.of(resource.kind):
            values[name] = _expander(PROPERTIES.of(resource.kind)[name].get, prop, budget)
    asked = Wanted(Asked.PROP, tuple(dict.fromkeys(names)))
    return Answer(request, PROPERTIES, asked, values).response(resource)


def _expander(get: Getter, spec: Element, budget: _Budget) -> Getter:
    def value(request: DavRequest, resource: Resource) -> str | None:
        content = get(request, resource)
        if content is None:
            return None
        return "".join(_target(request, unescape(h), spec, budget) for h in _HREF.findall(content))

    return value


def _target(request: DavRequest, href: str, spec: Element, budget: _Budget) -> str:
    path = request.path_of(href)
    try:
        resource = None if path is None else locate(request, path)
        if resource is not None:
            require_read(request, resource)
    except (NotFound, NotPermitted, InvalidRequest):
        resource = None
    if resource is None:
        return (
            f"<D:response>{xml.text(D('href'), href)}<D:status>HTTP/1.1 404 Not Found</D:status></D:response>"
        )
    return _expanded(request, resource, spec, budget)


# ---- searches


def _addresses(principal: Principal) -> list[str]:
    own = [str(a) for a in principal.addresses]
    return [*own, principal.path, f"urn:uuid:{principal.uuid}"]


def _emails(principal: Principal) -> list[str]:
    return [a.email for a in principal.addresses if a.email]


class _Searchable(NamedTuple):
    description: str
    values: Callable[[Principal], Iterable[str]]
    meets: Callable[[Principal, str], bool] | None = None
    """What is to hold instead of a match with one of the values."""


SEARCHABLE: Final[Mapping[str, _Searchable]] = {
    D("displayname"): _Searchable("Name", lambda p: (p.display_name,)),
    CS("first-name"): _Searchable("First name", lambda p: (p.display_name.rpartition(" ")[0],)),
    CS("last-name"): _Searchable("Last name", lambda p: (p.display_name.rpartition(" ")[2],)),
    CS("email-address-set"): _Searchable("E-mail address", _emails),
    SB("email-address"): _Searchable("E-mail address", _emails),
    C("calendar-user-address-set"): _Searchable("Calendar user address", _addresses),
    C("calendar-user-type"): _Searchable("Calendar user type", lambda p: (p.kind.value,)),
    C("calendar-home-set"): _Searchable("Calendar home", lambda p: (p.path,)),
    props_rooms.BUILDING: _Searchable("Building", lambda p: (p.location.building,)),
    props_rooms.FLOOR: _Searchable("Floor", lambda p: (p.location.floor,)),
    props_rooms.SEATS: _Searchable("Seats, at least", lambda _: (), props_rooms.has_seats),
    props_rooms.FEATURES: _Searchable("Features, all of them", lambda _: (), props_rooms.has_features),
}
"""What DAV:principal-property-search looks at (RFC 3744 §9.5)."""


class _Criterion(NamedTuple):
    name: str
    match: TextMatch

    def holds(self, principal: Principal) -> bool:
        row = SEARCHABLE.get(self.name)
        if row is None:
            return False
        if row.meets is not None:
            return row.meets(principal, self.match.text)
        return any(map(self.match.matches, row.values(principal)))


def principal_property_search(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """DAV:principal-property-search, with Apple's `test`, `type` and `match-type` (RFC 3744 §9.4).

    As at Apple's and SabreDAV's servers `test` is about the properties, several of which may be in one criterion.
    """
    request.depth("0", "0")
    require_read(request, resource)
    criteria = [c for element in root.findall(D("property-search")) for c in _criteria(request, element)]
    if not criteria:
        raise InvalidRequest("a property-search is needed")
    test = any if root.get("test", "allof") == "anyof" else all
    everywhere = root.find(D("apply-to-principal-collection-set")) is not None
    if not everywhere and not isinstance(resource, Root | Home):
        return _people(request, root, ())
    kinds = [CalendarUserType(kind) for kind in [root.get("type")] if kind in frozenset(CalendarUserType)]
    found = (p for p in request.txn.directory.all(*kinds) if test(c.holds(p) for c in criteria))
    return _people(request, root, found)


def _criteria(request: DavRequest, element: Element) -> Iterator[_Criterion]:
    prop, match = element.find(D("prop")), element.find(D("match"))
    if prop is None or match is None or len(prop) == 0:
        raise InvalidRequest("a property-search has a prop and a match")
    kind = match.get("match-type", MatchType.CONTAINS.value)
    if kind not in frozenset(MatchType):
        raise InvalidRequest(f"unknown match-type {kind!r}")
    text = "".join(match.itertext()).strip()
    for name in (child.tag for child in prop):
        wanted_text = _spelled(request, name, text)
        yield _Criterion(name, TextMatch(wanted_text, Collation.UNICODE_CASEMAP, match_type=MatchType(kind)))


def _spelled(request: DavRequest, name: str, text: str) -> str:
    """URLs and addresses as the directory has them."""
    if name == C("calendar-home-set"):
        return request.path_of(text) or text
    if name == C("calendar-user-address-set") and text.lower().startswith(
        ("/", "http:", "https:", "mailto:")
    ):
        return CalendarUserAddress.parse(request.path_of(text) or text)
    return text


_CONTEXTS: Final = {
    "user": frozenset({CalendarUserType.INDIVIDUAL}),
    "group": frozenset({CalendarUserType.GROUP}),
    "location": frozenset({CalendarUserType.ROOM}),
    "resource": frozenset({CalendarUserType.RESOURCE}),
    "attendee": frozenset({CalendarUserType.INDIVIDUAL, CalendarUserType.GROUP, CalendarUserType.RESOURCE}),
}


def calendarserver_principal_search(request: DavRequest, _: Resource, root: Element) -> DavResponse:
    """Every token begins a word of the name or of an e-mail address; or, of a room, of where it is or what it has."""
    request.depth("0", "0")
    tokens = [xml.text_of(t).casefold() for t in root.findall(CS("search-token"))]
    if not any(tokens):
        raise InvalidRequest("a search-token is needed")
    context = root.get("context")
    if context is not None and context not in _CONTEXTS:
        raise InvalidRequest(f"unknown context {context!r}")
    kinds = _CONTEXTS[context] if context else frozenset(CalendarUserType)

    def matches(principal: Principal) -> bool:
        words = principal.display_name.casefold().split()
        words += [principal.display_name.casefold(), principal.name.casefold()]
        words += [a.email for a in principal.addresses if a.email]
        place = principal.location
        words += " ".join((place.building, place.floor, *place.features)).casefold().split()
        return all(any(word.startswith(token) for word in words) for token in tokens)

    found = (p for p in request.txn.directory.all() if p.kind in kinds and matches(p))
    return _people(request, root, found)


def _people(request: DavRequest, root: Element, found: Iterable[Principal]) -> DavResponse:
    """Those that are not hidden; with a limit, 507 says that there are more."""
    limit = request.settings.limits.max_results
    stated = root.find(f"{CS('limit')}/{CS('nresults')}")
    if stated is not None:
        if not xml.text_of(stated).isdecimal():
            raise InvalidRequest("nresults is a number")
        limit = min(limit, int(xml.text_of(stated)[:9]))
    asked = wanted(root)
    if not asked.names:
        # python-caldav writes the properties that it wants beside an empty DAV:prop.
        known = PROPERTIES.of(Kind.HOME)
        asked = Wanted(Asked.PROP, tuple(child.tag for child in root if child.tag in known))
    answer = Answer(request, PROPERTIES, asked)
    responses: list[str] = []
    for principal in found:
        if principal.hidden and not may_know(request, principal):
            continue
        if len(responses) == limit:
            responses.append(missing(request, request.path, f"507 {HTTPStatus(507).phrase}"))
            break
        responses.append(answer.response(Home(principal)))
    return multistatus(request, xml.multistatus(responses))


def principal_search_property_set(request: DavRequest, _: Resource, __: Element) -> DavResponse:
    """DAV:principal-search-property-set (RFC 3744 §9.5)."""
    request.depth("0", "0")
    content = "".join(
        xml.wrap(
            D("principal-search-property"),
            xml.wrap(D("prop"), xml.empty(name))
            + f'<D:description xml:lang="en">{xml.escape(row.description)}</D:description>',
        )
        for name, row in SEARCHABLE.items()
    )
    return DavResponse(HTTPStatus.OK, xml.document(D("principal-search-property-set"), content))


# ---- matches


def principal_match(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """DAV:principal-match: members that are the actor (DAV:self), or that name it (RFC 3744 §9.3)."""
    request.depth("0", "0")
    require_read(request, resource)
    named = root.find(D("principal-property"))
    if (named is None) == (root.find(D("self")) is None) or (named is not None and len(named) != 1):
        raise InvalidRequest("principal-match has either self or one principal-property")
    actor = request.actor.principal
    own = None if actor is None else actor.path
    answer = Answer(request, PROPERTIES, wanted(root))
    budget = _Budget(request.settings.limits.max_results)
    responses = []
    for member in _members(request, resource):
        if named is None:
            matched = isinstance(member, Home) and member.path == own
        else:
            matched = own in _paths(request, member, named[0].tag, answer)
        if matched:
            budget.spend()
            responses.append(answer.response(member))
    return multistatus(request, xml.multistatus(responses))


def _members(request: DavRequest, resource: Resource) -> Iterator[Resource]:
    """At any depth; those of the root are principals."""
    if isinstance(resource, Root):
        yield from children(request, resource)
        return
    if isinstance(resource, Home):
        yield resource
    for child in children(request, resource):
        yield child
        yield from children(request, child)


def _paths(request: DavRequest, resource: Resource, name: str, answer: Answer) -> set[str | None]:
    row = PROPERTIES.of(resource.kind).get(name)
    content = answer.dead_of(resource).get(name) if row is None else row.get(request, resource)
    return {request.path_of(unescape(href)) for href in _HREF.findall(content or "")}


def acl_principal_prop_set(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """DAV:acl-principal-prop-set: the principals of the resource's ACL (RFC 3744 §9.2)."""
    request.depth("0", "0")
    answer = Answer(request, PROPERTIES, wanted(root))
    named = [p for p in grantees(request, resource) if may_know(request, p)]
    return multistatus(request, xml.multistatus(answer.response(Home(p)) for p in named))


HANDLERS: Final[Mapping[str, ReportHandler]] = {
    D("expand-property"): expand_property,
    D("principal-property-search"): principal_property_search,
    D("principal-search-property-set"): principal_search_property_set,
    D("principal-match"): principal_match,
    D("acl-principal-prop-set"): acl_principal_prop_set,
    CS("calendarserver-principal-search"): calendarserver_principal_search,
}
