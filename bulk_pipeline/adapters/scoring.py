"""Scoring a batch: spans of chunks, scored apart and gathered in row order."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.active_model import ActiveModel, kept_model
from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.chunks import (
    MANIFEST,
    Chunk,
    ChunkHandle,
    mapped_frame,
    write_chunk,
)
from bulk_pipeline.adapters.installation import Installation
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
MODEL_FILE = "model.json"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of whole chunks of one batch, scored in one step.

    Attributes:
        name: a legal mapping key, unique in the batch.
        first: number of its first chunk, from 0.
        last: number of the chunk after its last.
    """

    name: str
    first: int
    last: int


def spans(rows: ChunkHandle, workers: int) -> list[Span]:
    """Cut the chunks of a batch into at most ``workers`` spans of nearly equal length.

    A batch without rows has no span.
    """
    count = min(workers, len(rows.chunks))
    edges = [len(rows.chunks) * number // count for number in range(count + 1)] or [0]
    return [
        Span(f"span_{number}", first, last)
        for number, (first, last) in enumerate(zip(edges, edges[1:], strict=False))
    ]


def score_span(
    installation: Installation, rows: ChunkHandle, span: Span, active: ActiveModel
) -> None:
    """Score the chunks of one span; writes one file of scores beside each chunk."""
    watch = Stopwatch()
    batch_folder = rows.directory.parent
    folder = batch_folder / SCORES
    folder.mkdir(exist_ok=True)
    with Monitor() as monitor, watch.stage("score"):
        model = kept_model(installation.home, active)
        written = []
        for chunk in rows.chunks[span.first : span.last]:
            frame = mapped_frame(rows.directory / chunk.name)
            probabilities = model.probabilities(ratio_matrix(frame))
            # Only the scores are written; the rows lie beside them already.
            scores = scored(frame.select(RATIOS), probabilities, model.thresholds)
            made = write_chunk(folder / chunk.name, scores.select(SCORE_COLUMNS))
            written.append(asdict(made))
            advance("score", frame.height)
        write_json(folder / f"{span.name}.json", written)
    record = StepRecord.of(watch.seconds, monitor.usage)
    record.write(batch_folder, f"score-{span.name}")


def gather(rows: ChunkHandle, all_spans: list[Span], active: ActiveModel) -> ChunkHandle:
    """Put the scores of all spans together and list the in-file duplicates.

    Returns:
        The scores, row by row beside ``rows``: probability, risk_level, confidence.

    Raises:
        PermanentError: scores are missing; says which step to run again.
    """
    watch = Stopwatch()
    batch_folder = rows.directory.parent
    folder = batch_folder / SCORES
    with Monitor() as monitor:
        with watch.stage("score"):
            chunks = _scored_chunks(folder, all_spans)
            scored_rows = sum(chunk.rows for chunk in chunks)
            if scored_rows != rows.rows:
                raise PermanentError(
                    f"{rows.rows} rows were read but {scored_rows} scored. Materialise "
                    "batch_predictions of this batch again."
                )
            folder.mkdir(exist_ok=True)
            manifest = {"rows": scored_rows, "chunks": [asdict(c) for c in chunks]}
            write_json(folder / MANIFEST, manifest)
            write_json(batch_folder / MODEL_FILE, asdict(active))
        with watch.stage("duplicates"):
            _list_duplicates(rows, batch_folder)
    StepRecord.of(watch.seconds, monitor.usage).write(batch_folder, "gather")
    return ChunkHandle.open(folder)


def _scored_chunks(folder: Path, all_spans: list[Span]) -> list[Chunk]:
    names = [folder / f"{span.name}.json" for span in all_spans]
    written = [json.loads(name.read_text(encoding="utf-8")) for name in names]
    return [Chunk(**chunk) for span in written for chunk in span]


def _list_duplicates(rows: ChunkHandle, folder: Path) -> None:
    """Write the positions of in-file duplicates, their conflicts and their counts."""
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
    try:
        text = (folder / MODEL_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PermanentError(
            f"Batch {folder.name} has not been scored. Materialise batch_predictions "
            "of this batch first."
        ) from None
    return ActiveModel(**json.loads(text))
