"""A transaction that shows the database at one moment, however long it lasts."""

import contextlib
from collections.abc import Iterator

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.exporting.rows import rows_at_most
from bulk_pipeline.adapters.exporting.sources import (
    FromConnection,
    Source,
    reading_process,
)
from bulk_pipeline.adapters.exporting.wanted import Wanted

PROCESS_ROWS = 100_000
"""From here on a process of its own pays; measured, see docs/performance.md."""


@contextlib.contextmanager
def one_moment(database: Database, wanted: Wanted) -> Iterator[Source]:
    """Queries that all see the same rows.

    SQLite shows a transaction the file as it was at its first query, and loads go on
    meanwhile. So does SQL Server where the database allows snapshots; where it does
    not, this waits for the load that is publishing, and the next one waits for this.

    Args:
        database: which one.
        wanted: what will be asked for; many rows of an SQLite file are read by a
            process of their own.

    Raises:
        TransientError: a load held SQL Server's database for too long.
    """
    if database.url.get_backend_name() == "sqlite":
        with database.engine.connect() as connection:
            source = FromConnection(connection)
            if rows_at_most(source, wanted) < PROCESS_ROWS:
                yield source
                return
        with reading_process(database) as apart:
            yield apart
        return
    from bulk_pipeline.adapters.exporting.sqlserver import (  # noqa: PLC0415
        sqlserver_moment,  # SQLite needs none of it
    )

    with sqlserver_moment(database) as connection:
        yield FromConnection(connection)
