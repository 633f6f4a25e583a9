"""A commit whose answer never comes: the receipt says whether it happened."""

import threading

import pytest

from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.harness import until, write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_loaded,
    require_stored,
    scored,
)

LOSSES = pytest.mark.parametrize("loss", ["request", "answer", "client"])


def files_of(folder):
    """Two files of ten rows; the second one's keys are its own."""
    return [
        write_many(folder / f"{n}.csv", range(5 * n, 5 * n + 5), range(2000, 2002))
        for n in range(2)
    ]


@LOSSES
def test_a_commit_without_an_answer_is_asked_after_and_not_repeated(
    loads, proxy, points, tmp_path, loss
) -> None:
    """The rows are stored once, and the load says how many it wrote."""
    pipeline = loads(DATABASE_URL=proxy.url)
    files = files_of(tmp_path)
    scores = scored(pipeline, files[0])
    points.at("before commit", lambda: proxy.lose_commit(loss))
    require_loaded(pipeline.publish(scores, register=False), 10)
    assert proxy.cuts == 1
    # A commit that was lost is made again, one that happened is not.
    commits = points.passed.count("before commit")
    assert commits == (2 if loss == "request" else 1)
    require_loaded(pipeline.load(files[1]), 10)
    require_stored(pipeline, files)


def test_a_commit_that_is_still_at_work_is_waited_for(
    loads, proxy, points, mssql_faults, tmp_path
) -> None:
    """Whoever asks too early for its receipt would store everything twice."""
    pipeline = loads(DATABASE_URL=proxy.url)
    files = files_of(tmp_path)
    scores = scored(pipeline, files[0])

    def lose_a_slow_one() -> None:
        """The server begins with this commit when the next attempt waits already."""
        mssql_faults(delay_ms=1500)
        proxy.lose_commit("client")
        threading.Thread(target=hurry).start()

    def hurry() -> None:
        """Only the commit is slow."""
        until(lambda: proxy.cuts)
        mssql_faults(delay_ms=0)

    points.at("before commit", lose_a_slow_one)
    require_loaded(pipeline.publish(scores, register=False), 10)
    assert points.passed.count("before commit") == 1
    require_loaded(pipeline.load(files[1]), 10)
    require_stored(pipeline, files)


@LOSSES
def test_a_run_that_ends_without_its_answer_can_be_run_again(
    loads, proxy, points, tmp_path, loss
) -> None:
    """The last attempt may be the one without an answer; its batch is safe to repeat.

    The second run reports the rows as its own upload's, written or not by itself.
    """
    pipeline = loads(DATABASE_URL=proxy.url, BULK_PIPELINE_RETRIES=1)
    files = files_of(tmp_path)
    scores = scored(pipeline, files[0])
    points.at("before commit", lambda: proxy.lose_commit(loss))
    with pytest.raises(TransientError, match="again"):
        pipeline.publish(scores, register=False)
    again = pipeline.publish(scores, register=False)
    assert again.uploads[0].inserted == 10
    assert again.figures.rows_written == (10 if loss == "request" else 0)
    require_loaded(pipeline.load(files[1]), 10)
    require_stored(pipeline, files)


@pytest.mark.parametrize("mode", ["skip", "update"])
def test_an_update_whose_answer_is_lost_keeps_one_history(
    loads, proxy, points, tmp_path, mode
) -> None:
    """Replaced rows go into the history once, however often the load is tried."""
    pipeline = loads(DATABASE_URL=proxy.url)
    old = write_many(tmp_path / "old.csv", range(5), range(2000, 2002), roa=1.0)
    new = write_many(tmp_path / "new.csv", range(5), range(2000, 2002), roa=2.0)
    pipeline.load(old)
    scores = scored(pipeline, new, on_conflict=mode)
    points.at("before commit", lambda: proxy.lose_commit("answer"))
    published = pipeline.publish(scores, register=False)
    (report,) = published.uploads
    replaced = 10 if mode == "update" else 0
    assert (report.updated, report.duplicates) == (replaced, 10 - replaced)
    assert published.figures.rows_written == replaced
    history = "SELECT count(*) FROM annual_prediction_history"
    assert pipeline.value(history) == replaced
    require_stored(pipeline, [new if mode == "update" else old])
