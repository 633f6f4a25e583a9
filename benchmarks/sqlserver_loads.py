"""A load by the project's steps, timed part by part, and the same load by hand."""

import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable
from sqlserver_copies import bare, heap
from sqlserver_parts import Watched

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.batches import Options, land_copies
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.loaders import loader_for
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.loaders.sqlserver_rules import NUMBERS
from bulk_pipeline.adapters.loaders.sqlserver_statements import insert_new
from bulk_pipeline.adapters.publishing import publish_batch, register_batch
from bulk_pipeline.adapters.reading import ROWS, ingest
from bulk_pipeline.adapters.scoring import gather, plan_spans, score_span
from bulk_pipeline.adapters.tables import (
    COUNTS,
    companies,
    metadata,
    models,
    uploads,
)
from bulk_pipeline.core.schema import QUARTER, RATIOS, SYMBOL, YEAR


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


def by_hand(
    backend: SqlServerBackend, file: Path, request: LoadRequest
) -> dict[str, float]:
    """The floor: the libraries' own calls, one after the other, into empty tables.

    ``read`` is polars reading the same CSV with its types guessed, and ids for
    symbols; scores are there already. ``copy`` is ``bulkcopy_arrow``, one stream, into
    the same heap as ours. ``insert`` is the same INSERT .. SELECT and its commit.
    Nothing is cleaned, scored, sorted, locked, counted or receipted; the company, the
    model and the upload that foreign keys ask for are there before.
    """
    if request.scores is None:
        raise SystemExit("Nothing was scored.")
    scores = request.scores.frame().rechunk()
    ids, bound = _referenced(backend.engine, request)
    with heap(backend) as stage:
        marks = [time.perf_counter()]
        rows = _read(file, scores, ids)
        marks.append(time.perf_counter())
        bare(backend, stage.table, rows.select(stage.table.c.keys()).to_arrow(), 1)
        marks.append(time.perf_counter())
        with backend.engine.begin() as connection:
            connection.execute(CreateTable(NUMBERS))
            upload = {"number": 0, "upload_id": bound.pop("upload_id"), "known": 0}
            connection.execute(NUMBERS.insert(), [upload])
            stored = connection.execute(insert_new(stage.table), bound).rowcount
            NUMBERS.drop(connection, checkfirst=False)
        marks.append(time.perf_counter())
    if stored != rows.height:
        raise SystemExit(f"{stored} rows were stored by hand, not {rows.height}.")
    read, copy, insert = (later - earlier for earlier, later in pairwise(marks))
    return {
        "seconds": marks[-1] - marks[0],
        "read": read,
        "copy": copy,
        "insert": insert,
    }


def _read(file: Path, scores: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    found = pl.read_csv(file)
    numbers = pl.int_range(pl.len(), dtype=pl.Int32)
    none = pl.lit(0, pl.Int32)
    symbols = pl.col(SYMBOL.name).replace_strict(
        ids["symbol"], ids["id"], return_dtype=pl.Int64
    )
    rows = found.select(
        YEAR.name, QUARTER.name, *RATIOS, position=numbers, company_id=symbols
    )
    texts = pl.selectors.categorical() | pl.selectors.enum()
    sides = [rows, scores.select("probability", "risk_level", "confidence")]
    return pl.concat(sides, how="horizontal").with_columns(
        pl.col(YEAR.name).cast(pl.Int16),
        pl.col(*RATIOS).cast(pl.Float64),
        texts.cast(pl.String),
        upload=none,
        round=none,
    )


def _referenced(
    engine: sa.Engine, request: LoadRequest
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Rows that foreign keys ask for: ``symbol`` and ``id``, and values to bind."""
    now = datetime.now(UTC)
    moments: dict[str, Any] = {"created_at": now, "updated_at": now}
    symbols = [{"symbol": s, "name": s, **moments} for s in request.companies]
    model = {"name": "m", "sha256": "0" * 64, "kind": "k", "created_at": now}
    upload = {
        **dict.fromkeys(("upload_key", "batch_key", "file_name", "options"), "u"),
        **dict.fromkeys(COUNTS, 0),
        **dict.fromkeys(("first_loaded_at", "last_loaded_at"), now),
        "home_id": "0" * 32,
        "sha256": "0" * 64,
    }
    with engine.begin() as connection:
        connection.execute(companies.insert(), symbols)
        connection.execute(models.insert().values(model))
        model_id = connection.scalar(sa.select(models.c.id))
        connection.execute(uploads.insert().values({**upload, "model_id": model_id}))
        upload_id = connection.scalar(sa.select(uploads.c.id))
        known = connection.execute(sa.select(companies.c.symbol, companies.c.id)).all()
    ids = pl.DataFrame(
        [tuple(row) for row in known],
        {"symbol": pl.String, "id": pl.Int64},
        orient="row",
    )
    bound = {"round": 0, "now": now, "model_id": model_id, "upload_id": upload_id}
    return ids, bound
