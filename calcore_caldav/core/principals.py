# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar users, their addresses and what they may do (RFC 6638 §2.4, RFC 5545 §3.2.3, RFC 3744 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

RESERVED_NAMES: Final = frozenset({"calendar", "web"})
"""Principal names that are URLs of the server itself; so is every name that starts with a dot."""


class CalendarUserType(StrEnum):
    """CUTYPE (RFC 5545 §3.2.3)."""

    INDIVIDUAL = "INDIVIDUAL"
    GROUP = "GROUP"
    RESOURCE = "RESOURCE"
    ROOM = "ROOM"
    UNKNOWN = "UNKNOWN"

    @property
    def bookable(self) -> bool:
        """Whether a policy answers for it."""
        return self in {CalendarUserType.ROOM, CalendarUserType.RESOURCE}


class CalendarUserAddress(str):
    """A calendar user address in its comparable form (RFC 6638 §2.4.1).

    A URI: `mailto:` addresses are lower case and unquoted, `urn:uuid:` lower case, paths as they are with
    a trailing slash. What a client wrote is kept in the data; comparisons use this.
    """

    __slots__ = ()

    @classmethod
    @lru_cache(maxsize=8192)
    def parse(cls, text: str) -> CalendarUserAddress:
        """From an ATTENDEE or ORGANIZER value, a href, or a bare e-mail address."""
        value = text.strip()
        lower = value.lower()
        if lower.startswith("mailto:"):
            return cls("mailto:" + unquote(value[7:].strip()).lower())
        if lower.startswith("urn:"):
            return cls(lower)
        if value.startswith("/"):
            return cls(unquote(value).rstrip("/") + "/")
        if lower.startswith(("http://", "https://")):
            path = "/" + value.split("/", 3)[3] if value.count("/") > 2 else "/"
            return cls(unquote(path).rstrip("/") + "/")
        if "@" in value and ":" not in value:
            return cls("mailto:" + lower)
        return cls(value)

    @property
    def email(self) -> str | None:
        """The e-mail address of a `mailto:` address, else None."""
        return self[7:] if self.startswith("mailto:") else None


class Privilege(StrEnum):
    """Privileges (RFC 3744 §3, RFC 4791 §6.1, RFC 6638 §6); the value is the element's local name."""

    ALL = "all"
    READ = "read"
    READ_FREE_BUSY = "read-free-busy"
    READ_ACL = "read-acl"
    READ_PRIVILEGES = "read-current-user-privilege-set"
    WRITE = "write"
    WRITE_CONTENT = "write-content"
    WRITE_PROPERTIES = "write-properties"
    WRITE_ACL = "write-acl"
    BIND = "bind"
    UNBIND = "unbind"
    UNLOCK = "unlock"
    SCHEDULE_DELIVER = "schedule-deliver"
    SCHEDULE_DELIVER_INVITE = "schedule-deliver-invite"
    SCHEDULE_DELIVER_REPLY = "schedule-deliver-reply"
    SCHEDULE_QUERY_FREEBUSY = "schedule-query-freebusy"
    SCHEDULE_SEND = "schedule-send"
    SCHEDULE_SEND_INVITE = "schedule-send-invite"
    SCHEDULE_SEND_REPLY = "schedule-send-reply"
    SCHEDULE_SEND_FREEBUSY = "schedule-send-freebusy"


CONTAINED: Final[Mapping[Privilege, frozenset[Privilege]]] = {
    Privilege.READ: frozenset({Privilege.READ_FREE_BUSY, Privilege.READ_PRIVILEGES}),
    Privilege.WRITE: frozenset(
        {Privilege.WRITE_CONTENT, Privilege.WRITE_PROPERTIES, Privilege.BIND, Privilege.UNBIND}
    ),
    Privilege.SCHEDULE_DELIVER: frozenset(
        {
            Privilege.SCHEDULE_DELIVER_INVITE,
            Privilege.SCHEDULE_DELIVER_REPLY,
            Privilege.SCHEDULE_QUERY_FREEBUSY,
        }
    ),
    Privilege.SCHEDULE_SEND: frozenset(
        {Privilege.SCHEDULE_SEND_INVITE, Privilege.SCHEDULE_SEND_REPLY, Privilege.SCHEDULE_SEND_FREEBUSY}
    ),
    Privilege.ALL: frozenset(Privilege) - {Privilege.ALL},
}
"""Which privileges an aggregate contains (RFC 3744 §3.12)."""


def with_contained(privileges: frozenset[Privilege]) -> frozenset[Privilege]:
    """The privileges with everything that they contain."""
    return privileges.union(*(CONTAINED.get(p, frozenset()) for p in privileges))


@dataclass(frozen=True, slots=True)
class Location:
    """Where a room is and what it has."""

    building: str = ""
    floor: str = ""
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, group, resource or room that can own calendars and be invited (RFC 3744 §2)."""

    id: int
    name: str
    """First segment of its URL; unique."""
    kind: CalendarUserType
    display_name: str
    addresses: tuple[CalendarUserAddress, ...] = ()
    """`mailto:` addresses, the preferred one first."""
    timezone: str = "UTC"
    language: str = "en"
    admin: bool = False
    hidden: bool = False
    """Not found by searches."""
    uuid: str = ""
    location: Location = field(default_factory=Location)
    booking: Mapping[str, object] = field(default_factory=dict, hash=False)
    """The booking policy's settings as the directory gave them; rooms and resources only."""
    default_calendar: str = "calendar"
    """Name of the collection that invitations go to (RFC 6638 §9.2)."""

    @property
    def path(self) -> str:
        """URL path without prefix: the principal and its calendar home."""
        return f"/{self.name}/"

    @property
    def own_addresses(self) -> frozenset[CalendarUserAddress]:
        """All spellings under which data may name this principal."""
        return frozenset(
            (
                *self.addresses,
                CalendarUserAddress(self.path),
                CalendarUserAddress(f"urn:uuid:{self.uuid}"),
            )
        )

    @property
    def address(self) -> CalendarUserAddress:
        """The preferred address; the path where it has no other."""
        return self.addresses[0] if self.addresses else CalendarUserAddress(self.path)
