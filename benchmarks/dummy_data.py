"""What made-up rows cost beside the libraries' own calls.

    python benchmarks/dummy_data.py [--rows N] [--rounds K] [--workers W] [--folder DIR]
    python benchmarks/dummy_data.py --memory FORMAT --rows N [--folder DIR]

By turns in one process: the rows in memory beside as many normal draws of numpy, and
the rows as CSV beside ``polars.write_csv`` of a frame that is ready; the figures are
medians. With ``--memory`` the rows are made once (``none``), or written to one file
(``csv``, ``parquet``), and the peak memory of the process is told.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.adapters.sample_rows import sample_blocks
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.metrics import rows_per_second, tier
from bulk_pipeline.core.schema import RATIOS

SEED = 7


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def made(request: DummyRequest, workers: int) -> int:
    """The rows of a request, made and let go block by block."""
    return sum(block.height for block in sample_blocks(request, workers=workers))


def compared(rows: int, rounds: int, workers: int, folder: Path) -> dict[str, object]:
    """Medians of our times, of the floors, and of their ratios."""
    request = DummyRequest(rows, seed=SEED)
    ready = pl.concat(list(sample_blocks(request)), rechunk=True)
    path = folder / "rows.csv"
    shape = (rows, len(RATIOS))
    parts: dict[str, Callable[[], object]] = {
        "memory": lambda: made(request, workers),
        "memory_floor": lambda: np.random.default_rng(SEED).standard_normal(shape),
        "csv": lambda: write_sample(request, path, workers=workers),
        "csv_floor": lambda: ready.write_csv(path),
    }
    taken = [{n: seconds(work) for n, work in parts.items()} for _ in range(rounds)]
    told: dict[str, object] = {"rows": rows, "rounds": rounds, "workers": workers}
    for name in parts:
        told[f"{name}_seconds"] = median(each[name] for each in taken)
    for name in ("memory", "csv"):
        rate = rows_per_second(rows, median(each[name] for each in taken))
        told[f"{name}_ratio"] = median(e[name] / e[f"{name}_floor"] for e in taken)
        told[f"{name}_tier"] = str(tier(rate))
    return told


def memory(rows: int, form: str, workers: int, folder: Path) -> dict[str, object]:
    """Peak memory of a process that makes the rows once."""
    request = DummyRequest(rows, seed=SEED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = folder / f"rows.{form}"
    if form == "none":
        taken = seconds(lambda: made(request, workers))
    else:
        taken = seconds(lambda: write_sample(request, path, workers=workers))
    return {
        "rows": rows,
        "form": form,
        "workers": workers,
        "seconds": taken,
        "rows_per_second": rows_per_second(rows, taken),
        "bytes": path.stat().st_size if path.exists() else 0,
        "before_mib": before / 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", choices=("none", "csv", "parquet"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        if given.memory:
            told = memory(given.rows, given.memory, given.workers, folder)
        else:
            told = compared(given.rows, given.rounds, given.workers, folder)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
