"""The loads of the past, each once, from the table ``run_metrics``.

A batch may have several rows there: one for each time that it was materialised, and
two where a run was killed between its figures and its end. All of them tell the same
counts, and only one of them did the work. So one row of a batch is its load:

- the newest that wrote rows, since a later one that wrote none found the receipts and
  measured the reading alone;
- where none wrote a row, the first: all rows were duplicates, or the run that wrote
  them was killed before its figures.
"""

from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.tables import COUNTS, run_metrics
from bulk_pipeline.core.metrics import STAGES, LoadFigures

RECENT_ROWS = 1_000
"""Rows of the table that a load looks at: others wait for it meanwhile."""


def last_loads(
    source: Database | sa.Connection,
    limit: int,
    *,
    rows: tuple[int, int] | None = None,
    other_than: str | None = None,
    recent: bool = False,
) -> list[LoadFigures]:
    """The last loads, newest first, each batch once.

    Args:
        source: the database, which may have no tables yet; or a connection to one that
            has them, which is then asked one SELECT.
        limit: how many at most.
        rows: only loads that read so many rows, from the first to the second, both
            included.
        other_than: key of a batch that is left out.
        recent: whether to look at the last ``RECENT_ROWS`` rows of the table alone,
            which takes as long however many there are. A batch that wrote before them
            and was repeated since shows as a load that wrote nothing.

    Raises:
        TransientError, PermanentError: the database, given as such, cannot be read.
    """
    query = _loads(limit, rows, other_than, recent=recent)
    if isinstance(source, sa.Connection):
        return [_figures(row) for row in source.execute(query)]
    with source.reading() as connection:
        if not sa.inspect(connection).has_table(run_metrics.name):
            return []
        return [_figures(row) for row in connection.execute(query)]


def _loads(
    limit: int, rows: tuple[int, int] | None, other_than: str | None, *, recent: bool
) -> sa.Select[Any]:
    """Rows that are the load of their batch, newest first.

    They are found by one pass over the table, which has no index by batch.
    """
    mine, entered = run_metrics.c, run_metrics.alias("entered").c
    last_that_wrote = sa.func.max(
        sa.case((entered.rows_written > 0, entered.id), else_=0)
    )
    loads = sa.select(
        sa.case((last_that_wrote > 0, last_that_wrote), else_=sa.func.min(entered.id))
    ).group_by(entered.batch_key)
    if recent:
        newest = sa.select(sa.func.max(mine.id)).scalar_subquery()
        loads = loads.where(entered.id > newest - RECENT_ROWS)
    query = sa.select(run_metrics).where(mine.id.in_(loads))
    if rows is not None:
        query = query.where(mine.rows_read.between(*rows))
    if other_than is not None:
        query = query.where(mine.batch_key != other_than)
    return query.order_by(mine.id.desc()).limit(limit)


def _figures(row: sa.Row[Any]) -> LoadFigures:
    counts = {name: getattr(row, name) for name in COUNTS}
    return LoadFigures(
        batch=row.batch_key,
        run_id=row.run_id,
        finished_at=row.finished_at,
        **counts,
        rows_written=row.rows_written,
        seconds=row.seconds,
        stages={stage: getattr(row, f"{stage}_seconds") for stage in STAGES},
        rows_per_second=row.rows_per_second,
        tier=row.tier,
        peak_memory_bytes=row.peak_memory_bytes,
        cpu_percent=row.cpu_percent,
    )
