"""The code location: everything that Dagster runs, listed by hand."""

import dagster as dg

from bulk_pipeline.defs.companies.assets import companies
from bulk_pipeline.defs.executors import chosen_executor
from bulk_pipeline.defs.io_managers import (
    BulkInsertIOManager,
    HandleIOManager,
    ScorecardIOManager,
)
from bulk_pipeline.defs.jobs import batch_job, rescore_job, scorecard_job
from bulk_pipeline.defs.operations.alerts import alerts_sensor, failed_uploads_sensor
from bulk_pipeline.defs.operations.failed_uploads import failed_uploads
from bulk_pipeline.defs.operations.housekeeping import (
    housekeeping_job,
    housekeeping_schedule,
)
from bulk_pipeline.defs.operations.metrics import run_metrics
from bulk_pipeline.defs.predictions.assets import (
    annual_predictions,
    batch_predictions,
    scorecard,
)
from bulk_pipeline.defs.predictions.checks import batch_checks
from bulk_pipeline.defs.predictions.rescoring import rescored_predictions
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.assets import ingestion_file, rejected_rows
from bulk_pipeline.defs.uploads.sensor import inbox_sensor


def build_definitions() -> dg.Definitions:
    """The definitions of ``bulk_pipeline``; reads one variable, connects to nothing."""
    installation = InstallationResource()
    return dg.Definitions(
        assets=[
            ingestion_file,
            rejected_rows,
            companies,
            scorecard,
            batch_predictions,
            annual_predictions,
            rescored_predictions,
            run_metrics,
            failed_uploads,
        ],
        asset_checks=[batch_checks],
        sensors=[inbox_sensor, failed_uploads_sensor, alerts_sensor],
        schedules=[housekeeping_schedule],
        jobs=[batch_job, rescore_job, scorecard_job, housekeeping_job],
        resources={
            "installation": installation,
            "handle_io_manager": HandleIOManager(installation=installation),
            "scorecard_io_manager": ScorecardIOManager(installation=installation),
            "database_io_manager": BulkInsertIOManager(installation=installation),
        },
        executor=chosen_executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What the code location loads."""
    return build_definitions()
