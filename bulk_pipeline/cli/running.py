"""Running a batch in this process, on the persistent Dagster instance of the home."""

from pathlib import Path
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.active_model import wanted_model
from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.collecting import nothing_to_collect
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.cli.dagster_home import use_dagster_home
from bulk_pipeline.defs.event_log import event_log_kept_open
from bulk_pipeline.defs.failures import asked_once
from bulk_pipeline.defs.jobs import batch_job, scorecard_job
from bulk_pipeline.defs.loading import loading_definitions
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.predictions.assets import scorecard
from bulk_pipeline.defs.uploads.tags import batch_tags

QUIET: dict[str, Any] = {
    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
}
"""Run config: events go to the instance, not to the terminal."""


def run_batch(installation: Installation, batch: Batch, run_id: str) -> str:
    """Run the job of a batch; what became of its uploads is in the journal.

    Args:
        installation: where the batch has landed.
        batch: what is run.
        run_id: id of the run, under which the caller holds the batch already: a daemon
            of the same home must not start it, too.

    Returns:
        Why the run failed, for people; nothing if it did not. Uploads that were not
        finished by then are failed in the journal, with the same words.
    """
    use_dagster_home(installation.home)
    with nothing_to_collect():
        definitions = loading_definitions()
        job = definitions.resolve_job_def(batch_job.name)
        opened = dg.DagsterInstance.get()
    with opened as instance, event_log_kept_open(instance, run_id):
        _refresh_scorecard(definitions, instance, installation)
        instance.add_dynamic_partitions(str(batches.name), [batch.key])
        with asked_once():
            result = job.execute_in_process(
                instance=instance,
                partition_key=batch.key,
                run_config=QUIET,
                tags=batch_tags(batch.key, [u.file_name for u in batch.uploads]),
                raise_on_error=False,
                run_id=run_id,
            )
    if result.success:
        return ""
    reason = _reason(result)
    installation.journal.stop(batch.key, "failed", reason)
    put_away(installation, batch.key)
    return reason


def prepare_instance(installation: Installation) -> Path:
    """Make the Dagster instance of the home ready, with the wanted scorecard.

    Returns:
        Its folder, which ``DAGSTER_HOME`` names from now on.
    """
    folder = use_dagster_home(installation.home)
    with dg.DagsterInstance.get() as instance:
        _refresh_scorecard(loading_definitions(), instance, installation)
    return folder


def _refresh_scorecard(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    installation: Installation,
) -> None:
    """Materialise the scorecard if the one Dagster knows is not the one wanted."""
    wanted = wanted_model(installation.settings).sha256
    event = instance.get_latest_materialization_event(scorecard.key)
    known = (
        event.asset_materialization.tags
        if event and event.asset_materialization
        else {}
    )
    if (known or {}).get("dagster/data_version") == wanted:
        return
    definitions.resolve_job_def(scorecard_job.name).execute_in_process(
        instance=instance, run_config=QUIET
    )


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step said, for people."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            ours = event.step_failure_data.user_failure_data
            if ours and ours.description:
                return ours.description
            cause = event.step_failure_data.error.cause or event.step_failure_data.error
            return f"{event.step_key} failed: {cause.message.strip()}"
    return "The run failed before its first step. See the run in the Dagster UI."
