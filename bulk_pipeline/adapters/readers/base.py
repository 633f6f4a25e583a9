"""What every reader promises: text as it stands in the file, and where it stood.

No cell is cleaned, converted or judged here; no database and no Dagster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice
from bulk_pipeline.core.schema import known_columns


@dataclass(frozen=True, slots=True)
class RaggedLine:
    """A line with the wrong number of fields; reported, never padded or shifted.

    Attributes:
        line: 1-based physical line where the row begins.
        text: the row as it stands in the file, without its line end.
        expected: number of fields in the header.
        found: number of fields in the row.
    """

    line: int
    text: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some rows of a file, in file order, without wholly blank rows.

    Attributes:
        table: n rows; every column is string and never null ("" is an empty cell),
            named as in the header, so names may repeat.
        lines: n numbers, int64, never null: the 1-based physical line where each
            row begins; of a workbook the row of the sheet; of Parquet the row.
        ragged: rows that are not in the table, in file order.
        bytes_read: bytes of the file that this chunk consumed, for progress.
    """

    table: pa.Table
    lines: pa.Array
    ragged: tuple[RaggedLine, ...]
    bytes_read: int


class TextSource(Protocol):
    """An open file of which the header is known and the rows are still to come."""

    @property
    def header(self) -> tuple[str, ...]:
        """Texts of the header, in file order, as they stand in the file."""

    @property
    def header_line(self) -> int:
        """1-based line of the header; 0 where the format has no such line."""

    @property
    def encoding(self) -> str:
        """Encoding of a text file; else the name of the format."""

    @property
    def delimiter(self) -> str:
        """What stands between the cells of a text file; "" where the format types them.

        Numbers of a typed cell are written with a decimal point here, whatever the
        program showed.
        """

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a person should know though the file can be read."""

    @property
    def total_bytes(self) -> int:
        """Size of the file, which the chunks' bytes add up to at most."""

    def chunks(self) -> Iterator[TextChunk]:
        """All rows below the header, in order; may be asked for again.

        Raises:
            UnreadableFile: the rest is no table; names the file, the line, the cure.
        """


def header_position(rows: Sequence[Sequence[str]]) -> int | None:
    """Which of a file's first rows is the header, from 0.

    The first of those that name the most of our columns, if that is two or more;
    else the first row that is not blank; None if all are blank.
    """
    known = [known_columns(row) for row in rows]
    best = max(known, default=0)
    if best > 1:
        return known.index(best)
    return next((i for i, row in enumerate(rows) if any(map(str.strip, row))), None)


def arrow_numbers(numbers: npt.NDArray[np.int64]) -> pa.Array:
    """The same n numbers as an Arrow array of int64 over the same memory, none null."""
    # pa.array of a numpy array imports pandas where it is installed: 0.25 s.
    plain = np.ascontiguousarray(numbers, dtype=np.int64)
    buffers = [None, pa.py_buffer(plain)]
    return pa.Array.from_buffers(pa.int64(), len(plain), buffers)


def _numbers(lengths: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """One or more int32, none null, over the memory that they lie in."""
    # to_numpy of a chunked array imports pandas, too.
    return np.concatenate(
        [
            np.frombuffer(chunk.buffers()[1], np.int32, len(chunk), 4 * chunk.offset)
            for chunk in filter(len, lengths.chunks)
        ]
    )


def without_blank_rows(table: pa.Table, lines: pa.Array) -> tuple[pa.Table, pa.Array]:
    """The rows of which at least one cell holds more than white space."""
    blank = np.arange(table.num_rows)
    if len(blank) == 0:
        return table, lines
    for column in table.columns:
        cells = column
        if len(blank) < table.num_rows:
            cells = column.take(arrow_numbers(blank))
        lengths = pc.binary_length(pc.utf8_trim_whitespace(cells))
        blank = blank[_numbers(lengths) == 0]
        if len(blank) == 0:
            return table, lines
    kept = arrow_numbers(np.delete(np.arange(table.num_rows), blank))
    return table.take(kept), lines.take(kept)


def within(
    name: str, chunks: Iterator[TextChunk], limits: Limits
) -> Iterator[TextChunk]:
    """The same chunks, as long as their rows stay within the limits.

    Raises:
        UnreadableFile: too many rows.
    """
    rows = 0
    for chunk in chunks:
        rows += chunk.table.num_rows + len(chunk.ragged)
        if rows > limits.rows:
            raise UnreadableFile(
                f"{name}: more than {limits.rows:,} rows. Split the file."
            )
        yield chunk


def check_cells(name: str, chunk: TextChunk, limit: int) -> None:
    """Refuse a chunk with a cell of more characters than the limit.

    Raises:
        UnreadableFile: names the line.
    """
    for column in chunk.table.columns:
        if (pc.max(pc.binary_length(column)).as_py() or 0) <= limit:
            continue
        letters = pc.utf8_length(column).to_numpy()
        if letters.max() > limit:
            line = chunk.lines[int(letters.argmax())].as_py()
            raise UnreadableFile(
                f"{name}, line {line:,}: a cell of more than {limit:,} characters. "
                "If a closing quote is missing there, add it."
            )
