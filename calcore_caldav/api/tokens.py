# SPDX-License-Identifier: GPL-3.0-or-later
"""Page and sync tokens: opaque text that says where a listing goes on, and of which query it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from calcore_caldav.api.call import Call
from calcore_caldav.api.problems import ApiProblem, full_sync_required, invalid

_NOT_IN_QUERY: Final = frozenset(
    {"pageToken", "syncToken", "maxResults", "maxAttendees", "timeZone", "alwaysIncludeEmail"}
)


def query_digest(where: str, parameters: Mapping[str, Any]) -> str:
    """A short hash of what a listing was asked for; how much of it, and how shown, does not count."""
    asked = sorted((k, repr(v)) for k, v in parameters.items() if k not in _NOT_IN_QUERY)
    return hashlib.sha256(repr((where, asked)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PageToken:
    """Where the next page begins."""

    digest: str
    after: tuple[Any, ...]
    """Sort key of the last item that was given."""
    revision: int
    """Of the collection when the first page was made."""

    def __str__(self) -> str:
        return _encode(["p", self.digest, [*self.after], self.revision])

    def is_before(self, key: tuple[Any, ...]) -> bool:
        """Whether an item comes after the last one that was given. Raises ApiProblem (400)."""
        return self._compared(lambda: key > self.after)

    def has_passed(self, start: tuple[Any, ...]) -> bool:
        """Whether all items were given whose keys begin so. Raises ApiProblem (400)."""
        return self._compared(lambda: start < self.after[: len(start)])

    @staticmethod
    def _compared(comparison: Callable[[], bool]) -> bool:
        try:
            return comparison()
        except TypeError:
            # Somebody made the token up.
            raise invalid("pageToken", "Invalid page token value.") from None

    @classmethod
    def of(cls, call: Call, digest: str) -> PageToken | None:
        """The request's; None where it asks for the first page. Raises ApiProblem (400)."""
        text = call.parameters.get("pageToken")
        return None if text is None else cls.parse(text, digest)

    @classmethod
    def parse(cls, text: str, digest: str) -> PageToken:
        """Raises ApiProblem (400) for what is no page token of this very query."""
        match _decode(text):
            case ["p", str(made), list(after), int(revision)] if made == digest:
                return cls(made, tuple(after), revision)
        raise invalid("pageToken", "Invalid page token value.")


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """What a client has seen."""

    epoch: str
    collection_id: int
    revision: int
    digest: str
    window: tuple[str | None, str | None] = (None, None)
    """timeMin and timeMax of the first listing: they hold for all that follow."""

    def __str__(self) -> str:
        return _encode(["s", self.epoch, self.collection_id, self.revision, self.digest, [*self.window]])

    @classmethod
    def parse(cls, text: str, epoch: str, collection_id: int, digest: str) -> SyncPoint:
        """Raises ApiProblem: 410 for what is not of this calendar, 400 for one of another query."""
        match _decode(text):
            case ["s", str(of), int(id_), int(revision), str(made), [low, high]]:
                if of != epoch or id_ != collection_id:
                    raise full_sync_required()
                if made != digest:
                    raise ApiProblem(
                        400,
                        "badRequest",
                        "The sync token was made with other parameters.",
                        location="syncToken",
                    )
                if all(isinstance(edge, str | None) for edge in (low, high)):
                    return cls(of, id_, revision, made, (low, high))
        raise full_sync_required()


@dataclass(frozen=True, slots=True)
class ListPoint:
    """What a client has seen of a short list: all of it."""

    digest: str
    tags: Mapping[str, str]
    """Beginnings of entity tags by id; empty where the next request has to begin anew."""

    def __str__(self) -> str:
        return _encode(["l", self.digest, dict(self.tags)])

    @classmethod
    def parse(cls, text: str, digest: str) -> ListPoint:
        """Raises ApiProblem (410) for what is no token of this very list."""
        match _decode(text):
            case ["l", str(made), dict(tags)] if made == digest and tags:
                return cls(made, tags)
        raise full_sync_required()


def _encode(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
