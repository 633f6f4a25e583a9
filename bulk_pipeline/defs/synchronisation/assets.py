"""A second database kept equal to the one that loads go into, or any to any.

The companies, and what predictions name besides, come over as one; predictions by
reporting year, so that a year can be brought over alone. A run over a range of years
is one visit to the two databases. What is written is the copy's own transaction: a run
that is killed leaves it whole, and the next one goes on.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Literal

import dagster as dg
from pydantic import Field

from bulk_pipeline.adapters.sync_databases import sync_databases, sync_options
from bulk_pipeline.core.metrics import rows_per_second
from bulk_pipeline.core.syncing import SyncMode, SyncReport, TableCounts
from bulk_pipeline.core.wording import amount
from bulk_pipeline.defs.companies.assets import companies
from bulk_pipeline.defs.failures import explained
from bulk_pipeline.defs.metadata import PREDICTION_COLUMNS
from bulk_pipeline.defs.partitions import DATABASE_POOL, reporting_years
from bulk_pipeline.defs.predictions.assets import annual_predictions
from bulk_pipeline.defs.predictions.rescoring import (
    from_no_batch,
    rescored_predictions,
)
from bulk_pipeline.defs.resources import InstallationResource

GROUP = "synchronisation"


class Synchronisation(dg.Config):
    """What may be chosen where a run is launched; the rest is in the settings.

    Attributes:
        mode: incremental: rows whose moments of change differ; full: every row;
            verify: every row, and nothing is written.
        batch_size: rows that are read and written at once; null: ULTRA_BATCH_SIZE.
        parallel_workers: bulk copies at once; null: ULTRA_PARALLEL_WORKERS.
    """

    mode: Literal["incremental", "full", "verify"] = "incremental"
    batch_size: int | None = Field(default=None, ge=1, le=1_000_000)
    parallel_workers: int | None = Field(default=None, ge=1, le=8)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "synchronised_companies",
            # None to any partition: the UI would compare each of them with the copy.
            deps=[
                dg.AssetDep(asset, partition_mapping=from_no_batch)
                for asset in (companies, annual_predictions, rescored_predictions)
            ],
            group_name=GROUP,
            kinds={"sql"},
            description=(
                "Companies, models and receipts of uploads in the second database, "
                "equal to those of the first: matched by symbol, by hash and by key."
            ),
            metadata={"dagster/table_name": "companies"},
        )
    ],
    pool=DATABASE_POOL,
)
def synchronised_companies(
    context: dg.AssetExecutionContext,
    config: Synchronisation,
    installation: InstallationResource,
) -> dg.MaterializeResult[None]:
    """All of them, whatever years the run is over."""
    report = _synchronised(context, config, installation, None)
    rows = report.tables.get("companies", TableCounts()).source_rows
    return dg.MaterializeResult(
        metadata={**_run_figures(report), "dagster/row_count": rows}
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "synchronised_predictions",
            # On nothing with partitions: Dagster would look for them in a run that has
            # none, and fail it.
            deps=[synchronised_companies],
            group_name=GROUP,
            kinds={"sql"},
            description=(
                "The predictions of a reporting year in the second database, equal to "
                "those of the first: matched by company, year and quarter, with the "
                "moments at which the first database wrote them."
            ),
            metadata={
                "dagster/table_name": "annual_predictions",
                "dagster/column_schema": PREDICTION_COLUMNS,
            },
            skippable=True,
        )
    ],
    partitions_def=reporting_years,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=DATABASE_POOL,
)
def synchronised_predictions(
    context: dg.AssetExecutionContext,
    config: Synchronisation,
    installation: InstallationResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """The years of the run, and what their rows name, each year with its figures.

    A run without a range of years brings over all of them and enters those that it
    looked at: events of two hundred partitions take Dagster longer than the work.
    """
    if not context.has_partition_key and not context.has_partition_key_range:
        report = _synchronised(context, config, installation, [])
        for event in _events(report, synchronised_predictions.key):
            context.log_event(event)
        return
    keys = context.partition_keys
    report = _synchronised(context, config, installation, keys)
    for key in keys:
        context.add_asset_metadata(_year_figures(report, int(key)), partition_key=key)
    yield dg.MaterializeResult(metadata=_run_figures(report))


def _events(
    report: SyncReport, key: dg.AssetKey
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """What a run over all years enters: the years that it looked at, and the whole."""
    known = set(reporting_years.get_partition_keys())
    for year in report.years:
        if str(year) in known:
            yield dg.AssetMaterialization(
                key, partition=str(year), metadata=_year_figures(report, year)
            )
    yield dg.AssetObservation(key, metadata=_run_figures(report))


def _synchronised(
    context: dg.AssetExecutionContext,
    config: Synchronisation,
    installation: InstallationResource,
    keys: list[str] | None,
) -> SyncReport:
    """What became of the rows of some years; none: of all; None: of no predictions.

    Raises:
        dg.Failure: with the message of one of our errors; or two databases that were
            only to be compared differ.
    """
    # The engine's libraries are no part of loading the definitions.
    from bulk_pipeline.adapters.syncing.synchronising import (  # noqa: PLC0415
        synchronise,
    )

    given = {"batch_size": config.batch_size, "workers": config.parallel_workers}
    chosen = {name: value for name, value in given.items() if value is not None}
    with explained():
        settings = installation.opened.settings.model_copy(update=chosen)
        options = replace(
            sync_options(settings),
            mode=SyncMode(config.mode),
            years=tuple(map(int, keys or ())),
            predictions=keys is not None,
        )
        with sync_databases(settings) as two:
            context.log.info("%s to %s", two.source.name, two.target.name)
            report = synchronise(two.source, two.target, options)
    if report.mode is SyncMode.VERIFY and not report.equal:
        raise dg.Failure(
            f"The two databases differ: {_differing(report)}. Run in mode full to make "
            "them equal.",
            metadata=_run_figures(report),
            allow_retries=False,
        )
    return report


def _differing(report: SyncReport) -> str:
    found = {name: counts.differing for name, counts in report.tables.items()}
    return ", ".join(
        f"{amount(rows, 'row')} of {name}" for name, rows in found.items() if rows
    )


def _year_figures(report: SyncReport, year: int) -> dict[str, float]:
    """The counts of a year under flat names, so that the UI plots each of them."""
    counts = report.years.get(year, TableCounts())
    names = ("inserted", "updated", "deleted", "kept", "unchanged")
    figures = {f"rows_{name}": getattr(counts, name) for name in names}
    return {**figures, "dagster/partition_row_count": counts.source_rows}


def _run_figures(report: SyncReport) -> dict[str, float]:
    """Plain numbers of a run, table by table."""
    rows = sum(counts.source_rows for counts in report.tables.values())
    by_table = {
        f"{table}_{name}": value
        for table, counts in report.tables.items()
        for name, value in asdict(counts).items()
    }
    return {
        **by_table,
        "seconds": report.seconds,
        "rows_per_second": rows_per_second(rows, report.seconds),
    }
