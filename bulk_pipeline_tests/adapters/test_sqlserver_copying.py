"""Bulk copies in several streams: every row once, and the first failure comes out."""

import threading

import polars as pl
import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.copying import in_streams
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import AccountingError


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_each_item_goes_to_one_stream(streams: int) -> None:
    """A row in two streams is stored twice, and a row in none is lost."""
    taken = []
    lock = threading.Lock()

    def copy(items):
        count = 0
        for item in items:
            with lock:
                taken.append(item)
            count += 1
        return count

    assert in_streams(copy, range(1000), streams) == 1000
    assert sorted(taken) == list(range(1000))


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_a_failure_in_one_stream_ends_the_others(streams: int) -> None:
    """The rest of a million rows is not sent for nothing."""
    seen = []

    def copy(items):
        for item in items:
            seen.append(item)
            if item == 10:
                raise AccountingError("at ten")
        return 0

    with pytest.raises(AccountingError, match="at ten"):
        in_streams(copy, iter(range(10**9)), streams)
    assert len(seen) < 10**6


def test_a_failure_to_make_rows_is_told_as_it_is(mssql_url: sa.URL) -> None:
    """The driver would only say that its source broke off, and call that permanent."""
    url = mssql_url.render_as_string(hide_password=False)
    settings = Settings.from_environment({"DATABASE_URL": url})
    backend = Database.from_settings(settings).backend
    assert isinstance(backend, SqlServerBackend)

    def frames():
        yield pl.DataFrame({"number": [1]})
        raise AccountingError("no second frame")

    with backend.staging() as staging:
        stage = staging.heap([sa.Column("number", sa.Integer)])
        with pytest.raises(AccountingError, match="no second frame"):
            stage.fill_all(frames())
    backend.dispose()
