"""One moment of a database of SQL Server: by a snapshot, or beside the write lock."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.application_lock import SHARED, TRANSACTION, take
from bulk_pipeline.adapters.databases.sqlserver import WRITE_LOCK
from bulk_pipeline.core.errors import TransientError

_STANDING = sa.text(
    "SELECT snapshot_isolation_state,"
    " CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(20))"
    " FROM sys.databases WHERE name = DB_NAME()"
)
_ON = 1
_READ_ONLY = "READ_ONLY"
"""What a database says that nobody can write: a readable secondary, a copy in standby.

A secondary runs every transaction as a snapshot, whatever is asked for.
https://learn.microsoft.com/sql/database-engine/availability-groups/windows/active-secondaries-readable-secondary-replicas-always-on-availability-groups
"""


@contextlib.contextmanager
def sqlserver_moment(database: Database) -> Iterator[sa.Connection]:
    """See ``one_moment``.

    Raises:
        TransientError: a load held the database all the time that we may wait.
    """
    with database.engine.connect() as connection:
        allowed, updateability = connection.execute(_STANDING).one()
        connection.rollback()
        if updateability == _READ_ONLY:
            yield connection
            return
        if allowed == _ON:
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
