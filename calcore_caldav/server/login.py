# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is it? Passwords of the directory, app passwords and bearer tokens."""

from __future__ import annotations

import base64
from typing import Any

from radicale.auth import AuthContext

from calcore_caldav.core.principals import CalendarUserAddress
from calcore_caldav.scheduling.access import actor_of
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.directory import name_problem
from calcore_caldav.server.passwords import PasswordCheck, is_token, token_digest
from calcore_caldav.store.protocol import Actor


class DirectoryLogin:
    """Checks what a client sends against the directory. Shared by threads."""

    def __init__(self, services: Services) -> None:
        self.store = services.store
        self._passwords = PasswordCheck()

    def by_token(self, token: str) -> str | None:
        """The name of a token's principal; None for an unknown or expired token."""
        if not is_token(token):
            return None
        with self.store.read() as txn:
            known = txn.directory.token_by_digest(token_digest(token))
            principal = txn.directory.by_id(known.principal_id) if known else None
        return principal.name if principal else None

    def by_password(self, login: str, password: str) -> str | None:
        """The name of the principal whose name or e-mail address is `login` and whose password fits."""
        with self.store.read() as txn:
            principal = txn.directory.by_name(login)
            if principal is None and "@" in login:
                principal = txn.directory.by_address(CalendarUserAddress.parse("mailto:" + login))
            stored = txn.directory.password_hash(principal) if principal else None
        if principal is None or not self._passwords.verify(principal.name, stored, password):
            if principal is None:
                self._passwords.verify(login, None, password)
            return None
        return principal.name

    def by_app_password(self, login: str, token: str) -> str | None:
        """The principal's name, where `token` is one of its tokens."""
        name = self.by_token(token)
        if name is None:
            return None
        if name == login:
            return name
        with self.store.read() as txn:
            principal = txn.directory.by_name(name)
        own = principal is not None and CalendarUserAddress.parse("mailto:" + login) in principal.addresses
        return name if own else None


class TokenLogin:
    """Radicale's authentication with tokens before it, whatever type is configured.

    Stands in for a `BaseAuth`: Radicale calls `get_external_login` and `login` only.
    """

    def __init__(self, inner: Any, services: Services) -> None:
        self._inner = inner
        self._directory = DirectoryLogin(services)

    def by_token(self, token: str) -> str | None:
        """The name of a bearer token's principal, or None."""
        return self._directory.by_token(token)

    def get_external_login(self, environ: dict[str, Any]) -> tuple[()] | tuple[str, str]:
        """The bearer of a token that the entrance checked, or what the configured type says."""
        bearer: Bearer | None = environ.get(BEARER)
        if bearer is not None:
            return bearer, bearer
        external: tuple[()] | tuple[str, str] = self._inner.get_external_login(environ)
        return external

    def login(self, login: str, password: str, context: Any) -> tuple[str, str, set[str]]:
        """(name, how, groups) as Radicale's; the name is "" for wrong credentials."""
        if isinstance(password, Bearer):
            return str(password), "bearer token", set()
        if is_token(password):
            return self._directory.by_app_password(login, password) or "", "app password", set()
        result: tuple[str, str, set[str]] = self._inner.login(login, password, context)
        # Other types let in who could have no home here.
        return result if not name_problem(result[0]) else ("", *result[1:])

    def authenticate(self, environ: dict[str, Any]) -> Actor | None:
        """Who sent a request, for doors without Radicale; None for nobody and for wrong credentials."""
        login, password = self.get_external_login(environ) or _basic(environ) or ("", "")
        if not login:
            return None
        context = AuthContext()
        context.remote_addr = environ.get("REMOTE_ADDR")
        context.x_remote_addr = environ.get("HTTP_X_REMOTE_ADDR")
        name, _, _ = self.login(login, password, context)
        with self._directory.store.read() as txn:
            actor = actor_of(txn, name)
        return actor if actor.principal is not None else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _basic(environ: dict[str, Any]) -> tuple[str, str] | None:
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    login, _, password = base64.b64decode(rest.strip()).decode().partition(":")
    return login, password


def is_malformed(header: str) -> bool:
    """Whether an Authorization header has the scheme Basic and something else than credentials in it."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        decoded = base64.b64decode(rest.strip(), validate=True).decode()
    except ValueError:
        return True
    return ":" not in decoded


BEARER = "calcore.bearer"
"""Key of the WSGI environment: the entrance's `Bearer`, who was identified by a token."""


class Bearer(str):
    """A principal's name that a valid bearer token proved: no text from outside can be one."""

    __slots__ = ()
