# SPDX-License-Identifier: GPL-3.0-or-later
"""The composition root: settings, process manager, command line."""
