"""Kills of the process that loads in bulk."""

import pytest

from bulk_pipeline.adapters.loaders.sqlite import BULK_ROWS
from bulk_pipeline_tests.adapters.harness import installation_in
from bulk_pipeline_tests.crashes.killing import Killer
from bulk_pipeline_tests.crashes.scenario import aftermath, drop

IN_THE_CHILD = ("inserted", "before commit", "committed")


@pytest.mark.slow
@pytest.mark.parametrize("point", IN_THE_CHILD)
def test_a_killed_bulk_load_is_done_once_by_the_next_run(tmp_path, point) -> None:
    """The parent lives on and must not take a killed child for a bad file."""
    killer = Killer(BULK_PIPELINE_RETRIES="1")
    home = tmp_path / "home"
    drop(home / "inbox", many=BULK_ROWS)
    assert not killer.killed_at(point, home, "work_once"), "it is in the child"
    installation = installation_in(home)
    states = {u.file: u.state for u in installation.journal.uploads()}
    installation.close()
    assert states["many.csv"] == "waiting"
    killer.recovered(home)
    found = aftermath(home)
    assert len(found.stored) == BULK_ROWS + 8
    assert found.figures["many.csv"] == (BULK_ROWS, BULK_ROWS, 0, 0)
    assert found.states["many.csv"] == "loaded"
    assert found.states["bad.csv"] == "failed"
    assert (found.figures_stored, found.partitions) == (True, True)
    assert (found.unfinished, found.left) == (0, [])
