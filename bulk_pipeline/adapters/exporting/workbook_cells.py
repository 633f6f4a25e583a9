"""The cells of a sheet as XML, whole columns at a time."""

from collections.abc import Iterable
from string import ascii_uppercase

import polars as pl

from bulk_pipeline.adapters.exporting.shared_texts import SharedTexts, escaped
from bulk_pipeline.adapters.exporting.workbook_parts import MOMENT, TEXT

ROW = "\0row"
"""A column of rows beside their own: their numbers in the sheet, as text."""

_NUMBER = pl.col(ROW)
_MICROSECONDS_A_DAY = 86_400_000_000
_DAYS_TO_1970 = 25_569  # day 1 of a spreadsheet is 1 January 1900
_SPACE = r"^\s|\s$|[\n\r\t]"  # what readers of XML may take away

Piece = str | pl.Expr

Cells = dict[str, tuple[Piece, ...]]
"""Of each column, what a cell holds behind its place; texts are the same in all."""


def cells_of(block: pl.DataFrame, shared: SharedTexts) -> tuple[pl.DataFrame, Cells]:
    """Rows with numbers for the texts that repeat, and what makes a cell of each."""
    cells: Cells = {}
    for name, kind in block.schema.items():
        value = pl.col(name)
        if isinstance(kind, pl.Datetime):
            days = value.dt.timestamp("us") / _MICROSECONDS_A_DAY + _DAYS_TO_1970
            cells[name] = (f'" s="{MOMENT}"><v>', days.cast(pl.String), "</v></c>")
        elif kind.is_numeric():
            cells[name] = ('"><v>', value.cast(pl.String), "</v></c>")
        else:
            texts = block[name].cast(pl.String)
            numbers = shared.numbered(texts)
            if numbers is None:
                keeps = _keeps_space(texts)
                cells[name] = text(value.cast(pl.String), TEXT, keeps=keeps)
            else:
                block = block.with_columns(numbers.alias(name))
                cells[name] = (f'" s="{TEXT}" t="s"><v>', value, "</v></c>")
    return block, cells


def text(value: pl.Expr, style: int, *, keeps: bool) -> tuple[Piece, ...]:
    """What makes a cell of a text that stands in it.

    Args:
        value: the text.
        style: number of the cell's style.
        keeps: whether white space at its ends counts. Our reader takes such cells one
            by one.
    """
    space = ' xml:space="preserve"' if keeps else ""
    before = f'" s="{style}" t="inlineStr"><is><t{space}>'
    return before, escaped(value), "</t></is></c>"


def _keeps_space(texts: pl.Series) -> bool:
    return bool(texts.str.contains(_SPACE).any())


def line_of(rows: pl.DataFrame, cells: Cells) -> pl.Expr:
    """The XML of each row; nothing stands for what is null.

    Args:
        rows: tell which columns have nulls.
        cells: see ``cells_of``.
    """
    pieces: list[Piece] = ['<row r="', _NUMBER, '">']
    for letter, (name, content) in zip(ascii_uppercase, cells.items(), strict=False):
        cell = (f'<c r="{letter}', _NUMBER, *content)
        if rows[name].has_nulls():
            missing = pl.col(name).is_null()
            pieces.append(pl.when(missing).then(pl.lit("")).otherwise(_joined(cell)))
        else:
            pieces += cell
    return _joined([*pieces, "</row>"])


def _joined(pieces: Iterable[Piece]) -> pl.Expr:
    """Pieces one after the other; neighbours that are the same in all rows as one."""
    joined: list[pl.Expr] = []
    same = ""
    for piece in pieces:
        if isinstance(piece, str):
            same += piece
            continue
        joined += [pl.lit(same), piece]
        same = ""
    return pl.concat_str(*joined, pl.lit(same))
