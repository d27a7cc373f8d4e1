# SPDX-License-Identifier: GPL-3.0-or-later
"""POST of an invitation to the outbox: what would rooms answer? Nothing is booked (docs/rooms.md; an extension)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, escape_text
from calcore_caldav.core.principals import CalendarUserAddress, Privilege
from calcore_caldav.core.times import format_date_time
from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest, DavResponse
from calcore_caldav.dav.resources import held, may_know
from calcore_caldav.dav.xml import C
from calcore_caldav.scheduling.explanation import Explanation, Forecast, forecast

_SUCCESS: Final = "2.0;Success"
_NO_AUTHORITY: Final = "3.8;No authority"
_NO_FORECAST: Final = "3.14;Unsupported capability"
_PRODID: Final = "-//calcore_caldav//NONSGML calcore_caldav//EN"


def answer(request: DavRequest, asked: CalendarObject) -> DavResponse:
    """A CALDAV:schedule-response with one REPLY per room: a VEVENT per date, each with its verdict.

    People are told as 3.14: nobody knows what they will answer.
    """
    forecasts = {f.room.id: f for f in forecast(request.txn, asked, settings=request.settings)}
    responses = []
    for attendee in _attendees(asked):
        room = request.txn.directory.by_address(CalendarUserAddress.parse(attendee.value))
        found = forecasts.get(room.id) if room is not None else None
        status, data = _NO_FORECAST, ""
        if room is not None and found is not None and may_know(request, room):
            status = _NO_AUTHORITY
            if Privilege.SCHEDULE_QUERY_FREEBUSY in held(request, room):
                status = _SUCCESS
                reply = _reply(asked, attendee, found, format_date_time(request.txn.now))
                data = xml.text(C("calendar-data"), reply.to_bytes().decode())
        recipient = xml.wrap(C("recipient"), xml.text(xml.D("href"), attendee.value))
        responses.append(xml.wrap(C("response"), recipient + xml.text(C("request-status"), status) + data))
    return DavResponse(HTTPStatus.OK, xml.document(C("schedule-response"), "".join(responses)))


def _attendees(asked: CalendarObject) -> list[Property]:
    """Each attendee once, as first written."""
    found: dict[CalendarUserAddress, Property] = {}
    for component in asked.components:
        for prop in component.all("ATTENDEE"):
            found.setdefault(CalendarUserAddress.parse(prop.value), prop)
    return list(found.values())


def _reply(asked: CalendarObject, attendee: Property, found: Forecast, now: str) -> Component:
    organizer = next(p for c in asked.components if (p := c.get("ORGANIZER")) is not None)
    head = (Property("VERSION", "2.0"), Property("PRODID", _PRODID), Property("METHOD", "REPLY"))
    events = [_event(asked.uid, organizer, attendee, e, found, now) for e in found.explanations]
    return Component("VCALENDAR", head, events)


def _event(
    uid: str, organizer: Property, attendee: Property, verdict: Explanation, found: Forecast, now: str
) -> Component:
    partstat = verdict.verdict.partstat
    lines = [
        Property("UID", uid),
        Property("DTSTAMP", now),
        Property("DTSTART", format_date_time(verdict.start)),
        Property("DTEND", format_date_time(verdict.end)),
        organizer,
        attendee.without_params("RSVP").with_param("PARTSTAT", str(partstat)),
    ]
    if verdict.rid is not None:
        lines.insert(1, Property("RECURRENCE-ID", verdict.rid.to_basic()))
    if comment := found.comments.get(verdict.rid):
        lines.append(Property("COMMENT", escape_text(comment)))
    return Component("VEVENT", lines)
