"""A reference made of a file of accounts, or of what is stored."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.exporting.sources import FromConnection
from bulk_pipeline.adapters.model_store import Model
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import annual_predictions
from bulk_pipeline.adapters.trial import read_files
from bulk_pipeline.core.duplicates import in_file_duplicates
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.reference import Reference
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import Scorecard, ratio_matrix

_TYPES: dict[str, pl.DataType] = dict.fromkeys(RATIOS, pl.Float64())


def of_file(path: Path, settings: Settings, model: Model, source: str) -> Reference:
    """The reference that the rows of a file make; a repeated key counts once.

    Args:
        path: a file as a load takes it.
        settings: how it is read.
        model: what scores its rows.
        source: what to call the population; "" for the number of rows and the file's
            name.

    Raises:
        PermanentError: the file cannot be read; says why.
        ModelRefused: it has no row that can be scored.
    """
    with ScratchFolder() as scratch:
        [reading] = read_files([path], settings, scratch)
        if reading.state == "refused":
            raise PermanentError(f"{path.name}: {reading.message}")
        rows = ChunkHandle.open(scratch / ROWS)
        frames = []
        if rows.rows:
            frame = rows.frame()
            repeated = in_file_duplicates(frame)["row"]
            numbered = frame.with_row_index("row")
            alone = numbered.filter(~pl.col("row").is_in(repeated.implode()))
            frames = [alone.select(RATIOS)]
        return _made(frames, model, source or f"rows of {path.name}")


def of_stored(database: Database, model: Model, source: str) -> Reference:
    """The reference that all stored rows make, whatever model has scored them.

    It takes 50 bytes of memory for each row.

    Args:
        database: the target database.
        model: what scores them.
        source: what to call the population; "" for a few words.

    Raises:
        ModelRefused: nothing is stored.
        TransientError: the database does not answer.
    """
    return _made(list(_stored(database)), model, source or "the stored rows")


def _stored(database: Database) -> Iterator[pl.DataFrame]:
    """The ratios of the stored rows, one frame a reporting year."""
    p = annual_predictions.c
    query = sa.select(*(p[name] for name in RATIOS))
    with database.reading() as connection:
        years = sa.select(p.reporting_year).distinct().order_by(p.reporting_year)
        for year in list(connection.scalars(years)):
            chosen = query.where(p.reporting_year == year)
            yield FromConnection(connection).frame(chosen, _TYPES)


def _made(frames: list[pl.DataFrame], model: Model, source: str) -> Reference:
    """The reference of ratios in row order, cut by the model's own bins."""
    matrices = [ratio_matrix(frame) for frame in frames]
    ratios = np.concatenate([np.empty((0, len(RATIOS))), *matrices])
    card = model.scorer
    edges = (
        {feature.ratio: feature.edges for feature in card.features}
        if isinstance(card, Scorecard)
        else {}
    )
    return Reference.of(
        ratios,
        np.asarray(model.probabilities(ratios), np.float64),
        edges,
        model=model.sha256,
        source=source,
    )
