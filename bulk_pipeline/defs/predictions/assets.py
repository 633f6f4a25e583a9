"""Scores: the model, the scored batch, and the table that users query."""

from collections.abc import Iterator

import dagster as dg

from bulk_pipeline.adapters.active_model import ActiveModel, refresh
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.scoring import (
    SENT_KEY,
    gather,
    planned_span,
    score_span,
    spread_spans,
)
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.defs.companies.assets import companies
from bulk_pipeline.defs.failures import told_in_events, working_on
from bulk_pipeline.defs.metadata import PREDICTION_COLUMNS
from bulk_pipeline.defs.partitions import DATABASE_POOL, batches
from bulk_pipeline.defs.queues import LOAD, SCORE
from bulk_pipeline.defs.resources import InstallationResource

GROUP = "predictions"


@dg.asset(
    group_name=GROUP, kinds={"scikitlearn"}, io_manager_key="scorecard_io_manager"
)
def scorecard(
    installation: InstallationResource,
) -> dg.MaterializeResult[ActiveModel]:
    """The model that scores: bins of five ratios, historic default rates, a regression.

    Its data version is the hash of the model file, so a change of model shows which
    predictions are out of date.
    """
    found = installation.installation
    active = refresh(found.settings)
    return dg.MaterializeResult(
        value=active,
        metadata={"name": active.name, "sha256": active.sha256},
        data_version=dg.DataVersion(active.sha256),
    )


@dg.op(out=dg.DynamicOut(dg.Nothing))
def split_rows(
    context: dg.OpExecutionContext,
    installation: InstallationResource,
    ingestion_file: ChunkHandle,
    scorecard: ActiveModel,
) -> Iterator[dg.DynamicOutput[None]]:
    """Cut the chunks of a batch into as many spans as there are workers.

    The plan lies beside the chunks and a span is known by its mapping key: a value
    for each span would cost three more events for each. Where machines without the home
    score, the plan lies in the exchange, too, and the key names it; a batch that is too
    small to be sent is scored here and has no span left.
    """
    batch, run_id = context.partition_key, context.run.run_id
    with working_on(installation, batch, run_id) as found:
        spans = spread_spans(found, ingestion_file, scorecard)
    installation.loader.prepare(ingestion_file.rows)
    for span in spans:
        yield dg.DynamicOutput(None, mapping_key=span)


@dg.op(ins={"span": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing), tags=SCORE)
def score_chunk(
    context: dg.OpExecutionContext, installation: InstallationResource
) -> None:
    """Score one span of chunks with the model that its plan names.

    A span that was sent is scored by the exchange alone: no home, no database, no
    journal is opened, since this machine may have none.
    """
    batch, span = context.partition_key, str(context.get_mapping_key())
    if SENT_KEY.fullmatch(span):
        with told_in_events():
            _score_afar(batch, span)
        return
    with working_on(installation, batch, context.run.run_id) as found:
        score_span(found, planned_span(found, batch, span))


def _score_afar(batch: str, span: str) -> None:
    from bulk_pipeline.adapters.exchange.afar import (  # noqa: PLC0415
        score_afar,  # few installations have an exchange
    )

    score_afar(Settings.from_environment(), batch, span)


@dg.op(
    ins={"scored": dg.In(dg.Nothing)},
    out=dg.Out(io_manager_key="handle_io_manager"),
)
def gather_chunks(
    context: dg.OpExecutionContext, installation: InstallationResource
) -> ChunkHandle:
    """Put the scores of all spans together and find the rows that repeat a key."""
    batch, run_id = context.partition_key, context.run.run_id
    with working_on(installation, batch, run_id) as found:
        scores = gather(found, batch)
    context.add_output_metadata(
        {"rows": scores.rows, "chunks": len(scores.chunks), "bytes": scores.bytes}
    )
    return scores


@dg.graph_asset(partitions_def=batches, group_name=GROUP, kinds={"numpy"})
def batch_predictions(
    ingestion_file: ChunkHandle, scorecard: ActiveModel
) -> ChunkHandle:
    """Probability of default, risk level and confidence of every row of a batch.

    A missing ratio stays missing and has its own rate in the model. A score depends
    on its row and the model alone.
    """
    spans = split_rows(ingestion_file, scorecard)
    return gather_chunks(spans.map(score_chunk).collect())


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    kinds={"sql"},
    deps=[companies],
    pool=DATABASE_POOL,
    op_tags=LOAD,
    io_manager_key="database_io_manager",
    metadata={
        "dagster/table_name": "annual_predictions",
        "dagster/column_schema": PREDICTION_COLUMNS,
    },
)
def annual_predictions(batch_predictions: ChunkHandle) -> ChunkHandle:
    """The stored predictions: one row per company, year and quarter, never twice.

    The rows of a batch appear together or not at all, with a receipt in `uploads`.
    Rows read = inserted + updated + duplicates + rejected.
    """
    return batch_predictions
