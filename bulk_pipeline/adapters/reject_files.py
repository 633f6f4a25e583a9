"""Reject tables as files: CSV to be read by programs, XLSX to be mended by people.

What is listed in them is decided in ``adapters.rejects``.
"""

from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.outputs import whole_file

CSV, XLSX = ".csv", ".xlsx"


def write_rejects(cells: pl.DataFrame, target: Path) -> None:
    """Write a reject table, whole or not at all, in place of an older file.

    In a workbook every cell is text but the number of the line, and stays text when it
    is corrected. What a workbook cannot hold is shown by a picture (``␀``) if it is a
    control character, and cut at its end (``…``) if it is beyond 32,767 characters.

    Args:
        cells: String columns; the first row is the header, the first column the line.
        target: ends in .csv or .xlsx; its directory exists.

    Raises:
        ConfigurationError: more rows than a sheet holds; names the other format.
    """
    if target.suffix.lower() != XLSX:
        with whole_file(target) as partial:
            cells.write_csv(partial, include_header=False)
        return
    # every run imports this module, and few write workbooks
    from bulk_pipeline.adapters.reject_workbook import write_workbook  # noqa: PLC0415

    write_workbook(cells, target)


def read_rejects(path: Path) -> pl.DataFrame:
    """A reject table, header first, as it was written to a CSV file."""
    return pl.read_csv(path, has_header=False, infer_schema=False)
