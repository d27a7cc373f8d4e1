# SPDX-License-Identifier: GPL-3.0-or-later
"""WebDAV, CalDAV and ACL: XML into values, values into XML."""
