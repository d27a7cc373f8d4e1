# SPDX-License-Identifier: GPL-3.0-or-later
"""`[auth] type = radicale_calcore.auth`: the directory's passwords, app passwords and bearer tokens."""

from __future__ import annotations

from typing import Any

from radicale.auth import BaseAuth
from radicale.config import Configuration
from radicale_calcore.transactions import record_body

from calcore_caldav.server.assembly import services_from
from calcore_caldav.server.login import Bearer, DirectoryLogin, is_malformed
from calcore_caldav.server.passwords import is_token


class Auth(BaseAuth):  # type: ignore[misc]  # Radicale is not typed
    """Authentication against the directory."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._directory = DirectoryLogin(services_from(configuration))

    def get_external_login(self, environ: dict[str, Any]) -> tuple[()] | tuple[str, str]:
        """Bearer tokens; Radicale reads Basic credentials itself, and stumbles over malformed ones."""
        record_body(environ)
        header = environ.get("HTTP_AUTHORIZATION", "")
        if is_malformed(header):
            environ["HTTP_AUTHORIZATION"] = ""
            return ()
        scheme, _, token = header.partition(" ")
        name = self._directory.by_token(token.strip()) if scheme.lower() == "bearer" else None
        return (name, Bearer(name)) if name else ()

    def _login(self, login: str, password: str) -> str:
        if isinstance(password, Bearer):
            return str(password)
        check = self._directory.by_app_password if is_token(password) else self._directory.by_password
        return check(login, password) or ""

    def _sleep_for_constant_exec_time(self, time_ns_begin: int) -> None:
        """Unknown names cost as much as wrong passwords already; a request never sleeps."""
