"""Ways of getting rows into a heap of SQL Server: ours, the driver's, and others."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.databases.stage import Stage
from bulk_pipeline.adapters.databases.tsql import DIALECT, quoted
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.loaders.incoming import Incoming
from bulk_pipeline.adapters.loaders.sqlserver_staging import company_ids
from bulk_pipeline.adapters.loaders.sqlserver_statements import staged_columns

ROWS_PER_ARRAY = 10_000
PAIRS = 3  # of staging and bare copies in a round: they are short, and differ much
FAST, PAGED, SINGLE = 100_000, 10_000, 1_000  # rows that a way is tried with
INSTALLED_DRIVER = "ODBC Driver 18 for SQL Server"


@contextmanager
def heap(backend: SqlServerBackend) -> Iterator[Stage]:
    """A new staging heap, as every way fills it."""
    with backend.staging() as staging:
        yield staging.heap(staged_columns())


def copied(
    backend: SqlServerBackend, rows: int, copy: Callable[[Stage], object]
) -> dict[str, float]:
    """Seconds and processor seconds of a way into a new heap, which must fill it."""
    with heap(backend) as stage:
        cpu, began = time.process_time(), time.perf_counter()
        copy(stage)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        with backend.engine.connect() as connection:
            count = sa.select(sa.func.count()).select_from(stage.table)
            found = connection.scalar(count)
    if found != rows:
        raise SystemExit(f"{found} rows are in the heap, not {rows}.")
    return {"seconds": seconds, "cpu_seconds": cpu, "rows_per_second": rows / seconds}


def incoming_rows(backend: SqlServerBackend, request: LoadRequest) -> Incoming:
    """The rows of a load as it stages them, sorted; its companies must be stored."""
    with backend.staging() as staging:
        companies = company_ids(staging, backend.engine, request)
    numbers = pl.Series([upload.number for upload in request.uploads], dtype=pl.Int64)
    return Incoming.of(request, pl.DataFrame({"n": numbers, "id": numbers}), companies)


def staging(
    url: sa.URL, settings: DatabaseSettings, incoming: Incoming, height: int
) -> list[dict[str, Any]]:
    """Our staging and bare ``bulkcopy_arrow`` of the same rows, with 1 and 2 streams.

    Ours gathers, checks and converts the rows from their chunks while it sends them;
    the bare way has them ready as one Arrow table. Which of them is first changes.
    """
    table = pl.concat(incoming.staged(height), rechunk=True).to_arrow()
    told = []
    for number in range(PAIRS):
        pair = {}
        for streams in (1, 2):
            backend = SqlServerBackend(url, settings, streams)
            ways = {
                "ours": partial(_ours, incoming, height),
                "bare": partial(_theirs, backend, table, streams),
            }
            order = list(ways)[:: -1 if number % 2 else 1]
            took = {name: copied(backend, table.num_rows, ways[name]) for name in order}
            backend.dispose()
            ratio = took["bare"]["seconds"] / took["ours"]["seconds"]
            figures = {"ours": took["ours"], "bare": took["bare"]}
            pair[f"{streams} streams"] = {**figures, "ours / bare, rows/s": ratio}
        told.append(pair)
    return told


def _ours(incoming: Incoming, height: int, stage: Stage) -> None:
    stage.fill_all(incoming.staged(height))


def _theirs(
    backend: SqlServerBackend, rows: pa.Table, streams: int, stage: Stage
) -> None:
    bare(backend, stage.table, rows, streams)


def bare(
    backend: SqlServerBackend, table: sa.Table, rows: pa.Table, streams: int
) -> None:
    """``bulkcopy_arrow`` of a ready table, one slice and one thread a stream."""
    name, height = quoted(table), -(-rows.num_rows // streams)

    def copy(part: pa.Table) -> None:
        with backend.unpooled.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.cursor().bulkcopy_arrow(
                name,
                part,
                timeout=0,
                column_mappings=rows.column_names,
                table_lock=True,
                keep_nulls=True,
            )

    parts = [rows.slice(number * height, height) for number in range(streams)]
    if streams == 1:
        copy(parts[0])
        return
    with ThreadPoolExecutor(streams) as pool:
        list(pool.map(copy, parts))


def peers(
    backend: SqlServerBackend, url: sa.URL, rows: pl.DataFrame
) -> dict[str, dict[str, float]]:
    """What else people use, with as many of the rows as they bear."""
    ways = {
        "fast_executemany": (FAST, _fast(_odbc(url))),
        "insertmanyvalues": (PAGED, _paged(url)),
        "row by row": (SINGLE, _single(url)),
    }
    told = {}
    for name, (most, way) in ways.items():
        some = rows.head(most)
        figures = copied(backend, some.height, partial(_filled, way, some))
        each = figures["cpu_seconds"] / some.height * 1e6
        told[name] = {"rows": some.height, **figures, "cpu_seconds_a_million": each}
    return told


Way = Callable[[sa.Table, pl.DataFrame], None]


def _filled(way: Way, rows: pl.DataFrame, stage: Stage) -> None:
    way(stage.table, rows)


def _fast(url: sa.URL) -> Way:
    def way(table: sa.Table, rows: pl.DataFrame) -> None:
        with _engine(url).connect() as connection:
            cursor: Any = connection.connection.cursor()
            cursor.fast_executemany = True
            insert = str(table.insert().compile(dialect=DIALECT))
            for part in rows.iter_slices(ROWS_PER_ARRAY):
                cursor.executemany(insert, part.rows())
            connection.connection.commit()

    return way


def _paged(url: sa.URL) -> Way:
    def way(table: sa.Table, rows: pl.DataFrame) -> None:
        with _engine(url).begin() as connection:
            connection.execute(table.insert(), rows.to_dicts())

    return way


def _single(url: sa.URL) -> Way:
    def way(table: sa.Table, rows: pl.DataFrame) -> None:
        with _engine(url).connect() as connection:
            for row in rows.iter_rows(named=True):
                connection.execute(table.insert(), row)
                connection.commit()

    return way


def _engine(url: sa.URL) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool)


def _odbc(url: sa.URL) -> sa.URL:
    """The URL for pyodbc, with the driver beside mssql-python, else one installed."""
    from mssql_python_odbc import get_libs_dir  # noqa: PLC0415  # only for pyodbc

    family = "debian_ubuntu" if Path("/etc/debian_version").exists() else "rhel"
    libraries = sorted(Path(get_libs_dir(), "linux", family).rglob("libmsodbcsql-18*"))
    driver = next(map(str, libraries), INSTALLED_DRIVER)
    url = url.set(drivername="mssql+pyodbc")
    return url.update_query_dict({"driver": driver})
