# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync tokens of collections (RFC 6578 §4)."""

from __future__ import annotations

from typing import NamedTuple

from calcore_caldav.errors import InvalidSyncToken


class SyncToken(NamedTuple):
    """DAV:sync-token, also the ctag (RFC 6578 §4)."""

    epoch: str
    collection_id: int
    revision: int
    position: str = ""
    """Where a limited answer stopped among the changes since `revision`; "" after a complete one."""

    def __str__(self) -> str:
        rest = f":{self.position}" if self.position else ""
        return f"urn:x-calcore:sync:{self.epoch}:{self.collection_id}:{self.revision}{rest}"

    @classmethod
    def parse(cls, text: str) -> SyncToken:
        """Raises InvalidSyncToken."""
        parts = text.strip().split(":")
        if len(parts) not in {6, 7} or parts[:3] != ["urn", "x-calcore", "sync"]:
            raise InvalidSyncToken("not a sync token of this server")
        try:
            return cls(parts[3], int(parts[4]), int(parts[5]), parts[6] if len(parts) == 7 else "")
        except ValueError:
            raise InvalidSyncToken("not a sync token of this server") from None
