"""Bulk copy through mssql-python: Arrow batches straight into the server's protocol.

The driver opens a connection of its own for each call, which sees no temporary table
and nothing that is not committed, and takes no part in anybody's transaction.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.copying import in_streams
from bulk_pipeline.adapters.databases.tsql import quoted
from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.sqlserver_errors import bulk_copy


class ArrowCopier:
    """Copies frames by ``bulkcopy_arrow``."""

    def __init__(
        self, engine: sa.Engine, settings: DatabaseSettings, streams: int
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._streams = streams

    def copy(self, table: sa.Table, frames: Iterable[pl.DataFrame]) -> int:
        name = quoted(table)
        return in_streams(lambda mine: self._copied(name, mine), frames, self._streams)

    def _copied(self, table: str, frames: Iterator[pl.DataFrame]) -> int:
        first = next(frames, None)
        if first is None:
            return 0
        with translated(), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            cursor = raw.cursor()
            source = _Source(first, frames)
            with source, bulk_copy():
                result = cursor.bulkcopy_arrow(
                    table,
                    source.reader(),
                    # One batch, which commits once: a broken one leaves nothing.
                    batch_size=0,
                    timeout=self._settings.bulk_seconds,
                    # By position the driver would also fill an identity column.
                    column_mappings=first.columns,
                    # Several streams share the lock of a bulk update on a heap.
                    table_lock=True,
                    # A missing ratio must not become the default of a column.
                    keep_nulls=True,
                )
        return int(result["rows_copied"])


class _Source:
    """Frames as a stream of Arrow batches of one schema.

    As a context manager it raises what the making of a frame raised, instead of what
    the driver, which only sees its stream break off, made of that.
    """

    def __init__(self, first: pl.DataFrame, frames: Iterator[pl.DataFrame]) -> None:
        self._head = first.to_arrow()
        self._frames = frames
        self._failure: Exception | None = None

    def reader(self) -> Any:
        """The stream, to be read once."""
        import pyarrow as pa  # noqa: PLC0415  # heavy; only loads need it

        return pa.RecordBatchReader.from_batches(self._head.schema, self._batches())

    def _batches(self) -> Iterator[Any]:
        yield from self._head.to_batches()
        try:
            for frame in self._frames:
                yield from frame.to_arrow().cast(self._head.schema).to_batches()
        except Exception as error:
            self._failure = error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._failure is not None:
            raise self._failure
