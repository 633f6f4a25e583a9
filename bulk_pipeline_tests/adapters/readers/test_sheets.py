"""Which sheets of a workbook are read, and as which lines."""

import openpyxl
import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import TextSource, open_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import NoticeKind
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    BOOK,
    HEADER,
    Rows,
    Write,
    replaced,
    row,
    told,
)

pytestmark = pytest.mark.usefixtures("in_process")


def column(source: TextSource, name: object) -> list[str]:
    """The cells of one column."""
    place = source.header.index(str(name))
    return [cells[place] for cells in rows_of(source)[0]]


def test_the_sheet_with_our_header_is_read_and_the_others_are_named(
    write: Write,
) -> None:
    """The first sheet is often a cover; rows left unread must not go unsaid."""
    path = write(Notes=[["about", "x"]], Data=[["symbol", "year"], ["A", 1]])
    source = open_text(path)
    assert rows_of(source)[0] == [("A", "1")]
    notice = told(source.notices, NoticeKind.SHEETS_PASSED_OVER)
    assert notice.text == "Only the sheet 'Data' is read, not 'Notes'."


def test_two_sheets_with_all_our_columns_are_refused(write: Write) -> None:
    """To choose one in silence would lose the rows of the other."""
    fewer = [name for name in HEADER if name != "sector"]
    path = write(Old=[fewer, row()[1:]], New=[HEADER, row()], Notes=[["x"]])
    message = (
        "sheets 'Old', 'New' all hold a table. Keep one .* BULK_PIPELINE_SHEETS=all"
    )
    with pytest.raises(UnreadableFile, match=message):
        open_text(path)


def test_a_header_without_rows_stands_in_nobodys_way(write: Write) -> None:
    """A sheet kept as a template holds nothing that could be lost."""
    path = write(Template=[HEADER], Data=[HEADER, row(company_symbol="A")])
    source = open_text(path)
    assert column(source, "company_symbol") == ["A"]
    assert told(source.notices, NoticeKind.SHEETS_PASSED_OVER).count == 1


def test_all_sheets_are_read_one_after_the_other_if_that_is_wanted(
    write: Write,
) -> None:
    """A line must name one row of one sheet, so the lines count on."""
    first: Rows = [["Accounts"], HEADER, row(company_symbol="A"), []]
    first += [row(company_symbol="B")]
    path = write(
        One=first,
        Notes=[["x"]],
        Two=[HEADER, row(company_symbol="C"), row(company_symbol="D")],
    )
    source = open_text(path, sheets="all")
    assert column(source, "company_symbol") == ["A", "B", "C", "D"]
    assert source.header_line == 2
    assert rows_of(source)[1] == [3, 5, 7, 8]
    notice = told(source.notices, NoticeKind.SHEETS_JOINED)
    assert notice.count == 2
    assert notice.text == (
        "2 sheets were read one after the other: 'One' is lines 1 to 5, 'Two' is "
        "lines 6 to 8."
    )
    passed = told(source.notices, NoticeKind.SHEETS_PASSED_OVER)
    assert passed.text == "Only the sheets 'One', 'Two' are read, not 'Notes'."


def test_one_sheet_is_read_alike_whether_one_or_all_are_wanted(write: Write) -> None:
    """The setting of one sender must not change the files of the others."""
    path = write(Data=[HEADER, row()])
    one, every = open_text(path), open_text(path, sheets="all")
    assert rows_of(one) == rows_of(every)
    assert one.notices == every.notices == ()


def test_joined_sheets_may_order_their_columns_differently(write: Write) -> None:
    """By position, a ratio would land in another ratio's column."""
    turned = [str(name).upper().replace("_", " ") for name in reversed(HEADER)]
    cells = row(company_symbol="B", return_on_assets="2")
    path = write(
        One=[HEADER, row(company_symbol="A", return_on_assets="1")],
        Two=[[None, *turned], [None, *reversed(cells)]],
    )
    source = open_text(path, sheets="all")
    assert column(source, "company_symbol") == ["A", "B"]
    assert column(source, "return_on_assets") == ["1", "2"]


def test_joined_sheets_with_blank_headers_keep_them_apart(write: Write) -> None:
    """A column without a header is passed over later, with what is in it."""
    path = write(
        One=[[*HEADER, None, "note"], [*row(), "p", "q"]],
        Two=[[*HEADER, "note"], [*row(), "r"]],
    )
    source = open_text(path, sheets="all")
    assert [cells[-2:] for cells in rows_of(source)[0]] == [("p", "q"), ("", "r")]


def test_joined_sheets_with_other_columns_are_refused_by_the_difference(
    write: Write,
) -> None:
    """Nobody can say what the absent cells of one of them would be."""
    path = write(One=[HEADER, row()], Two=[[*HEADER, "remark"], [*row(), "y"]])
    message = "'One' and 'Two' are not of one table, for only one of them has 'remark'"
    with pytest.raises(UnreadableFile, match=message):
        open_text(path, sheets="all")


def test_hidden_sheets_are_passed_over_and_named(write: Write) -> None:
    """A person cannot see what would be read there."""
    path = write(Data=[["symbol", "year"], ["A", 1]], Cache=[HEADER, row()])
    hide = b'sheetId="2" state="hidden"'
    replaced(path, BOOK, b'sheetId="2" state="visible"', hide)
    source = open_text(path)
    assert rows_of(source)[0] == [("A", "1")]
    notice = told(source.notices, NoticeKind.SHEETS_PASSED_OVER)
    assert notice.text == "Only the sheet 'Data' is read, not 'Cache' (hidden)."
    visible = b'state="visible" r:id="rId1"'
    replaced(path, BOOK, visible, visible.replace(b"visible", b"veryHidden"))
    with pytest.raises(UnreadableFile, match="no visible sheet"):
        open_text(path)


def test_chart_sheets_are_no_sheets(write: Write) -> None:
    """They have no cells, and their part is of another kind."""
    path = write(Data=[["symbol", "year"], ["A", 1]])
    book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
    book.create_chartsheet("Chart", 0)
    book.save(path)
    source = open_text(path)
    assert rows_of(source)[0] == [("A", "1")]
    assert source.notices == ()


def test_many_sheets_are_counted_and_not_all_named(write: Write) -> None:
    """A message of ten thousand names is no message."""
    others = {f"Sheet{number}": [["x"]] for number in range(1, 13)}
    source = open_text(write(Data=[["symbol", "year"], ["A", 1]], **others))
    notice = told(source.notices, NoticeKind.SHEETS_PASSED_OVER)
    assert notice.count == 12
    assert notice.text.endswith("'Sheet10' and 2 more.")


def test_a_sheet_that_is_too_wide_is_refused(write: Write) -> None:
    """Each column costs memory in every chunk."""
    path = write(Data=[["symbol", "year", *"abcdefghi"]])
    with pytest.raises(UnreadableFile, match="sheet 'Data': 11 columns; at most 10"):
        open_text(path, limits=Limits(columns=10))


def test_sheets_of_one_name_are_refused(write: Write) -> None:
    """No program writes them; two readers could take two different ones."""
    path = write(Data=[["symbol"]], Other=[["symbol"]])
    replaced(path, BOOK, b'name="Other"', b'name="Data"')
    with pytest.raises(UnreadableFile, match="two sheets are called 'Data'"):
        open_text(path)


def test_a_table_that_starts_further_right_keeps_its_columns(write: Write) -> None:
    """The parser leaves the blank columns out; percent and messages count them."""
    book = [[None, None, "symbol", "year"], [None, None, "A", 1]]
    source = open_text(write(Data=book))
    assert source.header == ("", "", "symbol", "year")
    assert rows_of(source)[0] == [("", "", "A", "1")]


def test_a_merged_header_names_its_first_column(write: Write) -> None:
    """The other columns of the merge have no header and are passed over."""
    path = write(Data=[["Title"], ["symbol", "year", None], ["A", 1, 2]])
    book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
    for cells in ("A1:C1", "B2:C2"):
        book.active.merge_cells(cells)
    book.save(path)
    source = open_text(path)
    assert source.header == ("symbol", "year", "")
    assert rows_of(source) == ([("A", "1", "2")], [3], [])


def test_merged_cells_are_never_filled_in(write: Write) -> None:
    """To repeat a value into the cells below would be a guess."""
    path = write(Data=[["symbol", "year"], ["A", 1], [None, 2], [None, 3]])
    book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
    book.active.merge_cells("A2:A4")
    book.save(path)
    assert rows_of(open_text(path))[0] == [("A", "1"), ("", "2"), ("", "3")]


def test_rows_and_columns_that_are_only_formatted_are_none(write: Write) -> None:
    """Somebody coloured a thousand rows below the table."""
    path = write(Data=[["symbol", "year"], ["A", 1]])
    book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
    for number in range(3, 1_003):
        book.active.cell(number, 5).number_format = "0%"
    book.save(path)
    source = open_text(path)
    assert source.header == ("symbol", "year")
    assert rows_of(source) == ([("A", "1")], [2], [])
