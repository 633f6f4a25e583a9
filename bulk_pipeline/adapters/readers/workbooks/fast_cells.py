"""Cells as fastexcel gives them, made exact: texts, errors, where the sheet begins.

Runs only in the child process, within its limits.
"""

from dataclasses import dataclass

import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.readers.workbooks.grid import cell_name

_ENDLESS = r"^-?(?:\d{7,}\.\d{9}|\d{22,})$"
_FRACTION = r"^-?\d{7,}\.\d+$"
_LARGE, _TINY = 1e6, 1e-4
_LONGEST = 19
"""Letters of a number with seventeen digits, a point and a sign."""


@dataclass(frozen=True, slots=True)
class FastCells:
    """The cells of a sheet from its first row and column.

    Attributes:
        texts: one array a column, as ``Book.texts`` says.
        error_cells: cells that show an error.
        lost: the first cell that has a value and yet no text, a date that no calendar
            has, as people name it, or "".
    """

    texts: list[pa.Array]
    error_cells: int
    lost: str


def fast_cells(
    reader: fastexcel.ExcelReader, name: str, *, long_numbers: bool
) -> FastCells:
    """The cells of one sheet.

    Args:
        reader: the open workbook.
        name: of the sheet.
        long_numbers: whether a number may have many digits or an exponent, which takes
            a second reading.
    """
    sheet = _loaded(reader, name, "string")
    # fastexcel leaves out the blank columns before the first one that is not.
    before = next((c.absolute_index for c in sheet.available_columns()), 0)
    rows, refused = sheet.to_arrow_with_errors()
    del sheet  # its cells take as much memory as their texts
    texts = [_filled(column) for column in rows.columns]
    if long_numbers:
        numbers = _loaded(reader, name, "float").to_arrow().columns
        pairs = zip(texts, numbers, strict=True)
        texts = [_exact(text, number) for text, number in pairs]
    texts = [pa.repeat(pa.scalar(""), rows.num_rows)] * before + texts
    cells = refused.errors if refused else []
    lost = [cell.position for cell in cells if "Error(" not in cell.detail]
    return FastCells(
        texts,
        len(cells) - len(lost),
        cell_name(lost[0][0], lost[0][1] + before) if lost else "",
    )


def _loaded(
    reader: fastexcel.ExcelReader, name: str, dtype: str
) -> fastexcel.ExcelSheet:
    """All cells of a sheet, from its first row, whether or not that is blank."""
    return reader.load_sheet(name, header_row=None, skip_rows=0, dtypes=dtype)


def _filled(column: pa.Array) -> pa.Array:
    """Text without nulls; blank cells and error cells are null in fastexcel."""
    return pc.fill_null(pc.cast(column, pa.string()), "")


def _exact(text: pa.Array, number: pa.Array) -> pa.Array:
    """The text of each cell, but the shortest exact text of numbers.

    fastexcel writes a number without an exponent and with at most nine decimals: 1/3
    as 0.333333333, 1e-12 as 0, 123456789.1 as 123456789.099999994. A cell that is
    text reads as the number that it shows, so where the two differ the cell is a
    number; and so it is taken to be where it has the digits that fastexcel writes.
    """
    texts, numbers = pl.Series(text), pl.Series(number)
    inexact = texts.cast(pl.Float64, strict=False) != numbers
    if (numbers.abs() >= _LARGE).any():
        inexact |= texts.str.contains(_ENDLESS) | (
            (texts.str.len_bytes() >= _LONGEST) & texts.str.contains(_FRACTION)
        )
    inexact = (inexact & numbers.is_finite()).fill_null(value=False)
    exact = numbers.cast(pl.String)
    # polars writes 0.00001234 where an exponent is shorter
    tiny = (inexact & (numbers.abs() < _TINY)).arg_true()
    exact = exact.scatter(tiny, [repr(number) for number in numbers.gather(tiny)])
    return pc.if_else(inexact.to_arrow(), pc.cast(exact.to_arrow(), pa.string()), text)
