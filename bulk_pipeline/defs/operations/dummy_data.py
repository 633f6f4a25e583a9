"""The job that makes up accounts and drops them into the inbox as files."""

import time
from typing import Any

import dagster as dg

from bulk_pipeline.core.metrics import rows_per_second, tier
from bulk_pipeline.defs.failures import explained
from bulk_pipeline.defs.resources import InstallationResource

LISTED = 20
"""File names in metadata."""


class DummyData(dg.Config):
    """What is made up; the same values mean the same rows.

    Attributes:
        num_records: rows, 1 to 1,000,000,000.
        batch_size: rows of each file, 1 to 10,000,000; at most 10,000 files.
        seed: 0 or more; another seed, other rows.
        bad_share: share of rows that are wrong on purpose, 0 to 1.
        duplicate_share: share of rows that repeat the key of an earlier row, 0 to 0.5.
        missing_share: share of rows that lack a ratio, 0 to 1.
    """

    num_records: int
    batch_size: int = 1_000_000
    seed: int = 0
    bad_share: float = 0.0
    duplicate_share: float = 0.0
    missing_share: float = 0.2


@dg.op(out=dg.Out(dg.Nothing))
def dummy_data(
    context: dg.OpExecutionContext,
    config: DummyData,
    installation: InstallationResource,
) -> None:
    """Put the files into `inbox/dummy`, where the sensor takes them.

    Their names hold the run that was launched first. So one that is tried or executed
    again puts the same bytes under the same names, and what was loaded already is not
    loaded twice.
    """
    # A process that runs something else needs none of it.
    from bulk_pipeline.adapters.sample_loads import (  # noqa: PLC0415
        SampleFiles,
        drop_samples,
    )
    from bulk_pipeline.core.dummy import DummyRequest  # noqa: PLC0415

    started = time.perf_counter()
    root = context.run.root_run_id or context.run.run_id
    found = installation.opened
    with explained():
        request = DummyRequest(
            config.num_records,
            seed=config.seed,
            bad_share=config.bad_share,
            duplicate_share=config.duplicate_share,
            missing_share=config.missing_share,
        )
        workers = found.settings.workers
        files = SampleFiles(request, config.batch_size, workers, mark=root[:8])
        dropped = drop_samples(found, files)
    seconds = time.perf_counter() - started
    context.add_output_metadata(_figures(request.rows, seconds, dropped))


def _figures(rows: int, seconds: float, dropped: dict[str, int]) -> dict[str, Any]:
    """What was made, under flat names, so that the UI plots the numbers."""
    rate = rows_per_second(rows, seconds)
    return {
        "rows": rows,
        "seconds": seconds,
        "rows_per_second": rate,
        "tier": str(tier(rate)),
        "files": len(dropped),
        "bytes": sum(dropped.values()),
        "file_names": list(dropped)[:LISTED],
    }


@dg.job(
    description="Make up company accounts and drop them into the inbox, whose sensor "
    "loads them as any other file."
)
def dummy_data_job() -> None:
    """The one step, for people and for the upload API."""
    dummy_data()
