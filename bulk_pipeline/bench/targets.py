"""The database that a benchmark loads into: empty before each round, clean at the end.

Nothing is removed that a benchmark did not store itself.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import metadata, uploads
from bulk_pipeline.core.errors import ConfigurationError, PermanentError

SQLITE_FILES = ("", "-wal", "-shm", "-journal")
"""What SQLite puts after the name of a database for its files."""
SQLITE, SQL_SERVER = "sqlite", "mssql"


@dataclass(frozen=True, slots=True)
class Target:
    """Where rounds load to.

    Attributes:
        url: the user's; None for a SQLite file in the home of each round.
    """

    url: sa.URL | None = None

    @classmethod
    def of(cls, text: str | None) -> "Target":
        """The target that a user named.

        Raises:
            ConfigurationError: the URL cannot be read or names no supported database.
        """
        if not text:
            return cls()
        settings = Settings.from_environment({**os.environ, "DATABASE_URL": text})
        return cls(target_url(settings))

    @property
    def kind(self) -> str:
        """``sqlite`` or ``mssql``: all that is ever told of the URL."""
        return SQLITE if self._file or self.url is None else SQL_SERVER

    @property
    def text(self) -> str:
        """The URL with its password; nothing for a file in the home."""
        if self.url is None:
            return ""
        return self.url.render_as_string(hide_password=False)

    @property
    def _file(self) -> Path | None:
        """The SQLite file, if the user named one."""
        if self.url is None or self.url.get_backend_name() != "sqlite":
            return None
        return Path(self.url.database or "")

    def environment(self, home: Path) -> dict[str, str]:
        """Variables of a process that loads into it, with a home of its own."""
        variables = {**os.environ, "BULK_PIPELINE_HOME": str(home)}
        variables.pop("DAGSTER_HOME", None)
        return {**variables, "DATABASE_URL": self.text}

    def floor_file(self, folder: Path) -> Path:
        """Where the floor makes its SQLite database: on the same disk."""
        file = self._file
        return file.with_name(f"{file.name}.floor") if file else folder / "floor.db"

    def require_empty(self) -> None:
        """Refuse a database that something lies in already.

        Raises:
            ConfigurationError: says what was found, and what would work.
        """
        file = self._file
        if file is not None:
            if not file.parent.is_dir():
                raise ConfigurationError(
                    f"{file}: there is no directory {file.parent}. Make it, or use "
                    "another."
                )
            found = [f for f in (file, self.floor_file(file.parent)) if f.exists()]
            if found:
                raise ConfigurationError(
                    f"{found[0]} exists. A benchmark makes its database and removes "
                    "it: name a file that does not exist."
                )
        elif self.url is not None:
            self._require_no_tables()

    def _require_no_tables(self) -> None:
        database = self._database()
        try:
            with database.reading() as connection:
                names = sa.inspect(connection).get_table_names()
        finally:
            database.dispose()
        if names:
            raise ConfigurationError(
                f"The database {database.name} has tables ({min(names)} ...). A "
                "benchmark makes its tables and drops them: name an empty database."
            )

    def clear(self, home_id: str) -> None:
        """Remove what a round stored, its tables included.

        Args:
            home_id: of the round's home.

        Raises:
            PermanentError: somebody else has loaded into the tables meanwhile; they
                are left as they are.
        """
        file = self._file
        if file is not None:
            remove_sqlite(file)
        elif self.url is not None:
            self._drop_tables(home_id)

    def _drop_tables(self, home_id: str) -> None:
        database = self._database()
        try:
            with database.reading() as connection:
                made = sa.inspect(connection).has_table(uploads.name)
                others = sa.select(sa.func.count()).where(uploads.c.home_id != home_id)
                foreign = connection.scalar(others) if made else 0
            if foreign:
                raise PermanentError(
                    f"Somebody else has loaded {foreign} files into {database.name} "
                    "during the benchmark. Its tables are left as they are."
                )
            metadata.drop_all(database.engine)
        finally:
            database.dispose()

    def _database(self) -> Database:
        variables = {**os.environ, "DATABASE_URL": self.text}
        return Database.from_settings(Settings.from_environment(variables))


def remove_sqlite(file: Path) -> None:
    """Remove a SQLite database with the files beside it, as far as they are there."""
    for ending in SQLITE_FILES:
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)
