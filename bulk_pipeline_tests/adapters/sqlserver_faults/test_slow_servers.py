"""Servers that answer late, too late, or not yet: bounded requests, bounded waits."""

import threading
import time
from collections.abc import Callable

import pytest

from bulk_pipeline.adapters.databases import mssql
from bulk_pipeline.core.errors import LoginRefused, PermanentError, TransientError
from bulk_pipeline_tests.adapters.harness import Pipeline, write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_loaded,
    require_stored,
    scored,
)
from bulk_pipeline_tests.builders import rows_of, write_csv

MOST_REQUESTS = 110
"""Of one load without its companies; today 75 by mssql-python, 87 by pyodbc."""

GROWTH = 15
"""Requests that a load of 200 uploads may need beyond one of a single upload."""


def requests_of(faults, work: Callable[[], object]) -> int:
    """Requests to the server for some work, logins and their options included."""
    before = faults()["requests"]
    work()
    return sum(faults()["requests"].values()) - sum(before.values())


def late(faults):
    """Let the server take 2.5 seconds for each request of the next second."""
    faults(delay_ms=2500)
    threading.Timer(1.1, faults, kwargs={"delay_ms": 0}).start()


def few_rows(folder, number=0):
    """A file of ten rows of its own companies."""
    companies = range(5 * number, 5 * number + 5)
    return write_many(folder / f"{number}.csv", companies, range(2000, 2002))


def many_uploads(pipeline: Pipeline, folder, uploads, name):
    """A scored batch of so many files of two rows, a company each."""
    files = [
        write_csv(folder / f"{name}{n}.csv", rows_of([f"{name}{n}"], [2001, 2002]))
        for n in range(uploads)
    ]
    return scored(pipeline, *files), files


def test_requests_do_not_grow_with_the_uploads(loads, mssql_faults, tmp_path) -> None:
    """At 200 ms an answer, a request per upload would be minutes with a lock held."""
    pipeline = loads()
    found, everything = {}, []
    for uploads in (1, 50, 200):
        scores, files = many_uploads(pipeline, tmp_path, uploads, f"N{uploads}_")
        everything += files
        found[uploads] = requests_of(
            mssql_faults, lambda s=scores: pipeline.publish(s, register=False)
        )
    assert max(found.values()) <= MOST_REQUESTS, found
    assert found[200] - found[1] <= GROWTH, found
    require_stored(pipeline, everything)


def test_a_distant_server_slows_a_load_by_its_requests(
    loads, mssql_faults, tmp_path
) -> None:
    """200 ms an answer is a server on another continent; a batch of 50 takes it."""
    pipeline = loads()
    delay = 0.2 if pipeline.url.startswith("mssql+mssqlpython") else 0.05
    scores, files = many_uploads(pipeline, tmp_path, 50, "D")
    mssql_faults(delay_ms=1000 * delay)
    started_at = time.monotonic()
    published = pipeline.publish(scores, register=False)
    seconds = time.monotonic() - started_at
    mssql_faults(delay_ms=0)
    assert published.figures.rows_written == 100
    assert seconds < 2 * MOST_REQUESTS * delay + 5
    require_stored(pipeline, files)


def test_refused_logins_are_those_of_a_server_that_starts(
    loads, mssql_faults, tmp_path
) -> None:
    """Ten seconds of them, or three, cost time and no row."""
    pipeline = loads(
        BULK_PIPELINE_LOGIN_GRACE_SECONDS=30, BULK_PIPELINE_RETRIES=20, home="patient"
    )
    pipeline.installation.database.backend.first_wait_seconds = 1.0
    pipeline.installation.database.backend.longest_wait_seconds = 1.0
    scores = scored(pipeline, few_rows(tmp_path))
    pipeline.installation.database.dispose()
    seconds = 10 if pipeline.url.startswith("mssql+mssqlpython") else 3
    mssql_faults(refuse_logins=seconds)
    started_at = time.monotonic()
    require_loaded(pipeline.publish(scores, register=False), 10)
    assert time.monotonic() - started_at >= seconds - 0.5
    require_stored(pipeline, [few_rows(tmp_path)])


def test_logins_refused_beyond_the_grace_time_end_a_load(
    loads, mssql_faults, tmp_path
) -> None:
    """A wrong password must not be tried for ever: accounts get locked by that."""
    pipeline = loads(BULK_PIPELINE_LOGIN_GRACE_SECONDS=0.5, BULK_PIPELINE_RETRIES=20)
    pipeline.installation.database.backend.first_wait_seconds = 0.2
    pipeline.installation.database.backend.longest_wait_seconds = 0.2
    scores = scored(pipeline, few_rows(tmp_path))
    pipeline.installation.database.dispose()
    mssql_faults(refuse_logins=60)
    with pytest.raises(PermanentError, match=r"LOGIN_GRACE_SECONDS") as raised:
        pipeline.publish(scores, register=False)
    assert not isinstance(raised.value, LoginRefused)
    mssql_faults(refuse_logins=0)
    require_loaded(pipeline.publish(scores, register=False), 10)
    require_stored(pipeline, [few_rows(tmp_path)])


def test_a_statement_that_takes_too_long_is_given_up(
    loads, points, mssql_faults, tmp_path
) -> None:
    """It ends in time, names the setting, stores nothing, and can be run again."""
    pipeline = loads(BULK_PIPELINE_STATEMENT_SECONDS=1, BULK_PIPELINE_RETRIES=1)
    scores = scored(pipeline, few_rows(tmp_path))
    points.at("inserted", lambda: late(mssql_faults))
    with pytest.raises(TransientError, match="BULK_PIPELINE_STATEMENT_SECONDS"):
        pipeline.publish(scores, register=False)
    assert pipeline.predictions() == 0
    require_loaded(pipeline.publish(scores, register=False), 10)
    require_loaded(pipeline.load(few_rows(tmp_path, 1)), 10)
    require_stored(pipeline, [few_rows(tmp_path), few_rows(tmp_path, 1)])


def test_a_bulk_copy_that_takes_too_long_is_given_up(
    loads, mssql_url, monkeypatch, mssql_faults, tmp_path
) -> None:
    """It ends in time, names the setting, stores nothing, and can be run again."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("pyodbc sends arrays of parameters: the time of a statement counts")
    pipeline = loads(BULK_PIPELINE_BULK_SECONDS=1, BULK_PIPELINE_RETRIES=1)
    scores = scored(pipeline, few_rows(tmp_path))
    opened = mssql.bulk_copy

    def late_copy():
        """The block around a copy, which the server is slow to take."""
        late(mssql_faults)
        return opened()

    monkeypatch.setattr(mssql, "bulk_copy", late_copy)
    with pytest.raises(TransientError, match="BULK_PIPELINE_BULK_SECONDS"):
        pipeline.publish(scores, register=False)
    monkeypatch.setattr(mssql, "bulk_copy", opened)
    require_loaded(pipeline.publish(scores, register=False), 10)
    require_loaded(pipeline.load(few_rows(tmp_path, 1)), 10)
    require_stored(pipeline, [few_rows(tmp_path), few_rows(tmp_path, 1)])
