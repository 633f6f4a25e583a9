"""Text chunks into typed parts, two at a time while the file is still being read."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import polars as pl

from bulk_pipeline.adapters.monitor import Stopwatch
from bulk_pipeline.adapters.readers.base import TextChunk, TextSource
from bulk_pipeline.core.cleaning import Cleaned, CleaningRules, clean
from bulk_pipeline.core.companies import named_companies
from bulk_pipeline.core.quality import Quality, quality
from bulk_pipeline.core.schema import KEY, RATIOS, HeaderMatch

PART_COLUMNS = ("upload", "line", *KEY, *RATIOS)
"""What is kept of each row; names, sectors and market values go to the companies."""

THREADS = 2
AHEAD = 3
SMALL_BYTES = 1 << 20
"""A smaller file is one chunk: threads of its own would cost more than they save."""


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one chunk of an upload.

    Attributes:
        rows: typed rows, ``PART_COLUMNS``.
        rejects: line, column, reason, value, and the row as it stood in columns
            ``column_0``, ``column_1`` ...
        companies: what ``named_companies`` found.
        quality: what is odd about the rows.
        reasons: reason code → rejected rows.
        rows_read: rows parsed, those of a wrong length included.
        dates_as_years: cells whose date was taken for its year.
        error_cells: cells of ratios with a spreadsheet's error, which are missing.
        doubtful: whether the style of numbers in use may misread a cell of this part.
        bytes_read: bytes of the file behind this part.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    companies: pl.DataFrame
    quality: Quality
    reasons: Counter[str]
    rows_read: int
    dates_as_years: int
    error_cells: int
    doubtful: bool
    bytes_read: int


def parts(
    number: int,
    source: TextSource,
    match: HeaderMatch,
    rules: CleaningRules,
    watch: Stopwatch,
) -> Iterator[Part]:
    """The parts of an upload in file order.

    Args:
        number: the upload's number in its batch.
        source: the open file.
        match: where its columns are.
        rules: how cells are read.
        watch: told the seconds spent waiting, by stage.

    Raises:
        UnreadableFile: the file cannot be read to its end.
    """
    if source.total_bytes < SMALL_BYTES:
        yield from _one_by_one(number, source, match, rules, watch)
        return
    chunks = source.chunks()
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[tuple[Part, float]]] = deque()
        while True:
            with watch.stage("read"):
                chunk = next(chunks, None)
            if chunk is not None:
                waiting.append(pool.submit(_part, number, chunk, source, match, rules))
            if waiting and (chunk is None or len(waiting) >= AHEAD):
                yield _waited_for(waiting.popleft().result, watch)
            elif chunk is None:
                return


def _one_by_one(
    number: int,
    source: TextSource,
    match: HeaderMatch,
    rules: CleaningRules,
    watch: Stopwatch,
) -> Iterator[Part]:
    """The parts of a small upload, without threads."""
    chunks = source.chunks()
    while True:
        with watch.stage("read"):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield _waited_for(partial(_part, number, chunk, source, match, rules), watch)


def _waited_for(made: Callable[[], tuple[Part, float]], watch: Stopwatch) -> Part:
    """A part, its wait shared between the two stages that were waited for."""
    started = time.perf_counter()
    part, share_of_companies = made()
    waited = time.perf_counter() - started
    watch.add("companies", waited * share_of_companies)
    watch.add("clean", waited * (1 - share_of_companies))
    return part


def _part(
    number: int,
    chunk: TextChunk,
    source: TextSource,
    match: HeaderMatch,
    rules: CleaningRules,
) -> tuple[Part, float]:
    """A part, and which share of its time went into companies."""
    started = time.perf_counter()
    cleaned = clean(our_texts(chunk, match), rules)
    reasons = Counter(dict(cleaned.rejects["reason"].value_counts().rows()))
    if chunk.ragged:
        reasons["wrong_field_count"] += len(chunk.ragged)
    rejects = _rejects(chunk, cleaned, len(source.header))
    found = quality(cleaned.rows)
    middle = time.perf_counter()
    companies = named_companies(cleaned.rows)
    ended = time.perf_counter()
    upload = pl.lit(number, pl.UInt32).alias("upload")
    part = Part(
        rows=cleaned.rows.select(upload, *PART_COLUMNS[1:]),
        rejects=rejects,
        companies=companies,
        quality=found,
        reasons=reasons,
        rows_read=chunk.table.num_rows + len(chunk.ragged),
        dates_as_years=cleaned.dates_as_years,
        error_cells=cleaned.error_cells,
        doubtful=cleaned.doubtful,
        bytes_read=chunk.bytes_read,
    )
    return part, (ended - middle) / (ended - started)


def our_texts(chunk: TextChunk, match: HeaderMatch) -> pl.DataFrame:
    """The columns of ours that a chunk has as ``clean`` takes them, beside ``line``."""
    columns = {"line": chunk.lines}
    for name, position in match.positions.items():
        columns[name] = chunk.table.column(position)
    return pl.DataFrame({n: pl.Series(n, values) for n, values in columns.items()})


def _rejects(chunk: TextChunk, cleaned: Cleaned, width: int) -> pl.DataFrame:
    """Rejected rows of a chunk, lines of a wrong length among them, in file order."""
    names = [f"column_{place}" for place in range(width)]
    found = cleaned.rejects
    cells = chunk.table.rename_columns(names).take(found["row"].to_arrow())
    rejected = pl.concat([found.drop("row"), pl.DataFrame(cells)], how="horizontal")
    if not chunk.ragged:
        return rejected
    ragged = pl.DataFrame(
        {
            "line": [line.line for line in chunk.ragged],
            "column": [""] * len(chunk.ragged),
            "reason": ["wrong_field_count"] * len(chunk.ragged),
            "value": [line.text for line in chunk.ragged],
        }
    )
    return pl.concat([rejected, ragged], how="diagonal").sort("line")
