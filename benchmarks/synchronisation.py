"""What keeping a SQLite file equal to another one costs, beside a bare copy of rows.

    python benchmarks/synchronisation.py [--rows N] [--rounds K]

By turns, in one process: the bare copy (INSERT .. SELECT over ATTACH into a table
without rules, and its unique index), a first full synchronisation into an empty file,
an incremental one that finds nothing changed, and one after 1 % of the rows changed.
The rows come from ten uploads; all were loaded within the last minutes. Prints one JSON
object with medians in seconds, and fails where the files are not equal afterwards.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.syncing.synchronising import synchronise
from bulk_pipeline.adapters.tables import annual_predictions
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport

YEARS, UPLOADS, CHANGED = 10, 10, 100
"""Years of a company, uploads of the rows, and rows of which one changes."""

SOURCE = """
WITH RECURSIVE n(i) AS
    (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {models})
INSERT INTO models (name, sha256, kind, created_at)
SELECT 'm', printf('%064d', i), 'scorecard', {now} FROM n;
WITH RECURSIVE n(i) AS
    (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {uploads})
INSERT INTO uploads (upload_key, batch_key, home_id, file_name, sha256, options,
    model_id, rows_read, inserted, updated, duplicates, duplicates_conflicting,
    rejected, first_loaded_at, last_loaded_at)
SELECT 'u' || i, 'b', printf('%032d', 0), 'f', printf('%064d', i), '{{}}', 1,
    1, 1, 0, 0, 0, 0, {now} + i, {now} + i FROM n;
WITH RECURSIVE n(i) AS
    (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {companies})
INSERT INTO companies (symbol, name, sector, market_cap, created_at, updated_at)
SELECT printf('S%07d', i), 'Company ' || i, 'Technology', i, {now}, {now} FROM n;
WITH RECURSIVE n(i) AS
    (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
INSERT INTO annual_predictions (company_id, reporting_year, reporting_quarter,
    long_term_debt_to_total_capital, total_debt_to_ebitda, net_income_margin,
    ebit_to_interest_expense, return_on_assets, probability, risk_level, confidence,
    model_id, upload_id, created_at, updated_at)
SELECT i / {years} + 1, 2000 + i % {years}, 'Q4', i * 0.37, CASE i % 5 WHEN 0 THEN NULL
    ELSE i * 0.11 END, i * -0.013, i * 0.7, i * 0.003, 0.02 + i % 1000 / 1e6, 'MEDIUM',
    0.95, 1, i * {uploads} / {rows} + 1, {now} + i * {uploads} / {rows},
    {now} + i * {uploads} / {rows} FROM n;
"""


def database(path: Path) -> Database:
    """A file with the settings of nobody's environment."""
    settings = Settings.from_environment({"BULK_PIPELINE_HOME": str(path.parent)})
    return Database(sa.URL.create("sqlite", database=str(path)), settings)


def make_source(path: Path, rows: int) -> None:
    """A file with so many predictions of a tenth as many companies."""
    made = database(path)
    made.create_tables()
    made.dispose()
    script = SOURCE.format(
        models=1,
        uploads=UPLOADS,
        companies=rows // YEARS,
        rows=rows,
        years=YEARS,
        now=time.time_ns() // 1000,
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN; {script} COMMIT;")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def change_some(path: Path) -> None:
    """Change one row of ``CHANGED``, as a load would."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE annual_predictions SET return_on_assets = return_on_assets + 1,"
            " updated_at = ? WHERE id % ? = 0",
            (time.time_ns() // 1000, CHANGED),
        )
        connection.commit()


def bare_copy(source: Path, target: Path) -> float:
    """Seconds that the rows alone take into a table without rules, and their index."""
    columns = ", ".join(c.name for c in annual_predictions.c)
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("ATTACH DATABASE ? AS source", (str(source),))
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"CREATE TABLE p (id INTEGER PRIMARY KEY, {columns[4:]})")
        copied = f"INSERT INTO p SELECT {columns} FROM source.annual_predictions"  # noqa: S608
        connection.execute(copied)
        key = "company_id, reporting_year, reporting_quarter"
        connection.execute(f"CREATE UNIQUE INDEX k ON p ({key})")
        connection.execute("COMMIT")
        return time.perf_counter() - started


def synchronised(source: Path, target: Path, mode: SyncMode) -> SyncReport:
    """One synchronisation by connections of its own."""
    ends = database(source), database(target)
    try:
        return synchronise(*ends, SyncOptions(mode))
    finally:
        for end in ends:
            end.dispose()


def one_round(source: Path, folder: Path) -> dict[str, float]:
    """What each way takes, in seconds; the target ends equal."""
    target = folder / "target.db"
    found = {"bare copy": bare_copy(source, folder / "bare.db")}
    found["first full"] = synchronised(source, target, SyncMode.FULL).seconds
    unchanged = synchronised(source, target, SyncMode.INCREMENTAL)
    if not unchanged.equal:
        raise SystemExit("Something differs after a full synchronisation")
    found["nothing changed"] = unchanged.seconds
    change_some(source)
    found["1 % changed"] = synchronised(source, target, SyncMode.INCREMENTAL).seconds
    verified = synchronised(source, target, SyncMode.VERIFY)
    if not verified.equal:
        raise SystemExit("Something differs after an incremental synchronisation")
    found["verify"] = verified.seconds
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.db")
        make_source(source, given.rows)
        for number in range(given.rounds):
            place = Path(folder, str(number))
            place.mkdir()
            rounds.append(one_round(source, place))
    seconds = {name: round(median(r[name] for r in rounds), 2) for name in rounds[0]}
    ratios = [r["first full"] / r["bare copy"] for r in rounds]
    result = {"rows": given.rows, "rounds": given.rounds, "seconds": seconds}
    print(json.dumps(result | {"full over bare": round(median(ratios), 2)}))


if __name__ == "__main__":
    main()
