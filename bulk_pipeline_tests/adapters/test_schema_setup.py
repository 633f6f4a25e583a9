"""The tables are made once and brought up to date, whoever comes first."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters import schema_setup
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.schema_setup import create_tables, is_complete
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import (
    SCHEMA_VERSION,
    annual_predictions,
    metadata,
    schema_version,
    uploads,
)
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import (
    Pipeline,
    ended,
    installation_in,
    query,
    started,
)
from bulk_pipeline_tests.adapters.older_tables import (
    make_version_1,
    rows_of_version_1,
    to_version_1,
)
from bulk_pipeline_tests.builders import rows_of, write_csv

ROUNDS = 5
INDEXES = """
SELECT "unique", (SELECT group_concat(c.name) FROM pragma_index_info(i.name) AS c)
FROM pragma_index_list(?) AS i ORDER BY 2
"""
CREATE = """
import sys
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.schema_setup import create_tables
from bulk_pipeline.adapters.settings import Settings
database = Database.from_settings(Settings.from_environment())
print("ready", flush=True)
for _ in sys.stdin:
    create_tables(database)
    print("done", flush=True)
"""
DIE_IN_A_STEP = """
import os, signal
from bulk_pipeline.adapters import schema_setup
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
def step(connection, real=schema_setup.STEPS[1]):
    real(connection)
    os.kill(os.getpid(), signal.SIGKILL)
schema_setup.STEPS = {1: step}
schema_setup.create_tables(Database.from_settings(Settings.from_environment()))
"""


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("mssqlpython", marks=pytest.mark.sqlserver),
        pytest.param("pyodbc", marks=pytest.mark.sqlserver),
    ]
)
def database(request, tmp_path, monkeypatch):
    """A database without tables, of each kind; other processes find it as well."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'rows.db'}")
    if request.param != "sqlite":
        sqlserver.require(request.param)
        name = request.getfixturevalue("_mssql_database")
        sqlserver.drop_tables(name)
        url = sqlserver.url_of(request.param, name)
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    made = Database.from_settings(Settings.from_environment())
    yield made
    made.dispose()
    if request.param != "sqlite":
        sqlserver.drop_tables(name)


@pytest.fixture
def version_1(tmp_path, monkeypatch):
    """A SQLite file as version 1 left it, with rows."""
    path = tmp_path / "old.db"
    make_version_1(path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    made = Database.from_settings(Settings.from_environment())
    yield made
    made.dispose()


def version_of(database) -> list[int]:
    """What the tables say of themselves."""
    with database.reading() as connection:
        return list(connection.scalars(sa.select(schema_version.c.version)))


def said_by(database) -> list[str]:
    """Statements that the database is asked from now on."""
    statements = []

    def note(connection, cursor, statement, *rest) -> None:
        statements.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    return statements


def columns_of(database, table="uploads") -> list[str]:
    """Names of a table's columns, in their order."""
    with database.reading() as connection:
        return [found["name"] for found in sa.inspect(connection).get_columns(table)]


def test_tables_are_made_once(database) -> None:
    """Every run asks for them, and none may change what is there."""
    create_tables(database)
    statements = said_by(database)
    create_tables(database)
    kinds = [text.split()[0] for text in statements if text != "BEGIN"]
    assert kinds == ["SELECT", "SELECT"]
    assert version_of(database) == [SCHEMA_VERSION]
    with database.reading() as connection:
        assert is_complete(connection)
        assert {*sa.inspect(connection).get_table_names()} >= {*metadata.tables}


def test_a_table_that_is_missing_is_made(database) -> None:
    """Whoever drops a table of figures by hand gets an empty one, not a broken run."""
    create_tables(database)
    database.writing(metadata.tables["run_metrics"].drop)
    create_tables(database)
    assert columns_of(database, "run_metrics")[:2] == ["id", "batch_key"]
    assert version_of(database) == [SCHEMA_VERSION]


@pytest.mark.parametrize("before", ["nothing", "version 1"])
def test_processes_that_start_together_agree(database, before) -> None:
    """A daemon and a command line may both be the first."""
    processes = [started(CREATE) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for _ in range(ROUNDS):
        if before == "version 1":
            create_tables(database)
            database.writing(to_version_1)
        else:
            database.writing(metadata.drop_all)
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout.readline() == "done\n", process.communicate()[1]
        assert version_of(database) == [SCHEMA_VERSION]
        assert columns_of(database) == [column.name for column in uploads.c]
    for process in processes:
        ended(process)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_tables_of_an_unknown_version_are_left_alone(database, version) -> None:
    """Rows written by other rules are worse than no rows."""
    create_tables(database)

    def change(connection: sa.Connection) -> None:
        """As a version would leave them that has no such table."""
        connection.execute(schema_version.update().values(version=version))
        metadata.tables["run_metrics"].drop(connection)

    database.writing(change)
    with pytest.raises(ConfigurationError, match=f"version {version}.*DATABASE_URL"):
        create_tables(database)
    assert version_of(database) == [version]
    with database.reading() as connection:
        assert not sa.inspect(connection).has_table("run_metrics")


def test_older_tables_are_brought_up_to_date(database) -> None:
    """An upgrade of the program is one command, with the rows where they were."""
    create_tables(database)
    database.writing(to_version_1)
    assert "load_id" not in columns_of(database)
    create_tables(database)
    assert version_of(database) == [SCHEMA_VERSION]
    assert columns_of(database) == [column.name for column in uploads.c]
    with database.reading() as connection:
        found = sa.inspect(connection).get_columns("uploads")[-1]
    assert found["nullable"]
    assert found["type"].length == 32
    assert isinstance(found["type"], sa.CHAR)


def test_a_step_that_was_taken_is_not_taken_again(database) -> None:
    """Tables that lost their version by hand may be of any age."""
    create_tables(database)
    database.writing(lambda connection: connection.execute(schema_version.delete()))
    create_tables(database)
    assert version_of(database) == [SCHEMA_VERSION]
    assert columns_of(database) == [column.name for column in uploads.c]


def test_an_upgrade_that_fails_changes_nothing(database, monkeypatch) -> None:
    """Half an upgrade would fit neither the old program nor the new one."""
    create_tables(database)
    database.writing(to_version_1)

    def step(connection: sa.Connection, real=schema_setup.STEPS[1]) -> None:
        """The real step, and then something goes wrong."""
        real(connection)
        raise PermanentError("no")

    with monkeypatch.context() as patched:
        patched.setattr(schema_setup, "STEPS", {1: step})
        with pytest.raises(PermanentError, match="no"):
            create_tables(database)
    assert version_of(database) == [1]
    assert "load_id" not in columns_of(database)
    create_tables(database)
    assert version_of(database) == [SCHEMA_VERSION]


def test_an_upgrade_that_is_killed_changes_nothing(database) -> None:
    """Machines go down at any moment."""
    create_tables(database)
    database.writing(to_version_1)
    process = started(DIE_IN_A_STEP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -9, err
    assert version_of(database) == [1]
    assert "load_id" not in columns_of(database)
    create_tables(database)
    assert version_of(database) == [SCHEMA_VERSION]


def test_a_file_of_version_1_keeps_its_rows(version_1) -> None:
    """The rows are what the file is there for."""
    before = rows_of_version_1(version_1.path)
    create_tables(version_1)
    assert rows_of_version_1(version_1.path) == before
    load_ids = query(version_1.path, "SELECT load_id FROM uploads")
    assert load_ids == [(None,), (None,)]
    assert query(version_1.path, "PRAGMA integrity_check") == [("ok",)]
    assert query(version_1.path, "PRAGMA foreign_key_check") == []


def test_a_file_of_version_1_becomes_like_a_new_one(version_1, tmp_path) -> None:
    """Whether a file was upgraded must not be felt in anything."""
    create_tables(version_1)
    new = installation_in(tmp_path / "new").database
    create_tables(new)
    for name in metadata.tables:
        for asked in (
            "SELECT * FROM pragma_table_info(?)",
            "SELECT * FROM pragma_foreign_key_list(?)",
            'SELECT name, "unique" FROM pragma_index_list(?) ORDER BY name',
            INDEXES,
        ):
            if name == annual_predictions.name and "SELECT name" in asked:
                continue  # its key is a constraint there and an index by itself here
            found = query(version_1.path, asked, name)
            assert found == query(new.path, asked, name), (asked, name)
    new.dispose()


def test_a_file_of_version_1_is_loaded_into(tmp_path) -> None:
    """The loader of SQLite, which cannot lose an answer, leaves the load's id out."""
    installation = installation_in(tmp_path)
    make_version_1(installation.database.path)
    create_tables(installation.database)
    pipeline = Pipeline(installation)
    pipeline.load(write_csv(tmp_path / "a.csv", rows_of("A", [2001])))
    pipeline.close()
    asked = "SELECT id, load_id FROM uploads ORDER BY id"
    assert query(installation.database.path, asked) == [(1, None), (7, None), (8, None)]


def test_the_check_waits_for_no_writer(tmp_path) -> None:
    """A load may hold the file for minutes."""
    installation = installation_in(tmp_path, BULK_PIPELINE_BUSY_SECONDS=0.1)
    create_tables(installation.database)
    with closing(sqlite3.connect(installation.database.path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        create_tables(installation.database)
    installation.close()


def test_a_login_that_may_not_make_tables_is_told_who_may(mssql_url) -> None:
    """The error appears in a run, at night, before somebody who owns no database."""
    text = mssql_url.render_as_string(hide_password=False)
    settings = Settings.from_environment({"DATABASE_URL": text})
    database = Database.from_settings(settings)

    def refuse(connection, cursor, statement, *rest) -> None:
        """What a server says to a login without the right."""
        if statement.lstrip().startswith("CREATE TABLE"):
            raise refusal(mssql_url.get_driver_name())

    sa.event.listen(database.engine, "before_cursor_execute", refuse)
    with pytest.raises(
        ConfigurationError, match=r"`bulk-pipeline init-db`.*grants\.sql"
    ):
        create_tables(database)
    with database.reading() as connection:
        assert sa.inspect(connection).get_table_names() == []
    database.dispose()


def refusal(driver: str) -> Exception:
    """Error 262 as a driver raises it and SQLAlchemy hands it on."""
    said = "CREATE TABLE permission denied in database 'rows'."
    if driver == "pyodbc":
        import pyodbc  # noqa: PLC0415  # needs a system library

        text = f"[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{said}"
        error = pyodbc.ProgrammingError("42000", f"{text} (262) (SQLExecDirectW)")
    else:
        from mssql_python.exceptions import (  # noqa: PLC0415  # only with a server
            ProgrammingError,
        )

        driver_error = "Syntax error or access violation"
        error = ProgrammingError(driver_error, f"[Microsoft][SQL Server]{said}")
    return sa.exc.ProgrammingError("CREATE TABLE", None, error)


def test_the_year_has_an_index_on_sql_server_alone(database) -> None:
    """SQLite finds a year's rows by the key's index; another one would slow loads."""
    create_tables(database)
    with database.reading() as connection:
        found = sa.inspect(connection).get_indexes(annual_predictions.name)
    names = {index["name"] for index in found}
    on_sql_server = database.url.get_backend_name() == "mssql"
    assert ("ix_annual_predictions_reporting_year" in names) is on_sql_server
