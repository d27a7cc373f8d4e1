# SPDX-License-Identifier: GPL-3.0-or-later
"""REPORT: finds the report, checks where it may be asked and by whom, and hands it on (RFC 3253 §3.6)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav import reports_calendar, reports_freebusy, reports_principal, reports_sync
from calcore_caldav.dav.http import DavRequest, DavResponse, Delegated, refused
from calcore_caldav.dav.report_table import REPORTS
from calcore_caldav.dav.resources import held_on, locate
from calcore_caldav.dav.xml import CR, D
from calcore_caldav.errors import InvalidRequest
from calcore_caldav.scheduling.access import require

HANDLERS: Final = {
    **reports_calendar.HANDLERS,
    **reports_freebusy.HANDLERS,
    **reports_sync.HANDLERS,
    **reports_principal.HANDLERS,
}
DELEGATED: Final = frozenset({CR("addressbook-query"), CR("addressbook-multiget")})
"""Radicale's own CardDAV answers these."""


def report(request: DavRequest) -> DavResponse:
    """REPORT of any kind."""
    root = request.xml
    if root is None:
        raise InvalidRequest("a REPORT has a body")
    row = REPORTS.get(root.tag)
    if row is None:
        raise refused(HTTPStatus.FORBIDDEN, D("supported-report"), detail="the report is unknown")
    request.depth("0")
    resource = locate(request, request.path, row.needs or Privilege.READ)
    if row.needs is not None:
        require(held_on(request, resource), row.needs, resource.path)
    if resource.kind not in row.on:
        raise refused(
            HTTPStatus.FORBIDDEN,
            D("supported-report"),
            detail=f"not on a resource of kind {resource.kind.value}",
        )
    if row.name in DELEGATED:
        raise Delegated
    return HANDLERS[row.name](request, resource, root)
