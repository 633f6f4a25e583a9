"""The header of delimited text, and with it the delimiter.

The delimiter is the one that makes the most of our columns out of the first rows;
cells below the header have no say, for a decimal comma would mislead them.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import header_position
from bulk_pipeline.adapters.readers.text.line_ends import exchanged_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.schema import known_columns

DELIMITERS = ",;\t|:"
_OURS = 2
"""Columns of ours that make a row a header for certain."""
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, and where its rows begin.

    Attributes:
        delimiter: one of ``, ; TAB | :``.
        header: texts as they stand in the file.
        header_line: 1-based physical line where the header begins.
        rows_line: 1-based physical line below the header.
        rows_at: offset of that line in the text, in bytes of UTF-8.
        returns: whether carriage returns alone end lines; they and line feeds are
            exchanged in the text, but not in the header.
    """

    delimiter: str
    header: tuple[str, ...]
    header_line: int
    rows_line: int
    rows_at: int
    returns: bool


@dataclass(frozen=True, slots=True)
class _Row:
    first_line: int
    last_line: int
    cells: tuple[str, ...]


def dialect_of(name: str, head: bytes, limits: Limits, *, returns: bool) -> Dialect:
    """How a text is written that begins with these bytes.

    Args:
        name: of the file, for messages.
        head: whole lines of UTF-8 from the start; long enough to hold the header.
        limits: how far to search, how wide a table may be.
        returns: whether carriage returns and line feeds are exchanged in the head.

    Raises:
        UnreadableFile: no row at all, or too many columns.
    """
    text = head.decode().removeprefix("\ufeff")
    found = [
        header
        for delimiter in DELIMITERS
        if (header := _header(text, delimiter, limits.header_rows_searched))
    ]
    best = max(found, key=lambda header: header.rank, default=None)
    if best is None or best.swallows_another:
        raise UnreadableFile(
            f"{name}: no header in the first {limits.header_rows_searched} rows: they "
            "are blank, or their quotes or line ends do not match. Put the header in "
            "the first row."
        )
    row = best.row
    if len(row.cells) > limits.columns:
        raise UnreadableFile(
            f"{name}, line {row.first_line}: {len(row.cells):,} columns; at most "
            f"{limits.columns:,} are read. Remove the columns that are not needed."
        )
    return Dialect(
        best.delimiter,
        tuple(map(exchanged_text, row.cells)) if returns else row.cells,
        row.first_line,
        row.last_line + 1,
        _offset(head, row.last_line),
        returns,
    )


@dataclass(frozen=True, slots=True)
class _Header:
    """The header that a delimiter finds.

    Attributes:
        delimiter: the delimiter.
        row: the header.
        followers: how many of the next rows have as many cells, if that is two or
            more.
    """

    delimiter: str
    row: _Row
    followers: int

    @property
    def rank(self) -> tuple[int, int, int]:
        """What headers are compared by: our columns, the rows below, the width."""
        return known_columns(self.row.cells), self.followers, len(self.row.cells)

    @property
    def swallows_another(self) -> bool:
        """Whether a quote that was left open has taken in a header of ours."""
        lines = (line for cell in self.row.cells for line in cell.split("\n")[1:])
        return known_columns(self.row.cells) < _OURS and any(
            known_columns(re.split(f"[{DELIMITERS}]", line)) >= _OURS for line in lines
        )


def _header(text: str, delimiter: str, searched: int) -> _Header | None:
    """The header under a delimiter; None if all rows are blank."""
    rows = list(islice(_rows(text, delimiter), searched))
    position = header_position([row.cells for row in rows])
    if position is None:
        return None
    row, *below = rows[position:]
    width = len(row.cells)
    alike = sum(len(follower.cells) == width for follower in below)
    return _Header(delimiter, row, alike if width > 1 else 0)


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """Rows until the end, a lone carriage return or an endless cell."""
    reader = csv.reader(_lines(text), delimiter=delimiter)
    first_line = 1
    try:
        for cells in reader:
            yield _Row(first_line, reader.line_num, tuple(cells))
            first_line = reader.line_num + 1
    except csv.Error:
        return


def _lines(text: str) -> Iterator[str]:
    """Lines with their line feeds, as far as they are asked for.

    The text may be a megabyte of which twenty rows matter, five times over.
    """
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _offset(raw: bytes, lines: int) -> int:
    """Where the line after so many lines begins, in bytes."""
    at = 0
    for _ in range(lines):
        at = raw.find(b"\n", at) + 1
        if at == 0:
            return len(raw)
    return at
