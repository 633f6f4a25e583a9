"""A transaction that shows the database at one moment, however long it lasts."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database


@contextlib.contextmanager
def one_moment(database: Database) -> Iterator[sa.Connection]:
    """A connection whose queries all see the same rows.

    SQLite shows a transaction the file as it was at its first query, and loads go on
    meanwhile. So does SQL Server where the database allows snapshots; where it does
    not, this waits for the load that is publishing, and the next one waits for this.

    Raises:
        TransientError: a load held SQL Server's database for too long.
    """
    if database.url.get_backend_name() == "sqlite":
        with database.engine.connect() as connection:
            yield connection
        return
    from bulk_pipeline.adapters.exporting_sqlserver import (  # noqa: PLC0415
        sqlserver_moment,  # SQLite needs none of it
    )

    with sqlserver_moment(database) as connection:
        yield connection
