# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation decides of its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of a store."""

    index_ahead_days: int = 730
    """How far ahead of now instances are indexed."""
    index_behind_days: int = 366
    """Series are indexed from this long before now; earlier ranges expand the few series that need it."""
    parsed_cache_bytes: int = 32_000_000
    busy_timeout: float = 10.0
    """Seconds that a writer waits for another."""
    options: Mapping[str, str] = field(default_factory=dict)
