"""The performance report as Dagster sees it: an asset, its job, its weekly schedule."""

from typing import Any

import dagster as dg
from pydantic import Field

from bulk_pipeline.adapters.reporting import LAST, MOST
from bulk_pipeline.adapters.tick import utc_now
from bulk_pipeline.defs.failures import explained
from bulk_pipeline.defs.operations.metrics import run_metrics
from bulk_pipeline.defs.predictions.assets import annual_predictions
from bulk_pipeline.defs.predictions.rescoring import from_no_batch
from bulk_pipeline.defs.resources import InstallationResource

PLOT_BYTES = 100_000
"""A larger picture stays out of the event log, which is a database."""


class PerformanceReport(dg.Config):
    """What may be chosen where the report is made by hand.

    Attributes:
        last: loads and uploads that it looks at.
    """

    last: int = Field(default=LAST, ge=1, le=MOST)


@dg.asset(
    # None to any partition: the UI would compare each of them with the report.
    deps=[
        run_metrics,
        dg.AssetDep(annual_predictions, partition_mapping=from_no_batch),
    ],
    group_name="operations",
    kinds={"matplotlib"},
    description=(
        "A page with plots, in `reports` of the home: rows per second of the last "
        "loads, what became of rows, why rows were rejected, probabilities of default "
        "and risk levels by reporting year and by sector. The last "
        "`BULK_PIPELINE_KEEP_REPORTS` of them are kept."
    ),
)
def performance_report(
    context: dg.AssetExecutionContext,
    config: PerformanceReport,
    installation: InstallationResource,
) -> dg.MaterializeResult[None]:
    """Make the report of this moment."""
    # Matplotlib and what draws are no part of loading the definitions.
    from bulk_pipeline.adapters.reporting.report import make_report  # noqa: PLC0415

    with explained():
        report = make_report(installation.opened, utc_now(), config.last)
    for note in report.figures.notes:
        context.log.warning(note)
    return dg.MaterializeResult(metadata=report_metadata(report))


def report_metadata(report: Any) -> dict[str, Any]:
    """Where a report lies, its plain figures and its pictures.

    Pictures with names of sectors stay in the report: people write them, nothing keeps
    a company's name out of them, and the event log is not retired with the reports.

    Args:
        report: an ``adapters.reporting.report.Report``, which is not imported here.
    """
    from bulk_pipeline.adapters.reporting.page import data_uri  # noqa: PLC0415

    figures = report.figures
    shares = {
        f"share_{level.lower()}": share
        for level, share in figures.stored.shares().items()
    }
    pictures = {
        plot.name.replace("-", "_"): dg.MetadataValue.md(
            f"![{plot.alt}]({data_uri(plot.png)})"
        )
        for plot in report.plots
        if plot.impersonal and len(plot.png) <= PLOT_BYTES
    }
    return {
        "report": dg.MetadataValue.path(report.page),
        "rows_stored": figures.stored.rows,
        "loads": len(figures.loads),
        "median_rows_per_second": figures.median_rate,
        "rows_rejected": sum(reason.rows for reason in figures.rejected),
        **shares,
        **pictures,
    }


performance_report_job = dg.define_asset_job(
    "performance_report_job",
    selection=dg.AssetSelection.assets(performance_report),
    description="Make a performance report of this moment.",
)


# Off: it looks at every stored row, and only some want to be told each week.
performance_report_schedule = dg.ScheduleDefinition(
    name="performance_report_schedule",
    job=performance_report_job,
    cron_schedule="17 5 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every Monday at 05:17 UTC.",
)
