"""The floor: the libraries' own fastest call for each stage, one after the other.

Run as a program it takes one JSON object on standard input and gives one on standard
output, so that it never shares a process with what is measured. Nothing is cleaned,
checked, counted or receipted, and nothing would survive a second load: no program that
does the whole work can be expected below it.
"""

import json
import sys
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.bench.children import run_python
from bulk_pipeline.bench.targets import SQL_SERVER, Target, remove_sqlite
from bulk_pipeline.core.errors import PermanentError


def floor(file: Path, rows: int, folder: Path, target: Target) -> dict[str, float]:
    """Seconds of the libraries' own calls over a file by stage, in a new process.

    Args:
        file: .csv, .xlsx or .parquet.
        rows: how many rows it has.
        folder: takes the floor's SQLite file while it runs.
        target: the kind of database, and for a server its URL.

    Raises:
        PermanentError: a call failed; says which.
    """
    # By way of standard input: everybody may read the arguments of a process.
    job = {
        "file": str(file),
        "rows": rows,
        "database": str(target.floor_file(folder)),
        "url": target.text if target.kind == SQL_SERVER else "",
    }
    environment = target.environment(folder / "floor-home")
    program = ["-m", "bulk_pipeline.bench.floor"]
    try:
        ran = run_python(program, environment, json.dumps(job))
    finally:
        remove_sqlite(target.floor_file(folder))  # where it was killed
    if ran.code:
        why = (ran.errors.strip().splitlines() or [f"it ended with code {ran.code}"])[
            -1
        ]
        raise PermanentError(f"The floor could not be measured: {why}")
    seconds: dict[str, float] = json.loads(ran.output)
    return seconds


def main() -> None:
    """Serve one request."""
    job = json.loads(sys.stdin.read())
    file, rows = Path(job["file"]), int(job["rows"])
    if job["url"]:
        from bulk_pipeline.bench import floor_sqlserver  # noqa: PLC0415  # its driver

        seconds = floor_sqlserver.measure(file, sa.make_url(job["url"]), rows)
    else:
        from bulk_pipeline.bench import floor_sqlite  # noqa: PLC0415  # sklearn, 1 s

        seconds = floor_sqlite.measure(file, Path(job["database"]), rows)
    sys.stdout.write(json.dumps(seconds))


if __name__ == "__main__":
    main()
