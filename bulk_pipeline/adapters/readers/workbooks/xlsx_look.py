"""A look at each cell of an .xlsx sheet: formulas, hidden cells, numbers, per cent.

Runs only in the child process, within its limits.
"""

from collections import Counter
from collections.abc import Iterable
from string import digits

import numpy as np

from bulk_pipeline.adapters.readers.workbooks.book import Positions
from bulk_pipeline.adapters.readers.workbooks.grid import cell_name
from bulk_pipeline.adapters.readers.workbooks.parts import (
    local_name,
    parse,
    safe_parser,
)
from bulk_pipeline.adapters.readers.workbooks.xlsx_places import column_number, position
from bulk_pipeline.adapters.readers.workbooks.xlsx_workbook import TRUE

_COLUMNS = 1 << 14


class Look:
    """What the cells of a sheet hold besides their texts.

    Each cell is judged when the next one begins, which is much faster than to follow
    where it ends.

    Attributes:
        formula_without_value: the first formula without a value, or "". One that
            gives an empty text has a value.
        hidden_rows: rows with a value that nobody sees.
    """

    def __init__(self, percent_styles: frozenset[str], *, uncalculated: bool) -> None:
        self.formula_without_value = ""
        self.hidden_rows = 0
        self._styles = percent_styles
        self._no_values = ("", "0") if uncalculated else ("",)
        self._percents: list[str] = []
        self._numbers: Counter[str] = Counter()
        self._columns: set[str] = set()
        self._hidden_columns: set[int] = set()
        self._tags: dict[str, str] = {}
        self._namespace = ""
        self._row, self._row_is_hidden = 0, False
        self._place, self._cell = "", dict[str, str]()
        self._has_value = self._has_formula = self._within = False
        self._value = ""

    def through(self, pieces: Iterable[bytes]) -> None:
        """Look at a whole sheet.

        Raises:
            Fault: a row or a cell has no place.
            ExpatError: the sheet is damaged.
        """
        parser = safe_parser()
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._text
        parse(parser, pieces)
        self._judge()

    @property
    def percents(self) -> Positions:
        """Rows and columns of the numbers that are shown as per cent."""
        places = [position(place) for place in self._percents]
        return np.array(places, np.int64).reshape(-1, 2)

    @property
    def all_hidden_columns(self) -> set[int]:
        """Columns that nobody sees, with or without a value."""
        return self._hidden_columns

    @property
    def hidden_columns(self) -> int:
        """Columns with a value that nobody sees."""
        return len(
            self._hidden_columns & {column_number(name) for name in self._columns}
        )

    @property
    def numbers(self) -> dict[int, int]:
        """Column → how many of its cells hold a number or true or false."""
        return {column_number(name): count for name, count in self._numbers.items()}

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = self._tags.get(name) or self._tag(name)
        if tag == "v":
            self._has_value = self._within = True
        elif tag == "c":
            if self._has_value or self._has_formula:
                self._judge()
            self._cell = attributes
            self._place = attributes.get("r") or self._next_place()
            self._within = False
        elif tag == "t":
            self._has_value = self._within = True
        elif tag == "f":
            self._has_formula = True
            self._within = False
        elif tag == "row":
            self._judge()
            self._row = int(attributes.get("r", self._row + 1))
            self._row_is_hidden = attributes.get("hidden") in TRUE
            self._place = ""
        elif tag == "col" and attributes.get("hidden") in TRUE:
            first, last = int(attributes["min"]), int(attributes["max"])
            self._hidden_columns.update(range(first - 1, min(last, _COLUMNS)))

    def _tag(self, name: str) -> str:
        """An element's name; "-" for formulas of extensions, which are in no cell."""
        tag = local_name(name)
        if tag == "c":
            self._namespace = name[:-1]
        elif tag == "f" and name[:-1] != self._namespace:
            tag = "-"
        self._tags[name] = tag
        return tag

    def _next_place(self) -> str:
        """The place of a cell that does not name it: after the last one."""
        column = position(self._place)[1] + 1 if self._place else 0
        return cell_name(self._row - 1, column)

    def _text(self, text: str) -> None:
        if self._has_formula and self._within:
            self._value += text

    def _judge(self) -> None:
        """Take the cell that has gone by into account."""
        kind = self._cell.get("t", "n")
        if self._has_formula:
            value = self._value.strip()
            self._value = ""
            self._has_formula = False
            if (
                value in self._no_values
                and kind != "str"
                and not self.formula_without_value
            ):
                self.formula_without_value = self._place
        if self._has_value:
            column = self._place.rstrip(digits)
            self._columns.add(column)
            if self._row_is_hidden:
                self.hidden_rows += 1
                self._row_is_hidden = False
            if kind == "n":
                self._numbers[column] += 1
                if self._cell.get("s", "0") in self._styles:
                    self._percents.append(self._place)
            elif kind == "b":
                self._numbers[column] += 1
            self._has_value = False
