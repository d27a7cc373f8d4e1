# SPDX-License-Identifier: GPL-3.0-or-later
"""Who books a room, what a policy lets them do, how much they hold already, and how many people they bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta, tzinfo
from typing import Final

from calcore_caldav.core.calobject import CalendarObject, PartStat, partstat
from calcore_caldav.core.content import Component
from calcore_caldav.core.freebusy import FreeBusyType
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal, Privilege
from calcore_caldav.core.timerange import END
from calcore_caldav.core.times import Period
from calcore_caldav.scheduling import availability
from calcore_caldav.scheduling.booking import week_of
from calcore_caldav.scheduling.policy import BookingPolicy, External
from calcore_caldav.scheduling.request import Role, Wanted
from calcore_caldav.scheduling.syntax import ZERO
from calcore_caldav.store.protocol import Transaction

_NOT_PEOPLE: Final = frozenset({CalendarUserType.ROOM.value, CalendarUserType.RESOURCE.value})


def booker_names(txn: Transaction, copy: CalendarObject) -> frozenset[str]:
    """The words for who books: the organizer, and who acts for it (SENT-BY).

    For organizers of this server, who are known to let others act for them: elsewhere anybody can write that.
    """
    prop = next((p for c in copy.components if (p := c.get("ORGANIZER")) is not None), None)
    if prop is None:
        return frozenset()
    organizer, sent_by = CalendarUserAddress.parse(prop.value), prop.param("SENT-BY")
    names = role_names(txn, organizer)
    if not sent_by or txn.directory.by_address(organizer) is None:
        return names
    return names | role_names(txn, CalendarUserAddress.parse(sent_by))


LOCAL: Final = "all"
"""Stands, among somebody's names, for being somebody of this server."""


def role_names(txn: Transaction, address: CalendarUserAddress) -> frozenset[str]:
    """All words under which a policy's lists may mean somebody: name, groups, addresses, domains, "all"."""
    principal = txn.directory.by_address(address)
    addresses = principal.own_addresses if principal is not None else frozenset({address})
    emails = [a.email for a in addresses if a.email]
    names = {*emails, *("@" + e.rpartition("@")[2] for e in emails), str(address)}
    if principal is not None:
        names |= {principal.name, LOCAL, *(g.name for g in txn.directory.groups_of(principal))}
    return frozenset(names)


def managers(txn: Transaction, room: Principal) -> frozenset[str]:
    """Names of the people and groups that manage a room."""
    return frozenset(
        g.grantee
        for g in txn.directory.grants(room)
        if g.privilege is Privilege.ALL and g.collection_id is None
    )


def listed(entries: Sequence[str], names: frozenset[str], managed: frozenset[str]) -> bool:
    """Whether a list of bookers means somebody who has those names; `managed`: names of the room's managers."""
    return any(
        bool(managed & names) if entry == "managers" else entry in names or entry.lower() in names
        for entry in entries
    )


def role_of(policy: BookingPolicy, names: frozenset[str], managed: frozenset[str]) -> Role:
    """What somebody who has those names may do; `managed`: names of the room's managers."""
    for role, entries in (
        (Role.OVERRIDE, policy.override),
        (Role.BOOK, policy.book),
        (Role.REQUEST, policy.request),
    ):
        if listed(entries, names, managed):
            return role
    return Role.NOBODY if LOCAL in names else _EXTERNAL[policy.external]


_EXTERNAL: Final = {
    External.BOOK: Role.BOOK,
    External.REQUEST: Role.REQUEST,
    External.REJECT: Role.OUTSIDER,
}


def holdings(
    txn: Transaction,
    room: Principal,
    organizer: CalendarUserAddress,
    wanted: Sequence[Wanted],
    own_ids: frozenset[int],
    zone: tzinfo,
) -> tuple[int, Mapping[date, timedelta]]:
    """How many future bookings of the room somebody has, and how much time in each week that is asked for."""
    principal = txn.directory.by_address(organizer)
    addresses = principal.own_addresses if principal is not None else frozenset({organizer})
    weeks = {week_of(w.start, zone) for w in wanted}
    first = min([txn.now, *(w.start for w in wanted)]) - timedelta(days=8)
    last = max([txn.now + timedelta(days=366), *(w.end for w in wanted)]) + timedelta(days=8)
    mine: dict[int, bool] = dict.fromkeys(own_ids, False)

    def is_mine(object_id: int) -> bool:
        if object_id not in mine:
            stored = txn.objects.by_id(object_id)
            mine[object_id] = stored is not None and stored.organizer in addresses
        return mine[object_id]

    used: dict[date, timedelta] = {}
    # Of what is further ahead the bookings tell enough.
    far = txn.bookings.of(room, Period(last, END))
    future = {b.object_id for b in far if is_mine(b.object_id)}
    for row in txn.instances.rows(availability.calendars(txn, room), Period(first, last)):
        if row.fbtype is FreeBusyType.FREE or not is_mine(row.object_id):
            continue
        if row.end > txn.now:
            future.add(row.object_id)
        week = week_of(row.start, zone)
        if week in weeks:
            used[week] = used.get(week, ZERO) + (row.end - row.start)
    return len(future), used


class Heads:
    """Counts the people of components, each component once."""

    def __init__(self, txn: Transaction) -> None:
        self._txn = txn
        self._known: dict[int, int] = {}
        self._groups: dict[CalendarUserAddress, frozenset[CalendarUserAddress]] = {}

    def count(self, component: Component) -> int:
        """People who come or may come: attendees but rooms and those who declined, groups expanded."""
        key = id(component)
        if key not in self._known:
            people: set[CalendarUserAddress] = set()
            away: set[CalendarUserAddress] = set()
            groups: list[CalendarUserAddress] = []
            for prop in component.all("ATTENDEE"):
                kind = (prop.param("CUTYPE") or "INDIVIDUAL").upper()
                address = CalendarUserAddress.parse(prop.value)
                if kind in _NOT_PEOPLE:
                    continue
                if partstat(prop) is PartStat.DECLINED:
                    away.add(address)
                elif "GROUP" in kind:
                    groups.append(address)
                else:
                    people.add(address)
            if groups:
                # Members answer for themselves, by whichever of their addresses they are invited.
                people, away = {*map(self._chief, people)}, {*map(self._chief, away)}
                people.update(*(self._members(group) - away for group in groups))
            self._known[key] = len(people)
        return self._known[key]

    def _chief(self, address: CalendarUserAddress) -> CalendarUserAddress:
        found = self._txn.directory.by_address(address)
        return found.address if found is not None else address

    def _members(self, address: CalendarUserAddress) -> frozenset[CalendarUserAddress]:
        if address not in self._groups:
            group = self._txn.directory.by_address(address)
            members = self._txn.directory.expand(group) if group is not None else []
            self._groups[address] = frozenset(m.address for m in members if not m.kind.bookable)
        return self._groups[address]
