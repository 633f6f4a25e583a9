"""Workbooks of Excel 5 to 2003: typed cells, and what their styles say."""

import datetime as dt
import struct
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import xlwt
from hypothesis import given, settings

from bulk_pipeline.adapters.readers.workbooks.book import Fault, Finding
from bulk_pipeline.adapters.readers.workbooks.xls import open_xls
from bulk_pipeline_tests.adapters.readers.cells import (
    TABLES,
    Rows,
    check_table,
    lines,
)

PERCENT = xlwt.easyxf(num_format_str="0.0%")
DATE = xlwt.easyxf(num_format_str="yyyy-mm-dd")
UNCALCULATED = struct.pack("<QHI", 0xFFFF_0000_0000_0003, 0, 0)
"""Value, flags and cache of a formula as xlwt writes every one."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its workbook; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


def filled(book: xlwt.Workbook, rows: Rows, name: str = "Data") -> Any:
    """A new sheet with values; None leaves a cell out."""
    sheet = book.add_sheet(name, cell_overwrite_ok=True)
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if value is not None:
                sheet.write(row, column, value)
    return sheet


def saved(book: xlwt.Workbook, path: Path) -> str:
    """The path of a workbook that is now a file."""
    book.save(str(path))
    return str(path)


def replaced(path: Path, *pairs: tuple[bytes, bytes]) -> str:
    """The path of a workbook whose first such bytes are others now, pair by pair."""
    content = path.read_bytes()
    for old, new in pairs:
        assert len(old) == len(new)
        assert old in content
        content = content.replace(old, new, 1)
    path.write_bytes(content)
    return str(path)


def finding(path: str) -> Finding:
    """What is said of the first sheet."""
    book = open_xls(path)
    return book.finding(book.sheets()[0])


@given(rows=TABLES)
@settings(max_examples=60, deadline=None)
def test_every_value_becomes_the_text_that_means_the_same(rows: Rows) -> None:
    """A digit lost here is a company scored on another ratio."""
    with TemporaryDirectory() as directory:
        book = xlwt.Workbook()
        filled(book, rows)
        check_table(open_xls(saved(book, Path(directory) / "dropped.xls")), rows)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2012, "2012"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-12, "1e-12"),
        (1 / 3, "0.3333333333333333"),
        (-24.182, "-24.182"),
        (1e20, "100000000000000000000"),
    ],
)
def test_numbers_keep_every_digit(path: Path, number: float, text: str) -> None:
    """Others show nine decimals, by which 1e-12 is 0 and 2012 is 2012.0."""
    book = xlwt.Workbook()
    filled(book, [[number]])
    assert lines(open_xls(saved(book, path))) == [(text,)]


def test_a_table_may_begin_anywhere(path: Path) -> None:
    """Lines and columns are those of the sheet, as a person sees them."""
    book = xlwt.Workbook()
    sheet = filled(book, [])
    sheet.write(4, 2, "margin")
    sheet.write(5, 2, 0.05, PERCENT)
    sheet.write(9, 9, "", PERCENT)
    opened = open_xls(saved(book, path))
    assert lines(opened)[3:] == [("", "", ""), ("", "", "margin"), ("", "", "0.05")]
    assert opened.finding(opened.sheets()[0]).percents.tolist() == [[5, 2]]


@pytest.mark.parametrize(
    ("number", "from_1904", "text"),
    [
        (41274, False, "2012-12-31 00:00:00"),
        (39812, True, "2012-12-31 00:00:00"),
        (59, False, "1900-02-28 00:00:00"),
        (60, False, "1900-02-28 00:00:00"),
        (61, False, "1900-03-01 00:00:00"),
        (0.5, False, "1899-12-31 12:00:00"),
        (40000.123456, False, "2009-07-06 02:57:46.598"),
        (-1, False, "-1"),
        (9e9, False, "9000000000"),
        (1e300, True, "1e+300"),
    ],
)
def test_days_become_dates(
    path: Path, number: float, text: str, *, from_1904: bool
) -> None:
    """A year typed as a date counts by its year, in both of Excel's calendars."""
    book = xlwt.Workbook()
    book.dates_1904 = from_1904
    filled(book, []).write(0, 0, number, DATE)
    assert lines(open_xls(saved(book, path))) == [(text,)]


def test_percents_are_numbers_shown_so(path: Path) -> None:
    """0.05 shown as 5 % means 5; a text or a quoted sign in a format does not."""
    book = xlwt.Workbook()
    sheet = filled(book, [["0.05", "0.05"]])
    formats = ["0%", "0.00%;[Red]-0.00%", '0.0" %"', "0\\%", "General", "d%m"]
    for column, code in enumerate(formats):
        sheet.write(1, column, 0.05, xlwt.easyxf(num_format_str=code))
    sheet.write(0, 0, "0.05", PERCENT)
    found = finding(saved(book, path)).percents.tolist()
    assert found == [[1, 0], [1, 1], [1, 5]]


def test_numbers_are_told_from_texts(path: Path) -> None:
    """A symbol typed as 0700 without being text has lost its zero."""
    rows: Rows = [["0700", 700], ["TRUE", True], ["1E5", dt.date(2012, 12, 31)]]
    book = xlwt.Workbook()
    filled(book, rows)
    assert finding(saved(book, path)).number_cells == {0: 0, 1: 3}


def test_sheets_are_listed_in_order_with_their_state(path: Path) -> None:
    """What nobody sees is passed over, and a chart has no cells."""
    book = xlwt.Workbook()
    for state, name in enumerate(["Data", "Hidden", "Very hidden"]):
        filled(book, [[name]], name).visibility = state
    filled(book, [], "Chart")
    filled(book, [], "Empty")
    saved(book, path)
    opened = open_xls(
        replaced(path, (b"\x00\x00\x05\x00Chart", b"\x00\x02\x05\x00Chart"))
    )
    states = [(sheet.name, sheet.hidden) for sheet in opened.sheets()]
    assert states == [
        ("Data", False),
        ("Hidden", True),
        ("Very hidden", True),
        ("Empty", False),
    ]
    assert lines(opened, "Hidden") == [("Hidden",)]
    assert lines(opened, "Empty") == []


def test_hidden_rows_and_columns_count_if_they_hold_a_cell(path: Path) -> None:
    """Who filtered the rows may not know that all of them are read."""
    book = xlwt.Workbook()
    sheet = filled(book, [["a", "b", "c"], ["d"], ["e"]])
    for row in (1, 2, 7):
        sheet.row(row).hidden = True
    for column in (2, 8):
        sheet.col(column).hidden = True
    found = finding(saved(book, path))
    assert (found.hidden_rows, found.hidden_columns) == (2, 1)


def test_errors_are_blank_and_counted(path: Path) -> None:
    """A ratio that could not be calculated is missing, never a text or 0."""
    book = xlwt.Workbook()
    sheet = filled(book, [["a", "b"]])
    sheet.row(1).set_cell_error(1, "#DIV/0!")
    opened = open_xls(saved(book, path))
    assert lines(opened) == [("a", "b"), ("", "")]
    assert opened.finding(opened.sheets()[0]).error_cells == 1


def calculated(value: bytes, flags: int = 0) -> bytes:
    """Value, flags and cache of a formula."""
    return value + struct.pack("<HI", flags, 0)


ZERO, TWO = struct.pack("<d", 0), struct.pack("<d", 2)
EMPTY = UNCALCULATED[:8]
ENGINE = ((b"\xb7\x01\x02\x00", b"\xc1\x01\x02\x00"),)
"""Makes of a record that nobody needs one that names the engine that calculated."""


@pytest.mark.parametrize(
    ("values", "engine", "cell"),
    [
        ([UNCALCULATED, UNCALCULATED], (), "B1"),
        ([calculated(ZERO, 2), calculated(ZERO, 3)], (), "B1"),
        ([calculated(TWO), calculated(ZERO, 2)], ENGINE, "B2"),
        ([calculated(TWO), calculated(EMPTY)], (), ""),
        ([calculated(ZERO, 3), calculated(TWO, 3)], (), ""),
        ([calculated(ZERO), calculated(EMPTY)], ENGINE, ""),
    ],
)
def test_a_formula_that_nothing_calculated_is_named(
    path: Path,
    values: Sequence[bytes],
    engine: Sequence[tuple[bytes, bytes]],
    cell: str,
) -> None:
    """It would read as 0 or as missing; yet both may be what a formula gives."""
    book = xlwt.Workbook()
    sheet = filled(book, [["a"], ["b"]])
    for row in range(2):
        sheet.write(row, 1, xlwt.Formula("1+1"))
    saved(book, path)
    marks = [struct.pack("<HHH", row, 1, 17) for row in range(2)]
    pairs = [
        (mark + UNCALCULATED, mark + value)
        for mark, value in zip(marks, values, strict=True)
    ]
    assert finding(replaced(path, *pairs, *engine)).formula_without_value == cell


def test_a_formula_that_changes_by_itself_is_believed(path: Path) -> None:
    """Excel asks for its calculation too, whatever it gave."""
    book = xlwt.Workbook()
    filled(book, []).write(0, 0, xlwt.Formula("1+1"))
    saved(book, path)
    tokens = b"\x07\x00\x1e\x01\x00\x1e\x01\x00\x03"
    volatile = b"\x07\x00\x19\x01\x00\x00\x41\x3f\x00"
    pair = (UNCALCULATED + tokens, calculated(ZERO, 1) + volatile)
    opened = open_xls(replaced(path, pair))
    assert opened.finding(opened.sheets()[0]).formula_without_value == ""
    assert lines(opened) == [("0",)]


def test_another_document_is_refused(path: Path) -> None:
    """A letter from an old word processor lies in the same kind of container."""
    book = xlwt.Workbook()
    filled(book, [["a"]])
    saved(book, path)
    names = [name.encode("utf-16-le") for name in ("Workbook", "Document")]
    with pytest.raises(Fault, match="holds no workbook"):
        open_xls(replaced(path, (names[0], names[1])))


def test_a_password_is_named(path: Path) -> None:
    """The sender can cure it in a minute."""
    book = xlwt.Workbook()
    filled(book, [["a"]])
    saved(book, path)
    with pytest.raises(Fault, match="protected by a password"):
        open_xls(replaced(path, (b"\x40\x00\x02\x00", b"\x2f\x00\x02\x00")))
