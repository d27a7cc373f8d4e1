# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that this room's modules hand each other."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""A JSON object, as `json` reads and writes it: an event, a calendar, a rule."""
