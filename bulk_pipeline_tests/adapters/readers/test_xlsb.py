"""Binary workbooks: records into typed cells, and what styles say."""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import fastexcel
import pytest
from hypothesis import given, settings

from bulk_pipeline.adapters.readers.workbooks.book import Fault, Finding
from bulk_pipeline.adapters.readers.workbooks.xlsb import open_xlsb
from bulk_pipeline.adapters.readers.workbooks.xlsb_records import text_at
from bulk_pipeline_tests.adapters.readers.cells import (
    TABLES,
    Rows,
    check_table,
    lines,
)
from bulk_pipeline_tests.adapters.readers.xlsb_files import (
    Book,
    boolean,
    cell,
    column_info,
    error,
    formula,
    inline,
    of_rows,
    real,
    record,
    rk,
    row,
    shared,
    sheet,
    short,
    text,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its workbook; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


def finding(path: Path) -> Finding:
    """What is said of the first sheet."""
    book = open_xlsb(str(path))
    return book.finding(book.sheets()[0])


@given(rows=TABLES)
@settings(max_examples=60, deadline=None)
def test_every_value_becomes_the_text_that_means_the_same(rows: Rows) -> None:
    """A digit lost here is a company scored on another ratio."""
    with TemporaryDirectory() as directory:
        path = Book({"Data": of_rows(rows)}).write(Path(directory) / "dropped.xlsb")
        check_table(open_xlsb(str(path)), rows)


EVERY_KIND = sheet(
    row(0, shared(0, 1), inline(1, "é\U0001f600"), cell(1, 3, b"")),
    row(2, real(0, 2012), boolean(1, value=True), error(2), real(3, 39812, 1)),
    row(
        3,
        formula(8, 0, text("ab")),
        formula(9, 1, struct.pack("<d", -24.182)),
        formula(10, 2, b"\0"),
        formula(11, 3, b"\x07"),
    ),
    row(4, rk(0, 0x02F1853B), rk(1, 0x3FF00000), rk(2, 0x405EC001), rk(3, 0xFFFFFFEE)),
)


def test_every_kind_of_cell_is_read(path: Path) -> None:
    """Excel stores a number in four ways and a text in four."""
    path = Book(
        {"Data": EVERY_KIND}, texts=("no", "shared"), formats=(0, 14), from_1904=True
    ).write(path)
    assert lines(open_xlsb(str(path))) == [
        ("shared", "é\U0001f600", "", ""),
        ("", "", "", ""),
        ("2012", "true", "", "2012-12-31 00:00:00"),
        ("ab", "-24.182", "false", ""),
        ("123456.78", "1", "1.23", "-5"),
    ]
    assert finding(path).error_cells == 2


def test_another_reader_sees_the_same_cells(path: Path) -> None:
    """The files of these tests are what other programs take for workbooks."""
    path = Book(
        {"Data": EVERY_KIND}, texts=("no", "shared"), formats=(0, 14), from_1904=True
    ).write(path)
    loaded = fastexcel.read_excel(str(path)).load_sheet(
        "Data", header_row=None, skip_rows=0, dtypes="string"
    )
    columns = [column.to_pylist() for column in loaded.to_arrow().columns]
    theirs = [tuple(v or "" for v in line) for line in zip(*columns, strict=True)]
    assert theirs == lines(open_xlsb(str(path)))


def test_a_text_with_fonts_is_a_text(path: Path) -> None:
    """Other readers pass over it, so that a name is missing."""
    rich = cell(62, 0, b"\0" + text("rich"))
    path = Book({"Data": sheet(row(0, rich))}).write(path)
    assert lines(open_xlsb(str(path))) == [("rich",)]


def test_short_cells_follow_the_one_before(path: Path) -> None:
    """They do not say their column; to guess another would shift the row."""
    number = struct.pack("<d", 2.5)
    cells = (inline(1, "a"), short(16, number), short(12, b""), short(15, b"\1"))
    path = Book({"Data": sheet(row(0, *cells))}).write(path)
    assert lines(open_xlsb(str(path))) == [("", "a", "2.5", "", "true")]


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-12, "1e-12"),
        (1 / 3, "0.3333333333333333"),
        (1e20, "100000000000000000000"),
        (5e-324, "5e-324"),
    ],
)
def test_numbers_keep_every_digit(path: Path, number: float, value: str) -> None:
    """Others show nine decimals, by which 1e-12 is 0."""
    path = Book({"Data": of_rows([[number]])}).write(path)
    assert lines(open_xlsb(str(path))) == [(value,)]


@pytest.mark.parametrize(
    ("day", "from_1904", "value"),
    [
        (41274, False, "2012-12-31 00:00:00"),
        (39812, True, "2012-12-31 00:00:00"),
        (59.5, False, "1900-02-28 12:00:00"),
        (-1, False, "-1"),
        (9e9, True, "9000000000"),
        (float("inf"), False, "inf"),
    ],
)
def test_days_become_dates(
    path: Path, day: float, value: str, *, from_1904: bool
) -> None:
    """A year typed as a date counts by its year, in both of Excel's calendars."""
    dates = sheet(row(0, real(0, day, 1), real(1, day, 2)))
    path = Book(
        {"Data": dates}, formats=(0, 14, "dd/mm/yyyy"), from_1904=from_1904
    ).write(path)
    assert lines(open_xlsb(str(path))) == [(value, value)]


def test_percents_are_numbers_shown_so(path: Path) -> None:
    """0.05 shown as 5 % means 5; a quoted sign in a format does not."""
    formats = (0, 9, 10, "0.0%", '0" %"')
    cells = [real(column, 0.05, column) for column in range(len(formats))]
    cells += [formula(9, 5, struct.pack("<d", 0.05), 3), cell(6, 6, text("5"), 3)]
    data = sheet(row(4, *cells))
    found = finding(Book({"Data": data}, formats=formats).write(path))
    assert found.percents.tolist() == [[4, 1], [4, 2], [4, 3], [4, 5]]


def test_numbers_are_told_from_texts(path: Path) -> None:
    """A symbol typed as 0700 without being text has lost its zero."""
    rows: Rows = [["0700", 700], ["TRUE", True], ["1E5", 1e5]]
    path = Book({"Data": of_rows(rows)}).write(path)
    assert finding(path).number_cells == {0: 0, 1: 3}


def test_sheets_are_listed_in_order_with_their_state(path: Path) -> None:
    """What nobody sees is passed over, and a chart has no cells."""
    names = ["Data", "Hidden", "Very hidden", "Chart", "Empty"]
    path = Book(
        {name: of_rows([[name]] if name != "Empty" else []) for name in names},
        states={"Hidden": 1, "Very hidden": 2},
        charts=("Chart",),
    ).write(path)
    book = open_xlsb(str(path))
    states = [(sheet.name, sheet.hidden) for sheet in book.sheets()]
    assert states == [
        ("Data", False),
        ("Hidden", True),
        ("Very hidden", True),
        ("Empty", False),
    ]
    assert (lines(book, "Hidden"), lines(book, "Empty")) == ([("Hidden",)], [])


def test_hidden_rows_and_columns_count_if_they_hold_a_cell(path: Path) -> None:
    """Who filtered the rows may not know that all of them are read."""
    rows = (
        row(0, inline(0, "a"), inline(1, "b"), inline(2, "c")),
        row(1, inline(0, "d"), hidden=True),
        row(2, hidden=True),
        row(3, inline(0, "e"), hidden=True),
    )
    looks = column_info(0, 1, hidden=False) + column_info(2, 16383, hidden=True)
    found = finding(Book({"Data": sheet(*rows, columns=looks)}).write(path))
    assert (found.hidden_rows, found.hidden_columns) == (2, 1)


def test_a_long_column_keeps_its_order_and_its_gaps(path: Path) -> None:
    """Texts are packed by thousands; one that slips gives a company another's ratio."""
    rows = [row(3 * place, real(place % 2, place)) for place in range(40_000)]
    book = open_xlsb(str(Book({"Data": sheet(*rows)}).write(path)))
    found = [column.to_pylist() for column in book.texts(book.sheets()[0])]
    assert found[0][::6] == [str(place) for place in range(0, 40_000, 2)]
    assert found[1][3::6] == [str(place) for place in range(1, 40_000, 2)]
    assert sum(map(len, map("".join, zip(*found, strict=True)))) == 188_890


def test_a_long_text_is_whole(path: Path) -> None:
    """The length of a record takes a byte for every seven bits."""
    texts = ["x" * 63, "y" * 9_000, "z" * 32_767]
    data = sheet(row(0, *(inline(place, text) for place, text in enumerate(texts))))
    assert lines(open_xlsb(str(Book({"Data": data}).write(path)))) == [tuple(texts)]


def test_a_text_can_be_absent() -> None:
    """A sheet of macros has a name but no part, and is passed over."""
    assert text_at(b"\xff\xff\xff\xff", 0, 4) == ("", 4)


def test_styles_can_be_missing(path: Path) -> None:
    """Then every number is a plain one."""
    path = Book({"Data": of_rows([[7]])}, formats=()).write(path)
    assert lines(open_xlsb(str(path))) == [("7",)]


def test_a_cell_in_the_last_corner_costs_little(path: Path) -> None:
    """A sheet as wide and high as can be takes terabytes if it is laid out."""
    far = struct.pack("<II", 16383, 0) + struct.pack("<d", 7)
    data = sheet(row(0, inline(0, "a")), row(1048575, record(5, far)))
    book = open_xlsb(str(Book({"Data": data}).write(path)))
    texts = book.texts(book.sheets()[0])
    assert (len(texts), len(texts[0])) == (16384, 1048576)
    assert texts[-1][-1].as_py() == "7"


@pytest.mark.parametrize(
    "data",
    [
        sheet(row(1048576, inline(0, "a"))),
        sheet(row(0, inline(16384, "a"))),
        sheet(inline(0, "a")),
        sheet(row(0, cell(6, 0, struct.pack("<I", 9) + b"ab"))),
        sheet(row(0, inline(0, "a")))[:-9],
    ],
)
def test_records_that_no_program_writes_are_refused(path: Path, data: bytes) -> None:
    """To guess what was meant would store what nobody wrote."""
    book = open_xlsb(str(Book({"Data": data}).write(path)))
    with pytest.raises(Fault, match="the workbook is damaged"):
        book.texts(book.sheets()[0])
