# SPDX-License-Identifier: GPL-3.0-or-later
"""POST to the outbox: when are these people free? (RFC 6638 §5); what would rooms answer?; proposals."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from calcore_caldav.core import stream
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import merge_periods, to_vfreebusy
from calcore_caldav.core.itip import Method
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.core.times import Period, TimezoneResolver, parse_date_time
from calcore_caldav.dav import forecast, xml
from calcore_caldav.dav.http import DavRequest, DavResponse, refused
from calcore_caldav.dav.resources import CollectionResource, Kind, held, locate, may_know
from calcore_caldav.dav.xml import C
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest
from calcore_caldav.scheduling import posting
from calcore_caldav.scheduling.access import require
from calcore_caldav.scheduling.availability import free_busy
from calcore_caldav.scheduling.posting import KINDS
from calcore_caldav.scheduling.statuses import Status

_LONGEST: Final = timedelta(days=5 * 366)
_UNKNOWN: Final = "3.7;Invalid calendar user"
_NO_AUTHORITY: Final = "3.8;No authority"
_SUCCESS: Final = "2.0;Success"
_STATUS: Final = {
    Status.SUCCESS: _SUCCESS,
    Status.PENDING: "1.0;Pending",
    Status.INVALID_USER: _UNKNOWN,
    Status.NO_SERVICE: "5.2;Service unavailable",
    Status.REFUSED: "5.3;No scheduling support for user",
}
_METHOD: Final = re.compile(rb"^METHOD[ \t]*:[ \t]*([A-Za-z-]+)", re.MULTILINE | re.IGNORECASE)


def post(request: DavRequest) -> DavResponse:
    """POST of a question: only the outbox takes one."""
    resource = _outbox(request, Privilege.SCHEDULE_SEND_FREEBUSY)
    calendar = stream.parse(request.body)
    if calendar.named("VEVENT"):
        invitation = CalendarObject.parse(request.body, limits=request.settings.limits, inbox=True)
        _require_owner(resource, invitation.components[0])
        return forecast.answer(request, invitation)
    asked = _message(calendar)
    _require_owner(resource, asked)
    window, masked = _window(asked), _masked(request, resource.owner, asked)
    responses = [_answer(request, asked, attendee, window, masked) for attendee in asked.all("ATTENDEE")]
    if not responses:
        raise _wrong("a VFREEBUSY request has ATTENDEEs")
    return DavResponse(HTTPStatus.OK, xml.document(C("schedule-response"), "".join(responses)))


def send(request: DavRequest) -> DavResponse:
    """POST of a message that no change of an object says (RFC 5546 §3.2.6 to §3.2.8; an extension)."""
    kind = KINDS[Method(itip_method(request.body))]
    resource = _outbox(request, kind.privilege)
    body = CalendarObject.parse(request.body, limits=request.settings.limits, inbox=True)
    responses = [
        _response(one.recipient, _STATUS.get(one.status, one.status))
        for one in posting.post(request.txn, resource.owner, body, request.settings)
    ]
    return DavResponse(HTTPStatus.OK, xml.document(C("schedule-response"), "".join(responses)))


def itip_method(body: bytes) -> str:
    """The METHOD of a message, "" where there is none: what it is tells how it is handled."""
    found = _METHOD.search(body)
    return found[1].decode().upper() if found else ""


def _outbox(request: DavRequest, privilege: Privilege) -> CollectionResource:
    resource = locate(request, request.path)
    if not isinstance(resource, CollectionResource) or resource.kind is not Kind.OUTBOX:
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="POST goes to a scheduling outbox.")
    require(held(request, resource.owner, resource.collection), privilege, resource.path)
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "text/calendar":
        raise refused(HTTPStatus.FORBIDDEN, C("supported-calendar-data"), detail="text/calendar is needed")
    return resource


def _response(recipient: str, status: str, data: str = "") -> str:
    to = xml.wrap(C("recipient"), xml.text(xml.D("href"), recipient))
    return xml.wrap(C("response"), to + xml.text(C("request-status"), status) + data)


def _require_owner(resource: CollectionResource, asked: Component) -> None:
    organizer = asked.get("ORGANIZER")
    if organizer is None:
        raise _wrong("a request has an ORGANIZER")
    if CalendarUserAddress.parse(organizer.value) not in resource.owner.own_addresses:
        raise refused(
            HTTPStatus.FORBIDDEN, C("organizer-allowed"), detail="the ORGANIZER is not the outbox's owner"
        )


def _wrong(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, "valid-scheduling-message")


def _message(calendar: Component) -> Component:
    """The VFREEBUSY of a REQUEST (RFC 5546 §3.3.2)."""
    inner = [c for c in calendar.children if c.name != "VTIMEZONE"]
    if (calendar.value("METHOD") or "").strip().upper() != "REQUEST":
        raise _wrong("the METHOD of a free/busy query is REQUEST")
    if len(inner) != 1 or inner[0].name != "VFREEBUSY":
        raise _wrong("one VFREEBUSY is needed")
    return inner[0]


def _window(asked: Component) -> Period:
    zones = TimezoneResolver(Component("VCALENDAR"), UTC)
    try:
        start, end = (
            zones.instant(parse_date_time((asked.value(name) or "").strip())) for name in ("DTSTART", "DTEND")
        )
    except InvalidCalendarData as error:
        raise _wrong(f"DTSTART and DTEND in UTC are needed: {error}") from None
    if not start < end:
        raise _wrong("DTEND is after DTSTART")
    if end - start > _LONGEST:
        raise _wrong("five years at most")
    return Period(start, end)


def _masked(request: DavRequest, owner: Principal, asked: Component) -> str | None:
    """The UID of the meeting that is being moved, and so is not in its own way (Apple's mask).

    Only its organizer moves it: others would learn from the mask what the busy time is about.
    """
    uid = asked.value("X-CALENDARSERVER-MASK-UID")
    if uid is None:
        return None
    own = owner.own_addresses
    known = request.txn.objects.in_home_by_uid(owner, uid)
    return uid if any(stored.organizer is None or stored.organizer in own for stored in known) else None


def _askable(request: DavRequest, principal: Principal) -> list[Principal]:
    """Whose time an answer tells: of a group that of all its members together.

    Nobody's where the actor may not know it of one of them: what is left out would look free.
    """
    group = principal.kind is CalendarUserType.GROUP
    people = request.txn.directory.expand(principal) if group else [principal]
    wanted = Privilege.SCHEDULE_QUERY_FREEBUSY
    return people if all(wanted in held(request, person) for person in people) else []


def _answer(
    request: DavRequest, asked: Component, attendee: Property, window: Period, masked: str | None
) -> str:
    address = CalendarUserAddress.parse(attendee.value)
    principal = request.txn.directory.by_address(address)
    data = ""
    if principal is None or not may_know(request, principal):
        status = _UNKNOWN
    elif not (people := _askable(request, principal)):
        status = _NO_AUTHORITY
    else:
        status = _SUCCESS
        busy = [
            period
            for person in people
            for period in free_busy(request.txn, person, window, ignore_uid=masked, settings=request.settings)
        ]
        answer = to_vfreebusy(
            merge_periods(busy),
            window,
            request.txn.now,
            asked.value("UID") or str(uuid4()),
            method="REPLY",
            organizer=asked.get("ORGANIZER"),
            attendee=attendee,
        )
        data = xml.text(C("calendar-data"), answer.to_bytes().decode().replace("\r\n", "\n"))
    return _response(attendee.value, status, data)
