"""Laws of the SQL Server that tests are given: empty, ours alone, and discreet."""

import os

import sqlalchemy as sa

from bulk_pipeline.adapters import tables
from bulk_pipeline_tests import sqlserver


def test_each_test_finds_no_table_and_may_leave_all_of_them(mssql_url) -> None:
    """A test that passes only after another one proves nothing."""
    engine = sa.create_engine(mssql_url, poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []
    tables.metadata.create_all(engine)
    stage = sa.Table("stage_ab", sa.MetaData(), sa.Column("a", sa.Integer))
    stage.create(engine)


def test_the_password_is_not_shown(mssql_url) -> None:
    """What pytest prints of a failed test ends up in public logs."""
    assert mssql_url.password
    assert mssql_url.password not in repr(mssql_url)
    assert mssql_url.password not in str(mssql_url)


def test_no_database_that_was_there_is_used(mssql_url) -> None:
    """The tables of a test are dropped; those of anybody else must not be."""
    given = sa.make_url(os.environ[sqlserver.URL_VARIABLE])
    assert mssql_url.database != given.database
    assert mssql_url.database.startswith("bulk_pipeline_test_")


def test_faults_are_asked_for_and_reported(mssql_faults) -> None:
    """A test of a failure that did not happen passes for the wrong reason."""
    assert mssql_faults(delay_ms=1)["delay_ms"] == 1
