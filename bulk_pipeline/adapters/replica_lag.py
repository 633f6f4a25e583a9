"""What the database has that its read replica has not yet.

A replica shows the database as it was at some moment. What that moment lacks is told by
receipts, which every load writes, and by the greatest ids of rows that grow with every
change of a prediction: a row that is replaced, scored again or withdrawn goes into the
history. No clock is asked, since those of two machines differ.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    run_metrics,
    uploads,
)
from bulk_pipeline.core.errors import BulkPipelineError, DatabaseUnusable

PRECISION = timedelta(milliseconds=1)
"""Of moments in SQL Server; in a SQLite file they have microseconds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database has come.

    Attributes:
        receipts: uploads that were ever loaded.
        withdrawn: those of them that were withdrawn.
        newest: when one of them was loaded last, UTC; None where there is none.
        ids: greatest ids of predictions, history and runs, 0 for no row. A copy that
            ``bulk-pipeline sync`` keeps has ids of its own and no runs.
    """

    receipts: int
    withdrawn: int
    newest: datetime | None
    ids: tuple[int, int, int]

    @property
    def synchronised(self) -> bool:
        """Whether this is a copy of rows, whose ids mean nothing elsewhere."""
        return bool(self.receipts and not self.ids[-1])

    def lacks(self, other: "Mark") -> bool:
        """Whether the other one is ahead in anything that can be compared."""
        behind = self.receipts < other.receipts or self.withdrawn < other.withdrawn
        if other.newest is not None:
            here = self.newest
            behind |= here is None or here <= other.newest - PRECISION
        if not self.synchronised:
            behind |= any(a < b for a, b in zip(self.ids, other.ids, strict=True))
        return behind


def lag_note(installation: Installation, *, public: bool = False) -> str | None:
    """What people who read from the replica have to know of it, in a sentence or two.

    Ask before the rows are read: they are then at least as new as this says.

    Args:
        installation: its replica and its database are asked.
        public: whether people of other machines read it, who need no names of hosts.

    Returns:
        None where there is no replica, or it has all that the database has.

    Raises:
        BulkPipelineError: the replica does not answer, or has not our tables. That the
            database itself does not answer is part of the note.
    """
    replica = installation.replica
    if replica is None:
        return None
    # First the database: what it has now, a replica that follows may have by then.
    try:
        ahead = _mark(database_beside(installation))
    except BulkPipelineError as error:
        ahead = None
        reason = str(error).partition(". ")[0].removesuffix(".")
        reason = "the database does not answer" if public else reason
    here = _mark(replica)
    said = (
        "Read from the replica" if public else f"Read from the replica {replica.name}"
    )
    if ahead is None:
        return (
            f"{said}, whose newest load is of {_shown(here.newest)}. How much it lacks "
            f"is not known: {reason}."
        )
    if here.lacks(ahead):
        return f"{said}, which lags: {_lacking(here, ahead)}."
    if here.synchronised:
        return (
            f"{said}, which has every upload. It holds no history, so whether rows "
            "were scored again since it was synchronised cannot be told."
        )
    return None


def database_beside(installation: Installation) -> Database:
    """The database of loads, for whoever compares it with its replica.

    Raises:
        DatabaseUnusable: it is a file that is not there; opening it would make it.
    """
    database = installation.database
    if database.url.get_backend_name() == "sqlite" and not database.path.exists():
        raise DatabaseUnusable(
            f"The database {database.path} is not there. Name the one that the replica "
            "follows in DATABASE_URL."
        )
    return database


def _lacking(here: Mark, ahead: Mark) -> str:
    missing = ahead.receipts - here.receipts
    newest = f"its newest load is of {_shown(here.newest)}"
    if missing > 0:
        uploads_are = "upload is" if missing == 1 else "uploads are"
        return f"{missing:,} {uploads_are} not in it yet; {newest}"
    return f"later loads, withdrawals or scores of the database are not in it; {newest}"


def _mark(database: Database) -> Mark:
    """How far a database has come; one query, and one attempt at it."""
    u = uploads.c
    newest: Any = sa.func.max(u.last_loaded_at)
    loaded = sa.select(
        sa.func.count(),
        sa.func.count(u.withdrawn_at),
        sa.type_coerce(newest, u.last_loaded_at.type),
    ).select_from(uploads)
    greatest = [
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
        for table in (annual_predictions, annual_prediction_history, run_metrics)
    ]
    with database.reading() as connection:
        receipts, withdrawn, moment = connection.execute(loaded).one()
        ids = connection.execute(sa.select(*greatest)).one()
    predictions, history, runs = map(int, ids)
    return Mark(int(receipts), int(withdrawn), moment, (predictions, history, runs))


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "no time yet"
