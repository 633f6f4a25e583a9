"""The texts of a workbook that its cells refer to by number.

A company's name stands in each of its rows, and a model's in all. Most spreadsheet
programs write such a text once.
"""

import shutil
import tempfile
from pathlib import Path
from typing import IO

import polars as pl

from bulk_pipeline.adapters.exporting.workbook_parts import MAIN, XML

_BEFORE = f'<sst xmlns="{MAIN}">'
_AFTER = "</sst>"
_TEXT = '<si><t xml:space="preserve">'
_TEXT_END = "</t></si>"
_LEAST_REPEATS = 2
"""Cells for each text; a text of one cell alone takes as many bytes either way."""


class SharedTexts:
    """Texts in a file without a name, since the sheet before them is still written.

    Args:
        folder: where there is room for them.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # see close
        self._count = 0

    def numbered(self, values: pl.Series) -> pl.Series | None:
        """The numbers of some texts, as text; None where they hardly repeat.

        Rows come by company, so that a name that was numbered before comes again only
        with another part of the rows, and then gets another number.
        """
        texts = values.drop_nulls().unique(maintain_order=True)
        if texts.is_empty() or len(texts) * _LEAST_REPEATS > len(values):
            return None
        first, self._count = self._count, self._count + len(texts)
        content = pl.concat_str(
            pl.lit(_TEXT), escaped(pl.col(texts.name)), pl.lit(_TEXT_END)
        )
        joined = texts.to_frame().select(content.str.join("")).item()
        self._file.write(joined.encode())
        numbers = pl.int_range(first, self._count, eager=True).cast(pl.String)
        return values.replace_strict(texts, numbers, return_dtype=pl.String)

    def write_to(self, part: IO[bytes]) -> None:
        """Write them as the part of a workbook."""
        part.write((XML + _BEFORE).encode())
        self._file.seek(0)
        shutil.copyfileobj(self._file, part)
        part.write(_AFTER.encode())

    def close(self) -> None:
        """The file is gone."""
        self._file.close()


def escaped(text: pl.Expr) -> pl.Expr:
    """Text as XML holds it, and as a workbook's readers take it."""
    # Readers take _x0041_ for a letter's code; its underscore has a code, too.
    plain = text.str.replace_all(r"_(x[0-9A-Fa-f]{4}_)", "_x005F_$1")
    # The last two are in no XML at all.
    return plain.str.replace_many(
        ["&", "<", ">", "\n", "\r", "\t", "\ufffe", "\uffff"],
        ["&amp;", "&lt;", "&gt;", "&#10;", "&#13;", "&#9;", "\ufffd", "\ufffd"],
    )
