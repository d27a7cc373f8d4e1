# SPDX-License-Identifier: GPL-3.0-or-later
"""The transactional outbox."""

from __future__ import annotations

import json
from collections.abc import Collection as AnyOf
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from calcore_caldav.core.times import from_epoch, to_epoch
from calcore_caldav.store.protocol import Job
from calcore_caldav.store.schema import jobs
from calcore_caldav.store.session import Session
from calcore_caldav.store.sql import Statement

_JOB = (
    jobs.c.id,
    jobs.c.kind,
    jobs.c.payload,
    jobs.c.created,
    jobs.c.not_before,
    jobs.c.attempts,
    jobs.c.last_error,
)
_INSERT = Statement(insert(jobs).values({c.name: bindparam(c.name) for c in jobs.c if c.name != "id"}))
_WAITING = Statement(select(jobs.c.id, jobs.c.not_before).where(jobs.c.dedupe == bindparam("dedupe_")))
_REPLACE = Statement(
    update(jobs)
    .where(jobs.c.id == bindparam("id_"))
    .values(kind=bindparam("kind"), payload=bindparam("payload"), not_before=bindparam("not_before"))
)
_DUE = Statement(
    select(*_JOB)
    .where(jobs.c.kind.in_(bindparam("kinds", expanding=True)), jobs.c.not_before <= bindparam("now"))
    .order_by(jobs.c.not_before, jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True),
    "kinds",
)
_LEASE = Statement(
    update(jobs)
    .where(jobs.c.id == bindparam("id_"))
    .values(not_before=bindparam("until"), attempts=jobs.c.attempts + 1, dedupe=None)
)
_DONE = Statement(delete(jobs).where(jobs.c.id == bindparam("id_")))
_FAIL = Statement(
    update(jobs)
    .where(jobs.c.id == bindparam("id_"))
    .values(not_before=bindparam("retry_at"), last_error=bindparam("error"))
)
_NEXT = Statement(select(func.min(jobs.c.not_before)))


class SqlJobRows:
    """See protocol.JobRows."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        kind: str,
        payload: Mapping[str, object],
        *,
        dedupe: str | None = None,
        not_before: datetime | None = None,
    ) -> None:
        sql, due = self._session.sql, to_epoch(not_before or self._session.now)
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        waiting = sql.first(_WAITING, dedupe_=dedupe) if dedupe is not None else None
        if waiting is not None:
            sql.run(_REPLACE, id_=waiting[0], kind=kind, payload=text, not_before=min(due, waiting[1]))
            return
        sql.run(
            _INSERT,
            kind=kind,
            dedupe=dedupe,
            payload=text,
            created=self._session.now_ts,
            not_before=due,
            attempts=0,
            last_error=None,
        )

    def lease(self, kinds: AnyOf[str], now: datetime, seconds: int) -> Job | None:
        sql = self._session.sql
        due = sorted(sql.listed(_DUE, [*kinds], now=to_epoch(now)), key=lambda row: (row[4], row[0]))
        if not due:
            return None
        id_, kind, payload, created, not_before, attempts, last_error = due[0]
        sql.run(_LEASE, id_=id_, until=to_epoch(now) + seconds)
        return Job(
            id=id_,
            kind=kind,
            payload=json.loads(payload),
            created=from_epoch(created),
            not_before=from_epoch(not_before),
            attempts=attempts + 1,
            last_error=last_error,
        )

    def done(self, job: Job) -> None:
        self._session.sql.run(_DONE, id_=job.id)

    def fail(self, job: Job, error: str, retry_at: datetime) -> None:
        self._session.sql.run(_FAIL, id_=job.id, error=error, retry_at=to_epoch(retry_at))

    def next_due(self) -> datetime | None:
        due = self._session.sql.value(_NEXT)
        return None if due is None else from_epoch(due)
