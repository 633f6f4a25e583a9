"""Bulk copy through mssql-python: Arrow batches straight into the server's protocol.

The driver opens a connection of its own for each call, which sees no temporary table
and nothing that is not committed, and takes no part in anybody's transaction.
"""

from collections.abc import Iterable, Iterator
from typing import Any

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
            with bulk_copy():
                result = cursor.bulkcopy_arrow(
                    table,
                    _reader(first, frames),
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


def _reader(first: pl.DataFrame, frames: Iterator[pl.DataFrame]) -> Any:
    """Frames as a stream of Arrow batches of one schema."""
    import pyarrow as pa  # noqa: PLC0415  # heavy; only loads need it

    head = first.to_arrow()

    def batches() -> Iterator[Any]:
        yield from head.to_batches()
        for frame in frames:
            yield from frame.to_arrow().cast(head.schema).to_batches()

    return pa.RecordBatchReader.from_batches(head.schema, batches())
