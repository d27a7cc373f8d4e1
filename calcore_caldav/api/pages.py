# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of lists."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.listing import Item
from calcore_caldav.api.tokens import ListPoint, PageToken, query_digest
from calcore_caldav.api.types import Json

_PAGE: Final = 250
_MOST: Final = 2500
_TAG: Final = 12
"""Characters of an entity tag that tell one state of an entry from another."""
_MOST_IN_TOKEN: Final = 500
"""Entries whose state goes into a token, which is part of a URL."""
_OF_FULL_LISTS: Final = frozenset({"showDeleted", "showHidden"})
"""What changes shows, whatever these say."""


def page_of(call: Call, items: Iterable[Item], digest: str, revision: int) -> tuple[Json, int]:
    """One page of sorted items with the token of the next one, and the revision of the first page."""
    size = min(call.parameters.get("maxResults") or _PAGE, _MOST)
    token = PageToken.of(call, digest)
    if token is not None:
        revision = token.revision
        items = (item for item in items if token.is_before(item.key))
    page = list(islice(items, size + 1))
    made: Json = {"items": [item.render() for item in page[:size]]}
    if len(page) > size:
        made["nextPageToken"] = str(PageToken(digest, page[size - 1].key, revision))
    return made, revision


def page_of_few(
    call: Call,
    kind: str,
    where: str,
    items: Iterable[Item],
    *,
    shows: Callable[[Json], bool] | None = None,
    gone: Callable[[str], Item] | None = None,
) -> Json:
    """The page of a short list of that kind that the request asks for; `where` it is tells its tokens apart.

    Such a list is read anew each time, and its sync token says what all of it looked like. A list is of what it
    `shows`; with a sync token it is of what changed and what is `gone` (by id). Raises ApiProblem (400, 410).
    """
    entries = {entry["id"]: (item, entry) for item in items for entry in [item.render()]}
    now = {id_: entry["etag"].strip('"')[:_TAG] for id_, (_, entry) in entries.items()}
    asked = {name: value for name, value in call.parameters.items() if name not in _OF_FULL_LISTS}
    digest = query_digest(where, asked)
    if "syncToken" in call.parameters:
        before = ListPoint.parse(call.parameters["syncToken"], digest).tags
        listed = [item for id_, (item, _) in entries.items() if before.get(id_) != now[id_]]
        listed += [gone(id_) for id_ in before.keys() - now.keys() if gone is not None]
    else:
        listed = [item for item, entry in entries.values() if shows is None or shows(entry)]
    state = zlib.crc32(repr(sorted(now.items())).encode())
    page, first = page_of(call, sorted(listed, key=lambda item: item.key), digest, state)
    if "nextPageToken" not in page:
        # What changed between two pages may have been on the first one.
        whole = first == state and len(now) <= _MOST_IN_TOKEN
        page["nextSyncToken"] = str(ListPoint(digest, now if whole else {}))
    return {"kind": kind, "etag": "", **page}
