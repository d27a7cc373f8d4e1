# SPDX-License-Identifier: GPL-3.0-or-later
"""The only writer: decides what a change causes, then asks the transaction."""
