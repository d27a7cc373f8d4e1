# SPDX-License-Identifier: GPL-3.0-or-later
"""All live properties."""

from __future__ import annotations

from typing import Final

from calcore_caldav.dav import props_caldav, props_dav, props_rooms
from calcore_caldav.dav.properties import Properties

PROPERTIES: Final = Properties((*props_dav.TABLE, *props_caldav.TABLE, *props_rooms.TABLE))
