"""Attempts at batches: which of them are over, and what is asked for next."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reconciling import end_for_good
from bulk_pipeline.adapters.tick import OpenBatch, members, wait_seconds
from bulk_pipeline.defs.failures import told_by
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline.defs.uploads.runs import newest_runs, runs_by_id, utc
from bulk_pipeline.defs.uploads.tags import (
    BATCH_TAG,
    RUN_KEY_TAG,
    batch_request,
    run_key,
    showing_request,
)

BEFORE_END = "The run ended before the batch did; it is tried again."
BEFORE_BEGIN = "The run ended before it began; it is tried again."
CANCELLED = "The run was cancelled by hand. To load the file after all, retry it."


def end_attempts(
    instance: dg.DagsterInstance,
    installation: Installation,
    landed: Sequence[OpenBatch],
) -> tuple[list[OpenBatch], list[str]]:
    """Enter attempts that are over into the journal: the batch waits for the next.

    Where somebody cancelled the run, the batch has failed: that is their word, and they
    would have to say it again after every further attempt. So it has where a step that
    had no journal says that it failed for good. A run key is spent for ever,
    also by a run that never began; such an attempt is counted, so that the next one is
    asked for under a new key.

    Args:
        instance: where the runs are.
        installation: whose journal.
        landed: open batches that no live process holds.

    Returns:
        The batches that no run is on its way for, and a sentence for each attempt that
        was over.
    """
    begun = runs_by_id(instance, [b.run_id for b in landed if b.state == "running"])
    keys = {_next_key(batch): batch for batch in landed if batch.state != "running"}
    asked = newest_runs(instance, RUN_KEY_TAG, list(keys))
    free, said = [], []
    for batch in landed:
        if batch.state == "running":
            run, message = begun.get(batch.run_id), BEFORE_END
        else:
            record = asked.get(_next_key(batch))
            if record is None:
                free.append(batch)
                continue
            run, message = record.dagster_run, BEFORE_BEGIN
        if run is not None and not run.is_finished:
            continue
        if batch.state != "running" and run is not None:
            installation.journal.start(batch.key, run.run_id)
        told = told_by(instance, run.run_id) if run is not None else None
        if told is not None:
            message = told.message
        if told is not None and told.for_good:
            end_for_good(installation, batch.key, message)
            said.append(f"Batch {batch.key} has failed. {message}")
            continue
        said.append(_ended(installation, batch.key, run, message))
    return free, said


def _next_key(batch: OpenBatch) -> str:
    return run_key(batch.key, batch.attempts + 1)


def _ended(
    installation: Installation, key: str, run: dg.DagsterRun | None, message: str
) -> str:
    if run is not None and run.status is dg.DagsterRunStatus.CANCELED:
        end_for_good(installation, key, CANCELLED)
        return f"Batch {key} has failed: its run {run.run_id} was cancelled."
    installation.journal.stop(key, "waiting", message)
    return f"Batch {key} waits for its next run. {message}"


def requests(
    instance: dg.DagsterInstance,
    installation: Installation,
    free: Sequence[OpenBatch],
    now: datetime,
) -> Iterator[dg.RunRequest]:
    """One request per open batch that is due, and one per batch with refusals.

    Args:
        instance: where the runs are.
        installation: whose batches.
        free: open batches that no run is on its way for, in the order of their claims.
        now: the clock of the ticks.
    """
    for batch in free:
        found = members(batch.folder) if batch.due else None
        if found is not None:
            size = installation.settings.alone_bytes
            yield batch_request(found, batch.attempts + 1, size)
    yield from _refusals(instance, installation, now)


def _refusals(
    instance: dg.DagsterInstance, installation: Installation, now: datetime
) -> Iterator[dg.RunRequest]:
    """The runs that show refused uploads; one that ended without is asked for again."""
    journal = installation.journal
    siblings = {refused_sibling(batch): batch for batch in journal.refusals_to_show()}
    newest = newest_runs(instance, BATCH_TAG, list(siblings))
    for sibling, batch in siblings.items():
        record = newest.get(sibling)
        if record is None:
            yield showing_request(sibling, 1)
            continue
        run = record.dagster_run
        if run.status is dg.DagsterRunStatus.CANCELED:
            journal.show_refusals(batch)  # whoever cancelled it has seen it
        if not run.is_finished or run.status is dg.DagsterRunStatus.CANCELED:
            continue
        attempts = int(run.tags.get(RUN_KEY_TAG, ":0").rsplit(":", 1)[1])
        waited = now - utc(record.update_timestamp)
        if waited >= timedelta(seconds=wait_seconds(attempts)):
            yield showing_request(sibling, attempts + 1)
