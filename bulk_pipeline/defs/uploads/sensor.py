"""The watched folder: files in, one run per batch out."""

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.intake import claim_settled
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.reconciling import end_lost
from bulk_pipeline.adapters.sweeping import sweep
from bulk_pipeline.adapters.tick import (
    LOCK_FILE,
    due_again,
    open_batches,
    require_database,
    utc_now,
)
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.wording import amount
from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.attempts import end_attempts, requests
from bulk_pipeline.defs.uploads.runs import bury_dead

LOOK_SECONDS = 1
"""Below the daemon's own 5 seconds: at just those, it would pass over every other look,
because the tick before ended a moment less than 5 seconds ago."""
LOOK_FILE, SWEEP_FILE = "inbox.looked", "inbox.swept"
SWEEP_SECONDS = 60.0


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
        try:
            return _look(context, found)
        except BulkPipelineError as error:
            return dg.SkipReason(f"This look was cut short: {error}")


def _look(context: dg.SensorEvaluationContext, found: Installation) -> dg.SensorResult:
    """One look by the only process that looks."""
    now = utc_now()
    instance = context.instance
    waiting = claim_settled(found, now)
    healed = bury_dead(instance, found.home, now) + end_lost(found)
    landed = open_batches(found, now)
    free, ended = end_attempts(instance, found, landed)
    asked = list(requests(instance, found, free, now))
    if due_again(found.home.root / SWEEP_FILE, SWEEP_SECONDS):
        healed += [f"Removed what was left behind: {name}." for name in sweep(found)]
    for sentence in healed + ended:
        context.log.info(sentence)
    keys = [str(request.partition_key) for request in asked]
    wait = amount(len(landed), "batch waits", "batches wait")
    return dg.SensorResult(
        run_requests=asked,
        dynamic_partitions_requests=[batches.build_add_request(keys)] if keys else [],
        skip_reason=None if asked else f"{waiting}, {wait}.",
    )
