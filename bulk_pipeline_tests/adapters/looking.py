"""A database as another program sees it: on connections of its own, without our code.

Moments come back as whole microseconds since 1970, null as None, whatever the database
keeps them as.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.application_lock import SESSION, take
from bulk_pipeline.adapters.databases.sqlserver import WRITE_LOCK
from bulk_pipeline.adapters.databases.stage import PREFIX

PATIENCE_SECONDS = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = 1000  # microseconds


class View(Protocol):
    """One kind of database, seen from outside."""

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query, or none of one change, which is committed.

        Args:
            text: SQL that every database here knows, with ``?`` for each value.
            values: what is bound.
        """

    def kept(self, moment: datetime) -> int:
        """A moment as it comes back once it was stored."""

    def locked(self) -> bool:
        """Whether a writer of ours holds the database."""

    def holding(self) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Hold the write lock like another program; what it gives lets go early."""

    def is_sound(self) -> bool:
        """Whether the database finds itself undamaged."""

    def stages(self) -> list[str]:
        """Names of the tables that loads have made for themselves, and left."""


def view_of(url: sa.URL) -> View:
    """The view of a database by its URL."""
    if url.get_backend_name() == "sqlite":
        return SqliteView(Path(url.database or ""))
    return SqlServerView(url)


def query(path: Path, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query in a SQLite file, or of one change and its commit."""
    with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as connection:
        found = connection.execute(text, values).fetchall()
        connection.commit()
        return found


@dataclass(frozen=True)
class SqliteView:
    """A SQLite file."""

    path: Path

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query, or of one change and its commit."""
        return query(self.path, text, *values)

    def kept(self, moment: datetime) -> int:
        """The moment to the microsecond."""
        return (moment - _EPOCH) // _MICROSECOND

    def locked(self) -> bool:
        """Whether a writer holds the file."""
        with closing(sqlite3.connect(self.path, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.rollback()
            return False

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[], None]]:
        """Hold the file's one write lock."""
        with closing(sqlite3.connect(self.path, check_same_thread=False)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield writer.rollback

    def is_sound(self) -> bool:
        """What SQLite finds when it reads every page."""
        return self.query("PRAGMA integrity_check") == [("ok",)]

    def stages(self) -> list[str]:
        """None: they are temporary tables of their connection."""
        return []


@dataclass(frozen=True)
class SqlServerView:
    """A database of SQL Server, by either driver."""

    url: sa.URL = field(repr=False)

    @cached_property
    def _engine(self) -> sa.Engine:
        """Connections that end when they are closed."""
        return sa.create_engine(
            self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query, or of one change, which commits by itself."""
        with self._engine.connect() as connection:
            result = connection.exec_driver_sql(text, values or None)
            if not result.returns_rows:
                return []
            return [tuple(map(_plain, row)) for row in result]

    def kept(self, moment: datetime) -> int:
        """The moment with its milliseconds, what is below cut off."""
        microseconds = (moment - _EPOCH) // _MICROSECOND
        return microseconds // _MILLISECOND * _MILLISECOND

    def locked(self) -> bool:
        """Whether a writer holds the application lock."""
        with self._engine.connect() as connection:
            return not take(connection, WRITE_LOCK, SESSION, 0)

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[], None]]:
        """Hold the application lock of those who write."""
        with self._engine.connect() as connection:
            assert take(connection, WRITE_LOCK, SESSION, PATIENCE_SECONDS)
            yield connection.close  # a lock of the session ends with it

    def is_sound(self) -> bool:
        """True: a check of a database takes rights that a test need not have."""
        return True

    def stages(self) -> list[str]:
        """Names of the heaps in the login's own schema."""
        with self._engine.connect() as connection:
            names = sa.inspect(connection).get_table_names()
        return [name for name in names if name.startswith(PREFIX)]


def _plain(value: Any) -> Any:
    """A value as SQLite would give it, as far as moments go."""
    if not isinstance(value, datetime):
        return value
    return (value.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
