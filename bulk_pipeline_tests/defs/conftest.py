"""Fixtures for tests of Dagster definitions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.batch_runs import runner as made
from bulk_pipeline_tests.defs.watching import Watch, watched


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """Runs batches on a fresh instance and home."""
    with made(tmp_path) as found:
        yield found


@pytest.fixture
def watch(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watched inbox; files are quiet after five seconds of its own clock."""
    return watched(runner, monkeypatch)
