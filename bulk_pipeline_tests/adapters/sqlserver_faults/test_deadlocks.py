"""Statements that the server gives up for another's sake (error 1205)."""

import pytest

from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_loaded,
    require_stored,
    scored,
)

POINTS = ["", "stage created", "staged", "inserted", "receipts written"]
"""Before the load; between the staging tables; before lock, settling and commit."""

ATTEMPTS = 5
"""Attempts at a load by default."""


@pytest.fixture
def armed(loads, points, mssql_faults, tmp_path):
    """Scores a file of ten new rows whose load meets deadlocks from a point on."""
    pipeline = loads(BULK_PIPELINE_RETRIES=ATTEMPTS)
    files = []

    def scores(statements, point):
        """The scores; so many statements are refused from there on."""
        start = 5 * len(files)
        path = tmp_path / f"{start}.csv"
        files.append(write_many(path, range(start, start + 5), range(2000, 2002)))
        found = scored(pipeline, files[-1])
        if point:
            points.at(point, lambda: mssql_faults(deadlock_next=statements))
        else:
            mssql_faults(deadlock_next=statements)
        return found

    scores.pipeline, scores.files = pipeline, files
    return scores


def one_run(pipeline, scores):
    """What a run says of its load; None where it gave up because of a deadlock."""
    try:
        return pipeline.publish(scores, register=False)
    except TransientError as error:
        if "deadlock" not in str(error).lower():
            raise
        return None


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point or "first")
def test_deadlocks_are_tried_again(armed, mssql_faults, point) -> None:
    """Wherever they hit, each costs an attempt at most, and no row."""
    for statements in range(1, 7):
        scores = armed(statements, point)
        published = one_run(armed.pipeline, scores)
        given_up = published is None
        if given_up:
            assert statements >= ATTEMPTS, "given up too early"
            mssql_faults(deadlock_next=0)
            published = armed.pipeline.publish(scores, register=False)
        # After the last statement of a load only the dropping of its heaps is hit.
        assert mssql_faults()["deadlock_next"] < statements
        mssql_faults(deadlock_next=0)
        assert published.uploads[0].inserted == 10
        # A commit may have happened whose error hides it, and be found by the next run.
        assert published.figures.rows_written in ((0, 10) if given_up else (10,))
    scores = armed(0, "")
    require_loaded(armed.pipeline.publish(scores, register=False), 10)
    require_stored(armed.pipeline, armed.files)


def test_endless_deadlocks_end_in_a_sentence(armed, mssql_faults) -> None:
    """After the last attempt the operator reads the cause and that nothing is lost."""
    scores = armed(1_000, "staged")
    with pytest.raises(TransientError, match=r"(?i)deadlock.*again"):
        armed.pipeline.publish(scores, register=False)
    mssql_faults(deadlock_next=0)
    assert armed.pipeline.predictions() == 0
    states = [u.state for u in armed.pipeline.installation.journal.uploads()]
    assert states == ["claimed"]
    require_loaded(armed.pipeline.publish(scores, register=False), 10)
    scores = armed(0, "")
    require_loaded(armed.pipeline.publish(scores, register=False), 10)
    require_stored(armed.pipeline, armed.files)


def test_a_deadlock_costs_no_second_copy(armed, points) -> None:
    """The staged rows stay; copying them again is what takes the time of a load."""
    scores = armed(1, "inserted")
    require_loaded(armed.pipeline.publish(scores, register=False), 10)
    assert points.passed.count("inserted") == 2
    assert points.passed.count("staged") == 1
