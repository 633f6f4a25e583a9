"""The journal's SQLite file: opened by many processes, upgraded by the first."""

import secrets
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from bulk_pipeline.adapters.failures import attempts
from bulk_pipeline.adapters.home import make_home
from bulk_pipeline.adapters.journal_tables import home, metadata

BUSY_MILLISECONDS = 30_000
READING = "journal_reading"
"""Execution option of a connection that takes no write lock."""


def opened(path: Path) -> sa.Engine:
    """The engine of a journal, which is created or upgraded in place where needed.

    A transaction holds the write lock from its beginning, unless the connection has the
    execution option ``READING``. A journal that an older version made keeps all it
    knows: what it lacks is added under the write lock, so that two processes that open
    it at once add it once.
    """
    make_home(path.parent)
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    with engine.connect().execution_options(**{READING: True}) as connection:
        complete = not _missing(connection) and _has_id(connection)
    if not complete:
        with engine.begin() as connection:
            _complete(connection)
    return engine


def _missing(connection: sa.Connection) -> list[Any]:
    """Tables, columns and indexes that a journal lacks, in order of making."""
    there = _there(connection)
    lacking: list[Any] = []
    for table in metadata.sorted_tables:
        if table.name not in there:
            lacking.append(table)
            continue
        known = there[table.name]
        lacking += [column for column in table.c if column.name not in known]
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        lacking += [index for index in indexes if index.name not in there]
    return lacking


def _there(connection: sa.Connection) -> dict[str, set[str]]:
    """Name of each table and index that a journal has → names of its columns."""
    query = sa.text(
        "SELECT made.name, part.name FROM sqlite_master AS made"
        " LEFT JOIN pragma_table_info(made.name) AS part"
    )
    found: dict[str, set[str]] = {}
    for name, column in connection.execute(query):
        found.setdefault(name, set()).add(column)
    return found


def _has_id(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(home.c.id)) is not None


def _complete(connection: sa.Connection) -> None:
    """Add what a journal lacks; for the holder of the write lock."""
    for lacking in _missing(connection):
        if isinstance(lacking, sa.Column):
            definition = CreateColumn(lacking).compile(dialect=connection.dialect)
            connection.exec_driver_sql(
                f"ALTER TABLE {lacking.table.name} ADD COLUMN {definition}"
            )
        else:
            lacking.create(connection, checkfirst=False)
    if not _has_id(connection):
        connection.execute(home.insert(), {"id": secrets.token_hex(16)})


def _prepare(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    # An outcome that people were told must outlive a loss of power.
    connection.execute("PRAGMA synchronous = FULL")
    # SQLite does not wait for two processes that change this of a new file at once.
    for attempt in attempts(sqlite3.OperationalError, 50, 0.01, 0.1):
        with attempt:
            connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
