"""The least rights of ``docs/sql/grants.sql`` are enough for a load, and not more.

Only a server that has logins and roles can tell; others skip this.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline_tests.adapters.tsql import SQL_FOLDER, batches
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results

ROLES = ("bulk_pipeline_owner", "bulk_pipeline_loader")


@pytest.fixture
def administrator(mssql_url: sa.URL) -> Iterator[sa.Connection]:
    """A connection that may do everything in the database of the test."""
    engine = sa.create_engine(
        mssql_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        try:
            connection.scalar(sa.text("SELECT DATABASE_PRINCIPAL_ID(N'public')"))
        except sa.exc.DBAPIError:
            pytest.skip("this server has no roles")
        yield connection


@pytest.fixture
def members(administrator: sa.Connection, mssql_url: sa.URL) -> Iterator[list[sa.URL]]:
    """URLs of two logins that end with the test, each a member of one role."""
    name = f"bulk_pipeline_{secrets.token_hex(6)}"
    password = f"Aa1-{secrets.token_hex(16)}"
    _grant(administrator)
    try:
        for role in ROLES:
            login = f"{name}_{role}"
            for statement in (
                f"CREATE LOGIN {login} WITH PASSWORD = N'{password}'",
                f"CREATE USER {login} FOR LOGIN {login}",
                f"ALTER ROLE {role} ADD MEMBER {login}",
            ):
                administrator.exec_driver_sql(statement)
        yield [
            mssql_url.set(username=f"{name}_{role}", password=password)
            for role in ROLES
        ]
    finally:
        for role in ROLES:
            administrator.exec_driver_sql(f"DROP USER IF EXISTS {name}_{role}")
            administrator.exec_driver_sql(
                f"IF SUSER_ID(N'{name}_{role}') IS NOT NULL DROP LOGIN {name}_{role}"
            )


def _grant(administrator: sa.Connection) -> None:
    """Run the script of rights."""
    for batch in batches(SQL_FOLDER / "grants.sql"):
        administrator.exec_driver_sql(batch)


def _text(url: sa.URL) -> str:
    """A URL with its password."""
    return url.render_as_string(hide_password=False)


def test_a_load_needs_no_more_than_its_role(
    administrator, members, tmp_path: Path, monkeypatch
) -> None:
    """A right too few stops the first load, one too many is found by somebody else."""
    owning, loading = members
    assert bulk_pipeline("init-db", DATABASE_URL=_text(owning)).returncode == 0
    _grant(administrator)
    path = write_csv(tmp_path / "a.csv", rows_of(["AA", "BB"], [2001, 2002]))
    monkeypatch.setenv("BULK_PIPELINE_STAGING_SCHEMA", "bulk_pipeline_staging")
    monkeypatch.setenv("DATABASE_URL", _text(loading))
    [upload] = results(bulk_pipeline("ingest", path, "--json"))
    assert upload["inserted"] == 4
    assert bulk_pipeline("withdraw", upload["key"]).returncode == 0
    engine = sa.create_engine(loading, poolclass=sa.NullPool)
    for forbidden in (
        "CREATE TABLE dbo.intruder (a int)",
        "DROP TABLE dbo.annual_predictions",
        "ALTER TABLE dbo.companies ADD a int",
        "UPDATE dbo.schema_version SET version = 0",
        "CREATE VIEW bulk_pipeline_staging.v AS SELECT 1 AS a",
    ):
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
            connection.exec_driver_sql(forbidden)
