"""What is run together."""

import dagster as dg

from bulk_pipeline.defs.companies.assets import companies
from bulk_pipeline.defs.predictions.assets import (
    annual_predictions,
    batch_predictions,
    scorecard,
)
from bulk_pipeline.defs.uploads.assets import ingestion_file, rejected_rows

batch_job = dg.define_asset_job(
    "batch_job",
    selection=dg.AssetSelection.assets(
        ingestion_file, rejected_rows, companies, batch_predictions, annual_predictions
    ),
    description="Read, score and load one batch.",
)
scorecard_job = dg.define_asset_job(
    "scorecard_job",
    selection=dg.AssetSelection.assets(scorecard),
    description="Take the model of the settings as the one that scores.",
)
