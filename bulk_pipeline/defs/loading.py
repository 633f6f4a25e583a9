"""What reading, scoring and loading a batch takes, and nothing of what watches over it.

A process that runs one batch needs no sensor and no schedule; importing them would be
a third of its own modules. The whole code location is in ``definitions``.
"""

from typing import Any

import dagster as dg

from bulk_pipeline.defs.companies.assets import companies
from bulk_pipeline.defs.executors import chosen_executor
from bulk_pipeline.defs.io_managers import (
    BulkInsertIOManager,
    HandleIOManager,
    ScorecardIOManager,
)
from bulk_pipeline.defs.jobs import batch_job, scorecard_job
from bulk_pipeline.defs.predictions.assets import (
    annual_predictions,
    batch_predictions,
    scorecard,
)
from bulk_pipeline.defs.predictions.checks import batch_checks
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.assets import ingestion_file, rejected_rows

ASSETS = (
    ingestion_file,
    rejected_rows,
    companies,
    scorecard,
    batch_predictions,
    annual_predictions,
)
CHECKS = (batch_checks,)
JOBS = (batch_job, scorecard_job)


def resources() -> dict[str, Any]:
    """The resources of every run.

    IO managers and assets work with one installation: one that is configured when a run
    starts is opened once, one that is nested would be opened for each that has it.
    """
    installation = InstallationResource.configure_at_launch()
    return {
        "installation": installation,
        "handle_io_manager": HandleIOManager(installation=installation),
        "scorecard_io_manager": ScorecardIOManager(installation=installation),
        "database_io_manager": BulkInsertIOManager(installation=installation),
    }


def loading_definitions() -> dg.Definitions:
    """The jobs of a batch and of the scorecard as the code location has them."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        resources=resources(),
        executor=chosen_executor(),
    )
