"""SQL Server: pooled connections, one writer of ours at a time, heaps for scratch."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.application_lock import TRANSACTION, take
from bulk_pipeline.adapters.databases.copying import Copier
from bulk_pipeline.adapters.databases.sqlserver_url import completed, copier_of
from bulk_pipeline.adapters.databases.stage import Stage, Staging, swept
from bulk_pipeline.adapters.databases.watching import pool_arguments
from bulk_pipeline.adapters.sqlserver_errors import from_sqlserver
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.wording import AGAIN

WRITE_LOCK = "bulk_pipeline:write"
"""Application lock of whoever changes the tables; one database has one."""

_AFTER = "bulk_pipeline_after"  # what a transaction leaves to be done at its end
_LOGIN_TIMEOUT = 103  # SQL_ATTR_LOGIN_TIMEOUT of ODBC


class SqlServerBackend:
    """One database of SQL Server, through either of Microsoft's drivers."""

    first_wait_seconds = 1.0
    longest_wait_seconds = 30.0

    def __init__(
        self, url: sa.URL, settings: DatabaseSettings, streams: int = 1
    ) -> None:
        self._url = completed(url, settings)
        self._settings = settings
        self._streams = streams

    @cached_property
    def engine(self) -> sa.Engine:
        return self._made(**pool_arguments(self._settings))

    @cached_property
    def unpooled(self) -> sa.Engine:
        """Connections that end when they are closed, and their locks with them.

        A pool keeps the session of a closed connection, so what it locked stays so.
        """
        return self._made(
            poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
        )

    @property
    def engines(self) -> Sequence[sa.Engine]:
        """Both of them, for whoever listens to what is asked of the database."""
        return (self.engine, self.unpooled)

    @cached_property
    def copier(self) -> Copier:
        """The driver's way of copying rows in bulk."""
        return copier_of(self._url)(self.unpooled, self._settings, self._streams)

    def _made(self, **arguments: Any) -> sa.Engine:
        pyodbc = self._url.get_driver_name() == "pyodbc"
        seconds = self._settings.connect_seconds
        before = {"attrs_before": {_LOGIN_TIMEOUT: seconds}}
        login = {"timeout": seconds} if pyodbc else before
        try:
            if pyodbc:
                _leave_pooling_to_sqlalchemy()
                # Else each of many sets of parameters is a round trip of its own.
                arguments["fast_executemany"] = True
            # Pages of a thousand values in one statement, as SQLAlchemy would send,
            # take the driver a hundred times the time of an array of parameters.
            engine = sa.create_engine(
                self._url, connect_args=login, use_insertmanyvalues=False, **arguments
            )
        except ImportError as error:
            raise from_sqlserver(error) from error
        sa.event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, connection: Any, record: object) -> None:
        del record
        connection.timeout = self._settings.statement_seconds
        cursor = connection.cursor()
        # mssql-python gives no error numbers, so its errors are told by their words.
        cursor.execute("SET LANGUAGE us_english")
        # An error then ends its transaction, whatever the server's default is.
        cursor.execute("SET XACT_ABORT ON")
        # Counts of rows are compared, so no default of the server may withhold them.
        cursor.execute("SET NOCOUNT OFF")
        milliseconds = int(self._settings.busy_seconds * 1e3)
        cursor.execute(f"SET LOCK_TIMEOUT {milliseconds}")
        cursor.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with contextlib.ExitStack() as after, self.engine.begin() as connection:
            connection.info[_AFTER] = after
            try:
                self._lock(connection)
                yield connection
            except (sa.exc.DBAPIError, TransientError):
                # Another attempt gets another connection: what an error left of this
                # one's session is not ours to guess.
                connection.invalidate()
                raise

    def _lock(self, connection: sa.Connection) -> None:
        """Take the write lock until the end of the transaction.

        Raises:
            TransientError: another writer held it all the time that we may wait.
        """
        seconds = self._settings.busy_seconds
        if not take(connection, WRITE_LOCK, TRANSACTION, seconds):
            raise TransientError(
                f"Another load held the database for {seconds:g} seconds. {AGAIN}; "
                "raise BULK_PIPELINE_BUSY_SECONDS if loads of that size are "
                "usual."
            )

    def staging(self) -> Staging:
        """A session for heaps of ours, made once those of the dead are dropped."""
        schema = self._settings.staging_schema or None
        swept(self.unpooled, schema)
        return Staging(self.unpooled, self.copier, schema)

    @contextlib.contextmanager
    def scratch(
        self, connection: sa.Connection, name: str, columns: Sequence[sa.Column[Any]]
    ) -> Iterator[Stage]:
        # A heap, since the bulk copy's own connection sees no temporary table. It goes
        # after the transaction, which may keep it locked until its end.
        del name
        after: contextlib.ExitStack = connection.info[_AFTER]
        yield after.enter_context(self.staging()).heap(columns)

    def dispose(self) -> None:
        for name in ("engine", "unpooled"):
            if name in self.__dict__:
                getattr(self, name).dispose()


def _leave_pooling_to_sqlalchemy() -> None:
    """ODBC's pool would keep sessions, with their locks, behind closed connections."""
    import pyodbc  # noqa: PLC0415  # only where its URLs are used

    pyodbc.pooling = False
