"""The reason of a run that ended before its batch, where the journal lacks it."""

from dataclasses import dataclass

import sqlalchemy as sa

from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_tables import uploads

NO_REASON = "The run ended before %"
"""What is written of a run whose end nobody explained, as a pattern of LIKE."""
MOST_RUNS = 20
"""Runs asked for at one look; the next look goes on."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A batch that waits since a run of it ended, nobody has written why."""

    batch: str
    run_id: str


def unexplained(journal: Journal) -> list[Unexplained]:
    """Batches that wait without a reason that helps."""
    query = sa.select(uploads.c.batch, uploads.c.run_id).where(_lacks_reason())
    with journal.reading() as connection:
        rows = connection.execute(query.distinct().limit(MOST_RUNS))
        return [Unexplained(row.batch, row.run_id) for row in rows]


def explain(journal: Journal, found: Unexplained, reason: str) -> None:
    """Write down why uploads wait.

    Neither their state nor the moment of its change is touched, by which the next
    attempt is timed, and no better reason is replaced.
    """
    theirs = (uploads.c.batch == found.batch) & (uploads.c.run_id == found.run_id)
    change = uploads.update().where(theirs & _lacks_reason()).values(message=reason)
    with journal.transaction() as connection:
        connection.execute(change)


def _lacks_reason() -> sa.ColumnElement[bool]:
    return (
        (uploads.c.state == "waiting")
        & (uploads.c.run_id != "")
        & uploads.c.message.like(NO_REASON)
    )
