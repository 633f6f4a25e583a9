"""A table of an OpenDocument spreadsheet: rows and cells that may be repeated."""

from bulk_pipeline.adapters.readers.workbooks.book import Fault
from bulk_pipeline.adapters.readers.workbooks.grid import Contents, Grid, cell_name
from bulk_pipeline.adapters.readers.workbooks.ods_styles import Styles
from bulk_pipeline.adapters.readers.workbooks.ods_values import Held, Holds

_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 1 << 14
_MOST_CELLS = 1 << 25
"""Filled cells of a sheet; a file of a kilobyte can repeat one for ever."""


class Table:
    """A table in the making, in the order of its rows and cells.

    Blank cells cost nothing, however often they are repeated.
    """

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._grid = Grid()
        self._formula_without_value = ""
        self._hidden_rows: set[int] = set()
        self._hidden_columns: set[int] = set()
        self._percent_columns: set[int] = set()
        self._columns = self._filled = 0
        self._row = self._column = 0
        self._cells: list[tuple[int, Holds, str, bool]] = []

    def columns(self, count: int, style: str, *, hidden: bool) -> None:
        """The next columns of the table, and the style of cells that have none."""
        first = self._columns
        self._columns += count
        places = range(first, min(self._columns, _MOST_COLUMNS))
        if hidden:
            self._hidden_columns.update(places)
        if self._styles.shows_percent(style):
            self._percent_columns.update(places)

    def cell(self, held: Held | None, style: str, count: int) -> None:
        """The next cells of the row, all alike; ``style`` may be "", the column's."""
        first = self._column
        self._column += count
        if held is None:
            return
        if self._column > _MOST_COLUMNS:
            raise Fault(f": a row of more than {_MOST_COLUMNS:,} cells. Delete some.")
        holds, text = held
        if holds is Holds.NO_VALUE:
            name = cell_name(self._row, first)
            self._formula_without_value = self._formula_without_value or name
            return
        for column in range(first, self._column):
            percent = holds is Holds.PERCENT or (
                holds is Holds.NUMBER and self._shows_percent(style, column)
            )
            self._cells.append((column, holds, text, percent))

    def end_row(self, count: int, *, hidden: bool) -> None:
        """The row is complete, and stands there so many times."""
        rows = range(self._row, self._row + count)
        if self._cells:
            self._check(rows)
            for row in rows:
                for column, holds, text, percent in self._cells:
                    if holds is Holds.TEXT:
                        self._grid.text(row, column, text)
                    elif holds is Holds.ERROR:
                        self._grid.error(row, column)
                    else:
                        self._grid.value(row, column, text, percent=percent)
            if hidden:
                self._hidden_rows.update(rows)
        self._row, self._column = rows.stop, 0
        self._cells.clear()

    def contents(self) -> Contents:
        """All that was said."""
        return self._grid.contents(
            self._hidden_rows, self._hidden_columns, self._formula_without_value
        )

    def _shows_percent(self, style: str, column: int) -> bool:
        if style:
            return self._styles.shows_percent(style)
        return column in self._percent_columns

    def _check(self, rows: range) -> None:
        self._filled += len(rows) * len(self._cells)
        if self._filled > _MOST_CELLS:
            raise Fault(
                f": a sheet of more than {_MOST_CELLS:,} filled cells. Delete what is "
                "not needed, or save it as CSV UTF-8."
            )
        if rows.stop > _MOST_ROWS:
            raise Fault(f": a sheet of more than {_MOST_ROWS:,} rows. Split it.")
