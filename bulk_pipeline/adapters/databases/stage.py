"""Staging tables of SQL Server: heaps that live as long as the session that made them.

A heap takes rows in bulk without a lock on what others read, outside of any
transaction. It belongs to the session that holds the application lock of its name:
where that lock can be taken, its maker is dead and it is an orphan.
"""

import contextlib
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Self

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import DropTable

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.databases.application_lock import SESSION, take
from bulk_pipeline.adapters.databases.copying import Copier
from bulk_pipeline.core.errors import TransientError

PREFIX = "bulk_pipeline_stage_"
_OWNED = len(PREFIX) + 16  # the part of a name that is its owner's
logger = logging.getLogger(__name__)


class Stage:
    """One heap.

    Attributes:
        table: the heap; its columns are those given, in order.
    """

    def __init__(self, table: sa.Table, copier: Copier) -> None:
        self.table = table
        self._copier = copier

    def fill(self, rows: pl.DataFrame) -> int:
        """Add one frame; see ``fill_all``."""
        return self.fill_all([rows])

    def fill_all(self, frames: Iterable[pl.DataFrame]) -> int:
        """Add frames by column name, committed at once; returns the rows counted.

        Raises:
            TransientError: the way there broke; the stage is of no use any more.
            PermanentError: a value was refused.
        """
        return self._copier.copy(self.table, frames)


class Staging:
    """The session that owns heaps; a context manager that drops them at its end."""

    def __init__(self, engine: sa.Engine, copier: Copier, schema: str | None) -> None:
        """Nothing is opened yet.

        Args:
            engine: connections that end when they are closed, in autocommit.
            copier: the driver's way of copying in bulk.
            schema: where the heaps go; None for the login's own schema.
        """
        self._engine = engine
        self._copier = copier
        self._schema = schema
        self._name = PREFIX + secrets.token_hex(8)
        self._tables: list[sa.Table] = []
        self._session: sa.Connection | None = None

    def __enter__(self) -> Self:
        self._session = self._engine.connect()
        # Before the first heap: one without its lock is taken for an orphan.
        self.require_owned()
        return self

    def heap(self, columns: Sequence[sa.Column[Any]]) -> Stage:
        """A new heap with these (unbound) columns, there for everybody at once."""
        if self._session is None:
            raise AssertionError  # used outside of its block
        name = f"{self._name}_{len(self._tables)}"
        table = sa.Table(name, sa.MetaData(schema=self._schema), *columns)
        table.create(self._session, checkfirst=False)
        self._tables.append(table)
        reached("stage created")
        return Stage(table, self._copier)

    def require_owned(self) -> None:
        """Make sure that our session lives and holds the lock of its heaps.

        Raises:
            TransientError: somebody else holds it, or may have since.
        """
        if self._session is None or not take(
            self._session, lock_of(self._name), SESSION, 0
        ):
            raise TransientError(
                f"The session that held the staging tables {self._name} is gone. The "
                "rows are staged again."
            )

    def __exit__(self, *raised: object) -> None:
        if self._session is None:
            return
        # Where the server is gone, the next load finds the heaps without their lock.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            for table in self._tables:
                self._session.execute(DropTable(table, if_exists=True))
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self._session.close()
        self._session = None


def lock_of(name: str) -> str:
    """Name of the application lock that a heap's owner holds."""
    return f"bulk_pipeline:{name[:_OWNED]}"


def swept(engine: sa.Engine, schema: str | None) -> list[str]:
    """Drop the heaps whose makers are dead; returns their names.

    Args:
        engine: connections that end when they are closed, in autocommit.
        schema: where heaps are; None for the login's own schema.
    """
    dropped = []
    with engine.connect() as connection:
        found = sa.inspect(connection).get_table_names(schema=schema)
        for name in sorted(name for name in found if name.startswith(PREFIX)):
            # Held until this connection ends, so two sweepers do not meet.
            if take(connection, lock_of(name), SESSION, 0):
                table = sa.Table(name, sa.MetaData(schema=schema))
                connection.execute(DropTable(table, if_exists=True))
                logger.warning("Dropped staging table %s of a load that died.", name)
                dropped.append(name)
    return dropped
