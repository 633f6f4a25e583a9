"""Two ways to one SQLite file behind one small interface.

A process opens the data file with ONE of them. Each brings a SQLite library of its
own; two libraries in one process break the file's locks, and closing one deletes the
other's write-ahead log: rows reported as stored are then gone without an error.
"""

import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from bulk_pipeline.adapters.one_ahead import one_ahead

if TYPE_CHECKING:
    import sqlite3

CACHE_KIB = 196_608
Statements = Mapping[str, Mapping[str, Any]]


class Driver(Protocol):
    """Statements by name, over one connection; transactions are statements too."""

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises where SQLite refuses."""

    def text(self, name: str) -> str:
        """A statement's text."""

    def command(self, text: str) -> None:
        """Run a text without parameters: BEGIN IMMEDIATE, COMMIT, ROLLBACK."""

    def run(self, name: str, /, **values: Any) -> None:
        """Run a statement that returns nothing."""

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a query and return its rows, for few rows."""

    def frame(self, name: str) -> pl.DataFrame:
        """Run a query without parameters and return a frame of its columns."""

    def append(self, table: str, frames: Iterable[pl.DataFrame], **numbers: int) -> int:
        """Insert frames by column name; returns the rows that the driver counted.

        Args:
            table: a table with a statement ``insert_`` and its name.
            frames: rows with the columns that the statement binds.
            numbers: columns that are the same in each row.
        """

    def rollback(self) -> None:
        """End the transaction without a trace, if SQLite has not done so by itself."""

    def close(self) -> None:
        """Give the connection back."""


class PythonDriver:
    """Python's own sqlite3 over a connection of SQLAlchemy's pool; small loads."""

    def __init__(
        self, connection: "sqlite3.Connection", statements: Statements
    ) -> None:
        self._connection = connection
        self._statements = statements

    @property
    def errors(self) -> type[Exception]:
        import sqlite3  # noqa: PLC0415  # not for the process that loads in bulk

        return sqlite3.Error

    def text(self, name: str) -> str:
        text: str = self._statements[name]["sql"]
        return text

    def command(self, text: str) -> None:
        self._connection.execute(text).close()

    def run(self, name: str, /, **values: Any) -> None:
        statement = self._statements[name]
        self._connection.execute(*_bound(statement, values)).close()

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        statement = self._statements[name]
        return self._connection.execute(*_bound(statement, values)).fetchall()

    def frame(self, name: str) -> pl.DataFrame:
        cursor = self._connection.execute(self._statements[name]["sql"])
        names = [column[0] for column in cursor.description]
        return pl.DataFrame(
            cursor.fetchall(), schema=names, orient="row", infer_schema_length=None
        )

    def append(self, table: str, frames: Iterable[pl.DataFrame], **numbers: int) -> int:
        statement = self._statements[f"insert_{table}"]
        text = statement["sql"].format(**numbers)
        counted = 0
        for frame in frames:
            columns = [frame[name].to_list() for name in statement["parameters"]]
            # Not the connection's count: it has the rows of users' triggers in it.
            cursor = self._connection.executemany(text, zip(*columns, strict=True))
            counted += cursor.rowcount
            cursor.close()
        return counted

    def rollback(self) -> None:
        # A full disk, for one, makes SQLite roll back before anybody asks.
        if self._connection.in_transaction:
            self.command("ROLLBACK")

    def close(self) -> None:
        """Nothing: the pool owns the connection."""


class ArrowDriver:
    """ADBC's SQLite in a process of its own; large loads."""

    def __init__(self, path: str, busy_ms: int, statements: Statements) -> None:
        from adbc_driver_sqlite import dbapi  # noqa: PLC0415  # brings a SQLite along

        self._connection = dbapi.connect(f"file:{_quoted(path)}", autocommit=True)
        self._cursor = self._connection.cursor()
        self._statements = statements
        self.command(f"PRAGMA busy_timeout = {int(busy_ms)}")
        self.command(f"PRAGMA cache_size = -{CACHE_KIB}")
        # The log is moved into the file after the commit was reported, not before.
        self.command("PRAGMA wal_autocheckpoint = 0")
        # A commit that is reported must outlive a loss of power, whatever the build's
        # default is.
        self.command("PRAGMA synchronous = FULL")
        # Rows are checked a slice at a time before they come here.
        self.command("PRAGMA ignore_check_constraints = ON")

    @property
    def errors(self) -> type[Exception]:
        import adbc_driver_manager  # noqa: PLC0415  # kept beside the driver

        return adbc_driver_manager.Error

    def text(self, name: str) -> str:
        text: str = self._statements[name]["sql"]
        return text

    def command(self, text: str) -> None:
        # A cursor whose statement failed keeps its parameters, and refuses a text
        # that takes none.
        with self._connection.cursor() as cursor:
            cursor.execute(text)
            cursor.fetchall()

    def run(self, name: str, /, **values: Any) -> None:
        self._cursor.execute(*_bound(self._statements[name], values))

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        self._cursor.execute(*_bound(self._statements[name], values))
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def frame(self, name: str) -> pl.DataFrame:
        self._cursor.execute(self._statements[name]["sql"])
        found = pl.from_arrow(self._cursor.fetch_arrow_table())
        return found if isinstance(found, pl.DataFrame) else found.to_frame()

    def append(self, table: str, frames: Iterable[pl.DataFrame], **numbers: int) -> int:
        import pyarrow as pa  # noqa: PLC0415  # kept beside the driver it serves

        statement = self._statements[f"insert_{table}"]
        bound = (frame.select(statement["parameters"]) for frame in frames)
        batches = one_ahead(b for frame in bound for b in _arrow(frame).to_batches())
        first = next(batches, None)
        if first is None:
            return 0
        everything = itertools.chain([first], batches)
        reader = pa.RecordBatchReader.from_batches(first.schema, everything)
        self._cursor.executemany(statement["sql"].format(**numbers), reader)
        return int(self._cursor.rowcount)

    def rollback(self) -> None:
        import adbc_driver_manager  # noqa: PLC0415  # kept beside the driver

        # A full disk, for one, makes SQLite roll back before anybody asks.
        with contextlib.suppress(adbc_driver_manager.Error):
            self.command("ROLLBACK")

    def checkpoint(self) -> None:
        """Move committed pages from the log into the file; readers go on meanwhile."""
        self.command("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()


def _bound(
    statement: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[str, Sequence[Any]]:
    return statement["sql"], tuple(values[name] for name in statement["parameters"])


def _arrow(frame: pl.DataFrame) -> Any:
    """An Arrow table in the plain types that the driver takes."""
    import pyarrow as pa  # noqa: PLC0415

    texts = pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()
    table = frame.with_columns(texts.cast(pl.String)).to_arrow()
    kinds = {pa.large_string(), pa.string_view()}
    fields = [
        field.with_type(pa.string()) if field.type in kinds else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _quoted(path: str) -> str:
    """A path as the part of a ``file:`` URI that SQLite reads back unchanged."""
    from urllib.parse import quote  # noqa: PLC0415

    return quote(path)
