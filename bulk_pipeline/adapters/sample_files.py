"""Made-up accounts as files: CSV, packed CSV, XLSX, Parquet.

How rows become bytes belongs here. What the rows hold is decided in ``core.dummy``.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

import polars as pl
from pyarrow import parquet

from bulk_pipeline.adapters.outputs import require_place, whole_file
from bulk_pipeline.adapters.sample_rows import BLOCK_ROWS, sample_blocks
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.schema import INPUT_COLUMNS

MOST_XLSX_ROWS = 1_048_575
"""Rows of a sheet below its header."""
_QUICKEST = 1  # level of gzip: the default takes four times as long for a tenth less

Write = Callable[[pl.DataFrame], None]
Progress = Callable[[int], None]


def write_sample(
    request: DummyRequest,
    path: Path,
    progress: Progress | None = None,
    workers: int = 1,
) -> int:
    """Write the rows of a request; the ending of the name decides the format.

    The file appears whole under its name, in place of an older one, or not at all.
    A missing value is an empty cell. CSV is UTF-8 without a byte order mark. Equal
    requests give equal bytes, whatever the workers, but for XLSX, which holds the time
    of writing; Parquet and gzip hold what the version of their library makes of them.

    Args:
        request: what to make.
        path: ends in .csv, .csv.gz, .xlsx or .parquet, in any case; its directory
            exists.
        progress: called after every block with the number of rows written so far.
        workers: threads that make rows, at least 1.

    Returns:
        Rows written, the header not counted.

    Raises:
        ConfigurationError: another ending, no such directory, a directory in the
            file's place, or more rows than a sheet holds; names what would work.
        OSError: the directory cannot be written or is full.
    """
    require_place(path, tuple(_SINKS), replace=True)
    ending = _ending(path)
    if ending == ".xlsx" and request.rows > MOST_XLSX_ROWS:
        raise ConfigurationError(
            f"{path}: an .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
            f"{request.rows:,}. Use a name that ends in .csv."
        )
    blocks = sample_blocks(request, BLOCK_ROWS, workers)
    with whole_file(path) as partial:
        return write_rows(blocks, partial, progress, ending=ending)


def write_rows(
    blocks: Iterable[pl.DataFrame],
    path: Path,
    progress: Progress | None = None,
    *,
    ending: str = ".parquet",
) -> int:
    """Write frames below each other into one new file.

    Args:
        blocks: frames with the columns of ``INPUT_COLUMNS``, of one schema. Equal
            blocks give equal bytes.
        path: the file, as it is; ``whole_file`` is for the caller.
        progress: as ``write_sample`` takes it.
        ending: which format.

    Returns:
        Rows written.
    """
    written = 0
    with _SINKS[ending](path) as write:
        for block in blocks:
            write(block)
            written += block.height
            if progress is not None:
                progress(written)
    return written


def _ending(path: Path) -> str:
    """The ending of ours that a name has."""
    name = path.name.lower()
    return next(ending for ending in _SINKS if name.endswith(ending))


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    """Comma-separated text with a header."""
    with path.open("wb") as file:
        yield _text(file)


@contextmanager
def _packed_csv(path: Path) -> Iterator[Write]:
    """The same, packed; the packing holds neither a name nor a time."""
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", _QUICKEST, file, mtime=0) as packed,
    ):
        # its write is all that is used
        yield _text(cast("IO[bytes]", packed))


def _text(file: IO[bytes]) -> Write:
    begun = False

    def write(block: pl.DataFrame) -> None:
        nonlocal begun
        block.write_csv(file, include_header=not begun)
        begun = True

    return write


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """One sheet with a header; rows go to disk as they come."""
    import openpyxl  # noqa: PLC0415  # other formats, and a run of Dagster, need it not

    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("accounts")
    sheet.append([column.name for column in INPUT_COLUMNS])

    def write(block: pl.DataFrame) -> None:
        for row in block.iter_rows():
            sheet.append(row)

    try:
        yield write
        workbook.save(path)
    finally:
        if not sheet.closed:  # an abandoned sheet complains when it is collected
            sheet.close()


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    """One row group for each block; the first block gives the schema."""
    with ExitStack() as stack:
        writer = None

        def write(block: pl.DataFrame) -> None:
            nonlocal writer
            # Older readers know no string views. One piece: where a column is in
            # several, pages end with the pieces.
            table = block.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(path, table.schema))
            writer.write_table(table)

        yield write


_SINKS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": _csv,
    ".csv.gz": _packed_csv,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
}
