"""Exported rows as a workbook with one sheet, its XML made of whole columns.

A writer that takes cells one by one needs minutes for a million rows; this one needs
seconds. A text is a cell of text here, whatever it begins with: no spreadsheet takes it
for a formula, so it needs no apostrophe.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.exporting.one_behind import one_behind
from bulk_pipeline.adapters.exporting.shared_texts import SharedTexts
from bulk_pipeline.adapters.exporting.workbook_cells import (
    ROW,
    Cells,
    cells_of,
    line_of,
    text,
)
from bulk_pipeline.adapters.exporting.workbook_parts import (
    HEADER,
    MAIN,
    PARTS,
    SHEET,
    TEXTS,
    XML,
)

_BEFORE = (
    f'<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    '</sheetView></sheetViews><cols><col min="1" max="{columns}" width="18" '
    'customWidth="1"/></cols><sheetData>'
)
_AFTER = "</sheetData></worksheet>"
_LINES_AT_ONCE = 10_000
_FAST = 1  # level of compression; a better one takes longer than all the rest

Put = Callable[[bytes], object]


@contextmanager
def workbook(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that adds rows to the sheet, under a header of the columns' names."""
    with (
        zipfile.ZipFile(
            path, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST
        ) as package,
        closing(SharedTexts(path.parent)) as texts,
    ):
        for name, content in PARTS.items():
            package.writestr(name, XML + content)
        with (
            package.open(SHEET, "w", force_zip64=True) as raw,
            one_behind(raw) as put,  # packing takes half of the time
        ):
            above = 0

            def write(block: pl.DataFrame) -> None:
                nonlocal above
                if not above:
                    _begin(put, block)
                    above = 1
                _add(put, *cells_of(block, texts), above)
                above += block.height

            yield write
            put(_AFTER.encode())
        with package.open(TEXTS, "w", force_zip64=True) as raw:
            texts.write_to(raw)


def _begin(put: Put, block: pl.DataFrame) -> None:
    """What stands before the rows, and the header."""
    texts = block.columns
    header = pl.DataFrame([texts], schema=texts, orient="row")
    before = XML + _BEFORE.format(columns=block.width)
    put(before.encode())
    cells = {name: text(pl.col(name), HEADER, keeps=False) for name in texts}
    _add(put, header, cells, 0)


def _add(put: Put, rows: pl.DataFrame, cells: Cells, above: int) -> None:
    """Rows, each a line of the sheet, below so many others.

    Rows and cells say where they are, and nothing stands between rows: other sheets
    are as good, but our own reader takes many times as long for them.
    """
    line = line_of(rows, cells)
    for part in rows.iter_slices(_LINES_AT_ONCE):
        number = pl.int_range(above + 1, above + 1 + part.height).cast(pl.String)
        numbered = part.with_columns(number.alias(ROW))
        put(numbered.select(line.str.join("")).item().encode())
        above += part.height
