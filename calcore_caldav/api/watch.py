# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels: a client's webhook is called when a calendar changed, whatever door the change came in by.

A channel lives as a job that looks at the calendar's revision. Before a call goes out its repetition is queued,
so that neither a crash nor a webhook that fails loses it; its success takes the repetition away.
"""

from __future__ import annotations

import json
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from calcore_caldav.api.call import Call, Reply
from calcore_caldav.api.collections import json_of, set_text
from calcore_caldav.api.identifiers import base32hex
from calcore_caldav.api.places import find_place, require
from calcore_caldav.api.problems import ApiProblem, invalid, not_found, required
from calcore_caldav.api.types import Json
from calcore_caldav.api.webhook import is_callable, is_public, post_empty
from calcore_caldav.core.principals import Principal, Privilege
from calcore_caldav.core.times import from_epoch, to_epoch
from calcore_caldav.scheduling.access import actor_of, privileges
from calcore_caldav.scheduling.settings import SchedulingSettings
from calcore_caldav.store.protocol import SYSTEM, Collection, Job, Store, Transaction

Post = Callable[[str, Mapping[str, str]], int]
"""Sends a POST without a body; the status. Raises OSError."""

CHANNEL_JOB: Final = "webhook"
CHANNELS: Final = "{urn:x-calcore:json}channels"
"""Property of a home: the channels that its owner has open, id to resourceId."""
_EVERY: Final = timedelta(seconds=5)
_LIFETIME: Final = timedelta(days=7)
_LONGEST: Final = timedelta(days=30)
_RETRIES: Final = (5, 30, 120, 600, 3600)
_MOST: Final = 100

logger = logging.getLogger(__name__)


def watch_events(call: Call) -> Json:
    """Open a channel on the events of a calendar."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.READ_FREE_BUSY)
    url = f"{call.base_url}/calendars/{urllib.parse.quote(call.path['calendarId'], safe='')}/events?alt=json"
    return _open(call, place.collection, place.owner, url)


def watch_acl(call: Call) -> Json:
    """Open a channel on a calendar's rules; it also tells of changed events."""
    place = find_place(call, call.path["calendarId"])
    require(place, Privilege.READ_ACL)
    url = f"{call.base_url}/calendars/{urllib.parse.quote(call.path['calendarId'], safe='')}/acl?alt=json"
    return _open(call, place.collection, place.owner, url)


def watch_refused(_: Call) -> Reply:
    """Lists of calendars and settings are not watched."""
    raise ApiProblem(501, "notImplemented", "Only events and acl can be watched.")


def stop_channel(call: Call) -> None:
    """Close a channel of the caller's."""
    principal = call.actor.principal
    if principal is None:
        raise not_found()
    id_, resource = call.body.get("id"), call.body.get("resourceId")
    for name, value in (("id", id_), ("resourceId", resource)):
        if not value:
            raise required(name, kind="field")
    channels = _channels(call.txn, principal)
    if id_ is None or channels.get(id_) != resource:
        raise ApiProblem(404, "notFound", f"Channel {str(id_)[:80]!r} not found for this project")
    del channels[id_]
    _save(call.txn, principal, channels)


def _open(call: Call, collection: Collection, owner: Principal, url: str) -> Json:
    principal, body = call.actor.principal, call.body
    if principal is None:
        raise not_found()
    id_, address = body.get("id") or "", body.get("address") or ""
    if not id_:
        raise required("id", kind="field")
    if len(id_) > 64 or not id_.isascii() or not id_.isprintable():
        raise invalid("id", kind="field")
    if body.get("type") not in {"web_hook", "webhook"}:
        raise invalid("type", 'Channels are of the type "web_hook".', kind="field")
    if not _is_web(address):
        raise invalid("address", "The address of a webhook is an http or https URL.", kind="field")
    token = body.get("token") or ""
    if len(token) > 256 or not token.isascii() or not token.isprintable():
        raise invalid("token", kind="field")
    channels = _channels(call.txn, principal)
    if id_ in channels:
        raise ApiProblem(
            400, "channelIdNotUnique", f"Channel id {id_} not unique", location="id", kind="field"
        )
    if len(channels) >= _MOST:
        raise ApiProblem(403, "quotaExceeded", f"At most {_MOST} channels can be open.")
    expires = _expiration(body, call.txn.now)
    resource = base32hex(f"{call.txn.sync_epoch}/{collection.id}".encode())[:26]
    channels[id_] = resource
    _save(call.txn, principal, channels)
    payload = {
        "channel": id_,
        "principal": principal.name,
        "owner": owner.name,
        "collection": collection.id,
        "revision": collection.revision,
        "resource": resource,
        "uri": url,
        "address": address,
        "token": token,
        "expires": to_epoch(expires),
        "number": 0,
        "failures": 0,
    }
    call.txn.jobs.add(CHANNEL_JOB, payload, dedupe=_key(payload))
    made = {
        "kind": "api#channel",
        "id": id_,
        "resourceId": resource,
        "resourceUri": url,
        "expiration": str(to_epoch(expires) * 1000),
    }
    return made | ({"token": token} if token else {})


def _expiration(body: Json, now: datetime) -> datetime:
    """`expiration` in milliseconds, or `params.ttl` in seconds; at most 30 days."""
    latest = now + _LONGEST
    ttl = (body.get("params") or {}).get("ttl")
    stated = body.get("expiration")
    for name, value in (("expiration", stated), ("params.ttl", ttl)):
        if value is not None and not (
            str(value).isascii() and str(value).isdecimal() and len(str(value)) < 16
        ):
            raise invalid(name, kind="field")
    if stated is not None:
        wanted = from_epoch(min(int(stated) // 1000, to_epoch(latest)))
    elif ttl is not None:
        wanted = now + min(timedelta(seconds=min(int(ttl), 10**9)), _LONGEST)
    else:
        wanted = now + _LIFETIME
    if wanted <= now:
        raise invalid("expiration", "The channel would have expired.", kind="field")
    return min(wanted, latest)


def _is_web(address: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    printable = address.isascii() and address.isprintable() and " " not in address
    return printable and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


# ---- the job


def handlers(
    store: Store, post: Post | None = None
) -> Mapping[str, Callable[[Transaction, Job, SchedulingSettings], None]]:
    """The job kinds of this room, for the worker's table; `post` sends the calls."""
    return {CHANNEL_JOB: partial(_look, store, post)}


def _look(store: Store, post: Post | None, txn: Transaction, job: Job, settings: SchedulingSettings) -> None:
    """Call the webhook if the calendar changed since the last call that went well; then look again later."""
    payload = dict(job.payload)
    principal = txn.directory.by_name(str(payload["principal"]))
    if principal is None:
        return
    channels = _channels(txn, principal)
    if channels.get(str(payload["channel"])) != payload["resource"]:
        return
    collection = txn.collections.by_id(_int(payload, "collection"))
    owner = txn.directory.by_name(str(payload["owner"]))
    allowed = (
        collection is not None
        and owner is not None
        and (
            Privilege.READ_FREE_BUSY
            in privileges(txn, actor_of(txn, principal.name), owner, collection, settings=settings)
        )
    )
    if collection is None or not allowed or _int(payload, "expires") <= to_epoch(txn.now):
        del channels[str(payload["channel"])]
        _save(txn, principal, channels)
        return
    first = _int(payload, "number") == 0
    if not first and collection.revision == _int(payload, "revision"):
        txn.jobs.add(CHANNEL_JOB, payload, dedupe=_key(payload), not_before=txn.now + _EVERY)
        return
    failures = _int(payload, "failures")
    wait = timedelta(seconds=_RETRIES[min(failures, len(_RETRIES) - 1)])
    again = payload | {"failures": failures + 1}
    txn.jobs.add(CHANNEL_JOB, again, dedupe=_key(payload), not_before=txn.now + wait)
    number = _int(payload, "number") + 1
    # What changed between the opening of the channel and its first call is told by the second one.
    seen = _int(payload, "revision") if first else collection.revision
    told = payload | {"revision": seen, "number": number, "failures": 0}
    allowed_at = is_callable if settings.private_webhooks else is_public
    send = post or partial(post_empty, allowed=allowed_at)
    txn.after_commit(partial(_call, store, send, told, "sync" if first else "exists"))


def _call(store: Store, post: Post, payload: Json, state: str) -> None:
    headers = {
        "X-Goog-Channel-ID": str(payload["channel"]),
        "X-Goog-Message-Number": str(payload["number"]),
        "X-Goog-Resource-ID": str(payload["resource"]),
        "X-Goog-Resource-State": state,
        "X-Goog-Resource-URI": str(payload["uri"]),
        "X-Goog-Channel-Expiration": from_epoch(payload["expires"]).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    if payload["token"]:
        headers["X-Goog-Channel-Token"] = str(payload["token"])
    try:
        status = post(str(payload["address"]), headers)
    except (OSError, ValueError) as error:
        logger.info("webhook %s: %s", payload["address"], error)
        return
    if not 200 <= status < 300:
        logger.info("webhook %s: status %d", payload["address"], status)
        return
    with store.write(SYSTEM) as txn:
        txn.jobs.add(CHANNEL_JOB, payload, dedupe=_key(payload), not_before=txn.now + _EVERY)


def _key(payload: Mapping[str, object]) -> str:
    return f"webhook/{payload['principal']}/{payload['channel']}"


def _int(payload: Mapping[str, object], name: str) -> int:
    value = payload.get(name)
    return value if isinstance(value, int) else 0


def _channels(txn: Transaction, principal: Principal) -> dict[str, str]:
    return json_of(txn, principal.path, CHANNELS)


def _save(txn: Transaction, principal: Principal, channels: Mapping[str, str]) -> None:
    set_text(txn, principal.path, CHANNELS, json.dumps(channels) if channels else None)
