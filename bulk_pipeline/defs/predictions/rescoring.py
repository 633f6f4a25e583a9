"""Scoring what is stored again, when another model has become the active one.

A back-fill over an unbroken range of years is one run. Years with gaps between them
become one run for each unbroken range, because a run knows its first and last year
and nothing of gaps; a run takes the years that it is given, in order.
"""

from collections.abc import Mapping

import dagster as dg

from bulk_pipeline.adapters.active_model import ActiveModel
from bulk_pipeline.adapters.rescoring import Rescored, rescored_years
from bulk_pipeline.core.risk import LEVELS
from bulk_pipeline.defs.failures import explained
from bulk_pipeline.defs.metadata import PREDICTION_COLUMNS
from bulk_pipeline.defs.partitions import reporting_years
from bulk_pipeline.defs.predictions.assets import (
    GROUP,
    annual_predictions,
    scorecard,
)
from bulk_pipeline.defs.resources import InstallationResource

# Rows of a year come from the table, whichever batches stored them. Without a mapping
# Dagster takes years for keys of batches, and every back-fill fails on "non-existent
# partitions". A mapping to all or to the last batch would call each year stale after
# each load, though new rows have the active model's score.
from_no_batch = dg.SpecificPartitionsPartitionMapping([])


# Not @dg.asset: there, and only there, backfill_policy warns on every import, also on
# the terminal of whoever loads a file.
@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "rescored_predictions",
            deps=[
                scorecard,
                dg.AssetDep(annual_predictions, partition_mapping=from_no_batch),
            ],
            group_name=GROUP,
            kinds={"numpy", "sql"},
            description=(
                "The stored predictions of a reporting year, brought to the active "
                "model: probability, risk level and confidence anew, ratios and "
                "upload as they were. What was replaced is in "
                "`annual_prediction_history` (reason `rescore`). Rows that have the "
                "model's score already are left alone."
            ),
            metadata={
                "dagster/table_name": "annual_predictions",
                "dagster/column_schema": PREDICTION_COLUMNS,
            },
        )
    ],
    ins={"scorecard": dg.AssetIn(scorecard.key)},
    partitions_def=reporting_years,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def rescored_predictions(
    context: dg.AssetExecutionContext,
    installation: InstallationResource,
    scorecard: ActiveModel,
) -> dg.MaterializeResult[None]:
    """Each year of the run in its own transaction, with figures of its own."""
    years = [int(key) for key in context.partition_keys]
    with explained():
        for done in rescored_years(installation.installation, scorecard, years):
            context.add_asset_metadata(_figures(done), partition_key=str(done.year))
    return dg.MaterializeResult(
        metadata={"model": scorecard.name, "model_sha256": scorecard.sha256}
    )


rescore_job = dg.define_asset_job(
    "rescore_job",
    selection=dg.AssetSelection.assets(rescored_predictions),
    description="Bring the stored rows of some years to the active model.",
)


def _figures(done: Rescored) -> Mapping[str, float]:
    """The figures of a year under flat names, so that the UI plots each of them."""
    moved_from = {f"rows_moved_from_{n.lower()}": done.moved_from(n) for n in LEVELS}
    moved_to = {f"rows_moved_to_{n.lower()}": done.moved_to(n) for n in LEVELS}
    return {
        "dagster/partition_row_count": done.rows_rescored + done.rows_already_current,
        "rows_rescored": done.rows_rescored,
        "rows_already_current": done.rows_already_current,
        **moved_from,
        **moved_to,
        "seconds": done.seconds,
    }
