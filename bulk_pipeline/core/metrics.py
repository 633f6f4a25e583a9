"""What one load cost: figures that people compare, and what its database did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

STAGES = ("read", "clean", "companies", "score", "duplicates", "load")
"""The stages of a load, in order; together they are all of its own work."""


class Tier(StrEnum):
    """Class of throughput, by rows read per second from file opened to commit."""

    ULTRA = "ULTRA"
    VERY_HIGH = "VERY HIGH"
    HIGH = "HIGH"
    STANDARD = "STANDARD"


_FLOORS = ((1_000_000, Tier.ULTRA), (500_000, Tier.VERY_HIGH), (100_000, Tier.HIGH))


def rows_per_second(rows: int, seconds: float) -> float:
    """Rows read over seconds; 0.0 where no time passed or nothing was read."""
    return rows / seconds if seconds > 0 else 0.0


def tier(rate: float) -> Tier:
    """Tier of a rate in rows per second: above 1,000,000 is ULTRA, and so on down."""
    return next((name for floor, name in _FLOORS if rate > floor), Tier.STANDARD)


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """One load of the past, as ``run_metrics`` keeps it; nothing is null.

    Attributes:
        batch: key of the batch.
        run_id: the run that loaded it.
        finished_at: when its figures were stored, UTC.
        rows_read: rows that the readers parsed, rejected ones included.
        inserted: rows that were new.
        updated: rows that replaced stored ones.
        duplicates: rows whose key was there already, in the file or stored.
        duplicates_conflicting: those among them with other values.
        rejected: rows that cleaning rejected.
        rows_written: rows physically written.
        seconds: from the first file opened to the commit.
        stages: stage → seconds, in the order of ``core.metrics.STAGES``.
        rows_per_second: rows read over seconds.
        tier: class of that rate.
        peak_memory_bytes: largest memory of any step, children included.
        cpu_percent: processor time over the seconds of the steps; 200 is two cores.
    """

    batch: str
    run_id: str
    finished_at: datetime
    rows_read: int
    inserted: int
    updated: int
    duplicates: int
    duplicates_conflicting: int
    rejected: int
    rows_written: int
    seconds: float
    stages: Mapping[str, float]
    rows_per_second: float
    tier: str
    peak_memory_bytes: int
    cpu_percent: float

    @property
    def is_repetition(self) -> bool:
        """Whether its rows were stored before it began; its seconds are no load's."""
        return self.rows_written == 0 and self.inserted + self.updated > 0


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """What was asked of the target database while a load wrote.

    Attributes:
        lock_wait_seconds: waited for another writer, in no other figure here.
        connections_most_in_use: connections open at the same time.
        connection_wait_seconds: until the pool gave a connection, opening included.
        statements: how many were run; a bulk copy of SQL Server is none.
        statement_seconds: all of them together. On SQLite the making of the rows that
            a statement takes is in it, since it goes on at the same time.
        statement_longest_seconds: the longest of them.
    """

    lock_wait_seconds: float = 0.0
    connections_most_in_use: int = 0
    connection_wait_seconds: float = 0.0
    statements: int = 0
    statement_seconds: float = 0.0
    statement_longest_seconds: float = 0.0

    @classmethod
    def of_statement(cls, seconds: float) -> "DatabaseFigures":
        """The figures of one statement."""
        return cls(
            statements=1, statement_seconds=seconds, statement_longest_seconds=seconds
        )

    @classmethod
    def of_wait(cls, seconds: float) -> "DatabaseFigures":
        """The figures of one wait for another writer."""
        return cls(lock_wait_seconds=seconds)

    def __add__(self, other: "DatabaseFigures") -> "DatabaseFigures":
        """Both of them, one after the other."""
        return DatabaseFigures(
            self.lock_wait_seconds + other.lock_wait_seconds,
            max(self.connections_most_in_use, other.connections_most_in_use),
            self.connection_wait_seconds + other.connection_wait_seconds,
            self.statements + other.statements,
            self.statement_seconds + other.statement_seconds,
            max(self.statement_longest_seconds, other.statement_longest_seconds),
        )


NOTHING_ASKED = DatabaseFigures()
