# SPDX-License-Identifier: GPL-3.0-or-later
"""`[hook] type = radicale_calcore.hook`: wakes the job worker once a change is committed.

Scheduling happens in the storage plugin, inside the transaction: Radicale's notifications name neither the
object nor every change. Without this hook the worker finds its jobs a second later.
"""

from __future__ import annotations

from radicale.config import Configuration
from radicale.hook import BaseHook, HookNotificationItem
from radicale_calcore.transactions import held

from calcore_caldav.server.assembly import services_from
from calcore_caldav.server.background import start_background


class Hook(BaseHook):  # type: ignore[misc]  # Radicale is not typed
    """Called inside the write lock, before the commit."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self._services = services_from(configuration)

    @property
    def enabled(self) -> bool:
        """Always."""
        return True

    def notify(self, notification_item: HookNotificationItem) -> None:
        """Something changed in this transaction."""
        del notification_item
        txn = held()
        if txn is not None:
            txn.after_commit(start_background(self._services).wake)
