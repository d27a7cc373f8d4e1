# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory: principals, addresses, groups, grants, passwords, tokens."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection as AnyOf
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, insert, or_, select, update

from calcore_caldav.core.principals import (
    RESERVED_NAMES,
    CalendarUserAddress,
    CalendarUserType,
    Principal,
    Privilege,
)
from calcore_caldav.core.times import from_epoch, to_epoch
from calcore_caldav.errors import DirectoryError, NotFound
from calcore_caldav.store import index, principals
from calcore_caldav.store import schema as tables
from calcore_caldav.store.collections import SqlCollectionRows
from calcore_caldav.store.protocol import CollectionKind, CollectionProps, Grant, Token
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Row, Statement

_BOXES: Final = (
    ("inbox", CollectionKind.INBOX, CollectionProps("Inbox", ("VEVENT", "VTODO", "VFREEBUSY"))),
    ("outbox", CollectionKind.OUTBOX, CollectionProps("Outbox", ("VEVENT", "VTODO", "VFREEBUSY"))),
)
_CALENDAR: Final = ("calendar", CollectionKind.CALENDAR, CollectionProps("Calendar", ("VEVENT",)))
_TASKS: Final = ("tasks", CollectionKind.CALENDAR, CollectionProps("Tasks", ("VTODO",)))
_PROVISIONS: Final = {
    CalendarUserType.INDIVIDUAL: (_CALENDAR, _TASKS, *_BOXES),
    CalendarUserType.ROOM: (_CALENDAR, *_BOXES),
    CalendarUserType.RESOURCE: (_CALENDAR, *_BOXES),
}
"""The collections that principals of each kind have from the beginning. Groups have none: invitations of a
group go to its members."""

_people, _addresses, _members = tables.principals, tables.addresses, tables.members
_grants, _tokens = tables.grants, tables.tokens

_WRITTEN: Final[dict[str, BindParameter[Any]]] = {
    c.name: bindparam(c.name) for c in _people.c if c.name not in {"id", "name", "password_hash"}
}
_INSERT = Statement(insert(_people).values(_WRITTEN | {"name": bindparam("name")}).returning(_people.c.id))
_UPDATE = Statement(update(_people).where(_people.c.id == bindparam("id_")).values(_WRITTEN))
_DELETE = Statement(delete(_people).where(_people.c.id == bindparam("id_")))
_ADDRESS_OWNER = Statement(
    select(_people.c.id, _people.c.name).join(_addresses).where(_addresses.c.address == bindparam("address_"))
)
_UUID_OWNER = Statement(select(_people.c.id, _people.c.name).where(_people.c.uuid == bindparam("uuid_")))
_CLEAR_ADDRESSES = Statement(delete(_addresses).where(_addresses.c.principal_id == bindparam("id_")))
_ADD_ADDRESS = Statement(insert(_addresses))

_MEMBERS = Statement(select(_members.c.member_id).where(_members.c.group_id == bindparam("id_")))
_GROUPS = Statement(select(_members.c.group_id).where(_members.c.member_id == bindparam("id_")))
_CLEAR_MEMBERS = Statement(delete(_members).where(_members.c.group_id == bindparam("id_")))
_ADD_MEMBER = Statement(insert(_members))

_GRANT = (_grants.c.owner_id, _grants.c.collection_id, _grants.c.grantee, _grants.c.privilege)
_GRANTS = Statement(select(*_GRANT).where(_grants.c.owner_id == bindparam("id_")).order_by(_grants.c.id))
_GRANTS_TO = Statement(
    select(*_GRANT, _grants.c.id).where(_grants.c.grantee.in_(bindparam("names", expanding=True))), "names"
)
_CLEAR_HOME_GRANTS = Statement(
    delete(_grants).where(_grants.c.owner_id == bindparam("id_"), _grants.c.collection_id.is_(None))
)
_CLEAR_GRANTS = Statement(
    delete(_grants).where(
        _grants.c.owner_id == bindparam("id_"), _grants.c.collection_id == bindparam("collection_id_")
    )
)
_CLEAR_GRANTS_TO = Statement(delete(_grants).where(_grants.c.grantee == bindparam("name_")))
_ADD_GRANT = Statement(
    insert(_grants).values({c.name: bindparam(c.name) for c in _grants.c if c.name != "id"})
)

_PASSWORD = Statement(select(_people.c.password_hash).where(_people.c.id == bindparam("id_")))
_SET_PASSWORD = Statement(
    update(_people).where(_people.c.id == bindparam("id_")).values(password_hash=bindparam("password_hash"))
)
_TOKEN = (_tokens.c.id, _tokens.c.principal_id, _tokens.c.name, _tokens.c.created, _tokens.c.expires)
_TOKENS = Statement(select(*_TOKEN).where(_tokens.c.principal_id == bindparam("id_")).order_by(_tokens.c.id))
_TOKEN_BY_DIGEST = Statement(
    select(*_TOKEN).where(
        _tokens.c.digest == bindparam("digest_"),
        or_(_tokens.c.expires.is_(None), _tokens.c.expires > bindparam("now")),
    )
)
_ADD_TOKEN = Statement(
    insert(_tokens)
    .values({c.name: bindparam(c.name) for c in _tokens.c if c.name != "id"})
    .returning(_tokens.c.id)
)
_DELETE_TOKEN = Statement(delete(_tokens).where(_tokens.c.id == bindparam("id_")))


class SqlDirectory:
    """See protocol.Directory."""

    __slots__ = ("_collections", "_session")

    def __init__(self, session: Session, collections: SqlCollectionRows) -> None:
        self._session = session
        self._collections = collections

    def by_name(self, name: str) -> Principal | None:
        return principals.by_name(self._session, name)

    def by_id(self, principal_id: int) -> Principal | None:
        return principals.by_id(self._session, principal_id)

    def by_address(self, address: CalendarUserAddress) -> Principal | None:
        return principals.by_address(self._session, address)

    def all(self, *kinds: CalendarUserType) -> list[Principal]:
        return principals.of_kinds(self._session, kinds or CalendarUserType)

    def save(self, principal: Principal) -> Principal:
        old = self.by_name(principal.name)
        identity = principal.uuid or (old.uuid if old else str(uuid.uuid4()))
        own = tuple(dict.fromkeys(CalendarUserAddress.parse(a) for a in principal.addresses))
        problems = [*self._problems(principal, old, identity, own)]
        if problems:
            raise DirectoryError(problems)
        columns = {
            "uuid": identity,
            "kind": principal.kind.value,
            "display_name": principal.display_name,
            "timezone": principal.timezone,
            "language": principal.language,
            "admin": principal.admin,
            "hidden": principal.hidden,
            "location": json.dumps(asdict(principal.location), ensure_ascii=False),
            "booking": json.dumps(dict(principal.booking), ensure_ascii=False),
            "default_calendar": principal.default_calendar,
        }
        sql = self._session.sql
        if old:
            principal_id = old.id
            sql.run(_UPDATE, id_=principal_id, **columns)
        else:
            principal_id = sql.insert(_INSERT, name=principal.name, **columns)
        if old is None or old.addresses != own:
            sql.run(_CLEAR_ADDRESSES, id_=principal_id)
            rows = [
                {"address": str(address), "principal_id": principal_id, "position": position}
                for position, address in enumerate(own)
            ]
            if rows:
                sql.many(_ADD_ADDRESS, rows)
        self._session.directory_changed()
        saved = replace(principal, id=principal_id, uuid=identity, addresses=own)
        if old and (old.own_addresses, old.timezone) != (saved.own_addresses, saved.timezone):
            self._reindex(saved)
        return saved

    def _problems(
        self,
        principal: Principal,
        old: Principal | None,
        identity: str,
        own: Sequence[CalendarUserAddress],
    ) -> Iterator[str]:
        name = principal.name
        if not name or name in RESERVED_NAMES or name.startswith(".") or "/" in name:
            yield f"{name!r} cannot be a principal's name"
        if old is not None and principal.id not in {0, old.id}:
            yield f"the name {name!r} is another principal's"
        taken = [(self._session.sql.first(_UUID_OWNER, uuid_=identity), f"the uuid {identity}")]
        taken += [(self._session.sql.first(_ADDRESS_OWNER, address_=str(a)), f"the address {a}") for a in own]
        for owner, what in taken:
            if owner is not None and (old is None or owner[0] != old.id):
                yield f"{what} of {name!r} belongs to {owner[1]!r} already"

    def _reindex(self, owner: Principal) -> None:
        for collection in self._collections.of(owner):
            for _ in index.rewrite_collection(self._session, collection.id):
                pass

    def provision(self, principal: Principal) -> None:
        present = {collection.name for collection in self._collections.of(principal)}
        for name, kind, props in _PROVISIONS.get(principal.kind, ()):
            if name not in present:
                self._collections.create(principal, name, kind, props)

    def delete(self, principal: Principal) -> None:
        if not self._session.sql.run(_DELETE, id_=principal.id):
            raise NotFound(principal.path)
        self._session.sql.run(_CLEAR_GRANTS_TO, name_=principal.name)
        self._session.directory_changed()

    def members(self, group: Principal) -> list[Principal]:
        return self._named(self._session.sql.all(_MEMBERS, id_=group.id))

    def set_members(self, group: Principal, names: Sequence[str]) -> None:
        found = {name: self.by_name(name) for name in names}
        missing = [name for name, principal in found.items() if principal is None]
        if missing:
            raise DirectoryError([f"{group.name!r} cannot have the unknown member {m!r}" for m in missing])
        self._session.sql.run(_CLEAR_MEMBERS, id_=group.id)
        rows = [{"group_id": group.id, "member_id": p.id} for p in found.values() if p is not None]
        if rows:
            self._session.sql.many(_ADD_MEMBER, rows)
        self._session.directory_changed()

    def expand(self, group: Principal) -> list[Principal]:
        found: dict[int, Principal] = {}
        seen, waiting = {group.id}, [group]
        while waiting:
            for member in self.members(waiting.pop()):
                if member.kind is not CalendarUserType.GROUP:
                    found[member.id] = member
                elif member.id not in seen:
                    seen.add(member.id)
                    waiting.append(member)
        return sorted(found.values(), key=lambda p: p.name)

    def groups_of(self, principal: Principal) -> list[Principal]:
        view = self._session.directory
        known = view.groups.get(principal.id)
        if known is None:
            seen: set[int] = set()
            waiting = [principal.id]
            while waiting:
                for (group_id,) in self._session.sql.all(_GROUPS, id_=waiting.pop()):
                    if group_id not in seen:
                        seen.add(group_id)
                        waiting.append(group_id)
            known = view.groups[principal.id] = self._named([(id_,) for id_ in seen])
        return [*known]

    def _named(self, ids: Sequence[Row]) -> list[Principal]:
        found = (self.by_id(id_) for (id_,) in ids)
        return sorted((p for p in found if p is not None), key=lambda p: p.name)

    def grants(self, owner: Principal) -> list[Grant]:
        view = self._session.directory
        known = view.grants.get(owner.id)
        if known is None:
            known = view.grants[owner.id] = [
                _grant(row) for row in self._session.sql.all(_GRANTS, id_=owner.id)
            ]
        return [*known]

    def grants_to(self, grantees: AnyOf[str]) -> list[Grant]:
        rows = self._session.sql.listed(_GRANTS_TO, [*{*grantees}])
        return [_grant(row) for row in sorted(rows, key=lambda row: row[4])]

    def set_grants(self, owner: Principal, collection_id: int | None, grants: Sequence[Grant]) -> None:
        sql = self._session.sql
        if collection_id is None:
            sql.run(_CLEAR_HOME_GRANTS, id_=owner.id)
        else:
            sql.run(_CLEAR_GRANTS, id_=owner.id, collection_id_=collection_id)
        for grantee, privilege in dict.fromkeys((g.grantee, g.privilege.value) for g in grants):
            sql.run(
                _ADD_GRANT,
                owner_id=owner.id,
                collection_id=collection_id,
                grantee=grantee,
                privilege=privilege,
            )
        self._session.directory_changed()

    def password_hash(self, principal: Principal) -> str | None:
        found: str | None = self._session.sql.value(_PASSWORD, id_=principal.id)
        return found

    def set_password_hash(self, principal: Principal, password_hash: str | None) -> None:
        self._session.sql.run(_SET_PASSWORD, id_=principal.id, password_hash=password_hash)

    def add_token(self, principal: Principal, name: str, digest: str, expires: datetime | None) -> Token:
        token_id = self._session.sql.insert(
            _ADD_TOKEN,
            principal_id=principal.id,
            name=name,
            digest=digest,
            created=self._session.now_ts,
            expires=None if expires is None else to_epoch(expires),
        )
        return Token(token_id, principal.id, name, self._session.now, expires)

    def token_by_digest(self, digest: str) -> Token | None:
        row = self._session.sql.first(_TOKEN_BY_DIGEST, digest_=digest, now=self._session.now_ts)
        return _token(row) if row else None

    def tokens(self, principal: Principal) -> list[Token]:
        return [_token(row) for row in self._session.sql.all(_TOKENS, id_=principal.id)]

    def delete_token(self, token_id: int) -> bool:
        return self._session.sql.run(_DELETE_TOKEN, id_=token_id) > 0


def _grant(row: Row) -> Grant:
    return Grant(row[0], row[1], row[2], Privilege(row[3]))


def _token(row: Row) -> Token:
    expires = None if row[4] is None else from_epoch(row[4])
    return Token(row[0], row[1], row[2], from_epoch(row[3]), expires)
