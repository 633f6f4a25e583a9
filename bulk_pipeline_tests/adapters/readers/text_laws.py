"""What holds of any bytes that are dropped as text, found by a fuzzer or not."""

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from io import StringIO
from pathlib import Path
from unittest import mock

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters import readers
from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.number_vote import voted_style
from bulk_pipeline.adapters.parts import our_texts
from bulk_pipeline.adapters.readers import RaggedLine, TextChunk, TextSource, open_text
from bulk_pipeline.adapters.readers.workbooks.kind import workbook_kind
from bulk_pipeline.core.cleaning import ROW_SCHEMA, CleaningRules, clean
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.number_style import NumberStyle
from bulk_pipeline.core.schema import (
    QUARTER,
    RATIOS,
    SYMBOL,
    YEAR,
    HeaderMatch,
    known_columns,
)

LIMITS = Limits(
    file_bytes=1 << 20,
    rows=10_000,
    columns=50,
    cell_chars=2_000,
    line_bytes=4_096,
    unpacked_bytes=4 << 20,
)
_SMALL_BLOCK, _LARGE_BLOCK = 61, 1 << 20
_CLEANED = (SYMBOL.name, RATIOS[0], YEAR.name, RATIOS[1], QUARTER.name)
_FILLED = ("line", SYMBOL.name, YEAR.name, QUARTER.name)


@dataclass(frozen=True, slots=True)
class _Read:
    """All that a file holds."""

    header: tuple[str, ...]
    header_line: int
    rows: list[tuple[str, ...]]
    lines: list[int]
    ragged: list[RaggedLine]


def check_text(path: Path) -> None:
    """A file is a table whose every cell is where it stands, or a clear refusal.

    What it holds does not depend on where its blocks end, and is what Python's own
    reader of CSV finds. All of its rows can be cleaned.
    """
    refused = mock.patch.object(readers, "open_spreadsheet", _no_spreadsheet)
    with refused:
        small, large = (_outcome(path, size) for size in (_SMALL_BLOCK, _LARGE_BLOCK))
    assert isinstance(small, str) == isinstance(large, str), (small, large)
    if isinstance(small, str):
        return
    assert astuple(small) == astuple(large)


def _no_spreadsheet(path: Path, limits: Limits, name: str, sheets: str) -> TextSource:
    """Tells a workbook but does not parse it, which would take too long here."""
    kind = workbook_kind(path, name, limits)
    raise UnreadableFile(f"{name}: the file is {kind}, {sheets}.")


def _outcome(path: Path, block_bytes: int) -> _Read | str:
    """What a file holds, or why it is refused."""
    try:
        source = open_text(path, limits=replace(LIMITS, block_bytes=block_bytes))
        chunks = list(source.chunks())
    except UnreadableFile as refusal:
        return told(path, refusal)
    for chunk in chunks:
        check_chunk(chunk, source)
    assert sum(chunk.bytes_read for chunk in chunks) <= source.total_bytes
    found = _Read(
        source.header,
        source.header_line,
        [row for chunk in chunks for row in _rows(chunk.table)],
        [line for chunk in chunks for line in chunk.lines.to_pylist()],
        [line for chunk in chunks for line in chunk.ragged],
    )
    if source.delimiter:
        _check_order(found)
    if block_bytes == _LARGE_BLOCK and source.delimiter:
        _check_cells(path, source, found)
        if known_columns(source.header) > 1:  # it takes much longer than to read
            _check_numbers(path, source)
    return found


def told(path: Path, refusal: UnreadableFile) -> str:
    """What a refusal says; it names the file first, and nothing of where it lies."""
    said = str(refusal)
    assert said.startswith(path.name)
    assert str(path.parent) not in said
    return said


def check_chunk(chunk: TextChunk, source: TextSource) -> None:
    """Its columns are whole texts, as many as the header has and as the lines say."""
    assert chunk.lines.type == pa.int64()
    assert chunk.lines.null_count == 0
    assert chunk.table.column_names == list(source.header)
    assert chunk.table.num_rows == len(chunk.lines)
    for column in chunk.table.columns:
        assert column.type == pa.string()
        assert column.null_count == 0
        column.validate(full=True)


def _rows(table: pa.Table) -> Iterator[tuple[str, ...]]:
    """The cells, row by row."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _check_order(found: _Read) -> None:
    """Lines go up, below the header; none is told twice."""
    ragged = [line.line for line in found.ragged]
    for lines in (found.lines, ragged):
        assert lines == sorted(set(lines))
        assert all(line > found.header_line for line in lines)
    assert not set(found.lines) & set(ragged)


def _check_cells(path: Path, source: TextSource, found: _Read) -> None:
    """Python's reader of CSV finds the same rows at the same lines."""
    data = path.read_bytes()
    if not source.header_line or source.total_bytes != source.text.content.size:
        return  # packed
    text = data.decode(source.encoding).removeprefix("\ufeff")
    returns = source.dialect.returns
    text = _exchanged(text, really=returns)
    reader = csv.reader(StringIO(text, newline="\n"), delimiter=source.delimiter)
    rows, lines = [], []
    ragged, full = set(), set()
    line = 1
    for cells in reader:
        row = tuple(_exchanged(cell, really=returns) for cell in cells) or ("",)
        if line == source.header_line:
            assert row == found.header
        elif line > source.header_line and len(row) != len(found.header):
            widths = (line, len(found.header), len(row))
            ragged.add(widths)
            if any(cell.strip(f"{source.delimiter} \t") for cell in row):
                full.add(widths)
        elif line > source.header_line and not _is_blank(row):
            rows.append(row)
            lines.append(line)
        line = reader.line_num + 1
    assert rows == found.rows
    assert lines == found.lines
    reported = {(line.line, line.expected, line.found) for line in found.ragged}
    assert full <= reported <= ragged


def _exchanged(text: str, *, really: bool) -> str:
    """Text with carriage returns for line feeds and the reverse, or as it is."""
    return text.translate(str.maketrans("\r\n", "\n\r")) if really else text


def _is_blank(row: tuple[str, ...]) -> bool:
    """Whether no cell holds more than white space, as pyarrow understands that."""
    trimmed = pc.utf8_trim_whitespace(pa.array(row, pa.string())).to_pylist()
    return not any(trimmed)


def _check_numbers(path: Path, source: TextSource) -> None:
    """Whatever stands in our columns, each row is kept or rejected, by parts or not."""
    width = len(source.header)
    match = HeaderMatch({name: i % width for i, name in enumerate(_CLEANED)}, ())
    style = NumberStyle.POINT
    try:
        style = voted_style(path.name, source, match)
    except UnreadableFile as refusal:
        told(path, refusal)
    rules = CleaningRules(2027, style=style, settled=True)
    for chunk in source.chunks():
        texts = our_texts(chunk, match)
        whole = clean(texts, rules)
        assert whole.rows.schema == pl.Schema(ROW_SCHEMA)
        assert whole.rows.height + whole.rejects.height == texts.height
        assert whole.rows.select(_FILLED).null_count().sum_horizontal().item() == 0
        half = texts.height // 2
        parts = [clean(part, rules) for part in (texts[:half], texts[half:])]
        assert pl.concat([part.rows for part in parts]).equals(whole.rows)
        rejects = pl.concat([part.rejects.drop("row") for part in parts])
        assert rejects.equals(whole.rejects.drop("row"))
