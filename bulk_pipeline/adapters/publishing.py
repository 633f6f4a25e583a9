"""Publishing a batch: the load itself, then what people are told of it."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from bulk_pipeline.adapters.active_model import kept_model, model_record
from bulk_pipeline.adapters.batch_report import (
    BatchFigures,
    batch_figures,
    store_figures,
    upload_reports,
)
from bulk_pipeline.adapters.batches import Batch, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.loaders.base import (
    Loader,
    LoadRequest,
    LoadResult,
    UploadLoad,
)
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.reading import COMPANIES, ROWS
from bulk_pipeline.adapters.register import register_companies
from bulk_pipeline.adapters.rejects import STORED_CONFLICTS, write_reject_files
from bulk_pipeline.adapters.reports import (
    StepRecord,
    UploadReading,
    read_readings,
    step_records,
)
from bulk_pipeline.adapters.scoring import (
    DUPLICATE_COUNTS_FILE,
    REPEATED_FILE,
    scored_model,
)
from bulk_pipeline.core.schema import SYMBOL


@dataclass(frozen=True, slots=True)
class Published:
    """A published batch: its figures and what became of each upload."""

    figures: BatchFigures
    uploads: tuple[UploadReport, ...]


def register_batch(installation: Installation, rows: ChunkHandle) -> tuple[int, int]:
    """Put the companies of a batch into the register.

    Returns:
        Companies created and companies changed.
    """
    folder = rows.directory.parent
    batch = read_batch(installation.home, folder.name)
    watch = Stopwatch()
    with Monitor() as monitor, watch.stage("companies"):
        found = pl.read_ipc(folder / COMPANIES)
        policy = batch.options.companies
        now = datetime.now(UTC)
        registered = register_companies(installation.database, found, now, policy)
    StepRecord.of(watch.seconds, monitor.usage).write(folder, "companies")
    return registered


def publish_batch(
    installation: Installation, loader: Loader, scores: ChunkHandle, run_id: str
) -> Published:
    """Load a scored batch, then write its reject files, journal entries and metrics.

    Args:
        installation: where to.
        loader: the way into the database.
        scores: the scores of the batch.
        run_id: the run that loads it.

    Raises:
        BulkPipelineError: as the loader; nothing of the batch is visible then.
    """
    folder = scores.directory.parent
    batch = read_batch(installation.home, folder.name)
    readings = read_readings(folder)
    watch = Stopwatch()
    with Monitor() as monitor, watch.stage("load"):
        if any(reading.state == "read" for reading in readings):
            result = loader.publish(_request(installation, batch, readings, scores))
        else:
            result = LoadResult((), 0, 0.0)
        advance("load", scores.rows)
    committed_at = time.time()
    StepRecord.of(watch.seconds, monitor.usage).write(folder, "load")
    figures = batch_figures(result, step_records(folder), committed_at)
    run = (batch.key, run_id)
    # The rows are stored from here on, whatever becomes of the files about them.
    installation.journal.finish(upload_reports(run, readings, result, figures, {}))
    rejects = write_reject_files(installation.home, batch.key)
    uploads = upload_reports(run, readings, result, figures, rejects)
    installation.journal.finish(uploads)
    store_figures(installation.database, batch.key, run_id, figures)
    return Published(figures, tuple(uploads))


def _request(
    installation: Installation,
    batch: Batch,
    readings: list[UploadReading],
    scores: ChunkHandle,
) -> LoadRequest:
    folder = scores.directory.parent
    rows = ChunkHandle.open(folder / ROWS) if scores.rows else None
    model = kept_model(installation.home, scored_model(folder))
    companies = pl.read_ipc(folder / COMPANIES)[SYMBOL.name]
    text = (folder / DUPLICATE_COUNTS_FILE).read_text(encoding="utf-8")
    repeats = {counts["upload"]: counts for counts in json.loads(text)}
    options = batch.options.text()
    return LoadRequest(
        batch=batch.key,
        home_id=installation.journal.home_id(),
        uploads=tuple(
            UploadLoad(
                number=reading.number,
                key=reading.key,
                file_name=reading.file_name,
                sha256=reading.sha256,
                options=options,
                rows_read=reading.rows_read,
                rejected=reading.rejected,
                duplicates=repeats.get(reading.number, {}).get("duplicates", 0),
                conflicting=repeats.get(reading.number, {}).get("conflicting", 0),
            )
            for reading in readings
            if reading.state == "read"
        ),
        rows=rows,
        scores=scores if scores.rows else None,
        companies=companies,
        repeated=folder / REPEATED_FILE,
        update=batch.options.on_conflict == "update",
        model=model_record(model),
        now=datetime.now(UTC),
        rows_per_insert=installation.settings.batch_size,
        conflicts=folder / STORED_CONFLICTS,
    )
