"""Made-up accounts as files: CSV, XLSX, Parquet.

How rows become bytes belongs here. What the rows hold is decided in ``core.dummy``.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import openpyxl
import polars as pl
from pyarrow import parquet

from bulk_pipeline.adapters.outputs import require_place, whole_file
from bulk_pipeline.core.dummy import DummyRequest, dummy_blocks
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.schema import INPUT_COLUMNS

MOST_XLSX_ROWS = 1_048_575
"""Rows of a sheet below its header."""

Write = Callable[[pl.DataFrame], None]


def write_sample(
    request: DummyRequest, path: Path, progress: Callable[[int], None] | None = None
) -> int:
    """Write the rows of a request; the suffix decides the format.

    The file appears whole under its name, in place of an older one, or not at all.
    A missing value is an empty cell. CSV is UTF-8 without a byte order mark. Equal
    requests give equal bytes, but for XLSX, which holds the time of writing.

    Args:
        request: what to make.
        path: ends in .csv, .xlsx or .parquet, in any case; its directory exists.
        progress: called after every block with the number of rows written so far.

    Returns:
        Rows written, the header not counted.

    Raises:
        ConfigurationError: another suffix, no such directory, a directory in the
            file's place, or more rows than a sheet holds; names what would work.
        OSError: the directory cannot be written or is full.
    """
    suffix = path.suffix.lower()
    require_place(path, tuple(_SINKS), replace=True)
    if suffix == ".xlsx" and request.rows > MOST_XLSX_ROWS:
        raise ConfigurationError(
            f"{path}: an .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
            f"{request.rows:,}. Use a name that ends in .csv."
        )
    written = 0
    with whole_file(path) as partial, _SINKS[suffix](partial) as write:
        for block in dummy_blocks(request):
            write(block)
            written += block.height
            if progress is not None:
                progress(written)
    return written


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    """Comma-separated text with a header."""
    with path.open("wb") as file:

        def write(block: pl.DataFrame) -> None:
            block.write_csv(file, include_header=file.tell() == 0)

        yield write


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """One sheet with a header; rows go to disk as they come."""
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
            # older readers know no string views
            table = block.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(path, table.schema))
            writer.write_table(table)

        yield write


_SINKS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": _csv,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
}
