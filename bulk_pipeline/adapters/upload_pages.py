"""Uploads page by page, newest first, with those that wait in the inbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.journal import Journal, UploadReport
from bulk_pipeline.adapters.journal_tables import uploads
from bulk_pipeline.adapters.reservations import (
    Reservation,
    count_reserved,
    promises_in,
)
from bulk_pipeline.adapters.upload_report import report_of

RECEIVED = "received"
"""State of an upload whose key is promised and that is not claimed yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One upload and where it stands.

    Attributes:
        report: what became of it.
        bytes: size of its file; 0 where that is not known.
        received_at: when its key was promised or it was claimed, UTC.
        changed_at: when its state last changed, UTC.
        attempts: runs that were started for its batch.
    """

    report: UploadReport
    bytes: int
    received_at: datetime
    changed_at: datetime
    attempts: int = 0


def standing(journal: Journal, key: str) -> Standing | None:
    """Where an upload stands; None where the key is unknown."""
    query = sa.select(uploads).where(uploads.c.key == key)
    with journal.reading() as connection:
        promise = promises_in(connection, key)
        row = connection.execute(query).first()
    if row is not None:
        return _entered(row)
    return _received(promise[0]) if promise else None


def page(
    journal: Journal, state: str | None, limit: int, offset: int
) -> tuple[list[Standing], int]:
    """A page of uploads and how many there are in all.

    First come those that wait in the inbox, then the newest claimed.

    Args:
        journal: of the home.
        state: only those in one state.
        limit: uploads on the page, at most.
        offset: uploads before it.
    """
    chosen = sa.true() if state is None else uploads.c.state == state
    latest = sa.literal_column("rowid", sa.Integer).desc()
    query = sa.select(uploads).where(chosen)
    query = query.order_by(uploads.c.claimed_at.desc(), latest)
    # One transaction: what is claimed between two questions is seen twice, or never.
    with journal.reading() as connection:
        waiting = 0
        found: list[Standing] = []
        if state in (None, RECEIVED):
            waiting = count_reserved(connection)
            promises = promises_in(connection, newest=limit, after=offset)
            found = [_received(promise) for promise in promises]
        skipped = max(0, offset - waiting)
        some = query.limit(limit - len(found)).offset(skipped)
        found += [_entered(row) for row in connection.execute(some)]
        count = sa.select(sa.func.count()).select_from(uploads).where(chosen)
        total = int(connection.scalar(count) or 0)
    return found, waiting + total


def _entered(row: sa.Row[Any]) -> Standing:
    return Standing(
        report_of(row), row.bytes, row.claimed_at, row.changed_at, row.attempts
    )


def _received(promise: Reservation) -> Standing:
    report = UploadReport(
        promise.key, promise.file, RECEIVED, submitted_by=promise.folder
    )
    return Standing(report, promise.bytes, promise.made_at, promise.made_at)
