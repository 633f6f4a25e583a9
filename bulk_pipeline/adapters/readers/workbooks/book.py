"""What the process that parses a workbook needs of its format, whatever that is.

One module for each format makes a ``Book``; the policy (which sheet, which header, what
is refused) is the same for all and stands elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Positions = npt.NDArray[np.int64]


class Fault(Exception):
    """Why the workbook is refused; the text follows the file's name."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet; ``place`` is what its format knows it by (a part, a number)."""

    name: str
    place: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a sheet says that the texts of its cells do not.

    Positions count from 0, as the rows and columns of the texts do.

    Attributes:
        formula_without_value: the first formula that no program has calculated, as
            people name it (``B7``), or "".
        percents: (n, 2) rows and columns of the numbers that are shown as per cent.
        hidden_rows: rows with a cell that nobody sees.
        hidden_columns: columns with a cell that nobody sees.
        error_cells: cells that show ``#DIV/0!`` or another error.
        number_cells: column → how many of its cells hold a number or true or false, not
            a text. Columns without any may be absent.
    """

    formula_without_value: str = ""
    percents: Positions = field(default_factory=lambda: np.empty((0, 2), np.int64))
    hidden_rows: int = 0
    hidden_columns: int = 0
    error_cells: int = 0
    number_cells: Mapping[int, int] = field(default_factory=dict)


class Book(Protocol):
    """An open workbook."""

    @property
    def kind(self) -> str:
        """Name of the format: ``xlsx``, ``xls``, ``xlsb``, ``ods``."""

    def sheets(self) -> list[Sheet]:
        """The worksheets in order, hidden ones among them; chart sheets are none."""

    def texts(self, sheet: Sheet) -> list[pa.Array]:
        """All cells of a sheet from its first row and column, one array a column.

        String, never null, all of one length. Blank and error cells are ""; numbers
        have the shortest text that reads back the same, with a decimal point and no
        ``.0``; a date is ``2012-12-31 00:00:00``; true and false are ``true`` and
        ``false``.
        """

    def finding(self, sheet: Sheet) -> Finding:
        """What else there is to know of a sheet.

        Raises:
            Fault: it is damaged, or says what cannot be read.
        """
