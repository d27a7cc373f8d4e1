# SPDX-License-Identifier: GPL-3.0-or-later
"""What rooms and resources are: seats, place and features, under the names that Nextcloud's clients ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from calcore_caldav.core.principals import Principal
from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.properties import Property
from calcore_caldav.dav.props_dav import HOMES
from calcore_caldav.dav.resources import Home
from calcore_caldav.dav.xml import NC
from calcore_caldav.scheduling.policy import policy_of

SEATS: Final = NC("room-seating-capacity")
BUILDING: Final = NC("room-building-address")
FLOOR: Final = NC("room-building-story")
FEATURES: Final = NC("room-features")


def seats(room: Principal) -> int:
    """How many people it holds; 0: unknown."""
    return policy_of(room.booking).capacity if room.kind.bookable else 0


def has_seats(room: Principal, wanted: str) -> bool:
    """Whether it holds so many people."""
    return room.kind.bookable and wanted.isdecimal() and seats(room) >= int(wanted[:9])


def has_features(room: Principal, wanted: str) -> bool:
    """Whether it has each feature of a list with commas."""
    asked = {part.strip().casefold() for part in wanted.split(",")}
    return room.kind.bookable and asked <= {feature.casefold() for feature in room.location.features}


def _row(name: str, value: Callable[[Principal], str]) -> Property:
    def get(_: DavRequest, resource: Home) -> str | None:
        found = value(resource.owner) if resource.owner.kind.bookable else ""
        return xml.escape(found) if found else None

    return Property(name, HOMES, get, "Nextcloud")


TABLE: Final = (
    _row(SEATS, lambda room: str(seats(room) or "")),
    _row(BUILDING, lambda room: room.location.building),
    _row(FLOOR, lambda room: room.location.floor),
    _row(FEATURES, lambda room: ",".join(feature.upper() for feature in room.location.features)),
)
