"""Rows of one database as frames, and on their way into another.

In a frame a moment is a datetime in UTC without a zone, whatever the two databases keep
it as. What goes to SQL Server has no digits below a millisecond, since it keeps none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from bulk_pipeline.adapters.column_types import UtcMoment
from bulk_pipeline.adapters.databases.base import Scratch
from bulk_pipeline.adapters.syncing.compared import Compared

SOURCE_ID = "source_id"
_MOMENT = pl.Datetime("us")
_TEXT = "%Y-%m-%dT%H:%M:%S%.3f"
_TEXT_LENGTH = 23


def read(connection: sa.Connection, query: sa.Select[Any], rows: int) -> pl.DataFrame:
    """All rows of a query, fetched so many at once.

    Args:
        connection: where from.
        query: its columns have types of the tables.
        rows: fetched at a time.
    """
    return pl.concat(portions_of(connection, query, rows), how="vertical")


def portions_of(
    connection: sa.Connection, query: sa.Select[Any], rows: int
) -> Iterator[pl.DataFrame]:
    """Frames of a query's rows; one without rows at the end."""
    server = connection.dialect.name == "mssql"
    kept, schema = [], {}
    for column in query.selected_columns:
        name, kind = str(column.key), column.type
        moment = isinstance(kind, UtcMoment)
        schema[name] = _kept_as(kind, server=server)
        raw = mssql.DATETIME2(3) if server else sa.BigInteger()  # type: ignore[no-untyped-call]
        kept.append(sa.type_coerce(column, raw).label(name) if moment else column)
    moments = [
        c.key for c in query.selected_columns if isinstance(c.type, UtcMoment) and c.key
    ]
    found = connection.execute(query.with_only_columns(*kept))
    for some in found.partitions(rows):
        # Column by column: half of the time that polars takes row by row.
        columns = zip(schema.items(), zip(*some, strict=True), strict=True)
        frame = pl.DataFrame([pl.Series(n, c, kind) for (n, kind), c in columns])
        yield frame.with_columns(pl.col(moments).cast(_MOMENT))
    yield pl.DataFrame(schema=schema).with_columns(pl.col(moments).cast(_MOMENT))


def _kept_as(kind: Any, *, server: bool) -> pl.DataType:
    if isinstance(kind, UtcMoment):
        return _MOMENT if server else pl.Int64()
    if isinstance(kind, sa.SmallInteger):
        return pl.Int16()
    if isinstance(kind, sa.Integer):
        return pl.Int64()
    return pl.Float64() if isinstance(kind, sa.Float) else pl.String()


def as_kept(rows: pl.DataFrame, dialect: sa.Dialect) -> pl.DataFrame:
    """The rows with their moments as exact as a target keeps them."""
    if dialect.name != "mssql":
        return rows
    return rows.with_columns(pl.selectors.datetime().dt.truncate("1ms"))


def staged_columns(compared: Compared, dialect: sa.Dialect) -> list[sa.Column[Any]]:
    """Columns of the source's rows beside a target's tables."""
    columns: list[sa.Column[Any]] = [sa.Column(SOURCE_ID, sa.BigInteger)]
    for name in compared.columns:
        column = compared.table.c[name]
        kind: Any = column.type
        if isinstance(kind, UtcMoment) and dialect.name == "mssql":
            kind = sa.CHAR(_TEXT_LENGTH)  # neither driver copies a datetime in bulk
        # SQLite looks for one row after the other, SQL Server hashes the heap.
        key = name in compared.key and dialect.name == "sqlite"
        columns.append(sa.Column(name, kind, primary_key=key, autoincrement=False))
    return columns


def staged_rows(compared: Compared, staged: sa.Table) -> sa.FromClause:
    """Staged rows with the types of the table."""
    columns: list[sa.ColumnElement[Any]] = [staged.c[SOURCE_ID]]
    for name in compared.columns:
        column: sa.ColumnElement[Any] = staged.c[name]
        kind = compared.table.c[name].type
        if isinstance(kind, UtcMoment) and not isinstance(column.type, UtcMoment):
            column = sa.cast(column, kind).label(name)
        columns.append(column)
    return sa.select(*columns).subquery("rows_there")


def fill(scratch: Scratch, rows: pl.DataFrame) -> int:
    """Stage rows; returns how many the target counted."""
    if rows.is_empty():
        return 0
    names = [c.name for c in scratch.table.c]
    moments = pl.selectors.datetime()
    text = any(
        isinstance(c.type, sa.CHAR) and c.type.length == _TEXT_LENGTH
        for c in scratch.table.c
    )
    sent = moments.dt.to_string(_TEXT) if text else moments.cast(pl.Int64)
    return scratch.fill(rows.select(names).with_columns(sent))


def of_columns(compared: Compared, names: Sequence[str] = ()) -> sa.Select[Any]:
    """A table's id, as ``source_id``, and its other columns, or some of them."""
    t = compared.table
    wanted = names or compared.columns
    return sa.select(t.c.id.label(SOURCE_ID), *(t.c[name] for name in wanted))
