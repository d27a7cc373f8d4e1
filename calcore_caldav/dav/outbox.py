# SPDX-License-Identifier: GPL-3.0-or-later
"""POST to the outbox: when are these people free? (RFC 6638 §5); what would rooms answer?"""

from __future__ import annotations

from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Final

from calcore_caldav.core import content
from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property
from calcore_caldav.core.freebusy import to_vfreebusy
from calcore_caldav.core.principals import CalendarUserAddress, Principal, Privilege
from calcore_caldav.core.times import Period, TimezoneResolver, parse_date_time
from calcore_caldav.dav import forecast, xml
from calcore_caldav.dav.http import DavRequest, DavResponse, refused
from calcore_caldav.dav.resources import CollectionResource, Kind, held, locate, may_know
from calcore_caldav.dav.xml import C
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest
from calcore_caldav.scheduling.access import require
from calcore_caldav.scheduling.availability import free_busy

_LONGEST: Final = timedelta(days=5 * 366)
_UNKNOWN: Final = "3.7;Invalid calendar user"
_NO_AUTHORITY: Final = "3.8;No authority"
_SUCCESS: Final = "2.0;Success"


def post(request: DavRequest) -> DavResponse:
    """POST: only the outbox takes one."""
    resource = locate(request, request.path)
    if not isinstance(resource, CollectionResource) or resource.kind is not Kind.OUTBOX:
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="POST goes to a scheduling outbox.")
    require(
        held(request, resource.owner, resource.collection), Privilege.SCHEDULE_SEND_FREEBUSY, resource.path
    )
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "text/calendar":
        raise refused(HTTPStatus.FORBIDDEN, C("supported-calendar-data"), detail="text/calendar is needed")
    calendar = content.parse(request.body)
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


def _answer(
    request: DavRequest, asked: Component, attendee: Property, window: Period, masked: str | None
) -> str:
    address = CalendarUserAddress.parse(attendee.value)
    principal = request.txn.directory.by_address(address)
    data = ""
    if principal is None or not may_know(request, principal):
        status = _UNKNOWN
    elif Privilege.SCHEDULE_QUERY_FREEBUSY not in held(request, principal):
        status = _NO_AUTHORITY
    else:
        status = _SUCCESS
        busy = free_busy(
            request.txn,
            principal,
            window,
            ignore_uid=masked,
            settings=request.settings,
        )
        answer = to_vfreebusy(
            busy,
            window,
            request.txn.now,
            method="REPLY",
            uid=asked.value("UID"),
            organizer=asked.get("ORGANIZER"),
            attendee=attendee,
        )
        data = xml.text(C("calendar-data"), answer.to_bytes().decode().replace("\r\n", "\n"))
    recipient = xml.wrap(C("recipient"), xml.text(xml.D("href"), attendee.value))
    return xml.wrap(C("response"), recipient + xml.text(C("request-status"), status) + data)
