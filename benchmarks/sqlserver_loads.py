"""A load by the project's steps, timed part by part."""

import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlserver_parts import Watched

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.batches import Options, land_copies
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.loaders import loader_for
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.publishing import publish_batch, register_batch
from bulk_pipeline.adapters.reading import ROWS, ingest
from bulk_pipeline.adapters.scoring import gather, plan_spans, score_span
from bulk_pipeline.adapters.tables import metadata


def fresh(installation: Installation) -> None:
    """The project's tables, empty and new."""
    metadata.drop_all(installation.database.engine)
    installation.database.create_tables()


def whole(installation: Installation, file: Path) -> tuple[dict[str, Any], LoadRequest]:
    """Load a file by the steps of a run, without Dagster; its copy is not timed.

    ``seconds`` are from the first file opened to the commit.
    """
    options = Options.from_settings(installation.settings, force=True)
    batch = land_copies(installation.home, [file], options, datetime.now(UTC))
    installation.journal.claim(batch)
    cpu = time.process_time()
    rows = ingest(installation, batch.key)
    model = activate(installation.home, None)
    for span in plan_spans(rows, installation.settings.workers, model):
        score_span(installation, span)
    scores = gather(installation, batch.key)
    with closing(Watched(loader_for(installation.database))) as loader:
        loader.prepare(rows.rows)
        register_batch(installation, ChunkHandle.open(rows.directory.parent / ROWS))
        figures = publish_batch(installation, loader, scores, "benchmark").figures
        told = {
            "seconds": figures.seconds,
            "cpu_seconds": time.process_time() - cpu,
            "stages": figures.stages,
            "load": loader.parts,
            "peak_mib": figures.peak_memory_bytes / 2**20,
        }
        if loader.request is None:
            raise SystemExit("Nothing was loaded.")
        return told, loader.request
