"""The bulk process that the command line starts before there is a loader."""

import os

import pytest

from bulk_pipeline.adapters.loaders import prepared_ahead
from bulk_pipeline.adapters.loaders.sqlite import BULK_ROWS
from bulk_pipeline_tests.adapters.harness import Pipeline, bulk_children, write_many


@pytest.fixture
def children():
    """Gives the bulk processes that this process has started in this test."""
    before = {child.pid for child in bulk_children(os.getpid())}
    return lambda: [
        child.pid for child in bulk_children(os.getpid()) if child.pid not in before
    ]


def test_a_loader_takes_the_process_that_was_started_for_it(
    make, tmp_path, children
) -> None:
    """A second one would take the core that the first was to leave free."""
    pipeline: Pipeline = make(1)
    file = write_many(tmp_path / "a.csv", range(10), range(1990, 2000))
    with prepared_ahead(pipeline.installation.database, BULK_ROWS):
        (ahead,) = children()
        loader = pipeline.loader()
        loader.prepare(BULK_ROWS)
        assert children() == [ahead]
        loader.close()
        pipeline.load(file)
    assert pipeline.predictions() == 100
    assert children() == []


@pytest.mark.parametrize(("rows", "started"), [(BULK_ROWS - 1, 0), (BULK_ROWS, 1)])
def test_one_that_nobody_takes_ends_with_the_block(
    make, children, rows, started
) -> None:
    """A file that was loaded before needs none, and must leave none behind."""
    database = make().installation.database
    with prepared_ahead(database, rows):
        assert len(children()) == started
    assert children() == []
