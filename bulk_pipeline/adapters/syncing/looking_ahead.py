"""Both files counted at the same time, before the transaction that needs the counts.

A connection reads one file after the other; two read both at once, which is half of
the time that finding no change takes. The counts hold for the transaction if nobody
wrote to either file meanwhile, which SQLite tells the connection that asks.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing.compared import PREDICTIONS
from bulk_pipeline.adapters.syncing.moments import Moments, moments
from bulk_pipeline.adapters.syncing.opening import reading_only
from bulk_pipeline.adapters.syncing.tally import of_years

_VERSIONS = "bulk_pipeline_versions"
_ASKED = ("PRAGMA main.data_version", "PRAGMA source.data_version")


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of predictions that are looked at.

    Attributes:
        there: rows of the source by moment.
        here: rows of the target by moment.
    """

    there: Moments
    here: Moments


def counted_ahead(
    source: Database, target: Database, beside: Database, years: tuple[int, ...]
) -> Counts:
    """Count the rows of two files.

    Args:
        source: a file.
        target: a file with all tables.
        beside: the target by connections that have the source attached as ``source``;
            the transaction asks the one of them that remembers this moment.
        years: reporting years that are looked at; empty: all.
    """
    with beside.reading() as connection:
        connection.info[_VERSIONS] = _versions(connection)
    with ThreadPoolExecutor(2) as threads:
        there = threads.submit(_counted, source, years)
        here = threads.submit(_counted, target, years)
        return Counts(there.result(), here.result())


def still_true(connection: sa.Connection) -> bool:
    """Whether what was counted ahead is what this transaction sees in both files."""
    remembered = connection.info.get(_VERSIONS)
    return remembered is not None and remembered == _versions(connection)


def _versions(connection: sa.Connection) -> tuple[int, ...]:
    """Numbers that change with what others commit, each of one connection alone."""
    asked = (connection.exec_driver_sql(pragma) for pragma in _ASKED)
    return tuple(int(result.scalar_one()) for result in asked)


def _counted(database: Database, years: tuple[int, ...]) -> Moments:
    with reading_only(database) as connection:
        t = PREDICTIONS.table
        return moments(connection, t.c[PREDICTIONS.stamp], of_years(t, years))
