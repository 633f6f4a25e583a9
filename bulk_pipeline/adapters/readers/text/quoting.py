"""Cuts delimited text into blocks of whole rows: at line feeds outside quotes.

What the parser would alter in silence is refused here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from bulk_pipeline.adapters.readers.text.quotes import (
    LF,
    Positions,
    first_fault,
    is_plain,
    toggling,
)
from bulk_pipeline.core.errors import UnreadableFile

_CLOSE_IT = 'If a closing quote " is missing there, add it'


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows of a file.

    Attributes:
        data: bytes, of which the first ``size`` are this block.
        size: bytes.
        first_line: 1-based physical line of the first row.
        starts: how many lines below the first line each row begins.
        feeds: number of line feeds.
    """

    data: bytes
    size: int
    first_line: int
    starts: Positions
    feeds: int


@dataclass(frozen=True, slots=True)
class RowCutter:
    """Cuts a stream into blocks of whole rows; holds one block, not the file.

    Attributes:
        name: of the file, for messages.
        delimiter: one byte.
        line_bytes: longest row.
    """

    name: str
    delimiter: bytes
    line_bytes: int

    def blocks(self, pieces: Iterable[bytes], line: int) -> Iterator[Block]:
        """Every row of the stream, in order.

        Args:
            pieces: the stream, in pieces that are not empty; begins with a row.
            line: 1-based physical line of that row.

        Raises:
            UnreadableFile: a NUL byte, a lone carriage return, a row that is too
                long or a quote that breaks the rules; names the line.
        """
        rest = b""
        for piece in chain(pieces, [b""]):
            data = rest + piece if rest else piece
            if not data:
                return
            block = self._cut(data, line, last=not piece)
            if block is not None:
                yield block
                line += block.feeds
                data = data[block.size :]
            rest = data

    def _cut(self, data: bytes, line: int, *, last: bool) -> Block | None:
        """As many whole rows as there are; None if more must be read first."""
        if (at := data.find(b"\0")) >= 0:
            where = line + data.count(b"\n", 0, at)
            raise self._refused(where, "a NUL byte", "Save it as CSV UTF-8")
        if not is_plain(data) or self._may_be_long(data):
            return self._cut_carefully(data, line, last=last)
        size = len(data) if last else data.rfind(b"\n") + 1
        if not size:
            return None
        feeds = int(np.count_nonzero(np.frombuffer(data, np.uint8, size) == LF))
        rows = feeds + (not data.endswith(b"\n", 0, size))
        return Block(data, size, line, np.arange(rows), feeds)

    def _may_be_long(self, data: bytes) -> bool:
        """False if every window of half the limit has a line feed."""
        step = max(self.line_bytes // 2, 1)
        return any(
            data.find(b"\n", at, at + step) < 0 for at in range(0, len(data), step)
        )

    def _cut_carefully(self, data: bytes, line: int, *, last: bool) -> Block | None:
        """The same, by looking at every quote, carriage return and line feed."""
        letters = np.frombuffer(data, np.uint8)
        quotes = toggling(letters, ord(self.delimiter))
        feeds = np.flatnonzero(letters == LF)
        ends = np.flatnonzero(np.searchsorted(quotes, feeds) % 2 == 0)
        starts = np.concatenate(([0], ends + 1))  # in lines below the first
        borders = np.concatenate(([0], feeds[ends] + 1))  # in bytes
        if last and quotes.size % 2:
            where = line + int(np.searchsorted(feeds, quotes[-1]))
            raise self._refused(where, "a quote that is never closed", _CLOSE_IT)
        if last and borders[-1] < len(data):
            borders = np.append(borders, len(data))
        lengths = np.diff(borders, append=len(data))
        if lengths.max() > self.line_bytes:
            where = line + int(starts[int(lengths.argmax())])
            what = f"a row of more than {self.line_bytes:,} bytes"
            raise self._refused(where, what, _CLOSE_IT)
        size = int(borders[-1])
        at, what, cure = first_fault(data, size, quotes, ord(self.delimiter))
        if what:
            raise self._refused(line + int(np.searchsorted(feeds, at)), what, cure)
        if not size:
            return None
        below = int(np.searchsorted(feeds, size))
        return Block(data, size, line, starts[: borders.size - 1], below)

    def _refused(self, line: int, what: str, cure: str) -> UnreadableFile:
        return UnreadableFile(f"{self.name}, line {line:,}: {what}. {cure}.")
