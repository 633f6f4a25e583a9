"""Fetching scores back into the home, where all that follows is as without an exchange.

Only what was sent under the plan of the home is fetched, never what is newest.
"""

import io
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.chunks import Chunk, ChunkHandle
from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.exchange.documents import chunk_of, from_json, record_of
from bulk_pipeline.adapters.exchange.exchange import Exchange, damaged, each
from bulk_pipeline.adapters.exchange.leftovers import remove_batch
from bulk_pipeline.adapters.exchange.plan import Place
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reports import StepRecord
from bulk_pipeline.adapters.scoring import SCORE_TYPES, SCORES, SENT_FILE, Span
from bulk_pipeline.core.errors import BulkPipelineError

logger = logging.getLogger(__name__)


def fetch(installation: Installation, rows: ChunkHandle, spans: Sequence[Span]) -> None:
    """Bring the scores of all spans that were sent, and what they cost, into the home.

    A span that was fetched before is left alone; nothing is done for a batch that was
    not sent.

    Raises:
        TransientError: an object is missing or damaged, or holds what this version does
            not make; or the store is busy.
        PermanentError: the store cannot be used.
    """
    folder = rows.directory.parent
    scores = folder / SCORES
    sent = scores / SENT_FILE
    if not sent.exists():
        return
    plan = json.loads(sent.read_text(encoding="utf-8"))["plan"]
    place = Place(folder.name, plan)
    exchange = Exchange.of(installation.settings)
    for span in spans:
        note = scores / f"{span.name}.json"
        if note.exists():
            continue
        chunks, record = _done(exchange, place.done(span.name))
        if _shape(chunks) != _shape(rows.chunks[span.first : span.last]):
            raise damaged(place.done(span.name))
        each(partial(_fetched, exchange, place, scores), chunks)
        record.write(folder, f"score-{span.name}")
        write_json(note, [asdict(chunk) for chunk in chunks])


def forget(installation: Installation, batch: str) -> None:
    """Remove a batch from the exchange; what cannot go now is left for housekeeping."""
    try:
        exchange = Exchange.of(installation.settings)
        remove_batch(exchange, installation.journal.home_id(), batch)
    except BulkPipelineError as error:
        logger.warning("Batch %s stays in the exchange for now: %s", batch, error)


def _done(exchange: Exchange, name: str) -> tuple[list[Chunk], StepRecord]:
    """What a worker wrote about a span."""
    document = from_json(exchange.read(name), name)
    try:
        chunks = [chunk_of(chunk) for chunk in document["chunks"]]
        return chunks, record_of(document["record"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise damaged(name) from None


def _shape(chunks: Sequence[Chunk]) -> list[tuple[str, int]]:
    return [(chunk.name, chunk.rows) for chunk in chunks]


def _fetched(exchange: Exchange, place: Place, folder: Path, chunk: Chunk) -> None:
    name = place.scores(chunk.name)
    content = exchange.verified(name, chunk.bytes, chunk.sha256)
    if not _are_scores(content, chunk.rows):
        raise damaged(name)
    with room_needed(folder):
        (folder / chunk.name).write_bytes(content)


def _are_scores(content: bytes, rows: int) -> bool:
    """Whether bytes are so many rows of scores as this version makes them."""
    try:
        scores = pl.read_ipc(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError):
        return False
    if scores.schema != pl.Schema(SCORE_TYPES) or scores.height != rows:
        return False
    whole = not any(scores.null_count().row(0))
    probability = scores["probability"].to_numpy()
    # A comparison with NaN is never true.
    return whole and bool(((probability >= 0) & (probability <= 1)).all())
