"""The code location: everything that Dagster runs, listed by hand."""

import dagster as dg

from bulk_pipeline.adapters.collecting import end_without_collecting
from bulk_pipeline.adapters.logs import configure_logging
from bulk_pipeline.defs import loading
from bulk_pipeline.defs.executors import chosen_executor
from bulk_pipeline.defs.operations.alerts import alerts_sensor, failed_uploads_sensor
from bulk_pipeline.defs.operations.dummy_data import dummy_data_job
from bulk_pipeline.defs.operations.failed_uploads import failed_uploads, inbox
from bulk_pipeline.defs.operations.freshness import inbox_is_fresh
from bulk_pipeline.defs.operations.housekeeping import (
    housekeeping_job,
    housekeeping_schedule,
)
from bulk_pipeline.defs.operations.metrics import run_metrics
from bulk_pipeline.defs.operations.performance_report import (
    performance_report,
    performance_report_job,
    performance_report_schedule,
)
from bulk_pipeline.defs.predictions.rescoring import rescore_job, rescored_predictions
from bulk_pipeline.defs.synchronisation.assets import (
    synchronised_companies,
    synchronised_predictions,
)
from bulk_pipeline.defs.synchronisation.schedule import sync_job, sync_schedule
from bulk_pipeline.defs.uploads.sensor import inbox_sensor


def build_definitions() -> dg.Definitions:
    """The definitions of ``bulk_pipeline``; reads one variable, connects to nothing."""
    return dg.Definitions(
        assets=[
            *loading.ASSETS,
            rescored_predictions,
            run_metrics,
            performance_report,
            failed_uploads,
            inbox,
            synchronised_companies,
            synchronised_predictions,
        ],
        asset_checks=[*loading.CHECKS, inbox_is_fresh],
        sensors=[inbox_sensor, failed_uploads_sensor, alerts_sensor],
        schedules=[
            housekeeping_schedule,
            sync_schedule,
            performance_report_schedule,
        ],
        jobs=[
            *loading.JOBS,
            rescore_job,
            housekeeping_job,
            dummy_data_job,
            sync_job,
            performance_report_job,
        ],
        resources=loading.resources(),
        executor=chosen_executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What the code location loads; each run has a process that does, and then ends."""
    end_without_collecting()
    configure_logging()
    return build_definitions()
