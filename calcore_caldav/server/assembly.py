# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is put together: settings, store, corridor, WSGI application."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from calcore_caldav.errors import ConfigurationError
from calcore_caldav.scheduling.engine import SchedulingEngine
from calcore_caldav.scheduling.service import CalendarService
from calcore_caldav.scheduling.services import Services
from calcore_caldav.server.settings import NAMES, OPTIONS, Settings, read_settings
from calcore_caldav.store.opening import open_store
from calcore_caldav.store.protocol import Clock

if TYPE_CHECKING:
    from radicale.config import Configuration

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_opened: Final[dict[tuple[int, str], Services]] = {}
_opening: Final = threading.Lock()


def open_services(
    database_url: str, *, clock: Clock | None = None, settings: Settings | None = None
) -> Services:
    """Open a database with the corridor on top. Raises ConfigurationError, StoreError."""
    settings = settings or read_settings(database_url, {})
    store = open_store(database_url, clock=clock, settings=settings.store)
    engine = SchedulingEngine(settings.scheduling)
    return Services(store, CalendarService(engine, settings.scheduling), settings.scheduling)


def settings_from(configuration: Configuration) -> Settings:
    """Our settings in a Radicale configuration. Raises ConfigurationError."""
    present = configuration.options("storage")
    if "database" not in present:
        raise ConfigurationError("[storage] database = sqlite:///path is missing in the configuration")
    known = _radicale_options() | NAMES
    if unknown := sorted(set(present) - known):
        raise ConfigurationError(f"unknown option in [storage]: {', '.join(unknown)}")
    return read_settings(
        str(configuration.get("storage", "database")),
        {name: str(configuration.get("storage", name)) for name in OPTIONS if name in present},
        configuration.get("server", "max_resource_size"),
    )


def services_from(configuration: Configuration) -> Services:
    """The services that a Radicale configuration describes; one per process and database."""
    settings = settings_from(configuration)
    key = (os.getpid(), settings.database)
    with _opening:
        if key not in _opened:
            _opened[key] = open_services(settings.database, settings=settings)
        return _opened[key]


def close_services() -> None:
    """Close what `services_from` opened in this process."""
    # Deferred: commands, which end by themselves, need no worker.
    from calcore_caldav.server.background import end_background

    with _opening:
        for key in [key for key in _opened if key[0] == os.getpid()]:
            services = _opened.pop(key)
            end_background(services)
            services.store.close()


def build_wsgi(configuration: Configuration) -> WSGIApplication:
    """The native server's WSGI application."""
    # Deferred: the plugins import this module, and the application loads the plugins.
    from calcore_caldav.api.application import api_application
    from calcore_caldav.dav.application import CalDAVApplication
    from calcore_caldav.server.entrance import Entrance
    from calcore_caldav.server.login import TokenLogin

    services = services_from(configuration)
    application = CalDAVApplication(configuration, services)
    login = TokenLogin(application._auth, services)  # noqa: SLF001  # Radicale has no other place for it
    application._auth = login  # noqa: SLF001
    return Entrance(
        application,
        api_application(services, login.authenticate),
        services,
        login,
        max_body=configuration.get("server", "max_content_length"),
        realm=configuration.get("auth", "realm"),
        headers={name: configuration.get("headers", name) for name in configuration.options("headers")},
    )


def _radicale_options() -> frozenset[str]:
    from radicale.config import DEFAULT_CONFIG_SCHEMA

    return frozenset(DEFAULT_CONFIG_SCHEMA["storage"])
