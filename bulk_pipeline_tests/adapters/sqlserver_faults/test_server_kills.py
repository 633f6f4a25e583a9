"""A server that is killed in the middle of a load, and comes back or does not."""

import pytest

from bulk_pipeline.adapters.loaders.incoming import Incoming
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_loaded,
    require_stored,
    scored,
)
from bulk_pipeline_tests.adapters.sqlserver_faults.own_server import OwnServer, data
from bulk_pipeline_tests.adapters.ways import DRIVERS

YEARS = range(1950, 2000)
ROWS = 40 * len(YEARS)
MID_STAGING = "mid-staging"


@pytest.fixture(scope="module")
def _data():
    """The data behind all servers of this module."""
    with data() as found:
        yield found


@pytest.fixture(
    params=[pytest.param(driver, marks=pytest.mark.sqlserver) for driver in DRIVERS]
)
def server(request, make, monkeypatch, _data):
    """An empty server that can be killed; ``make`` makes pipelines into it."""
    sqlserver.require(request.param)
    with OwnServer(_data) as found:
        text = found.url.render_as_string(hide_password=False)
        monkeypatch.setenv(sqlserver.URL_VARIABLE, text)
        monkeypatch.delenv(sqlserver.CONTROL_VARIABLE, raising=False)
        sqlserver.drop_tables("master")
        make.url = sqlserver.url_of(request.param, "master")
        yield found
        make.close()


def files_of(folder):
    """Two files, of 2,000 rows each."""
    return [
        write_many(folder / f"{n}.csv", range(40 * n, 40 * n + 40), YEARS)
        for n in range(2)
    ]


def rows_that_are_cut(monkeypatch, action):
    """Do something after the first rows of a load were handed to the driver."""
    staged = Incoming.staged

    def some_rows(self, height):
        """The rows; what happens in between happens once."""
        for number, frame in enumerate(staged(self, height)):
            if number == 2:
                monkeypatch.setattr(Incoming, "staged", staged)
                action()
            yield frame

    monkeypatch.setattr(Incoming, "staged", some_rows)


@pytest.fixture
def when(points, monkeypatch):
    """Does something at a named point of a load or in the middle of its staging."""

    def at(moment, action):
        """Do it once."""
        if moment == MID_STAGING:
            rows_that_are_cut(monkeypatch, action)
        else:
            points.at(moment, action)

    at.passed = points.passed
    return at


@pytest.mark.parametrize("moment", [MID_STAGING, "inserted", "receipts written"])
def test_a_load_outlives_a_server_that_restarts(
    server, make, when, tmp_path, moment
) -> None:
    """Staged rows and the transaction are lost with their sessions; the load is not."""
    pipeline = make(ULTRA_BATCH_SIZE=200, ULTRA_PARALLEL_WORKERS=1)
    files = files_of(tmp_path)
    scores = scored(pipeline, files[0])
    when(moment, server.restart)
    require_loaded(pipeline.publish(scores, register=False), ROWS)
    assert when.passed.count("staged") == (1 if moment == MID_STAGING else 2)
    require_loaded(pipeline.load(files[1]), ROWS)
    require_stored(pipeline, files)


@pytest.mark.parametrize("moment", [MID_STAGING, "inserted"])
def test_a_load_without_its_server_fails_cleanly_and_can_be_run_again(
    server, make, when, tmp_path, moment
) -> None:
    """The operator reads that the server does not answer, and runs the batch again."""
    pipeline = make(
        ULTRA_BATCH_SIZE=200,
        ULTRA_PARALLEL_WORKERS=1,
        BULK_PIPELINE_RETRIES=2,
        BULK_PIPELINE_CONNECT_SECONDS=2,
    )
    files = files_of(tmp_path)
    scores = scored(pipeline, files[0])
    when(moment, server.kill)
    with pytest.raises(TransientError, match=r"cannot be reached.*tried again"):
        pipeline.publish(scores, register=False)
    states = [u.state for u in pipeline.installation.journal.uploads()]
    assert states == ["claimed"]
    server.start()
    assert pipeline.predictions() == 0
    require_loaded(pipeline.publish(scores, register=False), ROWS)
    require_loaded(pipeline.load(files[1]), ROWS)
    require_stored(pipeline, files)
