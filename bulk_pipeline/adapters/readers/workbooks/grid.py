"""A sheet in the making: cells in any order become columns of text and a finding.

Runs only in the child process, within its limits.
"""

from array import array
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.readers.workbooks.book import Fault, Finding, Positions

Contents = tuple[list[pa.Array], Finding]

_BLOCK = 1 << 13
"""Texts of a column that are Python objects before they are packed."""

_TEXT_BYTES = 1 << 30
"""All texts of a sheet; one shared text of a small file may stand in every cell."""


class _Column:
    """Filled cells of a column."""

    def __init__(self) -> None:
        self.rows = array("q")
        self.texts: list[str] = []
        self.values = 0
        self._blocks: list[pa.Array] = []

    def pack(self) -> int:
        """Pack the texts that are Python objects; their bytes."""
        block = pa.array(self.texts, pa.string())
        self._blocks.append(block)
        self.texts.clear()
        return int(block.nbytes)

    def packed(self) -> pa.Array:
        """All texts, in the order in which they came."""
        self.pack()
        return pa.concat_arrays(self._blocks)


class Grid:
    """The cells of one sheet; rows and columns count from 0."""

    def __init__(self) -> None:
        self._columns: dict[int, _Column] = {}
        self._percents = (array("q"), array("q"))
        self._errors = self._bytes = 0

    def text(self, row: int, column: int, text: str) -> None:
        """A cell that holds a text."""
        self._put(row, column, text)

    def _put(self, row: int, column: int, text: str) -> _Column:
        cells = self._columns.get(column)
        if cells is None:
            cells = self._columns[column] = _Column()
        cells.rows.append(row)
        cells.texts.append(text)
        if len(cells.texts) == _BLOCK:
            self._bytes += cells.pack()
            if self._bytes > _TEXT_BYTES:
                raise Fault(
                    f": more than {_TEXT_BYTES:,} bytes of text in a sheet. Split it, "
                    "or save it as CSV UTF-8."
                )
        return cells

    def value(self, row: int, column: int, text: str, *, percent: bool = False) -> None:
        """A cell that holds a number, a date or a truth, and its text."""
        self._put(row, column, text).values += 1
        if percent:
            self._percents[0].append(row)
            self._percents[1].append(column)

    def error(self, row: int, column: int) -> None:
        """A cell that shows an error."""
        self._put(row, column, "")
        self._errors += 1

    def contents(
        self,
        hidden_rows: Collection[int] = (),
        hidden_columns: Collection[int] = (),
        formula_without_value: str = "",
    ) -> Contents:
        """Texts and finding; hidden rows and columns without a cell do not count."""
        rows = {place: np.array(c.rows) for place, c in self._columns.items()}
        used = np.unique(np.concatenate([*rows.values(), np.empty(0, np.int64)]))
        height = int(used[-1]) + 1 if used.size else 0
        blank = pa.repeat(pa.scalar(""), height)
        texts = [
            _spread(rows[place], self._columns[place].packed(), height)
            if place in rows
            else blank
            for place in range(max(rows, default=-1) + 1)
        ]
        return texts, Finding(
            formula_without_value=formula_without_value,
            percents=np.array(self._percents, np.int64).T,
            hidden_rows=int(np.isin(list(hidden_rows), used).sum()),
            hidden_columns=len(rows.keys() & set(hidden_columns)),
            error_cells=self._errors,
            number_cells={place: c.values for place, c in self._columns.items()},
        )


def _spread(rows: Positions, texts: pa.Array, height: int) -> pa.Array:
    """A whole column from the texts that stand in some of its rows."""
    if np.array_equal(rows, np.arange(height)):
        return texts
    places = np.full(height, -1)
    places[rows] = np.arange(len(rows))
    return pc.fill_null(texts.take(pa.array(places, mask=places < 0)), "")


def cell_name(row: int, column: int) -> str:
    """A cell as people name it: ``B7`` for row 6, column 1."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"
