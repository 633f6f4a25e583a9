"""Sending a batch out: ratios, model and plan, from the machine of the home."""

from functools import partial
from pathlib import Path

from bulk_pipeline.adapters.active_model import kept_bytes
from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.chunks import Chunk, ChunkHandle, mapped_frame
from bulk_pipeline.adapters.exchange.exchange import Exchange, each
from bulk_pipeline.adapters.exchange.plan import (
    Place,
    SentPlan,
    model_object,
    packed,
    plan_name,
)
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.reports import StepRecord
from bulk_pipeline.adapters.scoring import SCORES, SENT_FILE, Span
from bulk_pipeline.core.schema import RATIOS


def send(installation: Installation, rows: ChunkHandle, spans: list[Span]) -> list[str]:
    """Put what workers need into the exchange; the plan comes last, when all is there.

    Args:
        installation: whose batch.
        rows: the typed rows of the batch.
        spans: the plan of the batch, as it lies beside the rows.

    Returns:
        One mapping key for each span.

    Raises:
        TransientError: the store is busy.
        PermanentError: it cannot be used, or the model was changed; says why.
    """
    folder, batch = rows.directory.parent, spans[0].batch
    exchange = Exchange.of(installation.settings)
    place = Place(batch, plan_name(installation.journal.home_id(), rows, spans))
    watch = Stopwatch()
    with Monitor(watch) as monitor, watch.stage("score"):
        sent = each(partial(_sent, exchange, place, rows.directory), rows.chunks)
        model = spans[0].model
        content = kept_bytes(installation.home, model)
        exchange.write(model_object(model.file), content)
        listed = {span.name: tuple(sent[span.first : span.last]) for span in spans}
        plan = SentPlan(model, len(content), listed)
        exchange.write(place.document, plan.content())
        write_json(folder / SCORES / SENT_FILE, {"plan": place.plan})
    StepRecord.of(watch.seconds, monitor.usage).write(folder, "score-send")
    return [place.key(span.name) for span in spans]


def _sent(exchange: Exchange, place: Place, folder: Path, chunk: Chunk) -> Chunk:
    """Send the ratios of one chunk, and nothing else of its rows."""
    ratios = mapped_frame(folder / chunk.name).select(RATIOS)
    made, content = packed(chunk.name, ratios)
    exchange.write(place.rows(chunk.name), content)
    return made
