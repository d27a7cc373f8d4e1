# SPDX-License-Identifier: GPL-3.0-or-later
"""Persistence: rows, not rules; every SQL statement lives here."""
