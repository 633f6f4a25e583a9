"""The target's tables, made and brought up to date: all of it happens or nothing.

Everything runs in one transaction under the write lock, the row with the version in it
as well, so processes that start together agree and one that is killed half-way leaves
nothing behind. Where all is as it should be, nothing but reading is done, so that
whoever only loads needs no right to change tables.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa

from bulk_pipeline.adapters.schema_steps import STEPS
from bulk_pipeline.adapters.tables import SCHEMA_VERSION, metadata, schema_version
from bulk_pipeline.core.errors import ConfigurationError, TransientError

FIRST_VERSION = min(STEPS)
MAY_NOT = frozenset({229, 230, 262, 297, 1088, 2760, 4902})
"""SQL Server's numbers for a change of tables that the login may not make.

1088 and 4902 (not found, or no permission) and 2760 (the same of a schema) are among
them, since only names that are there are changed here.
"""


class Target(Protocol):
    """The part of a database that is needed here; see ``Database``."""

    @property
    def name(self) -> str:
        """The URL without its password."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection for reading."""

    def writing(self, change: Callable[[sa.Connection], None]) -> None:
        """Run a transaction under the write lock."""


def create_tables(database: Target) -> None:
    """Create what is missing and take older tables up to this version.

    Safe to call again and from two processes at once.

    Raises:
        ConfigurationError: the tables belong to a version of this project that this
            one does not know, or they are not complete and the login may not change
            them.
        TransientError: another program held the database all the time.
    """
    if not _seen_complete(database):
        database.writing(lambda connection: _set_up(connection, database.name))


def is_complete(connection: sa.Connection) -> bool:
    """Whether all tables are there and of this version; two queries, no lock."""
    found = sa.inspect(connection).get_table_names()
    if not metadata.tables.keys() <= set(found):
        return False
    return version_of(connection) == SCHEMA_VERSION


def _seen_complete(database: Target) -> bool:
    """The same without waiting for a writer to end."""
    try:
        with database.reading() as connection:
            return is_complete(connection)
    except TransientError:
        return False


def _set_up(connection: sa.Connection, name: str) -> None:
    """One transaction; does nothing where another process was first."""
    if is_complete(connection):
        return
    version = None
    if sa.inspect(connection).has_table(schema_version.name):
        version = version_of(connection)
    _refuse_unknown(version)
    try:
        metadata.create_all(connection)
        # Tables without a version are of any age, and a step that was taken does
        # nothing when it is taken again.
        for step in range(version or FIRST_VERSION, SCHEMA_VERSION):
            STEPS[step](connection)
    except sa.exc.DBAPIError as error:
        if connection.dialect.name == "mssql" and _is_forbidden(error):
            raise _no_right(name) from error
        raise
    row = {"version": SCHEMA_VERSION, "applied_at": datetime.now(UTC)}
    if version is None:
        connection.execute(schema_version.insert().values(row))
    else:
        older = schema_version.c.version == version
        connection.execute(schema_version.update().where(older).values(row))


def version_of(connection: sa.Connection) -> int | None:
    """Version of the tables; none where nobody finished making them."""
    query = sa.select(sa.func.max(schema_version.c.version))
    found: int | None = connection.execute(query).scalar_one()
    return found


def _refuse_unknown(version: int | None) -> None:
    if version is not None and not FIRST_VERSION <= version <= SCHEMA_VERSION:
        raise ConfigurationError(
            f"The tables have schema version {version}, this program knows "
            f"{FIRST_VERSION} to {SCHEMA_VERSION}. Install the version that made "
            "them, or name another database in DATABASE_URL."
        )


def _is_forbidden(error: sa.exc.DBAPIError) -> bool:
    from bulk_pipeline.adapters.sqlserver_texts import (  # noqa: PLC0415
        told,  # SQLite needs none of it
    )

    said = told(error.orig or error)
    return not MAY_NOT.isdisjoint((said.number, *said.more))


def _no_right(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"The tables in {name} are not there or not of this version, and this login "
        "may not change that. Run `bulk-pipeline init-db` once with a login that may "
        "create tables; docs/sql/grants.sql has the rights that either login needs."
    )
