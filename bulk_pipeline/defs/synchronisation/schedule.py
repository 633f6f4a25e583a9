"""The job that brings everything over, and the night on which it does."""

import dagster as dg

from bulk_pipeline.defs.synchronisation.assets import (
    synchronised_companies,
    synchronised_predictions,
)
from bulk_pipeline.defs.synchronisation.requests import SYNC_JOB
from bulk_pipeline.defs.uploads.tags import GIANT, SIZE_TAG

# A place in the pool of loads is always free for small files: one giant at a time.
sync_job = dg.define_asset_job(
    SYNC_JOB,
    selection=dg.AssetSelection.assets(
        synchronised_companies, synchronised_predictions
    ),
    tags={SIZE_TAG: GIANT},
    description=(
        "Bring the second database to what the first one has: every year, or those of "
        "a range of partitions."
    ),
)


# Off, since most installations have no second database.
sync_schedule = dg.ScheduleDefinition(
    name="sync_schedule",
    job=sync_job,
    cron_schedule="17 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 04:17 UTC, in one run over every reporting year.",
)
