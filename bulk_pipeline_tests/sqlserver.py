"""A SQL Server for tests: its URL for both drivers, a clean database, faults on demand.

``BULK_PIPELINE_TEST_MSSQL_URL`` names a server by a login that may create databases:
``mssql+mssqlpython://sa:PASSWORD@HOST:PORT/master?Encrypt=no``. Nothing that is on the
server is touched: a run of the tests makes a database of its own and drops it.

``BULK_PIPELINE_TEST_MSSQL_CONTROL`` (``HOST:PORT``) is given by test servers that fail
on demand; a real server has none.
"""

import contextlib
import json
import os
import platform
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

URL_VARIABLE = "BULK_PIPELINE_TEST_MSSQL_URL"
CONTROL_VARIABLE = "BULK_PIPELINE_TEST_MSSQL_CONTROL"
INSTALLED_DRIVER = "ODBC Driver 18 for SQL Server"
NO_FAULTS = {
    "deadlock_next": 0,
    "delay_ms": 0,
    "drop_after_bulk_rows": 0,
    "refuse_logins": 0,
    "sink": False,
}
"""What a test server is told so that it does nothing wrong."""

_LOCK_MILLISECONDS = 10_000
_CONTROL_SECONDS = 30
_FOREIGN_KEYS = sa.text(
    "SELECT s.name, t.name, f.name FROM sys.foreign_keys f"
    " JOIN sys.tables t ON t.object_id = f.parent_object_id"
    " JOIN sys.schemas s ON s.schema_id = t.schema_id"
)
_TABLES = sa.text(
    "SELECT s.name, t.name FROM sys.tables t"
    " JOIN sys.schemas s ON s.schema_id = t.schema_id"
)


def url_of(dialect: str, database: str) -> sa.URL:
    """The server's URL for one driver; ``repr`` hides its password.

    Args:
        dialect: ``mssqlpython`` or ``pyodbc``. Where the URL names no ODBC driver,
            pyodbc gets the one that comes with mssql-python.
        database: what to connect to.
    """
    url = sa.make_url(os.environ[URL_VARIABLE])
    url = url.set(drivername=f"mssql+{dialect}", database=database)
    if dialect == "mssqlpython":
        return url.difference_update_query(["driver"])
    if "driver" not in url.query:
        url = url.update_query_dict({"driver": odbc_driver()})
    return url


def odbc_driver() -> str:
    """Path of the ODBC driver beside mssql-python, else the name of one installed."""
    try:
        from mssql_python_odbc import get_libs_dir  # noqa: PLC0415  # only for pyodbc
    except ImportError:
        return INSTALLED_DRIVER
    # One folder for each family of Linux; the driver of another one lacks libraries.
    family = "debian_ubuntu" if Path("/etc/debian_version").exists() else "rhel"
    folder = Path(get_libs_dir(), "linux", family, platform.machine(), "lib")
    return next(map(str, sorted(folder.glob("libmsodbcsql-18*"))), INSTALLED_DRIVER)


def require(dialect: str) -> None:
    """Skip the test where there is no server, or the driver cannot be loaded."""
    if not os.environ.get(URL_VARIABLE):
        pytest.skip(f"{URL_VARIABLE} is not set")
    if dialect == "pyodbc":
        try:
            import pyodbc  # noqa: F401, PLC0415  # needs a system library
        except ImportError as error:
            pytest.skip(f"pyodbc cannot be loaded: {error}")


@contextlib.contextmanager
def database_of_its_own() -> Iterator[str]:
    """Make a database, give its name, and drop it.

    A test server with one database behind every name makes none: there the tables are
    in that one, and stay behind.
    """
    name = f"bulk_pipeline_test_{secrets.token_hex(6)}"
    home = sa.make_url(os.environ[URL_VARIABLE]).database or "master"
    with _connected(home) as connection:
        connection.exec_driver_sql(
            f"IF DB_ID(N'{name}') IS NULL CREATE DATABASE [{name}]"
        )
    try:
        yield name
    finally:
        with _connected(home) as connection:
            databases = connection.exec_driver_sql("SELECT name FROM sys.databases")
            if name in databases.scalars().all():
                connection.exec_driver_sql(
                    f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE;"
                    f" DROP DATABASE [{name}]"
                )


def drop_tables(database: str) -> None:
    """Drop every table, staging tables too; takes about 20 ms."""
    with _connected(database) as connection:
        # A test that left a lock behind fails here, and not by hanging.
        connection.exec_driver_sql(f"SET LOCK_TIMEOUT {_LOCK_MILLISECONDS}")
        quote = connection.dialect.identifier_preparer.quote_identifier
        for schema, table, key in connection.execute(_FOREIGN_KEYS).all():
            connection.exec_driver_sql(
                f"ALTER TABLE {quote(schema)}.{quote(table)}"
                f" DROP CONSTRAINT {quote(key)}"
            )
        for schema, table in connection.execute(_TABLES).all():
            connection.exec_driver_sql(f"DROP TABLE {quote(schema)}.{quote(table)}")


@contextlib.contextmanager
def _connected(database: str) -> Iterator[sa.Connection]:
    """A connection that commits each statement and ends with the block."""
    engine = sa.create_engine(
        url_of("mssqlpython", database),
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        yield connection


class Faults:
    """What the test server does wrong from now on; see ``NO_FAULTS`` for the kinds."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))

    def __call__(self, **faults: float) -> dict[str, object]:
        """Ask for faults, or for none to see the server's state, which is returned."""
        with (
            socket.create_connection(self._address, _CONTROL_SECONDS) as connection,
            connection.makefile("rw", encoding="utf-8") as lines,
        ):
            lines.write(json.dumps(faults) + "\n")
            lines.flush()
            answer: dict[str, object] = json.loads(lines.readline())
            return answer


def wait(seconds: float = 180.0) -> str:
    """Wait until the server takes a login, and give its version.

    Raises:
        sa.exc.DBAPIError: what it said last, when the time is over.
    """
    deadline = time.monotonic() + seconds
    home = sa.make_url(os.environ[URL_VARIABLE]).database or "master"
    while True:
        try:
            with _connected(home) as connection:
                return str(connection.scalar(sa.text("SELECT @@VERSION")))
        except sa.exc.DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)


if __name__ == "__main__":
    sys.stdout.write(f"{wait()}\n")
