# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by the addresses in an object: principals, their spellings, the members of groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.content import Component, Property, once
from calcore_caldav.core.itip import SERVER_GROUP, address, sent_by
from calcore_caldav.core.principals import CalendarUserAddress, CalendarUserType, Principal
from calcore_caldav.store.protocol import Transaction

GROUP_STATUS = "2.7"
"""SCHEDULE-STATUS of a group: its members are told one by one (Apple's convention)."""


def acting_for(txn: Transaction, owner: Principal) -> CalendarUserAddress | None:
    """Who acts for somebody; None: they themselves, an administrator, or the program."""
    actor = txn.actor.principal
    return actor.address if actor is not None and actor.id != owner.id and not txn.actor.admin else None


def signed(txn: Transaction, organizer: Principal, obj: CalendarObject) -> CalendarObject:
    """With who acts for the organizer in SENT-BY, without it where it's themselves (RFC 5545 §3.2.18)."""
    if txn.actor.principal is None or txn.actor.admin:
        return obj
    actor = acting_for(txn, organizer)
    sign = once(lambda p: sent_by(p, actor) if p.name == "ORGANIZER" else p)
    made = tuple(c.map(sign) for c in obj.components)
    return obj if made == obj.components else obj.with_components(made)


class People:
    """The principals behind addresses, looked up once per change."""

    def __init__(self, txn: Transaction) -> None:
        self._txn = txn
        self._known: dict[CalendarUserAddress, Principal | None] = {}
        self.aliases: dict[CalendarUserAddress, CalendarUserAddress] = {}
        """Every address seen, with the one that stands for its principal."""

    def find(self, who: CalendarUserAddress) -> Principal | None:
        """The principal of an address, None where it isn't of this server."""
        if who not in self._known:
            principal = self._txn.directory.by_address(who)
            self._known[who] = principal
            self.aliases[who] = principal.address if principal is not None else who
        return self._known[who]

    def learn(self, *objects: CalendarObject | None) -> None:
        """Look up everybody whom the objects name."""
        for obj in objects:
            if obj is not None:
                for who in obj.attendees:
                    self.find(who)
                if obj.organizer is not None:
                    self.find(obj.organizer)

    def spelled(self, obj: CalendarObject, like: CalendarObject) -> CalendarObject:
        """The object with everybody called what `like` calls them, by whichever of their addresses."""
        self.learn(obj, like)
        named = {
            (p.name, self.aliases[address(p)]): p
            for c in like.components
            for p in c.properties
            if p.name in {"ORGANIZER", "ATTENDEE"}
        }

        def edited(prop: Property) -> Property:
            if prop.name not in {"ORGANIZER", "ATTENDEE"}:
                return prop
            known = named.get((prop.name, self.aliases[address(prop)]))
            same = known is None or address(known) == address(prop)
            return prop if same or known is None else prop.with_value(known.value)

        made = tuple(c.map(edited) for c in obj.components)
        return obj if made == obj.components else obj.with_components(made)

    def own(self, principal: Principal) -> frozenset[CalendarUserAddress]:
        """All addresses of a principal."""
        return principal.own_addresses

    def rooms(self, addresses: Iterable[CalendarUserAddress]) -> list[Principal]:
        """The rooms and resources among them."""
        found = (self.find(who) for who in addresses)
        return [p for p in found if p is not None and p.kind.bookable]

    # ---- an organizer's object made complete

    def completed(self, obj: CalendarObject, organizer: Principal) -> CalendarObject:
        """The object with groups expanded, and what the directory knows of who is of this server.

        Unchanged lines keep their bytes; an object without anything to add is the same object.
        """
        made = tuple(self._completed(c, organizer) for c in obj.components)
        self.learn(obj)
        if all(a is b for a, b in zip(made, obj.components, strict=True)):
            return obj
        done = obj.with_components(made)
        self.learn(done)
        return done

    def _completed(self, component: Component, organizer: Principal) -> Component:
        expanded = self._expanded(component, organizer)
        made = list(self._once(self._described(p) for p in expanded.properties))
        if all(a is b for a, b in zip(made, component.properties, strict=False)) and len(made) == len(
            component.properties
        ):
            return component
        return Component(component.name, made, component.children)

    def _once(self, properties: Iterable[Property]) -> Iterator[Property]:
        """Each calendar user's first ATTENDEE only, whatever way clients spell the others."""
        seen: set[CalendarUserAddress] = set()
        for prop in properties:
            if prop.name == "ATTENDEE":
                who = self.aliases.get(address(prop), address(prop))
                if who in seen:
                    continue
                seen.add(who)
            yield prop

    def _described(self, prop: Property) -> Property:
        """An ATTENDEE or ORGANIZER with the parameters that clients look for (RFC 7986 §6.2)."""
        if prop.name not in {"ATTENDEE", "ORGANIZER"}:
            return prop
        principal = self.find(address(prop))
        if principal is None:
            return prop
        made = prop
        if (address(prop).email is None or ":" not in prop.value) and principal.addresses:
            # A path or a UUID means nothing to anybody else, and an address is a URI.
            made = made.with_value(principal.address)
        email = principal.address.email
        if email is not None and not principal.kind.bookable and made.param("EMAIL") is None:
            made = made.with_param("EMAIL", email)
        kind = principal.kind
        if prop.name == "ATTENDEE" and kind.bookable and (made.param("CUTYPE") or "").upper() != kind.value:
            # Clients call everybody INDIVIDUAL, or UNKNOWN: a room would be one of the people.
            made = made.with_param("CUTYPE", kind.value)
        return made

    def _expanded(self, component: Component, organizer: Principal) -> Component:
        """Groups with their members beside them (MEMBER, RFC 5545 §3.2.11); who left a group goes."""
        groups: dict[CalendarUserAddress, tuple[Principal, Property]] = {}
        for prop in component.all("ATTENDEE"):
            principal = self.find(address(prop))
            if principal is not None and principal.kind is CalendarUserType.GROUP:
                groups.setdefault(principal.address, (principal, prop))
        members = {key: self._txn.directory.expand(group) for key, (group, _) in groups.items()}
        listed: set[int] = set()

        def kept(prop: Property) -> Property | None:
            if prop.name != "ATTENDEE":
                return prop
            principal = self.find(address(prop))
            if principal is None:
                return prop
            if principal.kind is CalendarUserType.GROUP:
                return _group(prop)
            of = [CalendarUserAddress.parse(v) for n, vs in prop.params if n == "MEMBER" for v in vs]
            local = [self.aliases[who] for who in of if self._is_group(who)]
            if of and len(local) == len(of):
                still = [key for key in local if any(m.id == principal.id for m in members.get(key, ()))]
                if not still:
                    return None
            listed.add(principal.id)
            return prop

        made = component.map(kept)
        new: list[Property] = []
        for key, (_, prop) in groups.items():
            for member in members[key]:
                if member.id not in listed and member.id != organizer.id:
                    listed.add(member.id)
                    new.append(_member(member, prop))
        return made.adding(*new) if new else made

    def _is_group(self, who: CalendarUserAddress) -> bool:
        principal = self.find(who)
        return principal is not None and principal.kind is CalendarUserType.GROUP


def _group(prop: Property) -> Property:
    if prop.param("CUTYPE") == SERVER_GROUP and prop.param("SCHEDULE-STATUS") == GROUP_STATUS:
        return prop
    made = prop.without_params("PARTSTAT", "RSVP").with_param("CUTYPE", SERVER_GROUP)
    return made.with_param("SCHEDULE-STATUS", GROUP_STATUS)


def _member(member: Principal, group: Property) -> Property:
    params = [
        ("CN", (member.display_name or member.name,)),
        ("PARTSTAT", ("NEEDS-ACTION",)),
        ("RSVP", ("TRUE",)),
        ("MEMBER", (group.value.strip(),)),
    ]
    if member.kind.bookable:
        params.append(("CUTYPE", (member.kind.value,)))
    return Property("ATTENDEE", member.address, tuple(params))
