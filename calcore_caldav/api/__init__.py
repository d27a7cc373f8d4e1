# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON door: events in the shapes of the Google Calendar API v3, over the same corridor as CalDAV."""
