"""Runs as Dagster knows them: which of them are dead, and saying so to Dagster.

Dagster's own launcher never asks whether the process of a run still lives. Reported
wrongly, a run does no harm: a process that finds its run ended does not begin it, and
one that has begun holds its batch, so that no other run of it goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil

from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.locks import holder
from bulk_pipeline.defs.partitions import reporting_years
from bulk_pipeline.defs.uploads.refused import batch_of
from bulk_pipeline.defs.uploads.tags import BATCH_TAG

PARTITION_TAG = "dagster/partition"
ADDRESS_TAG = ".dagster/grpc_info"
"""Where Dagster's launcher writes how it reaches the code server of a run."""
GONE = "The process of this run is gone."
BEGUN = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
"""Not ended and no longer in the queue, where a run needs no process."""
START_GRACE = timedelta(seconds=60)
"""How long a run of a batch may say nothing while no process of it is known; one takes
up to half a minute to start on a busy machine."""
SILENCE = timedelta(hours=1)
"""The same for a run of no batch, which holds no lock that would show it alive."""
EVENTS = 20
CLOCK_SECONDS = 2.0  # an event is written a moment after its process began


@dataclass(frozen=True, slots=True)
class RunProcess:
    """The process of a run on this machine: its id, and when it was seen (epoch s)."""

    pid: int
    seen_at: float

    def lives(self) -> bool:
        """Whether it still runs; another process that was given its id does not count.

        Where the clock was put forward meanwhile the answer may be no.
        """
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(process.create_time() <= self.seen_at + CLOCK_SECONDS)
        except psutil.NoSuchProcess:
            return False


def bury_dead(instance: dg.DagsterInstance, home: Home, now: datetime) -> list[str]:
    """Report runs whose process is gone as ended, so that their places are free again.

    A run that somebody was cancelling is cancelled by it, any other has failed. Runs
    that wait in the queue have no process and are left alone.

    Returns:
        A sentence for each.
    """
    said = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(BEGUN))):
        if not _is_dead(instance, home, record, now):
            continue
        run = instance.get_run_by_id(record.dagster_run.run_id)
        if run is None or run.is_finished:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, GONE)
        else:
            instance.report_run_failed(run, GONE)
        said.append(f"Run {run.run_id} of {run.job_name} is ended: no process has it.")
    return said


def newest_runs(
    instance: dg.DagsterInstance, tag: str, values: Sequence[str]
) -> dict[str, dg.RunRecord]:
    """Value of a tag → the newest run that carries it."""
    found: dict[str, dg.RunRecord] = {}
    for some in portions(values):
        wanted = dg.RunsFilter(tags={tag: list(some)})
        for record in instance.get_run_records(wanted, ascending=True):
            found[record.dagster_run.tags[tag]] = record
    return found


def runs_by_id(
    instance: dg.DagsterInstance, ids: Sequence[str]
) -> dict[str, dg.DagsterRun]:
    """Run id → run, of those that Dagster knows."""
    found: dict[str, dg.DagsterRun] = {}
    for some in portions(ids):
        runs = instance.get_runs(dg.RunsFilter(run_ids=list(some)))
        found |= {run.run_id: run for run in runs}
    return found


def utc(moment: datetime) -> datetime:
    """A moment of Dagster's storage, which leaves out that it is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_dead(
    instance: dg.DagsterInstance, home: Home, record: dg.RunRecord, now: datetime
) -> bool:
    """Whether no process of a run can be left."""
    run = record.dagster_run
    folder = _folder(home, run)
    if folder is not None and holder(folder) == run.run_id:
        return False
    if isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        process = _process(instance, run)
        if process is not None and (folder is not None or _is_served_here(run)):
            return not process.lives()
        grace = SILENCE if folder is None else START_GRACE
    else:
        grace = SILENCE  # elsewhere, images are pulled and machines started first
    return now - _last_sign(instance, record) >= grace


def _folder(home: Home, run: dg.DagsterRun) -> Path | None:
    """Folder of the batch of a run; None for a run of no batch of this home."""
    partition = run.tags.get(BATCH_TAG) or run.tags.get(PARTITION_TAG, "")
    if not partition or reporting_years.has_partition_key(partition):
        return None
    folder = home.batch(batch_of(partition))
    return folder if folder.exists() else None


def _process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunProcess | None:
    """The process that says in the run's events that it began it."""
    events = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=EVENTS
    )
    for record in events.records:
        event = record.event_log_entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None:
            return RunProcess(int(str(pid.value)), record.timestamp)
    return None


def _is_served_here(run: dg.DagsterRun) -> bool:
    """Whether the code server that began a run left its socket on this machine."""
    address = json.loads(run.tags.get(ADDRESS_TAG, "{}"))
    return "socket" in address and Path(address["socket"]).exists()


def _last_sign(instance: dg.DagsterInstance, record: dg.RunRecord) -> datetime:
    """When a run was last heard of."""
    run_id = record.dagster_run.run_id
    events = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    moments = [datetime.fromtimestamp(event.timestamp, UTC) for event in events]
    return max([utc(record.update_timestamp), *moments])
