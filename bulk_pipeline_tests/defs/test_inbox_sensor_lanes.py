"""Laws of the queue: loads in a pool, one giant at a time, dropped files first."""

import pytest

from bulk_pipeline.defs.partitions import DATABASE_POOL
from bulk_pipeline.defs.predictions.assets import annual_predictions
from bulk_pipeline.defs.uploads.tags import GIANT, SIZE_TAG
from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.watching import Watch


def test_a_giant_is_marked_and_small_files_are_not(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of the instance goes by this mark; without it two giants fill it."""
    monkeypatch.setenv("BULK_PIPELINE_ALONE_BYTES", "1000")
    watch.drop("giant.csv", content=b"x" * 1001)
    watch.drop("book.xlsx", content=b"x" * 251)
    watch.drop("small.csv", content=b"x" * 1000)
    watch.later()
    requests = watch.asked()
    sizes = {watch.names(r)[0]: r.tags.get(SIZE_TAG) for r in requests}

    assert sizes == {"giant.csv": GIANT, "book.xlsx": GIANT, "small.csv": None}
    assert watch.names(requests[0]) == ["small.csv"]
    assert {request.tags["dagster/priority"] for request in requests} == {"1"}


def test_the_shipped_instance_keeps_a_place_for_small_files(runner: Runner) -> None:
    """Two loads at once, of which one may be a giant; the pool is the loading asset's.

    With limits of a pool by run, Dagster takes no slot that a killed run could keep.
    """
    found = runner.instance.get_concurrency_config()
    pools, queue = found.pool_config, found.run_queue_config

    assert annual_predictions.op.pool == DATABASE_POOL
    assert pools.default_pool_limit == 2
    assert pools.pool_granularity is not None
    assert pools.pool_granularity.value == "run"
    assert queue is not None
    assert queue.max_concurrent_runs > pools.default_pool_limit
    [limit] = queue.tag_concurrency_limits
    assert (limit["key"], limit["value"], limit["limit"]) == (SIZE_TAG, GIANT, 1)
