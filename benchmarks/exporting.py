"""Export a million stored rows beside the floor: one query by ADBC, dumped as CSV.

    python benchmarks/exporting.py FOLDER [--rows 1000000] [--rounds 3]

The folder keeps a home with the rows for the next time. By turns, each in a process of
its own that ends: the floor (the same columns by one query with all its joins and its
order, through ADBC into one frame, then `write_csv`, nothing escaped), and `export` as
CSV, Parquet and XLSX, and of one upload. Seconds without the start of Python.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

QUERY = """
SELECT c.symbol, c.name, c.sector, c.market_cap, p.reporting_year, p.reporting_quarter,
 p.long_term_debt_to_total_capital, p.total_debt_to_ebitda, p.net_income_margin,
 p.ebit_to_interest_expense, p.return_on_assets, p.probability, p.risk_level,
 p.confidence, m.name AS model, m.sha256, u.upload_key, p.updated_at
FROM companies c JOIN annual_predictions p ON p.company_id = c.id
 JOIN models m ON m.id = p.model_id JOIN uploads u ON u.id = p.upload_id
ORDER BY c.symbol, p.reporting_year, p.reporting_quarter
"""
PROGRAM = "from bulk_pipeline.cli import main; main()"
WAYS = ("floor", "csv", "parquet", "xlsx", "upload")


def main() -> None:
    """Make the rows, take turns, and say medians and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    os.environ["BULK_PIPELINE_HOME"] = str(chosen.folder.absolute() / "home")
    if chosen.way:
        print(json.dumps(timed(chosen.folder.absolute(), chosen.way)))
        return
    prepare(chosen.folder, chosen.rows)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    peaks: dict[str, int] = {}
    for _ in range(chosen.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, str(chosen.folder), "--way", way]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            took, peaks[way] = json.loads(done.stdout)
            seconds[way].append(took)
    floor = statistics.median(seconds["floor"])
    for way, found in seconds.items():
        median = statistics.median(found)
        print(
            f"{way:8} {median:6.2f} s  {median / floor:5.2f} of the floor  "
            f"{peaks[way] / 1024:6.0f} MiB  ({', '.join(f'{s:.2f}' for s in found)})"
        )


def prepare(folder: Path, rows: int) -> None:
    """A home with so many rows, from one upload, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "home" / "bulk_pipeline.db").exists():
        return
    sample = folder / "sample.parquet"
    for arguments in (
        ("generate", "--rows", str(rows), "--seed", "7", "--out", str(sample)),
        ("ingest", str(sample)),
    ):
        subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True)


def timed(folder: Path, way: str) -> tuple[float, int]:
    """Seconds and peak memory (KiB, with the child's) of one way, without imports."""
    seconds = by_adbc(folder) if way == "floor" else by_export(folder, way)
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return seconds, sum(resource.getrusage(each).ru_maxrss for each in who)


def by_adbc(folder: Path) -> float:
    """The floor."""
    import polars as pl  # noqa: PLC0415  # not timed
    from adbc_driver_sqlite import dbapi  # noqa: PLC0415  # not beside sqlite3

    started = time.perf_counter()
    with dbapi.connect(f"file:{folder / 'home' / 'bulk_pipeline.db'}") as connection:
        cursor = connection.cursor()
        cursor.execute(QUERY)
        pl.DataFrame(cursor.fetch_arrow_table()).write_csv(folder / "floor.csv")
        cursor.close()
    return time.perf_counter() - started


def by_export(folder: Path, way: str) -> float:
    """Our export, all rows in a format, or those of the upload as CSV."""
    from bulk_pipeline.adapters.exporting.export import (  # noqa: PLC0415  # not timed
        Selection,
        export_rows,
    )
    from bulk_pipeline.adapters.installation import Installation  # noqa: PLC0415

    installation = Installation.from_environment()
    selection = Selection()
    if way == "upload":
        selection = Selection(upload=installation.journal.uploads()[0].key)
    out = folder / f"out.{'csv' if way == 'upload' else way}"
    started = time.perf_counter()
    export_rows(installation, selection, out, replace=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
