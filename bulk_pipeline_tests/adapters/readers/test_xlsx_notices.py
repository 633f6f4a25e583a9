"""What an .xlsx sheet says beside its texts: per cent, formulas, hiding, errors."""

import pytest
import xlsxwriter

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import NoticeKind, counted
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    BOOK,
    HEADER,
    SHEET,
    STYLES,
    Rows,
    Write,
    book_of,
    replaced,
    row,
    told,
)

pytestmark = pytest.mark.usefixtures("in_process")

FORMULA = b'<c r="B2"><f>2011+1</f><v /></c>'
"""A formula as openpyxl writes it: without a value."""


@pytest.fixture
def edited(tmp_path):
    """A workbook after a change to its sheet."""

    def saved(rows: Rows, change):
        book = book_of(Data=rows)
        change(book.active)
        book.save(tmp_path / "dropped.csv")
        return tmp_path / "dropped.csv"

    return saved


def formatted(code: str):
    """A change that shows the cells from B2 on in a format."""

    def change(sheet) -> None:
        for cells in sheet.iter_rows(min_row=2, min_col=2):
            for cell in cells:
                cell.number_format = code

    return change


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.05, "5%"),
        (0.07, "7%"),
        (-0.24182, "-24.182%"),
        (1, "100%"),
        (1 / 3, "33.3333333333333%"),
        (0, "0%"),
        (1e-9, "1e-07%"),
        (1e20, "1e+22%"),
    ],
)
@pytest.mark.parametrize("code", ["0%", "0.00%", '[Red]0.0" "%', '[=0]"-";0.0%'])
def test_a_number_shown_as_per_cent_is_read_as_it_is_shown(
    edited, code: str, number: float, text: str
) -> None:
    """0.05 shown as 5 % is off by a hundred for the model, without a trace."""
    path = edited([["symbol", "roa"], ["A", number]], formatted(code))
    source = open_text(path)
    assert rows_of(source)[0] == [("A", text)]
    notice = told(source.notices, NoticeKind.PERCENT_CELLS)
    assert notice.count == 1
    assert "0.05 shown as 5 % was read as 5." in notice.text


@pytest.mark.parametrize("code", ["General", '0"%"', r"0\%", "0_%", "[$%-409]0", "0*%"])
def test_a_percent_sign_that_is_only_written_is_none(edited, code: str) -> None:
    """The number beside it is not multiplied."""
    source = open_text(edited([["symbol", "roa"], ["A", 5.5]], formatted(code)))
    assert rows_of(source)[0] == [("A", "5.5")]
    assert source.notices == ()


def test_only_numbers_below_the_header_are_shown_as_per_cent(edited) -> None:
    """A text, a truth or a blank cell in the same format is as it was."""
    rows: Rows = [["roa", 2012], ["x", "5"], ["y", None], ["z", True], ["w", 0.5]]
    path = edited(rows, formatted("0%"))
    source = open_text(path)
    assert rows_of(source)[0] == [("x", "5"), ("y", ""), ("z", "true"), ("w", "50%")]
    assert told(source.notices, NoticeKind.PERCENT_CELLS).count == 1


def test_cells_that_do_not_name_their_place_are_found(edited) -> None:
    """Some programs leave the names out; a cell then follows the last one."""
    rows: Rows = [["symbol", "roa", "x"], ["A", 0.05, "y"]]
    path = edited(rows, formatted("0%"))
    for old, new in ((b'<c r="B2"', b"<c"), (b'<row r="2"', b"<row")):
        replaced(path, SHEET, old, new)
    assert rows_of(open_text(path))[0] == [("A", "5%", "y")]
    replaced(path, SHEET, b'<c r="A2"', b"<c")
    assert rows_of(open_text(path))[0] == [("A", "5%", "y")]


def test_the_style_of_cells_without_one_may_be_per_cent(edited) -> None:
    """Its number is 0, and cells do not repeat it."""
    path = edited([["symbol", "roa"], ["A", 0.05]], lambda _: None)
    style = b'<cellXfs count="1"><xf numFmtId="'
    replaced(path, STYLES, style + b"0", style + b"10")
    assert rows_of(open_text(path))[0] == [("A", "5%")]


def test_a_formula_without_a_value_is_refused_by_its_cell(write: Write) -> None:
    """A program wrote it and nothing calculated it: it would read as missing."""
    path = write(Data=[["symbol", "year"], ["A", "=2011+1"]])
    message = r"^dropped\.csv, sheet 'Data', cell B2: a formula.*Excel and save"
    with pytest.raises(UnreadableFile, match=message):
        open_text(path)
    replaced(path, SHEET, b"<v />", b"<v>2012</v>")
    assert rows_of(open_text(path))[0] == [("A", "2012")]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ('<c r="B2" t="str"><f>x</f></c>', ""),
        ('<c r="B2" t="str"><f>x</f><v></v></c>', ""),
        ('<c r="B2"><f t="shared" si="0"/><v>2012</v></c>', "2012"),
        ('<c r="B2"><f t="array" ref="B2:B3">x</f><v>2012</v></c>', "2012"),
        ('<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', ""),
        ('<c r="B2" t="inlineStr"><f>x</f><is><t>y</t></is></c>', "y"),
    ],
)
def test_every_formula_with_a_value_has_that_value(
    write: Write, formula: str, text: str
) -> None:
    """A ratio that a formula left blank is a missing ratio, as Excel stores it."""
    path = write(Data=[["symbol", "year", "name"], ["A", "=2011+1", "x"]])
    replaced(path, SHEET, FORMULA, formula.encode())
    assert rows_of(open_text(path))[0] == [("A", text, "x")]


@pytest.mark.parametrize(
    "formula",
    [
        '<c r="B2"><f>x</f></c>',
        '<c r="B2"><f/></c>',
        '<c r="B2"><f t="shared" si="0"/><v></v></c>',
        '<c r="B2"><f>x</f><v> </v></c>',
        "<c><f>x</f></c>",
    ],
)
def test_every_formula_without_a_value_is_found(write: Write, formula: str) -> None:
    """There are as many ways to leave a value out as there are programs."""
    path = write(Data=[["symbol", "year", "name"], ["A", "=2011+1", "x"]])
    replaced(path, SHEET, FORMULA, formula.encode())
    with pytest.raises(UnreadableFile, match="cell B2: a formula without a value"):
        open_text(path)


def test_zeros_that_a_program_wrote_instead_of_values_are_none(tmp_path) -> None:
    """A program that cannot calculate writes 0 and asks Excel to calculate."""
    path = tmp_path / "dropped.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, ["symbol", "roa"])
        sheet.write(1, 0, "A")
        sheet.write_formula(1, 1, "=1+1")
    with pytest.raises(UnreadableFile, match="cell B2: a formula without a value"):
        open_text(path)
    replaced(path, BOOK, b' fullCalcOnLoad="1"', b"")
    assert rows_of(open_text(path))[0] == [("A", "0")]


def test_formulas_of_other_things_are_in_no_cell(write: Write) -> None:
    """Sparklines and rules of validation have formulas too, and no values."""
    path = write(Data=[["symbol", "year"], ["A", "=2011+1"]])
    value = FORMULA.replace(b"<v />", b"<v>2012</v>")
    replaced(path, SHEET, FORMULA, value)
    other = b'<extLst><ext><x:f xmlns:x="urn:x">A1</x:f></ext></extLst>'
    replaced(path, SHEET, b"</worksheet>", other + b"</worksheet>")
    assert rows_of(open_text(path))[0] == [("A", "2012")]


def test_hidden_rows_and_columns_are_read_and_told(edited) -> None:
    """A filter hides rows; without them the file would be another one."""

    def hide(sheet) -> None:
        for number in (3, 4, 9):
            sheet.row_dimensions[number].hidden = True
        sheet.column_dimensions.group("B", "C", hidden=True)

    rows: Rows = [["symbol", "year"], ["A", 1], ["B", 2], ["C", 3]]
    source = open_text(edited(rows, hide))
    assert rows_of(source)[0] == [("A", "1"), ("B", "2"), ("C", "3")]
    notice = told(source.notices, NoticeKind.HIDDEN_CELLS)
    assert notice.count == 3
    assert notice.text.startswith("2 hidden rows and 1 hidden column were read too.")


def test_cells_with_errors_are_blank_and_counted(edited) -> None:
    """#DIV/0! is no zero, and nobody should have to find out why a ratio is missing."""

    def fail(sheet) -> None:
        for name, error in (("B2", "#DIV/0!"), ("A4", "#N/A")):
            sheet[name].value = error
            sheet[name].data_type = "e"

    rows: Rows = [["symbol", "roa"], ["A", 1], ["B", 2], ["C", 3]]
    source = open_text(edited(rows, fail))
    assert rows_of(source)[0] == [("A", ""), ("B", "2"), ("", "3")]
    notice = told(source.notices, NoticeKind.ERROR_CELLS)
    assert notice.count == 2
    assert "#DIV/0!" in notice.text


def test_symbols_that_are_numbers_are_told(write: Write) -> None:
    """0700 typed into a cell is 700, and nobody sees it."""
    rows: Rows = [["year", "Ticker"], [1, 700], [2, True], [3, "0005"], [4, "HPE"]]
    source = open_text(write(Data=[["Accounts"], *rows]))
    symbols = [symbol for _, symbol in rows_of(source)[0]]
    assert symbols == ["700", "true", "0005", "HPE"]
    notice = told(source.notices, NoticeKind.NUMBERS_AS_SYMBOLS)
    assert notice.count == 2
    assert "leading zeros that were only shown are lost" in notice.text


@pytest.mark.parametrize("symbol", ["0700", "TRUE", "true", "1E5", "HPE"])
def test_symbols_that_only_look_like_numbers_are_not(write: Write, symbol: str) -> None:
    """A text is what its sender typed."""
    path = write(Data=[["symbol", "year"], [symbol, 1], [None, 2]])
    assert open_text(path).notices == ()


def test_notices_of_joined_sheets_add_up(tmp_path) -> None:
    """One sentence for the file, not one for each of its sheets."""
    cells = row(company_symbol=700, return_on_assets=0.05)
    book = book_of(One=[HEADER, cells], Two=[HEADER, cells, cells])
    for sheet in book.worksheets:
        formatted("0%")(sheet)
    book.save(tmp_path / "dropped.csv")
    source = open_text(tmp_path / "dropped.csv", sheets="all")
    assert counted(source.notices) == {
        "sheets_joined": 2,
        "percent_cells": 3,
        "numbers_as_symbols": 3,
    }
