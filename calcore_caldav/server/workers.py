# SPDX-License-Identifier: GPL-3.0-or-later
"""The process manager: one listening socket, several granian workers, replaced when they die."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from granian._granian import ListenerSpec
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from calcore_caldav.errors import CalcoreError, ConfigurationError

GRACE: Final = 5
"""Seconds that requests in flight have after SIGTERM."""
_START: Final = 60
"""Seconds in which the first answer must come."""
_BACKLOG: Final = 2048
_CONNECTIONS: Final = 1024
"""Open connections of one worker, idle ones included; more wait in the socket's queue."""
_LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"generic": {"format": "[%(levelname)s] %(message)s"}},
    # Standard output is for the ready line.
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    },
    "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
}

Loader = Callable[[], Any]
"""Makes the WSGI application, in the worker process."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form."""

    certificate: Path
    key: Path
    authority: Path | None
    """Given: clients need a certificate of this authority."""


class Workers(MPServer):
    """Serves until a signal comes. Granian's own manager, except for these points.

    All workers accept from one socket, so that a dead one leaves nobody waiting in its own queue, and port
    0 works. A worker that dies is replaced, however often. Workers end when this process does, even by
    SIGKILL. A Ctrl-C in the terminal reaches this process only.
    """

    def __init__(
        self,
        host: str,
        port: int,
        loader: Loader,
        *,
        workers: int,
        threads: int,
        timeout: float,
        tls: Tls | None,
        ready: Callable[[str], None],
    ) -> None:
        if "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux":
            # Python 3.14 prefers other ways, which cost memory and start-up time.
            multiprocessing.set_start_method("fork", force=True)
        super().__init__(
            "calcore-caldav",
            host,
            port,
            interface=Interfaces.WSGI,
            http=HTTPModes.auto if tls else HTTPModes.http1,
            workers=workers,
            websockets=False,
            blocking_threads=threads,
            backlog=_BACKLOG,
            backpressure=_CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=int(timeout * 1000) or 30_000),
            log_level=LogLevels.error,
            log_dictconfig=_LOGGING,
            workers_kill_timeout=GRACE,
            # Reloading: the socket keeps what comes while a new worker starts.
            respawn_interval=0,
            ssl_cert=tls.certificate if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_ca=tls.authority if tls else None,
            ssl_client_verify=bool(tls and tls.authority),
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._loader = loader
        self._ready = ready
        self._lifeline: tuple[int, int] | None = None

    def run(self) -> int:
        """Serve; returns the exit status."""
        try:
            self.serve(target_loader=self._load, wrap_loader=False)
        except _NotStarted:
            return 1
        return 0

    def _load(self) -> Any:
        """In the worker: follow this process into its end, then make the application."""
        if self._lifeline is not None:
            os.setpgid(0, 0)
            reading, writing = self._lifeline
            os.close(writing)
            threading.Thread(target=_end_with, args=(reading,), daemon=True).start()
        try:
            return self._loader()
        except (CalcoreError, RuntimeError, OSError) as error:
            print(f"calcore-caldav: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    # ---- granian's inside

    def _init_shared_socket(self) -> None:
        family, address = _resolve(self.bind_addr, self.bind_port)
        with socket.socket(family) as probe:
            # Granian's socket would share the port with another server's without a word.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise ConfigurationError(
                    f"{self.bind_addr} port {self.bind_port} cannot be used: {error.strerror};"
                    " choose others with --host and --port"
                ) from None
        holder = ListenerSpec(address[0], self.bind_port, self.backlog).build()
        self._shd: Any = holder
        self._sfd = holder.get_fd()
        self._sso = socket.socket(fileno=self._sfd)
        self._ssp = None
        self.bind_port = self._sso.getsockname()[1]
        if multiprocessing.get_start_method() == "fork":
            self._lifeline = os.pipe()

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Start the workers and wait for the first answer."""
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        url = f"{'https' if self.ssl_ctx[0] else 'http'}://{self._bind_addr_fmt}/"
        deadline = time.monotonic() + _START
        while not self._answers():
            if self.interrupt_signal:
                return
            if self.interrupt_children or time.monotonic() > deadline:
                self.shutdown()
                raise _NotStarted
            self.main_loop_interrupt.wait(0.01)
        self._ready(url)

    def _answers(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind_addr, self.bind_addr)  # noqa: S104
        if self.ssl_ctx[0]:
            if self.ssl_ctx[-1]:
                # Without a client certificate there is no answer: take the open port for it.
                return _accepts(host, self.bind_port)
            context = ssl._create_unverified_context()  # noqa: S323, SLF001
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, self.bind_port, timeout=_START, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, self.bind_port, timeout=_START)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while not self._stopping():
            if self.reload_signal:
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]
            dead, self.interrupt_children = sorted(set(self.interrupt_children)), []
            if any(time.monotonic() - self.wrks[index].birth < 1 for index in dead):
                # What dies at once would die at once again: don't burn the processor.
                self.main_loop_interrupt.wait(1)
            if dead and not self.interrupt_signal:
                self._respawn_workers(dead, spawn_target, target_loader)

    def _stopping(self) -> bool:
        """Wait for something to do; True: it is to stop."""
        self.main_loop_interrupt.wait()
        self.main_loop_interrupt.clear()
        return self.interrupt_signal

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers; requests in flight have `GRACE` seconds."""
        self.interrupt_children = []
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


class _NotStarted(Exception):
    """No worker answered; what was wrong is on standard error."""


def _end_with(reading: int) -> None:
    """End this worker when the other end of the pipe is gone with its process."""
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise ConfigurationError(f"there is no host {host!r}; name an address with --host") from None
    return family, (str(address[0]), port)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
