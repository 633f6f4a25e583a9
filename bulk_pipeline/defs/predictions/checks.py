"""Checks of a batch: two stop the load, five warn.

Numbers stand under flat names, so that the UI plots each of them over the batches.
"""

from collections.abc import Iterator

import dagster as dg

from bulk_pipeline.adapters.checking import accounting, score_range
from bulk_pipeline.defs.failures import reported
from bulk_pipeline.defs.predictions.assets import batch_predictions
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.assets import ingestion_file

SCORES_ARE_PROBABILITIES = dg.AssetCheckSpec(
    "batch_predictions_are_probabilities",
    asset=batch_predictions,
    blocking=True,
    description="Every probability of the batch lies in [0, 1]. Stops the load.",
)
NO_ROW_IS_LOST = dg.AssetCheckSpec(
    "batch_predictions_have_every_row",
    asset=batch_predictions,
    blocking=True,
    description="Rows read = rows scored + rows rejected. Stops the load.",
)
FEW_REJECTED = dg.AssetCheckSpec(
    "ingestion_file_has_few_rejects",
    asset=ingestion_file,
    description="The share of rejected rows is at most its threshold. Warns.",
)
FEW_MISSING = dg.AssetCheckSpec(
    "ingestion_file_has_few_missing_ratios",
    asset=ingestion_file,
    description="The share of rows with a missing ratio is at most its threshold.",
)
FEW_IMPLAUSIBLE = dg.AssetCheckSpec(
    "ingestion_file_is_plausible",
    asset=ingestion_file,
    description="The share of rows with a ratio that real accounts hardly ever show, "
    "and that of the placeholder 100000000 in each ratio, are at most their "
    "thresholds. Warns.",
)
RATIOS_AS_EXPECTED = dg.AssetCheckSpec(
    "ingestion_file_is_like_the_reference",
    asset=ingestion_file,
    description="The population stability index of each ratio against the model's "
    "reference is at most its threshold. Warns.",
)
SCORES_AS_EXPECTED = dg.AssetCheckSpec(
    "batch_predictions_are_like_the_reference",
    asset=batch_predictions,
    description="The population stability index of the scores against the model's "
    "reference is at most its threshold. Warns.",
)


WARNINGS = (
    FEW_REJECTED,
    FEW_MISSING,
    FEW_IMPLAUSIBLE,
    RATIOS_AS_EXPECTED,
    SCORES_AS_EXPECTED,
)
"""In the order in which ``judged_batch`` answers."""


@dg.multi_asset_check(specs=[SCORES_ARE_PROBABILITIES, NO_ROW_IS_LOST, *WARNINGS])
def batch_checks(
    context: dg.AssetCheckExecutionContext, installation: InstallationResource
) -> Iterator[dg.AssetCheckResult]:
    """What must hold before a batch is loaded, and what is worth a look."""
    # The daemon loads the definitions and never counts a batch.
    from bulk_pipeline.adapters.judging import judged_batch  # noqa: PLC0415

    found = installation.installation
    batch = context.partition_key
    folder = found.home.chunks(batch)
    with reported(found, batch):
        lowest, highest, sound = score_range(folder)
        read, scored, rejected = accounting(folder)
        judged = judged_batch(folder, found.home, found.settings)
    yield _result(
        SCORES_ARE_PROBABILITIES, passed=sound, lowest=lowest, highest=highest
    )
    yield _result(
        NO_ROW_IS_LOST,
        passed=read == scored + rejected,
        rows_read=read,
        rows_scored=scored,
        rows_rejected=rejected,
    )
    for spec, (passed, figures, said) in zip(WARNINGS, judged, strict=True):
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=said or None,
            metadata=dict(figures),
        )


def _result(
    spec: dg.AssetCheckSpec, *, passed: bool, **figures: float
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=passed,
        metadata=dict(figures),
    )
