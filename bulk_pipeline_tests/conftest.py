"""Fixtures for all tests: a home of its own for each, and nothing from outside."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline_tests import sqlserver


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home; no setting of the machine reaches a test."""
    for variable in (*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("BULK_PIPELINE_HOME", str(folder))
    # Set, so that what a command puts here is taken back after the test.
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DATABASE_URL", "")
    return folder


@pytest.fixture(scope="session")
def _mssql_database() -> Iterator[str]:
    """The database of this run of the tests, made by the first that needs it."""
    sqlserver.require("mssqlpython")
    with sqlserver.database_of_its_own() as name:
        yield name


@pytest.fixture(
    params=[
        pytest.param("mssqlpython", marks=pytest.mark.sqlserver),
        pytest.param("pyodbc", marks=pytest.mark.sqlserver),
    ]
)
def mssql_url(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """URL of an empty database of SQL Server, for each driver; see ``sqlserver.py``.

    A test that uses it is marked ``sqlserver`` by that, and skipped where
    ``BULK_PIPELINE_TEST_MSSQL_URL`` is not set or libodbc is absent.
    """
    sqlserver.require(request.param)
    database = request.getfixturevalue("_mssql_database")
    sqlserver.drop_tables(database)
    yield sqlserver.url_of(request.param, database)
    sqlserver.drop_tables(database)


@pytest.fixture
def mssql_faults(mssql_url: sa.URL) -> Iterator[sqlserver.Faults]:
    """Makes the test server fail: ``mssql_faults(deadlock_next=2)``; healed afterwards.

    Skips where the server cannot fail on demand, as a real one cannot.
    """
    address = os.environ.get(sqlserver.CONTROL_VARIABLE)
    if not address:
        pytest.skip(f"{sqlserver.CONTROL_VARIABLE} is not set")
    faults = sqlserver.Faults(address)
    faults(**sqlserver.NO_FAULTS)
    yield faults
    faults(**sqlserver.NO_FAULTS)
