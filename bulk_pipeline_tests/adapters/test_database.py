"""The database: made once, by whoever comes first, and never mistaken."""

import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import SCHEMA_VERSION, metadata
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.harness import (
    ended,
    installation_in,
    query,
    started,
    url_text,
)
from bulk_pipeline_tests.adapters.looking import view_of
from bulk_pipeline_tests.adapters.ways import DATABASES, DRIVERS

CREATE = """
import os, sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import installation_in
for home in sys.argv[1:]:
    installation = installation_in(Path(home), DATABASE_URL=os.environ["DATABASE_URL"])
    print("ready", flush=True)
    sys.stdin.readline()
    installation.database.create_tables()
    print(installation.journal.home_id(), flush=True)
"""


@pytest.fixture(params=DATABASES)
def empty(request, tmp_path, empty_mssql):
    """Gives a folder and the URL of an empty database, for SQLite the folder's own."""

    def made(home="home"):
        """Folder and URL; empties the database."""
        if request.param in DRIVERS:
            return tmp_path / home, url_text(empty_mssql(request.param))
        return tmp_path / home, ""

    return made


@pytest.fixture
def database_of(empty):
    """Makes databases with settings by variable, all of them the same one."""
    folder, url = empty()
    made = []

    def database(**variables):
        """A database; it is closed with the test."""
        installation = installation_in(folder, DATABASE_URL=url, **variables)
        made.append(installation.database)
        return made[-1]

    yield database
    for each in made:
        each.dispose()


@pytest.fixture
def database(database_of):
    """A database without any table, in a folder that is not there yet."""
    return database_of()


def looked(database, text, *values):
    """Rows of a query on a connection of its own."""
    return view_of(database.url).query(text, *values)


def test_tables_may_be_created_again(database) -> None:
    """Every run asks for them, and none may change what is there."""
    for _ in range(3):
        database.create_tables()
    found = looked(database, "SELECT version FROM schema_version")
    assert found == [(SCHEMA_VERSION,)]
    with database.reading() as connection:
        names = sa.inspect(connection).get_table_names()
    assert {*names} >= {*metadata.tables}


def test_processes_that_start_together_agree(empty) -> None:
    """A daemon and a command line may both be the first."""
    homes = [str(number) for number in range(8)]
    folder, url = empty()
    folders = [folder.with_name(home) for home in homes]
    processes = [started(CREATE, *folders, DATABASE_URL=url) for _ in range(2)]
    for home in homes:
        for process in processes:
            line = process.stdout.readline()
            assert line == "ready\n", process.communicate()[1]
        folder, url = empty(home)
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        ids = [process.stdout.readline() for process in processes]
        assert len(set(ids)) == 1
        assert len(ids[0]) == 33
        seen = view_of(sa.make_url(url or f"sqlite:///{folder}/bulk_pipeline.db"))
        assert seen.query("SELECT count(*) FROM schema_version") == [(1,)]
        assert query(folder / "journal.db", "SELECT count(*) FROM home") == [(1,)]
    for process in processes:
        ended(process)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_tables_of_another_version_are_refused(database, version) -> None:
    """Rows written by other rules are worse than no rows."""
    database.create_tables()
    looked(database, "UPDATE schema_version SET version = ?", version)
    with pytest.raises(ConfigurationError, match=f"version {version}.*DATABASE_URL"):
        database.create_tables()


def test_the_pool_is_that_of_the_settings(database_of) -> None:
    """A server has a limit of its own, which the operator knows."""
    database = database_of(
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
    assert looked(database, "SELECT count(*) FROM schema_version") == [(1,)]


def test_a_change_waits_for_another_writer_and_runs_again(database_of) -> None:
    """Two writers are the normal case; the second one waits its turn."""
    database = database_of(BULK_PIPELINE_BUSY_SECONDS="0.1")
    database.create_tables()
    table = metadata.tables["schema_version"]
    update = table.update().values(applied_at=datetime.now(UTC))
    runs = []

    def change(connection: sa.Connection) -> int:
        """Count the runs."""
        runs.append(1)
        return connection.execute(update).rowcount

    with view_of(database.url).holding() as let_go:
        timer = threading.Timer(0.3, let_go)
        timer.start()
        assert database.writing(change) == 1
        timer.join()
    assert runs == [1]  # it had not begun before it had the lock


def test_a_second_attempt_is_not_told_on_standard_output(database_of, capfd) -> None:
    """A command that answers in JSON must answer in nothing else."""
    database = database_of(BULK_PIPELINE_BUSY_SECONDS="0.05", BULK_PIPELINE_RETRIES="2")
    database.create_tables()
    with view_of(database.url).holding(), pytest.raises(TransientError):
        database.writing(lambda _: None)
    assert capfd.readouterr().out == ""


def test_a_fault_of_the_statement_is_permanent(database) -> None:
    """What is wrong today is wrong in five attempts."""
    database.create_tables()
    with (
        pytest.raises(PermanentError, match=r"no such table|Invalid object name"),
        database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_no_parameter_is_shown_in_an_error(database) -> None:
    """A row of company data has no business in a log."""
    database.create_tables()
    table = metadata.tables["schema_version"]
    moment = datetime(1847, 11, 4, tzinfo=UTC)
    shown = ("1847", str(moment.timestamp()).removesuffix(".0"))
    with (
        pytest.raises(PermanentError) as refused,
        database.reading() as connection,
    ):
        connection.execute(
            table.insert(), [{"version": SCHEMA_VERSION, "applied_at": moment}]
        )
    for said in (str(refused.value), str(refused.value.__cause__)):
        assert not [value for value in shown if value in said]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "postgresql://host/database",
        "mssql://host/database",
        "mssql+pymssql://host/database",
        "no url at all",
        "sqlite://host/file.db",
    ],
)
def test_a_database_that_cannot_be_used_is_refused_with_one_that_can(url) -> None:
    """Whoever mistypes a URL should read how it is written."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*sqlite:////path"):
        Database.from_settings(settings)


@pytest.mark.parametrize("url", ["mssql+mssqlpython://h/d", "mssql+pyodbc://h/d"])
def test_both_drivers_of_sql_server_may_be_named(url) -> None:
    """Settings of users name pyodbc today; what is new needs nothing to install."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    assert Database.from_settings(settings).name == url
