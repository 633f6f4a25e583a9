"""What a person should know of the sheets of a workbook that were read.

Runs only in the child process, within its limits.
"""

from collections.abc import Iterator, Sequence

from bulk_pipeline.adapters.readers.workbooks.book import Sheet
from bulk_pipeline.adapters.readers.workbooks.choosing import named
from bulk_pipeline.adapters.readers.workbooks.joining import SheetRows
from bulk_pipeline.core.notices import Notice, NoticeKind
from bulk_pipeline.core.wording import amount


def notices(read: Sequence[SheetRows], listed: Sequence[Sheet]) -> Iterator[Notice]:
    """Everything that is odd, sheets before cells.

    Args:
        read: the sheets that were read.
        listed: all sheets of the workbook.
    """
    sheets = [rows.sheet for rows in read]
    if others := [sheet for sheet in listed if sheet not in sheets]:
        these = "sheet {} is" if len(read) == 1 else "sheets {} are"
        yield Notice(
            NoticeKind.SHEETS_PASSED_OVER,
            len(others),
            f"Only the {these.format(named(sheets))} read, not {named(others)}.",
        )
    if len(read) > 1:
        yield Notice(NoticeKind.SHEETS_JOINED, len(read), _spans(read))
    if count := sum(rows.percents for rows in read):
        yield Notice(
            NoticeKind.PERCENT_CELLS,
            count,
            f"{amount(count, 'cell is', 'cells are')} shown as per cent; 0.05 shown "
            "as 5 % was read as 5.",
        )
    yield from _hidden(read)
    if count := sum(rows.finding.error_cells for rows in read):
        yield Notice(
            NoticeKind.ERROR_CELLS,
            count,
            f"{amount(count, 'cell shows', 'cells show')} an error such as #DIV/0! "
            "that counts as blank. Correct the formulas.",
        )
    if count := sum(rows.typed_symbols for rows in read):
        yield Notice(
            NoticeKind.NUMBERS_AS_SYMBOLS,
            count,
            f"{amount(count, 'symbol is', 'symbols are')} kept as a number or as "
            "true or false, not as a text: leading zeros that were only shown are lost "
            "(0700 is 700). Format the column as text and type the symbols again.",
        )


def _spans(read: Sequence[SheetRows]) -> str:
    spans = (
        f"{rows.sheet.name!r} is lines {rows.first_line:,} to "
        f"{rows.first_line + rows.height - 1:,}"
        for rows in read
    )
    return f"{len(read):,} sheets were read one after the other: {', '.join(spans)}."


def _hidden(read: Sequence[SheetRows]) -> Iterator[Notice]:
    """Rows and columns that nobody sees and that were read all the same."""
    rows = sum(sheet.finding.hidden_rows for sheet in read)
    columns = sum(sheet.finding.hidden_columns for sheet in read)
    if rows + columns:
        yield Notice(
            NoticeKind.HIDDEN_CELLS,
            rows + columns,
            f"{amount(rows, 'hidden row', 'hidden rows')} and "
            f"{amount(columns, 'hidden column', 'hidden columns')} were read too. "
            "Delete them if they should not count.",
        )
