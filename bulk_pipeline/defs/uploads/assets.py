"""Files as they came: what was read and what was rejected."""

import dagster as dg

from bulk_pipeline.adapters.batches import read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.reading import ingest
from bulk_pipeline.adapters.rejects import write_reject_files
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.quality import total
from bulk_pipeline.core.wording import amount
from bulk_pipeline.defs.failures import working_on
from bulk_pipeline.defs.metadata import TABLE_ROWS, uploads_table, warnings_metadata
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.queues import READ
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads.refused import is_refused_sibling, show_refused

GROUP = "uploads"
SHOWN = 10
"""Files named in the message of a run that could read none."""


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    kinds={"arrow"},
    io_manager_key="handle_io_manager",
    code_version="1",
    op_tags=READ,
)
def ingestion_file(
    context: dg.AssetExecutionContext, installation: InstallationResource
) -> dg.MaterializeResult[ChunkHandle]:
    """The files of one batch as typed rows: one row per company and reporting year.

    Every line is accounted for: it is a row here, or it is listed in `rejected_rows`
    with its line, column and reason. A file that cannot be read is refused whole.
    """
    batch = context.partition_key
    run_id = context.run.run_id
    if is_refused_sibling(batch):
        show_refused(installation.installation, batch)
    with working_on(installation, batch, run_id) as found:
        found.journal.start(batch, run_id)
        reached("run entered")
        installation.loader.prepare(read_batch(found.home, batch).guessed_rows)
        rows = ingest(found, batch)
        readings = read_readings(rows.directory.parent)
        refused = [reading for reading in readings if reading.state == "refused"]
        if len(refused) == len(readings):
            found.journal.finish(
                UploadReport(
                    key=reading.key,
                    file=reading.file_name,
                    state="failed",
                    sha256=reading.sha256,
                    run_id=run_id,
                    message=reading.message,
                    batch=batch,
                )
                for reading in refused
            )
            found.journal.show_refusals(batch)
            told = (f"{r.file_name}: {r.message}" for r in refused[:SHOWN])
            raise PermanentError(
                f"No file of this batch could be read, "
                f"{amount(len(refused), 'was', 'were')} refused. " + " ".join(told)
            )
    quality = total(reading.quality for reading in readings)
    return dg.MaterializeResult(
        value=rows,
        metadata={
            "rows_read": sum(reading.rows_read for reading in readings),
            "rows_rejected": sum(reading.rejected for reading in readings),
            "rows_with_missing_ratio": quality.missing,
            "rows_implausible": quality.implausible,
            "files": len(readings),
            "files_refused": len(refused),
            "files_repeated": sum(r.state == "repeated" for r in readings),
            "files_withdrawn": sum(r.state == "withdrawn" for r in readings),
            "uploads": uploads_table(readings),
            **warnings_metadata(readings),
        },
    )


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    kinds={"csv"},
    deps=[ingestion_file],
    op_tags=READ,
)
def rejected_rows(
    context: dg.AssetExecutionContext, installation: InstallationResource
) -> dg.MaterializeResult[None]:
    """Every row that could not be stored, with its line, column, reason and text.

    One CSV file per upload, with the row as it stood, so that it can be corrected and
    dropped again. The load adds the duplicates that contradict a stored row.
    """
    batch = context.partition_key
    with working_on(installation, batch, context.run.run_id) as found:
        files = write_reject_files(found.home, batch)
    readings = read_readings(found.home.chunks(batch))
    reasons: dict[str, int] = {}
    for reading in readings:
        for reason, rows in reading.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    return dg.MaterializeResult(
        metadata={
            "rows_rejected": sum(reasons.values()),
            "reasons": reasons,
            "reject_files": len(files),
            "files": [str(file) for file in files.values()][:TABLE_ROWS],
        }
    )
