# SPDX-License-Identifier: GPL-3.0-or-later
"""Background jobs: one thread in each process that serves; leases keep two from doing the same job."""

from __future__ import annotations

import os
import threading
from multiprocessing import util
from typing import Final

from calcore_caldav.scheduling.services import Services
from calcore_caldav.scheduling.worker import Worker

_running: Final[dict[tuple[int, int], Worker]] = {}
_starting: Final = threading.Lock()


def start_background(services: Services) -> Worker:
    """The process's worker for these services, started with the first call."""
    key = (os.getpid(), id(services))
    with _starting:
        if key not in _running:
            worker = _running[key] = Worker(services)
            stop = threading.Event()
            thread = threading.Thread(target=worker.run, args=(stop,), name="jobs", daemon=True)
            thread.start()
            util.Finalize(None, _end, args=(worker, stop, thread, services), exitpriority=100)
        return _running[key]


def _end(worker: Worker, stop: threading.Event, thread: threading.Thread, services: Services) -> None:
    """At the end of a worker process: the job at hand is finished, the database closed properly."""
    stop.set()
    worker.wake()
    thread.join(timeout=4)
    services.store.close()
