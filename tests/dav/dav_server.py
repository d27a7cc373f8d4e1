# SPDX-License-Identifier: GPL-3.0-or-later
"""An office behind the whole WSGI stack."""

from __future__ import annotations

from pathlib import Path

from client import DavClient
from zones import central_european

from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.assembly import build_wsgi, services_from
from calcore_caldav.server.configuration import native_configuration
from calcore_caldav.store.protocol import SYSTEM, Grant

PEOPLE = ("alice", "bob", "carol", "erin")


class Server:
    """A server in this process; any password logs in. `calcore` are options of the section of that name."""

    def __init__(self, folder: Path, **calcore: str) -> None:
        storage = {"database": f"sqlite:///{folder}/calcore.db", **calcore}
        configuration = native_configuration(None, {"storage": storage, "auth": {"type": "none"}})
        self.services: Services = services_from(configuration)
        self._seed()
        self.application = build_wsgi(configuration)

    system = SYSTEM

    def client(self, user: str | None) -> DavClient:
        return DavClient(self.application, user)

    def _seed(self) -> None:
        kinds = dict.fromkeys(PEOPLE, CalendarUserType.INDIVIDUAL)
        kinds |= {
            "room1": CalendarUserType.ROOM,
            "team": CalendarUserType.GROUP,
            "boss": CalendarUserType.INDIVIDUAL,
        }
        with self.services.store.write(SYSTEM) as txn:
            for name, kind in kinds.items():
                txn.directory.provision(
                    txn.directory.save(
                        Principal(
                            id=0,
                            name=name,
                            kind=kind,
                            display_name=f"{name.title()} Übelmann",
                            addresses=(
                                CalendarUserAddress(f"mailto:{name}@example.com"),
                                CalendarUserAddress(f"mailto:{name}@example.org"),
                            ),
                            hidden=name == "erin",
                            admin=name == "boss",
                            booking={"mode": "automatic"} if kind is CalendarUserType.ROOM else {},
                        )
                    )
                )
            team = txn.directory.by_name("team")
            assert team is not None
            txn.directory.set_members(team, ["alice", "erin"])

    def grant(self, owner: str, grantee: str, *privileges: Privilege, calendar: str | None = None) -> None:
        """`calendar` None: on the whole home."""
        with self.services.store.write(SYSTEM) as txn:
            principal = txn.directory.by_name(owner)
            assert principal is not None
            collection = txn.collections.get(owner, calendar) if calendar else None
            own = collection.id if collection else None
            kept = [
                g for g in txn.directory.grants(principal) if g.collection_id == own and g.grantee != grantee
            ]
            txn.directory.set_grants(
                principal, own, [*kept, *(Grant(principal.id, own, grantee, p) for p in privileges)]
            )


def event(uid: str = "one", *lines: str, tzid: str = "") -> str:
    """The text of an hour's event, at 10:00 on 5 January 2026 UTC, or in a zone of Central Europe called `tzid`."""
    zone = central_european(tzid).replace("\n", "\r\n") if tzid else ""
    start = f"DTSTART;TZID={tzid}:20260105T100000" if tzid else "DTSTART:20260105T100000Z"
    inner = "\r\n".join([f"UID:{uid}", "DTSTAMP:20260101T000000Z", start, "DURATION:PT1H", *lines])
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{zone}"
        f"BEGIN:VEVENT\r\n{inner}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
