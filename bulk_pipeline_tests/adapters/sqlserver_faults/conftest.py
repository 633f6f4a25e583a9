"""SQL Server whose connections break, and loads that do not wait long to try again."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.databases import stage
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.loaders import (
    sqlserver,
    sqlserver_publish,
    sqlserver_staging,
)
from bulk_pipeline_tests.adapters.conftest import Maker
from bulk_pipeline_tests.adapters.sqlserver_faults.proxy import Proxy


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a load waits before it tries again is no matter here."""
    monkeypatch.setattr(SqlServerBackend, "first_wait_seconds", 0.01)
    monkeypatch.setattr(SqlServerBackend, "longest_wait_seconds", 0.05)


@pytest.fixture
def loads(mssql_url: sa.URL, make: Maker) -> Maker:
    """Makes pipelines into an empty SQL Server, with one stream of rows each."""
    make.url = mssql_url
    return make


@pytest.fixture
def proxy(mssql_url: sa.URL) -> Iterator[Proxy]:
    """A way to the server that can be cut."""
    with Proxy(mssql_url) as way:
        yield way


class Points:
    """What happens when a load in this process reaches a named point, once."""

    def __init__(self) -> None:
        self._actions: dict[str, Callable[[], object]] = {}
        self.passed: list[str] = []

    def at(self, name: str, action: Callable[[], object]) -> None:
        """Do something the next time that a load is there."""
        self._actions[name] = action

    def __call__(self, name: str) -> None:
        """A load is there."""
        self.passed.append(name)
        self._actions.pop(name, lambda: None)()


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Points:
    """Stands where a process could be killed, and does what a test wants there."""
    found = Points()
    for module in (stage, sqlserver, sqlserver_publish, sqlserver_staging):
        monkeypatch.setattr(module, "reached", found)
    return found
