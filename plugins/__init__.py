# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale plugins: Radicale's shapes outside, our values inside."""
