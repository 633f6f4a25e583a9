"""The register of companies."""

import dagster as dg

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.publishing import register_batch
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.defs.failures import working_on
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.queues import LOAD
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.assets import ingestion_file


@dg.asset(
    partitions_def=batches,
    group_name="companies",
    kinds={"sql"},
    deps=[ingestion_file],
    op_tags=LOAD,
    metadata={"dagster/table_name": "companies"},
)
def companies(
    context: dg.AssetExecutionContext, installation: InstallationResource
) -> dg.MaterializeResult[None]:
    """The companies of one batch in the register: one row per stock symbol.

    A new company is created. A known one keeps its name, and its blanks are filled.
    """
    batch = context.partition_key
    with working_on(installation, batch, context.run.run_id) as found:
        rows = ChunkHandle.open(found.home.chunks(batch) / ROWS)
        created, changed = register_batch(found, rows)
    return dg.MaterializeResult(
        metadata={"companies_created": created, "companies_changed": changed}
    )
