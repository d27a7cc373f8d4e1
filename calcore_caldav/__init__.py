# SPDX-License-Identifier: GPL-3.0-or-later
"""calcore_caldav: a CalDAV scheduling server whose rooms answer."""

__version__ = "0.1.0"
