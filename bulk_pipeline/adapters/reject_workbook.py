"""Reject tables as workbooks, to be mended by people."""

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


def write_workbook(cells: pl.DataFrame, target: Path) -> None:
    """Write a reject table as ``reject_files.write_rejects`` says.

    Args:
        cells: String columns; the first row is the header, the first column the line.
        target: the workbook; its directory exists.

    Raises:
        ConfigurationError: more rows than a sheet holds; names the other format.
    """
    if cells.height - 1 > MOST_XLSX_ROWS:
        raise ConfigurationError(
            f"{target}: an .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
            f"{cells.height - 1:,}. Use a name that ends in .csv."
        )
    with whole_file(target) as partial:
        _fill(cells, partial)


def _fill(cells: pl.DataFrame, path: Path) -> None:
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
