# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancellations from elsewhere, kept for invitations that they overtook (RFC 5546 §2.1.5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from calcore_caldav.core.calobject import CalendarObject
from calcore_caldav.core.principals import Principal
from calcore_caldav.core.times import to_epoch
from calcore_caldav.store.schema import cancellations
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Statement

_INSERT = Statement(
    insert(cancellations).values({c.name: bindparam(c.name) for c in cancellations.c if c.name != "id"})
)
_OF = Statement(
    select(cancellations.c.body)
    .where(
        cancellations.c.principal_id == bindparam("principal_id_"), cancellations.c.uid == bindparam("uid_")
    )
    .order_by(cancellations.c.id)
)
_PRUNE = Statement(delete(cancellations).where(cancellations.c.created < bindparam("before")))


class SqlCancellationRows:
    """See protocol.CancellationRows."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, recipient: Principal, sent: CalendarObject) -> None:
        if any(known.body == sent.body for known in self.of(recipient, sent.uid)):
            return
        self._session.sql.run(
            _INSERT, principal_id=recipient.id, uid=sent.uid, body=sent.body, created=self._session.now_ts
        )

    def of(self, recipient: Principal, uid: str) -> list[CalendarObject]:
        rows = self._session.sql.all(_OF, principal_id_=recipient.id, uid_=uid)
        return [CalendarObject(row[0]) for row in rows]

    def prune(self, before: datetime) -> int:
        return self._session.sql.run(_PRUNE, before=to_epoch(before))
