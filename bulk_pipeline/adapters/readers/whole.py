"""A whole file at once: for notebooks, tests and tables that fit into memory."""

from dataclasses import dataclass

import pyarrow as pa

from bulk_pipeline.adapters.readers.base import RaggedLine, TextSource
from bulk_pipeline.core.notices import Notice, NoticeKind, sentences
from bulk_pipeline.core.wording import amount

_LINES_NAMED = 5


@dataclass(frozen=True, slots=True)
class TextTable:
    """A tabular file, every cell as the text that stands in it.

    Attributes:
        table: n rows; every column is string and never null ("" is an empty cell),
            named as in the header, so names may repeat.
        line_numbers: n numbers, int64, never null: the 1-based physical line where each
            row began; of a workbook the row of the sheet; of Parquet the row.
        header_line: 1-based line of the header; 0 where the format has none.
        encoding: encoding of a text file; else the name of the format.
        warnings: sentences on what is odd though it can be read.
        ragged: lines with more or fewer fields than the header, which are not in the
            table; a warning counts them.
    """

    table: pa.Table
    line_numbers: pa.Array
    header_line: int
    encoding: str
    warnings: tuple[str, ...]
    ragged: tuple[RaggedLine, ...]


def whole(source: TextSource) -> TextTable:
    """All rows of an open file.

    Raises:
        UnreadableFile: the rest of it is no table; names the file, the line, the cure.
    """
    chunks = list(source.chunks())
    empty = pa.table([pa.array([], pa.string()) for _ in source.header], source.header)
    lines = [pa.array([], pa.int64()), *(chunk.lines for chunk in chunks)]
    ragged = tuple(line for chunk in chunks for line in chunk.ragged)
    notices = (*source.notices, *_ragged(ragged))
    return TextTable(
        pa.concat_tables([empty, *(chunk.table for chunk in chunks)]),
        pa.concat_arrays(lines),
        source.header_line,
        source.encoding,
        sentences(notices),
        ragged,
    )


def _ragged(lines: tuple[RaggedLine, ...]) -> tuple[Notice, ...]:
    """What is said of lines that are not in the table."""
    if not lines:
        return ()
    named = ", ".join(f"{line.line:,}" for line in lines[:_LINES_NAMED])
    more = ", ..." if len(lines) > _LINES_NAMED else ""
    one = "line has more or fewer fields than the header and was left out"
    many = "lines have more or fewer fields than the header and were left out"
    said = f"{amount(len(lines), one, many)}: {named}{more}."
    return (Notice(NoticeKind.RAGGED_LINES, len(lines), said),)
