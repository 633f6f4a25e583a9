"""Scoring a batch: spans of chunks, scored apart and gathered in row order."""

import json
import re
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
from bulk_pipeline.core.risk import LEVEL_TYPE, scored
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import ratio_matrix
from bulk_pipeline.core.wording import amount

SCORES = "scores"
SCORE_TYPES = {
    "probability": pl.Float64(),
    "risk_level": LEVEL_TYPE,
    "confidence": pl.Float64(),
}
SCORE_COLUMNS = tuple(SCORE_TYPES)
REPEATED_FILE = "duplicates.arrow"
DUPLICATE_COUNTS_FILE = "duplicates.json"
PLAN_FILE = "plan.json"
SENT_FILE = "sent.json"
SENT_KEY = re.compile(r"(?P<span>span_\d+)_(?P<plan>[0-9a-f]{8}_[0-9a-f]{12})")
"""A mapping key of a span that was sent to other machines; the plan is told by it."""
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


def spread_spans(
    installation: Installation, rows: ChunkHandle, model: ActiveModel
) -> list[str]:
    """Plan a batch, and send it to other machines where the settings say so.

    A batch that is too small for that is scored here, since a step on another machine
    takes longer to begin.

    Returns:
        A mapping key for each span that is still to be scored.

    Raises:
        TransientError: the exchange is busy, or no space is left.
        PermanentError: the exchange cannot be used.
    """
    settings = installation.settings
    spans = plan_spans(rows, settings.workers, model)
    if not settings.chunks_url:
        return [span.name for span in spans]
    if rows.rows < settings.chunks_rows:
        for span in spans:
            score_span(installation, span)
        return []
    from bulk_pipeline.adapters.exchange.sending import (  # noqa: PLC0415
        send,  # few installations have an exchange
    )

    return send(installation, rows, spans)


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
    return write_chunk(scores / chunk.name, scores_of(model, ratios))


def scores_of(model: Model, ratios: pl.DataFrame) -> pl.DataFrame:
    """The scores alone of some rows: ``SCORE_COLUMNS``, none null, in row order."""
    probabilities = model.probabilities(ratio_matrix(ratios))
    found = scored(ratios, probabilities, model.thresholds)
    return found.select(SCORE_COLUMNS)


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
            if installation.settings.chunks_url:
                _fetch(installation, rows, planned)
            chunks = _scored_chunks(folder, planned)
            scored_rows = sum(chunk.rows for chunk in chunks)
            if scored_rows != rows.rows:
                read = amount(rows.rows, "row was", "rows were")
                raise PermanentError(
                    f"{read} read but {scored_rows:,} scored. Materialise "
                    "batch_predictions of this batch again."
                )
            manifest = {"rows": scored_rows, "chunks": [asdict(c) for c in chunks]}
            write_json(folder / MANIFEST, manifest)
        with watch.stage("duplicates"):
            list_duplicates(rows, batch_folder)
    reached("scores gathered")
    StepRecord.of(watch.seconds, monitor.usage).write(batch_folder, "gather")
    if installation.settings.chunks_url:
        _forget(installation, folder)
    return ChunkHandle.open(folder)


def _fetch(installation: Installation, rows: ChunkHandle, planned: list[Span]) -> None:
    from bulk_pipeline.adapters.exchange.fetching import (  # noqa: PLC0415
        fetch,  # as above
    )

    fetch(installation, rows, planned)


def _forget(installation: Installation, folder: Path) -> None:
    if not (folder / SENT_FILE).exists():
        return
    from bulk_pipeline.adapters.exchange.fetching import (  # noqa: PLC0415
        forget,  # as above
    )

    forget(installation, folder.parent.name)


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
