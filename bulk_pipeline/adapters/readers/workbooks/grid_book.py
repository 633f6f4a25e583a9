"""A workbook whose sheets are grids of cells.

Runs only in the child process, within its limits.
"""

from collections.abc import Callable

import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.book import Finding, Sheet
from bulk_pipeline.adapters.readers.workbooks.grid import Contents


class GridBook:
    """A book whose sheets are read cell by cell, each one once."""

    def __init__(
        self, kind: str, sheets: list[Sheet], read: Callable[[Sheet], Contents]
    ) -> None:
        self.kind = kind
        self._sheets = sheets
        self._read = read
        self._known: dict[str, Contents] = {}

    def sheets(self) -> list[Sheet]:
        return self._sheets

    def texts(self, sheet: Sheet) -> list[pa.Array]:
        return self._contents(sheet)[0]

    def finding(self, sheet: Sheet) -> Finding:
        return self._contents(sheet)[1]

    def _contents(self, sheet: Sheet) -> Contents:
        if sheet.place not in self._known:
            self._known[sheet.place] = self._read(sheet)
        return self._known[sheet.place]
