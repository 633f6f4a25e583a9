"""The header of delimited text, and with it the delimiter.

The delimiter is the one that makes the most of our columns out of the first rows;
cells below the header have no say, for a decimal comma would mislead them.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from bulk_pipeline.adapters.readers.base import Limits, header_position
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.schema import known_columns

DELIMITERS = ",;\t|:"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, and where its rows begin.

    Attributes:
        delimiter: one of ``, ; TAB | :``.
        header: texts as they stand in the file.
        header_line: 1-based physical line where the header begins.
        rows_line: 1-based physical line below the header.
        rows_at: offset of that line in the file, in bytes.
    """

    delimiter: str
    header: tuple[str, ...]
    header_line: int
    rows_line: int
    rows_at: int


@dataclass(frozen=True, slots=True)
class _Row:
    first_line: int
    last_line: int
    cells: tuple[str, ...]


def dialect_of(name: str, head: bytes, limits: Limits) -> Dialect:
    """How a file is written that begins with these bytes.

    Args:
        name: of the file, for messages.
        head: whole lines from the start of the file; long enough to hold the header.
        limits: how far to search, how wide a table may be.

    Raises:
        UnreadableFile: no UTF-8, no row at all, or too many columns.
    """
    text = decoded(name, head, 1).removeprefix("\ufeff")
    found: list[tuple[int, int, str, _Row]] = []
    for delimiter in DELIMITERS:
        rows = list(islice(_rows(text, delimiter), limits.header_rows_searched))
        position = header_position([row.cells for row in rows])
        if position is not None:
            row = rows[position]
            rank = (known_columns(row.cells), len(row.cells))
            found.append((*rank, delimiter, row))
    known, width, delimiter, row = max(
        found, key=lambda entry: entry[:2], default=(0, 0, "", _Row(0, 0, ()))
    )
    swallowed = known < 2 and any("\n" in cell for cell in row.cells)  # noqa: PLR2004
    if not found or swallowed:
        raise UnreadableFile(
            f"{name}: no header in the first {limits.header_rows_searched} rows: they "
            "are blank or their quotes do not match. Put the header in the first row."
        )
    if width > limits.columns:
        raise UnreadableFile(
            f"{name}, line {row.first_line}: {width:,} columns; at most "
            f"{limits.columns:,} are read. Remove the columns that are not needed."
        )
    below = row.last_line + 1
    return Dialect(
        delimiter, row.cells, row.first_line, below, _offset(head, row.last_line)
    )


def decoded(name: str, raw: bytes, first_line: int) -> str:
    """Bytes that begin in a line of a file, as text.

    Raises:
        UnreadableFile: they are no UTF-8; names the line.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        raise UnreadableFile(
            f"{name}, line {line:,}: byte {raw[error.start]:#04x} is no UTF-8. "
            "Save the file as CSV UTF-8."
        ) from None


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """Rows until the end, a lone carriage return or an endless cell."""
    reader = csv.reader(StringIO(text, newline="\n"), delimiter=delimiter)
    first_line = 1
    try:
        for cells in reader:
            yield _Row(first_line, reader.line_num, tuple(cells))
            first_line = reader.line_num + 1
    except csv.Error:
        return


def _offset(raw: bytes, lines: int) -> int:
    """Where the line after so many lines begins, in bytes."""
    at = 0
    for _ in range(lines):
        at = raw.find(b"\n", at) + 1
        if at == 0:
            return len(raw)
    return at
