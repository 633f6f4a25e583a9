"""What a run of ``sync_job`` is launched with; asking for one takes no Dagster."""

from typing import Any

SYNC_JOB = "sync_job"
SYNC_ASSETS = ("synchronised_companies", "synchronised_predictions")
"""The steps of the job, each with the same config."""


def sync_run(
    batch_size: int | None = None,
    parallel_workers: int | None = None,
    mode: str | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Run config and tags of one run of ``sync_job`` over every reporting year.

    They are the ``run_config`` and ``tags`` of
    ``DagsterGraphQLClient.submit_job_execution``, or ``runConfigData`` and
    ``executionMetadata.tags`` of GraphQL's ``launchRun``. A run that names no year
    brings over all of them, and enters those that it looked at, and no other, as
    materialised: two hundred partitions would take Dagster longer than the work.

    Args:
        batch_size: rows that are read and written at once, from 1 to 1,000,000; None:
            ``ULTRA_BATCH_SIZE``.
        parallel_workers: bulk copies at once into SQL Server, from 1 to 8; more than
            one also reads the next rows while rows are written. Two SQLite files on one
            machine have no use for it. None: ``ULTRA_PARALLEL_WORKERS``.
        mode: ``incremental``, ``full`` or ``verify``; None: ``incremental``.

    Returns:
        Run config (nothing in it for what is None) and tags, of which there are none:
        the job has its own.
    """
    given = {
        "batch_size": batch_size,
        "parallel_workers": parallel_workers,
        "mode": mode,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return {"ops": {asset: {"config": chosen} for asset in SYNC_ASSETS}}, {}
