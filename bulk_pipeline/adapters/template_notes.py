"""What the input workbook says about itself: units in words, and its sheet of notes."""

from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl.styles import Font, PatternFill

from bulk_pipeline.core.numbers import MISSING_TOKENS
from bulk_pipeline.core.schema import (
    FIRST_YEAR,
    INPUT_COLUMNS,
    QUARTERS,
    RATIO_COLUMNS,
    Column,
    Unit,
)

HEADER_FONT = Font(name="Calibri", bold=True)
HEADER_FILL = PatternFill("solid", fgColor="DDE6F0")

_WIDTHS = (34, 52, 36, 22, 72)  # characters
_TABLE_HEADER = ("column", "what it means", "unit", "presence", "other headers")
_TOKENS = ", ".join(sorted(token.upper() for token in MISSING_TOKENS if token))
_BEFORE = {
    "How to fill in the sheet 'Accounts'": (
        "Replace the example row (symbol EXAMPLE): a file that still has it stores it.",
        "One row is one company, one reporting year and one quarter.",
        "Keep the headers and start in row 3, directly below them.",
        "Row 1, the columns marked optional, and this sheet may be deleted.",
        "Other columns may be added; they are passed over with a warning.",
    ),
}
_AFTER = {
    "Ratios that are not known": (
        "Leave the cell blank. It is then missing, which is not the same as 0.",
        f"These mean missing, too, in upper or lower case: {_TOKENS}.",
        "So do cells that show an error, such as #DIV/0!.",
    ),
    "Percent numbers": (
        "Write what stands before the percent sign: 24.111 for 24.111 %, not 0.24111.",
        "Typed with its sign, 24.111% means the same. A multiple has no percent sign.",
    ),
    "Key and duplicates": (
        "The key is company_symbol, reporting_year and reporting_quarter.",
        "A blank quarter is Q4, unless the installation has another setting.",
        "The first row with a key counts; later ones in the file are duplicates.",
        "A row whose key is stored already is a duplicate, too.",
        "Only where the load is told to update, it replaces the stored row.",
        "A duplicate with other ratios is listed with both values in the reject file.",
    ),
    "Rows that cannot be stored": (
        "A bad row is rejected alone: all others are stored.",
        "The reject file lists it with its line, the column, the reason and the cell.",
        "To see it: bulk-pipeline rejects KEY --out FILE.xlsx, with the upload's key.",
        "Correct the rows there, and load that file.",
    ),
}


def unit_in_words(column: Column, latest_year: int) -> str:
    """What a cell of a column holds, with its limits."""
    if column.unit is Unit.YEAR:
        return f"{column.unit}, {FIRST_YEAR} to {latest_year}"
    if column.unit is Unit.QUARTER:
        return f"{column.unit}: {', '.join(QUARTERS[:-1])} or {QUARTERS[-1]}"
    if column.max_length is not None:
        return f"{column.unit}, at most {column.max_length} characters"
    return column.unit


def presence(column: Column) -> str:
    """Whether the column and its cells must be there."""
    if column in RATIO_COLUMNS:
        return "needed, may be blank"
    return "needed" if column.needed else "optional"


def fill_notes(sheet: Any, latest_year: int) -> None:
    """Write the notes: how to fill in, the columns, and what becomes of the rows."""
    for letter, width in zip("ABCDE", _WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    _write_sections(sheet, _BEFORE)
    _write_heading(sheet, "Columns")
    sheet.append(_TABLE_HEADER)
    for cell in sheet[sheet.max_row]:
        cell.font, cell.fill = HEADER_FONT, HEADER_FILL
    for column in INPUT_COLUMNS:
        unit, synonyms = unit_in_words(column, latest_year), ", ".join(column.synonyms)
        told = (column.name, column.description, unit, presence(column), synonyms)
        sheet.append(told)
    sheet.append([])
    _write_sections(sheet, _AFTER)
    sheet.sheet_view.showGridLines = False
    fit_to_page_width(sheet)


def fit_to_page_width(sheet: Any) -> None:
    """Print the sheet on its side, as wide as a page and as long as it is."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _write_sections(sheet: Any, sections: Mapping[str, Sequence[str]]) -> None:
    for heading, sentences in sections.items():
        _write_heading(sheet, heading)
        for sentence in sentences:
            sheet.append([sentence])
        sheet.append([])


def _write_heading(sheet: Any, heading: str) -> None:
    sheet.append([heading])
    sheet.cell(sheet.max_row, 1).font = Font(name="Calibri", bold=True, size=12)
