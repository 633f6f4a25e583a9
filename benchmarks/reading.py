"""What careful reading of a CSV file costs beside ``polars.read_csv``.

    python benchmarks/reading.py [--rows N] [--rounds K] [--memory]

Both read every column as text, by turns in one process; the figures are medians. With
``--memory`` the rows are read once, chunk by chunk, and the peak memory is told.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.core.dummy import DummyRequest


def careful(path: Path) -> int:
    """Rows of a file, read as the pipeline reads them."""
    return sum(chunk.table.num_rows for chunk in open_text(path).chunks())


def plain(path: Path) -> int:
    """Rows of a file, read by polars with every column as text."""
    return pl.read_csv(path, infer_schema=False).height


def seconds(read: Callable[[Path], int], path: Path, rows: int) -> float:
    """How long a read takes; it must find every row."""
    started = time.perf_counter()
    found = read(path)
    taken = time.perf_counter() - started
    if found != rows:
        raise SystemExit(f"{read.__name__} found {found} rows of {rows}")
    return taken


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_sample(DummyRequest(given.rows, None, 7, 0.0), path)
        told: dict[str, float] = {"rows": given.rows, "bytes": path.stat().st_size}
        if given.memory:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            told["seconds"] = seconds(careful, path, given.rows)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            told |= {"peak_mib": after / 1024, "before_mib": before / 1024}
        else:
            pairs = [
                (seconds(plain, path, given.rows), seconds(careful, path, given.rows))
                for _ in range(given.rounds)
            ]
            polars, ours = zip(*pairs, strict=True)
            ratios = sorted(mine / theirs for theirs, mine in pairs)
            told |= {
                "polars_seconds": median(polars),
                "careful_seconds": median(ours),
                "ratio": median(ratios),
                "lowest_ratio": ratios[0],
                "highest_ratio": ratios[-1],
            }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
