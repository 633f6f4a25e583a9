"""What people are told of a published batch: counts, seconds, rate, tier, memory."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters import tables
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.loaders.base import LoadResult
from bulk_pipeline.adapters.reports import StepRecord, UploadReading
from bulk_pipeline.adapters.run_history import last_loads
from bulk_pipeline.core.errors import PermanentError, WithdrawnMeanwhile
from bulk_pipeline.core.metrics import (
    STAGES,
    DatabaseFigures,
    LoadFigures,
    rows_per_second,
    tier,
)
from bulk_pipeline.core.notices import Notice, NoticeKind, counted, sentences
from bulk_pipeline.core.performance import LOADS_COMPARED, comparable_rows


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """Figures of one published batch.

    Attributes:
        counts: the outcome counts of all uploads together.
        rows_written: rows physically written by this load.
        stages: stage → seconds; all of the load's own work.
        seconds: from the first file opened to the commit.
        rows_per_second: rows read over seconds.
        tier: class of that rate.
        peak_memory_bytes: largest memory of any step, children included.
        cpu_percent: processor time over the seconds of the steps; 200 is two cores.
        database_seconds: from the request for the write lock to the commit.
        database: what was asked of the database during the load.
    """

    counts: dict[str, int]
    rows_written: int
    stages: dict[str, float]
    seconds: float
    rows_per_second: float
    tier: str
    peak_memory_bytes: int
    cpu_percent: float
    database_seconds: float
    database: DatabaseFigures


def batch_figures(
    result: LoadResult,
    steps: Sequence[StepRecord],
    committed_at: float,
    watched: DatabaseFigures,
) -> BatchFigures:
    """The figures of a batch from its load and the records of its steps.

    Args:
        result: what the loader did.
        steps: one record per step of the batch.
        committed_at: seconds since 1970.
        watched: what SQLAlchemy asked of the database for the load.
    """
    counts = {
        name: sum(int(getattr(outcome, name)) for outcome in result.outcomes)
        for name in tables.COUNTS
    }
    stages = {
        stage: sum(step.stages.get(stage, 0.0) for step in steps) for stage in STAGES
    }
    opened_at = max((step.opened_at for step in steps), default=0.0) or committed_at
    seconds = committed_at - opened_at
    rate = rows_per_second(counts["rows_read"], seconds)
    busy = sum(stages.values())
    cpu = sum(step.cpu_seconds for step in steps)
    return BatchFigures(
        counts=counts,
        rows_written=result.rows_written,
        stages=stages,
        seconds=seconds,
        rows_per_second=rate,
        tier=tier(rate),
        peak_memory_bytes=max((step.peak_memory_bytes for step in steps), default=0),
        cpu_percent=100 * cpu / busy if busy else 0.0,
        database_seconds=result.database_seconds,
        database=watched + result.asked,
    )


def after_load(reading: UploadReading, error: PermanentError | None) -> UploadReading:
    """What an upload is once the load is over.

    Args:
        reading: what reading found.
        error: why the database took nothing of it, if so.
    """
    if error is None:
        return reading
    if isinstance(error, WithdrawnMeanwhile):
        message = "It was withdrawn after it had been read; nothing of it is stored."
        return replace(reading, state="withdrawn", message=message)
    return replace(reading, state="refused", message=str(error))


def upload_reports(
    run: tuple[str, str],
    readings: Sequence[UploadReading],
    result: LoadResult,
    figures: BatchFigures,
    rejects: dict[str, Path],
) -> list[UploadReport]:
    """What became of each upload of a batch, in order.

    Args:
        run: key of the batch and id of the run.
        readings: what reading found.
        result: what the loader did.
        figures: the figures of the batch.
        rejects: upload key → reject file.
    """
    batch, run_id = run
    outcomes = {outcome.key: outcome for outcome in result.outcomes}
    states = {"read": "loaded", "refused": "failed"}
    reports = []
    for reading in readings:
        outcome = outcomes.get(reading.key)
        counts: dict[str, Any] = {}
        if outcome:
            counts = {name: getattr(outcome, name) for name in tables.COUNTS}
        reject_file = rejects.get(reading.key)
        notices = (*reading.notices, *_conflicts(counts))
        reports.append(
            UploadReport(
                key=reading.key,
                file=reading.file_name,
                state=states.get(reading.state, reading.state),
                sha256=reading.sha256,
                **counts,
                reject_file=str(reject_file) if reject_file else None,
                seconds=figures.seconds,
                stages=figures.stages,
                rows_per_second=figures.rows_per_second,
                tier=figures.tier,
                peak_memory_bytes=figures.peak_memory_bytes,
                run_id=run_id,
                message=reading.message,
                rejected_by_reason=reading.reasons,
                warnings=sentences(notices),
                notices=counted(notices),
                batch=batch,
            )
        )
    return reports


def load_figures(batch: str, run_id: str, figures: BatchFigures) -> LoadFigures:
    """What ``run_metrics`` keeps of a load that ends now."""
    kept = {field.name for field in fields(LoadFigures)}
    values = {n: v for n, v in asdict(figures).items() if n in kept}
    values |= figures.counts
    return LoadFigures(batch, run_id, finished_at=datetime.now(UTC), **values)


def store_figures(database: Database, load: LoadFigures) -> list[LoadFigures]:
    """Add a row to ``run_metrics``, in a short transaction after the load's own.

    Returns:
        Recent loads of comparable size, newest first; as many as are compared.
    """
    values = asdict(load)
    row = {
        **{name: values[name] for name in tables.run_metrics.c.keys() & values.keys()},
        **{f"{stage}_seconds": seconds for stage, seconds in load.stages.items()},
        "batch_key": load.batch,
    }

    def change(connection: sa.Connection) -> list[LoadFigures]:
        before = last_loads(
            connection,
            LOADS_COMPARED,
            rows=comparable_rows(load.rows_read),
            other_than=load.batch,
            recent=True,
        )
        connection.execute(tables.run_metrics.insert(), row)
        return before

    return database.writing(change)


def _conflicts(counts: dict[str, Any]) -> tuple[Notice, ...]:
    """What to say of duplicates that contradict the row that counts."""
    rows = counts.get("duplicates_conflicting", 0)
    if not rows:
        return ()
    said = (
        f"{rows:,} of the duplicates have other values than the row that counts; the "
        "reject file lists both."
    )
    return (Notice(NoticeKind.CONFLICTING_DUPLICATES, rows, said),)
