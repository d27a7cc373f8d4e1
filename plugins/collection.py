# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections and items in Radicale's shape."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, overload

from radicale import xmlutils
from radicale.item import Item
from radicale.storage import BaseCollection, ComponentNotFoundError
from radicale_calcore.filters import matching
from radicale_calcore.transactions import current, reading, sent_body, undoing_failures

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Privilege
from calcore_caldav.core.vcard import vcard_uid
from calcore_caldav.errors import CalcoreError, InvalidSyncToken
from calcore_caldav.scheduling.access import privileges, shown, tag_of, veils
from calcore_caldav.scheduling.services import Services
from calcore_caldav.store.protocol import (
    Collection as Row,
)
from calcore_caldav.store.protocol import (
    CollectionKind,
    CollectionProps,
    StoredObject,
    SyncToken,
    Transaction,
)

TAGS: Final[Mapping[CollectionKind, str]] = {
    CollectionKind.CALENDAR: "VCALENDAR",
    CollectionKind.ADDRESSBOOK: "VADDRESSBOOK",
}
"""Radicale's tags; everything else, inbox and outbox too, is a folder for it."""
KINDS: Final = {tag: kind for kind, tag in TAGS.items()}

_COMPONENTS: Final = "C:supported-calendar-component-set"
NAME: Final = "D:displayname"
_ZONE: Final = "C:calendar-timezone"
_SOURCE: Final = "CS:source"
_OWN: Final = frozenset({"tag", NAME, _COMPONENTS, _ZONE})
_CHUNK: Final = 200


class StoredItem(Item):  # type: ignore[misc]  # Radicale is not typed
    """An item that reads its text when it's asked for."""

    def __init__(self, collection: Collection, stored: StoredObject, text: str | None = None) -> None:
        super().__init__(
            collection=collection,
            href=stored.name,
            last_modified=http_date(stored.modified),
            text="" if text is None else text,
            etag=tag_of(stored, collection.row, collection.privileges),
            uid=stored.uid,
            name="VCARD" if stored.component == "VCARD" else "VCALENDAR",
            component_name=stored.component,
        )
        self.stored = stored
        self._read = text is not None

    def serialize(self) -> str:
        """The stored text."""
        if not self._read:
            with reading(self.collection.services) as txn:
                self._text = self.collection.text_of(txn, self.stored, txn.objects.body(self.stored))
            self._read = True
        text: str = self._text
        return text

    @property
    def vobject_item(self) -> Any:
        """For Radicale's own filters."""
        self.serialize()
        return super().vobject_item


class Collection(BaseCollection):  # type: ignore[misc]  # Radicale is not typed
    """A calendar, address book or folder."""

    def __init__(self, services: Services, row: Row) -> None:
        self.services = services
        self.row = row
        with reading(services) as txn:
            owner = txn.directory.by_id(row.principal_id)
            self.privileges = (
                frozenset[Privilege]()
                if owner is None
                else privileges(txn, txn.actor, owner, row, settings=services.settings)
            )
            """What who asks may do here."""

    def text_of(self, txn: Transaction, stored: StoredObject, body: bytes) -> str:
        """The text that who asks may read."""
        if not veils(self.row, self.privileges):
            return to_text(body)
        whole = txn.objects.parsed(stored)
        seen = shown(whole, self.row, self.privileges)
        return to_text(body if seen is whole else seen.body)

    @property
    def path(self) -> str:
        """Without slashes around."""
        return f"{self.row.owner}/{self.row.name}"

    @property
    def tag(self) -> str:
        """VCALENDAR, VADDRESSBOOK, VSUBSCRIBED or ""."""
        if self.row.kind is CollectionKind.PLAIN and self.get_meta(_SOURCE):
            return "VSUBSCRIBED"
        return TAGS.get(self.row.kind, "")

    @property
    def etag(self) -> str:
        """Changes with everything in it."""
        with reading(self.services) as txn:
            return f'"{self._token(txn)}"'

    @property
    def last_modified(self) -> str:
        """As an HTTP date."""
        return http_date(self.row.modified)

    def _token(self, txn: Transaction) -> SyncToken:
        row = txn.collections.by_id(self.row.id) or self.row
        return SyncToken(txn.sync_epoch, row.id, row.revision)

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        """The token, and names of what changed since the old one, removed ones too (RFC 6578 §3.2)."""
        with reading(self.services) as txn:
            token = self._token(txn)
            if not old_token:
                return str(token), [stored.name for stored in txn.objects.all(self.row)]
            try:
                old = SyncToken.parse(old_token)
                changes = txn.objects.changes_since(self.row, old.revision)
            except InvalidSyncToken as error:
                raise ValueError(str(error)) from error
        if (old.epoch, old.collection_id) != (token.epoch, token.collection_id):
            raise ValueError("the token is of another collection")
        return str(token), [change.name for change in changes]

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """Items by name, with their text."""
        names = list(dict.fromkeys(hrefs))
        with reading(self.services) as txn:
            found = txn.objects.named(self.row, names)
            items = {item.href: item for item in self._with_text(txn, list(found.values()))}
        return ((name, items.get(name)) for name in names)

    def get_all(self) -> Iterator[Item]:
        """All items, with their text."""
        with reading(self.services) as txn:
            yield from self._with_text(txn, list(txn.objects.all(self.row)))

    def get_filtered(self, filters: Iterable[ET.Element]) -> Iterator[tuple[Item, bool]]:
        """Items that match; True: exactly, so that Radicale need not parse them."""
        with reading(self.services) as txn:
            found = list(
                matching(txn, self.row, list(filters), self.services.settings.limits, self.privileges)
            )
            exact = all(certain for _, certain in found)
            yield from ((item, exact) for item in self._with_text(txn, [stored for stored, _ in found]))

    def _with_text(self, txn: Transaction, found: list[StoredObject]) -> Iterator[StoredItem]:
        for start in range(0, len(found), _CHUNK):
            chunk = found[start : start + _CHUNK]
            bodies = txn.objects.bodies(chunk)
            for stored in chunk:
                yield StoredItem(self, stored, self.text_of(txn, stored, bodies[stored.id]))

    def has_uid(self, uid: str) -> bool:
        """From the index."""
        with reading(self.services) as txn:
            return txn.objects.by_uid(self.row, uid) is not None

    def upload(self, href: str, item: Item) -> tuple[Item, Item | None]:
        """PUT through the corridor; returns what is stored, and what was before."""
        txn = current()
        with undoing_failures(txn):
            old = txn.objects.get(self.row, href)
            before = StoredItem(self, old, to_text(txn.objects.body(old))) if old else None
            result = self.services.calendar.put(
                txn, self.row, href, self._bytes(item), content_type=self._content_type
            )
            after = StoredItem(self, result.stored, to_text(txn.objects.body(result.stored)))
        return after, before

    @property
    def _content_type(self) -> str:
        return "text/vcard" if self.row.kind is CollectionKind.ADDRESSBOOK else "text/calendar"

    def _bytes(self, item: Item) -> bytes:
        """The client's own bytes, where they are this item's; else Radicale's rendering of it."""
        rendered: bytes = item.serialize().encode()
        sent = sent_body()
        if not sent:
            return rendered
        if self.row.kind is CollectionKind.ADDRESSBOOK:
            one = sent.upper().count(b"BEGIN:VCARD") == 1
            return sent if one and vcard_uid(sent) == item.uid else rendered
        try:
            same = CalendarObject.parse(sent, limits=self.services.settings.limits).uid == item.uid
        except CalcoreError:
            return rendered
        return sent if same else rendered

    def replace_all(self, items: Iterable[Item]) -> tuple[dict[str, Item], list[str]]:
        """What is in the collection becomes `items`; objects keep their names by UID.

        Returns the replaced items by name, and the names of new ones.
        """
        txn = current()
        present = {stored.uid: stored for stored in txn.objects.all(self.row)}
        replaced: dict[str, Item] = {}
        created: list[str] = []
        new = {item.uid: item for item in items}
        for uid, stored in present.items():
            if uid not in new:
                self.services.calendar.delete(txn, stored)
        for uid, item in new.items():
            known = present.get(uid)
            name = known.name if known else self._name_for(uid)
            _, before = self.upload(name, item)
            if before is None:
                created.append(name)
            else:
                replaced[name] = before
        return replaced, created

    def _name_for(self, uid: str) -> str:
        suffix = ".vcf" if self.row.kind is CollectionKind.ADDRESSBOOK else ".ics"
        if re.fullmatch(r"[A-Za-z0-9@_-][A-Za-z0-9@._-]{0,200}", uid):
            return uid + suffix
        return hashlib.sha256(uid.encode()).hexdigest() + suffix

    def delete(self, href: str | None = None) -> None:
        """DELETE of an item, or of the collection."""
        txn = current()
        with undoing_failures(txn):
            if href is None:
                self.services.calendar.delete_collection(txn, self.row)
                return
            stored = txn.objects.get(self.row, href)
            if stored is None:
                raise ComponentNotFoundError(href)
            self.services.calendar.delete(txn, stored)

    @overload
    def get_meta(self, key: None = None) -> Mapping[str, str]: ...

    @overload
    def get_meta(self, key: str) -> str | None: ...

    def get_meta(self, key: str | None = None) -> Mapping[str, str] | str | None:
        """Properties by Radicale's names; of XML-valued ones the text only."""
        meta = self._meta()
        return meta if key is None else meta.get(key)

    def _meta(self) -> dict[str, str]:
        row = self.row
        with reading(self.services) as txn:
            dead = txn.collections.dead_properties(row.path)
        meta = {
            xmlutils.make_human_tag(name): (ET.fromstring(xml).text or "")  # noqa: S314  # our own text
            for name, xml in dead.items()
        }
        own = {
            "tag": TAGS.get(row.kind) or ("VSUBSCRIBED" if meta.get(_SOURCE) else ""),
            NAME: row.display_name,
            _COMPONENTS: ",".join(row.components) if row.kind is CollectionKind.CALENDAR else None,
            _ZONE: row.timezone,
        }
        meta.update({name: value for name, value in own.items() if value})
        return meta

    def set_meta(self, props: Mapping[str, str]) -> None:
        """All properties; what keeps its value is not written, so XML-valued ones survive."""
        txn = current()
        with undoing_failures(txn):
            present = self._meta()
            new = props_of(self.row.kind, props)
            row = replace(
                self.row,
                display_name=new.display_name,
                components=new.components if _COMPONENTS in props else self.row.components,
                timezone=new.timezone,
            )
            if row != self.row:
                self.services.calendar.update_collection(txn, row)
            for name in (present.keys() | props.keys()) - _OWN:
                if present.get(name) != props.get(name):
                    clark = xmlutils.make_clark(name)
                    xml = _element(clark, props[name]) if name in props else None
                    txn.collections.set_dead_property(row.path, clark, xml)
            self.row = txn.collections.by_id(row.id) or row


def props_of(kind: CollectionKind, props: Mapping[str, str]) -> CollectionProps:
    """What of Radicale's properties has a column of its own."""
    defaults = CollectionProps()
    components = tuple(c.strip().upper() for c in props.get(_COMPONENTS, "").split(",") if c.strip())
    return CollectionProps(
        display_name=props.get(NAME) or None,
        components=components if components and kind is CollectionKind.CALENDAR else defaults.components,
        timezone=props.get(_ZONE) or None,
    )


def http_date(instant: datetime) -> str:
    """RFC 9110 §5.6.7."""
    return instant.strftime("%a, %d %b %Y %H:%M:%S GMT")


def to_text(body: bytes) -> str:
    """Stored bytes as Radicale wants them."""
    return body.decode(errors="replace")


def _element(clark: str, text: str) -> str:
    element = ET.Element(clark)
    element.text = text
    return ET.tostring(element, encoding="unicode")
