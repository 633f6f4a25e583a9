"""The instants of a load into SQL Server, where it has stages and a server's commit."""

import pytest

from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import url_text
from bulk_pipeline_tests.adapters.looking import view_of
from bulk_pipeline_tests.crashes.killing import Killer
from bulk_pipeline_tests.crashes.scenario import aftermath, drop

POINTS = (
    "companies registered",
    "stage created",
    "staged",
    "inserted",
    "receipts written",
    "before commit",
    "committed",
    "figures stored",
)
"""Those of the load; the others do not depend on the database."""


@pytest.mark.sqlserver
@pytest.mark.parametrize(
    "driver", ["mssqlpython", pytest.param("pyodbc", marks=pytest.mark.slow)]
)
def test_a_kill_at_any_point_of_a_load_changes_nothing(
    request, tmp_path, driver
) -> None:
    """A server goes on with what it was told; a dead client must not be done twice."""
    sqlserver.require(driver)
    database = request.getfixturevalue("_mssql_database")
    url = sqlserver.url_of(driver, database)
    variables = {"DATABASE_URL": url_text(url)}
    killer = Killer(**variables)
    found = {}
    for point in ("", *POINTS):
        sqlserver.drop_tables(database)
        home = tmp_path / (point or "calm")
        drop(home / "inbox")
        if point:
            assert killer.killed_at(point, home), f"{point} was not reached"
        killer.recovered(home)
        found[point] = aftermath(home, **variables)
        assert view_of(url).stages() == [], point
        assert found[point] == found[""], point
    assert len(found[""].stored) == 8
    sqlserver.drop_tables(database)
