"""What careful reading of an XLSX sheet costs beside ``polars.read_excel``.

    python benchmarks/workbooks.py [--rows N] [--rounds K] [--write WAY] [--file PATH]

Both read every column as text, by turns in one process; the figures are medians. The
sheet is made with xlsxwriter, with its texts in the cells (``inline``) or in a table of
shared texts (``shared``), or it is the first one of a file that is there.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from unittest import mock

import polars as pl
import xlsxwriter

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import fork_client, spreadsheet
from bulk_pipeline.core.dummy import DummyRequest, dummy_blocks

WAYS: Mapping[str, Mapping[str, bool]] = {
    "inline": {"constant_memory": True},
    "shared": {},
}


def careful(path: Path) -> int:
    """Rows of a sheet, read as the pipeline reads them."""
    return sum(chunk.table.num_rows for chunk in open_text(path).chunks())


def plain(path: Path) -> int:
    """Rows of a sheet, read by polars with every column as text."""
    return pl.read_excel(path, engine="calamine", infer_schema_length=0).height


def write(path: Path, rows: int, way: str) -> None:
    """Write a sheet of made-up accounts."""
    with xlsxwriter.Workbook(path, dict(WAYS[way])) as book:
        sheet = book.add_worksheet("accounts")
        number = 0
        for block in dummy_blocks(DummyRequest(rows, None, 7, 0.0)):
            if number == 0:
                sheet.write_row(0, 0, block.columns)
            for cells in block.iter_rows():
                number += 1
                sheet.write_row(number, 0, cells)


def seconds(read: Callable[[Path], int], path: Path) -> tuple[float, int]:
    """How long a read takes, and how many rows it finds."""
    started = time.perf_counter()
    found = read(path)
    return time.perf_counter() - started, found


def compare(path: Path, rounds: int) -> dict[str, float]:
    """Read a sheet both ways, by turns; both must find the same rows."""
    pairs: list[tuple[float, float]] = []
    rows = 0
    for _ in range(rounds):
        theirs, rows = seconds(plain, path)
        ours, found = seconds(careful, path)
        if found != rows:
            raise SystemExit(f"careful found {found} rows, polars {rows}")
        pairs.append((theirs, ours))
    ratios = sorted(ours / theirs for theirs, ours in pairs)
    return {
        "rows": rows,
        "bytes": path.stat().st_size,
        "polars_seconds": median(theirs for theirs, _ in pairs),
        "careful_seconds": median(ours for _, ours in pairs),
        "ratio": median(ratios),
        "lowest_ratio": ratios[0],
        "highest_ratio": ratios[-1],
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", choices=tuple(WAYS), default="inline")
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    peaks: list[int] = []
    result = fork_client.Fork.result

    def watched(fork: fork_client.Fork) -> fork_client.Ended:
        ended = result(fork)
        peaks.append(ended.peak_bytes)
        return ended

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(fork_client.Fork, "result", watched),
    ):
        path = given.file or Path(folder) / "rows.xlsx"
        if given.file is None:
            write(path, given.rows, given.write)
        told = compare(path, given.rounds)
    spreadsheet.FORKS.close()
    print(json.dumps(told | {"child_peak_mib": max(peaks) >> 20}))


if __name__ == "__main__":
    main()
