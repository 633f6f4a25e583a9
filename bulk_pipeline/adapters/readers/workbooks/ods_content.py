"""The stream of an OpenDocument spreadsheet's content, taken apart into sheets."""

from collections.abc import Mapping

from bulk_pipeline.adapters.readers.workbooks.book import Sheet
from bulk_pipeline.adapters.readers.workbooks.grid import Contents
from bulk_pipeline.adapters.readers.workbooks.ods_styles import Styles
from bulk_pipeline.adapters.readers.workbooks.ods_table import Table
from bulk_pipeline.adapters.readers.workbooks.ods_values import OFFICE, TABLE, held

_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_DRAWING = "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0 "
_TABLE, _COLUMN, _ROW = TABLE + "table", TABLE + "table-column", TABLE + "table-row"
_CELLS = frozenset({TABLE + "table-cell", TABLE + "covered-table-cell"})
_NAME, _LOOK, _VISIBILITY = TABLE + "name", TABLE + "style-name", TABLE + "visibility"
_CELL_LOOK = TABLE + "default-cell-style-name"
_COLUMNS_REPEATED = TABLE + "number-columns-repeated"
_ROWS_REPEATED = TABLE + "number-rows-repeated"
_PARAGRAPH = _TEXT + "p"
_WHITE = {_TEXT + "s": " ", _TEXT + "tab": "\t", _TEXT + "line-break": "\n"}
_ASIDE = frozenset(
    {
        OFFICE + "annotation",
        TABLE + "dde-links",
        TABLE + "shapes",
        TABLE + "tracked-changes",
    }
)

_SHEET_DEPTH = 4
"""Depth of a table that is a sheet; a deeper one is part of a cell."""

_MOST_SPACES = 1 << 15
"""More than the longest cell, which is refused later."""

Attributes = Mapping[str, str]


class Content:
    """Hears the elements of the content in turn, and keeps the sheets.

    Attributes:
        sheets: each with what it holds, in order.
    """

    def __init__(self, styles: Styles) -> None:
        self.sheets: list[tuple[Sheet, Contents]] = []
        self._styles = styles
        self._depth = self._aside = 0
        self._table = Table(self._styles)
        self._sheet: Attributes | None = None
        self._row: Attributes = {}
        self._cell: Attributes | None = None
        self._shown: list[str] | None = None
        self._in_paragraph = False

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""
        self._depth += 1
        if self._aside:
            return
        if self._cell is not None:
            self._start_in_cell(name, attributes)
        elif name in _CELLS:
            self._cell = attributes
        elif name == _ROW:
            self._row = attributes
        elif name == _COLUMN:
            style = attributes.get(_CELL_LOOK, "")
            count = _count(attributes, _COLUMNS_REPEATED)
            self._table.columns(count, style, hidden=_hidden(attributes))
        elif name == _TABLE and self._depth == _SHEET_DEPTH:
            self._table = Table(self._styles)
            self._sheet = attributes
        elif name in _ASIDE:
            self._aside = self._depth
        elif self._sheet is None:
            self._styles.start(name, attributes)

    def _start_in_cell(self, name: str, attributes: Attributes) -> None:
        if name == _PARAGRAPH:
            self._shown = [] if self._shown is None else [*self._shown, "\n"]
            self._in_paragraph = True
        elif name in _WHITE:
            count = int(attributes.get(_TEXT + "c", "1"))
            self.characters(_WHITE[name] * min(count, _MOST_SPACES))
        elif name in _ASIDE or name == _TABLE or name.startswith(_DRAWING):
            self._aside = self._depth

    def characters(self, text: str) -> None:
        """Text comes by."""
        if self._in_paragraph and not self._aside and self._shown is not None:
            self._shown.append(text)

    def end(self, name: str) -> None:
        """An element ends."""
        self._depth -= 1
        if self._aside:
            if self._depth < self._aside:
                self._aside = 0
        elif name == _PARAGRAPH:
            self._in_paragraph = False
        elif name in _CELLS and self._cell is not None:
            self._end_cell(self._cell)
        elif name == _ROW:
            self._table.end_row(
                _count(self._row, _ROWS_REPEATED), hidden=_hidden(self._row)
            )
        elif name == _TABLE and self._sheet is not None:
            self._end_sheet(self._sheet)

    def _end_cell(self, cell: Attributes) -> None:
        shown = None if self._shown is None else "".join(self._shown)
        style = cell.get(_LOOK) or self._row.get(_CELL_LOOK, "")
        self._table.cell(held(cell, shown), style, _count(cell, _COLUMNS_REPEATED))
        self._cell = self._shown = None

    def _end_sheet(self, sheet: Attributes) -> None:
        hidden = self._styles.hides(sheet.get(_LOOK, ""))
        place = str(len(self.sheets))
        named = Sheet(sheet.get(_NAME, ""), place, hidden)
        self.sheets.append((named, self._table.contents()))
        self._sheet = None


def _count(attributes: Attributes, name: str) -> int:
    repeated = attributes.get(name)
    return 1 if repeated is None else max(int(repeated), 1)


def _hidden(attributes: Attributes) -> bool:
    return attributes.get(_VISIBILITY, "visible") != "visible"
