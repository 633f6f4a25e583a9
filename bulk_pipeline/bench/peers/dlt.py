"""dlt into SQLite by its SQLAlchemy destination: one Arrow table, a primary key.

An Arrow table goes through dlt as Parquet, which is the fastest way that its
documentation names. dlt does not use ADBC for SQLite, where two SQLite libraries
would have one file open.
"""

import os
import sqlite3
import time
from contextlib import closing
from typing import Any

from bulk_pipeline.bench.peers.arrow import table
from bulk_pipeline.bench.peers.child import Loaded, Request, answer
from bulk_pipeline.core.schema import KEY

TABLE = "accounts"


def load(request: Request) -> Loaded:
    """Read the file and run a pipeline with it; dlt's own folders are in ours."""
    os.environ.update(
        RUNTIME__DLTHUB_TELEMETRY="false",
        DLT_DATA_DIR=str(request.folder / "data"),
        DLT_PROJECT_DIR=str(request.folder / "project"),
        DLT_LOCAL_DIR=str(request.folder),
    )
    import dlt  # noqa: PLC0415  # it reads the variables when it is imported
    from dlt.destinations import sqlalchemy  # noqa: PLC0415

    pipeline: Any = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(request.folder / "pipelines"),
        destination=sqlalchemy(
            f"sqlite:///{request.database}", create_primary_keys=True
        ),
        dataset_name="main",
    )
    began = time.perf_counter()
    pipeline.run(
        table(request.file, request.rows),
        table_name=TABLE,
        write_disposition="append",
        primary_key=KEY,
    )
    seconds = time.perf_counter() - began
    with closing(sqlite3.connect(request.database)) as connection:
        count = f"SELECT count(*) FROM {TABLE}"  # noqa: S608  # a name of ours
        (found,) = connection.execute(count).fetchone()
    return Loaded(found, seconds)


if __name__ == "__main__":
    answer(load)
