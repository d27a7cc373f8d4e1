# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure values: what RFC 5545, 4791, 5546 and 6638 mean, with no input or output."""
