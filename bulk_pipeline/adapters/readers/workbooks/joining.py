"""The rows of the chosen sheets, one sheet after the other.

Runs only in the child process, within its limits.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.readers.base import without_blank_rows
from bulk_pipeline.adapters.readers.workbooks.book import (
    Book,
    Fault,
    Finding,
    Positions,
    Sheet,
)
from bulk_pipeline.adapters.readers.workbooks.choosing import Candidate
from bulk_pipeline.core.numbers import DECIMAL_DIGITS, FRACTION_TO_PERCENT
from bulk_pipeline.core.schema import SYMBOL, folded

_SYMBOLS = {folded(text) for text in (SYMBOL.name, *SYMBOL.synonyms)}


@dataclass(frozen=True, slots=True)
class SheetRows:
    """The rows of one sheet below its header, and what is odd about it.

    Attributes:
        sheet: which one.
        table: n rows without blank ones: ``line`` (int64) and the columns ``0``,
            ``1`` ... of the first sheet, string and never null.
        first_line: line of the sheet's first row: lines count on from sheet to sheet.
        height: rows of the sheet, the blank ones and those above the header included.
        finding: what else the sheet says.
        percents: numbers in the rows that are shown, and now written, as per cent.
        typed_symbols: symbols in the rows that are numbers or true or false.
    """

    sheet: Sheet
    table: pa.Table
    first_line: int
    height: int
    finding: Finding
    percents: int
    typed_symbols: int


def rows_of(book: Book, chosen: Sequence[Candidate]) -> list[SheetRows]:
    """The rows of sheets whose header texts are the same, up to their order.

    Raises:
        Fault: a sheet is damaged, or has a formula without a value.
    """
    read: list[SheetRows] = []
    first_line = 1
    for candidate in chosen:
        read.append(_rows(book, candidate, chosen[0].header, first_line))
        first_line += read[-1].height
    return read


def _rows(
    book: Book, candidate: Candidate, header: Sequence[str], first_line: int
) -> SheetRows:
    finding = book.finding(candidate.sheet)
    if finding.formula_without_value:
        raise Fault(
            f", sheet {candidate.sheet.name!r}, cell {finding.formula_without_value}: "
            "a formula without a value. Open the workbook in Excel and save it."
        )
    height = len(candidate.texts[0])
    below = finding.percents[:, 0] > candidate.position
    texts, percents = _shown_as_percent(candidate.texts, finding.percents[below])
    blank = pa.repeat(pa.scalar(""), height)
    order = _order(header, candidate.header)
    columns = [blank if place is None else texts[place] for place in order]
    names = [str(position) for position in range(len(columns))]
    skipped = candidate.position + 1
    table = pa.Table.from_arrays(columns, names=names).slice(skipped)
    lines = pa.array(np.arange(first_line + skipped, first_line + height))
    table, lines = without_blank_rows(table, lines)
    return SheetRows(
        candidate.sheet,
        table.add_column(0, "line", lines),
        first_line,
        height,
        finding,
        percents,
        _typed_symbols(candidate, finding),
    )


def _order(header: Sequence[str], other: Sequence[str]) -> list[int | None]:
    """Where another header has each text of a header; equal texts in their order."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, text in enumerate(other):
        places[folded(text)].append(place)
    found = (places[folded(text)] for text in header)
    return [queue.popleft() if queue else None for queue in found]


def _shown_as_percent(
    texts: list[pa.Array], positions: Positions
) -> tuple[list[pa.Array], int]:
    """The texts with numbers written as they are shown, ``5%`` for 0.05; how many."""
    texts, written = texts.copy(), 0
    # the place of a cell that has no text may lie outside
    positions = positions[(positions < (len(texts[0]), len(texts))).all(axis=1)]
    for column in np.unique(positions[:, 1]).tolist():
        rows = np.unique(positions[positions[:, 1] == column, 0])
        shown = [_percent(text) for text in texts[column].take(rows).to_pylist()]
        mask = np.zeros(len(texts[column]), dtype=bool)
        mask[rows] = True
        texts[column] = pc.replace_with_mask(
            texts[column], pa.array(mask), pa.array(shown, pa.string())
        )
        written += sum(text.endswith("%") for text in shown)
    return texts, written


def _percent(text: str) -> str:
    """A number as per cent; the text itself if it is none, such as a date."""
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number * FRACTION_TO_PERCENT:.{DECIMAL_DIGITS}g}%"


def _typed_symbols(candidate: Candidate, finding: Finding) -> int:
    """How many symbols are numbers, or true or false, and not texts that look so.

    The finding is asked only if some look so, for it may have to count.
    """
    found = (i for i, text in enumerate(candidate.header) if folded(text) in _SYMBOLS)
    if (place := next(found, None)) is None:
        return 0
    texts = pl.Series(candidate.texts[place].slice(candidate.position + 1))
    numbers = texts.cast(pl.Float64, strict=False).is_finite().fill_null(value=False)
    alike = int((numbers | texts.is_in(["true", "false"])).sum())
    return min(alike, finding.number_cells.get(place, 0)) if alike else 0
