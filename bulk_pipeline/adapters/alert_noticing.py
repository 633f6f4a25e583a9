"""What nobody was told of yet, found in the journal and noted there as told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.journal_tables import (
    IS_FAILED,
    alerted,
    alerts,
    uploads,
)
from bulk_pipeline.core.alerts import MOST_KEPT, Alert, AlertedUpload, Kind

ATTEMPTS_BEFORE_TOLD = 3
"""Runs of a batch in vain before people hear that it waits: most waits are short."""
WAITING_APART = timedelta(hours=1)
"""Least time between two alerts about batches that wait, however many there are."""
MOST_BATCHES = 100
"""Batches that one look makes alerts of; the next look goes on."""
MOST_APART = 10
"""Of failures of more batches than these, one look makes one alert: a journal that was
lost and is written anew has the failures of years."""
_REASON = 1_000  # characters; what is shown is cut again


def new_alerts(connection: sa.Connection, now: datetime) -> list[Alert]:
    """Alerts of what failed, one a batch, and one of all that waits; notes that.

    An upload is told of once, whatever becomes of its batch later: a back-fill over
    all partitions finds the same bad files bad again.

    Args:
        connection: to the journal, in the transaction that keeps the alerts.
        now: UTC.
    """
    return [*_failed(connection), *_waiting(connection, now)]


def is_news(connection: sa.Connection) -> bool:
    """Whether ``new_alerts`` may find any; needs no write lock, reads indexes only."""
    for new in (_new_failures(), _new_waits()):
        if connection.scalar(sa.select(uploads.c.batch).where(new).limit(1)):
            return True
    return False


def _failed(connection: sa.Connection) -> list[Alert]:
    """Alerts of failed uploads that none was made of; notes that."""
    rows = _uploads(connection, _new_failures())
    _note(connection, "failed", [row.key for row in rows])
    groups = [list(g) for _, g in groupby(rows, key=lambda row: row.batch)]
    if len(groups) > MOST_APART:
        return [_alert("failed", rows)]
    return [_alert("failed", members) for members in groups]


def _waiting(connection: sa.Connection, now: datetime) -> list[Alert]:
    """One alert for all batches that wait since several attempts; notes that."""
    of_kind = alerts.c.kind == "waiting"
    latest = sa.select(alerts.c.made_at).where(of_kind)
    rows = _uploads(connection, _new_waits())
    if not rows:
        return []
    told_at = connection.scalar(latest.order_by(alerts.c.made_at.desc()))
    if told_at is not None and now - told_at < WAITING_APART:
        return []
    _note(connection, "waiting", sorted({row.batch for row in rows}))
    return [_alert("waiting", rows)]


def _new_failures() -> sa.ColumnElement[bool]:
    """Condition of a failed upload that nobody was told of."""
    return sa.and_(IS_FAILED, _untold("failed", uploads.c.key))


def _new_waits() -> sa.ColumnElement[bool]:
    """Condition of an upload that waits for long and that nobody was told of."""
    return (
        (uploads.c.state == "waiting")
        & (uploads.c.attempts >= ATTEMPTS_BEFORE_TOLD)
        & (uploads.c.message != "")
        & _untold("waiting", uploads.c.batch)
    )


def _untold(kind: Kind, subject: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Whether no alert of this kind was made of it."""
    told = sa.select(1).where((alerted.c.kind == kind) & (alerted.c.subject == subject))
    return ~told.exists()


def _uploads(
    connection: sa.Connection, chosen: sa.ColumnElement[bool]
) -> list[sa.Row[Any]]:
    """Uploads of the first batches that have any of the chosen, by batch, by age."""
    found = sa.select(uploads.c.batch).where(chosen).distinct()
    first = connection.scalars(found.order_by(uploads.c.batch).limit(MOST_BATCHES))
    query = sa.select(
        uploads.c.key,
        uploads.c.file,
        uploads.c.submitted_by,
        uploads.c.batch,
        uploads.c.run_id,
        sa.func.substr(uploads.c.message, 1, _REASON).label("message"),
    ).where(chosen & uploads.c.batch.in_(list(first)))
    ordered = query.order_by(uploads.c.batch, uploads.c.claimed_at, sa.text("rowid"))
    rows: Any = connection.execute(ordered)
    return list(rows)


def _note(connection: sa.Connection, kind: Kind, subjects: Sequence[str]) -> None:
    rows = [{"kind": kind, "subject": subject} for subject in subjects]
    if rows:
        connection.execute(alerted.insert().prefix_with("OR IGNORE"), rows)


def _alert(kind: Kind, rows: Sequence[sa.Row[Any]]) -> Alert:
    """An alert about uploads of the journal."""
    kept = tuple(
        AlertedUpload(row.key, row.file, row.submitted_by, row.message, row.batch)
        for row in rows[:MOST_KEPT]
    )
    more = len(rows) - len(kept)
    batches = len({row.batch for row in rows})
    return Alert(kind, rows[0].batch, rows[0].run_id, kept, more, batches)
