"""Cells that fastexcel reads, in a small workbook with the settings of theirs.

Runs only in the child process.
"""

import io
import zlib
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import fastexcel
import polars as pl
import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.book import Sheet
from bulk_pipeline.adapters.readers.workbooks.fast_cells import FastCells, fast_cells
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.plain.words import NotPlain, need

TEXTS = "xl/sharedstrings.xml"

_SETTINGS = (
    "[content_types].xml",
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
)
"""Parts that fastexcel reads beside sheets and shared texts."""

_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_FRAME = (b'<worksheet xmlns="' + _MAIN + b'"><sheetData>', b"</sheetData></worksheet>")
_LAST = b'<row><c t="str"><v>.</v></c></row>'
"""Keeps the rows before it, whatever they hold."""


class Aside:
    """Workbooks of one sheet with the settings of another workbook.

    Args:
        parts: of that workbook.
        sheet: its sheet that is replaced.

    Raises:
        NotPlain: a setting cannot be read.
    """

    def __init__(self, parts: Parts, sheet: Sheet) -> None:
        self._sheet = sheet
        try:
            self._settings = {n: parts.whole(n) for n in _SETTINGS if n in parts}
        except (BadZipFile, zlib.error, EOFError) as error:
            raise NotPlain from error

    def read(
        self,
        cells: pa.Array,
        *,
        texts: bytes = b"",
        frame: tuple[bytes, bytes] = _FRAME,
    ) -> FastCells:
        """What cells hold: one column of texts, and how many of them are errors.

        Args:
            cells: each from behind its place to its end, `` t="b"><v>1</v></c>``.
            texts: the part of shared texts, if they refer to them.
            frame: what stands before and after the rows of the sheet.

        Raises:
            NotPlain: they cannot be read, or one is lost.
        """
        rows = pl.Series(cells).str.join("</row><row><c").item().encode()
        rows = b"<row><c" + rows + b"</row>" if len(cells) else b""
        content = io.BytesIO()
        with ZipFile(content, "w", ZIP_STORED) as archive:
            for name, part in self._settings.items():
                archive.writestr(name, part)
            if texts:
                archive.writestr("xl/sharedStrings.xml", texts)
            archive.writestr(self._sheet.place, frame[0] + rows + _LAST + frame[1])
        try:
            reader = fastexcel.read_excel(content.getvalue())
            found = fast_cells(reader, self._sheet.name, long_numbers=True)
        except fastexcel.FastExcelError as error:
            raise NotPlain from error
        need(not found.lost and len(found.texts) == 1)
        need(len(found.texts[0]) == len(cells) + 1)
        return FastCells([found.texts[0][:-1]], found.error_cells, "")
