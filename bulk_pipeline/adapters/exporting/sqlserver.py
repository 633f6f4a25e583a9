"""One moment of a database of SQL Server: by a snapshot, or beside the write lock."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.application_lock import SHARED, TRANSACTION, take
from bulk_pipeline.adapters.databases.sqlserver import WRITE_LOCK
from bulk_pipeline.core.errors import TransientError

_ALLOWED = sa.text(
    "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
)
_ON = 1


@contextlib.contextmanager
def sqlserver_moment(database: Database) -> Iterator[sa.Connection]:
    """See ``one_moment``.

    Raises:
        TransientError: a load held the database all the time that we may wait.
    """
    with database.engine.connect() as connection:
        allowed = connection.execute(_ALLOWED).scalar() == _ON
        connection.rollback()
        if allowed:
            # Taken back when the connection goes to the pool.
            yield connection.execution_options(isolation_level="SNAPSHOT")
            return
        seconds = database.settings.busy_seconds
        if not take(connection, WRITE_LOCK, TRANSACTION, seconds, mode=SHARED):
            raise TransientError(
                f"A load held the database for {seconds:g} seconds. Try again when it "
                "has ended, or have ALLOW_SNAPSHOT_ISOLATION set ON: exports and loads "
                "then do not wait for each other."
            )
        yield connection
