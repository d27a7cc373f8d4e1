# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports, as DAV:supported-report-set lists them; their handlers are found by the same names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from calcore_caldav.core.principals import Privilege
from calcore_caldav.dav.http import DavRequest, DavResponse
from calcore_caldav.dav.resources import Kind
from calcore_caldav.dav.xml import CR, CS, C, D

ReportHandler = Callable[[DavRequest, Any, Element], DavResponse]
"""Answers a report: the request, the resource that it was asked on, the root element of its body."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report: the root element of its body, where it may be asked, and what the actor needs there."""

    name: str
    """Clark name of the root element."""
    on: frozenset[Kind]
    rfc: str
    needs: Privilege | None = Privilege.READ
    """Checked on the request's resource before the handler runs; None: the handler decides."""


_CALENDARS: Final = frozenset({Kind.CALENDAR, Kind.INBOX})
_OBJECTS: Final = frozenset({Kind.EVENT, Kind.MESSAGE})
_BOOKS: Final = frozenset({Kind.ADDRESSBOOK})
_COLLECTIONS: Final = frozenset({Kind.CALENDAR, Kind.INBOX, Kind.ADDRESSBOOK, Kind.PLAIN})
_EVERYWHERE: Final = frozenset(Kind)
_PRINCIPALS: Final = frozenset({Kind.ROOT, Kind.HOME})

TABLE: Final = (
    Report(C("calendar-query"), _CALENDARS | {Kind.HOME} | _OBJECTS, "4791 §7.8"),
    Report(C("calendar-multiget"), _CALENDARS | {Kind.HOME} | _OBJECTS, "4791 §7.9"),
    Report(
        C("free-busy-query"),
        frozenset({Kind.CALENDAR, Kind.HOME}),
        "4791 §7.10",
        Privilege.READ_FREE_BUSY,
    ),
    Report(D("sync-collection"), _COLLECTIONS, "6578 §3.2"),
    Report(CR("addressbook-query"), _BOOKS, "6352 §8.6"),
    Report(CR("addressbook-multiget"), _BOOKS, "6352 §8.7"),
    Report(D("expand-property"), _EVERYWHERE, "3253 §3.8", needs=None),
    Report(D("acl-principal-prop-set"), _EVERYWHERE, "3744 §9.2", Privilege.READ_ACL),
    Report(D("principal-match"), _PRINCIPALS | _COLLECTIONS, "3744 §9.3", needs=None),
    Report(D("principal-property-search"), _PRINCIPALS | _COLLECTIONS, "3744 §9.4", needs=None),
    Report(D("principal-search-property-set"), _PRINCIPALS, "3744 §9.5", needs=None),
    Report(
        CS("calendarserver-principal-search"),
        _PRINCIPALS | _COLLECTIONS,
        "calendarserver-principal-search",
        needs=None,
    ),
)

REPORTS: Final = {report.name: report for report in TABLE}
