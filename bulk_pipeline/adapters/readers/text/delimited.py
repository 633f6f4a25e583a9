"""CSV and its kin: text with ``, ; TAB |`` or ``:`` between the cells.

Read as a stream, parsed by pyarrow in blocks of whole rows, so that memory does not
grow with the file.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, islice

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import TextChunk, within
from bulk_pipeline.adapters.readers.files.content import HEAD
from bulk_pipeline.adapters.readers.files.kinds import refuse_markup, refuse_nul
from bulk_pipeline.adapters.readers.text.decoded import Text
from bulk_pipeline.adapters.readers.text.dialect import Dialect, dialect_of
from bulk_pipeline.adapters.readers.text.parsing import BlockParser
from bulk_pipeline.adapters.readers.text.quoting import RowCutter
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice

_THREADS = 2
_BLOCKS_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Delimited:
    """A text whose header has been read."""

    text: Text
    dialect: Dialect
    limits: Limits

    @property
    def header(self) -> tuple[str, ...]:
        return self.dialect.header

    @property
    def header_line(self) -> int:
        return self.dialect.header_line

    @property
    def encoding(self) -> str:
        return self.text.encoding

    @property
    def delimiter(self) -> str:
        return self.dialect.delimiter

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.text.notices

    @property
    def total_bytes(self) -> int:
        return self.text.content.total_bytes

    def chunks(self) -> Iterator[TextChunk]:
        return within(self.text.content.name, self._chunks(), self.limits)

    def _chunks(self) -> Iterator[TextChunk]:
        """Parsed chunks with the bytes of the file as it was dropped."""
        done = self.dialect.rows_at
        before = self.total_bytes * done // self.text.size
        for chunk in self._parsed():
            done += chunk.bytes_read
            consumed = self.total_bytes * done // self.text.size
            yield replace(chunk, bytes_read=consumed - before)
            before = consumed

    def _parsed(self) -> Iterator[TextChunk]:
        name, delimiter = self.text.content.name, self.dialect.delimiter.encode()
        cutter = RowCutter(name, delimiter, self.limits.line_bytes)
        parser = BlockParser(name, self.dialect, self.limits.cell_chars)
        pieces = self.text.pieces(self.limits.block_bytes, self.dialect.rows_at)
        blocks = cutter.blocks(pieces, self.dialect.rows_line)
        some = list(islice(blocks, 2))
        if len(some) <= 1:  # threads would take longer to start than a small file
            yield from map(parser.chunk, some)
            return
        waiting: deque[Future[TextChunk]] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                for block in chain(some, blocks):
                    waiting.append(pool.submit(parser.chunk, block))
                    if len(waiting) == _BLOCKS_AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def open_delimited(text: Text, limits: Limits) -> Delimited:
    """A delimited text, read as far as its header.

    Raises:
        UnreadableFile: it has no header, or is no table.
    """
    name = text.content.name
    head = text.head(limits.line_bytes)
    refuse_markup(name, head[:HEAD].decode(errors="ignore"))
    refuse_nul(name, head)
    if len(head) < text.size:
        head = head[: head.rfind(b"\n") + 1]
    if text.size and not head:
        raise UnreadableFile(
            f"{name}, line 1: a line of more than {limits.line_bytes:,} bytes. "
            "Save the file as CSV UTF-8."
        )
    return Delimited(text, dialect_of(name, head, limits, returns=text.returns), limits)
