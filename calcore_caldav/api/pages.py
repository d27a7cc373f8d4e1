# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of lists."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.listing import Item
from calcore_caldav.api.problems import full_sync_required
from calcore_caldav.api.tokens import PageToken, query_digest
from calcore_caldav.api.types import Json

_PAGE: Final = 250
_MOST: Final = 2500


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


def page_of_few(call: Call, kind: str, where: str, items: Iterable[Item]) -> Json:
    """The page of a short list of that kind that the request asks for; `where` it is tells its tokens apart.

    Such lists are read anew each time: they give no sync tokens, and know none. Raises ApiProblem (410).
    """
    if "syncToken" in call.parameters:
        raise full_sync_required()
    ordered = sorted(items, key=lambda item: item.key)
    page, _ = page_of(call, ordered, query_digest(where, call.parameters), 0)
    return {"kind": kind, "etag": "", **page}
