"""The floor of a load into SQLite: polars, scikit-learn and ADBC by hand."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import adbc_driver_sqlite.dbapi as adbc
import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from bulk_pipeline.bench.floor_calls import guessed, regression
from bulk_pipeline.bench.targets import remove_sqlite
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.schema import RATIOS, SYMBOL, YEAR

TRIES, ENOUGH_SECONDS = 3, 1.0
"""A call is tried so often, and no more once it took so long; the median counts."""

_TABLE = sa.Table(
    "predictions",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("company_id", sa.Integer, nullable=False),
    sa.Column(YEAR.name, sa.Integer, nullable=False),
    *(sa.Column(name, sa.REAL) for name in RATIOS),
    sa.Column("probability", sa.REAL, nullable=False),
    sa.Column("risk_level", sa.Text, nullable=False),
    sa.Column("confidence", sa.REAL, nullable=False),
    sa.Column("upload", sa.Text, nullable=False),
    sa.UniqueConstraint("company_id", YEAR.name),
)

T = TypeVar("T")


def measure(file: Path, database: Path, rows: int) -> dict[str, float]:
    """Seconds by stage with SQLite; ``sort``, by key, is a part of the load.

    Raises:
        PermanentError: the file has other than so many rows.
    """
    found = _Stages()
    frame = found.timed("read", partial(guessed, file))
    if frame.height != rows:
        raise PermanentError(f"{file.name} has {frame.height} rows, not {rows}.")
    frame = frame.with_columns(pl.col(*RATIOS).cast(pl.Float64))
    companies = found.timed("companies", partial(_companies, frame))
    matrix = frame.select(RATIOS).fill_null(0.0).to_numpy()
    found.timed("score", partial(regression().predict_proba, matrix))
    del matrix
    key = [SYMBOL.name, YEAR.name]
    found.timed("duplicates", partial(frame.unique, key, keep="first"))
    stored = _stored(frame, companies)
    del frame, companies
    ordered = found.timed("sort", partial(stored.sort, "company_id", YEAR.name))
    del stored
    _load(found, _arrow(ordered), database)
    return found.medians()


class _Stages:
    """Seconds of the tries of each stage."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}

    def timed(self, stage: str, work: Callable[[], T]) -> T:
        """Try some work until it is known how long it takes; gives its last result."""
        while True:
            started = time.perf_counter()
            result = work()
            if self.enough(stage, time.perf_counter() - started):
                return result

    def enough(self, stage: str, seconds: float) -> bool:
        """Note a try; says whether it was the last that is needed."""
        taken = self._taken.setdefault(stage, [])
        taken.append(seconds)
        return len(taken) >= TRIES or sum(taken) >= ENOUGH_SECONDS

    def medians(self) -> dict[str, float]:
        """Stage → median of its seconds."""
        return {stage: median(taken) for stage, taken in self._taken.items()}


def _companies(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.unique(SYMBOL.name, keep="first", maintain_order=True)


def _stored(frame: pl.DataFrame, companies: pl.DataFrame) -> pl.DataFrame:
    """The rows with what a table of predictions needs at least."""
    ids = companies.select(SYMBOL.name).with_row_index("company_id", offset=1)
    return frame.join(ids, on=SYMBOL.name).select(
        pl.col("company_id").cast(pl.Int64),
        pl.col(YEAR.name).cast(pl.Int16),
        *RATIOS,
        probability=pl.col(RATIOS[0]).fill_null(0.0) / 100,
        risk_level=pl.lit("LOW"),
        confidence=pl.lit(0.9),
        upload=pl.lit("rows"),
    )


def _arrow(rows: pl.DataFrame) -> pa.Table:
    """The rows as a table with plain strings, which the driver takes."""
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    plain = [
        pa.field(field.name, pa.string()) if field.type == pa.large_string() else field
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def _load(found: _Stages, rows: pa.Table, database: Path) -> None:
    """Bulk copies into new files with a unique key, up to the commit."""
    made = str(CreateTable(_TABLE).compile(dialect=sqlite.dialect()))
    enough = False
    while not enough:
        try:
            enough = found.enough("load", _copied(made, rows, database))
        finally:
            remove_sqlite(database)


def _copied(made: str, rows: pa.Table, database: Path) -> float:
    """Seconds of a bulk copy into a table of a new file, its commit included."""
    connected = adbc.connect(f"file:{database}", autocommit=True)
    with connected as connection, connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(made)
    with adbc.connect(f"file:{database}") as connection:
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.adbc_ingest(_TABLE.name, rows, mode="append")
        connection.commit()
        return time.perf_counter() - started
