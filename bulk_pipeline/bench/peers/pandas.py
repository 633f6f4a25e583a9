"""pandas ``to_sql`` into SQLite, as its documentation shows it.

The table has the file's columns and a unique key. ``method=None`` is executemany;
``method="multi"`` is slower with SQLite, whose statements bear few values.
"""

import time
from typing import Any

import pandas as pd
import sqlalchemy as sa

from bulk_pipeline.bench.peers.child import Loaded, Request, answer
from bulk_pipeline.core.schema import INPUT_COLUMNS, KEY, Unit

TABLE = "accounts"
ROWS_PER_CHUNK = 10_000

_TYPES: dict[Unit, sa.types.TypeEngine[Any]] = {
    Unit.TEXT: sa.Text(),
    Unit.QUARTER: sa.Text(),
    Unit.YEAR: sa.Integer(),
}


def frame(request: Request) -> pd.DataFrame:
    """The first rows of the file, types guessed."""
    suffix = request.file.suffix.lower()
    if suffix == ".parquet":  # pandas reads a Parquet file whole
        return pd.read_parquet(request.file).head(request.rows)
    if suffix == ".xlsx":
        return pd.read_excel(request.file, engine="openpyxl", nrows=request.rows)
    return pd.read_csv(request.file, nrows=request.rows)


def load(request: Request) -> Loaded:
    """Read the file and store it in one transaction."""
    engine = sa.create_engine(f"sqlite:///{request.database}")
    columns = [sa.Column(c.name, _TYPES.get(c.unit, sa.Float())) for c in INPUT_COLUMNS]
    unique = sa.UniqueConstraint(*KEY)
    table = sa.Table(TABLE, sa.MetaData(), *columns, unique)
    table.create(engine)
    began = time.perf_counter()
    rows = frame(request)
    with engine.begin() as connection:
        rows.to_sql(
            TABLE,
            connection,
            if_exists="append",
            index=False,
            chunksize=ROWS_PER_CHUNK,
            method=None,
        )
    seconds = time.perf_counter() - began
    with engine.connect() as connection:
        found = connection.scalar(sa.select(sa.func.count()).select_from(table))
    return Loaded(int(found or 0), seconds)


if __name__ == "__main__":
    answer(load)
