"""Reads sheets with fastexcel, and finds the one that holds the table.

Runs only in the child process, within its limits.
"""

from dataclasses import dataclass

import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.readers.base import Limits, header_position
from bulk_pipeline.adapters.readers.workbook import Sheet
from bulk_pipeline.core.errors import MissingColumns
from bulk_pipeline.core.schema import known_columns, match_header


class Fault(Exception):
    """Why the workbook is refused; the text follows the file's name."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visible sheet with text in it; ``position`` is its header's row, from 0."""

    sheet: Sheet
    rows: pa.RecordBatch
    position: int
    header: tuple[str, ...]

    @property
    def known(self) -> int:
        """How many of our columns the header names."""
        return known_columns(self.header)

    @property
    def is_complete(self) -> bool:
        """Whether every needed column is there, once."""
        try:
            match_header(self.header)
        except MissingColumns:
            return False
        return True


def best_sheet(
    reader: fastexcel.ExcelReader, listed: list[Sheet], limits: Limits
) -> tuple[Candidate, list[str]]:
    """The visible sheet with the most of our columns, and the names of the others.

    Raises:
        Fault: there is none, there are several as good, or it is too wide.
    """
    found = [
        candidate
        for sheet in listed
        if not sheet.hidden and (candidate := _candidate(reader, sheet, limits))
    ]
    if not found:
        raise Fault(": no visible sheet holds any text. Put the table in a sheet.")
    best = max(found, key=lambda candidate: candidate.known)
    equal = [c for c in found if c.known == best.known and c.is_complete]
    if len(equal) > 1:
        names = ", ".join(repr(other.sheet.name) for other in equal)
        raise Fault(f": the sheets {names} all hold a table. Keep one of them.")
    if len(best.header) > limits.columns:
        raise Fault(
            f", sheet {best.sheet.name!r}: {len(best.header):,} columns; at most "
            f"{limits.columns:,} are read. Delete the columns that are not needed."
        )
    return best, [sheet.name for sheet in listed if sheet != best.sheet]


def _candidate(
    reader: fastexcel.ExcelReader, sheet: Sheet, limits: Limits
) -> Candidate | None:
    rows = loaded(reader, sheet.name, "string")
    top = rows.slice(0, limits.header_rows_searched)
    columns = [filled(column).to_pylist() for column in top.columns]
    first = list(zip(*columns, strict=True))
    position = header_position(first)
    if position is None:
        return None
    return Candidate(sheet, rows, position, tuple(first[position]))


def loaded(reader: fastexcel.ExcelReader, name: str, dtype: str) -> pa.RecordBatch:
    """All cells of a sheet, from its first row, whether or not that is blank."""
    sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes=dtype)
    return sheet.to_arrow()


def filled(column: pa.Array) -> pa.Array:
    """Text without nulls; blank cells and error cells are null in fastexcel."""
    return pc.fill_null(pc.cast(column, pa.string()), "")


def exact(text: pa.Array, number: pa.Array) -> pa.Array:
    """The text of each cell, but the shortest exact text of numbers.

    fastexcel writes a number with nine decimals: 1/3 as 0.333333333 and 1e-12 as 0.
    A cell that is text reads as the number that it shows, so where the two differ
    the cell is a number.
    """
    shown = pl.Series(text.cast(pa.string())).cast(pl.Float64, strict=False).to_arrow()
    rounded = pc.and_kleene(pc.is_finite(number), pc.not_equal(shown, number))
    return pc.if_else(
        rounded.fill_null(fill_value=False), pc.cast(number, pa.string()), text
    )
