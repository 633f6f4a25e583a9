"""The texts of a block of a sheet, column by column, and what else its cells say.

Runs only in the child process.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from bulk_pipeline.adapters.readers.workbooks.book import Positions
from bulk_pipeline.adapters.readers.workbooks.fast_cells import FastCells
from bulk_pipeline.adapters.readers.workbooks.plain.cells import (
    INLINE,
    NUMBER,
    OTHER,
    SHARED,
    TRUTH,
    Cells,
    held,
)
from bulk_pipeline.adapters.readers.workbooks.plain.inline import split, unescaped
from bulk_pipeline.adapters.readers.workbooks.plain.numerals import (
    are_themselves,
    shortest,
)
from bulk_pipeline.adapters.readers.workbooks.plain.tags import placed
from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    WIDTH,
    Block,
    Numbers,
    Truths,
    need,
    numbers,
)

_SPARSE = 8
"""Cells of the table for each one that is filled; beyond that it is sparse."""

_SMALL = 1 << 16
"""Cells of a table that may be as sparse as it likes."""

_ENDLESS = "[0-9]{19}"
"""What ``fast_cells`` tells in one way or the other, as the rest of the sheet is."""

_MOST_DAYS = 10_000_000
"""Beyond it fastexcel has no date and ends its process; no calendar goes so far."""

_MOST_SHARED_BYTES = 1 << 30
"""Texts of a block; one shared text may stand in every cell."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the cells of a sheet refer to.

    Attributes:
        shared: gives the shared texts.
        percent_styles: styles that show per cent; -1 stands for none.
        are_numbers: which of some styles leave numbers as they are.
        aside: what another reader makes of cells.
    """

    shared: Callable[[], pa.Array]
    percent_styles: frozenset[int]
    are_numbers: Callable[[Numbers], Truths]
    aside: Callable[[pa.Array], FastCells]


@dataclass(frozen=True, slots=True)
class Part:
    """The cells of some rows of a sheet.

    Attributes:
        first: the first row with a cell that is filled, from 0.
        columns: texts, one array a column, as ``Book.texts`` says.
        filled: how many cells each column has.
        numbers: how many of them are numbers or true or false.
        percents: rows and columns of the numbers that are shown as per cent.
        error_cells: cells that show an error.
        rests: what stands in the tags of rows.
    """

    first: int
    height: int
    columns: list[pa.Array]
    filled: Numbers
    numbers: Numbers
    percents: Positions
    error_cells: int
    rests: frozenset[bytes]


def part_of(text: bytes, setting: Setting) -> Part:
    """The cells of some whole rows.

    Raises:
        NotPlain: they are not of the plain shape.
    """
    block = Block.of(text)
    rows, places = placed(block)
    cells = held(block, places)
    if not len(cells.row):
        none = np.empty(0, np.int64)
        return Part(0, 0, [], none, none, none.reshape(0, 2), 0, rows.rests)
    row = rows.number[cells.row] - 1
    texts, error_cells = _texts(block, cells, setting)
    is_number = cells.kind == NUMBER
    wanted = np.array(sorted(setting.percent_styles), np.int64)
    percent = np.flatnonzero(is_number & np.isin(cells.style, wanted))
    width = int(cells.column.max()) + 1
    is_number |= cells.kind == TRUTH
    return Part(
        int(row[0]),
        int(row[-1] - row[0]) + 1,
        texts.columns(row - row[0], cells.column),
        np.bincount(cells.column, minlength=width),
        np.bincount(cells.column[is_number], minlength=width),
        np.stack([row[percent], cells.column[percent]], axis=1),
        error_cells,
        rows.rests,
    )


class _Texts:
    """The texts of cells, in several arrays: as they stand, shared, made.

    Attributes:
        source: in which of the arrays the text of each cell is.
        place: where in it.
    """

    def __init__(self, as_they_stand: pa.Array, cells: int) -> None:
        self._arrays = [as_they_stand]
        self.source = np.zeros(cells, np.int8)
        self.place = 2 * np.arange(cells) + 1

    def put(
        self, cells: Numbers, texts: pa.Array, places: Numbers | None = None
    ) -> None:
        """Give some cells other texts: those at some places, or all in their order."""
        self.source[cells] = len(self._arrays)
        self.place[cells] = np.arange(len(cells)) if places is None else places
        self._arrays.append(texts)

    def columns(self, row: Numbers, column: Numbers) -> list[pa.Array]:
        """A text for each row and column; "" where there is no cell."""
        width, height, cells = int(column.max()) + 1, int(row[-1]) + 1, len(row)
        need(width * height <= max(_SPARSE * cells, _SMALL))
        table = np.full((width, height), cells)
        table[column, row] = np.arange(cells)
        self.source = np.append(self.source, np.int8(0))
        self.place = np.append(self.place, len(self._arrays[0]) - 1)
        return [self._column(found) for found in table]

    def _column(self, cells: Numbers) -> pa.Array:
        source, place = self.source[cells], self.place[cells]
        if (source == source[0]).all():
            return self._arrays[source[0]].take(pa.array(place))
        pieces, order = [], np.empty(len(cells), np.int64)
        done = 0
        for number in range(len(self._arrays)):
            chosen = np.flatnonzero(source == number)
            pieces.append(self._arrays[number].take(pa.array(place[chosen])))
            order[chosen] = np.arange(done, done + len(chosen))
            done += len(chosen)
        return pa.concat_arrays(pieces).take(pa.array(order))


def _texts(block: Block, cells: Cells, setting: Setting) -> tuple[_Texts, int]:
    """The texts of cells, and how many of them show an error."""
    as_it_stands = block.array(cells.start, cells.end)
    texts = _Texts(as_it_stands, len(cells.row))
    shared = np.flatnonzero(cells.kind == SHARED)
    if len(shared):
        known = setting.shared()
        texts.put(shared, known, _shared(block, cells, shared, known))
    is_odd = (cells.kind == OTHER) | (cells.kind == TRUTH)
    _put_numbers(block, cells, setting, texts, is_odd)
    inline = np.flatnonzero(cells.kind == INLINE)
    if len(inline):
        odd, escaped = split(block, cells.start[inline], cells.end[inline])
        is_odd[inline[odd]] = True
        if len(escaped):
            chosen = inline[escaped]
            found = as_it_stands.take(pa.array(2 * chosen + 1))
            texts.put(chosen, unescaped(found))
    return texts, _put_aside(block, cells, setting, texts, is_odd)


def _put_aside(
    block: Block, cells: Cells, setting: Setting, texts: _Texts, is_odd: Truths
) -> int:
    """Give cells what another reader makes of them; returns how many show an error.

    Numbers that are the same, such as the moment of a load in each of its rows, are
    read once.
    """
    is_number = cells.kind == NUMBER
    error_cells = 0
    for chosen in (is_number, ~is_number):
        odd = np.flatnonzero(is_odd & chosen)
        if not len(odd):
            continue
        xml, places = block.texts(cells.attributes[odd], cells.stop[odd]), None
        if chosen is is_number:
            once = xml.dictionary_encode()
            xml, places = once.dictionary, once.indices.to_numpy()
        need(not pl.Series(xml).str.contains(_ENDLESS).any())
        told = setting.aside(xml)
        texts.put(odd, told.texts[0], places)
        error_cells += told.error_cells
    return error_cells


def _shared(block: Block, cells: Cells, chosen: Numbers, shared: pa.Array) -> Numbers:
    """The numbers of the shared texts of some cells."""
    start = cells.start[chosen]
    digits = cells.end[chosen] - start
    need((digits <= WIDTH).all())
    places = numbers(block.words(start), digits)
    need(places.max() < len(shared))
    longest = pc.max(pc.binary_length(shared)).as_py()
    need(len(places) * longest < _MOST_SHARED_BYTES)
    return places


def _put_numbers(
    block: Block, cells: Cells, setting: Setting, texts: _Texts, is_odd: Truths
) -> None:
    """Give numbers their shortest texts, and mark those that are read aside."""
    found = np.flatnonzero(cells.kind == NUMBER)
    plain = setting.are_numbers(cells.style[found])
    if not plain.all():
        dates = found[~plain]
        days = block.texts(cells.start[dates], cells.end[dates])
        days = pl.Series(days).cast(pl.Float64, strict=False)
        need(not (days.abs() > _MOST_DAYS).any())
        is_odd[dates] = True
        found = found[plain]
    start, end = cells.start[found], cells.end[found]
    others = found[~are_themselves(block, start, end)]
    if len(others):
        short, known = shortest(block.texts(cells.start[others], cells.end[others]))
        is_odd[others[~known]] = True
        texts.put(others[known], short.filter(pa.array(known)))
