"""The ways that a load can take, as parameters of tests."""

import pytest

from bulk_pipeline_tests.adapters.harness import BULK_CHILD, IN_PROCESS

DRIVERS = ("mssqlpython", "pyodbc")
"""The drivers of SQL Server, by their names in a URL."""

HERE = pytest.param(IN_PROCESS, id="in process")
CHILD = pytest.param(BULK_CHILD, id="bulk child")
MSSQLPYTHON, PYODBC = (
    pytest.param(driver, id=driver, marks=pytest.mark.sqlserver) for driver in DRIVERS
)
WAYS = [HERE, CHILD, MSSQLPYTHON, PYODBC]
DATABASES = [pytest.param(IN_PROCESS, id="sqlite"), MSSQLPYTHON, PYODBC]
ON_SERVERS = [MSSQLPYTHON, PYODBC]
WAYS_AND_MODES = pytest.mark.parametrize(
    ("pipeline", "mode"),
    [
        pytest.param(way.values[0], mode, id=f"{way.id}, {mode}", marks=way.marks)
        for way, mode in (
            (HERE, "skip"),
            (HERE, "update"),
            (CHILD, "update"),
            (MSSQLPYTHON, "skip"),
            (MSSQLPYTHON, "update"),
            (PYODBC, "update"),
        )
    ],
    indirect=["pipeline"],
)
