"""Scoring a span on a machine that has nothing but the exchange."""

import io
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.chunks import Chunk
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.exchange.documents import as_json
from bulk_pipeline.adapters.exchange.exchange import Exchange, damaged, each
from bulk_pipeline.adapters.exchange.plan import Place, SentPlan, model_object, packed
from bulk_pipeline.adapters.model_store import Model, load_model
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.reports import StepRecord
from bulk_pipeline.adapters.scoring import scores_of
from bulk_pipeline.adapters.settings import Settings


def score_afar(settings: Settings, batch: str, key: str) -> None:
    """Score one span of a plan in the exchange; no home and no database is touched.

    Safe at any time and again: whoever scores a span writes the same bytes under the
    same names, and what a worker says about a span comes after its scores.

    Args:
        settings: of this process.
        batch: key of the batch.
        key: mapping key, which names the span and the plan.

    Raises:
        TransientError: the store is busy, or an object is missing or damaged.
        PermanentError: the model cannot score here, or the store cannot be used.
    """
    exchange = Exchange.of(settings)
    place, name = Place.of_key(batch, key)
    watch = Stopwatch()
    with Monitor(watch) as monitor, watch.stage("score"):
        plan = SentPlan.read(exchange, place)
        if name not in plan.spans:
            raise damaged(place.document)
        model = _model(exchange, plan)
        score = partial(_scored, exchange, place, model)
        written = [asdict(chunk) for chunk in each(score, plan.spans[name])]
    record = asdict(StepRecord.of(watch.seconds, monitor.usage))
    exchange.write(place.done(name), as_json({"chunks": written, "record": record}))
    reached("span scored")


def _model(exchange: Exchange, plan: SentPlan) -> Model:
    """The model of a plan, as guarded as one of a home."""
    name = model_object(plan.model.file)
    content = exchange.verified(name, plan.model_bytes, plan.model.sha256)
    with tempfile.TemporaryDirectory(prefix="bulk-pipeline-") as folder:
        path = Path(folder, plan.model.file)
        with room_needed(path.parent):
            path.write_bytes(content)
        return load_model(path)


def _scored(exchange: Exchange, place: Place, model: Model, chunk: Chunk) -> Chunk:
    """Score one chunk; its scores have its name."""
    name = place.rows(chunk.name)
    content = exchange.verified(name, chunk.bytes, chunk.sha256)
    scores = scores_of(model, pl.read_ipc(io.BytesIO(content)))
    made, packed_scores = packed(chunk.name, scores)
    exchange.write(place.scores(chunk.name), packed_scores)
    return made
