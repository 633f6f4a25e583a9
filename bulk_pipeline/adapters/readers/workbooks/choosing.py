"""Which sheets of a workbook hold the table, whatever its format.

Runs only in the child process, within its limits.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import header_position
from bulk_pipeline.adapters.readers.workbooks.book import Book, Fault, Sheet
from bulk_pipeline.core.errors import MissingColumns
from bulk_pipeline.core.schema import folded, known_columns, match_header

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visible sheet with text in it.

    Attributes:
        sheet: which one.
        texts: all its cells, one array a column.
        position: row of its header, from 0.
        header: texts of its header.
    """

    sheet: Sheet
    texts: list[pa.Array]
    position: int
    header: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether it has every needed column, once, and anything below them."""
        try:
            match_header(self.header)
        except MissingColumns:
            return False
        below = (column.slice(self.position + 1) for column in self.texts)
        return any((pc.max(pc.binary_length(cells)).as_py() or 0) for cells in below)


def chosen(book: Book, limits: Limits, sheets: str) -> list[Candidate]:
    """The visible sheets that are to be read, in order.

    Args:
        book: the workbook.
        limits: how far down a header may stand, and how wide it may be.
        sheets: ``one``, or ``all`` for every sheet that has all needed columns.

    Returns:
        One sheet, the one with the most of our columns where none has all; or, of
        several, those whose header texts are the same up to their order.

    Raises:
        Fault: no sheet has any text, there are several but one is wanted, their
            headers differ, or one is too wide.
    """
    visible = [sheet for sheet in book.sheets() if not sheet.hidden]
    found = [c for sheet in visible if (c := _candidate(book, sheet, limits))]
    if not found:
        raise Fault(": no visible sheet holds any text. Put the table in a sheet.")
    best = max(found, key=lambda candidate: known_columns(candidate.header))
    complete = [candidate for candidate in found if candidate.is_complete] or [best]
    if len(complete) > 1 and sheets != "all":
        raise Fault(
            f": the sheets {named(c.sheet for c in complete)} all hold a table. Keep "
            "one of them, or set BULK_PIPELINE_SHEETS=all to read them one after the "
            "other."
        )
    for candidate in complete:
        _check(candidate, complete[0], limits)
    return complete


def named(sheets: Iterable[Sheet]) -> str:
    """Sheets as a sentence names them: the first ones, and how many more."""
    names = [repr(s.name) + (" (hidden)" if s.hidden else "") for s in sheets]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _candidate(book: Book, sheet: Sheet, limits: Limits) -> Candidate | None:
    texts = book.texts(sheet)
    tops = [cells.slice(0, limits.header_rows_searched).to_pylist() for cells in texts]
    first = list(zip(*tops, strict=True))
    position = header_position(first)
    if position is None:
        return None
    return Candidate(sheet, texts, position, tuple(first[position]))


def _check(candidate: Candidate, first: Candidate, limits: Limits) -> None:
    """Refuse a sheet that is too wide, or whose header is not that of the first."""
    if len(candidate.header) > limits.columns:
        raise Fault(
            f", sheet {candidate.sheet.name!r}: {len(candidate.header):,} columns; at "
            f"most {limits.columns:,} are read. Delete the columns that are not needed."
        )
    ours, others = (
        Counter(filter(None, map(folded, each.header))) for each in (candidate, first)
    )
    if ours != others:
        texts = sorted(((ours - others) + (others - ours)).keys())
        raise Fault(
            f": the sheets {first.sheet.name!r} and {candidate.sheet.name!r} are not "
            f"of one table, for only one of them has {', '.join(map(repr, texts))}. "
            "Give them the same header, or keep one of them."
        )
