# SPDX-License-Identifier: GPL-3.0-or-later
"""POST ?action=split on an event: "this and following" (calendarserver-recurrence-split).

`rid` names the first instance of the future, which keeps URL and UID; the past becomes a new resource, whose
UID may be given as `uid`. Answers 204 with Split-Component-URL, or with Prefer: return=representation both
resources as a multistatus.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qs

from calcore_caldav.core.recurrence import RecurrenceId
from calcore_caldav.dav import xml
from calcore_caldav.dav.conditional import conditions
from calcore_caldav.dav.http import DavRequest, DavResponse, multistatus, refused
from calcore_caldav.dav.resources import Kind, ObjectResource, locate
from calcore_caldav.dav.xml import CS, C, D
from calcore_caldav.errors import InvalidCalendarData, InvalidRequest
from calcore_caldav.store.protocol import StoredObject


def post(request: DavRequest) -> DavResponse:
    """Split the series at the Request-URI."""
    resource = locate(request, request.path)
    if not isinstance(resource, ObjectResource) or resource.kind is not Kind.EVENT:
        raise refused(HTTPStatus.METHOD_NOT_ALLOWED, detail="Only an event of a calendar can be split.")
    asked = parse_qs(request.query)
    rid, uid = asked.get("rid", [""])[0], asked.get("uid", [None])[0]
    try:
        halves = request.services.calendar.split(
            request.txn, resource.stored, _instance(rid), uid, conditions=conditions(request)
        )
    except InvalidRequest as error:
        raise refused(HTTPStatus.FORBIDDEN, CS("valid-split"), detail=error.detail) from None
    headers = {"Split-Component-URL": xml.quote_path(request.prefix + halves.past.path)}
    if "return=representation" not in request.preferences:
        return DavResponse(HTTPStatus.NO_CONTENT, headers=headers)
    answer = multistatus(
        request, xml.multistatus(_response(request, half) for half in (halves.future, halves.past))
    )
    headers |= {**answer.headers, "Preference-Applied": "return=representation"}
    return replace(answer, headers=headers)


def _instance(text: str) -> RecurrenceId:
    try:
        return RecurrenceId.parse(text)
    except InvalidCalendarData as error:
        raise refused(HTTPStatus.FORBIDDEN, C("valid-rid-parameter"), detail=f"rid: {error}") from None


def _response(request: DavRequest, half: StoredObject) -> str:
    body = request.txn.objects.body(half).decode().replace("\r\n", "\n")
    values = [xml.text(D("getetag"), half.etag)]
    if half.schedule_tag is not None:
        values.append(xml.text(C("schedule-tag"), half.schedule_tag))
    values.append(xml.text(C("calendar-data"), body))
    status = xml.text(D("status"), "HTTP/1.1 200 OK")
    found = xml.wrap(D("propstat"), xml.wrap(D("prop"), "".join(values)) + status)
    return xml.wrap(D("response"), request.href(half.path) + found)
