"""The watched folder: files in, one run per batch out."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.intake import claim_settled
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.tick import (
    OpenBatch,
    due_again,
    open_batches,
    require_database,
    utc_now,
)
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.defs.executors import chosen_executor
from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.refused import refused_sibling

LOOK_SECONDS = 1
"""Below the daemon's own 5 seconds: at just those, it would pass over every other look,
because the tick before ended a moment less than 5 seconds ago."""
LOCK_FILE, LOOK_FILE = "inbox.lock", "inbox.looked"
BATCH_TAG, FILES_TAG = "bulk_pipeline/batch", "bulk_pipeline/files"
FILES_IN_TAG = 20
START_GRACE = timedelta(seconds=60)
"""A run is started a moment before it holds its batch."""


@dg.sensor(
    target=batch_job,
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Take settled files out of the inbox and ask for the run of every open batch.

    There is no cursor: what has landed and has no live owner is asked for at every
    tick, under the same run key until an attempt was made. A lost tick loses nothing.
    """
    try:
        # First by itself: the resource would go on asking, attempt after attempt, for
        # the tables of a database that does not answer, and other ticks wait behind.
        require_database(installation.opened)
        found = installation.installation
    except BulkPipelineError as error:
        return dg.SkipReason(f"The files stay in the inbox: {error}")
    with only_one(found.home.root / LOCK_FILE) as alone:
        if not alone:
            return dg.SkipReason("Another tick is looking at the inbox.")
        if not due_again(found.home.root / LOOK_FILE, found.settings.inbox_seconds):
            return dg.SkipReason("BULK_PIPELINE_INBOX_SECONDS have not passed yet.")
        now = utc_now()
        waiting = claim_settled(found, now)
        landed = open_batches(found, now)
        requests = list(_requests(context.instance, found, landed, now))
    keys = [str(request.partition_key) for request in requests]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[batches.build_add_request(keys)] if keys else [],
        skip_reason=None
        if requests
        else f"{waiting} files are still being written, {len(landed)} batches wait.",
    )


def _requests(
    instance: dg.DagsterInstance,
    installation: Installation,
    landed: list[OpenBatch],
    now: datetime,
) -> Iterator[dg.RunRequest]:
    """One request per open batch that is due, and one per batch with refusals."""
    for batch in landed:
        if batch.state == "running":
            _bury(instance, installation, batch, now)
        elif batch.due and _is_free(instance, installation, batch, now):
            yield run_request(batch.key, batch.attempts + 1, batch.files)
    for key in installation.journal.refusals_to_show():
        yield run_request(refused_sibling(key), 1, ())


def run_request(key: str, attempt: int, files: tuple[str, ...]) -> dg.RunRequest:
    """The request of one attempt at a batch."""
    return dg.RunRequest(
        run_key=f"{key}:{attempt}", partition_key=key, tags=batch_tags(key, files)
    )


def batch_tags(key: str, files: Sequence[str]) -> dict[str, str]:
    """Tags by which a run can be found from its batch or from its files."""
    names = ", ".join(files[:FILES_IN_TAG])
    return {BATCH_TAG: key, **({FILES_TAG: names} if names else {})}


def _bury(
    instance: dg.DagsterInstance,
    installation: Installation,
    batch: OpenBatch,
    now: datetime,
) -> None:
    """Report a run whose process is gone as failed; the batch waits for the next."""
    run = instance.get_run_by_id(batch.run_id)
    if run is not None and not run.is_finished:
        if _between_steps(instance, batch.run_id, now):
            return
        instance.report_run_failed(run, "The process of this run is gone.")
    message = "The run ended before the batch did; it is tried again."
    installation.journal.stop(batch.key, "waiting", message)


def _between_steps(instance: dg.DagsterInstance, run_id: str, now: datetime) -> bool:
    """Whether a run may be alive though nobody holds its batch.

    Steps in processes of their own hold the batch one after another, with gaps.
    """
    if chosen_executor() is dg.in_process_executor:
        return False
    latest = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return bool(latest) and now.timestamp() - latest[0].timestamp < START_GRACE.seconds


def _is_free(
    instance: dg.DagsterInstance,
    installation: Installation,
    batch: OpenBatch,
    now: datetime,
) -> bool:
    """Whether the next attempt may be asked for: no run of it is on its way.

    A run key is spent for ever, also by a run that never started. Such an attempt is
    counted, so that the next tick asks under a new key.
    """
    key = f"{batch.key}:{batch.attempts + 1}"
    found = instance.get_run_records(
        dg.RunsFilter(tags={"dagster/run_key": key}), limit=1
    )
    if not found:
        return True
    run = found[0].dagster_run
    young = now - found[0].update_timestamp.replace(tzinfo=now.tzinfo) < START_GRACE
    if run.is_finished or (run.status is dg.DagsterRunStatus.STARTED and not young):
        if not run.is_finished:
            instance.report_run_failed(run, "The process of this run is gone.")
        installation.journal.start(batch.key, run.run_id)
        message = "The run ended before it began; it is tried again."
        installation.journal.stop(batch.key, "waiting", message)
    return False
