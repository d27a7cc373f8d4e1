# SPDX-License-Identifier: GPL-3.0-or-later
"""`calcore-caldav serve`."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calcore_caldav.errors import ConfigurationError
from calcore_caldav.server.place import Place, add_place_options, default_data, open_place, place, prepare
from calcore_caldav.server.progress import Progress

if TYPE_CHECKING:
    from radicale.config import Configuration

    from calcore_caldav.scheduling.services import Services
    from calcore_caldav.server.directory import Entry

_MOST_WORKERS = 4
# Of malloc.h of the GNU C library.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_THREADS = 32
"""Threads of a worker where the configuration says "unlimited"."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "serve",
        help="run the server",
        description="Run the server until it is interrupted (Ctrl-C, SIGTERM). Without any option it serves"
        " http://127.0.0.1:5232/ from the data directory below.",
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port to listen on; 0 picks a free one (default: 5232)")
    parser.add_argument(
        "--workers", metavar="N", type=_workers, help="processes (default: one per core, at most 4)"
    )
    parser.add_argument(
        "--directory",
        metavar="FILE",
        type=Path,
        help="a directory file (TOML) with people, groups, rooms; imported before the server answers",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="fill an empty data directory with an office of people, rooms and meetings, and serve that",
    )
    add_place_options(parser)
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _workers(text: str) -> int:
    workers = int(text)
    if not 1 <= workers <= 64:
        raise ValueError(text)
    return workers


_port.__name__ = "port"
_workers.__name__ = "number of workers"


def run(args: argparse.Namespace) -> int:
    """Import what is to be imported, then serve."""
    _tune_malloc()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if args.demo:
        _use_demo_place(args)
    where = place(args)
    configuration = _configuration(where)
    _fill(args, where)
    from calcore_caldav.server.workers import Tls, Workers

    host, port = _address(args, configuration)
    tls = None
    if configuration.get("server", "ssl"):
        authority = configuration.get("server", "certificate_authority")
        tls = Tls(
            _file(configuration, "certificate"),
            _file(configuration, "key"),
            _file(configuration, "certificate_authority") if authority else None,
        )
    _set_logging_up(configuration)
    _rehearse(configuration)
    server = Workers(
        host,
        port,
        partial(_application, where, _overrides(where)),
        workers=args.workers or min(_cores(), _MOST_WORKERS),
        threads=configuration.get("server", "max_connections") or _THREADS,
        timeout=configuration.get("server", "timeout"),
        tls=tls,
        ready=_say_ready,
    )
    return server.run()


def _configuration(where: Place) -> Configuration:
    from calcore_caldav.server.assembly import settings_from
    from calcore_caldav.server.configuration import native_configuration

    configuration = native_configuration(where.config, _overrides(where))
    settings_from(configuration)
    return configuration


def _overrides(where: Place) -> dict[str, dict[str, str]]:
    return {"storage": {"database": where.database}}


def _fill(args: argparse.Namespace, where: Place) -> None:
    """Everything that happens to the data before the first request, in a store of its own.

    It is closed again: a database connection must not be shared with the workers.
    """
    entries = None
    if args.directory is not None:
        from calcore_caldav.server.directory import read_directory
        from calcore_caldav.server.directory_command import known_names

        entries = read_directory(args.directory, known_names(args))
    if args.demo:
        _fill_demo(where)
    with open_place(args) as services:
        if entries is not None:
            _import(services, entries, args.directory, where)
    if args.demo:
        from calcore_caldav.server.demonstration import accounts

        print(f"{accounts()}\nThe data is in {where.data}", flush=True)


def _import(services: Services, entries: list[Entry], file: Path, where: Place) -> None:
    from calcore_caldav.server.directory_import import ImportMark, import_directory

    # Elsewhere than in the data directory, the database may have been changed by somebody else.
    mark = ImportMark(where.data, file) if where.is_inside else None
    same = mark is not None and mark.is_set()
    with Progress("passwords") as progress:
        import_directory(services, entries, progress, unchanged=same)
    if mark is not None and not same:
        mark.set()


def _use_demo_place(args: argparse.Namespace) -> None:
    """A demo has a data directory of its own, so that it's not in the way of the real thing."""
    if args.database or args.config:
        raise ConfigurationError(
            "--demo has its own database and settings; leave --database and --config away"
        )
    args.data = args.data or default_data().with_name("calcore-caldav-demo")


def _fill_demo(where: Place) -> None:
    from calcore_caldav.server import demonstration
    from calcore_caldav.server.assembly import open_services

    if demonstration.is_filled(where.data):
        return
    prepare(where)
    demonstration.begin(where.data)
    now = datetime.now().astimezone()
    services = open_services(where.database, clock=lambda: demonstration.booked_at(now).astimezone(UTC))
    try:
        demonstration.fill(services, where.data, now.date())
    finally:
        services.store.close()


def _address(args: argparse.Namespace, configuration: Configuration) -> tuple[str, int]:
    hosts: list[tuple[str, int]] = configuration.get("server", "hosts")
    if len(hosts) > 1 and args.host is None:
        raise ConfigurationError(
            "[server] hosts names several addresses; name one, where [::] means every IPv4 and IPv6 address"
        )
    host, port = hosts[0]
    return args.host or host, port if args.port is None else args.port


def _file(configuration: Configuration, option: str) -> Path:
    path = Path(configuration.get("server", option))
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"[server] {option} = {path} cannot be read")
    return path


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _set_logging_up(configuration: Configuration) -> None:
    from radicale import log

    # Radicale tells its own settings while it sets logging up.
    log.logger.disabled = True
    if not log.logger.handlers and not logging.getLogger().handlers:
        log.setup()
    log.set_level(
        configuration.get("logging", "level"),
        configuration.get("logging", "backtrace_on_debug"),
        configuration.get("logging", "trace_filter"),
    )
    log.logger.disabled = False


def _tune_malloc() -> None:
    """Let all threads of a process allocate from one heap, and what is large be given back at once.

    The C library of Linux gives each thread a heap of its own, which keeps what was freed: hashing one
    password leaves 19 MB in each of them. What holds Python's lock hardly competes for a heap.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)


def _rehearse(configuration: Configuration) -> None:
    """Build the application once before the workers do.

    What is wrong in the configuration is told once, and forked workers share the memory of all imports.
    """
    from calcore_caldav.server.assembly import build_wsgi, close_services

    try:
        build_wsgi(configuration)
    except RuntimeError as error:
        raise ConfigurationError(str(error)) from None
    close_services()
    gc.collect()
    gc.freeze()


def _application(where: Place, overrides: dict[str, dict[str, str]]) -> Any:
    """In a worker process: the WSGI application, and the thread for background jobs."""
    from calcore_caldav.server.assembly import build_wsgi, services_from
    from calcore_caldav.server.background import start_background
    from calcore_caldav.server.configuration import native_configuration

    configuration = native_configuration(where.config, overrides)
    _set_logging_up(configuration)
    application = build_wsgi(configuration)
    start_background(services_from(configuration))
    return application


def _say_ready(url: str) -> None:
    print(f"ready {url}", flush=True)
