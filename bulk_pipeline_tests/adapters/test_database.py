"""The database file: made once, by whoever comes first, and never mistaken."""

import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlite import PAGE_BYTES
from bulk_pipeline.adapters.failures import from_sqlite, from_sqlite_text, translated
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import SCHEMA_VERSION, metadata
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.harness import ended, query, started

CREATE = """
import sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import installation_in
for home in sys.argv[1:]:
    installation = installation_in(Path(home))
    print("ready", flush=True)
    sys.stdin.readline()
    installation.database.create_tables()
    print(installation.journal.home_id(), flush=True)
"""


def database_in(folder, **variables):
    """The default database of a home, with settings by variable."""
    given = {"BULK_PIPELINE_HOME": str(folder), **variables}
    return Database.from_settings(Settings.from_environment(given))


@pytest.fixture
def database(tmp_path):
    """A new database in a folder that is not there yet."""
    made = database_in(tmp_path / "new" / "home")
    yield made
    made.dispose()


def test_tables_may_be_created_again(database) -> None:
    """Every run asks for them, and none may change what is there."""
    for _ in range(3):
        database.create_tables()
    found = query(database.path, "SELECT version FROM schema_version")
    assert found == [(SCHEMA_VERSION,)]
    names = query(database.path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {name for (name,) in names} >= {*metadata.tables}


def test_processes_that_start_together_agree(tmp_path) -> None:
    """A daemon and a command line may both be the first."""
    homes = [tmp_path / str(number) for number in range(8)]
    processes = [started(CREATE, *homes) for _ in range(2)]
    for home in homes:
        for process in processes:
            line = process.stdout.readline()
            assert line == "ready\n", process.communicate()[1]
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        ids = [process.stdout.readline() for process in processes]
        assert len(set(ids)) == 1
        assert len(ids[0]) == 33
        path = home / "bulk_pipeline.db"
        assert query(path, "SELECT count(*) FROM schema_version") == [(1,)]
        assert query(home / "journal.db", "SELECT count(*) FROM home") == [(1,)]
    for process in processes:
        ended(process)


@pytest.mark.parametrize("version", [0, 2])
def test_tables_of_another_version_are_refused(database, version) -> None:
    """Rows written by other rules are worse than no rows."""
    database.create_tables()
    query(database.path, "UPDATE schema_version SET version = ?", version)
    with pytest.raises(ConfigurationError, match=f"version {version}.*DATABASE_URL"):
        database.create_tables()


def test_the_file_is_laid_out_for_bulk_loads(database) -> None:
    """A reader must not wait for a load, and a load must not wait for the disk."""
    database.create_tables()
    with database.reading() as connection:
        pragmas = ("page_size", "journal_mode", "foreign_keys", "busy_timeout")
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas
        ]
    assert found == [PAGE_BYTES, "wal", 1, 60_000]


def test_the_pool_is_that_of_the_settings(tmp_path) -> None:
    """A server has a limit of its own, which the operator knows."""
    database = database_in(
        tmp_path,
        ULTRA_CONNECTION_POOL_SIZE="1",
        BULK_PIPELINE_POOL_TIMEOUT_SECONDS="0.1",
        BULK_PIPELINE_RETRIES="1",
    )
    database.create_tables()
    with (
        database.reading(),
        pytest.raises(TransientError, match="ULTRA_CONNECTION_POOL_SIZE"),
        database.reading(),
    ):
        pass
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    database.dispose()


def test_a_change_that_fails_is_taken_back(database) -> None:
    """One transaction for one promise."""
    database.create_tables()

    def change(connection: sa.Connection) -> None:
        """Write something, then fail."""
        connection.exec_driver_sql("DELETE FROM schema_version")
        raise PermanentError("no")

    with pytest.raises(PermanentError, match="no"):
        database.writing(change)
    database.create_tables()
    assert query(database.path, "SELECT count(*) FROM schema_version") == [(1,)]


def test_a_change_waits_for_another_writer_and_runs_again(tmp_path) -> None:
    """Two writers are the normal case; the second one waits its turn."""
    database = database_in(tmp_path, BULK_PIPELINE_BUSY_SECONDS="0.1")
    database.create_tables()
    runs = []

    def change(connection: sa.Connection) -> int:
        """Count the runs."""
        runs.append(1)
        statement = "UPDATE schema_version SET applied_at = 7"
        return connection.exec_driver_sql(statement).rowcount

    with closing(sqlite3.connect(database.path, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, writer.rollback)
        timer.start()
        assert database.writing(change) == 1
        timer.join()
    assert runs == [1]  # it had not begun before it had the lock
    database.dispose()


def test_a_second_attempt_is_not_told_on_standard_output(tmp_path, capfd) -> None:
    """A command that answers in JSON must answer in nothing else."""
    database = database_in(
        tmp_path, BULK_PIPELINE_BUSY_SECONDS="0.05", BULK_PIPELINE_RETRIES="2"
    )
    database.create_tables()
    with closing(sqlite3.connect(database.path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError):
            database.writing(lambda _: None)
    assert capfd.readouterr().out == ""
    database.dispose()


def test_a_fault_of_the_statement_is_permanent(database) -> None:
    """What is wrong today is wrong in five attempts."""
    database.create_tables()
    with (
        pytest.raises(PermanentError, match="no such table"),
        database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_no_parameter_is_shown_in_an_error(database) -> None:
    """A row of company data has no business in a log."""
    database.create_tables()
    table = metadata.tables["schema_version"]
    with (
        pytest.raises(PermanentError) as refused,
        database.reading() as connection,
    ):
        connection.execute(table.insert(), [{"version": 1, "applied_at": 4711}])
    assert "4711" not in str(refused.value)
    assert "4711" not in str(refused.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "postgresql://host/database",
        "mssql+pyodbc://host/database",
        "no url at all",
        "sqlite://host/file.db",
    ],
)
def test_a_database_that_cannot_be_used_is_refused_with_one_that_can(url) -> None:
    """Whoever mistypes a URL should read how it is written."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*sqlite:////path"):
        Database.from_settings(settings)


def test_a_relative_file_is_the_same_from_every_folder(tmp_path, monkeypatch) -> None:
    """A run and a command line start in different folders."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"DATABASE_URL": "sqlite:///a.db"})
    database = Database.from_settings(settings)
    monkeypatch.chdir("/")
    assert database.path == tmp_path / "a.db"
    assert database.name == f"sqlite:///{tmp_path}/a.db"


@pytest.mark.parametrize("name", ["with space.db", "per%20cent.db", "a?b#c.db", "ü.db"])
def test_odd_file_names_are_file_names(tmp_path, name) -> None:
    """A share has the folders it has."""
    settings = Settings.from_environment({"BULK_PIPELINE_HOME": str(tmp_path)})
    url = sa.URL.create("sqlite", database=str(tmp_path / name))
    database = Database(url, settings)
    database.create_tables()
    assert (tmp_path / name).stat().st_size > 0
    database.dispose()


@pytest.mark.parametrize(
    ("text", "kind", "cure"),
    [
        ("IO: Failed to step query: database is locked", TransientError, "busy"),
        ("failed to execute: database table is locked", TransientError, "busy"),
        ("database or disk is full", PermanentError, "Free some space"),
        ("attempt to write a readonly database", PermanentError, "write access"),
        ("failed to open 'file:/x'", PermanentError, "folder exists"),
        ("file is not a database", PermanentError, "DATABASE_URL"),
        ("database disk image is malformed", PermanentError, "backup"),
        ("UNIQUE constraint failed", PermanentError, "own message"),
    ],
)
def test_a_driver_without_codes_is_understood_by_its_words(text, kind, cure) -> None:
    """Busy in the loading process must be tried again as it is in this one."""
    error = from_sqlite_text(text)
    assert type(error) is kind
    assert text in str(error)
    assert cure in str(error)


def test_extended_codes_count_as_their_primary_ones() -> None:
    """SQLite says in detail why it is busy; busy it is all the same."""
    assert isinstance(from_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT, "x"), TransientError)
    assert isinstance(from_sqlite(sqlite3.SQLITE_IOERR_WRITE, "x"), PermanentError)


def test_an_error_of_the_driver_itself_is_permanent() -> None:
    """An error without a code must not slip through the table."""
    with pytest.raises(PermanentError, match="one statement at a time"), translated():
        sqlite3.connect(":memory:").execute("SELECT 1; SELECT 2")
