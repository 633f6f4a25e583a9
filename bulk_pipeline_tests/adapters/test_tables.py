"""What the tables refuse by themselves, whoever writes into them."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.schema import CreateTable

from bulk_pipeline.adapters import tables
from bulk_pipeline.core.schema import QUARTERS, RATIOS
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
from bulk_pipeline_tests.adapters.older_tables import VERSION_1
from bulk_pipeline_tests.builders import rows_of, write_csv

INFINITE = 9e999


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with one stored row."""
    folder = tmp_path_factory.mktemp("tables")
    pipeline = Pipeline(installation_in(folder))
    pipeline.load(write_csv(folder / "a.csv", rows_of("A", [2001])))
    pipeline.close()
    return pipeline.installation.database.path


@pytest.fixture
def connection(database):
    """A plain connection whose changes are taken back."""
    with closing(sqlite3.connect(database, isolation_level=None)) as made:
        made.execute("PRAGMA foreign_keys = ON")
        made.execute("BEGIN")
        yield made


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((name, INFINITE) for name in RATIOS),
        *((name, -INFINITE) for name in RATIOS),
        ("reporting_year", 1899),
        ("reporting_year", 2156),
        ("reporting_quarter", "Q5"),
        ("reporting_quarter", "q4"),
        ("reporting_quarter", None),
        ("probability", -1e-9),
        ("probability", 1.0000001),
        ("probability", None),
        ("confidence", 0.4999),
        ("confidence", 1.1),
        ("risk_level", None),
        ("company_id", 99),
        ("model_id", 99),
        ("upload_id", 99),
    ],
)
def test_a_value_that_cannot_be_is_refused(connection, column, value) -> None:
    """Programs come and go; the table is what everybody reads."""
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"UPDATE annual_predictions SET {column} = ?", (value,))  # noqa: S608


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((name, None) for name in RATIOS),
        *((name, 1.7976931348623157e308) for name in RATIOS),
        *(("reporting_quarter", quarter) for quarter in QUARTERS),
        ("reporting_year", 1900),
        ("reporting_year", 2155),
        ("probability", 0.0),
        ("probability", 1.0),
        ("confidence", 0.5),
    ],
)
def test_a_value_that_can_be_is_taken(connection, column, value) -> None:
    """Real accounts hold gaps and extremes; a table that refuses them loses them."""
    connection.execute(f"UPDATE annual_predictions SET {column} = ?", (value,))  # noqa: S608
    query = f"SELECT {column} FROM annual_predictions"  # noqa: S608
    assert connection.execute(query).fetchone() == (value,)


def test_a_key_stands_once(connection) -> None:
    """The one thing that no load and no hand may do is to store a key twice."""
    names = [c.name for c in tables.annual_predictions.c if c.name != "id"]
    columns = ", ".join(names)
    copy = (
        f"INSERT INTO annual_predictions ({columns})"  # noqa: S608
        f" SELECT {columns} FROM annual_predictions"
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(copy)


def test_a_symbol_stands_once(connection) -> None:
    """Two companies of one symbol would share its rows between them by chance."""
    copy = (
        "INSERT INTO companies (symbol, name, created_at, updated_at)"
        " SELECT symbol, name, created_at, updated_at FROM companies"
    )
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(copy)


def test_an_id_of_a_receipt_is_never_given_again(connection) -> None:
    """Ids are the order of uploads; a reused one would make an old upload new."""
    copy = (
        "INSERT INTO uploads (upload_key, batch_key, home_id, file_name, sha256,"
        " options, model_id, rows_read, inserted, updated, duplicates,"
        " duplicates_conflicting, rejected, first_loaded_at, last_loaded_at)"
        " SELECT upload_key || 'x', batch_key, home_id, file_name, sha256, options,"
        " model_id, 0, 0, 0, 0, 0, 0, 0, 0 FROM uploads WHERE id = ?"
    )
    connection.execute(copy, (1,))
    connection.execute("DELETE FROM uploads WHERE id = 2")
    connection.execute(copy, (1,))
    ids = connection.execute("SELECT id FROM uploads ORDER BY id").fetchall()
    assert ids == [(1,), (3,)]


def test_the_tables_of_sqlite_are_those_of_version_1() -> None:
    """Users have such files; a new one differs by what a step adds and no more."""
    with closing(sqlite3.connect(":memory:")) as old:
        old.executescript(VERSION_1.read_text())
        query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        expected = dict(old.execute(query))
    engine = sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.connect() as new:
        found = dict(new.exec_driver_sql(query).all())
    found["uploads"] = found["uploads"].replace("\tload_id CHAR(32), \n", "")
    # The natural key is an index by itself, of the same name and columns.
    name = tables.NATURAL_KEY.name
    columns = "(company_id, reporting_year, reporting_quarter)"
    constraint = f"\tCONSTRAINT {name} UNIQUE {columns}, \n"
    assert constraint in expected["annual_predictions"]
    without = expected["annual_predictions"].replace(constraint, "")
    expected["annual_predictions"] = without
    expected[name] = f"CREATE UNIQUE INDEX {name} ON annual_predictions {columns}"
    assert found == expected


def test_the_natural_key_stays_a_constraint_on_sql_server() -> None:
    """Its tables are out there and must be those that a new version makes."""
    texts: list[str] = []
    engine = sa.create_mock_engine(
        "mssql+pyodbc://", lambda made, *_: texts.append(str(made.compile(engine)))
    )
    tables.metadata.create_all(engine, checkfirst=False)
    mine = [text for text in texts if "uq_annual_predictions_company_id" in text]
    assert len(mine) == 1
    assert "CONSTRAINT uq_annual_predictions_company_id UNIQUE (company_id" in mine[0]


@pytest.mark.parametrize("name", sorted(tables.metadata.tables))
def test_every_table_can_be_said_to_sql_server(name: str) -> None:
    """The tables are declared once for all databases."""
    text = str(
        CreateTable(tables.metadata.tables[name]).compile(dialect=mssql.dialect())
    )
    assert f"CREATE TABLE {name}" in text


def test_no_ratio_has_a_default() -> None:
    """A default would fill a gap."""
    for table in (tables.annual_predictions, tables.annual_prediction_history):
        for ratio in RATIOS:
            column = table.c[ratio]
            assert column.nullable
            assert column.default is column.server_default is None
