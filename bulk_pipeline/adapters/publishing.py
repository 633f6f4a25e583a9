"""Publishing a batch: the load itself, then what people are told of it."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.active_model import kept_model, model_record
from bulk_pipeline.adapters.batch_report import (
    BatchFigures,
    after_load,
    batch_figures,
    load_figures,
    store_figures,
    upload_reports,
)
from bulk_pipeline.adapters.batches import Batch, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.databases.watching import watching
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
from bulk_pipeline.adapters.publishing_apart import Outcome, publish_each
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
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.schema import SYMBOL
from bulk_pipeline.core.wording import amount

logger = logging.getLogger(__name__)
SHOWN = 10
"""Files named in the message of a batch of which nothing is stored."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published batch: its figures and what became of each upload.

    Attributes:
        figures: of the whole batch.
        uploads: what became of each.
        load: the figures as ``run_metrics`` keeps them.
        before: earlier loads of comparable size, newest first.
    """

    figures: BatchFigures
    uploads: tuple[UploadReport, ...]
    load: LoadFigures
    before: tuple[LoadFigures, ...]


def register_batch(installation: Installation, rows: ChunkHandle) -> tuple[int, int]:
    """Put the companies of a batch into the register.

    Returns:
        Companies created and companies changed.
    """
    folder = rows.directory.parent
    batch = read_batch(installation.home, folder.name)
    watch = Stopwatch()
    with Monitor(watch) as monitor, watch.stage("companies"):
        found = pl.read_ipc(folder / COMPANIES)
        policy = batch.options.companies
        now = datetime.now(UTC)
        registered = register_companies(installation.database, found, now, policy)
    reached("companies registered")
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
        PermanentError: nothing of the batch is stored; says why.
        TransientError: the database stayed busy; what of the batch is stored by then
            counts when it is published again.
    """
    folder = scores.directory.parent
    batch = read_batch(installation.home, folder.name)
    readings = read_readings(folder)
    watch = Stopwatch()
    rows = amount(scores.rows, "row")
    logger.info("Batch %s: load of %s begins.", batch.key, rows)
    backend = installation.database.backend
    with (
        Monitor(watch) as monitor,
        watch.stage("load"),
        watching(backend) as watched,
    ):
        if any(reading.state == "read" for reading in readings):
            request = _request(installation, batch, readings, scores)
            outcome = publish_each(loader, request)
        else:
            outcome = Outcome(LoadResult((), 0, 0.0), {})
        advance("load", scores.rows)
    committed_at = time.time()
    readings = [after_load(r, outcome.refused.get(r.key)) for r in readings]
    StepRecord.of(watch.seconds, monitor.usage).write(folder, "load")
    steps = step_records(folder)
    figures = batch_figures(outcome.result, steps, committed_at, watched.figures)
    return _told(installation, (batch.key, run_id), readings, outcome, figures)


def _told(
    installation: Installation,
    run: tuple[str, str],
    readings: list[UploadReading],
    outcome: Outcome,
    figures: BatchFigures,
) -> Published:
    """Write reject files, figures and, at last, the journal.

    A run that is killed before the last of it is tried again, finds its receipts and
    tells the same; only ``run_metrics`` then has a row of both runs.

    Raises:
        PermanentError: the load stored nothing of what was read.
    """
    database, home = installation.database, installation.home
    batch, run_id = run
    rejects: dict[str, Path] = {}
    before: list[LoadFigures] = []
    load = load_figures(batch, run_id, figures)
    stored = bool(outcome.result.outcomes) or not outcome.refused
    try:
        if stored:
            rejects = write_reject_files(home, batch)
            before = store_figures(database, load)
            reached("figures stored")
    finally:
        _log(batch, figures, len(outcome.refused))
        # The rows are stored, whatever became of the files about them.
        uploads = upload_reports(run, readings, outcome.result, figures, rejects)
        installation.journal.finish(uploads)
        reached("outcome entered")
    if not stored:
        raise _nothing_stored(outcome.refused, readings)
    return Published(figures, tuple(uploads), load, tuple(before))


def _log(batch: str, figures: BatchFigures, refused: int) -> None:
    """Counts and seconds of a batch for its operator; no row of it."""
    counts = ", ".join(f"{name} {rows}" for name, rows in figures.counts.items())
    logger.info(
        "Batch %s: load ended after %.3f s; %s; files refused %d.",
        batch,
        figures.seconds,
        counts,
        refused,
    )
    stages = ", ".join(f"{name} {took:.3f}" for name, took in figures.stages.items())
    logger.debug("Batch %s: seconds of its stages: %s.", batch, stages)


def _nothing_stored(
    refused: Mapping[str, PermanentError], readings: Sequence[UploadReading]
) -> PermanentError:
    """The error of a batch of which the database took nothing."""
    errors = list(refused.values())
    if all(error is errors[0] for error in errors):
        return errors[0]
    names = {reading.key: reading.file_name for reading in readings}
    told = [f"{names[key]}: {error}" for key, error in refused.items()]
    return PermanentError(
        f"The database took none of {len(told)} files. {' '.join(told[:SHOWN])}"
    )


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
