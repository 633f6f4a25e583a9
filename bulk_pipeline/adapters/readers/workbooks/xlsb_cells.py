"""Cells of a worksheet of an .xlsb workbook, record by record."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from bulk_pipeline.adapters.readers.workbooks.cell_formats import Shown, shown_text
from bulk_pipeline.adapters.readers.workbooks.grid import Contents, Grid
from bulk_pipeline.adapters.readers.workbooks.xlsb_records import (
    NUMBER,
    damaged,
    real_at,
    records,
    refusing_damage,
    rk_at,
    text_at,
)

_ROW, _COLUMNS, _RICH_TEXT = 0, 60, 62
_RK, _REAL, _FORMULA_NUMBER = 2, 5, 9
_ERROR, _FORMULA_ERROR = 3, 11
_BOOLEAN, _FORMULA_BOOLEAN = 4, 10
_TEXT, _SHARED_TEXT, _FORMULA_TEXT = 6, 7, 8
_FIRST_SHORT, _LAST_SHORT = 12, 18
"""Kinds 12 to 18 are kinds 1 to 7 in the column after the one before."""

_HEAD = struct.Struct("<II")
_STYLE = 0xFF_FFFF
_ROW_FLAGS, _ROW_HIDDEN = 11, 0x10
_COLUMN_FLAGS, _COLUMN_HIDDEN = 16, 0x01
_MOST_ROWS, _MOST_COLUMNS = 1 << 20, 1 << 14


@dataclass(frozen=True, slots=True)
class Common:
    """What all sheets of a workbook refer to.

    Attributes:
        texts: the shared ones, by number.
        shown: how a cell shows its number, by the number of its style.
        from_1904: whether day 0 is 1904-01-01.
    """

    texts: Sequence[str]
    shown: Sequence[Shown]
    from_1904: bool


@refusing_damage()
def contents(part: bytes, common: Common) -> Contents:
    """All cells of a worksheet.

    Raises:
        Fault: it is damaged.
    """
    cells = _Cells(part, common)
    hidden_rows = set()
    hidden_columns: set[int] = set()
    for kind, at, end in records(part):
        if kind == _ROW:
            cells.begin_row(*NUMBER.unpack_from(part, at))
            if part[at + _ROW_FLAGS] & _ROW_HIDDEN:
                hidden_rows.add(cells.row)
        elif kind == _COLUMNS and part[at + _COLUMN_FLAGS] & _COLUMN_HIDDEN:
            (first,) = NUMBER.unpack_from(part, at)
            (last,) = NUMBER.unpack_from(part, at + NUMBER.size)
            hidden_columns.update(range(first, min(last + 1, _MOST_COLUMNS)))
        elif kind <= _LAST_SHORT or kind == _RICH_TEXT:
            cells.cell(kind, at, end)
    return cells.grid.contents(hidden_rows, hidden_columns)


class _Cells:
    """Puts the cells of a worksheet into a grid, in the order of the records."""

    def __init__(self, part: bytes, common: Common) -> None:
        self.grid = Grid()
        self.row = self._column = -1
        self._part = part
        self._common = common

    def begin_row(self, row: int) -> None:
        if row >= _MOST_ROWS:
            raise damaged()
        self.row = row
        self._column = -1

    def cell(self, kind: int, at: int, end: int) -> None:
        if _FIRST_SHORT <= kind <= _LAST_SHORT:
            kind -= _FIRST_SHORT - 1
            self._column += 1
            (style,) = NUMBER.unpack_from(self._part, at)
            at += NUMBER.size
        else:
            self._column, style = _HEAD.unpack_from(self._part, at)
            at += _HEAD.size
        if self.row < 0 or self._column >= _MOST_COLUMNS:
            raise damaged()
        if kind == _RK:
            self._number(rk_at(self._part, at), style)
        elif kind in (_REAL, _FORMULA_NUMBER):
            self._number(real_at(self._part, at), style)
        elif kind in (_BOOLEAN, _FORMULA_BOOLEAN):
            truth = "true" if self._part[at] else "false"
            self.grid.value(self.row, self._column, truth)
        elif kind in (_ERROR, _FORMULA_ERROR):
            self.grid.error(self.row, self._column)
        else:
            self._text(kind, at, end)

    def _number(self, number: float, style: int) -> None:
        shown = self._common.shown[style & _STYLE]
        text = shown_text(number, shown, from_1904=self._common.from_1904)
        percent = shown is Shown.PERCENT
        self.grid.value(self.row, self._column, text, percent=percent)

    def _text(self, kind: int, at: int, end: int) -> None:
        if kind == _SHARED_TEXT:
            (number,) = NUMBER.unpack_from(self._part, at)
            self.grid.text(self.row, self._column, self._common.texts[number])
        elif kind in (_TEXT, _FORMULA_TEXT):
            self.grid.text(self.row, self._column, text_at(self._part, at, end)[0])
        elif kind == _RICH_TEXT:
            self.grid.text(self.row, self._column, text_at(self._part, at + 1, end)[0])
