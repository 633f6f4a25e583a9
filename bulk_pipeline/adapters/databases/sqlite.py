"""SQLite: one file, one writer at a time, no server to ask for anything."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.watching import BEGIN_WRITING, pool_arguments
from bulk_pipeline.core.errors import ConfigurationError

PAGE_BYTES = 16_384  # a bulk load commits in half the time it takes at SQLite's 4,096


class SqliteBackend:
    """One SQLite file."""

    first_wait_seconds = 0.1
    longest_wait_seconds = 5.0

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        self._url = url
        self._settings = settings

    @cached_property
    def engine(self) -> sa.Engine:
        folder = Path(self._url.database or "").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The database's folder {folder} cannot be made "
                f"({error.strerror}). Name another place in DATABASE_URL."
            ) from error
        engine = sa.create_engine(self._url, **pool_arguments(self._settings))
        sa.event.listen(engine, "connect", self._prepare)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _prepare(self, connection: Any, record: object) -> None:
        del record
        # The driver's own implicit BEGIN would take the write lock too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        milliseconds = int(self._settings.busy_seconds * 1e3)
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        cursor.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heeded by a new file only
        cursor.execute("PRAGMA journal_mode = WAL")
        # Some builds of SQLite leave a commit in the log to a loss of power.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        writer = self.engine.execution_options(begin_immediate=True)
        with writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def scratch(
        self, connection: sa.Connection, name: str, columns: Sequence[sa.Column[Any]]
    ) -> Iterator["_TemporaryTable"]:
        table = sa.Table(name, sa.MetaData(schema="temp"), *columns)
        table.create(connection, checkfirst=False)
        yield _TemporaryTable(table, connection)
        # Not where the block failed: the table goes with its transaction.
        table.drop(connection, checkfirst=False)

    def dispose(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()


class _TemporaryTable:
    """A temporary table of one connection."""

    def __init__(self, table: sa.Table, connection: sa.Connection) -> None:
        self.table = table
        self._connection = connection

    def fill(self, rows: pl.DataFrame) -> int:
        # Tuples for the driver as they are: a dict for each would double the time.
        insert = self.table.insert().values({n: sa.bindparam(n) for n in rows.columns})
        compiled = insert.compile(self._connection)
        names = list(getattr(compiled, "positiontup", None) or ())
        values = rows.select(names).rows()
        if not values:
            return 0
        return int(self._connection.exec_driver_sql(str(compiled), values).rowcount)


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql(BEGIN_WRITING if immediate else "BEGIN")
