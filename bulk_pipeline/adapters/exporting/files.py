"""How exported rows become files: CSV, XLSX, Parquet.

A missing value is an empty cell. Numbers are written so that they read back as they
were, to the last bit.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from bulk_pipeline.adapters.sample_files import MOST_XLSX_ROWS
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.export import safe_text

Write = Callable[[pl.DataFrame], None]

XLSX = ".xlsx"
_TEXTS = pl.selectors.string() | pl.selectors.enum() | pl.selectors.categorical()
_MOMENT = "%Y-%m-%dT%H:%M:%S%.3fZ"


def open_sink(partial: Path, out: Path) -> AbstractContextManager[Write]:
    """A function that writes blocks one after another, all with the same columns.

    Args:
        partial: where the bytes go.
        out: the name that the file will have; its suffix decides the format.
    """
    return _SINKS[out.suffix.lower()](partial)


def require_fits(out: Path, rows: int) -> None:
    """Refuse more rows than the format holds.

    Raises:
        ConfigurationError: names the other formats.
    """
    if out.suffix.lower() == XLSX and rows > MOST_XLSX_ROWS:
        raise ConfigurationError(
            f"{out}: an .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
            f"{rows:,}. Use a name that ends in .csv or .parquet, or one --year."
        )


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    """Comma-separated text in UTF-8; no cell of it is taken for a formula."""
    moments = pl.selectors.datetime().dt.to_string(_MOMENT)
    with path.open("wb") as file:

        def write(block: pl.DataFrame) -> None:
            texts = block.select(_TEXTS).columns
            safe = (safe_text(pl.col(n).cast(pl.String)).alias(n) for n in texts)
            cells = block.with_columns(*safe, moments)
            cells.write_csv(file, include_header=file.tell() == 0)

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    """One row group for each block; texts as they are, since nothing runs them."""
    from pyarrow import parquet  # noqa: PLC0415  # 0.1 s, which CSV need not pay

    with ExitStack() as stack:
        writer: Any = None

        def write(block: pl.DataFrame) -> None:
            nonlocal writer
            plain = block.with_columns(_TEXTS.cast(pl.String))
            # older readers know no string views
            table = plain.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(path, table.schema))
            writer.write_table(table)

        yield write


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    """A workbook with one sheet."""
    from bulk_pipeline.adapters.exporting.workbook import (  # noqa: PLC0415
        workbook,  # for this format alone
    )

    with workbook(path) as write:
        yield write


_SINKS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": _csv,
    XLSX: _xlsx,
    ".parquet": _parquet,
}
SUFFIXES = tuple(_SINKS)
