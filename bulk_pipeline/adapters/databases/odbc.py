"""Bulk copy through pyodbc: arrays of parameters, sent a frame at a time."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.copying import in_streams
from bulk_pipeline.adapters.databases.tsql import DIALECT
from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.core.errors import AccountingError

ROWS_PER_ARRAY = 10_000
"""The driver holds an array of parameters as text buffers of full length."""


class OdbcCopier:
    """Copies frames by ``fast_executemany``."""

    def __init__(
        self, engine: sa.Engine, settings: DatabaseSettings, streams: int
    ) -> None:
        del settings  # its time limits are those of the connection
        self._engine = engine
        self._streams = streams

    def copy(self, table: sa.Table, frames: Iterable[pl.DataFrame]) -> int:
        return in_streams(lambda mine: self._copied(table, mine), frames, self._streams)

    def _copied(self, table: sa.Table, frames: Iterator[pl.DataFrame]) -> int:
        copied = 0
        with translated(), self._engine.connect() as connection:
            cursor: Any = connection.connection.cursor()
            cursor.fast_executemany = True
            for frame in frames:
                insert = _insert(table, frame.columns)
                cursor.setinputsizes(_sizes(table, frame.columns))
                for part in frame.iter_slices(ROWS_PER_ARRAY):
                    cursor.executemany(insert, part.rows())
                    copied += part.height
            cursor.close()
        return copied


def _insert(table: sa.Table, columns: list[str]) -> str:
    """An INSERT with a mark for each column, in the order of the frame."""
    statement = table.insert().values({name: sa.bindparam(name) for name in columns})
    compiled = statement.compile(dialect=DIALECT)
    if list(getattr(compiled, "positiontup", None) or ()) != columns:
        raise AccountingError(
            f"Columns of the rows for {table.name} are not in the order of the table."
        )
    return str(compiled)


def _sizes(table: sa.Table, columns: list[str]) -> list[tuple[int, int, int]]:
    """Types of the columns, which the driver would else guess from the first row."""
    import pyodbc  # noqa: PLC0415  # only where its URLs are used

    sizes = []
    for name in columns:
        kind = table.c[name].type
        if isinstance(kind, sa.Float):
            sizes.append((pyodbc.SQL_DOUBLE, 0, 0))
        elif isinstance(kind, sa.Integer):
            sizes.append((pyodbc.SQL_BIGINT, 0, 0))
        elif isinstance(kind, sa.String):
            mssql = kind.dialect_impl(DIALECT)
            sizes.append((pyodbc.SQL_WVARCHAR, getattr(mssql, "length", 0) or 0, 0))
        else:
            raise AccountingError(f"Column {name} has no type that can be copied.")
    return sizes
