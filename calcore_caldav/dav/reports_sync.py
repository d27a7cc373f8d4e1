# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync-collection report (RFC 6578 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

from calcore_caldav.dav import properties, xml
from calcore_caldav.dav.calendar_data import responses
from calcore_caldav.dav.decode import decode_calendar_data, decode_sync
from calcore_caldav.dav.http import DavRequest, DavResponse, multistatus
from calcore_caldav.dav.report_table import ReportHandler
from calcore_caldav.dav.resources import CollectionResource, ObjectResource, Resource, sync_token
from calcore_caldav.dav.xml import D
from calcore_caldav.errors import InvalidRequest, InvalidSyncToken
from calcore_caldav.store.protocol import Change, Collection, CollectionKind, SyncToken

_TOO_MANY: Final = (
    "<D:status>HTTP/1.1 507 Insufficient Storage</D:status>"
    "<D:error><D:number-of-matches-within-limits/></D:error>"
)


def sync_collection(request: DavRequest, resource: Resource, root: Element) -> DavResponse:
    """RFC 6578 §3.2: what changed since a token; with a limit in parts, each with a token to go on from."""
    if not isinstance(resource, CollectionResource):
        raise InvalidRequest("a collection is needed", "supported-report", caldav=False)
    request.depth("0", "0", "1")
    collection, query = resource.collection, decode_sync(root)
    changes, token = _changes(request, collection, query.token, query.limit)
    limits = request.settings.limits
    found = [ObjectResource(resource.owner, collection, c.stored) for c in changes if c.stored is not None]
    data = decode_calendar_data(root, limits) if collection.kind is CollectionKind.CALENDAR else None
    answers = responses(request, root, found, data, None)
    parts = [
        next(answers)
        if change.stored is not None
        else properties.missing(request, collection.path + change.name)
        for change in changes
    ]
    if token.position:
        parts.append(f"<D:response>{request.href(collection.path)}{_TOO_MANY}</D:response>")
    return multistatus(request, xml.multistatus(parts, sync_token=str(token)))


def _changes(
    request: DavRequest, collection: Collection, text: str, limit: int | None
) -> tuple[list[Change], SyncToken]:
    """The changes since a token, at most `limit` of them, and the token that goes on from there.

    Raises InvalidSyncToken for a token of another collection or database, or from before the history.
    """
    txn = request.txn
    now = sync_token(request, collection)
    token = SyncToken.parse(text) if text else now._replace(revision=0)
    if token[:2] != now[:2] or token.revision > now.revision:
        raise InvalidSyncToken("the token is of another collection")
    complete, after = _position(token)
    changes = txn.objects.changes_since(
        collection,
        0 if complete else token.revision,
        # In the parts of a first synchronisation, too: what is gone meanwhile may have been sent already.
        removed_since=token.revision,
        after=after,
        limit=None if limit is None else limit + 1,
    )
    if limit is None or len(changes) <= limit:
        return changes, now
    changes = changes[:limit]
    last = changes[-1]
    base = token.revision if token.revision or not complete else now.revision
    position = f"{'all' if complete else 'since'},{last.revision},{quote(last.name, safe='')}"
    return changes, SyncToken(now.epoch, now.collection_id, base, position)


def _position(token: SyncToken) -> tuple[bool, tuple[int, str]]:
    """Whether everything was asked for, and the revision and name of what was sent last."""
    if not token.position:
        return token.revision == 0, (-1, "")
    kind, _, rest = token.position.partition(",")
    revision, _, name = rest.partition(",")
    if kind not in {"all", "since"} or not revision.isdigit():
        raise InvalidSyncToken("not a sync token of this server")
    return kind == "all", (int(revision), unquote(name))


HANDLERS: Final[Mapping[str, ReportHandler]] = {D("sync-collection"): sync_collection}
"""The report of this module by the root of its body."""
