# SPDX-License-Identifier: GPL-3.0-or-later
"""acl: Google's roles over the grants of a calendar (RFC 3744)."""

from __future__ import annotations

from functools import partial
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.collections import check_tag, tag_of
from calcore_caldav.api.listing import Item
from calcore_caldav.api.pages import page_of_few
from calcore_caldav.api.places import GRANTED, RANKS, Place, find_owner, find_place, known, require, role_of
from calcore_caldav.api.problems import ApiProblem, invalid, not_found, required
from calcore_caldav.api.types import Json
from calcore_caldav.core.principals import CalendarUserType, Privilege, with_contained
from calcore_caldav.scheduling.access import ALL, AUTHENTICATED
from calcore_caldav.store.protocol import Grant

_SYSTEM: Final = {AUTHENTICATED: "domain", ALL: "default"}


def list_rules(call: Call) -> Json:
    """Who may do what with the calendar; with a sync token the role "none" where a rule was taken away."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.READ_ACL)
    items = [_item(rule) for rule in _rules(call, place)]
    where = f"acl|{place.collection.id}"
    return page_of_few(call, "calendar#acl", where, items, gone=lambda id_: _item(_rule_json(id_, "none")))


def _item(rule: Json) -> Item:
    return Item((rule["id"],), partial(dict, rule))


def get_rule(call: Call) -> Json:
    """One rule."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.READ_ACL)
    return _rule(call, place, call.path["ruleId"])


def insert_rule(call: Call) -> Json:
    """Give somebody a role; "none" takes it."""
    scope = call.body.get("scope") or {}
    if not scope.get("type"):
        raise required("scope.type", kind="field")
    kind = scope["type"]
    value = scope.get("value") or ""
    if kind != "default" and not value:
        raise required("scope.value", kind="field")
    return _give(call, kind if kind == "default" else f"{kind}:{value}")


def update_rule(call: Call) -> Json:
    """PUT and PATCH: another role."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.WRITE_ACL)
    check_tag(call, _rule(call, place, call.path["ruleId"]))
    return _give(call, call.path["ruleId"])


def delete_rule(call: Call) -> None:
    """Take the role."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.WRITE_ACL)
    rule = _rule(call, place, call.path["ruleId"])
    check_tag(call, rule)
    _set(call, place, rule["id"], "none")


def _give(call: Call, rule_id: str) -> Json:
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.WRITE_ACL)
    role = call.body.get("role")
    if role is None:
        raise required("role", kind="field")
    _set(call, place, rule_id, role)
    grantee, _ = _grantee(call, place, rule_id)
    return _json(call, place, grantee, role)


def _set(call: Call, place: Place, rule_id: str, role: str) -> None:
    grantee, owner = _grantee(call, place, rule_id)
    if owner:
        if role == "owner":
            return
        raise ApiProblem(403, "cannotChangeOwnAcl", "The owner of a calendar stays its owner.")
    collection, directory = place.collection, call.txn.directory
    kept = [
        g for g in directory.grants(place.owner) if g.collection_id == collection.id and g.grantee != grantee
    ]
    new = [Grant(place.owner.id, collection.id, grantee, privilege) for privilege in sorted(GRANTED[role])]
    directory.set_grants(place.owner, collection.id, [*kept, *new])
    call.txn.collections.touch(collection.id)


def _grantee(call: Call, place: Place, rule_id: str) -> tuple[str, bool]:
    """Who a rule id means, and whether that is the owner. Raises ApiProblem."""
    kind, _, value = rule_id.partition(":")
    if rule_id == "default":
        return ALL, False
    if kind == "domain":
        if value.lower() != _domain(place):
            raise invalid("scope.value", "The only domain is the server's own.", kind="field")
        return AUTHENTICATED, False
    if kind in {"user", "group"}:
        principal = find_owner(call.txn, value)
        granted = (g.grantee for g in call.txn.directory.grants(place.owner))
        if principal is not None and not known(call, principal) and principal.name not in granted:
            principal = None
        if principal is None or (principal.kind is CalendarUserType.GROUP) is not (kind == "group"):
            raise invalid("scope.value", f"There is no {kind} {value[:80]!r} here.", kind="field")
        return principal.name, principal.id == place.owner.id
    raise invalid("scope.type", kind="field")


def _rules(call: Call, place: Place) -> list[Json]:
    """The owner's rule, and one for each that privileges were granted to, on the calendar or its home."""
    grants = [
        g for g in call.txn.directory.grants(place.owner) if g.collection_id in {None, place.collection.id}
    ]
    made = [_json(call, place, place.owner.name, "owner")]
    for grantee in dict.fromkeys(g.grantee for g in grants):
        held = with_contained(frozenset(g.privilege for g in grants if g.grantee == grantee))
        role = role_of(held)
        if RANKS[role]:
            made.append(_json(call, place, grantee, role))
    return made


def _rule(call: Call, place: Place, rule_id: str) -> Json:
    try:
        grantee, _ = _grantee(call, place, rule_id)
    except ApiProblem:
        raise not_found() from None
    for rule in _rules(call, place):
        if rule["id"] == _id(call, place, grantee):
            return rule
    raise not_found()


def _json(call: Call, place: Place, grantee: str, role: str) -> Json:
    return _rule_json(_id(call, place, grantee), role)


def _rule_json(id_: str, role: str) -> Json:
    kind, _, value = id_.partition(":")
    made: Json = {
        "kind": "calendar#aclRule",
        "id": id_,
        "scope": {"type": kind} | ({"value": value} if value else {}),
        "role": role,
    }
    return made | {"etag": tag_of(made)}


def _id(call: Call, place: Place, grantee: str) -> str:
    if grantee == ALL:
        return "default"
    if grantee == AUTHENTICATED:
        return f"domain:{_domain(place)}"
    principal = call.txn.directory.by_name(grantee)
    kind = "group" if principal is not None and principal.kind is CalendarUserType.GROUP else "user"
    address = principal.address.email if principal is not None else None
    return f"{kind}:{address or grantee}"


def _domain(place: Place) -> str:
    """Whoever can log in here, called by the owner's domain."""
    return (place.owner.address.email or "").rpartition("@")[2] or "localhost"
