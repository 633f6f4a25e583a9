"""Workbooks that today's readers misread in silence: a value, a warning, a refusal."""

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import numbers

from bulk_pipeline.adapters.readers import read_text_table
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.known_files import book_of, row, seen, typed_row
from bulk_pipeline_tests.builders import HEADER

MARGIN, ROA = "net_income_margin", "return_on_assets"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file."""
    return tmp_path / "dropped.xlsx"


def edited(path: Path, change) -> Path:
    """A workbook of two good rows after a change to its sheet."""
    book_of(path, [HEADER, typed_row(), typed_row(reporting_year=2013)])
    book = openpyxl.load_workbook(path)
    change(book, book.active)
    book.save(path)
    return path


def test_a_formula_that_nobody_calculated_is_refused(path: Path) -> None:
    """It reads as a missing ratio, which has a default rate of its own."""
    book_of(path, [HEADER, typed_row(**{ROA: "=1+1"})])
    with pytest.raises(UnreadableFile, match=r"cell K2: a formula without a value"):
        seen(path)


def test_a_number_stored_as_text_is_that_number(path: Path) -> None:
    """Elsewhere it turns the whole column into text."""
    book_of(path, [HEADER, typed_row(**{ROA: "3.5"}), typed_row(reporting_year=2013)])
    assert seen(path).rows[ROA].to_list() == [3.5, 3.711]


def test_a_late_text_is_rejected_and_not_blanked(path: Path) -> None:
    """After a thousand numbers the reader gives nothing for a text."""
    rows = [
        typed_row(company_symbol=f"S{n}", **{ROA: 1.0 if n < 1_500 else "many"})
        for n in range(1_501)
    ]
    book_of(path, [HEADER, *rows])
    assert seen(path).rejected() == [(1_502, ROA, "not_a_number")]


def test_a_date_in_the_year_column_gives_its_year_and_a_warning(path: Path) -> None:
    """It comes as 2020-12-31 00:00:00, which is no year."""
    when = dt.datetime(2020, 12, 31)  # noqa: DTZ001 (a cell has no zone)
    book_of(path, [HEADER, typed_row(reporting_year=when)])
    found = seen(path)
    assert found.one("reporting_year") == 2020
    assert found.notices["dates_as_years"] == 1


def test_dates_of_the_other_system_are_not_four_years_off(path: Path) -> None:
    """Workbooks from old Macs count their days from 1904."""
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(list(HEADER))
    when = dt.datetime(2020, 12, 31)  # noqa: DTZ001 (a cell has no zone)
    book.active.append(typed_row(reporting_year=when))
    book.save(path)
    assert seen(path).one("reporting_year") == 2020


def test_a_cell_shown_as_per_cent_is_read_as_it_is_shown(path: Path) -> None:
    """0.05 shown as 5 % is off by a hundred for this model, without a trace."""

    def shown(book, sheet) -> None:
        sheet["K2"] = 0.05
        sheet["K2"].number_format = numbers.FORMAT_PERCENTAGE_00

    found = seen(edited(path, shown))
    assert found.rows[ROA].to_list() == [5.0, 3.711]
    assert found.notices["percent_cells"] == 1


def test_the_sheet_with_our_header_is_read(path: Path) -> None:
    """The first sheet is called Notes."""

    def noted(book, sheet) -> None:
        book.create_sheet("Notes", 0).append(["about", "these figures"])

    found = seen(edited(path, noted))
    assert found.rows.height == 2
    assert found.notices["sheets_passed_over"] == 1


def test_several_sheets_are_refused_or_all_read(path: Path) -> None:
    """Rows of a sheet that was passed over in silence are lost."""

    def doubled(book, sheet) -> None:
        other = book.create_sheet("Second")
        other.append(list(HEADER))
        other.append(typed_row(reporting_year=2014))

    edited(path, doubled)
    with pytest.raises(UnreadableFile, match=r"'Data', 'Second'.*BULK_PIPELINE_SHEETS"):
        seen(path)
    (path.parent / "again").mkdir()
    found = seen(path.rename(path.parent / "again" / path.name), sheets="all")
    assert found.rows["reporting_year"].to_list() == [2012, 2013, 2014]
    assert found.rows["line"].is_sorted()
    assert found.rows["line"].n_unique() == 3
    assert "sheets_joined" in found.notices


def test_titles_and_merged_cells_above_the_header_are_passed_over(path: Path) -> None:
    """Elsewhere the columns are called __UNNAMED__."""

    def titled(book, sheet) -> None:
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Accounts"
        sheet.merge_cells("A1:K1")

    found = seen(edited(path, titled))
    assert found.rows["line"].to_list() == [4, 5]


def test_hidden_rows_are_read_and_told(path: Path) -> None:
    """A filter hides rows; without them the file would be another one."""

    def hidden(book, sheet) -> None:
        sheet.row_dimensions[2].hidden = True
        sheet.column_dimensions["C"].hidden = True

    found = seen(edited(path, hidden))
    assert found.rows.height == 2
    assert found.notices["hidden_cells"] >= 2


def test_an_error_cell_is_missing_and_told(path: Path) -> None:
    """#DIV/0! is no zero."""

    def failed(book, sheet) -> None:
        sheet["K2"] = "#DIV/0!"
        sheet["K2"].data_type = "e"

    found = seen(edited(path, failed))
    assert found.rows[ROA].to_list() == [None, 3.711]
    assert found.notices["error_cells"] == 1


@pytest.mark.parametrize(("typed", "symbol"), [(700, "700"), (True, "TRUE")])
def test_a_symbol_typed_as_a_number_is_told(path: Path, typed, symbol) -> None:
    """0700 typed into a cell is 700, and nobody sees it."""
    book_of(path, [HEADER, typed_row(company_symbol=typed)])
    found = seen(path)
    assert found.one("company_symbol") == symbol
    assert found.notices["numbers_as_symbols"] == 1


def test_formatted_rows_below_the_table_are_no_rows(path: Path) -> None:
    """Somebody coloured a thousand of them."""

    def coloured(book, sheet) -> None:
        for number in range(4, 1_004):
            sheet.cell(number, 1).number_format = "@"
            sheet.cell(number, 2).value = ""

    assert seen(edited(path, coloured)).reading.rows_read == 2


def test_a_workbook_under_a_password_is_refused_by_that_word(path: Path) -> None:
    """It is no damaged file: the one who sent it has the password."""
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_500) + name + bytes(99)
    )
    with pytest.raises(UnreadableFile, match="password"):
        seen(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    """310 kilobytes became 1.6 gigabytes of memory."""
    book_of(path, [HEADER, typed_row()])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(300 << 20))
    with pytest.raises(UnreadableFile, match="unpacks to"):
        seen(path)


@pytest.mark.parametrize("symbol", ["0700", "TRUE", "1E5", "NA", "#N/A", "=1+1", "-"])
def test_a_text_in_a_cell_is_that_text(path: Path, symbol: str) -> None:
    """What a person typed as text is no number, no error and no formula."""
    book_of(path, [HEADER, typed_row()])
    book = openpyxl.load_workbook(path)
    book.active["A2"].value = symbol
    book.active["A2"].data_type = "s"
    book.save(path)
    assert read_text_table(path).table["company_symbol"].to_pylist() == [symbol]


def test_commas_in_text_cells_beside_numbers_are_refused(path: Path) -> None:
    """The numbers have a point for certain, so a comma means something else."""
    cells = typed_row(**{MARGIN: "1,5"})
    book_of(path, [HEADER, typed_row(reporting_year=2013), cells])
    with pytest.raises(UnreadableFile, match="BULK_PIPELINE_DECIMAL"):
        seen(path)


def test_a_workbook_of_texts_may_write_a_decimal_comma(path: Path) -> None:
    """A pasted European file is such a workbook."""
    cells = row(
        market_cap="1.234.567,5",
        long_term_debt_to_total_capital="24,111",
        total_debt_to_ebitda="2,057",
        net_income_margin="-24,182",
        ebit_to_interest_expense="74,33",
        return_on_assets="3,711",
    )
    book_of(path, [HEADER, list(cells.values())])
    found = seen(path)
    assert (found.one(ROA), found.one(MARGIN)) == (3.711, -24.182)
    assert found.notices == {"number_style": 1}
