"""The nightly job that removes what is no longer kept."""

from dataclasses import asdict
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.tick import utc_now
from bulk_pipeline.defs.failures import explained
from bulk_pipeline.defs.operations.tidying import Tidied, tidy, would_tidy
from bulk_pipeline.defs.resources import InstallationResource

LISTED = 20
"""Names in metadata or in a message; the log has them all."""


class Housekeeping(dg.Config):
    """What may be chosen where the job is launched by hand.

    Attributes:
        dry_run: only say what would go.
    """

    dry_run: bool = False


@dg.op(out=dg.Out(dg.Nothing))
def housekeeping(
    context: dg.OpExecutionContext,
    config: Housekeeping,
    installation: InstallationResource,
) -> None:
    """Retire batches and delete runs that are older than the settings keep them.

    The receipts, the rows and their history, the journal and `run_metrics` stay.
    """
    with explained():
        found = installation.opened
        if config.dry_run:
            done = would_tidy(found, context.instance, utc_now())
        else:
            done = tidy(found, context.instance, utc_now(), context.log.info)
    for name, reason in done.left.items():
        context.log.warning("%s is left alone: %s", name, reason)
    metadata = tidied_metadata(done)
    if done.failures:
        raise dg.Failure(_named(done), metadata=metadata)
    context.add_output_metadata(metadata)


def tidied_metadata(done: Tidied) -> dict[str, Any]:
    """What housekeeping did, under flat names; of names at most 20."""
    return {
        name: value if isinstance(value, int | float) else len(value)
        for name, value in asdict(done).items()
    } | {
        f"{name}_listed": list(value)[:LISTED]
        for name, value in asdict(done).items()
        if not isinstance(value, int | float) and value
    }


def _named(done: Tidied) -> str:
    first = list(done.failures.items())[:LISTED]
    reasons = " ".join(f"{name}: {reason}" for name, reason in first)
    return (
        f"{len(done.failures)} of what should have gone are still there and are tried "
        f"again the next time. {reasons}"
    )


@dg.job(description="Remove batches and runs that are older than the settings keep.")
def housekeeping_job() -> None:
    """The one step of housekeeping, for the schedule and for people."""
    housekeeping()


# The time stands here, not in a setting: only the executor is read at load.
housekeeping_schedule = dg.ScheduleDefinition(
    name="housekeeping_schedule",
    job=housekeeping_job,
    cron_schedule="17 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 03:17 UTC.",
)
