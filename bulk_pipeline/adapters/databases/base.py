"""What a kind of database must offer; the SQL itself is the same for all."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa


class Scratch(Protocol):
    """Rows of ours beside the tables, for statements over whole sets.

    Attributes:
        table: where they are; not in the metadata of the target's tables.
    """

    table: sa.Table

    def fill(self, rows: pl.DataFrame) -> int:
        """Add rows by column name; returns how many the driver counted."""


class Backend(Protocol):
    """One target database of one kind; nothing is opened before it is used.

    Attributes:
        first_wait_seconds: before a transaction is tried a second time.
        longest_wait_seconds: before it is tried the last time.
    """

    first_wait_seconds: float
    longest_wait_seconds: float

    @property
    def engine(self) -> sa.Engine:
        """Engine with the pool of the settings, made on first use.

        Raises:
            ConfigurationError: the driver or the folder of the file is missing.
        """

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that holds the write lock; committed at the end of the block.

        Our own writers wait for each other here. What others write is kept out by
        constraints and by the locks of the statements themselves.
        """

    def scratch(
        self, connection: sa.Connection, name: str, columns: Sequence[sa.Column[Any]]
    ) -> AbstractContextManager[Scratch]:
        """Rows beside the tables for a transaction; gone after it.

        Args:
            connection: that of ``writing``, whose transaction will read them.
            name: what they are, in one word.
            columns: unbound columns.
        """

    def dispose(self) -> None:
        """Close the pool, if it was ever opened."""
