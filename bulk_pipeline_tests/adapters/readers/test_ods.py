"""OpenDocument spreadsheets: typed cells, repeated ones, and what styles hide."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from bulk_pipeline.adapters.readers.workbooks import grid
from bulk_pipeline.adapters.readers.workbooks.book import Fault, Finding
from bulk_pipeline.adapters.readers.workbooks.ods import open_ods
from bulk_pipeline_tests.adapters.readers.cells import (
    TABLES,
    Rows,
    check_table,
    lines,
)
from bulk_pipeline_tests.adapters.readers.ods_files import (
    boolean,
    cell,
    column,
    date,
    number,
    of_rows,
    row,
    table,
    text,
    write_ods,
)

CELL_STYLE = '<style:style style:family="table-cell" style:name='
PERCENT_STYLES = (
    '<number:percentage-style style:name="N10"/>'
    '<number:number-style style:name="N20"><number:text>%</number:text>'
    "</number:number-style>"
    '<number:percentage-style style:name="N30P0"/>'
    '<number:number-style style:name="N30">'
    '<style:map style:apply-style-name="N30P0"/></number:number-style>'
    f'{CELL_STYLE}"ce1" style:data-style-name="N10"/>'
    f'{CELL_STYLE}"ce2" style:data-style-name="N20"/>'
    f'{CELL_STYLE}"ce3" style:data-style-name="N30"/>'
    f'{CELL_STYLE}"ce4" style:parent-style-name="ce1"/>'
    f'{CELL_STYLE}"ce5" style:parent-style-name="ce5"/>'
)
HIDDEN_STYLE = (
    '<style:style style:name="ta1"><style:table-properties table:display="true"/>'
    '</style:style><style:style style:name="ta2">'
    '<style:table-properties table:display="false"/></style:style>'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its workbook; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


def finding(path: str) -> Finding:
    """What is said of the first sheet."""
    book = open_ods(path)
    return book.finding(book.sheets()[0])


@given(rows=TABLES)
@settings(max_examples=60, deadline=None)
def test_every_value_becomes_the_text_that_means_the_same(rows: Rows) -> None:
    """A digit lost here is a company scored on another ratio."""
    with TemporaryDirectory() as directory:
        path = write_ods(Path(directory) / "dropped.ods", of_rows(rows))
        check_table(open_ods(path), rows)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(2012.0), "2012"),
        (number(0.1 + 0.2), "0.30000000000000004"),
        (number(1e-12), "1e-12"),
        (number(1 / 3, "currency"), "0.3333333333333333"),
        (
            cell("1E+20", office_value__type="float", office_value="1E+020"),
            "1" + "0" * 20,
        ),
        (boolean(value=True), "true"),
        (date("2012-12-31"), "2012-12-31 00:00:00"),
        (date("2012-12-31T13:30:00"), "2012-12-31 13:30:00"),
        (text("0700"), "0700"),
        (text("é\U0001f600 <&>"), "é\U0001f600 <&>"),
        (cell("  a  b", office_value__type="string"), "  a  b"),
        (cell("a<text:s text:c='3'/>b<text:tab/>c<text:line-break/>d"), "a   b\tc\nd"),
        (cell("a</text:p><text:p>b"), "a\nb"),
        (cell("a<text:span>b<text:a>c</text:a></text:span>"), "abc"),
        (
            cell("shown", office_value__type="string", office_string__value="held"),
            "held",
        ),
        (cell("12:30", office_value__type="time", office_time__value="PT12H"), "12:30"),
    ],
)
def test_a_cell_is_read_by_what_it_holds(
    path: Path, written: str, expected: str
) -> None:
    """What is shown is rounded, and in the words of one country."""
    assert lines(open_ods(write_ods(path, table(row(written))))) == [(expected,)]


def test_a_table_may_begin_anywhere(path: Path) -> None:
    """Lines and columns are those of the sheet, as a person sees them."""
    before = cell(table_number__columns__repeated=2)
    rows = (
        row(
            cell(table_number__columns__repeated=16384), table_number__rows__repeated=4
        ),
        row(before, text("margin")),
        row(before, number(0.05, "percentage")),
        row(
            cell(table_number__columns__repeated=9),
            table_number__rows__repeated=1048570,
        ),
    )
    book = open_ods(write_ods(path, table(*rows)))
    assert lines(book)[3:] == [("", "", ""), ("", "", "margin"), ("", "", "0.05")]
    assert book.finding(book.sheets()[0]).percents.tolist() == [[5, 2]]


def test_repeated_cells_and_rows_are_all_there(path: Path) -> None:
    """LibreOffice writes rows and cells that are alike only once."""
    twice = number(0.5, "percentage", table_number__columns__repeated=2)
    rows = (row(text("a"), twice, table_number__rows__repeated=2), row(text("b")))
    book = open_ods(write_ods(path, table(*rows)))
    assert lines(book) == [("a", "0.5", "0.5"), ("a", "0.5", "0.5"), ("b", "", "")]
    found = book.finding(book.sheets()[0])
    assert found.percents.tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert found.number_cells == {0: 0, 1: 2, 2: 2}


@pytest.mark.parametrize(
    "rows",
    [
        row(
            text("x").replace(" ", ' table:number-columns-repeated="16384" ', 1),
            table_number__rows__repeated=1048576,
        ),
        row(text("x"), table_number__rows__repeated=1048577),
        row(text("x").replace(" ", ' table:number-columns-repeated="16385" ', 1)),
        row(text("x" * 200), table_number__rows__repeated=9000),
    ],
)
def test_cells_repeated_for_ever_are_refused(
    path: Path, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a kilobyte could ask for all memory there is."""
    monkeypatch.setattr(grid, "_TEXT_BYTES", 1 << 20)
    with pytest.raises(Fault, match="more than"):
        open_ods(write_ods(path, table(rows)))


def test_percents_are_numbers_shown_so(path: Path) -> None:
    """0.05 shown as 5 % means 5; a format with a part for each sign says no more."""
    styles = [f"ce{number}" for number in range(1, 6)]
    rows = (
        row(number(0.05, "percentage"), number(0.05), text("5%"), date("2012-12-31")),
        row(*(number(0.05, table_style__name=style) for style in styles)),
    )
    found = finding(write_ods(path, table(*rows), styles=PERCENT_STYLES))
    assert found.percents.tolist() == [[0, 0], [1, 0], [1, 2], [1, 3]]


def test_a_cell_without_a_style_has_that_of_its_row_or_column(path: Path) -> None:
    """A whole column formatted at once leaves nothing at its cells."""
    both = number(0.05, table_number__columns__repeated=2)
    rows = (
        column(table_default__cell__style__name="ce2"),
        column(table_default__cell__style__name="ce1"),
        row(both),
        row(both, table_default__cell__style__name="ce3"),
        row(number(0.05), number(0.05, table_style__name="ce2")),
    )
    found = finding(write_ods(path, table(*rows), styles=PERCENT_STYLES))
    assert found.percents.tolist() == [[0, 1], [1, 0], [1, 1]]


def test_styles_that_all_sheets_share_count_too(path: Path) -> None:
    """LibreOffice keeps number formats there, and only uses them in the content."""
    used = f'{CELL_STYLE}"ce9" style:data-style-name="N30"/>'
    data = table(row(number(0.05, table_style__name="ce9")))
    found = finding(write_ods(path, data, styles=used, shared_styles=PERCENT_STYLES))
    assert found.percents.tolist() == [[0, 0]]


def test_numbers_are_told_from_texts(path: Path) -> None:
    """A symbol typed as 0700 without being text has lost its zero."""
    rows = (
        row(text("0700"), number(700.0)),
        row(text("TRUE"), boolean(value=True)),
        row(text("1E5"), date("2012-12-31")),
    )
    assert finding(write_ods(path, table(*rows))).number_cells == {0: 0, 1: 3}


def test_sheets_are_listed_in_order_with_their_state(path: Path) -> None:
    """What nobody sees is passed over."""
    book = open_ods(
        write_ods(
            path,
            table(row(text("a")), table_style__name="ta1"),
            table(row(text("b")), name="Hidden", table_style__name="ta2"),
            table(row(cell()), name="Empty"),
            styles=HIDDEN_STYLE,
        )
    )
    states = [(sheet.name, sheet.hidden) for sheet in book.sheets()]
    assert states == [("Data", False), ("Hidden", True), ("Empty", False)]
    assert (lines(book, "Hidden"), lines(book, "Empty")) == ([("b",)], [])


def test_hidden_rows_and_columns_count_if_they_hold_a_cell(path: Path) -> None:
    """Who filtered the rows may not know that all of them are read."""
    hidden = {"table_visibility": "collapse"}
    filtered = {"table_visibility": "filter", "table_number__rows__repeated": 2}
    rows = (
        column(table_number__columns__repeated=2),
        column(table_number__columns__repeated=16382, **hidden),
        row(text("a"), text("b"), text("c")),
        row(text("d"), **filtered),
        row(cell(), table_number__rows__repeated=9999, **hidden),
        row(text("e"), **hidden),
    )
    found = finding(write_ods(path, table(*rows)))
    assert (found.hidden_rows, found.hidden_columns) == (3, 1)


@pytest.mark.parametrize(
    "written",
    [
        cell("#WERT!", calcext_value__type="error", office_value__type="string"),
        cell("#DIV/0!", table_formula="of:=1/0", office_value__type="string"),
        cell(
            "Err:502", table_formula="of:=A", office_value__type="float", office_value=0
        ),
        cell("#N/A", office_value__type="float", office_value=0),
    ],
)
def test_errors_are_blank_and_counted(path: Path, written: str) -> None:
    """Some programs store 0 beside the error that they show."""
    book = open_ods(write_ods(path, table(row(text("#N/A"), written))))
    assert lines(book) == [("#N/A", "")]
    assert book.finding(book.sheets()[0]).error_cells == 1


def test_a_formula_that_nothing_calculated_is_named(path: Path) -> None:
    """A library wrote it, and it would read as missing."""
    one_plus_one = {"table_formula": "of:=1+1"}
    empty = cell("", table_formula='of:=""')
    rows = (
        row(text("a"), number(2.0, **one_plus_one), empty),
        row(
            cell(table_number__columns__repeated=2),
            cell(office_value__type="float", **one_plus_one),
            cell(**one_plus_one),
        ),
    )
    assert finding(write_ods(path, table(*rows))).formula_without_value == "C2"
    whole = write_ods(path, table(*rows[:1]))
    assert finding(whole).formula_without_value == ""
    assert lines(open_ods(whole)) == [("a", "2")]


def test_only_the_cells_of_a_sheet_are_read(path: Path) -> None:
    """Comments, drawings, old values and tables in a cell are no rows of the sheet."""
    inner = table(row(text("inner")), name="Inner")
    comment = "<office:annotation><text:p>comment</text:p></office:annotation>"
    drawing = f"<draw:frame><text:p>drawing</text:p>{inner}</draw:frame>"
    full = text("a").replace("<text:p>", f"{comment}{drawing}<text:p>")
    covered = text("under").replace("table-cell", "covered-table-cell")
    shapes = f"<table:shapes>{drawing}</table:shapes>"
    changes = f"<table:tracked-changes>{text('old')}</table:tracked-changes>"
    links = f"<table:dde-links>{inner}</table:dde-links>"
    sheet = table(shapes, row(full, covered, text("b")))
    book = open_ods(write_ods(path, changes, sheet, links))
    assert lines(book) == [("a", "under", "b")]
    assert [sheet.name for sheet in book.sheets()] == ["Data"]


def test_a_password_is_named(path: Path) -> None:
    """The sender can cure it in a minute."""
    hidden = write_ods(path, manifest="<manifest:encryption-data/>")
    with pytest.raises(Fault, match="protected by a password"):
        open_ods(hidden)


def test_a_document_type_is_refused(path: Path) -> None:
    """It could name a file of this machine, or unfold to gigabytes."""
    prolog = '<!DOCTYPE x [<!ENTITY a "b">]>'
    with pytest.raises(Fault, match="document type"):
        open_ods(write_ods(path, table(row(text("&a;"))), prolog=prolog))
