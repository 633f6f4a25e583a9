"""The input workbook that people fill in: its columns, their rules, its notes.

What the columns are is told by ``core.schema``.
"""

from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from bulk_pipeline.adapters.outputs import require_place, whole_file
from bulk_pipeline.adapters.template_notes import (
    HEADER_FILL,
    HEADER_FONT,
    fill_notes,
    fit_to_page_width,
    presence,
    unit_in_words,
)
from bulk_pipeline.core.schema import (
    FIRST_YEAR,
    INPUT_COLUMNS,
    MARKET_CAP,
    NAME,
    QUARTER,
    QUARTERS,
    RATIOS,
    SECTOR,
    SYMBOL,
    YEAR,
    Column,
    Unit,
)

UNIT_ROW, HEADER_ROW, FIRST_ROW, LAST_ROW = 1, 2, 3, 1_048_576
EXAMPLE: dict[str, str | float] = {
    SYMBOL.name: "EXAMPLE",
    NAME.name: "Example Manufacturing plc",
    SECTOR.name: "Industrials",
    MARKET_CAP.name: 1_250_000_000,
    QUARTER.name: "Q4",
    **dict(zip(RATIOS, (31.5, 2.4, -8.25, 6.75, 5.1), strict=True)),
}
"""The row that shows how; its year is the last whole one."""

_LARGEST = "9.99E+307"  # what the program that people fill it in with can compare
_NARROWEST, _MARGIN = 16, 3  # characters
_ALIGNED = {Unit.TEXT: "left", Unit.YEAR: "center", Unit.QUARTER: "center"}
_SMALL = Font(name="Calibri", size=8, italic=True, color="7F7F7F")


def write_template(path: Path, latest_year: int, *, replace: bool = False) -> None:
    """Write an input workbook with one made-up row, whole or not at all.

    Its sheet ``Accounts`` has the units in row 1, our headers in row 2 and the example
    in row 3. Text columns are formatted as text, so that ``0700`` and ``TRUE`` stay
    what was typed. Its sheet ``Notes`` says what the columns mean.

    Args:
        path: ends in .xlsx, in any case; its directory exists.
        latest_year: last reporting year that can be: next year.
        replace: whether a file of this name may be replaced.

    Raises:
        ConfigurationError: the name cannot be used; says which could.
        OSError: the directory cannot be written or is full.
    """
    require_place(path, (".xlsx",), replace=replace)
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Accounts"
    _fill_accounts(sheet, latest_year)
    fill_notes(workbook.create_sheet("Notes"), latest_year)
    with whole_file(path) as partial:
        workbook.save(partial)


def _fill_accounts(sheet: Any, latest_year: int) -> None:
    """Units, headers, the example row, and what may be typed below."""
    example = {YEAR.name: latest_year - 2, **EXAMPLE}
    for place, column in enumerate(INPUT_COLUMNS, 1):
        letter = get_column_letter(place)
        below = sheet.column_dimensions[letter]
        needs = max(len(column.name), len(str(example[column.name]))) + _MARGIN
        below.width = max(needs, _NARROWEST)
        side = _ALIGNED.get(column.unit, "right")
        unit = sheet.cell(UNIT_ROW, place)
        unit.value = f"{unit_in_words(column, latest_year)}; {presence(column)}"
        unit.font = _SMALL
        unit.alignment = Alignment(side, wrap_text=True, vertical="bottom")
        header = sheet.cell(HEADER_ROW, place, column.name)
        header.font, header.fill = HEADER_FONT, HEADER_FILL
        header.alignment = Alignment(side)
        # A column's format holds for every cell that is still to be typed.
        for cell in (below, sheet.cell(FIRST_ROW, place, example[column.name])):
            cell.alignment = Alignment(side)
            if column.unit is Unit.TEXT:
                cell.number_format = "@"
        rule = _validation(column, latest_year)
        rule.add(f"{letter}{FIRST_ROW}:{letter}{LAST_ROW}")
        sheet.add_data_validation(rule)
    sheet.row_dimensions[UNIT_ROW].height = 36
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 2)
    fit_to_page_width(sheet)


def _validation(column: Column, latest_year: int) -> DataValidation:
    """What a cell of a column may hold, and what is said when it is chosen."""
    unit = unit_in_words(column, latest_year)
    if column.unit is Unit.TEXT:
        rule = {
            "type": "textLength",
            "operator": "lessThanOrEqual",
            "formula1": str(column.max_length),
        }
    elif column.unit is Unit.YEAR:
        rule = {
            "type": "whole",
            "operator": "between",
            "formula1": str(FIRST_YEAR),
            "formula2": str(latest_year),
        }
    elif column.unit is Unit.QUARTER:
        rule = {"type": "list", "formula1": f'"{",".join(QUARTERS)}"'}
    else:
        rule = {
            "type": "decimal",
            "operator": "between",
            "formula1": f"-{_LARGEST}",
            "formula2": _LARGEST,
            # The user may keep it: NM and other missing tokens are no numbers.
            "errorStyle": "warning",
        }
    return DataValidation(
        **rule,
        allow_blank=True,
        showErrorMessage=True,
        errorTitle=column.name,
        error=f"This is not what the column holds: {unit}.",
        showInputMessage=True,
        promptTitle=column.name,
        prompt=f"{column.description}\nUnit: {unit}; {presence(column)}.",
    )
