# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of CalDAV, scheduling, CardDAV and Apple's extensions, one row each."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Final
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcore_caldav.core import stream
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import PRODID
from calcore_caldav.core.principals import CalendarUserType, Principal
from calcore_caldav.core.query import Collation
from calcore_caldav.core.rules import SUPPORTED_RSCALES
from calcore_caldav.core.vavailability import check_availability
from calcore_caldav.core.vtimezone_text import vtimezone
from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest, refused
from calcore_caldav.dav.properties import Draft
from calcore_caldav.dav.properties import Property as Row
from calcore_caldav.dav.props_dav import CALENDARS, HOMES, SYNCED
from calcore_caldav.dav.resources import CollectionResource, Home, Kind, ObjectResource, Root, sync_token
from calcore_caldav.dav.xml import CR, CS, ICAL, SB, C, D
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest, SchedulingRefused
from calcore_caldav.scheduling.policy import Mode, policy_of
from calcore_caldav.store.protocol import CollectionKind

_INBOX: Final = frozenset({Kind.INBOX})
_BOOKS: Final = frozenset({Kind.ADDRESSBOOK})
_ENTRANCES: Final = HOMES | {Kind.ROOT}
_WITH_INBOX: Final = CALENDARS | _INBOX
_COMPONENTS: Final = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
"""What a calendar can be made for."""


# ---- principals


def _whose(request: DavRequest, resource: Home | Root) -> Principal | None:
    """The principal; at the root, where some clients look for all of this, it's who asks."""
    return resource.owner if isinstance(resource, Home) else request.actor.principal


def _home_set(request: DavRequest, resource: Home | Root) -> str | None:
    owner = _whose(request, resource)
    return None if owner is None else request.href(owner.path)


def _addresses(request: DavRequest, resource: Home | Root) -> str | None:
    """`mailto:` first, the preferred one at the head: clients take the first for their user's address."""
    owner = _whose(request, resource)
    if owner is None:
        return None
    first = "".join(
        f'<D:href preferred="1">{xml.escape(address)}</D:href>' if number == 0 else _href(address)
        for number, address in enumerate(owner.addresses)
    )
    return first + request.href(owner.path) + _href(f"urn:uuid:{owner.uuid}")


def _href(uri: str) -> str:
    return xml.text(D("href"), uri)


def _user_type(_: DavRequest, resource: Home) -> str:
    return resource.owner.kind.value


def _box(name: str) -> Row:
    def href(request: DavRequest, resource: Home | Root) -> str | None:
        owner = _whose(request, resource)
        return None if owner is None else request.href(f"{owner.path}{name}/")

    return Row(C(f"schedule-{name}-URL"), _ENTRANCES, href, "6638 §2.1, §2.2")


def _emails(_: DavRequest, resource: Home) -> str:
    return "".join(
        xml.text(CS("email-address"), address.email) for address in resource.owner.addresses if address.email
    )


def _email(_: DavRequest, resource: Home) -> str | None:
    email = resource.owner.address.email
    return xml.escape(email) if email else None


def _name_part(first: bool) -> Row:  # noqa: FBT001
    """Searched by clients for people (principal-property-search); the directory knows display names only."""

    def part(_: DavRequest, resource: Home) -> str | None:
        if resource.owner.kind is not CalendarUserType.INDIVIDUAL:
            return None
        given, _space, family = resource.owner.display_name.rpartition(" ")
        found = given if first else family
        return xml.escape(found) if found else None

    return Row(CS("first-name" if first else "last-name"), HOMES, part, "calendarserver-principal-search")


def _mode(_: DavRequest, resource: Home) -> str | None:
    owner = resource.owner
    return policy_of(owner.booking).mode.value if owner.kind.bookable else None


def _auto_schedule(_: DavRequest, resource: Home) -> str | None:
    """Apple's older switch: whether the room answers by itself."""
    owner = resource.owner
    if not owner.kind.bookable:
        return None
    return "false" if policy_of(owner.booking).mode is Mode.NONE else "true"


def _set_mode(draft: Draft, element: Element | None) -> None:
    text = Mode.AUTOMATIC.value if element is None else xml.text_of(element).lower()
    if text not in frozenset(Mode):
        raise refused(HTTPStatus.CONFLICT, detail=f"the modes are {', '.join(Mode)}")
    draft.mode = Mode(text)


# ---- calendars


def _components(_: DavRequest, resource: CollectionResource) -> str:
    return _comps(resource.collection.components)


def _comps(names: tuple[str, ...]) -> str:
    return "".join(f'<C:comp name="{xml.escape(name)}"/>' for name in names)


def _set_components(draft: Draft, element: Element | None) -> None:
    """Only when a calendar is made (RFC 4791 §5.2.3)."""
    if not draft.creating:
        raise InvalidRequest(
            "the components of a calendar are fixed", "cannot-modify-protected-property", caldav=False
        )
    names = tuple(dict.fromkeys((c.get("name") or "").upper() for c in (() if element is None else element)))
    if not names or any(name not in _COMPONENTS for name in names):
        raise InvalidRequest(f"components are {', '.join(_COMPONENTS)}", "supported-calendar-component")
    draft.components = names


def _component_sets(_: DavRequest, __: Home) -> str:
    """Any mixture is accepted (caldav-extensions §4.2)."""
    return "".join(xml.wrap(C("supported-calendar-component-set"), _comps((n,))) for n in _COMPONENTS[:3])


def _timezone(_: DavRequest, resource: CollectionResource) -> str | None:
    text = resource.collection.timezone
    return None if text is None else xml.escape(text)


def _set_timezone(draft: Draft, element: Element | None) -> None:
    """A VCALENDAR with one VTIMEZONE (RFC 4791 §5.2.2)."""
    if element is None:
        draft.timezone = None
        return
    text = "".join(element.itertext()).strip()
    try:
        zones = [c.name for c in stream.parse(text.encode()).children]
    except (InvalidCalendarData, UnicodeError) as error:
        raise InvalidRequest(f"not a time zone: {error}", "valid-calendar-data") from None
    if zones != ["VTIMEZONE"]:
        raise InvalidRequest("a VCALENDAR with one VTIMEZONE is needed", "valid-calendar-data")
    draft.timezone = text.replace("\r\n", "\n").replace("\n", "\r\n") + "\r\n"


def _timezone_id(_: DavRequest, resource: CollectionResource) -> str | None:
    """The TZID of the calendar's time zone, where it is an IANA name (RFC 7809 §5.2)."""
    text = resource.collection.timezone
    if text is None:
        return None
    try:
        children = stream.parse(text.encode()).children
        tzid = next(c.value("TZID") or "" for c in children if c.name == "VTIMEZONE")
        return xml.escape(ZoneInfo(tzid).key)
    except (InvalidCalendarData, ZoneInfoNotFoundError, StopIteration, ValueError, OSError):
        return None


def _set_timezone_id(draft: Draft, element: Element | None) -> None:
    """By name; stored as the VTIMEZONE that it stands for (RFC 7809 §5.2)."""
    if element is None:
        draft.timezone = None
        return
    tzid = xml.text_of(element)
    try:
        zone = vtimezone(tzid)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest(f"no time zone {tzid!r} is known", "valid-timezone") from None
    head = (Property("VERSION", "2.0"), Property("PRODID", PRODID))
    draft.timezone = Component("VCALENDAR", head, [zone]).to_bytes().decode()


def _transparency(_: DavRequest, resource: CollectionResource) -> str:
    return xml.empty(C("transparent" if resource.collection.transparent else "opaque"))


def _set_transparency(draft: Draft, element: Element | None) -> None:
    names = [] if element is None else [child.tag for child in element]
    if element is not None and (len(names) != 1 or names[0] not in {C("transparent"), C("opaque")}):
        raise InvalidRequest("schedule-calendar-transp is opaque or transparent", "valid-calendar-data")
    draft.transparent = names == [C("transparent")]


def _free_busy_set(request: DavRequest, resource: CollectionResource) -> str:
    """The calendars that count (the draft of RFC 6638; Apple's old clients read it)."""
    calendars = request.txn.collections.of(resource.owner, CollectionKind.CALENDAR)
    return "".join(request.href(c.path) for c in calendars if not c.transparent)


def _default_calendar(request: DavRequest, resource: CollectionResource) -> str | None:
    name = resource.owner.default_calendar
    found = request.txn.collections.get(resource.owner.name, name)
    return "" if found is None else request.href(found.path)


def _set_default_calendar(draft: Draft, element: Element | None) -> None:
    """RFC 6638 §9.2, CALDAV:valid-schedule-default-calendar-URL."""
    hrefs = [] if element is None else xml.hrefs_of(element)
    path = draft.request.path_of(hrefs[0]) if len(hrefs) == 1 else None
    if path is None:
        raise SchedulingRefused("valid-schedule-default-calendar-URL", "the href of a calendar is needed")
    draft.default_calendar = path


def _date(limit: datetime) -> str:
    return limit.strftime("%Y%m%dT%H%M%SZ")


_RSCALES: Final = "".join(xml.text(C("supported-rscale"), scale) for scale in SUPPORTED_RSCALES)
_COLLATIONS: Final = "".join(xml.text(C("supported-collation"), c.value) for c in Collation)
_DATA: Final = '<C:calendar-data content-type="text/calendar" version="2.0"/>'
_CARD_DATA: Final = (
    '<CR:address-data-type content-type="text/vcard" version="3.0"/>'
    '<CR:address-data-type content-type="text/vcard" version="4.0"/>'
)


def _ctag(request: DavRequest, resource: CollectionResource) -> str:
    return str(sync_token(request, resource.collection))


def _schedule_tag(_: DavRequest, resource: ObjectResource) -> str | None:
    tag = resource.stored.schedule_tag
    return None if tag is None else xml.escape(tag)


_EVENTS: Final = frozenset({Kind.EVENT})

TABLE: Final = (
    # principals
    Row(C("calendar-home-set"), _ENTRANCES, _home_set, "4791 §6.2.1"),
    Row(CR("addressbook-home-set"), HOMES, _home_set, "6352 §7.1.1"),
    Row(C("calendar-user-address-set"), _ENTRANCES, _addresses, "6638 §2.4.1"),
    Row(C("calendar-user-type"), HOMES, _user_type, "6638 §2.4.2"),
    _box("inbox"),
    _box("outbox"),
    Row(C("supported-calendar-component-sets"), HOMES, _component_sets, "caldav-extensions §4.2"),
    Row(CS("email-address-set"), HOMES, _emails, "calendarserver-principal-search"),
    Row(SB("email-address"), HOMES, _email, "SabreDAV"),
    _name_part(first=True),
    _name_part(first=False),
    Row(CS("auto-schedule"), HOMES, _auto_schedule, "Apple"),
    Row(CS("auto-schedule-mode"), HOMES, _mode, "Apple", set=_set_mode),
    # calendars
    Row(
        C("supported-calendar-component-set"),
        _WITH_INBOX,
        _components,
        "4791 §5.2.3",
        set=_set_components,
    ),
    Row(C("supported-calendar-data"), _WITH_INBOX, lambda _, __: _DATA, "4791 §5.2.4"),
    Row(C("supported-collation-set"), _WITH_INBOX | HOMES, lambda _, __: _COLLATIONS, "4791 §7.5.1"),
    Row(C("supported-rscale-set"), _WITH_INBOX | HOMES, lambda _, __: _RSCALES, "7529 §6"),
    Row(
        C("max-resource-size"),
        _WITH_INBOX,
        lambda r, _: str(r.settings.limits.max_resource_size),
        "4791 §5.2.5",
    ),
    Row(C("min-date-time"), CALENDARS, lambda r, _: _date(r.settings.limits.min_date_time), "4791 §5.2.6"),
    Row(C("max-date-time"), CALENDARS, lambda r, _: _date(r.settings.limits.max_date_time), "4791 §5.2.7"),
    Row(C("max-instances"), CALENDARS, lambda r, _: str(r.settings.limits.max_instances), "4791 §5.2.8"),
    Row(
        C("max-attendees-per-instance"),
        CALENDARS,
        lambda r, _: str(r.settings.limits.max_attendees),
        "4791 §5.2.9",
    ),
    Row(C("calendar-timezone"), CALENDARS, _timezone, "4791 §5.2.2", set=_set_timezone),
    Row(C("calendar-timezone-id"), CALENDARS, _timezone_id, "7809 §5.2", set=_set_timezone_id),
    Row(C("schedule-calendar-transp"), CALENDARS, _transparency, "6638 §9.1", set=_set_transparency),
    Row(
        C("schedule-default-calendar-URL"),
        _INBOX,
        _default_calendar,
        "6638 §9.2",
        set=_set_default_calendar,
    ),
    Row(C("calendar-free-busy-set"), _INBOX, _free_busy_set, "draft of 6638"),
    Row(C("schedule-tag"), _EVENTS, _schedule_tag, "6638 §3.2.10"),
    Row(CS("getctag"), SYNCED, _ctag, "calendarserver-ctag"),
    # address books
    Row(CR("supported-address-data"), _BOOKS, lambda _, __: _CARD_DATA, "6352 §6.2.2"),
    Row(
        CR("max-resource-size"),
        _BOOKS,
        lambda r, _: str(r.settings.limits.max_resource_size),
        "6352 §6.2.3",
    ),
)


def _check_availability(element: Element) -> None:
    """CALDAV:calendar-availability is read when others ask for free/busy time (RFC 7953 §7.2.4)."""
    check_availability(stream.parse("".join(element.itertext()).strip().encode()))


CHECKED: Final = {C("calendar-availability"): _check_availability}
"""Properties of STORED_AS_SENT that the server reads too; raise InvalidCalendarData for what it can't."""

STORED_AS_SENT: Final = {
    C("calendar-availability"): "7953 §7.2.4",
    C("calendar-description"): "4791 §5.2.1",
    ICAL("calendar-color"): "Apple",
    ICAL("calendar-order"): "Apple",
    CR("addressbook-description"): "6352 §6.2.1",
    CS("source"): "Apple",
}
"""Known properties that clients set and only clients read: kept like dead ones (RFC 4918 §4)."""
