"""Workbooks of Excel 5 to 2003 (.xls).

Runs only in the child process, within its limits.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import xlrd
from xlrd.compdoc import CompDocError

from bulk_pipeline.adapters.readers.workbooks.book import Book, Fault, Sheet
from bulk_pipeline.adapters.readers.workbooks.cell_formats import (
    Shown,
    shown_as,
    shown_text,
)
from bulk_pipeline.adapters.readers.workbooks.grid import Contents, Grid
from bulk_pipeline.adapters.readers.workbooks.grid_book import GridBook
from bulk_pipeline.adapters.readers.workbooks.xls_records import (
    Outline,
    formula_without_value,
    outline,
)

_DAMAGED = (
    xlrd.XLRDError,
    CompDocError,
    struct.error,
    AssertionError,
    LookupError,
    ArithmeticError,
    RecursionError,
    ValueError,
    TypeError,
    AttributeError,
)
"""What xlrd was seen to raise over cut and changed files; it checks little itself."""


def open_xls(path: str) -> Book:
    """A workbook of Excel 5 to 2003.

    Raises:
        Fault: a password protects it, or it is damaged.
    """
    with _damage_is_a_fault():
        book = _opened(path)
        whole = outline(book.mem, book.base)
    named = zip(book.sheet_names(), whole.sheets, strict=True)
    listed = [
        Sheet(name, str(number), hidden)
        for number, (name, (_, hidden)) in enumerate(named)
    ]
    return GridBook("xls", listed, partial(_contents, book, whole))


def _opened(path: str) -> Any:
    """The workbook; one whose free sectors are claimed twice opens in Excel, too."""
    given = {"formatting_info": True, "on_demand": True, "ragged_rows": True}
    try:
        return xlrd.open_workbook(path, logfile=io.StringIO(), **given)
    except CompDocError as error:
        if "seen[" not in str(error):
            raise
        return xlrd.open_workbook(
            path, logfile=io.StringIO(), ignore_workbook_corruption=True, **given
        )


@contextmanager
def _damage_is_a_fault() -> Iterator[None]:
    """What xlrd raises over a damaged workbook, in words for people.

    Raises:
        Fault: it is damaged, or a password protects it.
    """
    try:
        yield
    except _DAMAGED as error:
        if isinstance(error, xlrd.XLRDError) and "encrypted" in str(error):
            raise Fault(
                ": the workbook is protected by a password. Save it without one."
            ) from error
        if isinstance(error, xlrd.XLRDError) and "find workbook" in str(error):
            raise Fault(
                ": the file holds no workbook. Save the table as .xlsx or CSV UTF-8."
            ) from error
        raise Fault(
            ": the workbook is damaged or cut short. Copy it again, or open it in "
            "Excel and save it as .xlsx or CSV UTF-8."
        ) from error


def _contents(book: Any, whole: Outline, listed: Sheet) -> Contents:
    """All cells of a sheet.

    Raises:
        Fault: it is damaged.
    """
    with _damage_is_a_fault():
        return _cells(book, whole, listed)


def _cells(book: Any, whole: Outline, listed: Sheet) -> Contents:
    place = int(listed.place)
    sheet = book.sheet_by_index(place)
    shown = [_shown(book, xf.format_key) for xf in book.xf_list]
    grid = Grid()
    for row in range(sheet.nrows):
        cells = zip(sheet.row_types(row), sheet.row_values(row), strict=True)
        for column, (kind, value) in enumerate(cells):
            if kind == xlrd.XL_CELL_TEXT:
                grid.text(row, column, value)
            elif kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
                way = shown[sheet.cell_xf_index(row, column)]
                text = shown_text(value, way, from_1904=bool(book.datemode))
                grid.value(row, column, text, percent=way is Shown.PERCENT)
            elif kind == xlrd.XL_CELL_BOOLEAN:
                grid.value(row, column, "true" if value else "false")
            elif kind == xlrd.XL_CELL_ERROR:
                grid.error(row, column)
    book.unload_sheet(place)
    return grid.contents(
        {row for row, info in sheet.rowinfo_map.items() if info.hidden},
        {column for column, info in sheet.colinfo_map.items() if info.hidden},
        formula_without_value(
            book.mem, whole.sheets[place][0], calculated=whole.calculated
        ),
    )


def _shown(book: Any, key: int) -> Shown:
    known = book.format_map.get(key)
    return shown_as(known.format_str if known else None, key)
