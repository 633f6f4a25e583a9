"""Opening the two ends: the source so that nothing can be written to it.

A SQLite file is opened by a URI that says so, in this process's one library. Whoever
reads it has one snapshot for as long as the connection's transaction lasts.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.schema_setup import is_complete
from bulk_pipeline.adapters.tables import SCHEMA_VERSION
from bulk_pipeline.core.errors import ConfigurationError

_PRIMARY_CODE = 0xFF  # the low byte of an extended result code
_NEEDS_FOLDER = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""What SQLite says where it may not make the two files that it reads by."""

_SNAPSHOTS = sa.text(
    "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
)


def is_file(database: Database) -> bool:
    """Whether a database is a SQLite file."""
    return database.url.get_backend_name() == "sqlite"


def read_only_uri(path: Path) -> str:
    """The URI that opens a SQLite file for reading alone."""
    return f"{path.absolute().as_uri()}?mode=ro"


def require_two(source: Database, target: Database) -> None:
    """Refuse to bring a database to what it is itself.

    Raises:
        ConfigurationError: both are one file, or one database of one server.
    """
    if is_file(source) != is_file(target):
        return
    if is_file(source):
        with contextlib.suppress(FileNotFoundError):
            if source.path.samefile(target.path):
                raise _one(source)
        return
    if _place(source.url) == _place(target.url):
        raise _one(source)


def _place(url: sa.URL) -> tuple[str, int, str]:
    """Where a URL leads, as far as it says; a whole connection string as it is."""
    host = url.host or str(url.query.get("odbc_connect", ""))
    return host.lower(), url.port or 1433, (url.database or "").lower()


def _one(database: Database) -> ConfigurationError:
    return ConfigurationError(
        f"Source and target are one database, {database.name}. Name another one in "
        "--target or BULK_PIPELINE_SYNC_TARGET."
    )


@contextlib.contextmanager
def reading_only(database: Database) -> Iterator[sa.Connection]:
    """A connection that reads, from one snapshot where the database offers it.

    A file that does not exist is not made, and no table is.

    Raises:
        ConfigurationError: the file is missing, its folder may not be written to, or
            the tables are missing or of another version.
    """
    opened = (_reading_file if is_file(database) else _reading_server)(database)
    with database.guarded(), translated(), opened as connection:
        _require_tables(connection, database)
        yield connection


@contextlib.contextmanager
def _reading_file(database: Database) -> Iterator[sa.Connection]:
    if not database.path.is_file():
        raise ConfigurationError(
            f"There is no database {database.name}. Name one that exists, or make it "
            "with `bulk-pipeline init-db`."
        )
    engine = sa.create_engine(
        "sqlite://",
        creator=partial(_opened, database),
        poolclass=sa.NullPool,
        hide_parameters=True,
    )
    sa.event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        yield connection


def _opened(database: Database) -> sqlite3.Connection:
    return sqlite3.connect(
        read_only_uri(database.path),
        uri=True,
        timeout=database.settings.busy_seconds,
        isolation_level=None,
        check_same_thread=False,
    )


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


@contextlib.contextmanager
def _reading_server(database: Database) -> Iterator[sa.Connection]:
    engine = database.engine
    if _has_snapshots(engine):
        engine = engine.execution_options(isolation_level="SNAPSHOT")
    with engine.connect() as connection:
        yield connection


def _has_snapshots(engine: sa.Engine) -> bool:
    """Whether the server's database lets readers have one."""
    with engine.connect() as connection:
        return bool(connection.execute(_SNAPSHOTS).scalar() == 1)


def _require_tables(connection: sa.Connection, database: Database) -> None:
    try:
        complete = is_complete(connection)
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, sqlite3.OperationalError):
            raise
        if error.orig.sqlite_errorcode & _PRIMARY_CODE not in _NEEDS_FOLDER:
            raise
        raise ConfigurationError(
            f"{database.name} cannot be read: SQLite wants to put files beside it, and "
            "this user may not write to its folder. Grant that, or copy the file."
        ) from error
    if not complete:
        raise ConfigurationError(
            f"{database.name} does not have the tables of version {SCHEMA_VERSION}, "
            "which are what is compared. Run `bulk-pipeline init-db` with this "
            "version of the program and DATABASE_URL naming it."
        )
