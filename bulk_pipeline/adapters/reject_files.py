"""Reject tables as files: CSV to be read by programs, XLSX to be mended by people.

What is listed in them is decided in ``adapters.rejects``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from bulk_pipeline.adapters.outputs import whole_file
from bulk_pipeline.adapters.sample_files import MOST_XLSX_ROWS
from bulk_pipeline.core.errors import ConfigurationError

CSV, XLSX = ".csv", ".xlsx"

_AS_TEXT = "@"
_MOST_LETTERS = 32_767
_WIDEST, _MARGIN = 60, 4  # characters; a margin holds the arrow of the filter
_JUDGED_BY = 100  # rows from which the width of a column is taken
_CONTROLS = "".join(map(chr, range(32))).translate(dict.fromkeys(b"\t\n\r"))
_UNHOLDABLE = {
    **{letter: chr(0x2400 + ord(letter)) for letter in _CONTROLS},
    **dict.fromkeys("\ufffe\uffff", "\ufffd"),
}
"""Characters that no XML holds, and how they are shown."""


def write_rejects(cells: pl.DataFrame, target: Path) -> None:
    """Write a reject table, whole or not at all, in place of an older file.

    In a workbook every cell is text but the number of the line, and stays text when it
    is corrected. What a workbook cannot hold is shown by a picture (``␀``) if it is a
    control character, and cut at its end (``…``) if it is beyond 32,767 characters.

    Args:
        cells: String columns; the first row is the header, the first column the line.
        target: ends in .csv or .xlsx; its directory exists.

    Raises:
        ConfigurationError: more rows than a sheet holds; names the other format.
    """
    if target.suffix.lower() != XLSX:
        with whole_file(target) as partial:
            cells.write_csv(partial, include_header=False)
        return
    if cells.height - 1 > MOST_XLSX_ROWS:
        raise ConfigurationError(
            f"{target}: an .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
            f"{cells.height - 1:,}. Use a name that ends in {CSV}."
        )
    with whole_file(target) as partial:
        _write_workbook(cells, partial)


def read_rejects(path: Path) -> pl.DataFrame:
    """A reject table, header first, as it was written to a CSV file."""
    return pl.read_csv(path, has_header=False, infer_schema=False)


def _write_workbook(cells: pl.DataFrame, path: Path) -> None:
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("Rejects")
    sheet.freeze_panes = "A2"
    letters = [get_column_letter(place + 1) for place in range(cells.width)]
    sheet.auto_filter.ref = f"A1:{letters[-1]}{cells.height}"
    for letter, width in zip(letters, _widths(cells), strict=True):
        sheet.column_dimensions[letter].width = width
        sheet.column_dimensions[letter].number_format = _AS_TEXT
    bold, text = WriteOnlyCell(sheet), WriteOnlyCell(sheet)
    bold.font = Font(name="Calibri", bold=True)
    text.number_format = _AS_TEXT
    try:
        shown = _showable(cells)
        sheet.append(_texts(bold, shown.row(0)))
        for line, *texts in shown[1:].iter_rows():
            sheet.append(_row(text, int(line), texts))
        workbook.save(path)
    finally:
        if not sheet.closed:  # an abandoned sheet complains when it is collected
            sheet.close()


def _row(cell: Any, line: int, texts: Sequence[str | None]) -> Iterator[Any]:
    yield line
    yield from _texts(cell, texts)


def _texts(cell: Any, texts: Sequence[str | None]) -> Iterator[Any]:
    """The same cell with one text after the other; None where there is none."""
    for text in texts:
        if not text:
            yield None
            continue
        cell.value = text
        cell.data_type = "s"  # also what looks like a formula or an error
        yield cell


def _showable(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells as a workbook can hold them."""
    texts = pl.all().str.replace_many(_UNHOLDABLE)
    too_long = texts.str.len_chars() > _MOST_LETTERS
    cut = texts.str.head(_MOST_LETTERS - 1) + "…"
    return cells.select(pl.when(too_long).then(cut).otherwise(texts))


def _widths(cells: pl.DataFrame) -> list[int]:
    """Width of each column, in characters, by its first rows."""
    longest = cells.head(_JUDGED_BY).select(pl.all().str.len_chars().max())
    return [min(letters or 0, _WIDEST) + _MARGIN for letters in longest.row(0)]
