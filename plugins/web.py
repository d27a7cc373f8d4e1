# SPDX-License-Identifier: GPL-3.0-or-later
"""`[web] type = radicale_calcore.web`: a page that says what runs here and how to connect."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Any

from radicale import httputils
from radicale.config import Configuration
from radicale.web import BaseWeb

from calcore_caldav import __version__
from calcore_caldav.errors import CalcoreError
from calcore_caldav.server.assembly import services_from

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Calendar server</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
code {{ background: #8882; padding: .1em .3em; border-radius: .2em }}
</style>
<h1>Calendar server</h1>
<p>calcore_caldav {version}: {state}</p>
<p>To connect, give a calendar client this address, your user name and your password:</p>
<p><code>{url}</code></p>
<p>Thunderbird: New Calendar, On the Network. Apple Calendar: Add Account, Other CalDAV Account.
DAVx⁵: Login with URL and user name.</p>
<p>Invite a room like a person, by its e-mail address: it answers by itself.</p>
</html>
"""


class Web(BaseWeb):  # type: ignore[misc]  # Radicale is not typed
    """One page; nothing of it needs a log-in."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._services = services_from(configuration)

    def get(
        self,
        environ: dict[str, Any],
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> Any:
        """GET /.web."""
        del user, user_groups, request_info
        if path not in {"/.web", "/.web/"}:
            return httputils.NOT_FOUND
        try:
            self._services.store.ping()
            state = "running"
        except CalcoreError:
            state = "running, but the database does not answer"
        scheme = environ.get("wsgi.url_scheme", "http")
        url = f"{scheme}://{environ.get('HTTP_HOST', 'localhost')}{base_prefix}/"
        page = _PAGE.format(version=__version__, state=state, url=escape(url))
        headers = {"Content-Type": "text/html", "Cache-Control": "no-store"}
        return HTTPStatus.OK.value, headers, page, None
