"""The read replica: a copy of the target database, read by reports and exports.

Nothing is ever written to it, no table made and none upgraded, and nothing that decides
whether to write asks it: a replica may lag.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.base import Backend
from bulk_pipeline.adapters.databases.read_only import (
    ReadOnlySqlite,
    access_to,
    only_read,
)
from bulk_pipeline.adapters.databases.target import supported_url
from bulk_pipeline.adapters.schema_setup import is_complete, version_of
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import SCHEMA_VERSION, schema_version
from bulk_pipeline.core.errors import BulkPipelineError, ConfigurationError

READ_URL, READ_PASSWORD = "BULK_PIPELINE_READ_URL", "BULK_PIPELINE_READ_PASSWORD"
_INTENT = "ApplicationIntent"
_SAID = "Replica"
_LOADS, _LOADS_PASSWORD = "DATABASE_URL", "BULK_PIPELINE_DATABASE_PASSWORD"

T = TypeVar("T")


@dataclass(frozen=True)
class Replica(Database):
    """A database that is only read; its errors say that they are the replica's.

    No circuit breaker counts its failures: they say nothing about the database of
    loads, even where both are behind one name.
    """

    @classmethod
    def of(cls, settings: Settings) -> "Replica | None":
        """The replica that the settings name, if they name one.

        Raises:
            ConfigurationError: the URL cannot be read or names no supported database.
        """
        if settings.read_url is None:
            return None
        url = supported_url(settings.read_url.get_secret_value(), READ_URL)
        own = {"database_url": settings.read_url, "database_password": None}
        if settings.read_password is not None:
            own["database_password"] = settings.read_password
        return cls(url, settings.model_copy(update=own))

    @cached_property
    def backend(self) -> Backend:
        """What this kind of database does in its own way, for reading."""
        if self.url.get_backend_name() == "sqlite":
            return ReadOnlySqlite(self.url, self.settings)
        from bulk_pipeline.adapters.databases.sqlserver import (  # noqa: PLC0415
            SqlServerBackend,  # SQLite needs none of it
        )

        return SqlServerBackend(with_intent(self.url), self.settings)

    @property
    def access(self) -> str:
        """How another process opens the SQLite file; see ``access_to``."""
        return access_to(self.path)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Errors out of the block name the replica and its settings."""
        try:
            yield
        except BulkPipelineError as error:
            if not str(error).startswith(_SAID):
                error.args = (f"{_SAID} {self.name}: {_said(str(error))}",)
            raise

    def create_tables(self) -> None:
        """Make nothing; require that the tables are there and of this version.

        Raises:
            ConfigurationError: they are not; says which version is there.
            TransientError: the replica does not answer.
        """
        with self.reading() as connection:
            if is_complete(connection):
                return
            found = None
            if sa.inspect(connection).has_table(schema_version.name):
                found = version_of(connection)
        there = f"has schema version {found}" if found else "has not our tables"
        raise ConfigurationError(
            f"{_SAID} {self.name} {there}, and this program reads version "
            f"{SCHEMA_VERSION}. Run `bulk-pipeline init-db`, which goes to {_LOADS}, "
            f"and wait until the replica has followed; or unset {READ_URL}."
        )

    def writing(self, change: Callable[[sa.Connection], T]) -> T:
        """Never.

        Raises:
            PermanentError: always.
        """
        del change
        raise only_read(self.name)


def with_intent(url: sa.URL) -> sa.URL:
    """A URL of SQL Server that asks for a readable secondary, unless it says else.

    Availability groups and Azure SQL then send the connection to one; a server that
    has none passes it over.
    """
    if any(name.lower() == _INTENT.lower() for name in url.query):
        return url
    return url.update_query_dict({_INTENT: "ReadOnly"})


def _said(text: str) -> str:
    """An error's text with the replica's variables in place of those of loads."""
    text = text.replace(_LOADS_PASSWORD, READ_PASSWORD)
    return text.replace(_LOADS, READ_URL)
