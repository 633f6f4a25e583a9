"""The input workbook: what people fill in is what the reader takes back."""

from pathlib import Path

import openpyxl
import polars as pl
import pytest

from bulk_pipeline.adapters.readers import read_text_table
from bulk_pipeline.adapters.template import EXAMPLE, write_template
from bulk_pipeline.adapters.template_notes import presence, unit_in_words
from bulk_pipeline.core.cleaning import CleaningRules, clean
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.numbers import MISSING_TOKENS
from bulk_pipeline.core.schema import (
    INPUT_COLUMNS,
    QUARTERS,
    RATIOS,
    Unit,
    known_columns,
)
from bulk_pipeline_tests.builders import HEADER, ROW

LATEST_YEAR = 2031
TYPED_BACK = {name: str({**EXAMPLE, "reporting_year": 2029}[name]) for name in HEADER}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A fresh template."""
    write_template(tmp_path / "accounts.xlsx", LATEST_YEAR)
    return tmp_path / "accounts.xlsx"


@pytest.fixture
def book(path: Path) -> openpyxl.Workbook:
    """The template as a spreadsheet program opens it."""
    return openpyxl.load_workbook(path)


def added(path: Path, *rows: list[object]) -> Path:
    """The same workbook with rows typed in below the example."""
    book = openpyxl.load_workbook(path)
    for row in rows:
        book["Accounts"].append(row)
    book.save(path)
    return path


def test_the_reader_takes_the_example_back(path: Path) -> None:
    """A template that its own reader misreads teaches everybody the wrong form."""
    table = read_text_table(path)
    assert table.header_line == 2
    assert table.line_numbers.to_pylist() == [3]
    assert table.table.to_pylist() == [TYPED_BACK]
    (warning,) = table.warnings
    assert "'Accounts'" in warning
    assert "'Notes'" in warning


def test_no_row_but_the_header_could_be_taken_for_it(book) -> None:
    """Units such as "year" are names of columns, too."""
    for sheet in book:
        rows = sheet.iter_rows(values_only=True)
        known = [known_columns([str(c) for c in row if c is not None]) for row in rows]
        if sheet.title == "Accounts":
            assert known == [0, len(INPUT_COLUMNS), 0]
        else:
            assert max(known) <= 1


def test_rows_typed_below_come_back(path: Path) -> None:
    """Symbols are texts: 0700 is a company in Hong Kong, TRUE one in Thailand."""
    rows = [["0700", *list(ROW.values())[1:]], ["TRUE", *list(ROW.values())[1:]]]
    numbers = ["NUM", "Numbers plc", None, 7, 2030, "Q1", 1.25, None, -3, 40.5, 0]
    table = read_text_table(added(path, *rows, numbers)).table.to_pylist()
    read = [list(row.values()) for row in table]
    shown = ["" if cell is None else str(cell) for cell in numbers]
    assert read == [list(TYPED_BACK.values()), *rows, shown]


def test_cleaning_accepts_the_example(path: Path) -> None:
    """Whoever follows the example must not be sent a reject."""
    found = read_text_table(path)
    texts = pl.DataFrame({"line": found.line_numbers, **found.table.to_pydict()})
    cleaned = clean(texts, CleaningRules(latest_year=LATEST_YEAR))
    assert cleaned.rejects.is_empty()
    assert cleaned.dates_as_years == 0
    (row,) = cleaned.rows.select(RATIOS).rows()
    assert row == tuple(EXAMPLE[name] for name in RATIOS)


def test_text_stays_what_was_typed_in_every_row(book) -> None:
    """A spreadsheet program turns 0700 into 700 in a cell that is not a text."""
    sheet = book["Accounts"]
    for column, header in zip(INPUT_COLUMNS, sheet[2], strict=True):
        expected = "@" if column.unit is Unit.TEXT else "General"
        formats = (
            sheet.column_dimensions[header.column_letter].number_format,
            sheet.cell(3, header.column).number_format,
        )
        assert set(formats) == {expected}


def test_the_header_stays_in_sight(book) -> None:
    """In row 40 nobody knows which ratio a number is."""
    sheet = book["Accounts"]
    assert tuple(cell.value for cell in sheet[2]) == HEADER
    assert all(cell.font.bold for cell in sheet[2])
    assert all(cell.font.italic for cell in sheet[1])
    assert sheet.freeze_panes == "B3"
    for cell in sheet[2]:
        width = sheet.column_dimensions[cell.column_letter].width
        assert width > len(cell.value)


def test_every_column_says_and_checks_what_it_holds(book) -> None:
    """A mistake is cheapest where it is typed."""
    rules = {
        str(rule.sqref).split(":")[0]: rule
        for rule in book["Accounts"].data_validations.dataValidation
    }
    for column, cell in zip(INPUT_COLUMNS, book["Accounts"][3], strict=True):
        rule = rules[cell.coordinate]
        assert rule.promptTitle == column.name
        assert column.description in rule.prompt
        assert unit_in_words(column, LATEST_YEAR) in rule.prompt
        assert rule.allow_blank
        assert rule.showInputMessage
        # what Excel takes; it calls a file with more of it damaged
        assert len(rule.promptTitle) <= 32
        assert len(rule.prompt) <= 255
        assert len(rule.error) <= 225
    symbol, year, quarter = (rules[place] for place in ("A3", "E3", "F3"))
    assert (symbol.type, symbol.operator) == ("textLength", "lessThanOrEqual")
    assert symbol.formula1 == "20"
    assert (year.type, year.formula1, year.formula2) == ("whole", "1900", "2031")
    assert (quarter.type, quarter.formula1) == ("list", f'"{",".join(QUARTERS)}"')
    for place in "GHIJK":
        rule = rules[f"{place}3"]
        assert (rule.type, rule.errorStyle) == ("decimal", "warning")


def test_the_notes_explain_every_column_and_token(book) -> None:
    """The sheet travels by mail; the README does not."""
    rows = [
        [str(cell) for cell in row if cell is not None]
        for row in book["Notes"].iter_rows(values_only=True)
    ]
    for column in INPUT_COLUMNS:
        synonyms = ", ".join(column.synonyms)
        unit = unit_in_words(column, LATEST_YEAR)
        said = [column.name, column.description, unit, presence(column), synonyms]
        assert said in rows
    text = "\n".join(cell for row in rows for cell in row)
    (tokens,) = [line for line in text.splitlines() if "mean missing" in line]
    named = tokens.partition(": ")[2].rstrip(".").lower().split(", ")
    assert set(named) == MISSING_TOKENS - {""}
    for promise in ("Replace the example row", "24.111", "duplicate", "rejected"):
        assert promise in text


def test_an_existing_file_is_replaced_only_on_request(path: Path) -> None:
    """Hours of typing lie in a file of the same name."""
    added(path, list(ROW.values()))
    filled = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"accounts\.xlsx exists"):
        write_template(path, LATEST_YEAR)
    assert path.read_bytes() == filled
    write_template(path, LATEST_YEAR, replace=True)
    assert read_text_table(path).table.num_rows == 1
    assert list(path.parent.iterdir()) == [path]


def test_another_suffix_is_refused_with_one_that_works(tmp_path: Path) -> None:
    """A CSV has no types, no checks and no notes."""
    with pytest.raises(ConfigurationError, match=r"Use .*accounts\.xlsx"):
        write_template(tmp_path / "accounts.csv", LATEST_YEAR)
    assert not list(tmp_path.iterdir())
