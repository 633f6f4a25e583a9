"""Parquet, every cell as text."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import (
    TextChunk,
    arrow_numbers,
    check_cells,
    within,
    without_blank_rows,
)
from bulk_pipeline.adapters.readers.files.content import Content
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice


@dataclass(frozen=True, slots=True)
class Columnar:
    """A Parquet file whose schema has been read. Its lines are rows, from 1."""

    content: Content
    header: tuple[str, ...]
    limits: Limits
    rows: int
    header_line: int = 0
    encoding: str = "parquet"
    delimiter: str = ""
    notices: tuple[Notice, ...] = ()

    @property
    def total_bytes(self) -> int:
        return self.content.total_bytes

    def chunks(self) -> Iterator[TextChunk]:
        return within(self.content.name, self._chunks(), self.limits)

    def _chunks(self) -> Iterator[TextChunk]:
        first, before = 1, 0
        batches = self._batches()
        while (batch := self._next(batches, first)) is not None:
            lines = arrow_numbers(np.arange(first, first + batch.num_rows))
            texts = [
                self._text(column, name)
                for column, name in zip(batch.columns, self.header, strict=True)
            ]
            table = pa.Table.from_arrays(texts, names=list(self.header))
            table, lines = without_blank_rows(table, lines)
            first += batch.num_rows
            consumed = self.total_bytes * min(first - 1, self.rows) // max(self.rows, 1)
            chunk = TextChunk(table, lines, (), consumed - before)
            check_cells(self.content.name, chunk, self.limits.cell_chars)
            yield chunk
            before = consumed

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with (
            self.content.open() as stream,
            pq.ParquetFile(stream, page_checksum_verification=True) as file,
        ):
            yield from file.iter_batches(self.limits.chunk_rows)

    def _next(
        self, batches: Iterator[pa.RecordBatch], row: int
    ) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.content.name, f"from row {row:,}") from error

    def _text(self, column: pa.Array, name: str) -> pa.Array:
        """Numbers as the shortest text that reads back the same; null as ""."""
        try:
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if pa.types.is_timestamp(column.type) and column.type.tz:
                # a day in its own zone: in UTC new year may be the day before
                column = pc.local_timestamp(column)
            return pc.fill_null(pc.cast(column, pa.string()), "")
        except pa.ArrowException:
            raise UnreadableFile(
                f"{self.content.name}, column {name!r}: cells of the type "
                f"{column.type} have no text. Save the column as text or as numbers."
            ) from None


def open_columnar(content: Content, limits: Limits) -> Columnar:
    """A Parquet file, read as far as its schema.

    Raises:
        UnreadableFile: it is damaged, too wide, too long, unpacks to too much, or a
            column holds lists or records.
    """
    try:
        with content.open() as stream, pq.ParquetFile(stream) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            groups = range(file.metadata.num_row_groups)
            size = sum(file.metadata.row_group(n).total_byte_size for n in groups)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(content.name, "in its footer") from error
    _check_size(content, rows, size, limits)
    if len(schema) > limits.columns:
        raise UnreadableFile(
            f"{content.name}: {len(schema):,} columns; at most {limits.columns:,} are "
            "read. Remove the columns that are not needed."
        )
    for field in schema:
        if pa.types.is_nested(field.type):
            raise UnreadableFile(
                f"{content.name}, column {field.name!r}: a cell holds {field.type}, "
                "not one value. Split it into columns of text or numbers."
            )
    return Columnar(content, tuple(schema.names), limits, rows)


def _check_size(content: Content, rows: int, size: int, limits: Limits) -> None:
    """Refuse what its footer says is too much, before any of it is unpacked."""
    if not limits.may_unpack(content.size, size):
        raise UnreadableFile(
            f"{content.name}: the Parquet file unpacks to {size:,} bytes; at most "
            f"{limits.unpacked_bytes:,} bytes and {limits.unpacked_ratio:,} times its "
            "size are read. Split it."
        )
    if rows > limits.rows:
        raise UnreadableFile(
            f"{content.name}: more than {limits.rows:,} rows. Split the file."
        )


def _damaged(name: str, where: str) -> UnreadableFile:
    return UnreadableFile(
        f"{name}: the Parquet file is damaged or cut short {where}. "
        "Copy or export it again."
    )
