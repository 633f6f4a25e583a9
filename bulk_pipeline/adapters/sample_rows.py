"""The rows of a made-up table as a stream, made by several threads."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from bulk_pipeline.core.dummy import (
    DummyRequest,
    dummy_portion,
    dummy_portions,
    in_blocks,
)

BLOCK_ROWS = 100_000
"""Rows written at a time; the row groups of a Parquet file have as many."""


def sample_blocks(
    request: DummyRequest, block_rows: int = BLOCK_ROWS, workers: int = 1
) -> Iterator[pl.DataFrame]:
    """The rows of a request, as ``core.dummy.dummy_blocks`` gives them.

    Args:
        request: what to make.
        block_rows: rows of a frame, fewer in the last one.
        workers: threads, at least 1; neither they nor the block size change a row. At
            most two portions beyond their number are kept.

    Raises:
        ConfigurationError: ``block_rows`` is below 1.
    """
    return in_blocks(_portions(request, workers), block_rows)


def _portions(request: DummyRequest, workers: int) -> Iterator[pl.DataFrame]:
    numbers = dummy_portions(request)
    if workers == 1 or len(numbers) == 1:
        yield from (dummy_portion(request, number) for number in numbers)
        return
    # numpy and polars leave the interpreter to others while they work
    pool = ThreadPoolExecutor(workers, "dummy")
    waiting: deque[Future[pl.DataFrame]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(dummy_portion, request, number))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class RowStream:
    """Rows that are taken a number at a time, such as those of one file each."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self._frames = frames
        self._rest: pl.DataFrame | None = None

    def take(self, rows: int) -> Iterator[pl.DataFrame]:
        """The next so many rows, or as many as are left; to be used up before more."""
        while rows > 0:
            frame = next(self._frames, None) if self._rest is None else self._rest
            if frame is None:
                return
            self._rest = frame.slice(rows) if frame.height > rows else None
            taken = frame.head(rows)
            rows -= taken.height
            yield taken
