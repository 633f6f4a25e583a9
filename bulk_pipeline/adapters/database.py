"""The target database: engine and pool from settings, tables, short transactions."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from bulk_pipeline.adapters import tables
from bulk_pipeline.adapters.failures import attempts, translated
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError, TransientError

T = TypeVar("T")
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
PAGE_BYTES = 16_384  # a bulk load commits in half the time it takes at SQLite's 4,096


@dataclass(frozen=True)
class Database:
    """One target database; connects on first use. ``repr`` shows no password.

    Attributes:
        url: where the rows go.
        settings: pool, waits and retries.
    """

    url: sa.URL = field(repr=False)
    settings: Settings

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """The database of the settings; by default a SQLite file in the home.

        Raises:
            ConfigurationError: the URL cannot be read or names no supported database.
        """
        given = settings.database_url
        if given is None:
            path = Home(settings.home).database
            return cls(sa.URL.create("sqlite", database=str(path)), settings)
        try:
            url = sa.make_url(given.get_secret_value())
        except (sa.exc.ArgumentError, ValueError):  # a port that is no number
            # The text is not repeated: a mistyped URL may still hold a password.
            raise ConfigurationError(
                "DATABASE_URL is no SQLAlchemy URL. Write sqlite:////path/to/file.db "
                "or mssql+mssqlpython://user:password@host/database."
            ) from None
        file = None if url.username or url.host else url.database
        if url.get_backend_name() != "sqlite" or not file:
            raise ConfigurationError(
                f"DATABASE_URL names {url.drivername!r}: this version loads into "
                "SQLite files. Write sqlite:////path/to/file.db."
            )
        return cls(url.set(database=str(Path(file).absolute())), settings)

    @property
    def name(self) -> str:
        """The URL as people may see it, without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.database or "")

    @cached_property
    def engine(self) -> sa.Engine:
        """Engine with the pool of the settings, made on first use.

        Raises:
            ConfigurationError: the folder of the file cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The database's folder {self.path.parent} cannot be made "
                f"({error.strerror}). Name another place in DATABASE_URL."
            ) from error
        engine = sa.create_engine(
            self.url,
            pool_size=self.settings.pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_recycle=self.settings.pool_recycle_seconds,
            pool_timeout=self.settings.pool_timeout_seconds,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", self._prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _prepare_sqlite(self, connection: Any, record: object) -> None:
        del record
        # The driver's own implicit BEGIN would take the write lock too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(self.settings.busy_seconds * 1e3)}")
        cursor.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heeded by a new file only
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading; driver errors come out in our classes."""
        with translated(), self.engine.connect() as connection:
            yield connection

    def writing(self, change: Callable[[sa.Connection], T]) -> T:
        """Run one transaction under the write lock, again while that may help.

        Args:
            change: does the writing on the connection it is given; may run more than
                once, each time in a new transaction.

        Raises:
            TransientError: the database stayed busy for all attempts.
            PermanentError: anything a retry cannot clear.
        """
        for attempt in self.attempts():
            with attempt, translated():
                writer = self.engine.execution_options(begin_immediate=True)
                with writer.begin() as connection:
                    return change(connection)
        raise AssertionError  # stamina returns or raises

    def attempts(self) -> Iterator[Any]:
        """Attempts with backoff and jitter, as many as the settings allow."""
        number = self.settings.retries
        return attempts(
            TransientError, number, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS
        )

    def create_tables(self) -> None:
        """Create what is missing; safe to call again and from two processes at once.

        Raises:
            ConfigurationError: the tables belong to another version of this project.
        """

        def change(connection: sa.Connection) -> None:
            tables.metadata.create_all(connection)
            versions = connection.scalars(sa.select(tables.schema_version.c.version))
            found = versions.all()
            if not found:
                connection.execute(
                    tables.schema_version.insert(),
                    {"version": tables.SCHEMA_VERSION, "applied_at": datetime.now(UTC)},
                )
            elif found != [tables.SCHEMA_VERSION]:
                raise ConfigurationError(
                    f"The tables have schema version {max(found)}, this program needs "
                    f"{tables.SCHEMA_VERSION}. Install the version that made them, or "
                    "name another database in DATABASE_URL."
                )

        if not self._is_complete():
            self.writing(change)

    def _is_complete(self) -> bool:
        """Whether all tables are there, seen without waiting for a writer to end."""
        try:
            with self.reading() as connection:
                found = sa.inspect(connection).get_table_names()
                if not set(tables.metadata.tables) <= set(found):
                    return False
                version = sa.select(tables.schema_version.c.version)
                return connection.scalars(version).all() == [tables.SCHEMA_VERSION]
        except TransientError:
            return False

    def receipts(self, sha256s: Sequence[str]) -> list[sa.Row[Any]]:
        """Receipts of files with one of these contents, oldest first."""
        query = (
            sa.select(tables.uploads)
            .where(tables.uploads.c.sha256.in_(sha256s))
            .order_by(tables.uploads.c.id)
        )
        with self.reading() as connection:
            return list(connection.execute(query))

    def dispose(self) -> None:
        """Close the pool, if it was ever opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
