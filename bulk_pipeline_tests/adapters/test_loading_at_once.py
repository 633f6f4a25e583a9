"""Two loads at once, one that waits, one that is killed: every row once, or none."""

import threading
import time

import psutil
import pytest

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.publishing import register_batch
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    Pipeline,
    bulk_children,
    counts,
    ended,
    killed_at_the_end,
    until,
    write_many,
)
from bulk_pipeline_tests.adapters.processes import (
    go,
    loading,
    nothing_visible,
    scored_batch,
    stopped_while_writing,
)
from bulk_pipeline_tests.adapters.ways import CHILD, DRIVERS, HERE, MSSQLPYTHON, PYODBC

YEARS = range(1900, 2000)
BUSY = r"busy.*another program|Another load held the database"
"""What SQLite and what the application lock of SQL Server say."""


def load_at_once(pipelines, companies, years, mode):
    """Two processes load files whose companies overlap by half; returns the counts."""
    half = companies // 2
    ranges = (range(companies), range(half, companies + half))
    folder = pipelines[0].installation.home.root.parent
    files = [
        write_many(folder / f"{n}.csv", numbers, years, roa=float(n))
        for n, numbers in enumerate(ranges)
    ]
    processes = [
        loading(pipeline, file, mode)[0]
        for pipeline, file in zip(pipelines, files, strict=True)
    ]
    for process in processes:
        go(process)
    texts = [ended(process).strip().strip("()").split(",") for process in processes]
    return [tuple(map(int, text)) for text in texts]


def two_ways(first, second, mode):
    """A parameter: how the first and the second of two processes load."""
    return pytest.param(
        (first.values[0], second.values[0]),
        mode,
        id=f"{first.id} and {second.id}, {mode}",
        marks=first.marks,
    )


@pytest.fixture
def pipelines(request, into, make):
    """Two pipelines of different homes into one database."""
    first, second = request.param
    one = into(first, home="one")
    # Named by its URL, so that the second driver meets the database of the first.
    other = {"home": "two", "DATABASE_URL": one.url}
    if second in DRIVERS:
        database = one.installation.database.url.database
        other["DATABASE_URL"] = sqlserver.url_of(second, database)
        return one, make(**other)
    return one, make(second, **other)


@pytest.mark.parametrize(
    ("pipelines", "mode"),
    [
        two_ways(CHILD, CHILD, "skip"),
        two_ways(CHILD, HERE, "update"),
        two_ways(MSSQLPYTHON, MSSQLPYTHON, "skip"),
        two_ways(PYODBC, MSSQLPYTHON, "update"),
    ],
    indirect=["pipelines"],
)
def test_two_loads_at_once_store_every_key_once(pipelines, mode) -> None:
    """Two schedulers on one database must neither lose a row nor store it twice."""
    # Arrays of parameters take the time of a test for what SQLite does in a blink.
    every_key_once(pipelines, 200, YEARS[: 100 if pipelines[0].is_sqlite else 20], mode)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipelines", "mode"),
    [
        two_ways(CHILD, CHILD, "skip"),
        two_ways(CHILD, CHILD, "update"),
        two_ways(MSSQLPYTHON, MSSQLPYTHON, "skip"),
        two_ways(MSSQLPYTHON, MSSQLPYTHON, "update"),
    ],
    indirect=["pipelines"],
)
def test_two_large_loads_at_once_store_every_key_once(pipelines, mode) -> None:
    """At this size the loads overlap for seconds, and every wait is a real one."""
    every_key_once(pipelines, 1_000, YEARS, mode)


def every_key_once(pipelines, companies, years, mode):
    """Load two files at once and compare the table with what the loads report."""
    found = load_at_once(pipelines, companies, years, mode)
    rows = companies * len(years)
    half = rows // 2
    pipeline = pipelines[0]
    assert pipeline.seen.is_sound()
    assert not pipeline.seen.stages()
    assert pipeline.predictions() == rows + half
    keys = "SELECT DISTINCT company_id, reporting_year FROM annual_predictions"
    assert len(pipeline.query(keys)) == rows + half
    known = companies + companies // 2
    assert pipeline.value("SELECT count(*) FROM companies") == known
    (read, inserted, updated, duplicates, conflicting, rejected) = map(
        sum, zip(*found, strict=True)
    )
    assert (read, inserted, rejected) == (2 * rows, rows + half, 0)
    skipped = half if mode == "skip" else 0
    assert (updated, duplicates, conflicting) == (half - skipped, skipped, skipped)
    history = pipeline.value("SELECT count(*) FROM annual_prediction_history")
    assert history == updated
    receipts = pipeline.query(
        "SELECT rows_read, inserted, updated, duplicates FROM uploads"
    )
    assert sorted(receipts) == sorted(counts[:4] for counts in found)


def test_a_killed_run_leaves_nothing(pipeline: Pipeline, tmp_path) -> None:
    """A machine may be switched off at any moment; its batch is then run again."""
    file = write_many(tmp_path / "many.csv", range(250), YEARS)
    in_child = pipeline.bulk_rows == BULK_CHILD
    process, key = loading(pipeline, file)
    with killed_at_the_end(process):
        go(process)
        until(lambda: pipeline.value("SELECT count(*) FROM companies") == 250)
        children = until(lambda: bulk_children(process.pid)) if in_child else []
        writing = stopped_while_writing(
            children[0].pid if children else process.pid, pipeline.seen
        )
        process.kill()
        process.wait()
        if children:
            writing.resume()
        _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "the loading process outlived the run that started it"
    if not pipeline.is_sqlite:  # a server takes a moment to see that a client is gone
        until(lambda: not pipeline.seen.locked())
    assert not pipeline.seen.locked()
    assert nothing_visible(pipeline.seen)
    assert counts(pipeline.run(key).uploads[0]) == (25_000, 25_000, 0, 0, 0, 0)
    assert pipeline.predictions() == 25_000
    assert not pipeline.seen.stages()


def test_a_busy_database_is_tried_again_and_then_given_up(
    pipeline: Pipeline, make, tmp_path
) -> None:
    """Busy is no fault of the file: it must stay apart from what cannot be loaded."""
    given = {"BULK_PIPELINE_BUSY_SECONDS": 0.2, "BULK_PIPELINE_RETRIES": 2}
    hasty = make(pipeline.bulk_rows, **given)
    scores = scored_batch(hasty, tmp_path)
    folder = scores.directory.parent
    register_batch(hasty.installation, ChunkHandle.open(folder / ROWS))
    with hasty.seen.holding():
        started_at = time.monotonic()
        with pytest.raises(TransientError, match=BUSY):
            hasty.publish(scores, register=False)
        assert time.monotonic() - started_at >= 0.4
    assert nothing_visible(hasty.seen)
    assert not hasty.seen.stages()
    again = hasty.given_again(folder.name)
    assert again.uploads[0].inserted == 2


def test_a_busy_register_is_given_up_too(small: Pipeline, make, tmp_path) -> None:
    """The companies come first, and wait for the same lock."""
    given = {"BULK_PIPELINE_BUSY_SECONDS": 0.1, "BULK_PIPELINE_RETRIES": 2}
    hasty = make(**given)
    scores = scored_batch(hasty, tmp_path)
    with hasty.seen.holding(), pytest.raises(TransientError, match=BUSY):
        hasty.publish(scores)
    assert small.value("SELECT count(*) FROM companies") == 0
    assert not small.seen.stages()


def test_a_load_waits_for_a_writer_that_goes_away(pipeline: Pipeline, tmp_path) -> None:
    """Two loads in a row are the normal case, not a failure."""
    scores = scored_batch(pipeline, tmp_path)
    with pipeline.seen.holding() as let_go:
        timer = threading.Timer(0.4, let_go)
        timer.start()
        assert pipeline.publish(scores).uploads[0].inserted == 2
        timer.join()
