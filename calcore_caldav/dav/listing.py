# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection for people with a browser."""

from __future__ import annotations

from html import escape

from calcore_caldav.dav import xml
from calcore_caldav.dav.http import DavRequest
from calcore_caldav.dav.resources import Resource, children


def listing(request: DavRequest, resource: Resource) -> bytes:
    """An HTML page that links what the actor may know of."""
    rows = "\n".join(
        f'<tr><td><a href="{escape(xml.quote_path(request.prefix + child.path))}">{escape(_name(child))}</a></td>'
        f"<td>{escape(child.kind.value)}</td></tr>"
        for child in children(request, resource)
    )
    title = escape(resource.path)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1>\n<table>\n{rows}\n</table></body></html>\n"
    ).encode()


def _name(resource: Resource) -> str:
    parts = resource.path.rstrip("/").rsplit("/", 1)
    return parts[-1] + ("/" if resource.path.endswith("/") else "")
