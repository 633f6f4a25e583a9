"""Both files counted at the same time, before the transaction that needs the counts.

A connection reads one file after the other; two read both at once, which is half of
the time that finding no change takes. Where something changed, the source's rows are
counted by year while the transaction runs. All this holds for the transaction if nobody
wrote to either file meanwhile, which SQLite tells the connection that asks.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing.compared import COMPANIES, PREDICTIONS
from bulk_pipeline.adapters.syncing.moments import Moments, moments
from bulk_pipeline.adapters.syncing.opening import reading_only
from bulk_pipeline.adapters.syncing.tally import Years, by_year, of_years

STAMPED = (COMPANIES, PREDICTIONS)
"""Tables large enough for a look at moments before rows are compared."""

_VERSIONS = "bulk_pipeline_versions"
_ASKED = ("PRAGMA main.data_version", "PRAGMA source.data_version")


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a table that are looked at.

    Attributes:
        there: rows of the source by moment.
        here: rows of the target by moment.
    """

    there: Moments
    here: Moments


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was counted, and is being counted, before the transaction needs it.

    Attributes:
        counts: name of a table → its rows.
        years: the source's predictions by year; None where no row is to be compared.
    """

    counts: dict[str, Counts]
    years: Future[Years] | None


@contextlib.contextmanager
def counting_ahead(
    source: Database, target: Database, beside: Database, years: tuple[int, ...]
) -> Iterator[Ahead]:
    """Count the rows of two files, and go on counting during the block.

    Args:
        source: a file.
        target: a file with all tables.
        beside: the target by connections that have the source attached as ``source``;
            the transaction asks the one of them that remembers this moment.
        years: reporting years that are looked at; empty: all.
    """
    with beside.reading() as connection:
        connection.info[_VERSIONS] = _versions(connection)
    with reading_only(source) as connection, ThreadPoolExecutor(2) as threads:
        coming = threads.submit(_counted_in, target, years)
        there, here = _counted(connection, years), coming.result()
        counts = {name: Counts(there[name], here[name]) for name in there}
        predictions = counts[PREDICTIONS.table.name]
        by_years = None
        if years or predictions.there != predictions.here:
            by_years = threads.submit(by_year, connection, PREDICTIONS.table, years)
        yield Ahead(counts, by_years)


def still_true(connection: sa.Connection) -> bool:
    """Whether what was counted ahead is what this transaction sees in both files."""
    remembered = connection.info.get(_VERSIONS)
    return remembered is not None and remembered == _versions(connection)


def _versions(connection: sa.Connection) -> tuple[int, ...]:
    """Numbers that change with what others commit, each of one connection alone."""
    asked = (connection.exec_driver_sql(pragma) for pragma in _ASKED)
    return tuple(int(result.scalar_one()) for result in asked)


def _counted_in(database: Database, years: tuple[int, ...]) -> dict[str, Moments]:
    with reading_only(database) as connection:
        return _counted(connection, years)


def _counted(connection: sa.Connection, years: tuple[int, ...]) -> dict[str, Moments]:
    return {
        each.table.name: moments(
            connection, each.table.c[each.stamp], of_years(each.table, years)
        )
        for each in STAMPED
    }
