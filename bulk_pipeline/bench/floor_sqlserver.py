"""The floor of a load into SQL Server: polars, scikit-learn, mssql-python by hand."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.tables import companies
from bulk_pipeline.bench.floor_calls import guessed, regression
from bulk_pipeline.bench.floor_sqlserver_tables import (
    STORED_KEY,
    FloorTables,
    floor_tables,
)
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline.core.schema import (
    KEY,
    MARKET_CAP,
    NAME,
    RATIOS,
    SECTOR,
    SYMBOL,
    YEAR,
)

DRIVER = "mssql+mssqlpython"
"""The one driver with a bulk copy that takes Arrow data."""

T = TypeVar("T")


def measure(file: Path, url: sa.URL, rows: int) -> dict[str, float]:
    """Seconds of the libraries' own calls, one after the other, nothing between them.

    ``read``: polars, types guessed. ``companies``: ``unique`` by symbol, a bulk copy
    into the empty table, ids read back and looked up. ``score``: ``predict_proba`` of a
    logistic regression over the ratios, missing ones as 0. ``duplicates``: ``unique``
    by key. ``sort``: by key. ``copy``: ``bulkcopy_arrow`` of one Arrow table over one
    connection into a heap. ``insert``: one INSERT .. SELECT into a new table with the
    constraints, foreign keys and indexes of ours, and its commit.

    Nothing is cleaned, checked, locked, counted or receipted, and no stored key is
    looked for; the model and the upload that foreign keys ask for are there before.

    Args:
        file: .csv, .xlsx or .parquet, with every column of ``INPUT_COLUMNS``, no key
            twice.
        url: of a login that may make a schema; no table that is there is touched.
        rows: how many rows the file has.

    Raises:
        ConfigurationError: the URL names another driver.
        PermanentError: other than so many rows were read or stored.
    """
    if url.drivername != DRIVER:
        raise ConfigurationError(
            f"The floor uses the bulk copy of mssql-python. Give the URL as {DRIVER}://"
            "USER@HOST/DATABASE."
        )
    model = regression()
    with floor_tables(url) as made:
        clock = _Clock()
        found = clock.took("read", guessed(file))
        numbered = clock.took("companies", _numbered(made, found))
        scored = clock.took("score", _scored(numbered, model))
        single = clock.took("duplicates", scored.unique(list(KEY)))
        ordered = clock.took("sort", single.sort(STORED_KEY).select(made.heap.c.keys()))
        clock.took("copy", made.copy(made.heap, ordered))
        stored = clock.took("insert", made.insert())
    if (found.height, stored) != (rows, rows):
        raise PermanentError(
            f"{file.name} has {found.height} rows of which {stored} were stored by "
            f"hand, not {rows}."
        )
    return clock.seconds


class _Clock:
    """Seconds from one call to the next, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._at = time.perf_counter()

    def took(self, stage: str, result: T) -> T:
        now = time.perf_counter()
        self.seconds[stage], self._at = now - self._at, now
        return result


def _numbered(made: FloorTables, found: pl.DataFrame) -> pl.DataFrame:
    """The rows with ``company_id``, their companies stored before."""
    now = pl.lit(datetime.now(UTC).replace(tzinfo=None), pl.Datetime("ms"))
    register = found.unique(SYMBOL.name).select(
        symbol=SYMBOL.name,
        name=NAME.name,
        sector=SECTOR.name,
        market_cap=pl.col(MARKET_CAP.name).cast(pl.Float64),
        created_at=now,
        updated_at=now,
    )
    made.copy(companies, register)
    with made.engine.connect() as connection:
        known = connection.execute(sa.select(companies.c.symbol, companies.c.id)).all()
    schema = {SYMBOL.name: pl.String, "company_id": pl.Int64}
    ids = pl.DataFrame([tuple(row) for row in known], schema, orient="row")
    return found.join(ids, on=SYMBOL.name, maintain_order="left")


def _scored(rows: pl.DataFrame, model: Any) -> pl.DataFrame:
    rows = rows.with_columns(
        pl.col(*RATIOS).cast(pl.Float64), pl.col(YEAR.name).cast(pl.Int16)
    )
    matrix = rows.select(RATIOS).fill_null(0.0).to_numpy()
    return rows.with_columns(
        pl.Series("probability", model.predict_proba(matrix)[:, 1]),
        risk_level=pl.lit("LOW"),
        confidence=pl.lit(0.9),
    )
