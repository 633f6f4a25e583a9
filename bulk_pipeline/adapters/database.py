"""The target database: engine and pool from settings, tables, short transactions."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from bulk_pipeline.adapters import tables
from bulk_pipeline.adapters.breaker import Breaker
from bulk_pipeline.adapters.databases.base import Backend, Scratch
from bulk_pipeline.adapters.databases.patience import Patience
from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.databases.sqlite import SqliteBackend
from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.failures import attempts, translated
from bulk_pipeline.adapters.schema_setup import create_tables
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True)
class Database:
    """One target database; connects on first use. ``repr`` shows no password.

    Attributes:
        url: where the rows go.
        settings: pool, waits and retries.
        breaker: keeps attempts away from a database that does not answer.
    """

    url: sa.URL = field(repr=False)
    settings: Settings
    breaker: Breaker | None = None

    @classmethod
    def from_settings(
        cls, settings: Settings, breaker: Breaker | None = None
    ) -> "Database":
        """The database of the settings; by default a SQLite file in the home.

        Raises:
            ConfigurationError: the URL cannot be read or names no supported database.
        """
        return cls(target_url(settings), settings, breaker)

    @property
    def name(self) -> str:
        """The URL as people may see it; a password may hide in its query, too."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    @cached_property
    def backend(self) -> Backend:
        """What this kind of database does in its own way."""
        if self.url.get_backend_name() == "sqlite":
            return SqliteBackend(self.url, self.settings)
        from bulk_pipeline.adapters.databases.sqlserver import (  # noqa: PLC0415
            SqlServerBackend,  # SQLite needs none of it
        )

        return SqlServerBackend(self.url, self.settings, self.settings.workers)

    @property
    def path(self) -> Path:
        """The SQLite file.

        Raises:
            ValueError: the database is no file.
        """
        if self.url.get_backend_name() != "sqlite":
            raise ValueError(f"{self.name} is a server and no file.")
        return Path(self.url.database or "")

    @property
    def access(self) -> str:
        """How a process that only reads opens the SQLite file, as its URI says it.

        Who only reads must not fold the log into the file, or remove it.
        """
        return "mode=ro"

    @property
    def engine(self) -> sa.Engine:
        """Engine with the pool of the settings, made on first use."""
        return self.backend.engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading; driver errors come out in our classes."""
        with self.guarded(), translated(), self.engine.connect() as connection:
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

        def transaction() -> T:
            with self.backend.writing() as connection:
                return change(connection)

        return self.persistently(transaction)

    def persistently(self, work: Callable[[], T]) -> T:
        """Do some work, again while that may help, with backoff and jitter between.

        Args:
            work: one attempt; leaves nothing behind where it fails.

        Raises:
            TransientError: all attempts that the settings allow have failed.
            PermanentError: anything a retry cannot clear.
        """
        patience = Patience(self.settings.login_grace_seconds)
        for attempt in attempts(
            TransientError,
            self.settings.retries,
            self.backend.first_wait_seconds,
            self.backend.longest_wait_seconds,
        ):
            with attempt, patience, self.guarded(), translated():
                return work()
        raise AssertionError  # stamina returns or raises

    def guarded(self) -> contextlib.AbstractContextManager[None]:
        """The breaker around one attempt; nothing where there is none."""
        return self.breaker.guard() if self.breaker else contextlib.nullcontext()

    def scratch(
        self, connection: sa.Connection, name: str, columns: Sequence[sa.Column[Any]]
    ) -> contextlib.AbstractContextManager[Scratch]:
        """Rows beside the tables for a transaction; see ``Backend``."""
        return self.backend.scratch(connection, name, columns)

    def create_tables(self) -> None:
        """Create what is missing and upgrade what is old; see ``schema_setup``.

        Raises:
            ConfigurationError: the tables belong to another version of this project,
                or this login may not make them.
        """
        create_tables(self)

    def receipts(self, sha256s: Sequence[str]) -> list[sa.Row[Any]]:
        """Receipts of files with one of these contents, oldest first."""
        distinct = list(dict.fromkeys(sha256s))
        found: list[sa.Row[Any]] = []
        with self.reading() as connection:
            for some in portions(distinct):
                query = sa.select(tables.uploads)
                query = query.where(tables.uploads.c.sha256.in_(some))
                found += connection.execute(query)
        return sorted(found, key=lambda receipt: int(receipt.id))

    def dispose(self) -> None:
        """Close the pool, if it was ever opened."""
        if "backend" in self.__dict__:
            self.backend.dispose()
