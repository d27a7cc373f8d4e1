# SPDX-License-Identifier: GPL-3.0-or-later
"""In whose name a transaction runs."""

from __future__ import annotations

from dataclasses import dataclass

from calcore_caldav.core.principals import Principal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the principal that logged in, with the groups it belongs to."""

    principal: Principal | None
    """None: the program itself (jobs, command line) or nobody; see `system`."""
    groups: frozenset[str] = frozenset()
    """Names of the groups that the principal is in, nested ones included."""
    system: bool = False
    """The program itself: may do everything."""

    @property
    def name(self) -> str:
        """The principal's name; "" for the program itself and for nobody."""
        return self.principal.name if self.principal else ""

    @property
    def admin(self) -> bool:
        """Whether every privilege is given."""
        return self.system or (self.principal is not None and self.principal.admin)


SYSTEM = Actor(None, system=True)
NOBODY = Actor(None)
