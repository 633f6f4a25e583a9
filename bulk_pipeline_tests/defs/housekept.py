"""Batches to keep house among: run for real, then looked at on disk and in Dagster."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal_tables import uploads
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner

BATCH_ASSETS = (
    "ingestion_file",
    "rejected_rows",
    "companies",
    "batch_predictions",
    "annual_predictions",
)


def later(days: float) -> datetime:
    """So many days from now, UTC."""
    return datetime.now(UTC) + timedelta(days=days)


def loaded(runner: Runner, folder: Path, name: str, *, bad: bool = False) -> Batch:
    """A batch that went well; with a refused file and a rejected row if ``bad``."""
    year = 1950 + sum(map(ord, name)) % 70
    rows = rows_of("AB", [year])
    if bad:
        rows.append({**rows[0], "reporting_year": "soon"})
    files = [write_csv(folder / f"{name}.csv", rows)]
    if bad:
        files.append(folder / f"{name}-no-table.csv")
        files[-1].write_text("nothing,of,ours\n1,2,3\n")
    batch = runner.claim(*files)
    assert runner.run(batch).success
    return batch


def age(installation: Installation, batch: Batch, days: float) -> None:
    """Let a batch have ended so many days ago."""
    change = uploads.update().where(uploads.c.batch == batch.key)
    with installation.journal.transaction() as connection:
        connection.execute(change.values(changed_at=later(-days)))


def traces(home: Home, batch: str) -> list[str]:
    """Every path of the home that names a batch, and what lies below it."""
    found = home.root.rglob(f"*{batch}*")
    return sorted(str(path.relative_to(home.root)) for path in found)


def contents(home: Home) -> dict[str, bytes]:
    """Every file of a home but the databases, whose pages change when they are read."""
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in home.root.rglob("*")
        if path.is_file() and ".db" not in path.name
    }


def partition_keys(instance: dg.DagsterInstance) -> set[str]:
    """The keys of all batches."""
    return set(instance.get_dynamic_partitions(str(batches.name)))


def materialised(instance: dg.DagsterInstance, batch: str) -> list[str]:
    """Assets of which Dagster shows a batch as materialised."""
    return [
        name
        for name in BATCH_ASSETS
        if batch in instance.get_materialized_partitions(dg.AssetKey(name))
    ]


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    """The runs that Dagster knows."""
    return set(instance.get_run_ids())


def run_files(instance: dg.DagsterInstance) -> set[str]:
    """The runs that have a file of events."""
    folder = Path(instance.event_log_storage.path_for_shard("any")).parent
    return {path.stem for path in folder.glob("*-*.db")}
