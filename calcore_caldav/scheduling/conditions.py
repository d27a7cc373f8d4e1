# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request says beside its data: conditional headers, and how it is to be scheduled."""

from __future__ import annotations

from dataclasses import dataclass

from calcore_caldav.errors import PreconditionFailed
from calcore_caldav.store.protocol import StoredObject


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditional headers, already parsed; evaluated under the write lock (RFC 9110 §13, RFC 6638 §3.2.10).

    Entity tags keep their quotes; "*" is the tuple ("*",); None: header absent.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_schedule_tag_match: str | None = None

    def check(self, stored: StoredObject | None) -> None:
        """Raise PreconditionFailed unless they hold for what is stored (None: nothing is)."""
        etag = stored.etag if stored else None
        if self.if_match is not None and not (
            etag in self.if_match or (self.if_match == ("*",) and stored is not None)
        ):
            raise PreconditionFailed("If-Match")
        if self.if_none_match is not None and (
            etag in {tag.removeprefix("W/") for tag in self.if_none_match}
            or (self.if_none_match == ("*",) and stored is not None)
        ):
            raise PreconditionFailed("If-None-Match")
        if self.if_schedule_tag_match is not None and (
            stored is None or self.if_schedule_tag_match != stored.schedule_tag
        ):
            raise PreconditionFailed("If-Schedule-Tag-Match")


UNCONDITIONAL = Conditions()


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """What a request says about scheduling."""

    reply: bool = True
    """False: the header Schedule-Reply: F (RFC 6638 §8.1)."""
    mail: bool = True
    """False: people of other servers are not told; calendars and rooms of this one are, as ever."""
    silent: bool = False
    """True: store without any scheduling (imports, restores)."""


NORMAL = ScheduleOptions()
