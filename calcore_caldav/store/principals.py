# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading principals, through what the process remembers of the directory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, select

from calcore_caldav.core import stream
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Location, Principal
from calcore_caldav.core.times import TimezoneResolver
from calcore_caldav.errors import InvalidCalendarData
from calcore_caldav.store.schema import addresses, principals
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

_COLUMNS = (
    principals.c.id,
    principals.c.name,
    principals.c.kind,
    principals.c.display_name,
    principals.c.timezone,
    principals.c.language,
    principals.c.admin,
    principals.c.hidden,
    principals.c.uuid,
    principals.c.location,
    principals.c.booking,
    principals.c.default_calendar,
)
_BY_NAME = Statement(select(*_COLUMNS).where(principals.c.name == bindparam("name_")))
_BY_ID = Statement(select(*_COLUMNS).where(principals.c.id == bindparam("id_")))
_BY_UUID = Statement(select(*_COLUMNS).where(principals.c.uuid == bindparam("uuid_")))
_BY_ADDRESS = Statement(select(*_COLUMNS).join(addresses).where(addresses.c.address == bindparam("address_")))
_OF_KIND = principals.c.kind.in_(bindparam("kinds", expanding=True))
_OF_KINDS = Statement(select(*_COLUMNS).where(_OF_KIND).order_by(principals.c.name), "kinds")
_ADDRESSES = Statement(
    select(addresses.c.address)
    .where(addresses.c.principal_id == bindparam("id_"))
    .order_by(addresses.c.position)
)
_ADDRESSES_OF_KINDS = Statement(
    select(addresses.c.principal_id, addresses.c.address)
    .join(principals)
    .where(_OF_KIND)
    .order_by(addresses.c.principal_id, addresses.c.position),
    "kinds",
)


def by_name(session: Session, name: str) -> Principal | None:
    """The principal of that name."""
    view = session.directory
    if name not in view.names:
        view.names[name] = _known(session, session.sql.first(_BY_NAME, name_=name))
    return view.names[name]


def by_id(session: Session, principal_id: int) -> Principal | None:
    """The principal of that id."""
    view = session.directory
    if principal_id not in view.ids:
        view.ids[principal_id] = _known(session, session.sql.first(_BY_ID, id_=principal_id))
    return view.ids[principal_id]


def by_address(session: Session, address: CalendarUserAddress) -> Principal | None:
    """The principal that an address means: one of its own, its path, or its `urn:uuid:`."""
    view = session.directory
    if address not in view.addresses:
        view.addresses[address] = _find(session, address)
    return view.addresses[address]


def _find(session: Session, address: CalendarUserAddress) -> Principal | None:
    if address.startswith("/"):
        return by_name(session, address.strip("/"))
    if address.startswith("urn:uuid:"):
        return _known(session, session.sql.first(_BY_UUID, uuid_=address.removeprefix("urn:uuid:")))
    return _known(session, session.sql.first(_BY_ADDRESS, address_=address))


def of_kinds(session: Session, kinds: Iterable[CalendarUserType]) -> list[Principal]:
    """All principals of some kinds, by name."""
    view, wanted = session.directory, frozenset(kinds)
    unknown = [kind.value for kind in wanted if kind not in view.kinds]
    if unknown:
        own: dict[int, list[CalendarUserAddress]] = {}
        for principal_id, address in session.sql.listed(_ADDRESSES_OF_KINDS, unknown):
            own.setdefault(principal_id, []).append(CalendarUserAddress(address))
        found: dict[CalendarUserType, list[Principal]] = {CalendarUserType(kind): [] for kind in unknown}
        for row in session.sql.listed(_OF_KINDS, unknown):
            someone = view.ids.get(row[0]) or _principal(row, tuple(own.get(row[0], ())))
            found[someone.kind].append(someone)
        view.kinds.update(found)
    return sorted((p for kind in wanted for p in view.kinds[kind]), key=lambda p: p.name)


def owner_of(session: Session, principal_id: int) -> Principal:
    """The principal that a row refers to."""
    found = by_id(session, principal_id)
    if found is None:
        message = f"no principal {principal_id}"
        raise LookupError(message)
    return found


def zone_of(timezone: str | None, owner: Principal) -> tzinfo:
    """The zone in which floating and all-day times of a collection happen.

    `timezone` is its CALDAV:calendar-timezone, a VCALENDAR with one VTIMEZONE; None or nonsense: the owner's.
    """
    return _zone(timezone, owner.timezone)


@lru_cache(maxsize=512)
def _zone(timezone: str | None, fallback: str) -> tzinfo:
    try:
        default: tzinfo = ZoneInfo(fallback)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        default = UTC
    if not timezone:
        return default
    try:
        calendar = stream.parse(timezone.encode())
    except InvalidCalendarData:
        return default
    tzids = (child.value("TZID") for child in calendar.children if child.name == "VTIMEZONE")
    return TimezoneResolver(calendar, default).zone(next(tzids, None))


def _known(session: Session, row: Row | None) -> Principal | None:
    if row is None:
        return None
    view = session.directory
    if view.ids.get(row[0]) is None:
        own = session.sql.all(_ADDRESSES, id_=row[0])
        view.ids[row[0]] = _principal(row, tuple(CalendarUserAddress(address) for (address,) in own))
    return view.ids[row[0]]


def _principal(row: Row, own: tuple[CalendarUserAddress, ...]) -> Principal:
    location = json.loads(row[9])
    return Principal(
        id=row[0],
        name=row[1],
        kind=CalendarUserType(row[2]),
        display_name=row[3],
        addresses=own,
        timezone=row[4],
        language=row[5],
        admin=bool(row[6]),
        hidden=bool(row[7]),
        uuid=row[8],
        location=Location(
            location.get("building", ""), location.get("floor", ""), tuple(location.get("features", ()))
        ),
        booking=json.loads(row[10]),
        default_calendar=row[11],
    )
