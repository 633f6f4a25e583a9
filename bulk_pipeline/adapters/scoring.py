"""Scoring a batch: spans of chunks, scored apart and gathered in row order."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.active_model import ActiveModel, kept_model
from bulk_pipeline.adapters.atomic import whole_directory, write_json
from bulk_pipeline.adapters.chunks import (
    MANIFEST,
    Chunk,
    ChunkHandle,
    mapped_frame,
    write_chunk,
)
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_store import Model
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.rejects import FILE_CONFLICTS
from bulk_pipeline.adapters.reports import StepRecord
from bulk_pipeline.core.duplicates import conflicts, in_file_duplicates
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.risk import scored
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import ratio_matrix

SCORES = "scores"
SCORE_COLUMNS = ("probability", "risk_level", "confidence")
REPEATED_FILE = "duplicates.arrow"
DUPLICATE_COUNTS_FILE = "duplicates.json"
PLAN_FILE = "plan.json"
AT_ONCE = 2
"""Chunks scored at a time: numpy, polars and hashing leave Python's lock meanwhile."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of whole chunks of one batch, scored in one step.

    Attributes:
        batch: key of the batch.
        name: a legal mapping key, unique in the batch.
        first: number of its first chunk, from 0.
        last: number of the chunk after its last.
        model: what scores it.
    """

    batch: str
    name: str
    first: int
    last: int
    model: ActiveModel


def plan_spans(rows: ChunkHandle, workers: int, model: ActiveModel) -> list[Span]:
    """Cut the chunks of a batch into at most ``workers`` spans of nearly equal length.

    Older scores of the batch are removed and the plan is kept beside the chunks. A
    batch without rows has one span without chunks.
    """
    folder = rows.directory.parent
    count = max(1, min(workers, len(rows.chunks)))
    edges = [len(rows.chunks) * number // count for number in range(count + 1)]
    planned = [
        Span(folder.name, f"span_{number}", edges[number], edges[number + 1], model)
        for number in range(count)
    ]
    with whole_directory(folder / SCORES) as fresh:
        write_json(fresh / PLAN_FILE, [asdict(span) for span in planned])
    return planned


def planned_span(installation: Installation, batch: str, name: str) -> Span:
    """A span of a batch's plan by its name.

    Raises:
        PermanentError: the batch has no plan, or the plan no such span.
    """
    for span in _plan(installation.home.chunks(batch) / SCORES):
        if span.name == name:
            return span
    raise PermanentError(
        f"The plan of batch {batch} has no {name}: it was made anew meanwhile. "
        "Materialise batch_predictions of this batch again."
    )


def score_span(installation: Installation, span: Span) -> None:
    """Score the chunks of one span; writes one file of scores per chunk of rows."""
    watch = Stopwatch()
    batch_folder = installation.home.chunks(span.batch)
    folder = batch_folder / SCORES
    with Monitor(watch) as monitor, watch.stage("score"):
        rows = ChunkHandle.open(batch_folder / ROWS)
        model = kept_model(installation.home, span.model)
        score = partial(_score_chunk, rows.directory, folder, model)
        written = []
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for made in threads.map(score, rows.chunks[span.first : span.last]):
                written.append(asdict(made))
                advance("score", made.rows)
        write_json(folder / f"{span.name}.json", written)
    reached("span scored")
    record = StepRecord.of(watch.seconds, monitor.usage)
    record.write(batch_folder, f"score-{span.name}")


def _score_chunk(rows: Path, scores: Path, model: Model, chunk: Chunk) -> Chunk:
    """Score one chunk of the rows in a folder into another, under the same name."""
    ratios = mapped_frame(rows / chunk.name).select(RATIOS)
    probabilities = model.probabilities(ratio_matrix(ratios))
    found = scored(ratios, probabilities, model.thresholds)
    # Only the scores are written; the rows lie beside them already.
    return write_chunk(scores / chunk.name, found.select(SCORE_COLUMNS))


def gather(installation: Installation, batch: str) -> ChunkHandle:
    """Put the scores of all spans together and list the in-file duplicates.

    Returns:
        The scores, row by row beside the rows: probability, risk_level, confidence.

    Raises:
        PermanentError: scores are missing; says which step to run again.
    """
    watch = Stopwatch()
    batch_folder = installation.home.chunks(batch)
    folder = batch_folder / SCORES
    rows = ChunkHandle.open(batch_folder / ROWS)
    with Monitor(watch) as monitor:
        with watch.stage("score"):
            planned = _plan(folder)
            chunks = _scored_chunks(folder, planned)
            scored_rows = sum(chunk.rows for chunk in chunks)
            if scored_rows != rows.rows:
                raise PermanentError(
                    f"{rows.rows} rows were read but {scored_rows} scored. Materialise "
                    "batch_predictions of this batch again."
                )
            manifest = {"rows": scored_rows, "chunks": [asdict(c) for c in chunks]}
            write_json(folder / MANIFEST, manifest)
        with watch.stage("duplicates"):
            list_duplicates(rows, batch_folder)
    reached("scores gathered")
    StepRecord.of(watch.seconds, monitor.usage).write(batch_folder, "gather")
    return ChunkHandle.open(folder)


def _plan(folder: Path) -> list[Span]:
    try:
        text = (folder / PLAN_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PermanentError(
            f"Batch {folder.parent.name} has not been scored. Materialise "
            "batch_predictions of this batch first."
        ) from None
    return [
        Span(**{**span, "model": ActiveModel(**span["model"])})
        for span in json.loads(text)
    ]


def _scored_chunks(folder: Path, planned: list[Span]) -> list[Chunk]:
    names = {span.name: folder / f"{span.name}.json" for span in planned}
    if missing := [name for name, path in names.items() if not path.exists()]:
        raise PermanentError(
            f"Batch {folder.parent.name} was not scored whole: {', '.join(missing)} "
            "did not end. Materialise batch_predictions of this batch again."
        )
    written = [json.loads(path.read_text(encoding="utf-8")) for path in names.values()]
    return [Chunk(**chunk) for span in written for chunk in span]


def list_duplicates(rows: ChunkHandle, folder: Path) -> None:
    """Write where the in-file duplicates of a batch are, their conflicts, their counts.

    Args:
        rows: the typed rows of the batch.
        folder: takes the three files.
    """
    if rows.rows == 0:
        write_json(folder / DUPLICATE_COUNTS_FILE, [])
        return
    frame = rows.frame()
    found = in_file_duplicates(frame)
    conflicting = conflicts(frame, found)
    found.write_ipc(folder / REPEATED_FILE)
    conflicting.drop("row").write_ipc(folder / FILE_CONFLICTS)
    counts = (
        frame.select(pl.col("upload").cast(pl.Int64))[found["row"]]
        .with_columns(conflict=found["row"].is_in(conflicting["row"].implode()))
        .group_by("upload")
        .agg(duplicates=pl.len(), conflicting=pl.col("conflict").sum())
    )
    write_json(folder / DUPLICATE_COUNTS_FILE, counts.to_dicts())


def scored_model(folder: Path) -> ActiveModel:
    """The model that scored a batch.

    Raises:
        PermanentError: the batch has not been scored.
    """
    return _plan(folder / SCORES)[0].model
