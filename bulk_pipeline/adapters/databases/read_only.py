"""SQLite files that are read and never written, whoever else writes them."""

import os
import sqlite3
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.sqlite import SqliteBackend
from bulk_pipeline.core.errors import PermanentError


def access_to(path: Path) -> str:
    """How SQLite is to open a file that is only read, as its URI says it.

    The last connection to close a file in WAL mode folds its log into it: not for us,
    if there is a log. Without one, a connection that may not write would leave two
    files behind, and one that may write takes them away again.
    """
    if Path(f"{path}-wal").exists():
        return "mode=ro"
    return "mode=rw" if os.access(path.parent, os.W_OK) else "immutable=1"


def opened_to_read(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection that changes nothing; a file that is not there is not made.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    address = f"file:{quote(str(path.absolute()))}?{access_to(path)}"
    connection = sqlite3.connect(
        address,
        uri=True,
        timeout=busy_seconds,
        check_same_thread=False,  # SQLAlchemy's pools hand connections on
        isolation_level=None,  # the driver would begin transactions only to write
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


class ReadOnlySqlite(SqliteBackend):
    """One SQLite file that only others write.

    Each connection opens the file anew: a copy is often replaced by a newer one under
    its name, which a connection of a pool would never see.
    """

    @cached_property
    def engine(self) -> sa.Engine:
        path = Path(self._url.database or "")
        engine = sa.create_engine(
            "sqlite://",
            creator=partial(opened_to_read, path, self._settings.busy_seconds),
            poolclass=sa.NullPool,
            hide_parameters=True,
        )
        sa.event.listen(engine, "begin", _begin)
        return engine


def only_read(name: str) -> PermanentError:
    """What is said to whoever would write to a replica."""
    return PermanentError(
        f"{name} is only read (BULK_PIPELINE_READ_URL names it). Loads go into the "
        "database of DATABASE_URL."
    )


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
