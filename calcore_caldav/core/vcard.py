# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store of address books must know of a vCard (RFC 6350 §6.7.6)."""

from __future__ import annotations

import re
from typing import Final

_UID: Final = re.compile(rb"^(?:[A-Za-z0-9-]+\.)?UID(?:;[^:\r\n]*)?:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


def vcard_uid(body: bytes) -> str:
    """The UID of a vCard, or "" where it has none."""
    match = _UID.search(body)
    return match.group(1).decode(errors="replace").strip() if match else ""
