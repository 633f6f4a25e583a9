"""A large .xlsx sheet, read many cells at a time if its shape is plain.

Runs only in the child process, within its limits.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from xml.parsers.expat import ExpatError

import numpy as np
import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.book import Fault, Finding, Sheet
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.plain.aside import Aside
from bulk_pipeline.adapters.readers.workbooks.plain.cells import NO_STYLE
from bulk_pipeline.adapters.readers.workbooks.plain.settings import Shared, Styles
from bulk_pipeline.adapters.readers.workbooks.plain.texts import (
    Part,
    Setting,
    part_of,
)
from bulk_pipeline.adapters.readers.workbooks.plain.words import NotPlain, need
from bulk_pipeline.adapters.readers.workbooks.xlsx_look import Look

_BEGIN, _END, _ROW_END = b"<sheetData>", b"</sheetData>", b"</row>"
BLOCK_BYTES = 4 << 20
"""How much is read at a time: threads wait for one another between short steps."""

_MOST_HEAD = 1 << 20
_MOST_ROW = 8 << 20
"""Bytes before the rows, and of one row."""

_SPARSE = 8
"""Cells of the sheet for each one that is filled; beyond that it is sparse."""

_SMALL = 1 << 22
"""Cells of a sheet that may be as sparse as it likes."""

_MOST_BYTES = 1 << 31
"""Texts of a column in one array."""


class Cut:
    """A sheet cut at the ends of rows.

    Attributes:
        head: what stands before the rows; known at once.
        tail: what stands after them; known when all rows are taken.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        begun = b""
        while _BEGIN not in begun and len(begun) < _MOST_HEAD:
            piece = next(self._pieces, None)
            need(piece is not None)
            begun += piece or b""
        self.head, begin, self._rest = begun.partition(_BEGIN)
        need(bool(begin))
        self.head += begin
        self.tail = b""

    def blocks(self) -> Iterator[bytes]:
        """Whole rows.

        Raises:
            NotPlain: a row is too long, or the rows do not end.
        """
        gathered = [self._rest]
        size = len(self._rest)
        for piece in self._pieces:
            gathered.append(piece)
            size += len(piece)
            if size < BLOCK_BYTES:
                continue
            rest = b"".join(gathered)
            end = rest.rfind(_ROW_END) + len(_ROW_END)
            if end >= len(_ROW_END):
                yield rest[:end]
                rest = rest[end:]
            gathered, size = [rest], len(rest)
            need(size < BLOCK_BYTES + _MOST_ROW)
        rest = b"".join(gathered)
        end = rest.find(_END)
        need(end >= 0)
        if end > 0:
            yield rest[:end]
        self.tail = rest[end:]


def plain_sheet(
    parts: Parts, sheet: Sheet, percent_styles: frozenset[str]
) -> tuple[list[pa.Array], Finding]:
    """All cells of a sheet, as ``Book.texts`` says, and what else it says.

    Args:
        parts: of a workbook that fastexcel can read.
        sheet: one of its sheets.
        percent_styles: numbers of the styles that show per cent.

    Raises:
        NotPlain: the reader for all shapes must take it, or tell what is wrong with it.
    """
    aside = Aside(parts, sheet)
    percents = {int(style) for style in percent_styles}
    if 0 in percents:
        percents.add(NO_STYLE)
    setting = Setting(
        Shared(parts, aside), frozenset(percents), Styles(aside), aside.read
    )
    cut = Cut(parts.pieces(sheet.place))
    found = list(_parts(cut, setting))
    rests = frozenset[bytes]().union(*(part.rests for part in found))
    hidden_columns = _hidden_columns(cut, rests, aside)
    return _joined([part for part in found if part.columns], hidden_columns)


def _parts(cut: Cut, setting: Setting) -> Iterator[Part]:
    """The parts of a sheet, in order, made by as many threads as there are cores."""
    threads = cores()
    if threads == 1:
        yield from (part_of(block, setting) for block in cut.blocks())
        return
    with ThreadPoolExecutor(threads) as pool:
        pending = deque[Future[Part]]()
        try:
            for block in cut.blocks():
                pending.append(_submitted(pool, block, setting))
                if len(pending) > 2 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _submitted(
    pool: ThreadPoolExecutor, block: bytes, setting: Setting
) -> Future[Part]:
    """A part that is being made, or is made where no thread can be started."""
    try:
        return pool.submit(part_of, block, setting)
    except RuntimeError:  # a thread needs addresses, which are limited here
        made = Future[Part]()
        made.set_result(part_of(block, setting))
        return made


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _hidden_columns(cut: Cut, rests: frozenset[bytes], aside: Aside) -> set[int]:
    """The columns that nobody sees.

    Raises:
        NotPlain: what stands around the rows is damaged, or says more than that.
    """
    around = cut.head + cut.tail
    need(b"<!" not in around and around.count(b"<?") <= 1)
    need(around.count(b"<sheetData") == 1)
    rows = b"".join(
        b'<row r="1"' + rest + (b"" if rest.endswith((b"/>", b"</row>")) else b"</row>")
        for rest in rests
    )
    look = Look(frozenset(), uncalculated=False)
    try:
        look.through([cut.head + rows + cut.tail])
    except (Fault, ExpatError) as error:
        raise NotPlain from error
    need(not look.formula_without_value and not look.numbers and not look.hidden_rows)
    aside.read(pa.array([], pa.string()), frame=(cut.head, cut.tail))
    return look.all_hidden_columns


def _joined(parts: Sequence[Part], hidden: set[int]) -> tuple[list[pa.Array], Finding]:
    """The parts of a sheet one after the other."""
    if not parts:
        return [], Finding()
    width = max(len(part.columns) for part in parts)
    height = parts[-1].first + parts[-1].height
    filled, numbers = np.zeros(width, np.int64), np.zeros(width, np.int64)
    columns: list[list[pa.Array]] = [[] for _ in range(width)]
    row = 0
    for part in parts:
        need(part.first >= row)
        gap = part.first - row
        here = len(part.columns)
        filled[:here] += part.filled
        numbers[:here] += part.numbers
        need(gap * width <= _SMALL)
        for place, pieces in enumerate(columns):
            if gap:
                pieces.append(_blank(gap))
            pieces.append(part.columns[place] if place < here else _blank(part.height))
        row = part.first + part.height
        part.columns.clear()
    need(width * height <= max(_SPARSE * int(filled.sum()), _SMALL))
    texts = []
    for pieces in columns:
        need(sum(piece.nbytes for piece in pieces) < _MOST_BYTES)
        texts.append(pa.concat_arrays(pieces))
        pieces.clear()
    return texts, Finding(
        percents=np.concatenate([part.percents for part in parts]),
        hidden_columns=len(hidden.intersection(np.flatnonzero(filled).tolist())),
        error_cells=sum(part.error_cells for part in parts),
        number_cells={
            place: count for place, count in enumerate(numbers.tolist()) if count
        },
    )


def _blank(height: int) -> pa.Array:
    return pa.repeat(pa.scalar(""), height)
