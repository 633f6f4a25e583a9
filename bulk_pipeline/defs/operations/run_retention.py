"""Which of Dagster's runs are no longer kept, and how they are removed."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline.defs.operations.metrics import run_metrics
from bulk_pipeline.defs.operations.performance_report import performance_report
from bulk_pipeline.defs.predictions.assets import scorecard
from bulk_pipeline.defs.predictions.rescoring import rescored_predictions
from bulk_pipeline.defs.synchronisation.assets import (
    synchronised_companies,
    synchronised_predictions,
)

PARTITION_TAGS = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
FINISHED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in FINISHED]
WITHOUT_BATCH = (
    scorecard.key,
    run_metrics.key,
    rescored_predictions.key,
    synchronised_companies.key,
    synchronised_predictions.key,
    performance_report.key,
)
"""Assets that no batch partitions."""
AT_ONCE = 500


def runs_to_delete(
    instance: dg.DagsterInstance, batches: AbstractSet[str], ended_before: datetime
) -> list[str]:
    """Finished runs that show nothing which is kept, newest first.

    With a run go its materialisations, and an asset whose materialisation is gone looks
    as if it had never been made. So runs of a batch stay as long as the batch, unless
    a later run made all of it again; and of the other assets the last run stays.

    Args:
        instance: whose runs.
        batches: partition keys that are kept.
        ended_before: only runs that ended before this.
    """
    shown = set(_runs_shown(instance))
    made_again: set[str] = set()
    chosen = []
    for record in _ended(instance, ended_before):
        run = record.dagster_run
        mine = {run.tags[tag] for tag in PARTITION_TAGS if tag in run.tags} & batches
        if run.run_id not in shown and mine <= made_again:
            chosen.append(run.run_id)
        if run.job_name == batch_job.name and run.is_success:
            made_again |= mine
    return chosen


def partitions_at_work(instance: dg.DagsterInstance) -> set[str]:
    """Partitions for which a run is waiting or running."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return {run.tags[tag] for run in runs for tag in PARTITION_TAGS if tag in run.tags}


def _ended(instance: dg.DagsterInstance, before: datetime) -> Iterator[dg.RunRecord]:
    chosen = dg.RunsFilter(statuses=FINISHED, updated_before=before)
    cursor = None
    while records := instance.get_run_records(chosen, limit=AT_ONCE, cursor=cursor):
        yield from records
        cursor = records[-1].dagster_run.run_id


def _runs_shown(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs of the last materialisation of each partition of ``WITHOUT_BATCH``."""
    for key in WITHOUT_BATCH:
        seen: set[str | None] = set()
        cursor, more = None, True
        while more:
            found = instance.fetch_materializations(key, limit=AT_ONCE, cursor=cursor)
            for record in found.records:
                if record.partition_key not in seen:
                    seen.add(record.partition_key)
                    yield record.run_id
            cursor = found.cursor
            # Without partitions the first is the last one made.
            more = found.has_more and seen != {None}


def delete_run(instance: dg.DagsterInstance, run_id: str) -> int:
    """Delete a run, its events and, on SQLite, the file that held them.

    Returns:
        Bytes of that file, which Dagster leaves behind.
    """
    instance.delete_run(run_id)
    freed = 0
    for path in _files(instance, run_id):
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            freed += size
    return freed


def bytes_of_run(instance: dg.DagsterInstance, run_id: str) -> int:
    """Bytes of the files that hold the events of a run; 0 where there are none."""
    return sum(p.stat().st_size for p in _files(instance, run_id) if p.exists())


def _files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """Files of a run's own event log; only SQLite has one a run."""
    path_for_shard: Any = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_for_shard is None:
        return []
    path = path_for_shard(run_id)
    return [Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]


def runs_without_record(
    instance: dg.DagsterInstance, untouched_since: datetime
) -> list[str]:
    """Runs that were deleted but for their events, since something cut that short."""
    folder = _files(instance, "any")[:1]
    if not folder:
        return []
    limit = untouched_since.timestamp()
    with os.scandir(folder[0].parent) as entries:
        ids = [
            entry.name.removesuffix(".db")
            for entry in entries
            if _is_run_file(entry.name)
            and entry.stat(follow_symlinks=False).st_mtime < limit
        ]
    known: set[str] = set()
    for portion in portions(ids):
        known.update(instance.get_run_ids(dg.RunsFilter(run_ids=portion)))
    return sorted(set(ids) - known)


def _is_run_file(name: str) -> bool:
    with contextlib.suppress(ValueError):
        return f"{uuid.UUID(name.removesuffix('.db'))}.db" == name
    return False
