"""Workbooks of Excel 5 to 2003 (.xls).

Runs only in the child process, within its limits.
"""

import io
from functools import partial
from typing import Any

import xlrd

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


def open_xls(path: str) -> Book:
    """A workbook of Excel 5 to 2003.

    Raises:
        Fault: a password protects it.
        XLRDError: it is no such workbook.
    """
    try:
        book = xlrd.open_workbook(
            path,
            logfile=io.StringIO(),
            formatting_info=True,
            on_demand=True,
            ragged_rows=True,
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise Fault(
                ": the workbook is protected by a password. Save it without one."
            ) from error
        raise
    whole = outline(book.mem, book.base)
    named = zip(book.sheet_names(), whole.sheets, strict=True)
    listed = [
        Sheet(name, str(number), hidden)
        for number, (name, (_, hidden)) in enumerate(named)
    ]
    return GridBook("xls", listed, partial(_contents, book, whole))


def _contents(book: Any, whole: Outline, listed: Sheet) -> Contents:
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
