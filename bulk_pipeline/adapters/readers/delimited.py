"""CSV and its kin: UTF-8 text with ``, ; TAB |`` or ``:`` between the cells.

Read as a stream, parsed by pyarrow in blocks of whole rows, so that memory does not
grow with the file.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.readers.base import Limits, TextChunk, within
from bulk_pipeline.adapters.readers.dialect import Dialect, dialect_of
from bulk_pipeline.adapters.readers.parsing import BlockParser
from bulk_pipeline.adapters.readers.quoting import RowCutter
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice

_THREADS = 2
_BLOCKS_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Delimited:
    """A text file whose header has been read."""

    path: Path
    dialect: Dialect
    limits: Limits
    total_bytes: int
    encoding: str = "utf-8"
    notices: tuple[Notice, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        return self.dialect.header

    @property
    def header_line(self) -> int:
        return self.dialect.header_line

    @property
    def delimiter(self) -> str:
        return self.dialect.delimiter

    def chunks(self) -> Iterator[TextChunk]:
        return within(self.path.name, self._chunks(), self.limits)

    def _chunks(self) -> Iterator[TextChunk]:
        cutter = RowCutter(
            self.path.name,
            self.dialect.delimiter.encode(),
            self.limits.line_bytes,
            self.limits.block_bytes,
        )
        parser = BlockParser(self.path.name, self.dialect, self.limits)
        waiting: deque[Future[TextChunk]] = deque()
        with self.path.open("rb") as stream, ThreadPoolExecutor(_THREADS) as pool:
            stream.seek(self.dialect.rows_at)
            try:
                for block in cutter.blocks(stream, self.dialect.rows_line):
                    waiting.append(pool.submit(parser.chunk, block))
                    if len(waiting) == _BLOCKS_AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def open_delimited(path: Path, limits: Limits) -> Delimited:
    """A delimited text file, read as far as its header.

    Raises:
        UnreadableFile: it has no header, or its first lines are no UTF-8 text.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(limits.line_bytes)
    if len(head) < size:
        head = head[: head.rfind(b"\n") + 1]
    if b"\r" in head and b"\n" not in head:
        raise UnreadableFile(
            f"{path.name}, line 1: lines end in carriage returns alone. "
            "Save the file as CSV UTF-8."
        )
    if not head:
        raise UnreadableFile(
            f"{path.name}, line 1: a line of more than {limits.line_bytes:,} bytes. "
            "Save the file as CSV UTF-8."
        )
    return Delimited(path, dialect_of(path.name, head, limits), limits, size)
